"""Find low-resolution copies among photographs by names, sizes and miniatures."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple, Self

from ..imaging.luma import Image
from .pixels import same_picture, thumbnail

_SEPARATED = r"(?:^|(?<=[^a-z]))(?:{})(?=[^a-z]|$)"
# Matches LR, lr_x4, LRbicx4, LRBI, LR_bicubic and DIV2K_train_LR_unknown, but not "colour".
_LOW = re.compile(_SEPARATED.format(r"lr(?:bic|bi|bd|dn)?(?:x?\d+)?|low-?res(?:olution)?|lowres"))
# Matches x4, X4, 0801x4, EDSR_x4 and 4x-model, but not "max2" or "x16".
_SCALE = re.compile(r"(?<![a-z])x([2-8])(?![0-9a-z])|(?<![0-9a-z])([2-8])x(?![0-9a-z])")
# The parts of a name that differ between an original and its copies.
_MARKS = re.compile(
    r"[-_. ]*(?:(?:lr|hr|gt|bicubic|bic|bi|bd|srf|original|low-?res|high-?res)(?![a-z])|x\d+[mdw]?)"
    r"(?:[-_ ]*x?[2-9](?!\d))?$"
)


class Picture(NamedTuple):
    """The known facts of an image: size in pixels and, after reading, its 8x8 miniature."""

    height: int
    width: int
    miniature: Image | None = None

    @classmethod
    def of(cls, image: Image) -> Self:
        """The facts of an image, uint8 of shape (H, W) or (H, W, 3)."""
        return cls(image.shape[0], image.shape[1], thumbnail(image))


def low_resolution(pictures: Mapping[str, Picture]) -> tuple[dict[str, str], list[str]]:
    """Find pictures that are low-resolution copies of another one, or low-resolution by name.

    Args:
        pictures: by path, with ``/`` between the parts.

    Returns:
        ``copies``: for each copy, its original. Their file names differ only in marks such as
        ``x4``, ``_LR`` or ``_SRF_4_HR``, the size is exactly 1/2 to 1/16, and they show the same
        picture (without a miniature: the path has a mark). ``alone``: pictures whose folder or name
        says LR, without such an original.
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
    """The names that are equal to another one except for marks; only these can be copies."""
    groups = _by_stem(names).values()
    return frozenset(name for group in groups if len(group) > 1 for name in group)


def _by_stem(names: Iterable[str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[unmarked(PurePosixPath(name).stem.casefold())].append(name)
    return groups


def _is_copy(original: Picture, other: Picture, name: str) -> bool:
    """Whether the size is an exact fraction of the original's, cropped to a multiple or not."""
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
    """Whether a folder's or file's name marks low-resolution images."""
    return bool(_LOW.search(name.casefold()))


def other_scale(names: Iterable[str], scale: int) -> int | None:
    """The scale that names of folders and files state, if it is another than ``scale``."""
    found = {int(a or b) for name in names for a, b in _SCALE.findall(name.casefold())}
    return found.pop() if len(found) == 1 and scale not in found else None


def unmarked(stem: str) -> str:
    """A file's name (without suffix, case folded) without size marks at its end."""
    while (shorter := _MARKS.sub("", stem)) and shorter != stem:
        stem = shorter
    return stem
