"""Discriminators: the SRGAN paper's, and a patch discriminator."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

DiscriminatorName = Literal["paper", "patches"]


def make_discriminator(name: DiscriminatorName) -> nn.Module:
    """A new discriminator: from (N, 3, H, W) in [-1, 1] to tensors of logits."""
    return Discriminator() if name == "paper" else PatchDiscriminator()


class Discriminator(nn.Module):
    """The SRGAN discriminator: from images (N, 3, H, W) in [-1, 1] to one logit each, (N, 1).

    Ledig et al., CVPR 2017, section 2.1.2 and figure 4. Eight 3x3 convolutions, LeakyReLU 0.2,
    batch normalisation on all but the first, then dense 1024 and dense 1. The paper's sigmoid is
    part of the loss, which is numerically stable. Crops of 96x96 (the paper's) and 88x88 reach the
    head as 6x6; other sizes (multiples of 8 from 56) are averaged to 6x6.
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

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor]:
        if min(image.shape[-2:]) < 56 or image.shape[-1] % 8 or image.shape[-2] % 8:
            raise ValueError(
                f"crop is {image.shape[-1]}x{image.shape[-2]}, expected multiples of 8 from 56"
            )
        return (self.head(self.pool(self.features(image))),)


class PatchDiscriminator(nn.Module):
    """From images (N, 3, H, W) in [-1, 1] to logits of overlapping patches, at three sizes.

    The PatchGAN of pix2pix (Isola et al., CVPR 2017), three of them, on the image, its half and
    its quarter, as in pix2pixHD (Wang et al., CVPR 2018) and PCARN (Ahn et al. 2022): four 4x4
    convolutions of 64 to 512 channels, the first three with stride 2, LeakyReLU 0.2, batch
    normalisation on all but the first, and one more to a logit. Each patch is classified
    separately, so a crop gives more gradient information than one logit, at a third of the paper's
    cost.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sizes = nn.ModuleList(_patch_gan() for _ in range(3))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        logits: list[torch.Tensor] = []
        for network in self.sizes:
            logits.append(network(image))
            image = F.avg_pool2d(image, 2)
        return tuple(logits)


def _patch_gan() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 4, 2, 2), nn.LeakyReLU(0.2)]
    for inputs, outputs, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [
            nn.Conv2d(inputs, outputs, 4, stride, 2),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        ]
    layers.append(nn.Conv2d(512, 1, 4, 1, 2))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    return nn.Sequential(*layers)
