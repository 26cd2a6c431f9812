"""The grid and colour-shift detectors on synthetic waves, originals and real networks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import srbench
from srbench.errors import SizeMismatch
from srbench.imaging import crop_to_multiple, imresize, read_image
from srbench.metrics.artefacts import LIMITS, artefacts, broken_limits, colour_shift, grid


def _noise(seed: int = 0, *, deviation: float = 2.0, size: int = 192) -> np.ndarray:
    picture = 128.0 + np.random.default_rng(seed).normal(0, deviation, (size, size))
    return _levels(picture)


def _levels(luma: np.ndarray) -> np.ndarray:
    return np.repeat(np.clip(np.rint(luma), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _wave(rows: int | None, columns: int | None, size: int = 192) -> np.ndarray:
    """A wave of amplitude 1 with these periods along rows and columns."""
    n = np.arange(size)
    down = np.cos(2 * np.pi * n / rows) if rows else np.ones(size)
    across = np.cos(2 * np.pi * n / columns) if columns else np.ones(size)
    return np.outer(down, across)


PERIODS = [(None, 2), (None, 4), (2, None), (4, None), (2, 2), (2, 4), (4, 2), (4, 4)]


@pytest.mark.parametrize(("rows", "columns"), PERIODS)
def test_a_wave_of_period_2_or_4_is_seen_in_every_direction(rows, columns):
    clean = _noise()
    woven = _levels(clean[..., 0] + 4 * _wave(rows, columns))
    assert grid(clean, clean) < 2.5
    assert grid(woven, clean) > 5 * LIMITS["grid_max"]


@pytest.mark.parametrize(("rows", "columns"), [(None, 3), (None, 8), (3, 3), (5, None)])
def test_a_wave_of_another_period_is_none_of_its_business(rows, columns):
    clean = _noise()
    assert grid(_levels(clean[..., 0] + 4 * _wave(rows, columns)), clean) < 2.5


@pytest.mark.parametrize(("columns", "expected"), [(4, 336.0), (2, 1343.0)])
def test_on_a_flat_picture_the_value_is_that_of_the_docstring(columns, expected):
    flat = np.full((128, 128, 3), 128, np.uint8)
    # A cosine of period 4 from its zero takes the values 1, -1, -1, 1: amplitude root 2.
    wave = np.resize([1, -1, -1, 1] if columns == 4 else [1, -1], (128, 128))
    expected *= 2 if columns == 4 else 1
    assert grid(_levels(128 + wave), flat) == pytest.approx(expected, rel=0.01)


def test_it_looks_where_the_original_is_smooth():
    hr = _noise(deviation=20.0, size=256)
    hr[:, :96] = _noise(1, size=256)[:, :96]
    on_smooth, on_rough = hr[..., 0].astype(float), hr[..., 0].astype(float)
    on_smooth[:, :96] += 4 * _wave(None, 2, 256)[:, :96]
    on_rough[:, 160:] += 4 * _wave(None, 2, 256)[:, 160:]
    assert grid(_levels(on_smooth), hr) > 50
    assert grid(_levels(on_rough), hr) < 2.5


def test_a_weak_wave_that_nobody_sees_is_let_pass():
    ramp = np.tile(np.linspace(100, 120, 256), (256, 1))
    rng = np.random.default_rng(0)
    hr = _levels(ramp + rng.normal(0, 0.5, ramp.shape))
    sr = _levels(ramp + rng.normal(0, 0.5, ramp.shape) + 0.05 * _wave(None, 2, 256))
    assert grid(sr, hr) < LIMITS["grid"]


def test_grey_and_colour_give_the_same():
    clean = _noise()
    woven = _levels(clean[..., 0] + _wave(2, 2))
    assert grid(woven[..., 0], clean[..., 0]) == grid(woven, clean)
    assert colour_shift(woven[..., 0], clean) == colour_shift(woven, clean)


def test_a_picture_smaller_than_a_patch_has_no_value():
    small = _noise(size=192)[:63]
    assert grid(small, small) is None
    assert colour_shift(small, small) == 0


def test_colour_is_the_largest_difference_of_a_channel():
    hr = _noise()
    sr = hr.copy()
    sr[..., 0] += 1
    sr[:96, :, 2] -= 5
    assert colour_shift(sr, hr) == pytest.approx(2.5)


@pytest.mark.parametrize("measure", [grid, colour_shift])
def test_images_of_two_sizes_are_refused(measure):
    with pytest.raises(SizeMismatch, match=r"\(192, 192, 3\)"):
        measure(_noise()[:188], _noise())


def test_artefacts_are_medians_and_largest_values_over_the_images():
    clean = _noise()
    woven = _levels(clean[..., 0] + 4 * _wave(2, 2))
    small = clean[:40]
    pairs = [(clean, clean), (woven, clean), (clean, clean), (small + np.uint8(1), small)]
    found = artefacts(pairs)
    assert found["grid"] == grid(clean, clean)
    assert found["grid_max"] == grid(woven, clean)
    assert found["colour_max"] == 1.0
    assert artefacts([(small, small)]) == {"colour": 0.0, "colour_max": 0.0}


def test_limits_tell_what_is_broken_under_any_data_set():
    assert broken_limits({"grid": 5.0, "grid_max": 9.9, "colour": 0.5, "psnr_y": 30.0}) == []
    assert broken_limits({"set5_grid": 6.0, "set14_colour_max": 1.2, "set5_grid_max": 9.0}) == [
        "set5_grid 6.00 (limit 5)",
        "set14_colour_max 1.20 (limit 1)",
    ]


def _pictures(shared, name):
    for file in sorted((shared / "data" / name / "HR").glob("*.png")):
        yield file.name, crop_to_multiple(read_image(file), 4)


@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_originals_and_a_published_clean_network_pass_on_every_image(shared, name):
    for file, hr in _pictures(shared, name):
        sr = read_image(shared / "peers" / "IMDN" / name / file)
        assert grid(hr, hr) < LIMITS["grid"], file
        assert grid(sr, hr) < LIMITS["grid"], file
        assert colour_shift(sr, hr) < LIMITS["colour_max"], file


@pytest.mark.slow
def test_a_clean_network_of_ours_passes_on_every_image(shared):
    method = srbench.load_method("srresnet-mse", scale=4, device="cpu")
    for name in ("Set5", "Set14"):
        for file, hr in _pictures(shared, name):
            sr = method.upscale(imresize(hr, Fraction(1, 4), border="replicate"))
            assert grid(sr, hr) < LIMITS["grid"], file
            assert colour_shift(sr, hr) < LIMITS["colour"], file
