"""The losses of both papers, as functions of images in [-1, 1] of shape (N, 3, H, W)."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from ..models.layers import rgb_to_ycc

VGG_RESCALING = 1.0 / 12.75
"""Factor on VGG19 features that brings the VGG loss to the MSE's scale (paper, section 3.2)."""


def mse(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Mean squared error over pixels and channels (SRGAN paper, equation 4)."""
    return F.mse_loss(sr, hr)


def luma_mse(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Mean squared error of full-range luma: what SRCNN and ESPCN minimise."""
    return F.mse_loss(rgb_to_ycc(sr)[:, :1], rgb_to_ycc(hr)[:, :1])


def feature_mse(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
    """Squared distance of feature maps summed over channels, averaged over places and batch.

    The paper divides by the maps' width and height only (equation 5).
    """
    return (sr - hr).square().sum(dim=1).mean()


def adversarial(fake_logits: torch.Tensor) -> torch.Tensor:
    """-log D(G(LR)) (paper, equation 6), from logits, so that it never overflows."""
    return F.softplus(-fake_logits).mean()


def discriminator(real_logits: torch.Tensor, fake_logits: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of real against generated images (paper, equation 2), from logits."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def total_variation(sr: torch.Tensor) -> torch.Tensor:
    """Sum of squared differences of neighbouring pixels, averaged over the batch.

    Paper B prints the square of the sum, which telescopes to the border pixels; the usual sum of
    squares is what is meant and what is computed here.
    """
    down = (sr[..., 1:, :] - sr[..., :-1, :]).square().sum()
    right = (sr[..., :, 1:] - sr[..., :, :-1]).square().sum()
    return (down + right) / len(sr)
