"""NIQE, the natural image quality evaluator of Mittal, Soundararajan and Bovik (2013).

We use the published parameters and BasicSR's convention, as most papers do: BT.601 luma in studio
range, rounded, no border crop. (The authors' code uses full-range ``rgb2gray``: 5.755 instead of
5.730 for Set14's baboon.)
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import SizeMismatch
from ..imaging.luma import Image, Luma, studio_luma, to_rgb
from ..imaging.resize import bicubic_matrix
from .base import Facts, Metric, Original

Floats = NDArray[np.float64]

BLOCK = 96
_PARAMETERS = Path(__file__).parent / "parameters" / "niqe.safetensors"
_SHIFTS = (0, 1), (1, 0), (1, 1), (1, -1)


def niqe(luma: Luma) -> float:
    """The distance of a luma plane's statistics from those of natural photographs; lower is better.

    ``luma`` is float64 of shape (H, W) on the 0..255 scale. NaN with fewer than two blocks of
    96x96, because a single one has no covariance.

    Source: Mittal et al. 2013, eq. 1 to 10; BasicSR's ``calculate_niqe``.
    """
    rows, columns = luma.shape[0] // BLOCK, luma.shape[1] // BLOCK
    if rows * columns < 2:
        return float("nan")
    prior = _parameters()
    plane = luma[: rows * BLOCK, : columns * BLOCK]
    halves: list[Floats] = []
    for side in (BLOCK, BLOCK // 2):
        normalised = _normalised(plane, prior["window"])
        blocks = normalised.reshape(rows, side, columns, side).swapaxes(1, 2)
        halves.append(np.array([_features(block) for block in blocks.reshape(-1, side, side)]))
        if side == BLOCK:
            half = Fraction(1, 2)
            down, across = (bicubic_matrix(length, half) for length in plane.shape)
            plane = down @ plane @ across.T
    features = np.concatenate(halves, axis=1)
    whole = features[~np.isnan(features).any(axis=1)]  # a flat block has no shape parameter
    if len(whole) < 2:
        return float("nan")
    gap = prior["mean"] - np.nanmean(features, axis=0)
    covariance = (prior["covariance"] + np.cov(whole, rowvar=False)) / 2
    return float(np.sqrt(gap @ np.linalg.pinv(covariance) @ gap))


def _normalised(plane: Luma, window: Floats) -> Floats:
    """Every pixel minus its local mean, divided by its local deviation plus 1."""
    from scipy.ndimage import convolve

    mean = convolve(plane, window, mode="nearest")
    square = convolve(np.square(plane), window, mode="nearest")
    return (plane - mean) / (np.sqrt(np.abs(square - np.square(mean))) + 1)


def _features(block: Floats) -> list[float]:
    """18 numbers: fits to the values and to the products of neighbours in four directions."""
    from scipy.special import gamma

    shape, left, right = _asymmetric_gaussian(block)
    features = [shape, (left + right) / 2]
    for shift in _SHIFTS:
        shape, left, right = _asymmetric_gaussian(block * np.roll(block, shift, (0, 1)))
        mean = (right - left) * (gamma(2 / shape) / gamma(1 / shape))
        features += [shape, mean, left, right]
    return features


def _asymmetric_gaussian(values: Floats) -> tuple[float, float, float]:
    """Shape, left and right scale of the fitted asymmetric generalised Gaussian; or NaN."""
    from scipy.special import gamma

    below, above = values[values < 0], values[values > 0]
    if not below.size or not above.size:
        return float("nan"), float("nan"), float("nan")
    left, right = np.sqrt(np.mean(below**2)), np.sqrt(np.mean(above**2))
    ratio = left / right
    share = np.mean(np.abs(values)) ** 2 / np.mean(values**2)
    share *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, shares = _shapes()
    shape = float(shapes[np.argmin((shares - share) ** 2)])
    scale = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, float(left * scale), float(right * scale)


@lru_cache(maxsize=1)
def _shapes() -> tuple[Floats, Floats]:
    """Shape parameters from 0.2 to 10, and the ratio of moments of each."""
    from scipy.special import gamma

    shapes = np.arange(0.2, 10.001, 0.001)
    shares = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    return shapes, shares


@lru_cache(maxsize=1)
def _parameters() -> dict[str, Floats]:
    from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

    return load_file(_PARAMETERS)


class Niqe(Metric):
    """NIQE of the whole SR image, without an original."""

    parallel = True

    def __init__(self) -> None:
        self.facts = (
            Facts(
                "niqe",
                "niqe-basicsr",
                better="lower",
                label="NIQE",
                decimals=3,
                range=(0, None),
                needs="nothing",
                protocol_label="BasicSR's luma",
                about="Mittal et al. 2013 with the published parameters, on rounded BT.601 luma as "
                "BasicSR does, without a border crop. It measures how much the image differs from "
                "natural photographs, without an original. Lower is better.",
            ),
        )

    def least(self, scale: int) -> int:
        return -(-BLOCK // scale) * scale

    def prepare(self, original: Original) -> Callable[[Image], float]:
        (height, width), least = original.size, self.least(original.scale)
        if min(height, width) < least:
            raise SizeMismatch(
                f"the original is {width}x{height}; niqe at x{original.scale} needs at least "
                f"{least}x{least}"
            )
        return lambda sr: niqe(studio_luma(to_rgb(sr), rounded=True))
