"""Reading a ratings file: a CSV in which each row is a vote."""

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
    """A ratings file (CSV) as a checked table; see `check_ratings`.

    `srbench.csv_tables` says what is read: UTF-8 and UTF-16, commas, semicolons, tabs and bars,
    lines above the header. Rows in which every cell is empty are no votes. The apostrophe by which
    an export keeps spreadsheets from running a name as a formula is taken away again.

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
    """A file of grades or of pair comparisons as a checked table; its columns say which.

    `read_ratings` for grades, `check_answers` for pairs, read by the same rules.

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
            return pd.DataFrame(columns=pd.Index(found.header))  # refused for what it lacks
        raise RatingsError(f"this is no well-formed CSV: {_one_line(error)}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas would shift the columns
        raise RatingsError("it has rows with more cells than its header; name every column")
    if frame.shape[1] != len(found.header):
        raise RatingsError("its header goes on over a line end within quotes; write it as one line")
    frame.columns = pd.Index(found.header)  # pandas would number those that are there twice
    frame = _without_empty(frame)
    if "'" in found.text:
        frame = _unguarded(frame)
    return frame


def _without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """Without the rows and nameless columns that spreadsheets leave empty."""
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
