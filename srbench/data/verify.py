"""Is this the canonical data set? Judged by decoded pixels, whatever the file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import ImageError
from ..imaging import read_image
from ..imaging.luma import Image
from ..observer import Observer
from .catalogue import MULTIPLES, PixelRecord, canonical_name, catalogue
from .folder import Dataset
from .pixels import pixel_sha256, same_picture, thumbnail

Status = Literal[
    "ok",
    "re-compressed",
    "mod-cropped",
    "resized",
    "channels differ",
    "wrong image",
    "missing",
    "extra",
    "unreadable",
    "unrecorded",
]


@dataclass(frozen=True)
class Finding:
    """What one image of a data set turned out to be.

    - ``ok``: the canonical pixels.
    - ``re-compressed``: the same picture in the same size, but other pixels.
    - ``mod-cropped``: the canonical pixels, cut at the bottom and right to a multiple.
    - ``resized``: the same picture in another size.
    - ``channels differ``: grey where the canonical image is RGB, or the other way round.
    - ``wrong image``: another picture.
    - ``missing``, ``extra``: an id that is not there, or that the canonical set does not have.
    - ``unreadable``: the file cannot be decoded.
    - ``unrecorded``: readable, but nobody has recorded what its pixels must be.

    ``detail`` says what was found and what was expected, in one line; it is empty for ``ok``.
    """

    image: str
    status: Status
    detail: str = ""

    @property
    def good(self) -> bool:
        """Nothing is known against the image: ``ok`` or ``unrecorded``."""
        return self.status in ("ok", "unrecorded")


def verify(dataset: Dataset, observer: Observer | None = None) -> list[Finding]:
    """One finding per image of the data set and of its catalogue entry, sorted by id.

    A data set that is not in the catalogue is read through: each image is ``unrecorded`` or
    ``unreadable``.
    """
    name = canonical_name(dataset.name)
    entry = catalogue()[name] if name else None
    expected = entry.ids if entry else dataset.ids
    records = entry.pixels if entry else {}
    ids = sorted({*expected, *dataset.ids})
    findings = []
    observer = observer or Observer()
    observer.begin(f"verifying {dataset.name}", len(ids))
    for image_id in ids:
        if image_id not in dataset.images:
            findings.append(Finding(image_id, "missing", "there is no file of that id"))
        elif image_id not in expected:
            findings.append(Finding(image_id, "extra", f"{dataset.name} has no such image"))
        else:
            findings.append(_judge_file(dataset, image_id, records.get(image_id)))
        observer.step_done(image_id)
    observer.end()
    return findings


def _judge_file(dataset: Dataset, image_id: str, record: PixelRecord | None) -> Finding:
    try:
        image = read_image(dataset.images[image_id])
    except ImageError as error:
        return Finding(image_id, "unreadable", str(error))
    if record is None:
        return Finding(image_id, "unrecorded", f"{_size(image)}, no pixels on record")
    status, detail = judge(image, record)
    return Finding(image_id, status, detail)


def judge(image: Image, record: PixelRecord) -> tuple[Status, str]:
    """What an image is, held against the canonical one: a status and a one-line detail."""
    digest = pixel_sha256(image)
    canonical = f"{record.width}x{record.height} {_kind(record.channels)}"
    found = f"is {_size(image)}, the canonical image is {canonical}"
    if digest == record.sha256:
        return "ok", ""
    if digest in record.crops:
        return "mod-cropped", f"cropped to a multiple of {_multiples(image, record)}: {found}"
    if not same_picture(thumbnail(image), record.miniature):
        return "wrong image", f"shows another picture; {found}"
    if image.ndim != (2 if record.channels == 1 else 3):
        return "channels differ", found + _same_levels(image, record)
    if image.shape[:2] == (record.height, record.width):
        return "re-compressed", "the same picture in the same size, but with other pixels"
    multiples = _multiples(image, record)
    if multiples:
        return "mod-cropped", f"cropped to a multiple of {multiples} and re-compressed: {found}"
    return "resized", f"the same picture in another size: {found}"


def _multiples(image: Image, record: PixelRecord) -> str:
    """Which multiples a crop of this size is of, as "2 or 4"; "" for none."""
    return " or ".join(
        str(m)
        for m in MULTIPLES
        if image.shape[:2] == (record.height // m * m, record.width // m * m)
    )


def _same_levels(image: Image, record: PixelRecord) -> str:
    grey_as_rgb = image.ndim == 3 and (image == image[..., :1]).all()
    if grey_as_rgb and pixel_sha256(image[..., 0]) == record.sha256:
        return "; the same levels, stored as R=G=B"
    return ""


def _kind(channels: int) -> str:
    return "grey" if channels == 1 else "RGB"


def _size(image: Image) -> str:
    return f"{image.shape[1]}x{image.shape[0]} {_kind(1 if image.ndim == 2 else 3)}"
