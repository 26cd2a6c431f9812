"""MATLAB's imresize: every pixel of the published LR images, and its properties."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image as PillowImage
from skimage import data

import srbench
from srbench.data.folder import image_files
from srbench.errors import SizeMismatch
from srbench.imaging import crop_to_multiple, imresize, imresize_tensor, read_image

CASES = [
    ("Set5", "replicate"),
    ("Set14", "replicate"),
    ("BSD100", "replicate"),
    ("Set5", "symmetric"),
]


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("dataset", "border"), CASES)
def test_every_pixel_that_matlab_made_is_reproduced(shared, dataset, border, scale):
    originals = image_files(shared / "data" / dataset / "HR")
    made_by_matlab = image_files(shared / "data" / dataset / f"LR_matlab_{border}" / f"x{scale}")
    assert len(made_by_matlab) in (5, 14, 100)
    for name, path in made_by_matlab.items():
        hr = crop_to_multiple(read_image(originals[name]), scale)
        expected = read_image(path)
        assert np.array_equal(imresize(hr, Fraction(1, scale), border=border), expected), name
        planes = torch.from_numpy(np.atleast_3d(hr).transpose(2, 0, 1).copy())
        made = imresize_tensor(planes, 1 / scale, border=border)
        assert np.array_equal(made.permute(1, 2, 0).numpy(), np.atleast_3d(expected)), name


def slow_imresize(image: np.ndarray, scale: float, border: str) -> np.ndarray:
    """A slow version for one grey image, written from MATLAB's documentation."""

    def kernel(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    def column(values: list[float]) -> list[int]:
        count, shrink, made = len(values), min(scale, 1.0), []
        for out in range(1, int(np.ceil(count * scale)) + 1):
            centre = out / scale + 0.5 * (1 - 1 / scale)
            first, last = int(np.floor(centre - 2 / shrink)), int(np.ceil(centre + 2 / shrink))
            total = weights = 0.0
            for place in range(first, last + 1):
                weight = shrink * kernel(shrink * (centre - place))
                index = place - 1
                if border == "replicate":
                    index = min(max(index, 0), count - 1)
                else:
                    index %= 2 * count
                    index = index if index < count else 2 * count - 1 - index
                total += weight * values[index]
                weights += weight
            made.append(int(min(max(np.floor(total / weights + 0.5), 0), 255)))
        return made

    rows = np.array([column(list(image[:, x].astype(float))) for x in range(image.shape[1])]).T
    return np.array([column(list(rows[y].astype(float))) for y in range(rows.shape[0])], np.uint8)


@pytest.mark.parametrize("border", ["symmetric", "replicate"])
@pytest.mark.parametrize("scale", [0.5, 0.25, 1 / 3, 2.0, 4.0, 1.0])
def test_a_photograph_is_resized_as_the_definition_says(scale, border):
    image = data.camera()[100:124, 90:120]
    made = imresize(image, scale, border=border)
    expected = slow_imresize(image, scale, border)
    assert made.shape == expected.shape
    # Exact halves may fall on either side of the definition's own rounding errors.
    difference = np.abs(made.astype(int) - expected)
    assert difference.max() <= 1
    assert np.mean(difference > 0) < 0.005


@settings(max_examples=30, deadline=None)
@given(
    image=arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))),
    scale=st.sampled_from([0.25, 0.5, 2, 3, 4]),
    border=st.sampled_from(["symmetric", "replicate"]),
)
def test_arrays_and_tensors_give_the_same_pixels_whatever_the_size(image, scale, border):
    made = imresize(image, scale, border=border)
    assert made.shape == tuple(int(np.ceil(n * scale)) for n in image.shape)
    assert np.array_equal(imresize_tensor(torch.from_numpy(image), scale, border=border), made)


def test_a_constant_image_stays_constant_and_scale_one_changes_nothing():
    grey = np.full((17, 23, 3), 93, np.uint8)
    assert np.unique(imresize(grey, 0.25)).tolist() == [93]
    photo = data.astronaut()[:50, :60]
    assert np.array_equal(imresize(photo, 1), photo)


def test_it_is_not_what_pillow_does():
    photo = data.astronaut()
    pillow = np.asarray(PillowImage.fromarray(photo).resize((128, 128), PillowImage.BICUBIC))
    assert np.mean(imresize(photo, 0.25) != pillow) > 0.05


def test_the_public_function_is_this_one():
    assert srbench.imresize is imresize


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (np.zeros((4, 4)), TypeError, "float64, expected uint8"),
        (np.zeros(4, np.uint8), SizeMismatch, r"\(4,\)"),
        (np.zeros((0, 4), np.uint8), SizeMismatch, r"\(0, 4\)"),
    ],
)
def test_what_is_no_image_is_refused(image, error, words):
    with pytest.raises(error, match=words):
        imresize(image, 2)


def test_a_wrong_scale_or_border_is_refused():
    image = np.zeros((8, 8), np.uint8)
    with pytest.raises(ValueError, match="positive"):
        imresize(image, 0)
    with pytest.raises(ValueError, match="'reflect'"):
        imresize(image, 2, border="reflect")  # pyright: ignore[reportArgumentType]


def test_an_image_below_one_block_cannot_be_cropped():
    with pytest.raises(SizeMismatch, match="3x9"):
        crop_to_multiple(np.zeros((9, 3), np.uint8), 4)


def test_channels_in_the_wrong_place_are_refused():
    image = data.astronaut()[:40, :48]
    with pytest.raises(SizeMismatch, match=r"\(3, 40, 48\), .* np.moveaxis\(image, 0, 2\)"):
        imresize(np.moveaxis(image, 2, 0), 1 / 2)
    for tensor in (torch.from_numpy(image.copy()), torch.from_numpy(image.copy())[None]):
        with pytest.raises(SizeMismatch, match=r"channels come first in tensors"):
            imresize(tensor, 1 / 2)
        found = imresize(tensor.movedim(-1, -3), 1 / 2)
        assert np.array_equal(
            found.movedim(-3, -1).numpy().reshape(20, 24, 3), imresize(image, 1 / 2)
        )
