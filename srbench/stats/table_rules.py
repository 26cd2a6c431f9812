"""Checks common to all tables of votes or answers: names, phases, repetitions."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_float_dtype

from ..csv_cells import MISSING, number, truth
from ..data.folder import EXTENSIONS
from ..data.naming import dataset_key, spelt, tidy
from ..errors import RatingsError

PHASES = ["training", "main", "retest", "gold"]
REFERENCE = "HR"
_ORIGINALS = {
    "gt", "ground truth", "groundtruth", "original", "orig", "reference", "ref", "hidden reference"
}  # fmt: skip


def known_columns(table: pd.DataFrame, known: Sequence[str]) -> pd.DataFrame:
    """Rename columns that differ from a ``known`` name only in case."""
    folded = [str(name).strip().casefold() for name in table.columns]
    names = [
        short if short in known else name for short, name in zip(folded, table.columns, strict=True)
    ]
    return table.set_axis(names, axis=1)


def refuse_twice(table: pd.DataFrame) -> None:
    """Refuse two columns with the same name."""
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise RatingsError(f"two columns are called '{twice}': rename or remove one")


def tidy_names(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Convert names to text as `tidy` writes them; refuse empty names."""
    for name in columns:
        place, found = pd.factorize(as_names(table[name]))
        clean = np.array([tidy(text) for text in found], object)
        empty = (clean == "")[place] | table[name].isna().to_numpy()
        refuse_rows(table, empty, f"{name} is empty", name, "name it or remove the row")
        table[name] = clean[place]


def as_names(column: pd.Series) -> pd.Series:
    """Names as text, '' where missing; 1.0 is 1, as columns with gaps have floats in pandas."""
    if is_float_dtype(column.dtype):
        whole = column.dropna()
        if (whole == np.floor(whole)).all() and np.isfinite(whole).all():
            column = column.astype("Int64")
    if column.dtype == object and not column.isna().any():
        return column.astype(str)
    return column.astype(object).where(column.notna(), "").astype(str)


def blank_if_missing(column: pd.Series) -> pd.Series:
    """Text without outer blanks, '' for missing cells and the words for them, such as NA."""
    text = as_names(column).str.strip()
    return text.where(~text.str.casefold().isin(MISSING), "")


def refuse_two_names(table: pd.DataFrame) -> None:
    """Refuse images of one data set whose names differ only in an image suffix."""
    images = table[["dataset", "image"]].drop_duplicates()
    known = set(images.itertuples(index=False, name=None))
    for dataset, image in known:
        stem, dot, ending = str(image).rpartition(".")
        if (dot + ending).casefold() in EXTENSIONS and (dataset, stem) in known:
            raise RatingsError(
                f"the images '{image}' and '{stem}' of {dataset} seem to be one: write its name in "
                "the same way in every row"
            )


def repetitions(table: pd.DataFrame) -> pd.Series:
    """The column ``repetition`` in its order: as numbers if all are, otherwise as text."""
    numbers = pd.to_numeric(table["repetition"], errors="coerce")
    return table["repetition"] if numbers.isna().any() else numbers


def check_occasion(table: pd.DataFrame) -> None:
    """Check ``phase``, ``repetition`` and ``simulated`` and add their defaults."""
    _check_phase(table)
    table["repetition"] = _plain_repetition(table["repetition"]) if "repetition" in table else "0"
    _check_simulated(table)


def refuse_mixed(table: pd.DataFrame) -> None:
    """Refuse several studies or scales in one table."""
    for column in ("study", "study_id", "scale"):
        if column not in table:
            continue
        words = as_names(table[column])
        counts = words.map({word: _plain(word) for word in words.unique()}).value_counts()
        if len(counts) > 1:
            found = ", ".join(f"{name} ({n} rows)" for name, n in counts.head(3).items())
            raise RatingsError(
                f"the table mixes {len(counts)} values of {column}: {found}; "
                "analyse one study at one scale at a time"
            )


def _plain_repetition(column: pd.Series) -> pd.Series:
    """Repetitions as text, in one spelling: 1 for 1.0 and 01."""
    text = as_names(column).str.strip()
    return text.map({word: _plain(word) for word in text.unique()})


def _plain(word: str) -> str:
    """A number in its shortest form, other text unchanged."""
    try:
        return f"{number(word):.12g}"
    except ValueError:
        return word


def _check_phase(table: pd.DataFrame) -> None:
    if "phase" not in table:
        table["phase"] = "main"
    phases = table["phase"].astype(str)
    table["phase"] = phases.map({word: word.strip().lower() for word in phases.unique()})
    refuse_rows(
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
    # Refuse unknown words: they could turn a simulated vote into a real one.
    refuse_rows(
        table,
        found.isna().to_numpy(),
        "simulated is neither true nor false",
        "simulated",
        "write true or false",
    )
    table["simulated"] = found.astype(bool)


def refuse_rows(
    table: pd.DataFrame, bad: NDArray[np.bool_], what: str, column: str, remedy: str
) -> None:
    """Refuse the ``bad`` rows; the message counts them and shows three."""
    rows = np.flatnonzero(bad)
    if not rows.size:
        return
    shown = ", ".join(f"row {row + 1} ({str(table[column].iloc[row])!r})" for row in rows[:3])
    count = (
        f"{rows.size:,} of {len(table):,} rows" if rows.size > 1 else f"1 of {len(table):,} rows"
    )
    more = "the first are " if rows.size > 3 else ""
    raise RatingsError(f"{what} in {count}: {more}{shown}; {remedy}")


def usual_names(datasets: pd.Series) -> pd.Series:
    """The names of data sets, with known aliases replaced by the catalogue's names.

    Raises:
        RatingsError: a data set has the reserved name ``all``, or two names mean one data set.
    """
    spelling = {name: spelt(name) for name in datasets.unique()}
    by_key: dict[str, str] = {}
    for name in spelling:
        key = dataset_key(name)
        if key == "all":
            raise RatingsError(
                f"a data set is called '{name}' ({(datasets == name).sum():,} rows), the name "
                "of all data sets together in the tables; give it another name"
            )
        if by_key.setdefault(key, name) != name:
            raise RatingsError(
                f"the data sets '{by_key[key]}' and '{name}' have the same name (case and "
                "usual aliases are ignored); spell them alike, or rename one of them"
            )
    return datasets.map(spelling)


def spell_methods(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Unify names of methods that differ only in case, using the first spelling; ``hr`` is ``HR``.

    If no method is called so, one with another usual name of the original, such as GT, is ``HR``
    too; ``attrs["original"]`` keeps that name.
    """
    # In order of first appearance, one column after the other.
    found = [name for column in columns for name in table[column].unique()]
    first = {name.casefold(): name for name in reversed(found)}
    originals = [name for name in first if re.sub(r"[\W_]+", " ", name) in _ORIGINALS]
    if REFERENCE.casefold() not in first and len(originals) == 1:
        table.attrs["original"] = first[originals[0]]
        first[originals[0]] = REFERENCE
    first[REFERENCE.casefold()] = REFERENCE
    for column in columns:
        table[column] = table[column].map({name: first[name.casefold()] for name in found})
