"""Write the report of a pair study: all files of `srbench study analyze`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ...files import write_text
from ...observer import Observer
from ...stats.analyze_pairs import analyze_pairs
from ...stats.pair_answers import check_answers
from ...stats.pair_claims import pair_claims
from ...stats.significance import Pairs
from ..kit.drawn import PageFigure, save_figures
from ..kit.numbers import analysis_settings, write_numbers
from ..kit.page import page_environment
from ..kit.render import Table, latex_form, write_table
from ..kit.style import dataset_order, display_name
from ..study.page import made_with, per_dataset, simulated_note, without_empty
from .charts import PAIR_KINDS, draw_pair_study
from .names import Tables
from .tables import brief_pair_tests, pair_study_tables
from .words import pair_leads, pair_methods_text, pair_title

PAIR_FILES = ("scale", "pairs", "pairwise", "raters", "metric_vs_pairs", "equivalence")


def write_pair_analysis(
    answers: pd.DataFrame,
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
    """Analyse ``answers`` and write tables, figures and analysis.html into ``out``.

    Like `srbench.report.study.write.write_analysis`, for pair comparisons.

    Returns:
        The files written.

    Raises:
        RatingsError: the answers cannot be used.
        ResultsError: the scores cannot be used, or ``out`` cannot be written to.
    """
    answers = check_answers(answers)
    tables = analyze_pairs(
        answers, scores, family=family, resamples=resamples, seed=seed, equivalent=equivalent
    )
    claims = pair_claims(tables, display_name)
    written = write_numbers(
        out,
        tables,
        PAIR_FILES,
        {
            "pair_claims": claims,
            "pair_notes": tables["notes"],
            "pair_preferences": tables["preferences"],
        },
    )
    shown = pair_study_tables(tables)
    printed = {"pair_scale", "pair_metrics", "pair_equivalence"}
    printed |= {"pair_tests"} if family is not None else set()
    for table in shown:
        form = latex_form(table, latex, printed, {"pair_tests": brief_pair_tests})
        written += write_table(table, out / "tables", latex=form)
    figures, pictures = save_figures(draw_pair_study(tables), out / "figures", PAIR_KINDS, observer)
    settings = analysis_settings(
        "answers", answers, family=family, equivalent=equivalent, resamples=resamples, seed=seed
    )
    methods = out / "methods.md"
    write_text(methods, "\n\n".join(pair_methods_text(tables, answers, settings)) + "\n")
    page = out / "analysis.html"
    write_text(page, render_pairs(tables, answers, claims, shown, pictures, settings))
    return [*written, *figures, methods, page]


def render_pairs(
    tables: Tables,
    answers: pd.DataFrame,
    claims: pd.DataFrame,
    shown: Sequence[Table],
    figures: Sequence[PageFigure],
    settings: Mapping[str, object],
) -> str:
    """The page as text, with all names escaped."""
    by_stem = {table.stem: table for table in shown}
    said: dict[str, list[str]] = {}
    for record in claims.to_dict("records"):
        said.setdefault(str(record["dataset"]), []).append(str(record["claim"]))
    order = sorted(said, key=lambda name: (name != "all", dataset_order(name)))
    return page_environment().get_template("pairs.html").render(
        title=pair_title(tables),
        leads=pair_leads(tables),
        simulated=simulated_note(answers),
        claims=[("All data sets" if name == "all" else display_name(name), said[name])
                for name in order],
        scale=per_dataset(by_stem["pair_scale"]),
        scale_table=by_stem["pair_scale"],
        tests=per_dataset(by_stem["pair_tests"]),
        tests_table=by_stem["pair_tests"],
        rates=per_dataset(by_stem["pair_rates"]),
        rates_table=by_stem["pair_rates"],
        equivalence=by_stem.get("pair_equivalence"),
        fit=by_stem["pair_fit"],
        metrics=[by_stem[s] for s in ("pair_metrics", "pair_metric_comparison") if s in by_stem],
        raters=[without_empty(by_stem[stem])
                for stem in ("pair_reliability", "pair_raters", "pair_sensitivity",
                             "pair_exclusions")],
        remarks=tables["notes"].to_dict("records"),
        figures=figures,
        methods=pair_methods_text(tables, answers, settings),
        facts=made_with(settings),
    )  # fmt: skip
