"""Convert data frames and lists of scores to tables: kinds of columns, best and second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ...metrics.base import Better
from .render import Cell, Heading, Mark, Table, text_cell
from .style import (
    dataset_name,
    display_name,
    format_value,
)


@dataclass(frozen=True)
class Column:
    """A column of a frame: its key, label, kind, and a label shared with its neighbours.

    ``kind`` is ``text``, ``method``, ``dataset``, ``whole``, ``p``, ``yes`` or the number of
    decimals.
    """

    key: str
    label: str
    kind: str | int = "text"
    over: str = ""


def frame_table(
    stem: str,
    title: str,
    caption: str,
    frame: pd.DataFrame,
    columns: Sequence[Column],
    *,
    notes: Sequence[str] = (),
    group: int = 1,
) -> Table:
    """A frame as a table; missing values are em dashes."""
    numeric = {"whole", "p"}
    headings = tuple(
        Heading(c.key, c.label, c.over, isinstance(c.kind, int) or c.kind in numeric)
        for c in columns
    )
    rows = tuple(
        tuple(value_cell(record[c.key], c.kind) for c in columns)
        for record in frame.to_dict("records")
    )
    return Table(stem, title, caption, headings, rows, tuple(notes), group)


def untested(table: Table) -> Table:
    """A table of tests with '—' instead of 'no' for comparisons without an adjusted p-value."""
    keys = [heading.key for heading in table.headings]
    p, differs = keys.index("p_holm"), keys.index("significant")
    rows = [
        row
        if row[p].value is not None
        else (*row[:differs], replace(row[differs], text="—"), *row[differs + 1 :])
        for row in table.rows
    ]
    return replace(table, rows=tuple(rows))


def value_cell(value: object, kind: str | int) -> Cell:
    """A value in the format of this kind; an em dash if it is missing."""
    if value is None or value != value:
        return Cell("—", None)
    if kind == "yes":
        return text_cell("yes" if value else "no")
    if isinstance(value, str):
        shown = {"method": display_name, "dataset": dataset_name}.get(str(kind), str)(value)
        return Cell(shown, value)
    # The last bits depend on the order of rows, so round.
    number = float(f"{float(str(value)):.6g}") if kind == "p" else round(float(str(value)), 10)
    if kind == "whole":
        return Cell(f"{number:.0f}", int(number))
    if kind == "p":
        return Cell(format_p(number), number)
    return Cell(format_value(number, int(kind)), number)


def mark_best(values: Sequence[str | None], better: Better | None) -> list[Mark]:
    """'best', 'second' or '' for each printed value (None if missing).

    Equal printed values share their mark. With fewer than two numbers nothing is marked.
    """
    numbers = [
        None if v is None else float(v.replace("−", "-").replace("∞", "inf")) for v in values
    ]
    known = sorted({n for n in numbers if n is not None}, reverse=better == "higher")
    if better is None or sum(n is not None for n in numbers) < 2:
        return [""] * len(values)
    first_two: tuple[Mark, Mark] = ("best", "second")
    marks = dict(zip(known, first_two, strict=False))
    return ["" if n is None else marks.get(n, "") for n in numbers]


def score_cells(
    values: Sequence[float | None],
    decimals: int,
    better: Better | None,
    *,
    ranked: Callable[[int], bool] = lambda _: True,
    suffix: Callable[[int], str] = lambda _: "",
) -> list[Cell]:
    """Cells of one column or row of scores; ``ranked`` and ``suffix`` are indexed by position."""
    shown = [None if v is None or v != v else format_value(v, decimals) for v in values]
    marks = mark_best([s if ranked(i) else None for i, s in enumerate(shown)], better)
    return [
        Cell("—", None) if s is None else Cell(s + suffix(i), v, m)
        for i, (s, v, m) in enumerate(zip(shown, values, marks, strict=True))
    ]


def format_p(p: float) -> str:
    """A p value with four decimals, '<0.0001' below."""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def shown_pairs(text: str) -> str:
    """``a / b; c / d`` with the display names of the methods."""
    pairs = [pair.split(" / ") for pair in text.split("; ")] if text else []
    return "; ".join(" / ".join(map(display_name, pair)) for pair in pairs)
