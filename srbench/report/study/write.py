"""The report of a rating study: every file that `srbench study analyze` promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from ...csv_cells import guard
from ...files import remove_unfinished, write_text
from ...observer import Observer
from ...stats import analyze, check_ratings
from ...stats.significance import Pairs
from ..kit.drawn import save_figures
from ..kit.render import write_table
from .figures import KINDS, draw_analysis
from .page import render_analysis
from .tables import all_tables

FILES = ("mos", "stimuli", "pairwise", "raters", "metric_vs_mos", "equivalence")


def write_analysis(
    ratings: pd.DataFrame,
    out: Path,
    scores: pd.DataFrame | None = None,
    *,
    family: Pairs | None = None,
    resamples: int = 2000,
    seed: int = 0,
    equivalent: float | None = None,
    observer: Observer | None = None,
) -> list[Path]:
    """Analyse ``ratings`` and write tables, figures and analysis.html into ``out``.

    ``ratings`` as for `srbench.analyze`, ``scores`` as in scores.csv, ``family`` the declared
    comparisons (default: all pairs), ``equivalent`` the margin of equivalence, if any. Nothing is
    written before the analysis has succeeded. The same input gives the same bytes. Figures of an
    earlier analysis that no longer apply are removed. ``observer`` is told of each figure.

    Returns:
        The files written.

    Raises:
        RatingsError: the ratings cannot be used.
        ResultsError: the scores cannot be used, or ``out`` cannot be written to.
    """
    out = Path(out)
    ratings = check_ratings(ratings)
    tables = analyze(
        ratings, scores, family=family, resamples=resamples, seed=seed, equivalent=equivalent
    )
    for part in ("tables", "figures"):
        remove_unfinished(out / part)
    written: list[Path] = []
    for name in FILES:
        if name in tables:
            written.append(out / f"{name}.csv")
            write_text(written[-1], to_csv(tables[name]))
    written.append(out / "reliability.json")
    write_text(written[-1], to_json({str(k): v for k, v in tables["reliability"].iloc[0].items()}))
    for name in ("claims", "notes"):
        written.append(out / "tables" / f"mos_{name}.csv")
        write_text(written[-1], to_csv(tables[name]))
    shown = all_tables(tables)
    for table in shown:
        written += write_table(table, out / "tables")
    figures, pictures = save_figures(draw_analysis(tables), out / "figures", KINDS, observer)
    settings: dict[str, object] = {
        "ratings": len(ratings),
        "raters": int(ratings["rater"].nunique()),
        "alpha": 0.05,
        "resamples": resamples,
        "seed": seed,
    }
    if family is not None:
        settings["family"] = [f"{a} / {b}" for a, b in family]
    if equivalent is not None:
        settings["equivalent"] = equivalent
    page = out / "analysis.html"
    write_text(page, render_analysis(tables, ratings, shown, pictures, settings))
    return [*written, *figures, page]


def to_csv(table: pd.DataFrame) -> str:
    """The frame as CSV: eight significant digits, empty where missing, LF.

    Names come from strangers: none is written so that a spreadsheet would run it as a formula.
    """
    table = table.copy()
    for name in table.select_dtypes(exclude=["number", "bool"]):
        table[name] = [guard(cell) if isinstance(cell, str) else cell for cell in table[name]]
    return table.to_csv(index=False, float_format="%.8g", lineterminator="\n")


def to_json(numbers: Mapping[str, object]) -> str:
    """Flat JSON, null where there is no number."""
    flat: dict[str, object] = {}
    for key, value in numbers.items():
        if isinstance(value, (bool, np.bool_)):
            flat[key] = bool(value)
        elif (number := float(str(value))) != number:
            flat[key] = None
        else:
            flat[key] = int(number) if key.endswith("_n") else float(f"{number:.8g}")
    return json.dumps(flat, indent=2) + "\n"
