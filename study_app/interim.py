"""Interim results of a running study; `srbench study analyze` makes the full analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from srbench.stats.bradley_terry import JOD
from srbench.stats.cells import ALL, cells
from srbench.stats.intervals import block_mean
from srbench.stats.pair_answers import (
    check_answers,
    is_pair_table,
    pair_block,
    pair_blocks,
    pair_scale,
)
from srbench.stats.pairs import scale_table


def interim_results(
    ratings: Sequence[Mapping[str, Any]], *, simulated: bool = False
) -> pd.DataFrame:
    """The interim results of each method, from real or from simulated raters, best first:
    `interim_mos` for grades, `interim_scale` for pairs.
    """
    pairs = is_pair_table(pd.DataFrame(list(ratings[:1])))
    return (interim_scale if pairs else interim_mos)(ratings, simulated=simulated)


def interim_scale(ratings: Sequence[Mapping[str, Any]], *, simulated: bool = False) -> pd.DataFrame:
    """The Bradley-Terry scale of the methods from the main answers so far.

    Columns ``method, raters, answers, jod, ci_low, ci_high, win_rate``: just-objectionable
    differences with the interval of the analysis (95 %), empty for methods that answers do not
    connect with the others.
    """
    counted = _counted(ratings, simulated)
    columns = ["method", "raters", "answers", "jod", "ci_low", "ci_high", "win_rate"]
    if not counted:
        return pd.DataFrame(columns=columns)
    answers = check_answers(pd.DataFrame(counted))
    blocks = pair_blocks(answers)
    block = blocks[ALL] if ALL in blocks else pair_block(answers)
    table = scale_table(block, pair_scale(block))
    table = table.rename(columns={"n_raters": "raters", "n_answers": "answers"})
    table[["ci_low", "ci_high"]] /= JOD
    return table.sort_values("win_rate", ascending=False)[columns]


def interim_mos(ratings: Sequence[Mapping[str, Any]], *, simulated: bool = False) -> pd.DataFrame:
    """The MOS per method from the main votes so far, of real or of simulated raters, best first.

    Columns ``method, raters, votes, mos, ci_low, ci_high``: the crossed random-effects interval of
    the analysis (95 %); NaN if there is none yet. ``ratings`` are those of `ratings_rows`.
    """
    counted = _counted(ratings, simulated)
    columns = ["method", "raters", "votes", "mos", "ci_low", "ci_high"]
    if not counted:
        return pd.DataFrame(columns=columns)
    block = cells(pd.DataFrame(counted))
    rows: list[tuple[object, ...]] = []
    for method, votes, table in zip(block.methods, block.votes, block.scores, strict=True):
        mean = block_mean(block, table)
        low, high = mean.interval()
        raters = int((~np.isnan(table)).any(axis=1).sum())
        rows.append((method, raters, int(votes), mean.mean, low, high))
    return pd.DataFrame(rows, columns=columns).sort_values("mos", ascending=False)


def _counted(ratings: Sequence[Mapping[str, Any]], simulated: bool) -> list[Mapping[str, Any]]:
    """The main votes that the study's rules do not exclude."""
    return [
        row
        for row in ratings
        if row["phase"] == "main" and row["simulated"] == simulated and not row.get("excluded")
    ]
