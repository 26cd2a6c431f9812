"""Other libraries' metrics give the same values as direct calls on the same pixels."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage import data

import srbench
from srbench.imaging import imresize
from srbench.metrics import find_metrics
from srbench.models.torchvision_import import import_torchvision

import_torchvision()

HR = np.ascontiguousarray(data.astronaut()[:200, 120:320])
SR = imresize(imresize(HR, 1 / 4), 4)
WORSE = imresize(imresize(HR, 1 / 8), 8)


def tensors() -> list[torch.Tensor]:
    return [torch.from_numpy(i.copy()).permute(2, 0, 1)[None].float() / 255 for i in (SR, HR)]


PIQ = ["vif_p", "gmsd", "fsim", "haarpsi", "mdsi", "multi_scale_ssim", "vsi", "srsim"]


@pytest.mark.parametrize("name", PIQ)
def test_piq_gives_what_piq_gives(name):
    piq = pytest.importorskip("piq")
    word = f"piq:{name}"
    found = srbench.score(SR, HR, scale=4, metrics=[word])[word]
    assert found == pytest.approx(float(getattr(piq, name)(*tensors())), rel=1e-6)
    # The stated direction is the direction of better quality.
    worse = srbench.score(WORSE, HR, scale=4, metrics=[word])[word]
    facts = find_metrics([word])[0].facts[0]
    assert (found > worse) == (facts.better == "higher")
    assert facts.protocol == f"piq-{piq.__version__}"


TORCHMETRICS = [
    ("StructuralSimilarityIndexMeasure", {"data_range": 1.0}, "higher"),
    ("UniversalImageQualityIndex", {}, "higher"),
    ("RootMeanSquaredErrorUsingSlidingWindow", {}, "lower"),
]


@pytest.mark.parametrize(("name", "options", "better"), TORCHMETRICS)
def test_torchmetrics_gives_what_torchmetrics_gives(name, options, better):
    images = pytest.importorskip("torchmetrics.image")
    metric = getattr(images, name)(**options)
    metric.update(*tensors())
    word = f"torchmetrics:{name}"
    table = srbench.score([SR, SR], HR, scale=4, metrics=[word])  # and nothing adds up
    assert table["value"].to_numpy() == pytest.approx([float(metric.compute())] * 2, rel=1e-5)
    assert find_metrics([word])[0].facts[0].better == better


def test_torchmetrics_of_one_image_and_of_sets_of_images():
    pytest.importorskip("torchmetrics")
    (metric,) = find_metrics(["torchmetrics:total_variation"])
    assert metric.needs == "nothing"
    with pytest.raises(srbench.SrbenchError, match="only metrics of an image"):
        find_metrics(["torchmetrics:MemorizationInformedFrechetInceptionDistance"])


def test_their_complaint_is_one_line():
    pytest.importorskip("piq")
    small = np.ascontiguousarray(HR[:64, :64])
    with pytest.raises(srbench.SrbenchError, match="piq:multi_scale_ssim raised: ") as caught:
        srbench.score(small, small, scale=4, metrics=["piq:multi_scale_ssim"])
    assert "\n" not in str(caught.value)
    with pytest.raises(srbench.SrbenchError, match="did you mean 'gmsd'"):
        find_metrics(["piq:gmsdd"])


@pytest.fixture
def pyiqa(monkeypatch):
    """A fake of pyiqa's interface; we tested the library itself by hand, see the docs."""

    def create_metric(name, device, as_loss):
        assert (device, as_loss) == ("cpu", False)
        return lambda sr, hr=None: (sr - (0 if hr is None else hr)).abs().mean()[None]

    configs = SimpleNamespace(
        DEFAULT_CONFIGS={
            "mad": {"metric_mode": "FR", "lower_better": True, "score_range": "0, ~"},
            "brisque": {"metric_mode": "NR", "lower_better": True},
        }
    )
    module = SimpleNamespace(create_metric=create_metric)
    monkeypatch.setitem(sys.modules, "pyiqa", module)
    monkeypatch.setitem(sys.modules, "pyiqa.default_model_configs", configs)
    monkeypatch.setattr("srbench.metrics.library.version", lambda name: "0.1.16")


def test_pyiqa_states_kind_direction_and_range_and_its_licence_is_told(pyiqa):
    (metric,) = find_metrics(["pyiqa:mad"])
    facts = metric.facts[0]
    assert (facts.key, facts.better, facts.range) == (
        ("pyiqa-0.1.16", "pyiqa:mad"), "lower", (0.0, None),
    )  # fmt: skip
    assert "Noncommercial" in metric.notice
    found = srbench.score(SR, HR, scale=4, metrics=["pyiqa:mad", "pyiqa:brisque"])
    sr, hr = tensors()
    assert found == pytest.approx(
        {"pyiqa:mad": float((sr - hr).abs().mean()), "pyiqa:brisque": float(sr.abs().mean())}
    )


def test_a_library_that_is_not_installed_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "piq", None)
    with pytest.raises(srbench.SrbenchError, match=r"pip install '\.\[piq\]'"):
        find_metrics(["piq:gmsd"])
