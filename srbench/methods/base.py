"""What every method is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

from ..imaging.luma import Image


class ImageId(NamedTuple):
    """Which image of which data set."""

    dataset: str
    image: str


class Method(Protocol):
    """Turns LR into SR. The benchmark does not know what it holds."""

    @property
    def name(self) -> str:
        """The name in tables and folders."""
        ...

    @property
    def scale(self) -> int:
        """SR size over LR size."""
        ...

    @property
    def timed(self) -> bool:
        """Whether the time of ``upscale`` says something about the method."""
        ...

    @property
    def trained_on_metric(self) -> str | None:
        """The metric (``lpips_alex``) that training minimised and so cannot judge, if known."""
        ...

    def fingerprint(self, source: ImageId) -> str:
        """Changes when, and only when, what ``upscale`` returns for ``source`` may change."""
        ...

    def prepare(self) -> None:
        """Load what ``upscale`` needs, so that loading does not count as the first image's time.

        Raises:
            SrbenchError: it cannot be loaded, or the device is not there.
        """
        ...

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        """SR of ``scale`` times the size and the same channels, uint8.

        ``lr`` is uint8 (H, W) or (H, W, 3). ``source`` says which image it is; only a method
        that reads finished images needs it.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: it has another shape.
        """
        ...


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
