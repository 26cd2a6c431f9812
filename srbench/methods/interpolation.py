"""Nearest neighbour and bicubic interpolation."""

from __future__ import annotations

from dataclasses import dataclass

from ..imaging import Border, imresize, require_image
from ..imaging.luma import Image
from .base import ImageId


@dataclass(frozen=True)
class Nearest:
    """Nearest neighbour: every LR pixel becomes a square of ``scale`` x ``scale`` pixels."""

    scale: int
    name: str = "nearest"
    timed: bool = True
    trained_on_metric: None = None

    def fingerprint(self, source: ImageId) -> str:
        return f"nearest x{self.scale}"

    def prepare(self) -> None:
        pass

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        require_image("the LR image", lr)
        return lr.repeat(self.scale, axis=0).repeat(self.scale, axis=1)


@dataclass(frozen=True)
class Bicubic:
    """MATLAB's bicubic enlargement, bit-exact, with the border rule of the run."""

    scale: int
    border: Border
    name: str = "bicubic"
    timed: bool = True
    trained_on_metric: None = None

    def fingerprint(self, source: ImageId) -> str:
        return f"matlab bicubic x{self.scale} {self.border}"

    def prepare(self) -> None:
        pass

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        require_image("the LR image", lr)
        return imresize(lr, self.scale, border=self.border)
