"""Independent units: the contents of images, and the panels of raters.

Two crops or frames of one picture are not independent samples, and neither are raters who judged
together. The optional columns ``content`` and ``panel`` name the independent unit; every interval
and test uses these units as samples.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import pandas as pd

from ..data.catalogue import catalogue
from ..errors import RatingsError
from .table_rules import blank_if_missing

_IMAGE = ["dataset", "image"]
UNITS = ["content", "panel"]
_WORD = r"(?:crop|cut|patch|tile|part|region|roi|frame|view|scene|shot)"
# matches kitchen_crop2, baby_0_64 and foreman_f012, but not crop-3_of_x
_PIECE = re.compile(rf"(?P<stem>.*?)[-_. ]*(?:{_WORD}|f|x\d+[-_]?y)?[-_. ]*\d+(?:[-_x]\d+)*", re.I)
_NAMED_PIECE = re.compile(rf"(?:^|[-_. ]){_WORD}[-_. ]*\d", re.I)
_SHORTEST = 3  # shared names with fewer letters are ignored


def check_units(table: pd.DataFrame) -> None:
    """Convert units to text; refuse an image with two contents or a rater with two panels.

    An empty cell, or R's NA, means that the image (the rater) is a unit of its own.

    Raises:
        RatingsError: an image or rater has two units.
    """
    for unit, of in (("content", _IMAGE), ("panel", ["rater"])):
        if unit not in table:
            continue
        table[unit] = blank_if_missing(table[unit])
        pairs = table[[*of, unit]].drop_duplicates()
        twice = pairs[pairs.duplicated(of, keep=False)]
        if len(twice):
            first = twice[(twice[of] == twice[of].iloc[0]).all(axis=1)]
            named = "/".join(str(name) for name in first[of].iloc[0])
            both = " and ".join(f"'{name}'" for name in first[unit].iloc[:2])
            raise RatingsError(
                f"{named} has in the column {unit} the values {both}; give each "
                f"{'image' if unit == 'content' else 'rater'} one {unit}"
            )


def with_units(votes: pd.DataFrame) -> pd.DataFrame:
    """The votes with the names of ``content`` and ``panel`` in every row.

    The table's columns override the catalogue, which lists images of two data sets that show one
    picture (Set5's butterfly is a crop of Set14's monarch). Any other image or rater is its own
    unit.
    """
    image = votes["dataset"].astype(str) + "/" + votes["image"].astype(str)
    known = {name: _known(name) for name in image.unique()}
    content = image.map(known)
    panel = votes["rater"].astype(str)
    if "content" in votes:
        content = content.where(votes["content"] == "", "content " + votes["content"].astype(str))
    if "panel" in votes:
        panel = panel.where(votes["panel"] == "", "panel " + votes["panel"].astype(str))
    return votes.assign(content=content, panel=panel)


def _known(name: str) -> str:
    dataset, _, image = name.partition("/")
    entry = catalogue().get(dataset)
    return entry.contents.get(image, name) if entry else name


def suspected(votes: pd.DataFrame) -> str:
    """A sentence listing images that may show one content, judging by their names; '' if none.

    ``votes`` is a checked table. Images with a ``content`` and the data sets of the catalogue are
    not checked.
    """
    named = with_units(votes)[[*_IMAGE, "content"]].drop_duplicates()
    alone = named.drop_duplicates("content", keep=False)
    alone = alone[~alone["content"].str.startswith("content ")]
    groups = [
        group
        for dataset, own in alone.groupby("dataset")
        if str(dataset) not in catalogue()
        for group in _pieces(own["image"])
    ]
    groups += _namesakes(alone)
    if not groups:
        return ""
    shown = "; ".join(
        ", ".join(group[:3]) + (", ..." if len(group) > 3 else "") for group in groups[:3]
    )
    more = f" and {len(groups) - 3} more groups" if len(groups) > 3 else ""
    return (
        f"some images may show the same picture, judging by their names ({shown}{more}), "
        "and count as independent: if they do, name the picture in a column content of the "
        "ratings, otherwise intervals are too narrow and tests too lenient"
    )


def told_units(votes: pd.DataFrame) -> str:
    """A sentence for a paper that states the independent units; ``votes`` are of phase main."""
    named = with_units(votes)
    images = named[[*_IMAGE, "content"]].drop_duplicates()
    raters = named[["rater", "panel"]].drop_duplicates()
    said = [
        f"the {len(members)} {member}s {verb} {units} independent {unit}s, which are the samples"
        for members, member, unit, verb in (
            (images, "image", "content", "show"),
            (raters, "rater", "panel", "form"),
        )
        if (units := members[unit].nunique()) < len(members)
    ]
    alone = [
        word
        for word, members, unit in (("images", images, "content"), ("raters", raters, "panel"))
        if members[unit].nunique() == len(members)
    ]
    if alone:
        said.append(f"{' and '.join(alone)} are assumed to be independent of each other")
    text = "; ".join(said)
    return text[0].upper() + text[1:] + "."


def _pieces(images: Iterable[str]) -> list[list[str]]:
    """Images of one data set whose names differ only in a trailing number.

    If this holds for all images (img_001, img_002), the data set is simply numbered and none is
    listed, unless the name contains a word for a part (crop, patch, ...).
    """
    stems: dict[str, list[str]] = defaultdict(list)
    for image in images:
        found = _PIECE.fullmatch(image)
        stems[found["stem"].casefold() if found else image.casefold()].append(image)
    groups = [sorted(own) for own in stems.values() if len(own) > 1]
    several = len(stems) > 1
    return [
        own
        for own in groups
        if any(_NAMED_PIECE.search(name) for name in own)
        or (several and sum(c.isalpha() for c in _stem(own[0])) >= _SHORTEST)
    ]


def _stem(image: str) -> str:
    found = _PIECE.fullmatch(image)
    return found["stem"] if found else image


def _namesakes(named: pd.DataFrame) -> list[list[str]]:
    """Images with the same name (a word) in several data sets."""
    key = named["image"].str.casefold()
    shared = named[key.duplicated(keep=False) & (key.str.count("[^\\W\\d_]") >= _SHORTEST)]
    groups = shared.groupby(shared["image"].str.casefold())
    return [
        sorted(own["dataset"] + "/" + own["image"])
        for _, own in groups
        if not set(own["dataset"]) <= set(catalogue())
    ]
