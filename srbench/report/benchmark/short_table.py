"""The short table of a paper: one protocol, chosen methods and data sets, metrics as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...errors import unknown_name
from ...metrics.base import Facts
from ...metrics.protocols import PROTOCOLS
from ..kit.frames import score_cells
from ..kit.render import (
    LONG,
    ONE_COLUMN,
    Cell,
    Heading,
    Table,
    csv_value,
    md,
    tex,
    text_cell,
)
from ..kit.style import FEWER, canonical, display_name, format_value, trained_mark
from .results import Results, column_name, incomplete, means, select
from .tables import FEWER_NOTE, TRAINED_NOTE, mark_notes

_STEM, _TITLE = "scores", "Scores"
_BEST = "Best in bold, second underlined, within a data set."


def short_table(
    results: Results,
    *,
    protocol: str | None = None,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
) -> Table:
    """Means over images: a row per data set and method, a column per metric.

    Rows and columns without a value in this run are left out; `missing_notes` lists them.

    Args:
        results: the results folder.
        protocol: of PSNR and SSIM; by default MATLAB's if available.
        methods, datasets: names, in any case; by default all.
        metrics: words (``psnr``, ``lpips``) or names (``lpips_alex``); by default one per word.

    Raises:
        UnknownName: the results have no such name.
    """
    under = _protocol(results, protocol)
    wanted = _numbers(results, under, metrics)
    shown = _chosen("method", methods, results.methods(), canonical)
    names = _chosen("data set", datasets, [d for d, _, _ in results.groups()], str)
    places = [(d, s, f) for d, s, f in results.groups() if d in names]
    of_column = {
        (d, s, f.key): select(frame, protocol=f.protocol, metric=f.name)
        for d, s, frame in places
        for f in wanted
    }
    values = {key: means(scores) for key, scores in of_column.items()}
    unranked = {key: incomplete(scores) for key, scores in of_column.items()}
    columns = [f for f in wanted if any(values[d, s, f.key].keys() & shown for d, s, _ in places)]
    several = len({s for _, s, _ in places}) > 1
    rows: list[tuple[Cell, ...]] = []
    for dataset, scale, _ in places:
        here = [m for m in shown if any(m in values[dataset, scale, f.key] for f in columns)]
        where = text_cell(display_name(dataset) + (f" ×{scale}" if several else ""))
        by_column = [
            score_cells(
                [values[dataset, scale, f.key].get(m) for m in here],
                f.decimals,
                f.better,
                ranked=lambda i, here=here, fewer=unranked[dataset, scale, f.key]: (
                    here[i] not in fewer
                ),
                suffix=lambda i, here=here, scale=scale, f=f, dataset=dataset: (
                    trained_mark(results.run, here[i], scale, f.name)
                    + (FEWER if here[i] in unranked[dataset, scale, f.key] else "")
                ),
            )
            for f in columns
        ]
        rows += [
            (where, Cell(display_name(m), m), *(cells[i] for cells in by_column))
            for i, m in enumerate(here)
        ]
    headings = [Heading("dataset", "Data set", numeric=False)]
    headings += [Heading("method", "Method", numeric=False)]
    headings += [Heading(column_name(f, columns), _label(f, columns)) for f in columns]
    notes = mark_notes(rows)
    scales = "" if several or not places else f"×{places[0][1]}. "
    caption = f"{scales}{caption_of(under, columns)}"
    return Table(_STEM, _TITLE, caption, tuple(headings), tuple(rows), tuple(notes), 1)


def caption_of(protocol: str, numbers: Iterable[Facts]) -> str:
    """``Means over images; PSNR and SSIM by protocol MATLAB. Best in bold, ...``"""
    luma = [f.short_label for f in numbers if f.protocol in PROTOCOLS]
    by = f"; {' and '.join(luma)} by protocol {PROTOCOLS[protocol].label}" if luma else ""
    return f"Means over images{by}. {_BEST}"


def table_data(results: Results) -> dict[str, Any]:
    """All scores for the table on the page, with their texts in each copy format."""
    protocols = [p for p in PROTOCOLS if p in set(results.scores["protocol"])]
    numbers = _every_number(results)
    default = _shown(results)
    several = len({s for _, s, _ in results.groups()}) > 1
    places: list[dict[str, Any]] = []
    for dataset, scale, frame in results.groups():
        cells: dict[str, dict[str, list[str]]] = {}
        for facts in numbers:
            for under in protocols if facts.protocol in PROTOCOLS else [""]:
                own = select(frame, protocol=under or facts.protocol, metric=facts.name)
                unranked = incomplete(own)
                for method, value in means(own).items():
                    if value == value:
                        text = format_value(value, facts.decimals)
                        text += trained_mark(results.run, method, scale, facts.name)
                        text += FEWER if method in unranked else ""
                        of_method = cells.setdefault(method, {})
                        column = f"{column_name(facts, numbers)}:{under}"
                        of_method[column] = [text, tex(text), csv_value(value)]
        name = display_name(dataset) + (f" ×{scale}" if several else "")
        places.append({**_forms(name), "id": f"{dataset}/x{scale}", "cells": cells})
    scale = "" if several else f"×{next(iter(results.groups()))[1]}. "
    return {
        "title": _TITLE,
        "stem": _STEM,
        "protocols": [{**_forms(PROTOCOLS[p].label), "id": p} for p in protocols],
        "metrics": [
            {
                **_forms(_label(f, numbers)), "id": column_name(f, numbers), "better": f.better,
                "shown": _one(f) in default,
                "luma": f.short_label if f.protocol in PROTOCOLS else "",
            }
            for f in numbers
        ],
        "methods": [{**_forms(display_name(m), m), "id": m} for m in results.methods()],
        "places": places,
        "scale": _forms(scale),
        "best": _forms(_BEST),
        "marks": {"†": _forms(TRAINED_NOTE), FEWER: _forms(FEWER_NOTE)},
        "long": LONG,
        "narrow": ONE_COLUMN,
    }  # fmt: skip


def _forms(text: str, value: str | None = None) -> dict[str, str]:
    """A text for the page and for LaTeX, Markdown and CSV."""
    cell = csv_value(text if value is None else value)
    quoted = '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',"\r\n') else cell
    return {"text": text, "tex": tex(text), "md": md(text), "csv": quoted}


def _one(facts: Facts) -> object:
    """The key of a column: PSNR and SSIM of all protocols share one, other metrics do not."""
    return facts.name if facts.protocol in PROTOCOLS else facts.key


def _shown(results: Results) -> set[object]:
    return {_one(facts) for facts in results.numbers()}


def _label(facts: Facts, numbers: Sequence[Facts]) -> str:
    """``PSNR ↑``, and ``PSNR (RGB) ↑`` next to it."""
    alike = [f for f in numbers if f.full_label == facts.full_label]
    several = len(alike) > 1 and facts.protocol not in PROTOCOLS
    return f"{facts.with_protocol if several else facts.full_label} {facts.arrow}".strip()


def _protocol(results: Results, asked: str | None) -> str:
    there = [p for p in PROTOCOLS if p in set(results.scores["protocol"])]
    if asked is None:
        return there[0] if there else ""
    if asked.lower() not in there:
        raise unknown_name("protocol of these results:", asked, there)
    return asked.lower()


def _every_number(results: Results) -> list[Facts]:
    """Each metric once, PSNR and SSIM for any protocol, in the order of tables."""
    pairs = set(results.scores[["protocol", "metric"]].itertuples(index=False, name=None))
    order = sorted(pairs, key=lambda p: (results.known.order(p[1]),
                                         results.known.protocol_order(p[0])))  # fmt: skip
    found: dict[object, Facts] = {}
    for protocol, metric in order:
        facts = results.known.under(metric, protocol)
        found.setdefault(_one(facts), facts)
    return list(found.values())


def _numbers(results: Results, protocol: str, asked: Sequence[str] | None) -> list[Facts]:
    every = _every_number(results)
    shown = _shown(results)
    if asked is None:
        wanted = [f for f in every if _one(f) in shown]
    else:
        wanted = []
        for word in asked:
            named = [f for f in every if f.name == word.lower() or f.name == word]
            named = named or [f for f in every if f.word == word.lower() and _one(f) in shown]
            if not named:
                known = list(dict.fromkeys(n for f in every for n in (f.word or f.name, f.name)))
                raise unknown_name("metric of these results:", word, known)
            wanted += [f for f in named if f not in wanted]
        wanted.sort(key=every.index)
    return [results.known.under(f.name, protocol) if f.protocol in PROTOCOLS else f for f in wanted]


def _chosen(
    what: str, asked: Sequence[str] | None, there: Sequence[str], spelt: Callable[[str], str]
) -> list[str]:
    """The requested items of ``there``, in the order of ``there``."""
    there = list(dict.fromkeys(there))
    if asked is None:
        return there
    by_name = {name.casefold(): name for name in there}
    found: set[str] = set()
    for name in asked:
        known = by_name.get(spelt(name).casefold())
        if known is None:
            raise unknown_name(f"{what} of these results:", name, there)
        found.add(known)
    return [name for name in there if name in found]
