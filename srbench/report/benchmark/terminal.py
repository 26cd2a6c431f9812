"""The scores as a terminal shows them; imports neither pandas nor Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ...benchmark.results import Score
from ...data.catalogue import AUTO as DATASETS
from ...methods.resolve import METHODS
from ..kit.style import trained_mark

_DECIMALS = {"psnr_y": 2}
_HEADS = {"psnr_y": "PSNR ↑", "ssim_y": "SSIM ↑"}


def scores_table(
    rows: Sequence[Score], run: Mapping[str, Any], *, title: str | None = None
) -> Table:
    """Means over images: a row per data set and method, a column per protocol and metric.

    The rows are of one scale; ``run`` is the run.json beside them, empty where there is none.
    """
    columns = sorted({(row.protocol, row.metric) for row in rows}, key=_column_order)
    pairs = sorted({(row.dataset, row.method) for row in rows}, key=_row_order)
    values: dict[tuple[str, ...], list[float]] = {}
    marks = {(r.method, r.metric): trained_mark(run, r.method, r.scale, r.metric) for r in rows}
    for row in rows:
        values.setdefault((row.dataset, row.method, row.protocol, row.metric), []).append(row.value)
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for protocol, metric in columns:
        name = _HEADS.get(metric, f"{metric.replace('lpips_', 'LPIPS ')} ↓")
        table.add_column(f"{name}\n{protocol}", justify="right", no_wrap=True)
    before = None
    for pair in pairs:
        cells = [
            _mean(values.get((*pair, *column), []), _DECIMALS.get(column[1], 4))
            + (marks[pair[1], column[1]] if (*pair, *column) in values else "")
            for column in columns
        ]
        names = ("" if pair[0] == before else pair[0], pair[1])
        table.add_row(*map(Text, names), *cells)  # a name in brackets is no markup
        before = pair[0]
    if any(marks.values()):
        table.caption, table.caption_justify = "† trained on this metric", "left"
    return table


def _mean(values: Sequence[float], decimals: int) -> str:
    if not values:
        return "—"
    mean = sum(values) / len(values)
    return "∞" if math.isinf(mean) else f"{mean:.{decimals}f}"


def _column_order(column: tuple[str, str]) -> tuple[bool, str, str]:
    protocol, metric = column
    return (metric.startswith("lpips"), protocol, metric)


def _row_order(pair: tuple[str, str]) -> tuple[int, str, int, str]:
    dataset, method = pair
    return (_place(dataset, DATASETS), dataset, _place(method.removesuffix("+"), METHODS), method)


def _place(name: str, known: Sequence[str]) -> int:
    return known.index(name) if name in known else len(known)
