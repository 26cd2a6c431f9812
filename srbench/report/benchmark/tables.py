"""The tables of a benchmark: summary and significance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...benchmark.record import numbers_of
from ...metrics.protocols import PROTOCOLS
from ...metrics.table import Known
from ...wording import counted
from ..kit.frames import format_p, score_cells
from ..kit.page import pick
from ..kit.render import Cell, Heading, Table, text_cell
from ..kit.style import (
    FEWER,
    display_name,
    format_value,
    is_reference,
    trained_mark,
)
from .results import LeftOut, Results, incomplete, means, select, without_reference
from .significance import ALPHA

FEWER_NOTE = f"{FEWER} mean over fewer images: not ranked"
AGAINST_NOTE = (
    "A − B and the effect size have opposite signs: a few images decide the mean, and the test "
    "follows the effect size"
)
TRAINED_NOTE = (
    "† trained on this metric: it shows how well the training worked, not the image quality"
)


def missing_note(missing: LeftOut, known: Known) -> str:
    """One line: what is missing, the reason, and the command that supplies it."""
    what = display_name(missing.method) if missing.method else ""
    if missing.metric:
        metric = known[missing.metric].full_label
        what = f"{metric} of {what}" if what else metric
    where = f" on {missing.dataset}" if missing.dataset else ""
    supply = f" (to supply it: {missing.command})" if missing.command else ""
    return f"— {what}{where}: {missing.reason}{supply}"


def data_set_notes(run: Mapping[str, Any]) -> list[str]:
    """A line for each data set of run.json with unrecorded images or with given LR images."""
    notes: list[str] = []
    for scale, of_scale in run.get("datasets", {}).items():
        for name, facts in of_scale.items():
            where = f"{name} {scale.replace('x', '×')}"
            if "as_is" in facts:
                notes.append(
                    f"{where} is not the recorded set, so published numbers do not apply: "
                    f"{facts['as_is']}"
                )
            if "lr" in facts:
                bare = "" if facts.get("originals", True) else "; there are no originals"
                notes.append(f"{where}: LR images as given in {facts['lr']}, not made{bare}")
    return notes


def score_columns(results: Results) -> list[tuple[str, str]]:
    """The (protocol, metric) pairs to show, including those reported as missing."""
    pairs = set(results.scores[["protocol", "metric"]].itertuples(index=False, name=None))
    have, known = {metric for _, metric in pairs}, results.known
    absent = {m.metric for m in results.missing if m.metric and m.metric not in have}
    pairs |= {known[metric].key for metric in absent}
    return sorted(pairs, key=lambda p: (known.protocol_order(p[0]), known.order(p[1])))


def summary_table(results: Results) -> Table:
    """Means over images of every method: one row per data set, scale and method.

    Best and second are marked within each data set and scale, without the original.
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
        facts = results.known.under(metric, protocol)
        label = f"{facts.short_label} {facts.arrow}".strip()
        headings.append(Heading(f"{metric}:{protocol}", label, facts.variant or facts.under))
    headings += [Heading(f"megapixels_per_second:{d}", "MP/s ↑", d) for d in devices]

    rows: list[tuple[Cell, ...]] = []
    for dataset, scale, scores in results.groups():
        methods = [*results.methods(), *(["HR"] if "HR" in set(scores["method"]) else [])]
        counts = _counts(scores)
        by_column: list[list[Cell]] = [
            [text_cell(dataset)] * len(methods),
            [Cell(f"×{scale}", scale)] * len(methods),
            [Cell(display_name(m), m) for m in methods],
            [Cell(str(counts[m]), counts[m]) if m in counts else Cell("—", None)
             for m in methods],
        ]  # fmt: skip
        for protocol, metric in columns:
            facts = results.known.under(metric, protocol)
            own = select(scores, protocol=protocol, metric=metric)
            found, unranked = means(own), incomplete(own)
            marks = [
                trained_mark(results.run, m, scale, metric) + (FEWER if m in unranked else "")
                for m in methods
            ]
            by_column.append(
                score_cells(
                    [found.get(m) for m in methods],
                    facts.decimals,
                    facts.better,
                    ranked=lambda i, methods=methods, unranked=unranked: (
                        not is_reference(methods[i]) and methods[i] not in unranked
                    ),
                    suffix=marks.__getitem__,
                )
            )
        for device in devices:
            by_column.append(_speed_cells(results.timings, dataset, scale, device, methods))
        rows += list(zip(*by_column, strict=True))
    notes = missing_notes(results)
    timed = set(results.timings["method"])
    if devices and not {m for m in results.scores["method"] if not is_reference(m)} <= timed:
        notes.append("— MP/s: not timed, as for a folder of finished images")
    notes += mark_notes(rows)
    caption = (
        "Means over images. Arrows point to the better direction; best in bold, second underlined, "
        "per data set and scale. Compare only numbers of one protocol."
    )
    if devices:
        caption += " MP/s: median over images of output megapixels per second."
    return Table("summary", "Summary", caption, tuple(headings), tuple(rows), tuple(notes), 2)


def missing_notes(results: Results) -> list[str]:
    """The missing parts of this run, each with its reason and the command that supplies it."""
    notes = [missing_note(m, results.known) for m in results.missing]
    for dataset, scale, scores in results.groups():
        notes += _gaps(results, dataset, scale, scores)
    notes += [
        f"{facts.with_protocol}: the better direction is not stated, so no value is marked as best"
        for facts in (results.known.under(m, p) for p, m in score_columns(results))
        if facts.better is None
    ]
    return [*notes, *not_a_number_notes(results), *data_set_notes(results.run)]


def mark_notes(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """The notes that explain the marks in these cells."""
    texts = [cell.text for row in rows for cell in row]
    known = (("†", TRAINED_NOTE), (FEWER, FEWER_NOTE))
    return [note for mark, note in known if any(mark in text for text in texts)]


def _counts(scores: pd.DataFrame) -> dict[str, int]:
    return {str(m): len(set(own["image"])) for m, own in scores.groupby("method")}


def not_a_number_notes(results: Results) -> list[str]:
    """For each metric and method on a data set with NaN: the images with NaN."""
    notes: list[str] = []
    undefined = results.scores[results.scores["value"].isna()]
    keys = ["dataset", "scale", "protocol", "metric", "method"]
    for place in undefined[keys].drop_duplicates().itertuples(index=False, name=None):
        dataset, _, protocol, metric, method = place
        asked = dict(zip(keys, place, strict=True))
        whole, rows = select(results.scores, **asked), select(undefined, **asked)
        images = sorted(rows["image"])
        shown = ", ".join(display_name(i) for i in images[:3]) + (" ..." if images[3:] else "")
        facts = results.known.under(metric, protocol)
        where = f"{display_name(method)} on {display_name(dataset)} ×{place[1]}"
        notes.append(
            f"— {facts.with_protocol} of {where}: the metric gave no number (NaN) for "
            f"{len(images)} of {counted(len(whole), 'image')} ({shown}), so there is no mean"
        )
    return notes


def _speed_cells(
    timings: pd.DataFrame, dataset: str, scale: int, device: str, methods: Sequence[str]
) -> list[Cell]:
    here = select(timings, dataset=dataset, scale=scale, device=device)
    rates = here.groupby("method")["megapixels_per_second"]
    medians = {str(m): float(np.median(v.to_numpy(dtype=np.float64))) for m, v in rates}
    # Speed is not ranked, because the trivial methods would always be best.
    return [
        # Three significant digits, and none after the point from 100 on.
        Cell(f"{medians[m]:#.3g}" if medians[m] < 99.95 else f"{medians[m]:.0f}", medians[m])
        if m in medians
        else Cell("—", None)
        for m in methods
    ]


def _gaps(results: Results, dataset: str, scale: int, scores: pd.DataFrame) -> list[str]:
    """The incomplete methods on one data set that have no reason in run.json."""
    counts, images = _counts(scores), len(set(scores["image"]))
    methods = [*results.methods(), *(["HR"] if "HR" in counts else [])]
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
                "it cannot be compared with the others"
            )
    for protocol, metric in score_columns(results):
        found = _counts(select(scores, protocol=protocol, metric=metric))
        fewer = {m: found[m] for m in methods if m in found and found[m] < counts[m]}
        if fewer:
            told = [f"{display_name(m)} {n} of {counts[m]}" for m, n in fewer.items()]
            notes.append(
                f"{results.known.under(metric, protocol).with_protocol} on {where}: mean over "
                f"fewer images than the column Images says ({', '.join(told)})"
            )
    return notes


def significance_table(tests: pd.DataFrame, run: Mapping[str, Any]) -> Table:
    """The paired tests of :func:`srbench.report.benchmark.significance.significance` as a table.

    ``run`` is run.json.
    """
    known = Known(numbers_of(run))
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
        facts = known.under(r["metric"], r["protocol"])
        digits = facts.decimals
        rows.append(
            (
                text_cell(r["dataset"]),
                Cell(f"×{r['scale']}", int(r["scale"])),
                Cell(facts.under, r["protocol"]),
                Cell(facts.full_label, r["metric"]),
                *(
                    Cell(
                        display_name(r[k]) + trained_mark(run, r[k], r["scale"], r["metric"]), r[k]
                    )
                    for k in ("method_a", "method_b")
                ),
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
        "matched-pairs rank-biserial correlation. Interval: 95 % bootstrap over images, expanded "
        "for few (Hesterberg 2015)."
    )
    notes = few_images_notes(tests)
    notes += data_set_notes(run)
    if len(tests) == 0:
        notes.append("— no tests: a comparison needs two methods scored on the same images")
    if not np.isfinite(tests["mean_difference"].to_numpy(dtype=np.float64)).all():
        notes.append("∞ and —: an image was reproduced perfectly, so the mean has no interval")
    if any(n < 2 for n in tests["n"]):
        notes.append("— one image has no interval")
    against = tests["mean_difference"] * tests["effect_size"] < 0
    if any(against & tests["significant"].astype(bool)):
        notes.append(AGAINST_NOTE)
    if any("†" in cell.text for row in rows for cell in row):
        notes.append(TRAINED_NOTE)
    return Table(
        "significance", "Significance of metric differences", caption, headings, tuple(rows),
        tuple(notes), 4,
    )  # fmt: skip


def leading_tests(results: Results, tests: pd.DataFrame) -> pd.DataFrame:
    """The tests of the best method of each data set against the second best, for shown metrics."""
    kept: list[int] = []
    for facts in results.numbers():
        if facts.better is None:
            continue
        own = select(tests, metric=facts.name, protocol=facts.protocol)
        for dataset, scale, scores in results.groups():
            whole = select(scores, metric=facts.name, protocol=facts.protocol)
            fewer = incomplete(whole)
            found = {
                method: value
                for method, value in means(without_reference(whole)).items()
                if value == value and method not in fewer
            }
            best = sorted(found, key=found.__getitem__, reverse=facts.better == "higher")[:2]
            here = select(own, dataset=dataset, scale=scale)
            both = here["method_a"].isin(best) & here["method_b"].isin(best)
            kept += list(here.index[both])
    return tests.loc[sorted(kept)]


def brief(table: Table, *, compare: str) -> Table:
    """The tests for a paper: the declared ones, or the best method against the second."""
    keys = [h.key for h in table.headings]
    dropped = {"statistic", "p", "p_method", "smallest_p", "significant"}
    if len({row[keys.index("scale")].text for row in table.rows}) == 1:
        dropped.add("scale")
    under = {(row[keys.index("protocol")], row[keys.index("metric")]) for row in table.rows}
    told = ""
    if len({metric for _, metric in under}) == len(under):
        dropped.add("protocol")
        luma = sorted({protocol.text for protocol, _ in under if protocol.value in PROTOCOLS})
        told = f" PSNR and SSIM by protocol {', '.join(luma)}." if luma else ""
    which = (
        "Declared comparisons."
        if compare
        else (
            "The best method of each data set and metric against the second best; Holm over all "
            "pairs, which are in significance.csv."
        )
    )
    columns = [i for i, key in enumerate(keys) if key not in dropped]
    notes = tuple(note for note in table.notes if note in (AGAINST_NOTE, TRAINED_NOTE))
    return replace(pick(table, columns, 1), caption=f"{which} {table.caption}{told}", notes=notes)


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
        images = counted(n, "image")
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


def _number(value: float, decimals: int) -> Cell:
    return Cell(format_value(value, decimals), None if value != value else float(value))
