"""The report of a study, whichever question it asked: grades or pairs, told by the columns."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..errors import ResultsError
from ..observer import Observer
from ..stats.pair_answers import is_pair_table
from ..stats.significance import Pairs
from .pairs.write import write_pair_analysis
from .study.write import write_analysis


def write_study_analysis(
    table: pd.DataFrame,
    out: Path,
    scores: pd.DataFrame | None = None,
    *,
    family: Pairs | None = None,
    resamples: int = 2000,
    seed: int = 0,
    observer: Observer | None = None,
) -> list[Path]:
    """`write_analysis` of grades or `write_pair_analysis` of pair comparisons.

    Raises:
        RatingsError: the table cannot be used.
        ResultsError: the scores cannot be used, or ``out`` cannot be written to or holds the
            analysis of a study that asked another question.
    """
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
    return write(
        table, out, scores, family=family, resamples=resamples, seed=seed, observer=observer
    )
