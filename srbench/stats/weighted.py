"""Correlations of resampled data: each point is weighted by how often it was drawn."""

from __future__ import annotations

import numpy as np

from .cells import Floats, Ints


def pearson(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted Pearson correlation row by row; ``x``, ``y`` broadcast to ``weights`` (rows, n).

    NaN where a row does not vary, or all its weights are 0.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(1, keepdims=True)
        dx = x - (weights * x).sum(1, keepdims=True) / total
        dy = y - (weights * y).sum(1, keepdims=True) / total
        xx, yy = (weights * dx * dx).sum(1), (weights * dy * dy).sum(1)
        flat = (xx < 1e-12 * np.maximum(np.abs(x).max(), 1)) | (yy < 1e-12)
        return np.where(flat, np.nan, (weights * dx * dy).sum(1) / np.sqrt(xx * yy))


def weighted_ranks(values: Floats, weights: Floats) -> Floats:
    """Mid-ranks of ``values`` (n,) if value i occurs ``weights[:, i]`` times: (rows, n)."""
    different, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(different.size))
    per_group = np.add.reduceat(weights[:, order], starts, axis=1)
    middle = np.cumsum(per_group, axis=1) - per_group / 2 + 0.5
    return middle[:, group]


def tau_parts(x: Floats, y: Floats, image: Ints, images: int) -> tuple[Floats, Floats, Floats]:
    """Pair sums for Kendall's tau-b between images, so that a resample needs only a product.

    Points are sorted by ``image``. Each result has shape (images, images): the sum over pairs of
    sign(dx) sign(dy), of sign(dx)^2 and of sign(dy)^2.
    """
    there, starts = np.unique(image, return_index=True)

    def folded(signs: Floats) -> Floats:
        out = np.zeros((images, images))
        sums = np.add.reduceat(np.add.reduceat(signs, starts, axis=0), starts, axis=1)
        out[np.ix_(there, there)] = sums
        return out

    above_x, above_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)
    return folded(above_x * above_y), folded(above_x**2), folded(above_y**2)
