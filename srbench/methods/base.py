"""The interface of methods."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

from ..imaging.luma import Image


class ImageId(NamedTuple):
    """An image of a data set."""

    dataset: str
    image: str


class Method(Protocol):
    """A method from LR to SR, used by the benchmark only through this interface."""

    @property
    def name(self) -> str:
        """The name in tables and folders."""
        ...

    @property
    def scale(self) -> int:
        """SR size divided by LR size."""
        ...

    @property
    def timed(self) -> bool:
        """Whether the time of ``upscale`` measures the method."""
        ...

    @property
    def trained_on_metric(self) -> str | None:
        """The metric (``lpips_alex``) minimised in training, which cannot evaluate it, if known."""
        ...

    def fingerprint(self, source: ImageId) -> str:
        """A text that changes exactly if the result of ``upscale`` for ``source`` may change."""
        ...

    def prepare(self) -> None:
        """Load what ``upscale`` needs, so that the first image's time does not include loading.

        Raises:
            SrbenchError: it cannot be loaded, or the device does not exist.
        """
        ...

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        """SR of ``scale`` times the size and the same channels, uint8.

        ``lr`` is uint8 (H, W) or (H, W, 3). ``source`` identifies the image; only methods that read
        finished images need it.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: it has another shape.
        """
        ...


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
