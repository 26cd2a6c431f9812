"""What a network weaves into every picture, as numbers: a grid, and a shift of the colours.

Networks that enlarge by sub-pixel shuffling and learn from deep features or a discriminator tend
to lay lines of period 2 and 4 over smooth surfaces and to shift whole pictures in colour. PSNR,
SSIM and LPIPS hardly see either; a reader sees both at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..errors import SizeMismatch
from ..imaging import to_rgb
from ..imaging.luma import Image, Luma, studio_luma

PATCH = 64
"""Side of the patches in which a grid is looked for, in pixels."""

LIMITS: Mapping[str, float] = {"grid": 5.0, "grid_max": 10.0, "colour": 0.5, "colour_max": 1.0}
"""What a clean network keeps, by the names of :func:`artefacts`.

Originals, IMDN and srresnet-mse keep them on every image of Set5 and Set14 and of 20 photographs
held out of the training set B2 (where their grid is at most 2.0); the GANs that the limits were
made for break all of them.
"""

_STEP = 32
_SHARE, _FEWEST = 0.25, 4  # of the patches: the smoothest
_NOISE = 1.0  # a level's deviation hides what is weaker
# Quarters of the sampling rate along columns and rows; other pairs are mirrors of these.
_PERIODIC = [(0, 1), (0, 2), (1, 0), (2, 0), (1, 1), (-1, 1), (1, 2), (2, 1), (2, 2)]


def grid(sr: Image, hr: Image) -> float | None:
    """How far lines of period 2 and 4 stand out of their surroundings in the spectrum of SR.

    The power of luma at the nine frequencies of those periods (along rows, along columns and
    both), over the median power of the frequencies around it plus that of noise of one level;
    the largest of the ratios. Powers are means over the quarter of HR's 64 x 64 patches (every 32
    pixels, at least four) that are smoothest, under a Hann window. Originals give 1 to 4; a wave
    of one level (amplitude) on a flat picture gives 336 at period 4, 1343 at period 2, and a tenth
    of a level a hundredth of it.

    Args:
        sr: uint8 image of shape (H, W) or (H, W, 3).
        hr: its original, of the same height and width: it tells which patches are smooth.

    Returns:
        The ratio, or None where the image is smaller than a patch.

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

    Without the grid's two where every image is smaller than a patch.
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
    """The limits that ``metrics`` break, each in words.

    Metrics are named as by :func:`artefacts`, or so with a data set before: ``set5_grid``.
    """
    return [
        f"{name} {value:.2f} (limit {limit:g})"
        for name, value in metrics.items()
        for measure, limit in LIMITS.items()
        if (name == measure or name.endswith(f"_{measure}")) and value > limit
    ]


def _smoothest(hr: Luma) -> list[tuple[int, int]]:
    """Top left corners of the patches where neighbouring pixels differ least."""
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
    """Power at a frequency over its surroundings: 3 to 6 away, where the window does not reach.

    On an axis they lie on it too: there pictures have more power than beside it.
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
