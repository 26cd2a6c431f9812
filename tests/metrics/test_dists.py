"""DISTS against torchmetrics and piq with a seeded random VGG16, as no real one is available."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage import data

import srbench
from srbench.imaging import imresize, write_png
from srbench.models.backbones import build_features
from srbench.models.torchvision_import import import_torchvision

import_torchvision()

HR = np.ascontiguousarray(data.astronaut()[:96, 160:288])
SR = imresize(imresize(HR, 1 / 4), 4)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random VGG16."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(5)
    state = build_features("vgg16-features").state_dict()
    save_file({f"features.{k}": w for k, w in state.items()}, folder / "vgg16-features.safetensors")
    return folder


@pytest.fixture
def vgg16(weights, monkeypatch):
    """Replace torchvision's VGG16 by the random one."""
    import torchvision

    import srbench.models.weights as ours

    def random_one(*_: object, **__: object) -> torch.nn.Module:
        network = torchvision.models.VGG(torchvision.models.vgg.make_layers(
            torchvision.models.vgg.cfgs["D"]), init_weights=False)  # fmt: skip
        network.load_state_dict(ours.load_weights("vgg16-features", weights), strict=False)
        return network.eval()

    return random_one


def tensors() -> list[torch.Tensor]:
    return [torch.from_numpy(i.copy()).permute(2, 0, 1)[None].float() / 255 for i in (SR, HR)]


def ours(sr: np.ndarray, hr: np.ndarray, weights: Path) -> float:
    return srbench.score(sr, hr, scale=4, metrics=["dists"], weights=weights)["dists"]


def test_it_is_torchmetrics(vgg16, weights, monkeypatch):
    dists = pytest.importorskip("torchmetrics.functional.image.dists")
    monkeypatch.setattr(dists, "vgg16", vgg16)
    expected = dists.deep_image_structure_and_texture_similarity(*tensors()).item()
    assert expected > 0.001
    assert ours(SR, HR, weights) == pytest.approx(expected, abs=1e-6)


def test_it_is_piqs(vgg16, weights, monkeypatch):
    perceptual = pytest.importorskip("piq.perceptual")
    published = load_file(Path(srbench.__file__).parent / "metrics/parameters/dists.safetensors")
    given = {name: w.reshape(1, -1, 1, 1) for name, w in published.items()}
    monkeypatch.setattr(perceptual, "vgg16", vgg16)
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: given)
    expected = perceptual.DISTS()(*tensors()).item()
    assert ours(SR, HR, weights) == pytest.approx(expected, abs=1e-5)


def test_identical_images_are_at_no_distance_and_grey_counts_as_rgb(weights):
    assert ours(HR, HR, weights) == pytest.approx(0, abs=1e-5)
    grey = np.ascontiguousarray(SR[..., 1]), np.ascontiguousarray(HR[..., 1])
    rgb = [np.stack([image] * 3, 2) for image in grey]
    assert ours(*grey, weights) == pytest.approx(ours(*rgb, weights), abs=1e-6)


def test_without_vgg16_the_command_that_supplies_it_is_named(tmp_path):
    with pytest.raises(srbench.SrbenchError, match="srbench weights fetch vgg16-features"):
        ours(SR, HR, tmp_path)


def test_other_weights_give_new_scores(weights, tmp_path):
    """VGG16's published values are not known here, so a file of other values may follow another."""
    write_png(tmp_path / "data/Mini/HR/face.png", HR)

    def scores(folder):
        run = srbench.run_all(["nearest"], ["Mini"], ["dists"], tmp_path / "out",
                              data=tmp_path / "data", weights=folder)  # fmt: skip
        return run.scores["value"].item()

    first = scores(weights)
    assert scores(weights) == first
    (tmp_path / "others").mkdir()
    name = "vgg16-features.safetensors"
    others = {key: tensor * 2 for key, tensor in load_file(weights / name).items()}
    save_file(others, tmp_path / "others" / name)
    assert scores(tmp_path / "others") != first
    assert scores(weights) == first
