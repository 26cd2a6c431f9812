"""The known data sets: sources, licences, ids, and the hashes of each image's pixels.

``catalogue.toml`` is edited manually; :func:`record_pixels` writes ``pixels.csv``.
"""

from __future__ import annotations

import csv
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from ..imaging.luma import Image
from .pixels import pixel_sha256, thumbnail

SAMPLE = "sample"
AUTO = ("Set5", "Set14", "BSD100")
MULTIPLES = (2, 3, 4, 8, 12)


@dataclass(frozen=True)
class Source:
    """One address of an archive with a data set.

    ``hash``: ``md5:...`` or ``sha256:...`` of the archive, if published. ``inside``: the archive's
    folder with the HR images; ``rename`` replaces a prefix of the file names. ``verified``: whether
    we have fetched it ourselves.
    """

    url: str
    inside: str
    seen_in: str
    verified: bool
    hash: str | None = None
    rename: tuple[str, str] | None = None


@dataclass(frozen=True)
class PixelRecord:
    """The pixels of one canonical image, for any file format.

    ``crops`` contains the sha256 of the image cropped (bottom and right) to each of ``MULTIPLES``
    that changes it. ``miniature`` is its 8x8 :func:`~srbench.data.pixels.thumbnail`.
    """

    width: int
    height: int
    channels: int
    sha256: str
    miniature: Image
    crops: frozenset[str]


@dataclass(frozen=True)
class Entry:
    """A data set of the catalogue; ``pixels`` is empty if they are not recorded yet.

    ``aliases`` are other usual names. ``cropped`` is the multiple to which the recorded images are
    cropped, 1 for none: a larger file with the same pixels after cropping is the same image.
    ``contents`` lists images that show the same picture as one of another set (image to
    ``set/image``).
    """

    name: str
    aliases: tuple[str, ...]
    cropped: int
    licence: str
    homepage: str
    ids: tuple[str, ...]
    sources: tuple[Source, ...]
    contents: Mapping[str, str]
    pixels: Mapping[str, PixelRecord]


@cache
def catalogue() -> Mapping[str, Entry]:
    """All known data sets by canonical name, in the catalogue's order."""
    text = files("srbench.data").joinpath("catalogue.toml").read_text(encoding="utf-8")
    pixels = _read_pixels()
    return MappingProxyType(
        {name: _entry(name, table, pixels) for name, table in tomllib.loads(text).items()}
    )


def canonical_name(name: str) -> str | None:
    """The catalogue's name for ``name`` or an alias of it; None if it has no such set.

    ``B100``, ``bsds-100`` and ``BSD_100`` are BSD100; ``Set5_HR`` is Set5.
    """
    return _by_usual_name().get(_plain(name))


@cache
def _by_usual_name() -> Mapping[str, str]:
    return {
        _plain(usual): entry.name
        for entry in catalogue().values()
        for usual in (entry.name, *entry.aliases)
    }


def _plain(name: str) -> str:
    """The name without case, separators and a trailing HR, in which spellings differ."""
    text = unicodedata.normalize("NFKC", name).casefold()
    text = re.sub(r"[-_.\s]+", "-", text.strip()).removesuffix("-hr")
    return re.sub(r"(?<=[^\W\d])-(?=\d)", "", text)


def _entry(name: str, table: dict[str, Any], pixels: Mapping[str, dict[str, PixelRecord]]) -> Entry:
    records = pixels.get(name, {})
    if "numbered" in table:
        rule = table["numbered"]
        ids = [rule["format"].format(n) for n in range(rule["first"], rule["last"] + 1)]
    else:
        ids = table.get("ids", records)
    sources = tuple(
        Source(
            url=source["url"],
            inside=source["inside"],
            seen_in=source["seen_in"],
            verified=source["verified"],
            hash=source.get("hash"),
            rename=tuple(source["rename"]) if "rename" in source else None,
        )
        for source in table.get("sources", [])
    )
    return Entry(
        name=name,
        aliases=tuple(table.get("aliases", ())),
        cropped=table.get("cropped", 1),
        licence=table["licence"],
        homepage=table["homepage"],
        ids=tuple(sorted(ids)),
        sources=sources,
        contents=MappingProxyType(dict(table.get("contents", {}))),
        pixels=MappingProxyType(records),
    )


COLUMNS = ("dataset", "image", "width", "height", "channels", "sha256", "miniature", "crops")


def record_pixels(dataset: str, image_id: str, image: Image) -> dict[str, str]:
    """One row of ``pixels.csv`` (columns ``COLUMNS``), from a canonical image."""
    height, width = image.shape[:2]
    crops: list[str] = []
    for multiple in MULTIPLES:
        cropped = image[: height - height % multiple, : width - width % multiple]
        if cropped.size and cropped.shape != image.shape:
            crops.append(pixel_sha256(cropped))
    return {
        "dataset": dataset,
        "image": image_id,
        "width": str(width),
        "height": str(height),
        "channels": str(1 if image.ndim == 2 else 3),
        "sha256": pixel_sha256(image),
        "miniature": thumbnail(image).tobytes().hex(),
        "crops": " ".join(dict.fromkeys(crops)),
    }


def _read_pixels() -> dict[str, dict[str, PixelRecord]]:
    text = files("srbench.data").joinpath("pixels.csv").read_text(encoding="utf-8")
    found: dict[str, dict[str, PixelRecord]] = {}
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["dataset"], {})[row["image"]] = PixelRecord(
            width=int(row["width"]),
            height=int(row["height"]),
            channels=int(row["channels"]),
            sha256=row["sha256"],
            miniature=np.frombuffer(bytes.fromhex(row["miniature"]), np.uint8).reshape(8, 8),
            crops=frozenset(row["crops"].split()),
        )
    return found
