"""Typical calls in a notebook: they work, or one line says what was expected."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image as PillowImage
from skimage import data

import srbench
from srbench.errors import SizeMismatch, UnknownName

LR = data.astronaut()[40:56, 170:190].copy()
RGBA = np.dstack([LR, LR[..., 0]])


@pytest.mark.parametrize("name", ["nearest", "bicubic", "espcn"])
@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (LR / 255, TypeError, r"the LR image is float64, expected uint8 \(0..255\)"),
        (LR.tolist(), TypeError, "the LR image is list, expected uint8"),
        (PillowImage.fromarray(LR), TypeError, "the LR image is Image, expected uint8"),
        (torch.from_numpy(LR), TypeError, "the LR image is torch.uint8, expected uint8"),
        ("lr.png", TypeError, "the LR image is str, expected uint8"),
        (RGBA, SizeMismatch, r"shape \(16, 20, 4\), expected \(H, W\) or \(H, W, 3\)"),
        (LR.transpose(2, 0, 1), SizeMismatch, r"shape \(3, 16, 20\)"),
        (LR[None], SizeMismatch, r"shape \(1, 16, 20, 3\)"),
        (LR[:0], SizeMismatch, r"shape \(0, 20, 3\)"),
    ],
)
def test_a_method_takes_uint8_images_and_nothing_else(name, image, error, message):
    method = srbench.load_method(name)
    with pytest.raises(error, match=message):
        method.upscale(image)


def test_methods_are_asked_for_as_they_exist():
    for scale in (0, -4, 2.5, "4"):
        with pytest.raises(ValueError, match="expected a whole number of at least 1"):
            srbench.load_method("bicubic", scale=scale)
    with pytest.raises(UnknownName, match="did you mean 'cpu'"):
        srbench.load_method("bicubic", device="cpv")


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf"), (16, 20), None, "large"])
def test_a_scale_is_a_positive_number(scale):
    with pytest.raises(ValueError, match="expected a positive number: output over input size"):
        srbench.imresize(LR, scale)


@pytest.mark.parametrize("scale", [0, 2.5, "4"])
def test_scores_are_of_whole_scales(scale):
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        srbench.score(LR, LR, scale=scale)


def test_what_is_no_table_is_told():
    votes = pd.DataFrame({"rater": ["a"], "dataset": "S", "image": "i", "method": "m", "score": 3})
    with pytest.raises(TypeError, match=r"ratings is a list, .* pandas.read_csv"):
        srbench.analyze(["ratings.csv"])
    with pytest.raises(TypeError, match="scores is a list"):
        srbench.analyze(votes, ["scores.csv"])
    with pytest.raises(srbench.SrbenchError, match=r"nowhere.csv"):
        srbench.analyze("nowhere.csv")


def test_a_border_rule_is_for_bicubic():
    grey = LR[..., 0]
    given = srbench.load_method("bicubic", border="replicate").upscale(grey)
    assert (given == srbench.imresize(grey, 4, border="replicate")).all()
    for name in ("nearest", "srcnn"):
        with pytest.raises(
            srbench.SrbenchError, match=f"border is for bicubic, the method is {name}"
        ):
            srbench.load_method(name, border="symmetric")
