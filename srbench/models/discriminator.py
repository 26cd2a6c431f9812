"""Discriminators: the SRGAN paper's, a patch discriminator, and one of features as well."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from .vgg import VggMaps

DiscriminatorName = Literal["paper", "patches", "features"]


def make_discriminator(name: DiscriminatorName, maps: VggMaps | None = None) -> nn.Module:
    """A new discriminator: from (N, 3, H, W) in [-1, 1] to tensors of logits.

    Args:
        name: which.
        maps: for ``features``: the feature network, on the device of the training.
    """
    if name == "features":
        if maps is None:
            raise ValueError("a discriminator of features needs the network that makes them")
        return FeatureDiscriminator(maps)
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


class FeatureDiscriminator(nn.Module):
    """:class:`PatchDiscriminator`, and a small discriminator on each of three maps of VGG19.

    From images (N, 3, H, W) in [-1, 1] to six tensors of logits. After the projected GAN (Sauer et
    al., NeurIPS 2021): the features are fixed, so the discriminator can use all differences that
    VGG19 recognises. It judges texture, while patches of pixels mostly judge edges. Each map is
    normalised by channel; three convolutions with spectral norm lead to a logit per position.

    Args:
        maps: VGG19's maps, on the device of the training; not part of the state.
    """

    def __init__(self, maps: VggMaps) -> None:
        super().__init__()
        self._maps = (maps,)  # in a tuple, so that it is neither trained nor saved
        self.patches = PatchDiscriminator()
        self.heads = nn.ModuleList(_head(channels) for channels in maps.CHANNELS)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = self._maps[0](image)
        found = [head(map_) for head, map_ in zip(self.heads, maps, strict=True)]
        return (*self.patches(image), *found)


def _head(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(channels, affine=False),
        spectral_norm(nn.Conv2d(channels, 128, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(128, 128, 3, padding=1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(128, 1, 3, padding=1)),
    )


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
