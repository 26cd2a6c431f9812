"""Detect two network artefacts: a grid pattern and a colour shift.

Networks with sub-pixel shuffling that are trained with deep features or a discriminator tend to add
lines of period 2 and 4 to smooth surfaces and to shift the colours of whole pictures. Both are easy
to see, but hardly change PSNR, SSIM and LPIPS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..errors import SizeMismatch
from ..imaging import to_rgb
from ..imaging.luma import Image, Luma, studio_luma

PATCH = 64
"""The side of the patches for the grid detector, in pixels."""

LIMITS: Mapping[str, float] = {"grid": 5.0, "grid_max": 10.0, "colour": 0.5, "colour_max": 1.0}
"""The limits for a clean network, by the names of :func:`artefacts`.

Originals, IMDN and srresnet-mse are within the limits on every image of Set5 and Set14 and on 20
photographs held out of the training set B2 (where their grid is at most 2.0). The GANs for which we
made the limits exceed all of them.
"""

_STEP = 32
_SHARE, _FEWEST = 0.25, 4  # share of the patches: the smoothest
_NOISE = 1.0  # power of noise with a deviation of one level
# In quarters of the sampling rate along columns and rows; other pairs are symmetric to these.
_PERIODIC = [(0, 1), (0, 2), (1, 0), (2, 0), (1, 1), (-1, 1), (1, 2), (2, 1), (2, 2)]


def grid(sr: Image, hr: Image) -> float | None:
    """The strength of lines of period 2 and 4 in the spectrum of SR, relative to other frequencies.

    The power of luma at the nine frequencies of those periods (along rows, along columns and
    both), over the median power of the frequencies around it plus that of noise of one level;
    the largest of the ratios. Powers are means over the quarter of HR's 64 x 64 patches (every 32
    pixels, at least four) that are smoothest, under a Hann window. Originals give 1 to 4; a wave
    of one level (amplitude) on a flat picture gives 336 at period 4, 1343 at period 2, and a tenth
    of a level a hundredth of it.

    Args:
        sr: uint8 image of shape (H, W) or (H, W, 3).
        hr: its original, of the same height and width, which determines the smooth patches.

    Returns:
        The ratio, or None if the image is smaller than a patch.

    Raises:
        SizeMismatch: the images differ in size.
    """
    _require_same_size(sr, hr)
    seen, true = (studio_luma(to_rgb(image), rounded=False) for image in (sr, hr))
    if min(true.shape) < PATCH:
        return None
    spectrum = _spectrum(seen, _smoothest(true))
    return max(_ratio(spectrum, y * PATCH // 4, x * PATCH // 4) for y, x in _PERIODIC)


def colour_shift(sr: Image, hr: Image) -> float:
    """Largest difference of the mean of a channel (red, green, blue) in SR and HR, in levels.

    Args:
        sr: uint8 image of shape (H, W) or (H, W, 3).
        hr: its original, of the same height and width.

    Raises:
        SizeMismatch: the images differ in size.
    """
    _require_same_size(sr, hr)
    means = [to_rgb(image).mean(axis=(0, 1), dtype=np.float64) for image in (sr, hr)]
    return float(np.abs(means[0] - means[1]).max())


def artefacts(pairs: Iterable[tuple[Image, Image]]) -> dict[str, float]:
    """``grid`` and ``colour`` as medians over (SR, HR) pairs, ``grid_max`` and ``colour_max``.

    The two grid values are missing if every image is smaller than a patch.
    """
    values: dict[str, list[float]] = {"grid": [], "colour": []}
    for sr, hr in pairs:
        lines = grid(sr, hr)
        values["grid"] += [] if lines is None else [lines]
        values["colour"].append(colour_shift(sr, hr))
    found: dict[str, float] = {}
    for name, of_images in values.items():
        if of_images:
            found[name] = float(np.median(of_images))
            found[f"{name}_max"] = max(of_images)
    return found


def broken_limits(metrics: Mapping[str, float]) -> list[str]:
    """The exceeded limits of ``metrics``, as texts.

    Metrics have the names of :func:`artefacts`, optionally after a data set: ``set5_grid``.
    """
    return [
        f"{name} {value:.2f} (limit {limit:g})"
        for name, value in metrics.items()
        for measure, limit in LIMITS.items()
        if (name == measure or name.endswith(f"_{measure}")) and value > limit
    ]


def _smoothest(hr: Luma) -> list[tuple[int, int]]:
    """Top left corners of the patches with the smallest differences of neighbouring pixels."""
    height, width = hr.shape
    corners = [
        (top, left)
        for top in range(0, height - PATCH + 1, _STEP)
        for left in range(0, width - PATCH + 1, _STEP)
    ]
    differences = np.zeros_like(hr)
    differences[:-1] += np.square(np.diff(hr, axis=0))
    differences[:, :-1] += np.square(np.diff(hr, axis=1))
    roughness = [differences[y : y + PATCH, x : x + PATCH].mean() for y, x in corners]
    count = max(_FEWEST, int(_SHARE * len(corners)))
    return [corners[index] for index in np.argsort(roughness, kind="stable")[:count]]


def _spectrum(luma: Luma, corners: list[tuple[int, int]]) -> np.ndarray:
    """Mean power of the patches at each frequency; white noise of variance v gives v everywhere."""
    window = np.hanning(PATCH + 1)[:-1]
    window = np.outer(window, window)
    patches = np.stack([luma[y : y + PATCH, x : x + PATCH] for y, x in corners])
    patches = (patches - patches.mean(axis=(1, 2), keepdims=True)) * window
    return np.square(np.abs(np.fft.fft2(patches))).mean(axis=0) / np.square(window).sum()


def _ratio(spectrum: np.ndarray, y: int, x: int) -> float:
    """Power at a frequency relative to frequencies 3 to 6 away, beyond the window's main lobe.

    For a frequency on an axis they are on this axis too, where pictures have more power.
    """
    rows = range(-6, 7) if y else (0,)
    columns = range(-6, 7) if x else (0,)
    around = [
        spectrum[(y + dy) % PATCH, (x + dx) % PATCH]
        for dy in rows
        for dx in columns
        if max(abs(dy), abs(dx)) >= 3
    ]
    return float(spectrum[y, x] / (np.median(around) + _NOISE))


def _require_same_size(sr: Image, hr: Image) -> None:
    if sr.shape[:2] != hr.shape[:2]:
        raise SizeMismatch(f"SR has shape {sr.shape}, expected {hr.shape} as its original")
