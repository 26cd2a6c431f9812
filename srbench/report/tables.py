"""The tables: summary, the paper's Table 1 and Table 2 with ours, and significance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from importlib import resources

import numpy as np
import pandas as pd

from .render import Cell, Heading, Table, text_cell
from .results import Missing, Results, means, select
from .significance import ALPHA
from .style import (
    Direction,
    canonical,
    dataset_order,
    display_name,
    format_value,
    is_reference,
    method_order,
    metric_order,
    metric_style,
    protocol_name,
    protocol_order,
    trained_on,
)

TRAINED_NOTE = "† trained on this metric: it says how well the training went, not how good it looks"

_TABLE1 = ("srresnet-mse", "srresnet-vgg22", "srresnet-vgg54",
           "srgan-mse", "srgan-vgg22", "srgan-vgg54")  # fmt: skip
_TABLE2 = ("nearest", "bicubic", "srcnn", "selfexsr", "drcn", "espcn",
           "srresnet-mse", "srgan-vgg54")  # fmt: skip
_PAPER_SCALE = 4
_PAPER = "Ledig et al. 2017"


def missing_note(missing: Missing) -> str:
    """One line: what is missing, why, and the command that mends it."""
    what = display_name(missing.method) if missing.method else ""
    if missing.metric:
        metric = metric_style(missing.metric).label
        what = f"{metric} of {what}" if what else metric
    where = f" on {missing.dataset}" if missing.dataset else ""
    mend = f" (mend it: {missing.command})" if missing.command else ""
    return f"— {what}{where}: {missing.reason}{mend}"


def mark_best(values: Sequence[str | None], better: Direction | None) -> list[str]:
    """'best', 'second' or '' for each value as it is shown, None where there is none.

    Numbers that read the same share their mark. Nothing is marked among fewer than two numbers.
    """
    numbers = [
        None if v is None else float(v.replace("−", "-").replace("∞", "inf")) for v in values
    ]
    known = sorted({n for n in numbers if n is not None}, reverse=better == "higher")
    if better is None or sum(n is not None for n in numbers) < 2:
        return [""] * len(values)
    marks = dict(zip(known, ("best", "second"), strict=False))
    return ["" if n is None else marks.get(n, "") for n in numbers]


def _score_cells(
    values: Sequence[float | None],
    decimals: int,
    better: Direction | None,
    *,
    ranked: Callable[[int], bool] = lambda _: True,
    suffix: Callable[[int], str] = lambda _: "",
) -> list[Cell]:
    """Cells of one column or row of scores; ``ranked`` and ``suffix`` go by position."""
    shown = [None if v is None or v != v else format_value(v, decimals) for v in values]
    marks = mark_best([s if ranked(i) else None for i, s in enumerate(shown)], better)
    return [
        Cell("—", None) if s is None else Cell(s + suffix(i), v, m)  # type: ignore[arg-type] # mark_best gives the three marks
        for i, (s, v, m) in enumerate(zip(shown, values, marks, strict=True))
    ]


def score_columns(results: Results) -> list[tuple[str, str]]:
    """The (protocol, metric) pairs to show, those reported missing included."""
    pairs = set(results.scores[["protocol", "metric"]].itertuples(index=False, name=None))
    have = {metric for _, metric in pairs}
    pairs |= {
        ("lpips-v0.1" if m.metric.startswith("lpips") else "", m.metric)
        for m in results.missing
        if m.metric and m.metric not in have
    }
    return sorted(pairs, key=lambda p: (protocol_order(p[0]), metric_order(p[1])))


def summary_table(results: Results) -> Table:
    """Means over images of every method: one row per data set, scale and method.

    Best and second are marked within each data set and scale; the original takes no part.
    """
    columns = score_columns(results)
    devices = sorted(set(results.timings["device"]))
    headings = [
        Heading("dataset", "Data set", numeric=False),
        Heading("scale", "Scale", numeric=False),
        Heading("method", "Method", numeric=False),
        Heading("images", "Images"),
    ]
    for protocol, metric in columns:
        style = metric_style(metric)
        label = f"{'LPIPS' if metric.startswith('lpips_') else style.label} {style.arrow}".strip()
        over = style.label.removeprefix("LPIPS ").strip("()") if "LPIPS" in style.label else ""
        headings.append(Heading(f"{metric}:{protocol}", label, over or protocol_name(protocol)))
    headings += [Heading(f"megapixels_per_second:{d}", "MP/s ↑", d) for d in devices]

    rows: list[tuple[Cell, ...]] = []
    notes: list[str] = []
    for dataset, scale, scores in results.groups():
        methods = [*results.methods(), *(["HR"] if "HR" in set(scores["method"]) else [])]
        images = len(set(scores["image"]))
        counts = {m: len(set(select(scores, method=m)["image"])) for m in set(scores["method"])}
        by_column: list[list[Cell]] = [
            [text_cell(dataset)] * len(methods),
            [Cell(f"×{scale}", scale)] * len(methods),
            [Cell(display_name(m), m) for m in methods],
            [Cell(str(counts[m]), counts[m]) if m in counts else Cell("—", None)
             for m in methods],
        ]  # fmt: skip
        for protocol, metric in columns:
            style = metric_style(metric)
            found = means(select(scores, protocol=protocol, metric=metric))
            by_column.append(
                _score_cells(
                    [found.get(m) for m in methods],
                    style.decimals,
                    style.better,
                    ranked=lambda i, methods=methods: not is_reference(methods[i]),
                    suffix=lambda i, methods=methods, metric=metric: (
                        "†" if trained_on(methods[i], metric) else ""
                    ),
                )
            )
        for device in devices:
            by_column.append(_speed_cells(results.timings, dataset, scale, device, methods))
        rows += list(zip(*by_column, strict=True))
        notes += _gaps(results, dataset, scale, counts, methods, images)
    notes = [*(missing_note(m) for m in results.missing), *notes]
    timed = set(results.timings["method"])
    if devices and not {m for m in results.scores["method"] if not is_reference(m)} <= timed:
        notes.append("— MP/s: not timed, as for a folder of finished images")
    if any("†" in cell.text for row in rows for cell in row):
        notes.append(TRAINED_NOTE)
    caption = (
        "Means over images. Arrows point to the better direction; best in bold, second underlined, "
        "per data set and scale. Numbers compare only within one protocol."
    )
    if devices:
        caption += " MP/s: median over images of output megapixels per second."
    return Table("summary", "Summary", caption, tuple(headings), tuple(rows), tuple(notes), 2)


def _speed_cells(
    timings: pd.DataFrame, dataset: str, scale: int, device: str, methods: Sequence[str]
) -> list[Cell]:
    here = select(timings, dataset=dataset, scale=scale, device=device)
    rates = here.groupby("method")["megapixels_per_second"]
    medians = {str(m): float(np.median(v.to_numpy(dtype=np.float64))) for m, v in rates}
    # Speed is told, not ranked: the trivial methods would always win.
    return [
        Cell(f"{medians[m]:.3g}" if medians[m] < 100 else f"{medians[m]:.0f}", medians[m])
        if m in medians
        else Cell("—", None)
        for m in methods
    ]


def _gaps(
    results: Results,
    dataset: str,
    scale: int,
    counts: dict[str, int],
    methods: Sequence[str],
    images: int,
) -> list[str]:
    """What is not complete on one data set and has no reason in run.json."""
    notes: list[str] = []
    explained = {m.method for m in results.missing if m.dataset in (None, dataset) and not m.metric}
    where = f"{dataset} ×{scale}"
    for method in methods:
        name = display_name(method)
        if method not in counts:
            if method not in explained:
                notes.append(f"— {name} on {where}: no scores in scores.csv")
        elif counts[method] < images:
            notes.append(
                f"{name} on {where}: mean over {counts[method]} of {images} images; "
                "it does not compare with the others"
            )
    return notes


def published(name: str) -> pd.DataFrame:
    """A published table that ships with the package, methods in the project's spelling."""
    with resources.files("srbench.reference").joinpath(name).open(encoding="utf-8") as file:
        frame = pd.read_csv(file)
    frame["method"] = frame["method"].map(canonical)
    return frame


def table1(results: Results) -> Table:
    """The paper's Table 1: loss variants of SRResNet and SRGAN, the paper's numbers beside ours."""
    return _paper_table(
        results, "table1", f"Loss variants (Table 1 of {_PAPER})", _TABLE1, ("srresnet", "srgan")
    )


def table2(results: Results) -> Table:
    """The paper's Table 2: methods, the paper's numbers beside ours."""
    return _paper_table(results, "table2", f"Methods (Table 2 of {_PAPER})", _TABLE2, None)


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
    columns = sorted(ours | set(paper_methods), key=method_order)
    if families is None:
        columns.append("HR")
    headings = [
        Heading("dataset", "Data set", numeric=False),
        Heading("scale", "Scale", numeric=False),
        Heading("measure", "", numeric=False),
        Heading("source", "", numeric=False),
        *(Heading(m, display_name(m)) for m in columns),
    ]
    objective, opinion = published("ledig2017_objective.csv"), published("ledig2017_mos.csv")
    rows: list[tuple[Cell, ...]] = []
    run = {(d, s) for d, s, _ in results.groups()}
    groups = run | {(d, _PAPER_SCALE) for d in ("Set5", "Set14", "BSD100")}
    for dataset, scale in sorted(groups, key=lambda g: (dataset_order(g[0]), g[1])):
        here = select(scored, dataset=dataset, scale=scale)
        lead = [text_cell(dataset), Cell(f"×{scale}", scale)]

        def row(metric: str, source: str, values: list[float | None], lead=lead) -> None:
            style = metric_style(metric)
            unit = f" ({style.unit})" if style.unit else ""
            label = Cell(f"{style.label}{unit} {style.arrow}", metric)
            cells = _score_cells(
                values,
                style.decimals,
                style.better,
                ranked=lambda i: not is_reference(columns[i]),
            )
            rows.append((*lead, label, text_cell(source), *cells))

        paper = scale == _PAPER_SCALE and dataset in set(objective["dataset"])
        for metric, column in (("psnr_y", "psnr_y_db"), ("ssim_y", "ssim_y")):
            by_definition = {"HR": float("inf") if metric == "psnr_y" else 1.0}
            known = by_definition if (dataset, scale) in run else {}
            ours_here = {**known, **means(select(here, metric=metric))}
            row(metric, "ours", [ours_here.get(m) for m in columns])
            if paper:
                theirs = by_definition | _column(select(objective, dataset=dataset), column)
                row(metric, "paper", [theirs.get(m) for m in columns])
        if paper:
            theirs = _column(select(opinion, dataset=dataset), "mos")
            row("mos", "paper", [theirs.get(m) for m in columns])
    notes = _paper_notes(results, columns, scored)
    caption = (
        "Protocol Ledig 2017 (the daala tools' PSNR and SSIM), mean over images. 'paper' is what "
        f"{_PAPER} printed for networks trained by its authors; 'ours' is what this folder's "
        "images score. Best in bold, second underlined, per row."
    )
    return Table(stem, title, caption, tuple(headings), tuple(rows), tuple(notes), 2)


def _column(frame: pd.DataFrame, column: str) -> dict[str, float]:
    return {str(m): float(v) for m, v in zip(frame["method"], frame[column], strict=True)}


def _paper_notes(results: Results, columns: Sequence[str], scored: pd.DataFrame) -> list[str]:
    notes = [missing_note(m) for m in results.missing if m.method in columns and not m.metric]
    explained = {m.method for m in results.missing if not m.metric}
    absent = [
        display_name(m)
        for m in columns
        if m not in set(scored["method"]) and m not in explained and not is_reference(m)
    ]
    if absent:
        notes.append(f"— {', '.join(absent)}, ours: not part of this run")
    run = {d for d, s, _ in results.groups() if s == _PAPER_SCALE}
    absent = [d for d in ("Set5", "Set14", "BSD100") if d not in run]
    if absent:
        notes.append(f"— {', '.join(absent)}, ours: not part of this run")
    notes.append(f"— paper: {_PAPER} gives no such number")
    notes.append("MOS: the paper's 26 raters; ours come from srbench study analyze")
    if "HR" in columns:
        notes.append("HR: an image compared with itself scores ∞ dB and 1 by definition")
    return notes


def significance_table(tests: pd.DataFrame) -> Table:
    """The paired tests of :func:`srbench.report.significance.significance` as a table."""
    headings = (
        Heading("dataset", "Data set", numeric=False),
        Heading("scale", "Scale", numeric=False),
        Heading("protocol", "Protocol", numeric=False),
        Heading("metric", "Metric", numeric=False),
        Heading("method_a", "A", numeric=False),
        Heading("method_b", "B", numeric=False),
        Heading("n", "Images"),
        Heading("mean_difference", "A − B"),
        Heading("ci_low", "from", "95 % interval"),
        Heading("ci_high", "to", "95 % interval"),
        Heading("statistic", "W"),
        Heading("p", "p"),
        Heading("p_holm", "p (Holm)"),
        Heading("effect_size", "Effect size"),
        Heading("p_method", "p by", numeric=False),
        Heading("smallest_p", "Smallest p"),
        Heading("significant", "Differs", numeric=False),
    )
    rows: list[tuple[Cell, ...]] = []
    for r in tests.to_dict("records"):
        digits = metric_style(r["metric"]).decimals
        rows.append(
            (
                text_cell(r["dataset"]),
                Cell(f"×{r['scale']}", int(r["scale"])),
                Cell(protocol_name(r["protocol"]), r["protocol"]),
                Cell(metric_style(r["metric"]).label, r["metric"]),
                *(Cell(display_name(r[k]), r[k]) for k in ("method_a", "method_b")),
                Cell(str(r["n"]), int(r["n"])),
                *(_number(r[k], digits) for k in ("mean_difference", "ci_low", "ci_high")),
                Cell(f"{r['statistic']:g}", float(r["statistic"])),
                *(Cell(format_p(r[k]), float(r[k])) for k in ("p", "p_holm")),
                _number(r["effect_size"], 2),
                text_cell(r["p_method"]),
                Cell(format_p(r["smallest_p"]), float(r["smallest_p"])),
                Cell("yes" if r["significant"] else "no", "yes" if r["significant"] else "no"),
            )
        )
    caption = (
        "Paired two-sided Wilcoxon signed-rank tests over images (zeros by Pratt), Holm-corrected "
        f"within each data set, scale, protocol and metric; level {ALPHA}. Effect size: "
        "matched-pairs rank-biserial correlation. Interval: 95 % bootstrap over images."
    )
    notes = few_images_notes(tests)
    if len(tests) == 0:
        notes.append("— no tests: a comparison needs two methods scored on the same images")
    if not np.isfinite(tests["mean_difference"].to_numpy(dtype=np.float64)).all():
        notes.append("∞ and —: an image was reproduced perfectly, so the mean has no interval")
    if any(n < 2 for n in tests["n"]):
        notes.append("— one image has no interval")
    return Table(
        "significance", "Significance of metric differences", caption, headings, tuple(rows),
        tuple(notes), 4,
    )  # fmt: skip


def few_images_notes(tests: pd.DataFrame) -> list[str]:
    """For each data set too small for its number of comparisons: the smallest possible p."""
    notes: list[str] = []
    for dataset, scale in dict.fromkeys(zip(tests["dataset"], tests["scale"], strict=True)):
        group = select(tests, dataset=dataset, scale=scale)
        n = max(group["n"])
        pairs = max(Counter(zip(group["protocol"], group["metric"], strict=True)).values())
        smallest = min(1.0, 2.0 ** (1 - n))
        if smallest * pairs < ALPHA:
            continue
        images = f"{n} image{'s' if n != 1 else ''}"
        text = f"{dataset} ×{scale}: with {images} the smallest possible p is {format_p(smallest)}"
        if smallest >= ALPHA:
            text += f", so no difference can be significant at {ALPHA}"
        else:
            text += (
                f", {format_p(min(1.0, smallest * pairs))} after Holm over {pairs} pairs, so "
                f"hardly any difference can be significant at {ALPHA}"
            )
        notes.append(text)
    return notes


def format_p(p: float) -> str:
    """A p value with four decimals, '<0.0001' below."""
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _number(value: float, decimals: int) -> Cell:
    return Cell(format_value(value, decimals), None if value != value else float(value))
