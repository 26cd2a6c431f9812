"""Read a ratings file: a CSV with one vote per row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..csv_cells import unguard
from ..csv_tables import CsvText, read_csv_text
from ..errors import RatingsError
from .pair_answers import PAIR_REQUIRED, check_answers, is_pair_table
from .ratings import REQUIRED, check_ratings


def read_ratings(path: Path | str) -> pd.DataFrame:
    """Read a ratings file (CSV) and return a checked table; see `check_ratings`.

    `srbench.csv_tables` reads UTF-8 and UTF-16, commas, semicolons, tabs and vertical bars, and
    skips lines above the header. Empty rows are ignored. An export puts an apostrophe before names
    that a spreadsheet would run as a formula; it is removed.

    Raises:
        RatingsError: the file is missing, not such a CSV, or its rows break a rule.
    """
    path = Path(path)
    found = read_csv_text(path, REQUIRED)
    try:
        return check_ratings(_frame(found))
    except RatingsError as error:
        raise RatingsError(f"{path.name}: {error}") from error


def read_study_table(path: Path | str) -> pd.DataFrame:
    """Read a file of grades or of pair comparisons (its columns decide) as a checked table.

    The rules are those of `read_ratings` for grades and `check_answers` for pairs.

    Raises:
        RatingsError: the file is missing, not such a CSV, or its rows break a rule.
    """
    path = Path(path)
    found = read_csv_text(path, PAIR_REQUIRED)
    if not is_pair_table(pd.DataFrame(columns=pd.Index(found.header))):
        return read_ratings(path)
    try:
        return check_answers(_frame(found, PAIR_REQUIRED))
    except RatingsError as error:
        raise RatingsError(f"{path.name}: {error}") from error


def _frame(found: CsvText, needed: Sequence[str] = REQUIRED) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            io.StringIO(found.text),
            sep=found.separator,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
        )
    except (pd.errors.ParserError, csv.Error) as error:
        if not set(needed) <= {name.casefold() for name in found.header}:
            return pd.DataFrame(columns=pd.Index(found.header))
        raise RatingsError(f"it is not a well-formed CSV: {_one_line(error)}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas would shift the columns
        raise RatingsError("it has rows with more cells than its header; name every column")
    if frame.shape[1] != len(found.header):
        raise RatingsError("its header contains a line break within quotes; write it as one line")
    frame.columns = pd.Index(found.header)  # pandas would add numbers to duplicate names
    frame = _without_empty(frame)
    if "'" in found.text:
        frame = _unguarded(frame)
    return frame


def _without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove empty rows and empty columns without a name, which spreadsheets leave."""
    if (frame.iloc[:, 0] == "").any():
        frame = frame[(frame != "").any(axis=1)].reset_index(drop=True)
    nameless = [i for i, name in enumerate(frame.columns) if name == ""]
    empty = {i for i in nameless if (frame.iloc[:, i] == "").all()}
    return frame.iloc[:, [i for i in range(frame.shape[1]) if i not in empty]]


def _unguarded(frame: pd.DataFrame) -> pd.DataFrame:
    columns = [
        frame.iloc[:, i].map({cell: unguard(cell) for cell in frame.iloc[:, i].unique()})
        for i in range(frame.shape[1])
    ]
    names = [unguard(str(name)) for name in frame.columns]
    return pd.concat(columns, axis=1).set_axis(names, axis=1)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
