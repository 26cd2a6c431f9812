"""Tables 1 and 2 of the SRGAN paper: the published numbers compared with ours."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from ...metrics.base import Facts
from ..kit.frames import score_cells
from ..kit.published import PAPER_NAME, published
from ..kit.render import Cell, Heading, Table, text_cell
from ..kit.style import (
    FEWER,
    dataset_order,
    display_name,
    is_reference,
    method_order,
)
from .results import Results, incomplete, means, select
from .tables import mark_notes, missing_note

_SCALE = 4
_MOS = Facts("mos", "", better="higher", label="MOS", decimals=2)
_TABLE1 = ("srresnet-mse", "srresnet-vgg22", "srresnet-vgg54",
           "srgan-mse", "srgan-vgg22", "srgan-vgg54")  # fmt: skip
_TABLE2 = ("nearest", "bicubic", "srcnn", "selfexsr", "drcn", "espcn",
           "srresnet-mse", "srgan-vgg54")  # fmt: skip


def table1(results: Results) -> Table:
    """The paper's Table 1: loss variants of SRResNet and SRGAN, with published and our numbers."""
    return _paper_table(
        results,
        "table1",
        f"Loss variants (Table 1 of {PAPER_NAME})",
        _TABLE1,
        ("srresnet", "srgan"),
    )


def table2(results: Results) -> Table:
    """The paper's Table 2: methods, with published and our numbers."""
    return _paper_table(results, "table2", f"Methods (Table 2 of {PAPER_NAME})", _TABLE2, None)


def _paper_table(
    results: Results,
    stem: str,
    title: str,
    paper_methods: tuple[str, ...],
    families: tuple[str, ...] | None,
) -> Table:
    scored = select(results.scores, protocol="ledig2017")
    ours = {m for m in results.methods() if families is None or m.startswith(families)}
    if families is None:  # the loss variants have their own table
        ours -= set(_TABLE1) - set(_TABLE2)
    run = {(d, s) for d, s, _ in results.groups()}
    compared = any(scale == _SCALE for _, scale in run)  # the paper has no other scale
    columns = sorted(ours | (set(paper_methods) if compared else set()), key=method_order)
    if families is None:
        columns.append("HR")
    headings = [
        Heading("dataset", "Data set", numeric=False),
        Heading("scale", "Scale", numeric=False),
        Heading("measure", "Measure", numeric=False),
        Heading("source", "Source", numeric=False),
        *(Heading(m, display_name(m)) for m in columns),
    ]
    objective, opinion = published("ledig2017_objective.csv"), published("ledig2017_mos.csv")
    rows: list[tuple[Cell, ...]] = []
    groups = run | {(d, _SCALE) for d in ("Set5", "Set14", "BSD100") if compared}
    for dataset, scale in sorted(groups, key=lambda g: (dataset_order(g[0]), g[1])):
        here = select(scored, dataset=dataset, scale=scale)
        lead = [text_cell(dataset), Cell(f"×{scale}", scale)]

        def row(
            metric: str,
            source: str,
            values: list[float | None],
            lead=lead,
            unranked: Collection[str] = (),
        ) -> None:
            facts = _MOS if metric == "mos" else results.known[metric]
            label = Cell(f"{facts.axis_label} {facts.arrow}", metric)
            cells = score_cells(
                values,
                facts.decimals,
                facts.better,
                ranked=lambda i: not is_reference(columns[i]) and columns[i] not in unranked,
                suffix=lambda i: FEWER if columns[i] in unranked else "",
            )
            rows.append((*lead, label, text_cell(source), *cells))

        paper = scale == _SCALE and dataset in set(objective["dataset"])
        for metric, column in (("psnr_y", "psnr_y_db"), ("ssim_y", "ssim_y")):
            by_definition = {"HR": float("inf") if metric == "psnr_y" else 1.0}
            known = by_definition if (dataset, scale) in run else {}
            own = select(here, metric=metric)
            ours_here = {**known, **means(own)}
            fewer = incomplete(own)
            row(metric, "ours", [ours_here.get(m) for m in columns], unranked=fewer)
            if paper:
                theirs = by_definition | _column(select(objective, dataset=dataset), column)
                row(metric, "paper", [theirs.get(m) for m in columns])
        if paper:
            theirs = _column(select(opinion, dataset=dataset), "mos")
            row("mos", "paper", [theirs.get(m) for m in columns])
    notes = [*_paper_notes(results, columns, scored, compared), *mark_notes(rows)]
    sources = (
        f" 'paper' has the scores that {PAPER_NAME} printed for networks trained by its authors; "
        "'ours' has the scores of this folder's images."
    )
    caption = (
        "Protocol Ledig 2017 (the daala tools' PSNR and SSIM), mean over images."
        f"{sources if compared else ''} Best in bold, second underlined, per data set and measure."
    )
    return Table(stem, title, caption, tuple(headings), tuple(rows), tuple(notes), 2, True)


def _column(frame: pd.DataFrame, column: str) -> dict[str, float]:
    return {str(m): float(v) for m, v in zip(frame["method"], frame[column], strict=True)}


def _paper_notes(
    results: Results, columns: Sequence[str], scored: pd.DataFrame, compared: bool
) -> list[str]:
    notes = [
        missing_note(m, results.known)
        for m in results.missing
        if m.method in columns and not m.metric
    ]
    explained = {m.method for m in results.missing if not m.metric}
    absent = [
        display_name(m)
        for m in columns
        if m not in set(scored["method"]) and m not in explained and not is_reference(m)
    ]
    if absent:
        notes.append(f"— {', '.join(absent)}, ours: not part of this run")
    run = {d for d, s, _ in results.groups() if s == _SCALE}
    absent = [d for d in ("Set5", "Set14", "BSD100") if d not in run]
    if absent and compared:
        notes.append(f"— {', '.join(absent)}, ours: not part of this run")
    if compared:
        notes.append(f"— paper: {PAPER_NAME} gives no such number")
        notes.append("MOS: the paper's 26 raters; ours come from srbench study analyze")
    else:
        notes.append(f"{PAPER_NAME} gives numbers for ×{_SCALE} only")
    if "HR" in columns:
        notes.append("HR: an image compared with itself scores ∞ dB and 1 by definition")
    return notes
