"""Training photographs in memory, and random aligned crops from them.

Each photograph is decoded once. Its LR image is made once, by the exact MATLAB resize, from the
whole image, so that crops have no border artefacts. A batch is one gather on the device with the
pixels, without worker processes or copies.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image as PillowImage

from ..errors import ImageError, TrainingError
from ..imaging import crop_to_multiple, imresize, read_image, to_rgb
from ..imaging.luma import Image
from .folder import is_image_name


@dataclass(frozen=True)
class _Plane:
    """All images of one resolution as rows of RGB, image after image."""

    pixels: torch.Tensor  # uint8, (capacity in pixels, 3)
    start: torch.Tensor  # int64, (images,): first row of each image
    width: torch.Tensor  # int64, (images,)
    used: int = 0  # used rows of ``pixels``

    @classmethod
    def with_room(cls, pixels: int, device: torch.device) -> _Plane:
        """An empty plane with this capacity."""
        none = torch.zeros(0, dtype=torch.int64, device=device)
        return cls(torch.empty((pixels, 3), dtype=torch.uint8, device=device), none, none)

    def followed_by(self, image: Image) -> _Plane:
        """The same memory with one more image, uint8 (H, W, 3)."""
        height, width, _ = image.shape
        end = self.used + height * width
        rows = torch.from_numpy(np.require(image, requirements=["C", "W"]).reshape(-1, 3))
        self.pixels[self.used : end] = rows.to(self.pixels.device)
        start, widths = (
            torch.cat([old, old.new_tensor([new])])
            for old, new in ((self.start, self.used), (self.width, width))
        )
        return _Plane(self.pixels, start, widths, end)

    def gather(
        self,
        image: torch.Tensor,
        top: torch.Tensor,
        left: torch.Tensor,
        size: int,
        turn: torch.Tensor,
    ) -> torch.Tensor:
        """Square crops (N, 3, size, size), channels-last, each in one of 8 orientations."""
        u = torch.arange(size, device=self.pixels.device)
        y, x = u[None, :, None], u[None, None, :]
        flip, mirror, transpose = (turn & bit != 0 for bit in (1, 2, 4))
        ys = torch.where(flip[:, None, None], size - 1 - y, y).expand(-1, size, size)
        xs = torch.where(mirror[:, None, None], size - 1 - x, x).expand(-1, size, size)
        swap = transpose[:, None, None]
        ys, xs = (
            torch.where(swap, ys.transpose(1, 2), ys),
            torch.where(swap, xs.transpose(1, 2), xs),
        )
        rows = (
            self.start[image, None, None]
            + (top[:, None, None] + ys) * self.width[image, None, None]
        )
        crops = self.pixels[rows + left[:, None, None] + xs]
        return crops.permute(0, 3, 1, 2)


class TrainingSet:
    """The HR and LR pixels of a training set on one device, each stored once.

    Args:
        images: uint8 photographs, RGB or grey (used as R = G = B).
        scale: HR size over LR size.
        device: the device of the pixels and the batches.
        room: capacity in HR pixels, if more images follow by :meth:`add`. On a CPU, unused capacity
            takes no memory.

    Raises:
        TrainingError: there are no images and no capacity.
    """

    def __init__(
        self,
        images: Iterable[Image],
        scale: int,
        device: torch.device,
        *,
        room: int | None = None,
    ) -> None:
        self.scale = scale
        if room is None:
            images = list(images)
            room = sum(image.shape[0] * image.shape[1] for image in images)
        if not room:
            raise TrainingError("the training set holds no images")
        self._sizes = torch.zeros((0, 2), dtype=torch.int64)
        self._lr = _Plane.with_room(room // scale**2, device)
        self._hr = _Plane.with_room(room, device)
        for image in images:
            self.add(image)

    def add(self, image: Image) -> None:
        """Add one photograph, uint8 of shape (H, W) or (H, W, 3), within the capacity."""
        hr = crop_to_multiple(to_rgb(image), self.scale)
        lr = imresize(hr, Fraction(1, self.scale))
        size = torch.tensor([lr.shape[:2]], dtype=torch.int64)
        self._sizes = torch.cat([self._sizes, size])
        self._lr = self._lr.followed_by(lr)
        self._hr = self._hr.followed_by(hr)

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def megapixels(self) -> float:
        """The total HR megapixels."""
        return self._hr.used / 1e6

    @property
    def bytes(self) -> int:
        """The memory of the pixels in bytes."""
        return 3 * (self._hr.used + self._lr.used)

    def usable(self, crop: int) -> int:
        """The number of images with at least ``crop`` HR pixels in height and width."""
        return int((self._sizes.min(dim=1).values * self.scale >= crop).sum())

    def batch(
        self, crop: int, size: int, generator: torch.Generator, part: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch: :meth:`draw`, then :meth:`cut`."""
        places = self.draw(crop, size, generator, part)
        return self.cut(places.to(self._lr.pixels.device, non_blocking=True), crop)

    def draw(
        self, crop: int, size: int, generator: torch.Generator, part: slice = slice(None)
    ) -> torch.Tensor:
        """Choose the crops: int64 (N, 4) on the CPU, for :meth:`cut`.

        ``size`` random crops with a side of ``crop`` HR pixels from distinct images (as in the
        paper; repeated only if there are fewer images), randomly flipped and rotated. Larger images
        are drawn more often, in proportion to the square root of their area. ``part`` selects the
        share of one of several processes.

        Raises:
            TrainingError: the crop is not a multiple of the scale, or larger than every image.
        """
        if crop % self.scale:
            raise TrainingError(
                f"the crop is {crop} pixels, expected a multiple of the scale {self.scale}"
            )
        short = crop // self.scale
        room = self._sizes - short
        fits = (room >= 0).all(dim=1)
        if not bool(fits.any()):
            raise TrainingError(
                f"the crop is {crop} pixels, larger than every training image "
                f"(largest: {int(self._sizes.min(dim=1).values.max()) * self.scale}); "
                "take a smaller crop"
            )
        weight = self._sizes.prod(dim=1).double().sqrt() * fits
        image = torch.multinomial(weight, size, int(fits.sum()) < size, generator=generator)
        place = (torch.rand(size, 2, generator=generator) * (room[image] + 1)).long()
        turn = torch.randint(8, (size,), generator=generator)
        return torch.stack([image, place[:, 0], place[:, 1], turn], dim=1)[part]

    def cut(self, places: torch.Tensor, crop: int) -> tuple[torch.Tensor, torch.Tensor]:
        """LR in [0, 1] and HR in [-1, 1], float32 (N, 3, ., .) in channels-last memory.

        ``places``, on the pixels' device, come from :meth:`draw` with the same ``crop``. This
        method does not synchronise with the device.
        """
        image, top, left, turn = places.unbind(1)
        lr = self._lr.gather(image, top, left, crop // self.scale, turn)
        hr = self._hr.gather(image, top * self.scale, left * self.scale, crop, turn)
        return lr.float() / 255.0, hr.float() / 127.5 - 1.0


def survey(source: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Names and (height, width) of the images in ``source``, from their headers.

    The size is that of the stored pixels, before EXIF rotation. Unreadable images have the size (0,
    0); :func:`read_training_images` reports the reason.

    Raises:
        TrainingError: as :func:`read_training_images`.
    """
    for name, stream in _files(source):
        try:
            with PillowImage.open(stream) as file:
                size = file.size
        except Exception:  # Pillow's decoders raise many types of errors for damaged files
            size = (0, 0)
        yield name, (size[1], size[0])


def read_training_images(
    source: Path,
    skipped: Callable[[str], None],
    wanted: Callable[[str], bool] = lambda name: True,
) -> Iterator[tuple[str, Image]]:
    """Names and pixels of the images in a folder (with subfolders) or a tar file.

    A file with an image's suffix that cannot be read is left out and reported to ``skipped`` in one
    line.

    Args:
        source: the folder or tar file.
        skipped: is called with a line about each file left out.
        wanted: the names to read.

    Raises:
        TrainingError: the source is missing, damaged, or neither a folder nor a tar file.
    """
    for name, stream in _files(source):
        if not wanted(name):
            continue
        try:
            image = read_image(stream, name=name)
        except ImageError as error:
            skipped(str(error))
        else:
            yield name, image


def _files(source: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Names and open streams of the files with an image's suffix, in a fixed order."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if is_image_name(path.name) and path.is_file():
                with path.open("rb") as stream:
                    yield str(path.relative_to(source)), stream
        return
    if not source.exists():
        raise TrainingError(f"{source} does not exist; expected a folder or tar file of images")
    if not tarfile.is_tarfile(source):
        raise TrainingError(f"{source} is neither a folder nor a tar file of images")
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None and is_image_name(PurePosixPath(member.name).name):
                    yield member.name, io.BytesIO(stream.read())
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise TrainingError(
            f"{source} is damaged or not complete ({error}); copy it again"
        ) from error
