"""Check the ratings table, which has one row per vote.

Columns: ``rater, dataset, image, method, score`` and optionally ``repetition``, ``phase``,
``scale``, ``study``, ``simulated``, ``expected`` (the right grade of a gold stimulus), ``content``
and ``panel`` (`units`). Other columns are kept.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import RatingsError, WrongType
from .degradation import check_procedure
from .table_rules import PHASES as PHASES
from .table_rules import REFERENCE as REFERENCE
from .table_rules import (
    blank_if_missing,
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
from .units import UNITS, check_units

NAMES = ["rater", "dataset", "image", "method"]
REQUIRED = [*NAMES, "score"]
OPTIONAL = [
    "repetition",
    "phase",
    "scale",
    "study",
    "study_id",
    "simulated",
    "expected",
    "procedure",
    *UNITS,
]
LOWEST, HIGHEST = 1, 5


def require_table(what: str, table: object) -> None:
    """Refuse anything but a pandas DataFrame.

    Raises:
        WrongType: it is something else, such as a file name.
    """
    if not isinstance(table, pd.DataFrame):
        raise WrongType(
            f"{what} is a {type(table).__name__}, expected a pandas DataFrame; read a file by "
            "pandas.read_csv"
        )


def check_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """The ratings with names as text, whole scores and every optional column the rules need.

    ``phase`` defaults to ``main``, ``repetition`` to 0, ``simulated`` to False, ``procedure`` (what
    was asked: ``acr`` or ``dcr``) to ``acr``. The case of column names is ignored. Names are
    compared in Unicode's form NFC, without blanks around them. Method names that differ in case
    only are one method, spelt as first met; ``hr`` is ``HR``, and so is ``GT`` (`spell_methods`).
    Known data sets have the catalogue's names (``B100`` is ``BSD100``). Rows keep their order.
    Checking twice changes nothing.

    Raises:
        RatingsError: no rows, columns missing or there twice, empty names, a data set called all,
            one data set under two names (``Set5`` and ``set5``), a score that is not a whole number
            from 1 to 5, unknown phases, a word in ``simulated`` that is neither true nor false,
            duplicated votes, an image with two contents or a rater with two panels, several studies
            or scales in one table, or no vote of phase ``main``. The message counts bad rows and
            shows three.
    """
    require_table("ratings", ratings)
    if ratings.columns.empty:
        raise RatingsError("there are no ratings yet")
    ratings = known_columns(ratings, [*REQUIRED, *OPTIONAL])
    missing = [column for column in REQUIRED if column not in ratings.columns]
    if missing:
        names = [str(name)[:40] for name in ratings.columns]
        there = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if names[12:] else "")
        raise RatingsError(
            f"columns missing: {', '.join(missing)}; there are: {there or 'none'}; "
            f"expected: {', '.join(REQUIRED)}[, repetition][, phase]{_way_out(ratings, missing)}"
        )
    refuse_twice(ratings)
    if ratings.empty:
        raise RatingsError("there are no ratings: the table has a header and no rows")
    table = ratings.reset_index(drop=True)
    tidy_names(table, NAMES)
    table["dataset"] = usual_names(table["dataset"])
    spell_methods(table, ["method"])
    refuse_two_names(table)
    score = _grades(table["score"])
    with np.errstate(invalid="ignore"):
        bad = ~((score >= LOWEST) & (score <= HIGHEST) & (score == np.floor(score)))
    refuse_rows(
        table,
        bad,
        f"score is not a whole number from {LOWEST} to {HIGHEST}",
        "score",
        _other_scale(score, bad) or "correct or remove the row (a missing vote has no row)",
    )
    table["score"] = score.astype(np.int64)
    check_occasion(table)
    _check_expected(table)
    check_procedure(table)
    check_units(table)
    refuse_mixed(table)
    key = ["rater", "dataset", "image", "method", "phase", "repetition"]
    refuse_rows(
        table,
        table.duplicated(key).to_numpy(),
        "vote occurs twice",
        "score",
        f"rows are unique by {', '.join(key)}: remove the copies or number the repetitions",
    )
    if not (table["phase"] == "main").any():
        found = ", ".join(sorted(set(table["phase"])))
        raise RatingsError(f"no vote has phase main, only {found}; only main votes enter the MOS")
    return table


def _other_scale(score: NDArray[np.float64], bad: NDArray[np.bool_]) -> str:
    """What to do if more than a tenth of the scores seem to be of another scale; else ''."""
    numbers = score[np.isfinite(score)]
    if not numbers.size or np.isfinite(score[bad]).sum() < 0.1 * len(score):
        return ""
    return (
        f"the scores range from {numbers.min():g} to {numbers.max():g}, but only five grades, 1 "
        "(worst) to 5 (best), can be analysed"
    )


def _grades(column: pd.Series) -> NDArray[np.float64]:
    """Numbers, NaN for others: True is not the grade 1, and 4+0j or 4 ns are not the grade 4.

    A text may have a decimal comma: 4,0.
    """
    if column.dtype.kind in "bcmM":
        return np.full(len(column), np.nan)
    if column.dtype == object or pd.api.types.is_string_dtype(column.dtype):
        column = column.replace(r"^\s*(\d+),(\d{1,2})\s*$", r"\1.\2", regex=True)
    grades = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, copy=True)
    if column.dtype == object:
        grades[[isinstance(cell, bool | np.bool_) for cell in column]] = np.nan
    return grades


def _check_expected(table: pd.DataFrame) -> None:
    """Refuse a right answer that is not a grade: all votes would miss it, or none would count."""
    if "expected" not in table:
        return
    words = blank_if_missing(table["expected"])
    grades = _grades(words.where(words != "", np.nan))
    with np.errstate(invalid="ignore"):
        bad = (words != "").to_numpy() & ~((grades >= LOWEST) & (grades <= HIGHEST))
    refuse_rows(
        table,
        bad,
        f"expected is not a grade from {LOWEST} to {HIGHEST}",
        "expected",
        "correct it or leave it empty",
    )


def main_votes(ratings: pd.DataFrame) -> pd.DataFrame:
    """The rows of a checked table that enter MOS."""
    return ratings[ratings["phase"] == "main"].reset_index(drop=True)


def _way_out(ratings: pd.DataFrame, missing: list[str]) -> str:
    """How to convert a table of another form, if it is recognised; else ''."""
    names = [str(name) for name in ratings.columns]
    if len(missing) == len(REQUIRED) and all(_is_grade(name) for name in names):
        return "; its first line holds grades: write one row per vote, with these names above"
    if len(missing) == len(REQUIRED) and len(names) >= len(REQUIRED) and _is_grade(names[4]):
        return "; its first line seems to be a vote: write a line with these names above it"
    grades = [
        name
        for i, name in enumerate(names)
        if name not in (*REQUIRED, *OPTIONAL) and _share_of_grades(ratings.iloc[:, i]) > 0.5
    ]
    if "score" not in missing or len(grades) < 2:
        return ""
    fixed = [name for name in names if name not in grades]
    column, what = ("rater", "rater") if "rater" in missing else ("image", "picture")
    return (
        f"; this is a wide table, with a column for each {what} ({grades[0]}, {grades[1]}, ...): "
        f"one row per vote is needed, in pandas: table.melt({fixed}, var_name='{column}', "
        "value_name='score').dropna()"
    )


def _share_of_grades(column: pd.Series) -> float:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        return float(((numbers >= LOWEST) & (numbers <= HIGHEST)).mean()) if len(numbers) else 0.0


def _is_grade(text: str) -> bool:
    """Whether this is a grade; pandas renames a second column '4' to '4.1'."""
    return text.strip().partition(".")[0] in {str(g) for g in range(LOWEST, HIGHEST + 1)}
