"""report.html: one self-contained page without network requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from ... import __version__
from ...wording import counted, one_line
from ..kit.drawn import PageFigure
from ..kit.page import page_environment, pick
from ..kit.render import Cell, Heading, Table, text_cell, turned
from ..kit.style import display_name, trained_mark
from .crops import View
from .headline import dataset_leads, headline_numbers, title
from .results import Results, select
from .short_table import short_table, table_data
from .significance import LEVEL, out_of_reach
from .tables import missing_notes, significance_table
from .viewer import every_image, viewer_data

IMAGES_PAGE = "images.html"
_CROPS = 3  # crop figures that are shown unfolded: one for each data set of the paper


def render_page(
    results: Results,
    views: Sequence[View],
    figures: Sequence[PageFigure],
    summary: Table,
    paper: Sequence[Table],
    tests: pd.DataFrame,
    *,
    all_images: bool = False,
) -> str:
    """The page as text, with all names escaped. ``all_images``: images.html exists next to it."""
    protocols = sorted(set(results.scores["protocol"]), key=results.known.protocol_order)
    crops = [f for f in figures if f.stem.startswith("crops")]
    folded = [f for f in figures if f.stem.startswith("distributions")] + crops[_CROPS:]
    return (
        page_environment()
        .get_template("report.html")
        .render(
            title=title(results),
            results=results.name,
            leads=dataset_leads(results, tests),
            read_by=read_by(results),
            short=short_table(results),
            short_data=table_data(results),
            missing=missing_notes(results),
            summary=method_first(summary),
            paper=[shown for table in paper if (shown := _in_this_run(table)).rows],
            significance=significance_parts(results, tests),
            viewer=viewer_data(results, views),
            images_page=IMAGES_PAGE if all_images else "",
            figures=[f for f in figures if f not in folded],
            more=folded,
            protocols=[(f.under, f.about) for f in map(results.known.protocol, protocols)],
            made=made_with(results.run),
            fingerprints=fingerprint_table(results.run),
            alpha=LEVEL,
        )
    )


def render_images(results: Results) -> str:
    """images.html: every image of the results folder in the viewer, read from the image files."""
    return (
        page_environment()
        .get_template("images.html")
        .render(title=title(results), results=results.name, viewer=every_image(results))
    )


def read_by(results: Results) -> str:
    """The protocols of the numbers in the heading, and the meaning of their marks."""
    numbers = headline_numbers(results)
    said = ", ".join(facts.with_protocol for facts in numbers)
    methods = set(zip(results.scores["method"], results.scores["scale"], strict=True))
    marked = any(trained_mark(results.run, m, s, f.name) for m, s in methods for f in numbers)
    dagger = " † trained on this metric." if marked else ""
    return (
        f"{said}; means over images.{dagger} Significance: Wilcoxon signed-rank over images, Holm."
    )


def significance_parts(results: Results, tests: pd.DataFrame) -> list[tuple[str, str, Table]]:
    """One table per data set and scale, with the protocol of the figures: its title, the number of
    pairs that differ, and the table.

    The page omits details for statisticians, which are in tables/significance.csv.
    """
    parts: list[tuple[str, str, Table]] = []
    for dataset, scale, _ in results.groups():
        here = select(tests, dataset=dataset, scale=scale)
        families = [
            (facts, select(here, protocol=facts.protocol, metric=facts.name))
            for facts in results.numbers()
        ]
        wanted = [family for _, family in families if len(family)]
        if not wanted:
            continue
        counts = ", ".join(
            f"{facts.full_label} {sum(family['significant'])} of {len(family)}"
            for facts, family in families
            if len(family)
        )
        said = f"pairs that differ: {counts}"
        images, pairs = max(here["n"]), max(len(family) for family in wanted)
        if out_of_reach(images, 1):
            few = counted(images, "image")
            said += f". With {few} a rank test cannot reach {LEVEL} for any difference"
        elif out_of_reach(images, pairs):
            said += f". {counted(images, 'image')} are too few for {pairs} comparisons to reach "
            said += f"{LEVEL}"
        table = significance_table(pd.concat(wanted), results.run)
        parts.append((f"{display_name(dataset)} ×{scale}", said, _short(table)))
    return parts


def _short(table: Table) -> Table:
    dropped = {"dataset", "scale", "protocol", "statistic", "p_method", "smallest_p"}
    return pick(table, [i for i, h in enumerate(table.headings) if h.key not in dropped], 0)


def method_first(table: Table) -> Table:
    """The summary for a narrow screen: method first, counts last, no scale if there is only one."""
    keys = [h.key for h in table.headings]
    scales = {row[keys.index("scale")].text for row in table.rows}
    order = ["method", "dataset", *(["scale"] if len(scales) > 1 else [])]
    moved = ("method", "dataset", "scale", "images")
    order += [*(key for key in keys if key not in moved), "images"]
    picked = pick(table, [keys.index(key) for key in order], 0)
    return (
        picked if len(scales) > 1 else replace(picked, caption=f"{scales.pop()}. {table.caption}")
    )


def _in_this_run(table: Table) -> Table:
    """The comparison with the paper without rows that this run lacks, and a note about them.

    Without rows if the paper has no number for this run, such as at another scale.
    """
    source = [h.key for h in table.headings].index("source")
    ours = [row for row in table.rows if row[source].text == "ours"]
    if len(ours) == len(table.rows):
        return replace(table, rows=())
    lead = table.lead

    def has(row: tuple[Cell, ...], column: int) -> bool:
        return row[column].value is not None

    columns = [
        i for i, h in enumerate(table.headings)
        if i < lead or (h.key != "HR" and any(has(row, i) for row in ours))
    ]  # fmt: skip
    sets = {row[0].text for row in ours if any(has(row, i) for i in columns[lead:])}
    rows = [
        row
        for row in table.rows
        if row[0].text in sets and any(has(row, i) for i in columns[lead:])
    ]
    absent = [h.label for i, h in enumerate(table.headings) if i not in columns and h.key != "HR"]
    absent += sorted({row[0].text for row in table.rows} - sets)
    notes = [f"Not in this run, so not shown: {', '.join(absent)}"] if absent else []
    notes += [note for note in table.notes if not note.startswith(("— ", "HR:"))]
    made = turned(pick(replace(table, rows=tuple(rows), notes=tuple(notes)), columns, table.group))
    keys = [heading.key for heading in made.headings]
    shown = tuple(row for row in made.rows if any(c.value is not None for c in row[made.lead :]))
    made = replace(made, rows=shown)
    several = len({row[keys.index("scale")].text for row in made.rows}) > 1
    if several:  # one heading for each data set and scale
        made = replace(made, rows=tuple(
            (text_cell(f"{row[0].text} {row[1].text}"), *row[1:]) for row in made.rows
        ))  # fmt: skip
    return pick(made, [i for i, key in enumerate(keys) if key != "scale"], 1)


def made_with(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The main facts to reproduce the run; run.json has all of them."""
    versions = run.get("versions")
    versions = {str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {}
    mine = versions.pop("srbench", "")
    if mine in ("", "not installed"):
        mine = f"{__version__} (this report; run.json names none)"
    last = run.get("last_run")
    seconds = last.get("wall_seconds") if isinstance(last, dict) else None
    told: list[tuple[str, object]] = [
        ("srbench", mine),
        ("LR images", f"bicubic, border {run['border']}" if run.get("border") else None),
        ("device", run.get("device")),
        ("system", run.get("system")),
        ("threads", run.get("threads")),
        ("last run", _duration(seconds) if isinstance(seconds, (int, float)) else None),
        ("packages", ", ".join(f"{name} {number}" for name, number in versions.items())),
    ]
    return [(key, one_line(str(value), 400)) for key, value in told if value not in (None, "")]


def _duration(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def fingerprint_table(run: Mapping[str, Any]) -> Table | None:
    """The first digits of every fingerprint of run.json: data sets in columns, methods in rows."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    datasets: list[str] = []
    sets, methods = run.get("datasets"), run.get("methods")
    for scale, of_scale in sets.items() if isinstance(sets, dict) else ():
        for name, facts in of_scale.items() if isinstance(of_scale, dict) else ():
            datasets.append(str(name))
            value = facts.get("fingerprint") if isinstance(facts, dict) else facts
            found.setdefault((str(scale), "original images"), {})[str(name)] = str(value)
    for scale, of_scale in methods.items() if isinstance(methods, dict) else ():
        for method, of_method in of_scale.items() if isinstance(of_scale, dict) else ():
            for name, value in of_method.items() if isinstance(of_method, dict) else ():
                datasets.append(str(name))
                found.setdefault((str(scale), display_name(str(method))), {})[str(name)] = str(
                    value
                )
    if not found:
        return None
    datasets = list(dict.fromkeys(datasets))
    headings = [
        Heading("of", "Fingerprint of", numeric=False),
        Heading("scale", "Scale", numeric=False),
    ]
    headings += [Heading(name, display_name(name), numeric=False) for name in datasets]
    rows = [
        (text_cell(what), text_cell(scale.replace("x", "×")),
         *(text_cell(values[name][:8]) if name in values else Cell("—", None) for name in datasets))
        for (scale, what), values in found.items()
    ]  # fmt: skip
    return Table("fingerprints", "Fingerprints", "", tuple(headings), tuple(rows), (), 0)
