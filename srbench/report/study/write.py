"""Write the report of a rating study: all files of `srbench study analyze`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...files import write_text
from ...observer import Observer
from ...stats import analyze, check_ratings
from ...stats.claims import claims_table
from ...stats.significance import Pairs
from ..kit.drawn import save_figures
from ..kit.numbers import analysis_settings, write_numbers
from ..kit.render import latex_form, write_table
from ..kit.style import display_name
from .figures import KINDS, draw_analysis
from .names import metric_labels
from .page import render_analysis
from .tables import all_tables, brief_metrics, brief_mos, brief_pairs
from .text import methods_text

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
    latex: str = "paper",
    observer: Observer | None = None,
) -> list[Path]:
    """Analyse ``ratings`` and write tables, figures and analysis.html into ``out``.

    ``ratings`` as for `srbench.analyze`, ``scores`` as in scores.csv, ``family`` the declared
    comparisons (default: all pairs), ``equivalent`` the margin of equivalence, if any. ``latex`` is
    ``paper`` for the tables that a paper prints, or ``all``. Files are written only after the
    analysis has succeeded. The same input gives the same bytes. Outdated figures of an earlier
    analysis are removed. ``observer`` is notified of each figure.

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
    claims = claims_table(tables, display_name, metric_labels(tables).__getitem__)
    claims["simulated"] = bool(ratings["simulated"].any())
    written = write_numbers(
        out, tables, FILES, {"mos_claims": claims, "mos_notes": tables["notes"]}
    )
    shown = all_tables(tables)
    printed = {"mos", "mos_table2", "mos_metrics", "mos_equivalence"}
    printed |= {"mos_pairs"} if family is not None else set()
    briefly = {"mos": brief_mos, "mos_metrics": brief_metrics, "mos_pairs": brief_pairs}
    for table in shown:
        form = latex_form(table, latex, printed, briefly)
        written += write_table(table, out / "tables", latex=form)
    figures, pictures = save_figures(draw_analysis(tables), out / "figures", KINDS, observer)
    settings = analysis_settings(
        "ratings", ratings, family=family, equivalent=equivalent, resamples=resamples, seed=seed
    )
    methods = out / "methods.md"
    write_text(methods, "\n\n".join(methods_text(tables, ratings, settings)) + "\n")
    page = out / "analysis.html"
    write_text(page, render_analysis(tables, ratings, shown, pictures, settings))
    return [*written, *figures, methods, page]
