"""Code shared by the pages: the templates' environment, and tables with selected columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import groupby

import jinja2

from ...stats.declared import EXPLORATORY
from .render import Cell, Heading, Table


def page_environment() -> jinja2.Environment:
    """The template environment, which escapes all names, with the filters for tables."""
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
    """Labels shared by neighbouring columns, with the number of columns."""
    return [(over, len(list(run))) for over, run in groupby(headings, lambda h: h.over)]


def row_blocks(table: Table, ruled: str) -> list[list[tuple[Cell, ...]]]:
    """Blocks of rows between rules: by the column ``ruled`` if it exists, else by the table."""
    columns = [i for i, h in enumerate(table.headings) if ruled and h.key in (ruled, "scale")]
    if not columns:
        return table.blocks()
    return [list(r) for _, r in groupby(table.rows, lambda r: [r[i].text for i in columns])]


def sort_key(cell: Cell) -> str:
    """The sort key of a cell: the number behind the text; empty (always last) if missing."""
    if cell.value is None or cell.value != cell.value:
        return ""
    # The last digits of a float depend on the order of additions; the page must not.
    return cell.text if isinstance(cell.value, str) else f"{float(cell.value):.6g}"


def brief_tests(table: Table, others: str, dropped: Collection[str]) -> Table:
    """The declared tests for a paper: without ``dropped`` columns, explained by ``others``."""
    keys = [heading.key for heading in table.headings]
    p = keys.index("p_holm")
    shown = replace(
        table,
        caption=table.caption.replace(others, ""),
        rows=tuple(row for row in table.rows if row[p].value is not None),
        notes=tuple(note for note in table.notes if EXPLORATORY not in note),
    )
    return pick(shown, [i for i, key in enumerate(keys) if key not in dropped], table.group)


def pick(table: Table, columns: Sequence[int], group: int) -> Table:
    """The table with only these columns, in this order."""
    return replace(
        table,
        headings=tuple(table.headings[i] for i in columns),
        rows=tuple(tuple(row[i] for i in columns) for row in table.rows),
        group=group,
    )
