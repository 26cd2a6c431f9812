"""Low-resolution copies among photographs, told by their names, sizes and miniatures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple, Self

from ..imaging.luma import Image
from .pixels import same_picture, thumbnail

_SEPARATED = r"(?:^|(?<=[^a-z]))(?:{})(?=[^a-z]|$)"
# LR, lr_x4, LRbicx4, LRBI, LR_bicubic, DIV2K_train_LR_unknown; a name such as "colour" is none.
_LOW = re.compile(_SEPARATED.format(r"lr(?:bic|bi|bd|dn)?(?:x?\d+)?|low-?res(?:olution)?|lowres"))
# The parts of a name in which an original and its copies differ.
_MARKS = re.compile(
    r"[-_. ]*(?:(?:lr|hr|gt|bicubic|bic|bi|bd|srf|original|low-?res|high-?res)(?![a-z])|x\d+[mdw]?)"
    r"(?:[-_ ]*x?[2-9](?!\d))?$"
)


class Picture(NamedTuple):
    """What is known of an image: size in pixels and, once it was read, its 8x8 miniature."""

    height: int
    width: int
    miniature: Image | None = None

    @classmethod
    def of(cls, image: Image) -> Self:
        """Of an image, uint8 of shape (H, W) or (H, W, 3)."""
        return cls(image.shape[0], image.shape[1], thumbnail(image))


def low_resolution(pictures: Mapping[str, Picture]) -> tuple[dict[str, str], list[str]]:
    """Which pictures are low-resolution copies: of another one there, or by their names alone.

    Args:
        pictures: by path, with ``/`` between the parts.

    Returns:
        ``copies``, by name the name of the original that each is a copy of: one file name but for
        marks such as ``x4``, ``_LR`` or ``_SRF_4_HR``, exactly 1/2 to 1/16 of the size, and the
        same picture (where a miniature is missing: a mark in its path instead); and ``alone``,
        those in a folder or under a name that says LR without such an original.
    """
    copies: dict[str, str] = {}
    for names in _by_stem(pictures).values():
        names.sort(key=lambda name: pictures[name][:2], reverse=True)
        for place, name in enumerate(names):
            for larger in names[:place]:
                if larger not in copies and _is_copy(pictures[larger], pictures[name], name):
                    copies[name] = larger
                    break
    alone = [n for n in pictures if n not in copies and says_lr(n)]
    return copies, alone


def namesakes(names: Iterable[str]) -> frozenset[str]:
    """The names that others share but for marks: only among these are copies."""
    groups = _by_stem(names).values()
    return frozenset(name for group in groups if len(group) > 1 for name in group)


def _by_stem(names: Iterable[str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[unmarked(PurePosixPath(name).stem.casefold())].append(name)
    return groups


def _is_copy(original: Picture, other: Picture, name: str) -> bool:
    """Whether the size is an exact fraction, of the original cut to a multiple or not."""
    if original.miniature is None or other.miniature is None:
        path = PurePosixPath(name.casefold())
        alike = any(_MARKS.search(part) for part in (*path.parts[:-1], path.stem))
    else:
        alike = same_picture(original.miniature, other.miniature)
    return alike and any(
        other[:2] == (original.height // k, original.width // k)
        or other[:2] == (-(-original.height // k), -(-original.width // k))
        for k in range(2, 17)
    )


def says_lr(name: str) -> bool:
    """Whether a folder's or file's name says that it holds low-resolution images."""
    return bool(_LOW.search(name.casefold()))


def unmarked(stem: str) -> str:
    """A file's name (without its ending, case folded) without marks of size at its end."""
    while (shorter := _MARKS.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem
