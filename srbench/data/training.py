"""Training photographs held decoded in memory, and random aligned crops cut from them.

Everything is decoded once; the LR images are made once, by the exact MATLAB resize, from whole
images (so a crop has no border artefacts of its own). A batch is one gather on the device that
holds the pixels: no worker processes, no copies.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from ..errors import ImageError, TrainingError
from ..imaging import crop_to_multiple, imresize, read_image, to_rgb
from ..imaging.luma import Image
from .folder import is_image_name


@dataclass(frozen=True)
class _Plane:
    """All images of one resolution as rows of RGB, image after image."""

    pixels: torch.Tensor  # uint8, (total pixels, 3)
    start: torch.Tensor  # int64, (images,): first row of each image
    height: torch.Tensor  # int64, (images,)
    width: torch.Tensor

    def gather(
        self,
        image: torch.Tensor,
        top: torch.Tensor,
        left: torch.Tensor,
        size: int,
        turn: torch.Tensor,
    ) -> torch.Tensor:
        """Square crops (N, 3, size, size) in channels-last memory, each turned in one of 8 ways."""
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
    """HR and LR pixels of a training set on one device.

    Args:
        images: uint8 photographs, RGB or grey (used as R = G = B).
        scale: HR size over LR size.
        device: where the pixels live and the batches are cut.
    """

    def __init__(self, images: Iterable[Image], scale: int, device: torch.device) -> None:
        self.scale = scale
        hr_rows: list[np.ndarray] = []
        lr_rows: list[np.ndarray] = []
        sizes: list[tuple[int, int]] = []
        for image in images:
            hr = crop_to_multiple(to_rgb(image), scale)
            lr = imresize(hr, Fraction(1, scale))
            sizes.append(lr.shape[:2])
            hr_rows.append(np.ascontiguousarray(hr).reshape(-1, 3))
            lr_rows.append(lr.reshape(-1, 3))
        if not sizes:
            raise TrainingError("the training set holds no images")
        self._sizes = torch.tensor(sizes, dtype=torch.int64)
        self._lr = _plane(lr_rows, self._sizes, device)
        self._hr = _plane(hr_rows, self._sizes * scale, device)

    def __len__(self) -> int:
        return len(self._sizes)

    @property
    def megapixels(self) -> float:
        """HR megapixels in all."""
        return len(self._hr.pixels) / 1e6

    def usable(self, crop: int) -> int:
        """How many images are at least ``crop`` HR pixels high and wide."""
        return int((self._sizes.min(dim=1).values * self.scale >= crop).sum())

    def batch(
        self, crop: int, size: int, generator: torch.Generator, part: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """LR in [0, 1] and HR in [-1, 1], float32 (N, 3, ., .) in channels-last memory.

        ``size`` random crops of ``crop`` HR pixels from distinct images (as the paper draws
        them; repeated only when there are fewer images), flipped and turned alike. Larger
        images are drawn more often, by the root of their area. ``part`` of them is cut and given:
        what one of several processes needs.

        Raises:
            TrainingError: the crop is no multiple of the scale, or larger than every image.
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
        device = self._lr.pixels.device
        image, top, left, turn = (
            t[part].to(device, non_blocking=True) for t in (image, place[:, 0], place[:, 1], turn)
        )
        lr = self._lr.gather(image, top, left, short, turn)
        hr = self._hr.gather(image, top * self.scale, left * self.scale, crop, turn)
        return lr.float() / 255.0, hr.float() / 127.5 - 1.0


def _plane(rows: list[np.ndarray], sizes: torch.Tensor, device: torch.device) -> _Plane:
    count = sizes.prod(dim=1)
    start = torch.cumsum(count, 0) - count
    return _Plane(
        torch.from_numpy(np.concatenate(rows)).to(device),
        start.to(device),
        sizes[:, 0].to(device),
        sizes[:, 1].to(device),
    )


def read_training_images(
    source: Path, skipped: Callable[[str], None]
) -> Iterator[tuple[str, Image]]:
    """Names and pixels of the images in a folder (searched to the bottom) or a tar file.

    A file with an image's suffix that cannot be read is passed to ``skipped`` as one line and
    left out.

    Raises:
        TrainingError: the source is missing, damaged, or neither a folder nor a tar file.
    """
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if is_image_name(path.name) and path.is_file():
                try:
                    yield str(path.relative_to(source)), read_image(path)
                except ImageError as error:
                    skipped(str(error))
        return
    if not source.exists():
        raise TrainingError(f"{source} does not exist; expected a folder or tar file of images")
    if not tarfile.is_tarfile(source):
        raise TrainingError(f"{source} is neither a folder nor a tar file of images")
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is None or not is_image_name(PurePosixPath(member.name).name):
                    continue
                try:
                    yield member.name, read_image(io.BytesIO(stream.read()), name=member.name)
                except ImageError as error:
                    skipped(str(error))
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise TrainingError(
            f"{source} is damaged or not complete ({error}); copy it again"
        ) from error
