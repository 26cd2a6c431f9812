"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np

from ..errors import SizeMismatch
from ..imaging.luma import Luma


def psnr(sr: Luma, hr: Luma) -> float:
    """Peak signal-to-noise ratio of two luma planes, in dB.

    Both are float64 of shape (H, W) on the 0..255 scale, already cropped.
    Identical planes give ``inf``.

    Raises:
        SizeMismatch: the planes differ in shape.

    Source: 10 log10(255^2 / MSE).
    """
    require_same_shape(sr, hr)
    mse = float(np.mean(np.square(sr - hr)))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def require_same_shape(sr: Luma, hr: Luma) -> None:
    """Refuse two planes of different shapes with :class:`SizeMismatch`."""
    if sr.shape != hr.shape:
        raise SizeMismatch(f"SR luma has shape {sr.shape}, expected {hr.shape} as its original")
