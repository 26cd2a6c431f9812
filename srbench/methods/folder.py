"""Results from elsewhere: a folder of images, one subfolder per data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.folder import image_id_of
from ..data.siblings import other_scale
from ..errors import DatasetError, SizeMismatch
from ..imaging import crop_to_multiple, read_image
from ..imaging.luma import Image
from .base import ImageId, file_sha256
from .likeness import Unlike, unlike


@dataclass(frozen=True)
class FolderMethod:
    """A method that returns finished SR images by data set and image id."""

    name: str
    scale: int
    files: Mapping[ImageId, Path]
    timed: bool = False
    trained_on_metric: None = None

    def fingerprint(self, source: ImageId) -> str:
        return f"file {file_sha256(self.files[source])}"

    def prepare(self) -> None:
        pass

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        if source is None or source not in self.files:
            raise DatasetError(f"{self.name} has no image for {source}")
        path = self.files[source]
        sr = read_image(path)
        _refuse_other_form(path, sr.shape, lr.shape, self.scale)
        return sr


def check_result(sr: Path, original: Path | None, lr: Path | None, scale: int) -> Unlike:
    """Check a result before a run; return how it seems to differ from the picture of its name.

    ``original`` is None without originals; then ``lr`` is the LR image.

    Raises:
        ImageError: a file is not an image, or is damaged.
        SizeMismatch: the result's size is not that of its original cropped to ``scale``, or it is
            grey and the original RGB.
    """
    result = read_image(sr)
    if original is not None:
        picture = crop_to_multiple(read_image(original), scale)
        height, width, *channels = picture.shape
        lr_shape = (height // scale, width // scale, *channels)
    else:
        assert lr is not None, "a data set has originals or LR images"
        picture = read_image(lr)
        lr_shape = picture.shape
    _refuse_other_form(sr, result.shape, lr_shape, scale)
    return unlike(result, picture)


def other_scale_named(
    method: str, folders: Sequence[Path], images: Mapping[str, Path], scale: int
) -> str:
    """A note if folders of results, or files with other names than their originals, state another
    scale, under which scores may differ (the border that is cut); "" otherwise.
    """
    stems = [path.stem for image, path in images.items() if image_id_of(path) != image]
    named = other_scale([*(folder.name for folder in folders), *stems], scale)
    if named is None:
        return ""
    return f"{method}: the names say x{named}, but the scale is x{scale}; check the scale"


def _refuse_other_form(path: Path, sr: tuple[int, ...], lr: tuple[int, ...], scale: int) -> None:
    height, width = lr[0] * scale, lr[1] * scale
    if sr[:2] != (height, width):
        raise SizeMismatch(
            f"{path} is {sr[1]}x{sr[0]}, expected {width}x{height}: the original cropped at the "
            f"bottom and right to a multiple of {scale}"
        )
    if len(sr) < len(lr):
        raise SizeMismatch(f"{path} has 1 channel, expected 3 (its original is RGB)")
