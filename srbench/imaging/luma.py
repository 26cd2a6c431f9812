"""Luma of 8-bit RGB as in the super-resolution literature, and conversion of grey to RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.float64]
Image = NDArray[np.uint8]


def studio_luma(image: Image, *, rounded: bool) -> Luma:
    """BT.601 studio-range luma, 16..235, float64 of shape (H, W).

    ``image`` is uint8 of shape (H, W, 3). ``rounded`` rounds to whole levels as MATLAB's
    ``rgb2ycbcr`` does on uint8 input; Python tools such as BasicSR do not round.

    Source: Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255 (ITU-R BT.601).
    """
    luma = 16.0 + image.astype(np.float64) @ (np.array([65.481, 128.553, 24.966]) / 255.0)
    return np.floor(luma + 0.5) if rounded else luma


def to_rgb(image: Image) -> Image:
    """Grey (H, W) as R = G = B, (H, W, 3); RGB unchanged."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
