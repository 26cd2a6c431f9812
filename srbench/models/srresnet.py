"""The SRGAN generator: SRResNet (Ledig et al., CVPR 2017, section 2.1.1 and figure 4)."""

from __future__ import annotations

import torch
from torch import nn

from .layers import PReLU, WideTail


class ResidualBlock(nn.Module):
    """conv, BN, PReLU, conv, BN, plus the input (Gross and Wilber 2016, as the paper cites)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.act = PReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))


class SRResNet(nn.Module):
    """From LR in [0, 1], (N, 3, H, W), to SR around [-1, 1], (N, 3, sH, sW).

    Args:
        scale: 2 or 4, one sub-pixel stage per factor of two.
        blocks: residual blocks B; 16 in the paper, 2 to 16 in its depth study.
        channels: feature channels; 64 in the paper.
        long_skip: the skip from the first layer over all blocks; off only in the depth study.

    Convolutions before a batch normalisation have no bias, which the normalisation would cancel.
    """

    def __init__(
        self, scale: int = 4, blocks: int = 16, channels: int = 64, long_skip: bool = True
    ) -> None:
        super().__init__()
        if scale not in (2, 4):
            raise ValueError(f"scale is {scale}, expected 2 or 4")
        self.scale = scale
        self.long_skip = long_skip
        self.head = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), PReLU())
        self.blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(blocks)))
        self.merge = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        stages: list[nn.Module] = []
        for _ in range(scale.bit_length() - 1):
            stages += [
                nn.Conv2d(channels, 4 * channels, 3, padding=1),
                nn.PixelShuffle(2),
                PReLU(),
            ]
        self.upsample = nn.Sequential(*stages)
        self.tail = WideTail(channels, 3, 9)

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        first = self.head(lr)
        deep = self.merge(self.blocks(first))
        return self.tail(self.upsample(first + deep if self.long_skip else deep))
