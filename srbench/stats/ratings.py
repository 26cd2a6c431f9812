"""The ratings table: one row per vote. Reading it, and refusing what the statistics cannot use.

Columns: ``rater, dataset, image, method, score`` and optionally ``repetition``, ``phase``,
``scale``, ``study``, ``simulated`` and any others, which are kept.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..csv_cells import truth, unguard
from ..data.naming import dataset_key, spelt
from ..errors import RatingsError

NAMES = ["rater", "dataset", "image", "method"]
REQUIRED = [*NAMES, "score"]
PHASES = ["training", "main", "retest", "gold"]
LOWEST, HIGHEST = 1, 5
REFERENCE = "HR"


def read_ratings(path: Path | str) -> pd.DataFrame:
    """A ratings file (CSV, UTF-8, separated by commas) as a checked table; see `check_ratings`.

    The apostrophe by which an export keeps spreadsheets from running a name as a formula is taken
    away again.

    Raises:
        RatingsError: the file is missing, not such a CSV, or its rows break a rule.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RatingsError(f"cannot read ratings file {path}: {error.strerror}") from error
    if text.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in text[:1000]:
        raise RatingsError(f"{path.name} is not UTF-8 text but looks like UTF-16; save it as UTF-8")
    try:
        header = text.decode("utf-8-sig").split("\n", 1)[0].strip()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise RatingsError(
            f"{path.name} is not UTF-8 text (byte 0x{text[error.start]:02X} in line {line}); "
            "save it as CSV in UTF-8"
        ) from error
    if not header:
        raise RatingsError(f"{path.name} is empty; expected the columns {', '.join(REQUIRED)}")
    for mark, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if mark in header and "," not in header:
            raise RatingsError(
                f"{path.name} is separated by {word}; expected commas: save it as plain CSV"
            )
    try:
        frame = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True
        )
    except (pd.errors.ParserError, csv.Error) as error:
        raise RatingsError(f"{path.name} is not a well-formed CSV: {_one_line(error)}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas would shift the columns
        raise RatingsError(
            f"{path.name} has rows with more cells than its header; name every column"
        )
    if b"'" in text:
        frame = _unguarded(frame)
    try:
        return check_ratings(frame)
    except RatingsError as error:
        raise RatingsError(f"{path.name}: {error}") from error


def _unguarded(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {
        unguard(str(name)): column.map({cell: unguard(cell) for cell in column.unique()})
        for name, column in frame.items()
    }
    return pd.DataFrame(columns)


def require_table(what: str, table: object) -> None:
    """Refuse anything but a pandas DataFrame.

    Raises:
        TypeError: it is something else, such as a file's name.
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{what} is a {type(table).__name__}, expected a pandas DataFrame; read a file by "
            "pandas.read_csv"
        )


def check_ratings(ratings: pd.DataFrame) -> pd.DataFrame:
    """The ratings with names as text, whole scores and every optional column the rules need.

    ``phase`` defaults to ``main``, ``repetition`` to 0, ``simulated`` to False. Method names that
    differ in case only are one method, spelt as first met; ``hr`` is ``HR``. Known data sets have
    the catalogue's names (``B100`` is ``BSD100``). Rows keep their order. Checking twice changes
    nothing.

    Raises:
        RatingsError: no rows, columns missing, empty names, a data set called all, one data set
            under two names (``Set5`` and ``set5``), a score that is not a whole number
            from 1 to 5, unknown phases, a word in ``simulated`` that is neither true nor false,
            duplicated votes, several studies or scales in one table, or no vote of phase ``main``.
            Bad rows are counted and the first three shown.
    """
    require_table("ratings", ratings)
    if ratings.columns.empty:
        raise RatingsError("there are no ratings yet")
    missing = [column for column in REQUIRED if column not in ratings.columns]
    if missing:
        there = ", ".join(map(str, ratings.columns)) or "none"
        raise RatingsError(
            f"columns missing: {', '.join(missing)}; there are: {there}; "
            f"expected: {', '.join(REQUIRED)}[, repetition][, phase]"
        )
    if ratings.empty:
        raise RatingsError("there are no ratings: the table has a header and no rows")
    table = ratings.reset_index(drop=True)
    for name in NAMES:
        text = table[name].astype(str).str.strip()
        _refuse(
            table,
            (table[name].isna() | (text == "")).to_numpy(),
            f"{name} is empty",
            name,
            "name it or remove the row",
        )
        table[name] = text
    table["dataset"] = _usual_names(table["dataset"])
    table["method"] = _one_spelling(table["method"])
    score = pd.to_numeric(table["score"], errors="coerce").to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        bad = ~((score >= LOWEST) & (score <= HIGHEST) & (score == np.floor(score)))
    _refuse(
        table,
        bad,
        f"score is not a whole number from {LOWEST} to {HIGHEST}",
        "score",
        "mend or remove the row (a vote that was not cast has no row)",
    )
    table["score"] = score.astype(np.int64)
    _check_phase(table)
    table["repetition"] = table["repetition"].astype(str) if "repetition" in table else "0"
    _check_simulated(table)
    for column in ("study", "study_id", "scale"):
        if column in table and table[column].astype(str).nunique() > 1:
            counts = table[column].astype(str).value_counts()
            found = ", ".join(f"{name} ({n} rows)" for name, n in counts.head(3).items())
            raise RatingsError(
                f"the table mixes {len(counts)} values of {column}: {found}; "
                "analyse one study at one scale at a time"
            )
    key = ["rater", "dataset", "image", "method", "phase", "repetition"]
    _refuse(
        table,
        table.duplicated(key).to_numpy(),
        "vote is there already",
        "score",
        f"rows are unique by {', '.join(key)}: remove the copies or number the repetitions",
    )
    if not (table["phase"] == "main").any():
        found = ", ".join(sorted(set(table["phase"])))
        raise RatingsError(f"no vote has phase main, only {found}; MOS is made of main votes")
    return table


def main_votes(ratings: pd.DataFrame) -> pd.DataFrame:
    """The rows of a checked table that enter MOS."""
    return ratings[ratings["phase"] == "main"].reset_index(drop=True)


def _check_phase(table: pd.DataFrame) -> None:
    if "phase" not in table:
        table["phase"] = "main"
    table["phase"] = table["phase"].astype(str).str.strip().str.lower()
    _refuse(
        table,
        ~table["phase"].isin(PHASES).to_numpy(),
        "phase is unknown",
        "phase",
        f"known are: {', '.join(PHASES)}",
    )


def _check_simulated(table: pd.DataFrame) -> None:
    if "simulated" not in table:
        table["simulated"] = False
    words = table["simulated"].fillna("").astype(str)
    found = words.map({word: truth(word) for word in words.unique()})
    # A word that is not understood must not pass a simulated vote off as a person's.
    _refuse(
        table,
        found.isna().to_numpy(),
        "simulated is neither true nor false",
        "simulated",
        "write true or false",
    )
    table["simulated"] = found.astype(bool)


def _refuse(
    table: pd.DataFrame, bad: NDArray[np.bool_], what: str, column: str, remedy: str
) -> None:
    rows = np.flatnonzero(bad)
    if not rows.size:
        return
    shown = ", ".join(f"row {row + 1} ({str(table[column].iloc[row])!r})" for row in rows[:3])
    count = (
        f"{rows.size:,} of {len(table):,} rows" if rows.size > 1 else f"1 of {len(table):,} rows"
    )
    more = "the first are " if rows.size > 3 else ""
    raise RatingsError(f"{what} in {count}: {more}{shown}; {remedy}")


def _usual_names(datasets: pd.Series) -> pd.Series:
    """The names of data sets, known ones as the catalogue has them.

    Raises:
        RatingsError: a name means all data sets together, or two mean one.
    """
    spelling = {name: spelt(name) for name in datasets.unique()}
    by_key: dict[str, str] = {}
    for name in spelling:
        key = dataset_key(name)
        if key == "all":
            raise RatingsError(
                f"a data set is called '{name}' ({(datasets == name).sum():,} rows), as the tables "
                "call all data sets together; give it another name"
            )
        if by_key.setdefault(key, name) != name:
            raise RatingsError(
                f"the data sets '{by_key[key]}' and '{name}' are one by name (case and usual "
                "aliases do not count); spell them alike, or give one another name"
            )
    return datasets.map(spelling)


def _one_spelling(methods: pd.Series) -> pd.Series:
    folded = methods.str.casefold()
    spelling = dict(zip(folded[::-1], methods[::-1], strict=True))
    spelling[REFERENCE.casefold()] = REFERENCE
    return folded.map(spelling)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
