"""Corners of a reduced picture and their descriptors, to find one picture in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from ..imaging.luma import Image

Plane = NDArray[np.float32]

_REACH = 8  # radius of a corner's descriptor, in pixels of the reduced picture
_SMALLEST = 20  # smallest side of a reduced picture, in pixels


@dataclass(frozen=True)
class Landmarks:
    """A reduced luma plane with its corners.

    ``at``: their (row, column), float32 of shape (n, 2). ``described``: one unit vector for each,
    float32 of shape (n, 64): the 16x16 neighbourhood, reduced to 8x8, minus its mean.
    """

    plane: Plane
    at: NDArray[np.float32]
    described: NDArray[np.float32]


def luma(image: Image) -> PillowImage.Image:
    """Convert an image, uint8 (H, W) or (H, W, 3), to a grey PIL image."""
    return PillowImage.fromarray(image).convert("L")


def reduced(grey: PillowImage.Image, factor: float) -> Plane | None:
    """``grey`` reduced by ``factor`` with antialiasing; None if the result would be too small.

    Row and column r of the result lie at (r + 0.5) factor - 0.5 in ``grey``.
    """
    width, height = int(grey.width / factor), int(grey.height / factor)
    if min(width, height) < _SMALLEST:
        return None
    box = (0.0, 0.0, width * factor, height * factor)
    small = grey.resize((width, height), PillowImage.Resampling.BICUBIC, box=box)
    return np.asarray(small, dtype=np.float32)


def landmarks(plane: Plane) -> Landmarks:
    """The corners of a reduced plane: maxima of the smaller eigenvalue of the structure tensor.

    Source: Shi and Tomasi, Good features to track, 1994.
    """
    from scipy.ndimage import maximum_filter, uniform_filter

    down, right = np.zeros_like(plane), np.zeros_like(plane)
    down[1:-1] = plane[2:] - plane[:-2]
    right[:, 1:-1] = plane[:, 2:] - plane[:, :-2]
    xx, yy, xy = (uniform_filter(p, 5) for p in (right * right, down * down, right * down))
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    # 20 is about 2 levels of difference between neighbours across both directions.
    corner = (smaller == maximum_filter(smaller, 7)) & (smaller > 20)
    inner = np.zeros_like(corner)
    inner[_REACH:-_REACH, _REACH:-_REACH] = True
    rows, columns = np.nonzero(corner & inner)
    at = np.stack([rows, columns], axis=1).astype(np.float32)
    return Landmarks(plane, at, _described(plane, rows, columns))


def _described(
    plane: Plane, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    pairs = plane[:-1, :-1] + plane[1:, :-1] + plane[:-1, 1:] + plane[1:, 1:]
    step = np.arange(-_REACH, _REACH, 2)
    around = pairs[rows[:, None, None] + step[:, None], columns[:, None, None] + step]
    vectors = around.reshape(len(rows), len(step) ** 2)
    vectors -= vectors.mean(axis=1, keepdims=True)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(length, np.float32(1e-6))
