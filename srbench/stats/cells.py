"""Votes as an array: methods x raters x images, NaN where a vote is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .ratings import REFERENCE
from .units import with_units

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ALL = "all"
IMAGE = ["dataset", "image"]
STIMULUS = [*IMAGE, "method"]


@dataclass(frozen=True)
class Cells:
    """The votes of one data set (or of all) as an array.

    ``scores`` has shape (methods, raters, images). A rater's repeated votes on one stimulus are
    averaged into one cell; ``votes`` (methods,) counts every vote. ``panel`` (raters,) and
    ``content`` (images,) give each rater's and image's independent unit as a number from 0.
    """

    methods: list[str]
    raters: list[str]
    images: list[str]
    scores: Floats
    votes: Ints
    panel: Ints
    content: Ints

    @property
    def units(self) -> tuple[str, str]:
        """The names of the two independent units: rater or panel, image or content."""
        return (
            "panel" if _shared(self.panel) else "rater",
            "content" if _shared(self.content) else "image",
        )

    def pooled(self, table: Floats, rater_weights: Floats | None = None) -> tuple[Floats, Floats]:
        """A (raters, images) table averaged to (panels, contents), NaN without cells, and weights.

        The weight of a mean is its number of cells or the sum of ``rater_weights`` (raters,).
        """
        weight = (~np.isnan(table)).astype(float)
        if rater_weights is not None:
            weight *= rater_weights[:, None]
        if self.units == ("rater", "image"):
            return table, weight
        rows, columns = _membership(self.panel), _membership(self.content)
        total = rows.T @ (weight * np.nan_to_num(table)) @ columns
        summed = rows.T @ weight @ columns
        with np.errstate(invalid="ignore"):
            return total / summed, summed

    def of_raters(self, keep: Ints) -> Cells:
        """The block with only these raters."""
        panel = np.unique(self.panel[keep], return_inverse=True)[1].astype(np.int64)
        raters: list[str] = [self.raters[int(i)] for i in keep]
        return replace(self, raters=raters, scores=self.scores[:, keep], panel=panel)

    def of(self, method: str) -> Floats:
        """The (raters, images) table of one method."""
        return self.scores[self.methods.index(method)]

    @property
    def reference(self) -> Floats | None:
        """The (raters, images) table of the original, if it was rated."""
        return self.of(REFERENCE) if REFERENCE in self.methods else None


def _shared(unit: Ints) -> bool:
    """Whether any unit has several members."""
    return len(unit) > 0 and int(unit.max()) + 1 < len(unit)


def _membership(unit: Ints) -> Floats:
    """(members, units): 1 where a member belongs to a unit."""
    return np.eye(int(unit.max()) + 1)[unit]


def codes(values: pd.Series) -> tuple[Ints, list[str]]:
    """A whole number for each name, and the sorted names."""
    numbers, names = pd.factorize(values, sort=True)
    return numbers.astype(np.int64), [str(name) for name in names]


def codes_of(votes: pd.DataFrame, columns: list[str]) -> tuple[Ints, list[str]]:
    """A whole number for each combination of names, and its ``name/name...``, sorted by column.

    Joining the names of every vote as text would take longer than most of the statistics.
    """
    parts = [codes(votes[column]) for column in columns]
    shape = tuple(len(names) for _, names in parts)
    flat, numbers = np.unique(
        np.ravel_multi_index(tuple(number for number, _ in parts), shape), return_inverse=True
    )
    places: list[list[int]] = np.array(np.unravel_index(flat, shape), dtype=np.int64).T.tolist()
    labels: list[list[str]] = [[str(name) for name in names] for _, names in parts]
    found = [
        "/".join(column[i] for column, i in zip(labels, place, strict=True)) for place in places
    ]
    return np.asarray(numbers, dtype=np.int64), found


def cells(votes: pd.DataFrame) -> Cells:
    """Arrange main votes as a block. An image is identified by its data set and id.

    `with_units` gives the units of raters and images.
    """
    method, methods = codes(votes["method"])
    rater, raters = codes(votes["rater"])
    image, images = codes_of(votes, IMAGE)
    shape = (len(methods), len(raters), len(images))
    flat = np.ravel_multi_index((method, rater, image), shape)
    size = int(np.prod(shape))
    count = np.bincount(flat, minlength=size)
    total = np.bincount(flat, votes["score"].to_numpy(dtype=float), minlength=size)
    with np.errstate(invalid="ignore"):
        scores = (total / count).reshape(shape)
    counted = np.bincount(method, minlength=len(methods)).astype(np.int64)
    named = with_units(votes)
    panel, content = codes(named["panel"])[0], codes(named["content"])[0]
    of_rater = np.zeros(len(raters), dtype=np.int64)
    of_image = np.zeros(len(images), dtype=np.int64)
    of_rater[rater], of_image[image] = panel, content
    return Cells(methods, raters, images, scores, counted, of_rater, of_image)


def blocks(votes: pd.DataFrame) -> dict[str, Cells]:
    """A block for each data set in alphabetical order, then ``all`` if there are several.

    ``all`` holds the methods that were rated in every data set, and is left out when there are
    none.
    """
    found = {str(name): cells(part) for name, part in votes.groupby("dataset", sort=True)}
    shared = set[str].intersection(*(set(block.methods) for block in found.values()))
    if shared and len(found) > 1:
        found[ALL] = cells(votes[votes["method"].isin(sorted(shared))])
    return found
