"""The losses of both papers, as functions of images in [-1, 1] of shape (N, 3, H, W)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from ..models.layers import rgb_to_ycc

GRID_WINDOWS = {32: 0.8, 16: 0.2}
"""Sides of the windows in which :func:`grid` looks for a grid, in pixels, and their weights.

Large windows distinguish a weak grid from chance; small ones detect a comb along an edge. Chance
has four times the power in a window of half the side.
"""


def mse(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Mean squared error over pixels and channels (SRGAN paper, equation 4)."""
    return F.mse_loss(sr, hr)


def luma_mse(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Mean squared error of full-range luma: what SRCNN and ESPCN minimise."""
    return F.mse_loss(rgb_to_ycc(sr)[:, :1], rgb_to_ycc(hr)[:, :1])


def colour(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Mean squared error of the means of 4x4 pixels: colours and shading, no texture.

    This loss is ours: features and discriminators hardly depend on a picture's mean colours, which
    would otherwise drift by some levels.
    """
    return F.mse_loss(F.avg_pool2d(sr, 4), F.avg_pool2d(hr, 4))


def grid(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """The part of SR - HR with a period of 4 pixels: mean square of its average 4x4 period.

    This loss is ours. The average is over the periods of a window, minus its mean; the result is a
    weighted mean over windows of two sizes. A grid that is locked to the generator's sub-pixel
    shuffling remains in the average. Texture and noise of the same frequencies have varying phases
    and average out, so that the other losses decide about them.
    """
    found = [
        weight * _periods(sr - hr, side).mean((3, 6)).square().mean()
        for side, weight in GRID_WINDOWS.items()
    ]
    return torch.stack(found).sum()


def grid_excess(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """:func:`grid` beyond what chance gives: the mean product of two *different* periods.

    This loss is ours. In a window with texture of varying phase the mean product is about 0, where
    :func:`grid` has the texture's power over the number of periods, and so suppresses texture. For
    a grid both are equal. Below 0 it counts as 0 in each window: otherwise a generator would be
    rewarded for strong periods that cancel each other, and diverge.
    """
    found: list[torch.Tensor] = []
    for side, weight in GRID_WINDOWS.items():
        periods = _periods(sr - hr, side)
        count = periods.shape[3] * periods.shape[6]
        own = periods.square().mean((1, 3, 4, 6, 7))
        all_pairs = periods.mean((3, 6)).square().mean((1, 3, 5))  # each period with itself too
        found.append(weight * ((count * all_pairs - own) / (count - 1)).relu().mean())
    return torch.stack(found).sum()


def _periods(image: torch.Tensor, side: int) -> torch.Tensor:
    """The 4x4 periods of each window, without the mean of each period.

    (N, C, rows of windows, rows of periods, 4, columns of windows, columns of periods, 4).
    """
    count, channels, *size = image.shape
    window = [min(side, n // 4 * 4) for n in size]
    rows, columns = (n // w for n, w in zip(size, window, strict=True))
    whole = image[..., : rows * window[0], : columns * window[1]]
    periods = whole.reshape(count, channels, rows, window[0] // 4, 4, columns, window[1] // 4, 4)
    return periods - periods.mean((4, 7), keepdim=True)


def feature_mse(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Squared distance of feature maps, summed over channels and averaged over positions and batch.

    The paper divides by the maps' width and height only (equation 5).
    """
    return (sr - hr).square().sum(dim=1).mean()


def adversarial(fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """-log D(G(LR)) (paper, equation 6), from logits, so that it never overflows.

    The sum over a discriminator's outputs of the mean of each.
    """
    return torch.stack([F.softplus(-logits).mean() for logits in fake]).sum()


def discriminator(real: Sequence[torch.Tensor], fake: Sequence[torch.Tensor]) -> torch.Tensor:
    """Binary cross-entropy of real against generated images (paper, equation 2), from logits.

    The sum over a discriminator's outputs of the mean of each.
    """
    return adversarial(real) + torch.stack([F.softplus(logits).mean() for logits in fake]).sum()


def total_variation(sr: torch.Tensor) -> torch.Tensor:
    """Sum of squared differences of neighbouring pixels, averaged over the batch.

    Paper B prints the square of the sum, which reduces to the border pixels; we compute the usual
    sum of squares, which is certainly meant.
    """
    down = (sr[..., 1:, :] - sr[..., :-1, :]).square().sum()
    right = (sr[..., :, 1:] - sr[..., :, :-1]).square().sum()
    return (down + right) / len(sr)
