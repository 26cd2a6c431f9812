"""Weighted sums over a window that slides over a plane: the moments of every SSIM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]

# Rows of a tile and columns of a product. With these, products stay below the size (2^18) at
# which OpenBLAS wakes a second thread, which costs far more than it gives on a busy machine.
_ROWS = 24
_COLUMNS = 32
_LARGEST_PRODUCT = 1 << 18


class Moments(NamedTuple):
    """Weighted sums under the window, at the positions ``place`` of the result."""

    place: tuple[slice, slice]
    sr: Plane
    sr_squared: Plane
    product: Plane


def sliding_moments(sr: Plane, hr: Plane, weights: Plane) -> Iterator[Moments]:
    """The sums of sr, sr^2 and sr hr under the separable window ``weights`` x ``weights``.

    ``sr`` and ``hr`` have shape (H, W), the symmetric ``weights`` shape (K,). Only positions
    whose whole window lies inside are given: (H - K + 1, W - K + 1) of them, in tiles that fit
    into a core's cache.

    One row of sums is a row of a banded matrix times the plane, so a tile is a few small matrix
    products: about four times as fast as ``scipy.ndimage``.
    """
    reach = len(weights) - 1
    down, across = _band(weights, _ROWS), _band(weights, _COLUMNS).T.copy()
    height, width = sr.shape[0] - reach, sr.shape[1] - reach
    tile_width = max(_COLUMNS, _LARGEST_PRODUCT // down.size - reach)
    for top in range(0, height, _ROWS):
        rows = min(_ROWS, height - top)
        for left in range(0, width, tile_width):
            columns = min(tile_width, width - left)
            seen = np.s_[top : top + rows + reach, left : left + columns + reach]
            planes = np.stack([sr[seen], sr[seen], sr[seen]])
            planes[1] *= sr[seen]
            planes[2] *= hr[seen]
            half = np.matmul(down[:rows, : rows + reach], planes).reshape(3 * rows, -1)
            sums = np.empty((3 * rows, columns))
            for x in range(0, columns, _COLUMNS):
                n = min(_COLUMNS, columns - x)
                sums[:, x : x + n] = half[:, x : x + n + reach] @ across[: n + reach, :n]
            place = np.s_[top : top + rows, left : left + columns]
            yield Moments(place, *sums.reshape(3, rows, columns))


def _band(weights: Plane, rows: int) -> Plane:
    """The banded matrix whose every row holds ``weights``, each one place further right."""
    # A line of weights and zeros, written on into rows one shorter than itself.
    return np.resize(np.pad(weights, (0, rows)), (rows, rows + len(weights) - 1))
