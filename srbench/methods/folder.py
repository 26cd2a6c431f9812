"""Other people's results: a folder of images, one subfolder per data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError, SizeMismatch
from ..imaging import read_image
from ..imaging.luma import Image
from .base import ImageId, file_sha256


@dataclass(frozen=True)
class FolderMethod:
    """Returns finished SR images by data set and image id."""

    name: str
    scale: int
    files: Mapping[ImageId, Path]
    timed: bool = False

    def fingerprint(self, source: ImageId) -> str:
        return f"file {file_sha256(self.files[source])}"

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        if source is None or source not in self.files:
            raise DatasetError(f"{self.name} has no image for {source}")
        path = self.files[source]
        sr = read_image(path)
        height, width = lr.shape[0] * self.scale, lr.shape[1] * self.scale
        if sr.shape[:2] != (height, width):
            raise SizeMismatch(
                f"{path} is {sr.shape[1]}x{sr.shape[0]}, expected {width}x{height}: the original "
                f"cropped at the bottom and right to a multiple of {self.scale}"
            )
        if sr.ndim < lr.ndim:
            raise SizeMismatch(f"{path} has 1 channel, expected 3 (its original is RGB)")
        return sr
