"""DISTS, deep image structure and texture similarity (Ding, Ma, Wang and Simoncelli 2020)."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..imaging.luma import Image, to_rgb
from ..models.weights_catalogue import mending_command, weights_fingerprint, weights_path
from .base import Facts, Metric, MissingMetric, Original

if TYPE_CHECKING:
    from torch import Tensor

_BACKBONE = "vgg16-features"
_TAPS = 3, 8, 15, 22, 29
_PARAMETERS = Path(__file__).parent / "parameters" / "dists.safetensors"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_EPSILON = 1e-6


class _Network:
    """VGG16 up to conv5_3 with L2 pooling, and the published weights of its channels."""

    def __init__(self, weights: Path, device: str) -> None:
        import torch
        from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

        from ..models.backbones import load_features
        from ..models.weights import load_weights

        features = load_features(_BACKBONE, load_weights(_BACKBONE, weights), device)
        self._layers = list(features.children())[: _TAPS[-1] + 1]
        published = load_file(_PARAMETERS, device=device)
        total = published["alpha"].sum() + published["beta"].sum()
        self._alpha, self._beta = published["alpha"] / total, published["beta"] / total
        self._mean = torch.tensor(_MEAN, device=device).reshape(1, 3, 1, 1)
        self._deviation = torch.tensor(_DEVIATION, device=device).reshape(1, 3, 1, 1)
        window = torch.tensor([0.25, 0.5, 0.25], device=device)
        self._window = window[:, None] * window

    def features(self, image: Image) -> list[Tensor]:
        """The image and the five tapped layers, each of shape (C, H, W)."""
        import torch
        from torch import nn

        from ..models.device import full_precision

        with torch.inference_mode(), full_precision():
            pixels = np.ascontiguousarray(np.moveaxis(to_rgb(image), 2, 0))
            rgb = torch.as_tensor(pixels)[None].to(self._mean.device, torch.float32) / 255
            found, x = [rgb], (rgb - self._mean) / self._deviation
            for index, layer in enumerate(self._layers):
                if isinstance(layer, nn.MaxPool2d):
                    kernel = self._window.expand(x.shape[1], 1, 3, 3)
                    squares = nn.functional.conv2d(x**2, kernel, None, 2, 1, 1, x.shape[1])
                    x = (squares + 1e-12).sqrt()
                else:
                    x = layer(x)
                if index in _TAPS:
                    found.append(x)
            return [each[0] for each in found]

    def distance(self, sr: list[Tensor], hr: list[Tensor]) -> float:
        """Source: Ding et al. 2020, eq. 4 to 6."""
        import torch

        structure: list[Any] = []
        texture: list[Any] = []
        for x, y in zip(sr, hr, strict=True):
            mean_x, mean_y = x.mean((1, 2)), y.mean((1, 2))
            structure.append((2 * mean_x * mean_y + _EPSILON) / (mean_x**2 + mean_y**2 + _EPSILON))
            variances = x.var((1, 2), correction=0) + y.var((1, 2), correction=0)
            covariance = (x * y).mean((1, 2)) - mean_x * mean_y
            texture.append((2 * covariance + _EPSILON) / (variances + _EPSILON))
        alike = self._alpha @ torch.cat(structure) + self._beta @ torch.cat(texture)
        return 1 - float(alike)


class Dists(Metric):
    """DISTS of the whole RGB image, without resizing; needs VGG16."""

    uses_device = True

    def __init__(self) -> None:
        self._network: _Network | None = None
        self.facts = (
            Facts(
                "dists",
                "dists-v1",
                better="lower",
                label="DISTS",
                range=(0, 1),
                protocol_label="DISTS v1",
                about="Ding et al. 2020 with the published weights: structure and texture of VGG16 "
                "features of the whole RGB image, which is not resized. Lower is better.",
            ),
        )

    def missing(self, weights: Path) -> MissingMetric | None:
        if weights_path(_BACKBONE, weights).is_file():
            return None
        reason = f"{_BACKBONE} was not on the machine"
        return MissingMetric("dists", reason, mending_command(_BACKBONE))

    def identified(self, weights: Path) -> Self:
        found = copy(self)
        fingerprint = weights_fingerprint(_BACKBONE, weights)
        found.facts = tuple(replace(facts, fingerprint=fingerprint) for facts in self.facts)
        return found

    def load(self, weights: Path, device: str) -> Self:
        loaded = copy(self)
        loaded._network = _Network(weights, device)
        return loaded

    def prepare(self, original: Original) -> Callable[[Image], float]:
        network = self._network
        assert network is not None, "load it first"
        hr = network.features(original.hr)
        return lambda sr: network.distance(network.features(sr), hr)
