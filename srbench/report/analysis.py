"""The report of a study of grades or of pair comparisons; the table's columns decide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..errors import ResultsError
from ..files import require_folder_for, resolved
from ..observer import Observer
from ..stats.declared import declared_pairs
from ..stats.doubts import doubts
from ..stats.pair_answers import check_answers, is_pair_table
from ..stats.ratings import check_ratings, main_votes
from .pairs.write import PAIR_FILES, write_pair_analysis
from .study.write import FILES, write_analysis


def write_study_analysis(
    table: pd.DataFrame,
    out: Path,
    scores: pd.DataFrame | None = None,
    *,
    compare: str = "",
    equivalent: float | None = None,
    resamples: int = 2000,
    seed: int = 0,
    latex: str = "paper",
    inputs: Sequence[Path] = (),
    observer: Observer | None = None,
) -> list[Path]:
    """Call `write_analysis` for grades or `write_pair_analysis` for pair comparisons.

    ``latex`` is ``paper``, for the tables that a paper prints, or ``all``; ``compare`` declares the
    comparisons (`declared_pairs`; empty: all); ``equivalent`` is the margin of equivalence, in
    grades or, for pairs, in logits. ``inputs`` are files that must not be written over.

    Raises:
        ConfigError: ``compare`` names unknown methods, or the margin is not above 0.
        RatingsError: the table cannot be used.
        ResultsError: the scores cannot be used, or ``out`` cannot be written to, contains a study,
            a run's results or the analysis of a study that asked another question, or one of
            ``inputs`` under the name of a table.
    """
    require_folder_for("an analysis", out)
    for path in inputs:
        if path.stem in (*FILES, *PAIR_FILES) and resolved(path).parent == resolved(out):
            raise ResultsError(
                f"{path} would be overwritten by a table of the analysis; choose another --out"
            )
    pairs = is_pair_table(table)
    write, other, what = (
        (write_pair_analysis, "mos.csv", "grades")
        if pairs
        else (write_analysis, "scale.csv", "pair comparisons")
    )
    if (out / other).exists():
        raise ResultsError(
            f"{out} holds the analysis of {what} ({other}), this study asked for "
            f"{'pair comparisons' if pairs else 'grades'}; choose another folder by --out"
        )
    table = check_answers(table) if pairs else check_ratings(table)
    if observer is not None:
        for doubt in doubts(main_votes(table)):
            observer.note(f"warning: {doubt}")
    methods: set[str] = set()
    for column in ("method_a", "method_b") if pairs else ("method",):
        methods |= set(table.loc[table["phase"] == "main", column])
    return write(
        table,
        out,
        scores,
        family=declared_pairs(compare, methods) if compare else None,
        resamples=resamples,
        seed=seed,
        equivalent=equivalent,
        latex=latex,
        observer=observer,
    )
