"""Check the answers table of a pair study (one row per comparison) and convert it to arrays.

Columns: ``rater, dataset, image, method_a, method_b, answer`` and optionally ``first``,
``repetition``, ``phase``, ``content``, ``panel``, ``scale``, ``study``, ``simulated``. Other
columns are kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import RatingsError
from .bradley_terry import SAME, Fit, connected, fit_scale
from .cells import ALL, IMAGE, Floats, Ints, codes, codes_of
from .crossed_scale import influences
from .degradation import check_procedure
from .ratings import require_table
from .table_rules import (
    check_occasion,
    known_columns,
    refuse_mixed,
    refuse_rows,
    refuse_twice,
    refuse_two_names,
    spell_methods,
    tidy_names,
    usual_names,
)
from .units import check_units, with_units

PAIR_NAMES = ["rater", "dataset", "image", "method_a", "method_b"]
PAIR_REQUIRED = [*PAIR_NAMES, "answer"]
PAIR_OPTIONAL = [
    "first", "repetition", "phase", "content", "panel", "scale", "study", "simulated", "procedure"
]  # fmt: skip
ANSWERS = ("a", "b", "same")


def is_pair_table(table: pd.DataFrame) -> bool:
    """Whether the columns belong to pair comparisons (otherwise to grades)."""
    there = {str(name).strip().casefold() for name in table.columns}
    return {"method_a", "method_b"} <= there


def check_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """The answers with names as text and every optional column the rules need.

    ``phase`` defaults to ``main``, ``repetition`` to 0, ``simulated`` to False, ``first`` to empty
    (unknown). ``content`` and ``panel`` name the independent units (`units`). The case of column
    and method names is ignored. Rows keep their order. A second check changes nothing.

    Raises:
        RatingsError: no rows, columns missing, empty names, a method compared with itself, an
            answer that is not a, b or same, duplicated answers, contradictory units, several
            studies or scales in one table, or no answer of phase ``main``. The message counts bad
            rows and shows three.
    """
    require_table("answers", answers)
    table = known_columns(answers, [*PAIR_REQUIRED, *PAIR_OPTIONAL]).reset_index(drop=True)
    missing = [column for column in PAIR_REQUIRED if column not in table.columns]
    if missing:
        raise RatingsError(
            f"columns missing: {', '.join(missing)}; there are: {', '.join(map(str, table))}; "
            f"expected: {', '.join(PAIR_REQUIRED)}[, first][, repetition][, phase]"
        )
    refuse_twice(table)
    if table.empty:
        raise RatingsError("there are no answers: the table has a header and no rows")
    tidy_names(table, PAIR_NAMES)
    table["dataset"] = usual_names(table["dataset"])
    spell_methods(table, ["method_a", "method_b"])
    refuse_rows(
        table,
        (table["method_a"] == table["method_b"]).to_numpy(),
        "a method is compared with itself",
        "method_a",
        "correct or remove the row",
    )
    for column, allowed in (("answer", ANSWERS), ("first", ("a", "b", ""))):
        if column not in table:
            table[column] = ""
        table[column] = table[column].fillna("").astype(str).str.strip().str.casefold()
        refuse_rows(
            table,
            ~table[column].isin(list(allowed)).to_numpy(),
            f"{column} is not {', '.join(a for a in allowed[:-1])} or {allowed[-1] or 'empty'}",
            column,
            "correct or remove the row (a missing answer has no row)",
        )
    refuse_two_names(table)
    check_occasion(table)
    check_procedure(table, ("pair",))
    check_units(table)
    refuse_mixed(table)
    low, high = in_order(table)
    key = ["rater", "dataset", "image", "low", "high", "phase", "repetition"]
    refuse_rows(
        table,
        table.assign(low=low, high=high).duplicated(key).to_numpy(),
        "answer occurs twice",
        "answer",
        "rows are unique by rater, dataset, image, the two methods, phase and repetition: remove "
        "the copies or number the repetitions",
    )
    if not (table["phase"] == "main").any():
        found = ", ".join(sorted(set(table["phase"])))
        raise RatingsError(f"no answer has phase main, only {found}; the scale is made of those")
    return table


def in_order(answers: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The two methods of every answer in alphabetical order."""
    a, b = ([str(name) for name in answers[column]] for column in ("method_a", "method_b"))
    return list(map(min, a, b)), list(map(max, a, b))


@dataclass(frozen=True)
class PairBlock:
    """The main answers of one data set (or of all) as arrays.

    ``first``, ``second`` (pairs,) are the numbers of the methods of every pair asked, in
    alphabetical order. ``pair``, ``answer`` (A, B or SAME, where A is ``first``), ``rater`` and
    ``image`` (answers,) describe each answer; ``panel`` and ``content`` number the independent
    units. ``front`` is 1 if the left or first picture was preferred, 0 if the other was, NaN if
    neither or unknown.
    """

    methods: list[str]
    raters: list[str]
    images: list[str]
    first: Ints
    second: Ints
    pair: Ints
    answer: Ints
    rater: Ints
    image: Ints
    panel: Ints
    content: Ints
    front: Floats

    @property
    def counts(self) -> Floats:
        """The count of each answer for each pair: (pairs, 3)."""
        out = np.zeros((len(self.first), 3))
        np.add.at(out, (self.pair, self.answer), 1)
        return out


def pair_block(answers: pd.DataFrame) -> PairBlock:
    """Convert checked answers of phase main to arrays."""
    swapped = (answers["method_a"] > answers["method_b"]).to_numpy()
    low, high = in_order(answers)
    methods = sorted({*low, *high})
    place = {name: i for i, name in enumerate(methods)}
    ends = np.array([[place[a], place[b]] for a, b in zip(low, high, strict=True)])
    pairs, pair = np.unique(ends, axis=0, return_inverse=True)
    answer = answers["answer"].map({name: i for i, name in enumerate(ANSWERS)}).to_numpy()
    front = (answers["answer"] == answers["first"]).to_numpy().astype(float)
    front[(answers["answer"] == "same") | (answers["first"] == "")] = np.nan
    answer = np.where(swapped & (answer != SAME), 1 - answer, answer).astype(np.int64)
    rater, raters = codes(answers["rater"])
    image, images = codes_of(answers, IMAGE)
    named = with_units(answers)
    panel, content = codes(named["panel"])[0], codes(named["content"])[0]
    return PairBlock(
        methods,
        raters,
        images,
        pairs[:, 0].astype(np.int64),
        pairs[:, 1].astype(np.int64),
        np.asarray(pair, dtype=np.int64).ravel(),
        answer,
        rater,
        image,
        panel,
        content,
        front,
    )


def pair_blocks(answers: pd.DataFrame) -> dict[str, PairBlock]:
    """A block for each data set in alphabetical order, then ``all`` if there are several.

    ``all`` contains the answers about methods that were compared in every data set.
    """
    found = {str(name): part for name, part in answers.groupby("dataset", sort=True)}
    blocks = {name: pair_block(part) for name, part in found.items()}
    if len(blocks) > 1:
        shared = sorted(set[str].intersection(*(set(b.methods) for b in blocks.values())))
        both = answers["method_a"].isin(shared) & answers["method_b"].isin(shared)
        if both.any():
            blocks[ALL] = pair_block(answers[both])
    return blocks


@dataclass(frozen=True)
class PairScale:
    """The scale of a block, fitted to the largest group of methods that comparisons connect.

    ``on`` (methods of the scale,) are their indices in the block, ``used`` (answers,) marks the
    answers in the fit, ``pulls`` (used answers, methods of the scale) is their influence.
    """

    fit: Fit
    on: Ints
    used: Ints
    pulls: Floats


def pair_scale(block: PairBlock) -> PairScale:
    """Fit the scale of a block."""
    counts = block.counts
    groups = connected(block.first, block.second, counts.sum(1), len(block.methods))
    on = np.array(max(groups, key=len), dtype=np.int64)
    kept = np.isin(block.first, on)
    place = np.full(len(block.methods), -1)
    place[on] = np.arange(len(on))
    first, second = place[block.first[kept]], place[block.second[kept]]
    number = np.cumsum(kept) - 1
    used = np.flatnonzero(kept[block.pair])
    fit = fit_scale(first, second, counts[kept], len(on))
    pulls = influences(fit, (first, second), number[block.pair[used]], block.answer[used])
    return PairScale(fit, on, used, pulls)
