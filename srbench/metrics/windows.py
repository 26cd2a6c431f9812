"""Weighted sums in a sliding window: the moments of SSIM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Plane = NDArray[np.float64]

# Rows of a tile, and columns of a product. These keep products below the size (2^18) at which
# OpenBLAS uses a second thread, which costs far more than it saves on a busy machine.
_ROWS = 24
_COLUMNS = 32
_LARGEST_PRODUCT = 1 << 18
# Tiles per step. With more tiles, other threads wait less often for Python's lock; with too many,
# the data exceed the core's cache.
_TILES = 4


class Moments(NamedTuple):
    """Weighted sums in the window, at the rows ``place`` of the result."""

    place: slice
    sums: Plane
    """Of shape (3, rows, W - K + 1): sr, sr^2 and sr hr; without ``hr`` the first two."""


def sliding_moments(sr: Plane, hr: Plane | None, weights: Plane) -> Iterator[Moments]:
    """The sums of sr, sr^2 and sr hr in the separable window ``weights`` x ``weights``.

    ``sr`` and ``hr`` have shape (H, W), the symmetric ``weights`` shape (K,). Only positions with
    the whole window inside are returned, (H - K + 1, W - K + 1) of them, in blocks of rows.

    A row of sums is a row of a banded matrix times the plane, so a tile needs a few small matrix
    products: about four times as fast as ``scipy.ndimage``.
    """
    reach, count = len(weights) - 1, 2 if hr is None else 3
    down, across = _band(weights, _ROWS), _band(weights, _COLUMNS).T.copy()
    height, width = sr.shape[0] - reach, sr.shape[1] - reach
    most = _tile_columns(reach)
    blocks = -(-width // _COLUMNS)
    padded = blocks * _COLUMNS + reach
    for top in range(0, height, _ROWS * _TILES):
        rows = min(_ROWS * _TILES, height - top)
        tiles = -(-rows // _ROWS)
        # Zeros below and to the right fill the last tile and the last block of columns.
        planes = np.zeros((count, tiles * _ROWS + reach, padded))
        seen = np.s_[: rows + reach, : width + reach]
        shown = sr[top : top + rows + reach]
        planes[0][seen] = shown
        np.multiply(shown, shown, out=planes[1][seen])
        if hr is not None:
            np.multiply(shown, hr[top : top + rows + reach], out=planes[2][seen])
        plane, row, column = planes.strides
        tall = as_strided(
            planes,
            (tiles, count, _ROWS + reach, padded),
            (_ROWS * row, plane, row, column),
            writeable=False,
        )
        half = np.empty((tiles, count * _ROWS, padded))
        into = half.reshape(tiles, count, _ROWS, padded)
        for left in range(0, padded, most):
            part = np.s_[..., left : left + most]
            np.matmul(down, tall[part], out=into[part])
        tile, row, column = half.strides
        wide = as_strided(
            half,
            (blocks, tiles, count * _ROWS, _COLUMNS + reach),
            (_COLUMNS * column, tile, row, column),
            writeable=False,
        )
        sums = np.matmul(wide, across).reshape(blocks, tiles, count, _ROWS, _COLUMNS)
        sums = sums.transpose(2, 1, 3, 0, 4).reshape(count, tiles * _ROWS, blocks * _COLUMNS)
        yield Moments(slice(top, top + rows), sums[:, :rows, :width])


def tile_sums(values: Plane, weights: Plane) -> Iterator[float]:
    """The sums of ``values`` at the places of one :class:`Moments`, tile by tile.

    This order of additions gives the same bits for any number of tiles per step.
    """
    columns = _tile_columns(len(weights) - 1)
    for top in range(0, values.shape[0], _ROWS):
        for left in range(0, values.shape[1], columns):
            tile = values[top : top + _ROWS, left : left + columns]
            yield float(np.ascontiguousarray(tile).sum())


def _tile_columns(reach: int) -> int:
    return max(_COLUMNS, _LARGEST_PRODUCT // (_ROWS * (_ROWS + reach)) - reach)


def _band(weights: Plane, rows: int) -> Plane:
    """The banded matrix whose rows contain ``weights``, each shifted by one column."""
    # Repeat a line of weights and zeros, reshaped to rows that are one element shorter.
    return np.resize(np.pad(weights, (0, rows)), (rows, rows + len(weights) - 1))
