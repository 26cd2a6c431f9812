"""The meaning of every column of a package: `codebook.csv`, reduced to the columns in use."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

FIELDS = ("table", "column", "type", "values", "description")


@dataclass(frozen=True)
class Meaning:
    """One column: kind of its cells, values or unit, and meaning."""

    table: str
    column: str
    type: str
    values: str
    description: str


@cache
def _known() -> tuple[Meaning, ...]:
    text = files("srbench.publishing").joinpath("codebook.csv").read_text("utf-8")
    return tuple(Meaning(**row) for row in csv.DictReader(io.StringIO(text)))


def described(table: str) -> tuple[str, ...]:
    """The columns that ``table`` may have, in the order of the codebook."""
    return tuple(each.column for each in _known() if each.table == table)


def meaning(table: str, column: str) -> Meaning:
    """The meaning of a column of a table.

    Raises:
        LookupError: the codebook has no such column.
    """
    for own in (table, "*"):
        for each in _known():
            if each.table == own and fnmatchcase(column, each.column):
                return Meaning(table, column, each.type, each.values, each.description)
    raise LookupError(f"the codebook has no column '{column}' of {table}")


def codebook_csv(tables: Mapping[str, Iterable[str]]) -> str:
    """The codebook of some tables (name to columns) as CSV text, including the codebook itself.

    Tables are named by their paths without suffix; those in ``data`` have short names.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for table, columns in {**tables, "documentation/codebook": FIELDS}.items():
        for column in columns:
            found = meaning(table, column)
            writer.writerow([found.table, column, found.type, found.values, found.description])
    return out.getvalue()
