"""What the pages share: the templates' environment, and tables cut to some of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import jinja2

from .render import Cell, Heading, Table


def page_environment() -> jinja2.Environment:
    """The templates, which escape every name, and the filters that tables need."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("srbench.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["sort_key"] = sort_key
    environment.filters["runs"] = heading_runs
    environment.filters["row_blocks"] = row_blocks
    return environment


def heading_runs(headings: Sequence[Heading]) -> list[tuple[str, int]]:
    """Labels that neighbouring columns share, with the number of those columns."""
    return [(over, len(list(run))) for over, run in groupby(headings, lambda h: h.over)]


def row_blocks(table: Table, ruled: str) -> list[list[tuple[Cell, ...]]]:
    """Rows between rules: by the column ``ruled`` where there is one, else as the table says."""
    columns = [i for i, h in enumerate(table.headings) if ruled and h.key in (ruled, "scale")]
    if not columns:
        return table.blocks()
    return [list(r) for _, r in groupby(table.rows, lambda r: [r[i].text for i in columns])]


def sort_key(cell: Cell) -> str:
    """What a column sorts by: the number behind the text, empty (always last) where missing."""
    if cell.value is None or cell.value != cell.value:
        return ""
    # The last digits of a float depend on the order of additions; the page's bytes must not.
    return cell.text if isinstance(cell.value, str) else f"{float(cell.value):.6g}"


def pick(table: Table, columns: Sequence[int], group: int) -> Table:
    """The table with these columns only, in this order."""
    return replace(
        table,
        headings=tuple(table.headings[i] for i in columns),
        rows=tuple(tuple(row[i] for i in columns) for row in table.rows),
        group=group,
    )
