"""Verify a data set by its decoded pixels, for any file format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ..errors import ImageError
from ..imaging import read_image
from ..imaging.luma import Image
from ..observer import Observer
from .catalogue import MULTIPLES, Entry, PixelRecord, canonical_name, catalogue
from .folder import Dataset, image_id_of
from .pixels import pixel_sha256, same_picture, thumbnail
from .recorded import sightings

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
    """The result for one image of a data set.

    - ``ok``: the canonical pixels.
    - ``re-compressed``: the same picture in the same size, but other pixels.
    - ``mod-cropped``: the canonical pixels, cropped at the bottom and right to a multiple.
    - ``resized``: the same picture in another size.
    - ``channels differ``: grey although the canonical image is RGB, or vice versa.
    - ``wrong image``: another picture.
    - ``missing``, ``extra``: an id without a file, or an id that the canonical set lacks.
    - ``unreadable``: the file cannot be decoded.
    - ``unrecorded``: readable, but its correct pixels are not recorded.

    ``detail``: one line on what was found and what was expected; empty for ``ok``.
    """

    image: str
    status: Status
    detail: str = ""

    @property
    def good(self) -> bool:
        """Whether the image is ``ok`` or ``unrecorded``."""
        return self.status in ("ok", "unrecorded")


@dataclass(frozen=True)
class Recognised:
    """A data set compared with the catalogue.

    ``dataset`` has the catalogue's ids for images that are identified by name or, if the names
    differ, by pixels; ``renamed`` maps these ids to files. Other images keep their own ids.
    ``findings`` are those of :func:`verify`.
    """

    dataset: Dataset
    findings: tuple[Finding, ...]
    renamed: Mapping[str, str]


def verify(dataset: Dataset, observer: Observer | None = None) -> list[Finding]:
    """One finding per image of the data set and of its catalogue entry, sorted by id.

    Images whose names differ from the catalogue's ids are identified by their pixels. In a data set
    that is not in the catalogue, each image is ``unrecorded`` or ``unreadable``.
    """
    return list(recognise(dataset, observer).findings)


def by_names(dataset: Dataset) -> list[Finding]:
    """Missing and extra images of a data set of the catalogue, by ids only."""
    entry = catalogue()[dataset.name]
    expected, there = set(entry.ids), set(dataset.ids)
    found = [Finding(i, "missing", "no file has this id") for i in expected - there]
    found += [Finding(i, "extra", f"{entry.name} has no such image") for i in there - expected]
    found += [Finding(i, "unrecorded", "no pixels on record") for i in expected & there]
    return sorted(found, key=lambda finding: finding.image)


def recognise(dataset: Dataset, observer: Observer | None = None) -> Recognised:
    """Compare a data set with the catalogue's entry of its name; see `verify`."""
    entry = catalogue().get(canonical_name(dataset.name) or "")
    expected = entry.ids if entry else dataset.ids
    by_name = {image_id.casefold(): image_id for image_id in expected}
    claims: defaultdict[str, list[tuple[str, Finding]]] = defaultdict(list)
    observer = observer or Observer()
    observer.begin(f"verifying {dataset.name}", len(dataset.ids), unit="original")
    for own, path in dataset.images.items():
        image_id, finding = _judge_file(own, path, by_name.get(own.casefold()), entry)
        claims[image_id].append((own, finding))
        observer.step_done(own)
    observer.end()
    findings: list[Finding] = []
    images: dict[str, Path] = {}
    for image_id, claimants in claims.items():
        # A file with the right name comes first, then one with the right pixels.
        claimants.sort(key=lambda c: (c[0].casefold() != image_id.casefold(), not c[1].good, c[0]))
        (first, finding), *others = claimants
        findings.append(finding)
        images[image_id] = dataset.images[first]
        for own, other in others:
            detail = f"shows {image_id}, as {dataset.images[first].name} does; {other.detail}"
            findings.append(Finding(own, "extra", detail.rstrip("; ")))
            images[own] = dataset.images[own]
    for image_id in set(expected) - set(images):
        findings.append(Finding(image_id, "missing", "no file has this id"))
    stems = {image_id: image_id_of(path) for image_id, path in images.items()}
    return Recognised(
        Dataset(dataset.name, MappingProxyType({i: images[i] for i in sorted(images)})),
        tuple(sorted(findings, key=lambda finding: finding.image)),
        {stem: i for i, stem in stems.items() if stem.casefold() != i.casefold()},
    )


def _judge_file(
    own: str, path: Path, named: str | None, entry: Entry | None
) -> tuple[str, Finding]:
    """The catalogue's id of a file (else its own) and its finding."""
    try:
        image = read_image(path)
    except ImageError as error:
        return named or own, Finding(named or own, "unreadable", str(error))
    image_id = named or (_whose(image, entry.pixels) if entry else None)
    if image_id is None or entry is None:
        status: Status = "extra" if entry else "unrecorded"
        detail = f"{entry.name} has no such image{_shown(image)}" if entry else _unrecorded(image)
        return named or own, Finding(named or own, status, detail)
    record = entry.pixels.get(image_id)
    if record is None:
        return image_id, Finding(image_id, "unrecorded", _unrecorded(image))
    status, detail = judge(image, record, cropped=entry.cropped)
    if status == "wrong image":
        detail += _shown(image)
    return image_id, Finding(image_id, status, detail)


def _whose(image: Image, records: Mapping[str, PixelRecord]) -> str | None:
    """The id of the record that shows the same picture, in any size; None if there is none."""
    digest, seen = pixel_sha256(image), thumbnail(image)
    for image_id, record in records.items():
        if digest == record.sha256 or digest in record.crops:
            return image_id
    alike = [i for i, record in records.items() if same_picture(seen, record.miniature)]
    return alike[0] if len(alike) == 1 else None


def _shown(image: Image) -> str:
    """``: it shows Set14/baboon, mirrored`` for a picture that the catalogue knows."""
    for sight in sightings(image):
        turned = f", turned by {90 * sight.quarter_turns} degrees" if sight.quarter_turns else ""
        mirrored = ", mirrored" if sight.mirrored else ""
        return f": it shows {sight.dataset}/{sight.image}{mirrored}{turned}"
    return ""


def _unrecorded(image: Image) -> str:
    return f"{_size(image)}, no pixels on record"


def judge(image: Image, record: PixelRecord, *, cropped: int = 1) -> tuple[Status, str]:
    """Compare an image with the canonical one; returns a status and a one-line detail.

    ``cropped`` is the multiple to which the record was cropped: an image with the same pixels after
    cropping is also ``ok``.
    """
    digest = pixel_sha256(image)
    canonical = f"{record.width}x{record.height} {_kind(record.channels)}"
    found = f"is {_size(image)}, the canonical image is {canonical}"
    if digest == record.sha256:
        return "ok", ""
    if digest in record.crops:
        return "mod-cropped", f"cropped to a multiple of {_multiples(image, record)}: {found}"
    height, width = (length - length % cropped for length in image.shape[:2])
    if cropped > 1 and pixel_sha256(image[:height, :width]) == record.sha256:
        return "ok", ""
    if not same_picture(thumbnail(image), record.miniature):
        return "wrong image", f"shows a different picture; {found}"
    if image.ndim != (2 if record.channels == 1 else 3):
        return "channels differ", found + _same_levels(image, record)
    if image.shape[:2] == (record.height, record.width):
        return "re-compressed", "the same picture in the same size, but with other pixels"
    multiples = _multiples(image, record)
    if multiples:
        return "mod-cropped", f"cropped to a multiple of {multiples} and re-compressed: {found}"
    part = next((k for k in range(2, 17) if _is_part(image, record, k)), None)
    if part:
        return "resized", f"the same picture at 1/{part} of its size, as LR images are: {found}"
    return "resized", f"the same picture in another size: {found}"


def _is_part(image: Image, record: PixelRecord, k: int) -> bool:
    return image.shape[:2] in (
        (record.height // k, record.width // k),
        (-(-record.height // k), -(-record.width // k)),
    )


def _multiples(image: Image, record: PixelRecord) -> str:
    """The multiples to which a crop of this size corresponds, as "2 or 4"; "" for none."""
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
