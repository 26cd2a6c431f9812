"""The SRGAN discriminator (Ledig et al., CVPR 2017, section 2.1.2 and figure 4)."""

from __future__ import annotations

import torch
from torch import nn


class Discriminator(nn.Module):
    """Images in [-1, 1] of shape (N, 3, H, W) to one logit each, shape (N, 1).

    Eight 3x3 convolutions, LeakyReLU 0.2, batch normalisation on all but the first, then dense
    1024 and dense 1. The sigmoid of the paper lives in the loss, where it is numerically safe.
    The paper's 96x96 crops reach the head as 6x6, and so do those of 88x88; of other sizes
    (multiples of 8 from 56) are averaged to 6x6.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1), nn.LeakyReLU(0.2)]
        plan = [(64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2)]
        inputs = 64
        for outputs, stride in plan:
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(6)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(512 * 36, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if min(image.shape[-2:]) < 56 or image.shape[-1] % 8 or image.shape[-2] % 8:
            raise ValueError(
                f"crop is {image.shape[-1]}x{image.shape[-2]}, expected multiples of 8 from 56"
            )
        return self.head(self.pool(self.features(image)))
