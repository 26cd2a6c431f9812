"""The outputs during training: scores, sample crops, logs."""

import csv
import importlib.util
import sys

import numpy as np
import pytest
import torch
from skimage import data
from torch import nn

from srbench.data.folder import open_dataset
from srbench.errors import TrainingError
from srbench.imaging import crop_to_multiple, imresize, read_image, write_png
from srbench.metrics.artefacts import colour_shift, grid
from srbench.metrics.protocols import get_protocol
from srbench.training.log import CsvLog, Means, TensorboardLog
from srbench.training.validation import SIDE, Validation


class Repeats(nn.Module):
    """Nearest neighbour as a network: LR in [0, 1] to SR in [-1, 1]."""

    def forward(self, lr):
        return lr.repeat_interleave(4, 2).repeat_interleave(4, 3) * 2 - 1


@pytest.fixture
def set5(tmp_path):
    photos = {"bird": data.chelsea()[:202, :241], "baby": data.coffee()[50:130, 100:200]}
    for name, image in {**photos, "woman": data.rocket()[:100, :100, 0]}.items():
        write_png(tmp_path / f"data/Set5/HR/{name}.png", image.copy())
    return open_dataset("Set5", tmp_path / "data")


def validation(dataset, tmp_path):
    images = [(image, dataset.read(image)) for image in dataset.ids]
    return Validation("set5", images, 4, torch.device("cpu"), tmp_path / "samples")


def judged(hr):
    """What ``Repeats`` makes of an original."""
    return imresize(crop_to_multiple(hr, 4), 0.25, border="replicate").repeat(4, 0).repeat(4, 1)


def test_validation_gives_the_scores_of_the_benchmark(set5, tmp_path):
    validate = validation(set5, tmp_path)
    scores = validate(Repeats(), 7)
    expected = []
    for image in set5.ids:
        hr = crop_to_multiple(set5.read(image), 4)
        sr = judged(hr)
        expected.append(get_protocol("ledig2017").prepare(hr, 4).score(sr)["psnr_y"])
    assert scores["set5_psnr_y"] == pytest.approx(np.mean(expected))
    assert set(scores) == {
        f"set5_{metric}"
        for metric in ("psnr_y", "ssim_y", "grid", "grid_max", "colour", "colour_max")
    }
    pairs = [
        (judged(set5.read(image)), crop_to_multiple(set5.read(image), 4)) for image in set5.ids
    ]
    assert scores["set5_grid"] == np.median([grid(sr, hr) for sr, hr in pairs])
    assert scores["set5_colour_max"] == max(colour_shift(sr, hr) for sr, hr in pairs)


def test_a_crop_of_the_middle_of_two_images_is_kept_for_every_step(set5, tmp_path):
    validate = validation(set5, tmp_path)
    for step in (100, 1200):
        validate(Repeats(), step)
    kept = sorted(str(p.relative_to(tmp_path)) for p in (tmp_path / "samples").rglob("*.png"))
    assert kept == [
        f"samples/{i}/{s}.png" for i in ("baby", "bird") for s in ("0000100", "0001200", "HR")
    ]
    crop = read_image(tmp_path / "samples/bird/0001200.png")
    sr = judged(set5.read("bird"))
    top, left = ((n - SIDE) // 2 for n in sr.shape[:2])
    assert np.array_equal(crop, sr[top : top + SIDE, left : left + SIDE])


def test_means_are_over_the_steps_since_the_last_ones():
    means = Means()
    for value in (1.0, 3.0):
        means.add({"loss": torch.tensor(value)})
    assert means.take() == {"loss": 2.0}
    means.add({"loss": torch.tensor(5.0), "tv": torch.tensor(1.0)})
    assert means.take() == {"loss": 5.0, "tv": 1.0}


def test_a_resumed_log_repeats_no_step_and_survives_a_cut_line(tmp_path):
    path = tmp_path / "run/log.csv"
    log = CsvLog(path, 0)
    for step in (50, 100, 150):
        log.add(step, {"loss": 1 / step})
    with path.open("a") as file:
        file.write("20")  # killed while writing 200
    CsvLog(path, 100).add(150, {"loss": 2.0})
    rows = list(csv.reader(path.open()))
    assert rows == [["step", "name", "value"], ["50", "loss", "0.02"], ["100", "loss", "0.01"],
                    ["150", "loss", "2"]]  # fmt: skip
    CsvLog(path, 0)
    assert path.read_text() == "step,name,value\n"


@pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="the tensorboard extra is missing"
)
def test_the_tensorboard_log_can_be_read_back(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TensorboardLog(tmp_path, 0)
    for step in (10, 20, 30):
        log.add(step, {"loss": 1 / step, "d_hr": 0.5})
    TensorboardLog(tmp_path, 20).add(30, {"loss": 9.0})  # resumed: step 30 is written again
    events = EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["scalars"] == ["loss", "d_hr"]
    assert [(e.step, round(e.value, 4)) for e in events.Scalars("loss")] == [
        (10, 0.1),
        (20, 0.05),
        (30, 9.0),
    ]


def test_a_missing_tensorboard_is_told_with_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"pip install '\.\[tensorboard\]'"):
        TensorboardLog(tmp_path, 0)
