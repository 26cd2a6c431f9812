"""The table of scores in the terminal, without importing pandas or Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ...benchmark.results import Score
from ...data.catalogue import AUTO as DATASETS
from ...methods.resolve import METHODS
from ...metrics.base import read_facts
from ...metrics.table import Known
from ..kit.style import FEWER, trained_mark


def scores_table(
    rows: Sequence[Score], run: Mapping[str, Any], *, title: str | None = None
) -> Table:
    """Means over images: a row per data set and method, a column per protocol and metric.

    The rows are of one scale; ``run`` is their run.json, empty without one.
    """
    known = Known(read_facts(run.get("metrics")))
    columns = sorted(
        {(row.protocol, row.metric) for row in rows},
        key=lambda c: (known.protocol_order(c[0]), known.order(c[1])),
    )
    pairs = sorted({(row.dataset, row.method) for row in rows}, key=_row_order)
    values: dict[tuple[str, ...], list[float]] = {}
    marks = {(r.method, r.metric): trained_mark(run, r.method, r.scale, r.metric) for r in rows}
    for row in rows:
        values.setdefault((row.dataset, row.method, row.protocol, row.metric), []).append(row.value)
    most: dict[tuple[str, ...], int] = {}
    for (dataset, _, *column), found in values.items():
        most[dataset, *column] = max(most.get((dataset, *column), 0), len(found))
    fewer = {key for key, found in values.items() if len(found) < most[key[0], *key[2:]]}
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("data set", no_wrap=True)
    table.add_column("method", no_wrap=True)
    for protocol, metric in columns:
        facts = known.under(metric, protocol)
        # Text is not markup, so that brackets in names are kept.
        name = Text(f"{facts.short_label} {facts.arrow}".strip() + f"\n{facts.variant or protocol}")
        table.add_column(name, justify="right", no_wrap=True)
    before = None
    for pair in pairs:
        cells = [
            _mean(values.get((*pair, *column), []), known.under(column[1], column[0]).decimals)
            + (marks[pair[1], column[1]] if (*pair, *column) in values else "")
            + (FEWER if (*pair, *column) in fewer else "")
            for column in columns
        ]
        names = ("" if pair[0] == before else pair[0], pair[1])
        table.add_row(*map(Text, names), *cells)  # keep brackets in names
        before = pair[0]
    notes = ["† trained on this metric"] if any(marks.values()) else []
    notes += [f"{FEWER} mean over fewer images"] if fewer else []
    if any(math.isnan(row.value) for row in rows):
        gone = sorted({f"{r.metric} of {r.method}" for r in rows if math.isnan(r.value)})
        notes.append(f"— the metric gave no number (NaN) for some image: {', '.join(gone[:3])}")
    if notes:
        table.caption, table.caption_justify = Text("; ".join(notes)), "left"
    return table


def _mean(values: Sequence[float], decimals: int) -> str:
    if not values:
        return "—"
    mean = sum(values) / len(values)
    if math.isnan(mean):
        return "—"
    return ("∞" if mean > 0 else "−∞") if math.isinf(mean) else f"{mean:.{decimals}f}"


def _row_order(pair: tuple[str, str]) -> tuple[int, str, int, str]:
    dataset, method = pair
    return (_place(dataset, DATASETS), dataset, _place(method.removesuffix("+"), METHODS), method)


def _place(name: str, known: Sequence[str]) -> int:
    return known.index(name) if name in known else len(known)
