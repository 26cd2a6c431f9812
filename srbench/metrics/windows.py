"""Weighted sums over a window that slides over a plane: the moments of every SSIM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

# Rows of output per matrix product. Small enough that BLAS stays on one core and in its cache:
# four times as fast as scipy.ndimage here, where twice the block is slower than either.
_BLOCK = 32


def windowed_sum(plane: Plane, weights: Plane) -> Plane:
    """The sum of ``plane`` under the separable window ``weights`` x ``weights``, where it fits.

    ``plane`` has shape (H, W), ``weights`` is symmetric of shape (K,); the result has shape
    (H - K + 1, W - K + 1): only positions whose whole window lies inside the plane.

    One output row is a row of a banded matrix times the plane, so a block of rows is a small
    matrix product.
    """
    taps = len(weights)
    # A row of `taps` weights and _BLOCK zeros, written on into rows one shorter: each next row
    # finds the weights one place further right.
    band = np.resize(np.pad(weights, (0, _BLOCK)), (_BLOCK, _BLOCK + taps - 1))
    height, width = plane.shape[0] - taps + 1, plane.shape[1] - taps + 1
    down = np.empty((height, plane.shape[1]))
    for top in range(0, height, _BLOCK):
        rows = min(_BLOCK, height - top)
        np.matmul(
            band[:rows, : rows + taps - 1],
            plane[top : top + rows + taps - 1],
            out=down[top : top + rows],
        )
    across = np.empty((height, width))
    transposed = np.ascontiguousarray(band.T)
    for left in range(0, width, _BLOCK):
        columns = min(_BLOCK, width - left)
        np.matmul(
            down[:, left : left + columns + taps - 1],
            transposed[: columns + taps - 1, :columns],
            out=across[:, left : left + columns],
        )
    return across
