"""The scores as a terminal shows them; imports neither pandas nor Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.table import Table

from ..benchmark.results import Score

_DECIMALS = {"psnr_y": 2}
_HEADS = {"psnr_y": "PSNR ↑", "ssim_y": "SSIM ↑"}


def scores_table(rows: Sequence[Score], *, title: str | None = None) -> Table:
    """Means over images: a row per data set and method, a column per protocol and metric."""
    columns = sorted({(row.protocol, row.metric) for row in rows}, key=_column_order)
    pairs = list(dict.fromkeys((row.dataset, row.method) for row in rows))
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("data set")
    table.add_column("method")
    for protocol, metric in columns:
        name = _HEADS.get(metric, f"{metric.replace('lpips_', 'LPIPS ')} ↓")
        table.add_column(f"{name}\n{protocol}", justify="right", no_wrap=True)
    before = None
    for dataset, method in pairs:
        cells = []
        for protocol, metric in columns:
            values = [
                row.value
                for row in rows
                if row[:1] == (dataset,)
                and row.method == method
                and (row.protocol, row.metric) == (protocol, metric)
            ]
            cells.append(_mean(values, _DECIMALS.get(metric, 4)))
        table.add_row("" if dataset == before else dataset, method, *cells)
        before = dataset
    return table


def _mean(values: Sequence[float], decimals: int) -> str:
    if not values:
        return "—"
    mean = sum(values) / len(values)
    return "∞" if math.isinf(mean) else f"{mean:.{decimals}f}"


def _column_order(column: tuple[str, str]) -> tuple[bool, str, str]:
    protocol, metric = column
    return (metric.startswith("lpips"), protocol, metric)
