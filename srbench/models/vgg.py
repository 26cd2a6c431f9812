"""VGG19's feature maps: for the content loss (SRGAN paper, equation 5) and a discriminator."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ..errors import CheckpointError
from .backbones import build_features

# Layers of VGG19 up to the ReLU of phi_2,2, phi_4,4 and phi_5,4.
_DEPTH = {"vgg22": 9, "vgg44": 27, "vgg54": 36}
_MAPS = (8, 17, 26)  # the ReLUs of phi_2,2, phi_3,4 and phi_4,4


class VggFeatures(nn.Module):
    """phi_2,2 (``vgg22``) or phi_5,4 (``vgg54``) after ReLU, of images in [-1, 1].

    (N, 3, H, W) gives (N, 128, H/2, W/2) or (N, 512, H/16, W/16). Parameters are frozen and the
    network stays in evaluation mode.

    Args:
        layer: ``vgg22`` or ``vgg54``.
        weights: tensors with torchvision's names, ``features.0.weight`` and so on.

    Raises:
        CheckpointError: the weights lack a layer, or one has another shape.
    """

    def __init__(self, layer: str, weights: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        with torch.device("meta"):  # skip the random initialisation
            self.features = build_features("vgg19-features")[: _DEPTH[layer]]
        state = self.state_dict()
        for name, tensor in state.items():
            if name not in weights:
                raise CheckpointError(f"the VGG19 weights lack {name}, which {layer} needs")
            if weights[name].shape != tensor.shape:
                raise CheckpointError(
                    f"the VGG19 weights' {name} has shape {tuple(weights[name].shape)}, "
                    f"expected {tuple(tensor.shape)}"
                )
        self.load_state_dict({name: weights[name].float() for name in state}, assign=True)
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer(
            "mean", torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1), persistent=False
        )
        self.register_buffer(
            "std", torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1), persistent=False
        )
        self.requires_grad_(False).eval()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.features(self.normalised(image))

    def normalised(self, image: torch.Tensor) -> torch.Tensor:
        """``image`` by the mean and deviation of ImageNet, as VGG19 expects it."""
        return ((image + 1.0) / 2.0 - self.mean) / self.std


class VggMaps(nn.Module):
    """phi_2,2, phi_3,4 and phi_4,4 after ReLU, of images in [-1, 1].

    (N, 3, H, W) gives three maps of (N, ``CHANNELS[k]``, H/s, W/s), s being 2, 4 and 8.

    Raises:
        CheckpointError: as for :class:`VggFeatures`.
    """

    CHANNELS = (128, 256, 512)

    def __init__(self, weights: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.vgg = VggFeatures("vgg44", weights)

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        maps: list[torch.Tensor] = []
        image = self.vgg.normalised(image)
        for number, layer in enumerate(self.vgg.features.children()):
            image = layer(image)
            if number in _MAPS:
                maps.append(image)
        return maps
