"""LPIPS, the learned perceptual distance of Zhang et al. (2018), version 0.1.

The numbers equal those of the authors' package ``lpips`` 0.1.4, whose linear heads are used, but
the original's features are computed only once, and nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import MissingWeights, SizeMismatch, unknown_name
from ..imaging.checks import require_image
from ..imaging.luma import Image, to_rgb
from ..models.backbones import load_features
from ..models.device import full_precision, out_of_memory_told
from ..models.weights import load_weights
from ..models.weights_catalogue import LPIPS_BACKBONES
from .lpips import LEAST

_MEAN = (-0.030, -0.088, -0.188)
_DEVIATION = (0.458, 0.448, 0.450)


@dataclass(frozen=True)
class _Net:
    taps: tuple[int, ...]
    """Layers of the backbone whose outputs are compared."""


_NETS: Mapping[str, _Net] = MappingProxyType(
    {
        "alex": _Net((1, 4, 7, 9, 11)),
        "squeeze": _Net((1, 4, 7, 9, 10, 11, 12)),
        "vgg": _Net((3, 8, 15, 22, 29)),
    }
)


@dataclass(frozen=True)
class LpipsReference:
    """An original's features for :meth:`Lpips.distance`."""

    height: int
    width: int
    features: tuple[Tensor, ...]


class Lpips:
    """The distance with one backbone.

    Args:
        net: ``alex``, ``squeeze`` or ``vgg``.
        weights_dir: the folder of backbone weights.
        device: a torch device.

    Raises:
        UnknownName: there is no such net.
        MissingWeights: the backbone's weights are not in the folder; the message names the
            command that supplies them.
        CheckpointError: the weights are damaged or of another architecture.
    """

    def __init__(self, net: str, weights_dir: Path | str, device: str = "cpu") -> None:
        if net not in _NETS:
            raise unknown_name("LPIPS network", net, _NETS)
        self.metric = f"lpips_{net}"
        self._net, backbone = _NETS[net], LPIPS_BACKBONES[net]
        self._least = LEAST[net]
        self._device = torch.device(device)
        weights = load_weights(backbone, Path(weights_dir))
        with out_of_memory_told(self.metric, self._device):
            features = load_features(backbone, weights, self._device)
            self._heads = [head.to(self._device) for head in _heads(net, len(self._net.taps))]
        self._layers: list[nn.Module] = list(features.children())[: self._net.taps[-1] + 1]
        self._mean = torch.tensor(_MEAN, device=self._device)
        self._deviation = torch.tensor(_DEVIATION, device=self._device)

    @torch.inference_mode()
    def prepare(self, hr: Image) -> LpipsReference:
        """The features of an original, uint8 of shape (H, W) or (H, W, 3), for many comparisons.

        It must be cropped to a multiple of the scale. The whole image is compared, without a border
        crop. Grey means R = G = B. The features take 41 (alex), 138 (squeeze) or 488 (vgg) bytes
        per pixel.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: the image has another shape or is too small for the net.
            SrbenchError: the device's memory does not suffice.
        """
        require_image("the original", hr)
        height, width = hr.shape[:2]
        least = self._least
        if min(height, width) < least:
            raise SizeMismatch(
                f"the original is {width}x{height}; {self.metric} needs at least {least}x{least}"
            )
        with self._told(hr), full_precision():
            features = tuple(features * inverse for features, inverse in self._features(hr))
        return LpipsReference(height, width, features)

    @torch.inference_mode()
    def distance(self, reference: LpipsReference, sr: Image) -> float:
        """LPIPS of ``sr`` and the original, 0 if identical; lower is better.

        ``sr`` is uint8 of shape (H, W) or (H, W, 3), of the original's height and width.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: the sizes differ.
            SrbenchError: the device's memory does not suffice.

        Source: Zhang et al. 2018, eq. 1.
        """
        require_image("the SR image", sr)
        if sr.shape[:2] != (reference.height, reference.width):
            raise SizeMismatch(
                f"the SR image is {sr.shape[1]}x{sr.shape[0]}, expected "
                f"{reference.width}x{reference.height} as its cropped original"
            )
        with self._told(sr), full_precision():
            total = torch.zeros((), device=self._device)
            layers = zip(self._heads, reference.features, self._features(sr), strict=True)
            for head, hr_features, (features, inverse_length) in layers:
                # Memory passes take most of the time, so there are few. Fusing the first two
                # (addcmul) would round only once, and identical images would not give 0.
                difference = (features * inverse_length).sub_(hr_features)
                squares = _length(difference, (0, 2, 3)).square()
                total += squares @ head / inverse_length.numel()
            return float(total)

    def _told(self, image: Image) -> AbstractContextManager[None]:
        what = f"{self.metric} of an image of {image.shape[1]}x{image.shape[0]}"
        return out_of_memory_told(what, self._device)

    def _features(self, image: Image) -> Iterator[tuple[Tensor, Tensor]]:
        """The outputs of the compared layers, and the factors that normalise each position's
        channels.
        """
        pixels = torch.as_tensor(np.array(to_rgb(image), order="C"), device=self._device)
        x: Tensor = ((pixels / 127.5 - 1) - self._mean) / self._deviation
        x = x.permute(2, 0, 1)[None]  # an (H, W, 3) array is already channels-last
        for index, layer in enumerate(self._layers):
            x = x.relu_() if isinstance(layer, nn.ReLU) else layer(x)
            if index in self._net.taps:
                yield x, 1 / (_length(x, (1,)).unsqueeze(1) + 1e-10)


def _length(x: Tensor, dimensions: tuple[int, ...]) -> Tensor:
    # torch's stubs lack this function.
    norm = cast(Any, torch.linalg.vector_norm)  # pyright: ignore[reportUnknownMemberType]
    return norm(x, dim=dimensions)


def _heads(net: str, count: int) -> list[Tensor]:
    """The weights of the linear heads, each of shape (channels,), from lpips' wheel.

    The file is read directly, because importing lpips would import torchvision, SciPy and tqdm.
    """
    package = importlib.util.find_spec("lpips")
    if package is None or not package.submodule_search_locations:
        raise MissingWeights("the package lpips is not installed; run `pip install lpips`")
    path = Path(package.submodule_search_locations[0]) / "weights" / "v0.1" / f"{net}.pth"
    state = torch.load(path, map_location="cpu", weights_only=True)
    return [state[f"lin{index}.model.1.weight"].flatten() for index in range(count)]
