"""What is independent: contents behind images, panels behind raters.

Crops or frames of one picture are not two samples of pictures, and raters who judged together are
not two samples of people. The optional columns ``content`` and ``panel`` name the independent unit;
every interval and test takes these units, not images and raters, for samples.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import pandas as pd

from ..data.catalogue import catalogue
from ..errors import RatingsError

_IMAGE = ["dataset", "image"]
UNITS = ["content", "panel"]
_WORD = r"(?:crop|cut|patch|tile|part|region|roi|frame|view|scene|shot)"
# kitchen_crop2, crop-3_of_x is none; baby_0_64; foreman_f012
_PIECE = re.compile(rf"(?P<stem>.*?)[-_. ]*(?:{_WORD}|f|x\d+[-_]?y)?[-_. ]*\d+(?:[-_x]\d+)*", re.I)
_NAMED_PIECE = re.compile(rf"(?:^|[-_. ]){_WORD}[-_. ]*\d", re.I)
_SHORTEST = 3  # letters that a shared name needs to mean something


def check_units(table: pd.DataFrame) -> None:
    """Units as text; refuse an image of two contents and a rater of two panels.

    An empty cell means that the image (the rater) is a unit of its own.

    Raises:
        RatingsError: a contradiction; says the first.
    """
    for unit, of in (("content", _IMAGE), ("panel", ["rater"])):
        if unit not in table:
            continue
        cells = table[unit].astype(object).where(table[unit].notna(), "")
        table[unit] = cells.astype(str).str.strip()
        pairs = table[[*of, unit]].drop_duplicates()
        twice = pairs[pairs.duplicated(of, keep=False)]
        if len(twice):
            first = twice[(twice[of] == twice[of].iloc[0]).all(axis=1)]
            named = "/".join(str(name) for name in first[of].iloc[0])
            both = " and ".join(f"'{name}'" for name in first[unit].iloc[:2])
            raise RatingsError(
                f"{named} stands in the column {unit} as {both}; give each "
                f"{'image' if unit == 'content' else 'rater'} one {unit}"
            )


def with_units(votes: pd.DataFrame) -> pd.DataFrame:
    """The votes with a ``content`` and a ``panel`` in every row, told apart by name.

    What a column says goes before what the catalogue knows: images of two data sets that show one
    picture (Set5's butterfly is cut from Set14's monarch). Everything else is a unit of its own.
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
    """Which images may show one content by their names, as a sentence; '' where none does.

    ``votes`` is a checked table. Nothing is said of images that a column ``content`` names, nor
    within the data sets of the catalogue, which is known.
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
        f"some images may be cut from one picture, by their names ({shown}{more}), and count as "
        "independent: if they are, name what they share in a column content of the ratings, "
        "else intervals are too narrow and tests too lenient"
    )


def told_units(votes: pd.DataFrame) -> str:
    """What was taken for independent, as a sentence for a paper; ``votes`` are of phase main."""
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
    """Images of one data set whose names differ in a trailing number only.

    Where all of them do (img_001, img_002) the set is numbered, and nothing is suspected, unless
    the name says that it is a piece.
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
    """Images of one name in several data sets, where the name is a word."""
    key = named["image"].str.casefold()
    shared = named[key.duplicated(keep=False) & (key.str.count("[^\\W\\d_]") >= _SHORTEST)]
    groups = shared.groupby(shared["image"].str.casefold())
    return [
        sorted(own["dataset"] + "/" + own["image"])
        for _, own in groups
        if not set(own["dataset"]) <= set(catalogue())
    ]
