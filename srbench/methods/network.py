"""A network as a method; torch and the network are loaded at the first image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ..imaging import require_image
from ..imaging.luma import Image
from .base import ImageId

if TYPE_CHECKING:
    from torch import nn

    from .inference import Inference


@dataclass(frozen=True)
class NetworkMethod:
    """A network as a method.

    Args:
        name: the name in tables.
        scale: SR size divided by LR size.
        identity: identifies the weights in the fingerprint (a hash of the file).
        load: makes the network, in evaluation mode, from RGB (N, 3, H, W) to SR. It is called at
            the first image, so that a fully cached run never loads it.
        device: ``auto``, ``cpu``, ``cuda`` etc.; checked when the network is loaded.
        signed: whether the network's output is in [-1, 1] (ours) or [0, 1] (others').
        trained_on_metric: the metric that training minimised, from the card.
        ensemble: whether it is the self-ensemble, the mean over eight flips and rotations.
    """

    name: str
    scale: int
    identity: str
    load: Callable[[], nn.Module]
    device: str
    signed: bool = True
    timed: bool = True
    trained_on_metric: str | None = None
    ensemble: bool = False

    def fingerprint(self, source: ImageId) -> str:
        return f"{self.identity} ensemble" if self.ensemble else self.identity

    def prepare(self) -> None:
        _ = self._inference

    @cached_property
    def _inference(self) -> Inference:
        from .inference import Inference

        return Inference(
            self.name,
            self.load(),
            self.scale,
            self.device,
            signed=self.signed,
            ensemble=self.ensemble,
        )

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        """SR of ``lr``. Grey is converted to R = G = B, and its SR is the mean of the channels.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: its shape is not (H, W) or (H, W, 3).
            SrbenchError: the device has too little memory even for a tile.
        """
        require_image("the LR image", lr)
        return self._inference.upscale(lr)
