"""The terminal output of `study analyze`, read from its files."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..csv_cells import unguard
from ..report.kit.style import dataset_order

_CONCLUSIONS = 12  # maximum number of lines; the page has all


def answer_table(out: Path) -> Table:
    """MOS (or the preference scale) of every method, best first, with intervals."""
    pairs = (out / "scale.csv").is_file()
    rows = _read(out / ("scale.csv" if pairs else "mos.csv"))
    rows = [row for row in rows if row.get("ci_method", "crossed") == "crossed"]
    graded = not pairs and any(row["mos"] for row in rows)
    value = "score" if pairs else "mos" if graded else "dmos"
    head = {"score": "scale (logits)", "mos": "MOS", "dmos": "DMOS"}[value]
    # The DMOS of DCR is the mean; its interval is in the columns of the MOS interval.
    columns = ["dataset", "method", value, "ci_low", "ci_high"]
    columns += ["win_rate"] if pairs else []
    table = Table(box=None, pad_edge=False)
    heads = {"dataset": "data set", value: head, "ci_low": "95 % from", "ci_high": "to"}
    for name in columns:
        left = name in ("dataset", "method")
        table.add_column(heads.get(name, name.replace("_", " ")), no_wrap=True,
                         justify="left" if left else "right")  # fmt: skip
    before = None
    for dataset in sorted({row["dataset"] for row in rows}, key=dataset_order):
        own = [row for row in rows if row["dataset"] == dataset]
        for row in sorted(own, key=lambda row: -_number(row[value])):
            cells = ["" if dataset == before else dataset, row["method"]]
            cells += [_shown(row[name]) for name in columns[2:]]
            table.add_row(*map(Text, cells))  # keep brackets in names
            before = dataset
    if any(row.get("simulated") == "True" for row in rows):
        table.caption, table.caption_justify = Text("SIMULATED: no person rated anything"), "left"
    return table


def conclusions(out: Path) -> list[str]:
    """The conclusions of the page, each once; only the first ones if there are many."""
    kind = "pair" if (out / "scale.csv").is_file() else "mos"
    said = list(dict.fromkeys(row["claim"] for row in _read(out / f"tables/{kind}_claims.csv")))
    more = len(said) - _CONCLUSIONS
    return said if more <= 0 else [*said[:_CONCLUSIONS], f"... and {more} more on the page"]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: unguard(cell) for key, cell in row.items()} for row in csv.DictReader(file)]


def _number(cell: str) -> float:
    return float(cell) if cell else -math.inf


def _shown(cell: str) -> str:
    return f"{float(cell):.2f}" if cell else "—"
