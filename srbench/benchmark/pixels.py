"""Read, write and score the pixels of one image.

This module does not import methods or settings, so that a helper process starts quickly.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import SizeMismatch, SrbenchError
from ..files import write_bytes
from ..imaging import (
    Border,
    crop_to_multiple,
    encode_png,
    imresize,
    read_image,
    require_image,
)
from ..imaging.luma import Image
from ..metrics.base import Facts, Metric, Numbers, Original
from ..metrics.protocols import require_size


class Hashes(NamedTuple):
    """SHA-256 of a PNG file and of its pixels, in hexadecimal."""

    png: str
    pixels: str


class SrImage(NamedTuple):
    """An SR image that must be scored, and written if it has a path."""

    place: str
    """Its data set, image and method, for messages."""
    pixels: Image
    path: Path | None
    """The file to write; None if it is already there."""
    wanted: tuple[Facts, ...]
    """The numbers that are not known yet."""


class Finished(NamedTuple):
    """The results of an SR image."""

    hashes: Hashes | None
    """None if no file was written."""
    scores: dict[Facts, float]


def read_pair(
    hr: Path | None, lr: Path | None, scale: int, border: Border
) -> tuple[Image | None, Image]:
    """The cropped original, if there is one, and the LR image: the given one, or made from it."""
    original = None if hr is None else crop_to_multiple(read_image(hr), scale)
    if lr is not None:
        return original, read_image(lr)
    assert original is not None, "a data set has originals or LR images"
    return original, imresize(original, Fraction(1, scale), border=border)


def write_sr(image: Image, path: Path, write: Callable[[Path, bytes], None]) -> Hashes:
    """Write an image as PNG; ``write`` writes bytes to a file."""
    png = encode_png(image)
    write(path, png)
    return Hashes(hashlib.sha256(png).hexdigest(), array_sha256(image))


def array_sha256(image: Image) -> str:
    """SHA-256 of an image's shape and pixels, in hexadecimal."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def finish_images(
    original: Original, copy: Path | None, images: Sequence[SrImage], metrics: Sequence[Metric]
) -> tuple[str | None, list[Finished]]:
    """Write and score SR images of one original.

    Args:
        original: the reference of the SR images.
        copy: the PNG file for the original; None to write none.
        images: the SR images.
        metrics: the loaded metrics.

    Returns:
        The hash of the copy (None without one) and the results of each image.

    Raises:
        SrbenchError: naming the image and the method.
    """
    scorer = Scorer(original, metrics)
    hashes = None if copy is None else write_sr(original.hr, copy, write_bytes)
    found: list[Finished] = []
    for image in images:
        with located(image.place):
            written = image.path and write_sr(image.pixels, image.path, write_bytes)
            found.append(Finished(written or None, scorer.score(image.pixels, image.wanted)))
    return hashes and hashes.png, found


class Scorer:
    """The metrics of one original image, each prepared at its first use.

    Several threads may use it at once if all its metrics allow that.
    """

    def __init__(self, original: Original, metrics: Sequence[Metric]) -> None:
        self._original, self._metrics = original, metrics
        self._prepared: dict[int, Callable[[Image], Numbers]] = {}
        self._preparing = threading.Lock()

    def score(self, sr: Image, wanted: Collection[Facts] | None = None) -> dict[Facts, float]:
        """All numbers, or those of the metrics with a wanted number."""
        open_ = [
            index
            for index, metric in enumerate(self._metrics)
            if wanted is None or any(facts in wanted for facts in metric.facts)
        ]
        with self._preparing:
            for index in open_:
                if index not in self._prepared:
                    self._prepared[index] = self._metrics[index].prepare(self._original)
        require_image("the SR image", sr)
        require_size(sr, self._original.size, self._original.scale)
        if sr.ndim == 2 and self._original.there and _has_colour(self._original.hr):
            raise SizeMismatch(
                "the SR image has 1 channel, expected 3 (its original has colours); add the "
                "colours if it is a luma channel, else save it as RGB"
            )
        found: dict[Facts, float] = {}
        for index in open_:
            metric, numbers = self._metrics[index], self._prepared[index](sr)
            values = [numbers] if isinstance(numbers, (int, float)) else numbers
            for facts, value in zip(metric.facts, values, strict=True):
                found[facts] = float(value)
        return found


def _has_colour(image: Image) -> bool:
    return image.ndim == 3 and bool((image != image[..., :1]).any())


@contextmanager
def located(place: str) -> Iterator[None]:
    """Add ``place`` in front of an error's message."""
    try:
        yield
    except SrbenchError as error:
        raise type(error)(f"{place}: {error}") from error
