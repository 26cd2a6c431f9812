"""A first look at a running study's results; `srbench study analyze` is the analysis proper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from srbench.stats.cells import cells
from srbench.stats.intervals import crossed_mean


def interim_mos(ratings: Sequence[Mapping[str, Any]], *, simulated: bool = False) -> pd.DataFrame:
    """MOS per method over the main votes so far, of people or of simulated raters, best first.

    Columns ``method, raters, votes, mos, ci_low, ci_high``: the crossed random-effects interval
    (95 %), cut to 1..5; NaN where there is none yet. ``ratings`` as of `ratings_rows`.
    """
    counted = [r for r in ratings if r["phase"] == "main" and r["simulated"] == simulated]
    columns = ["method", "raters", "votes", "mos", "ci_low", "ci_high"]
    if not counted:
        return pd.DataFrame(columns=columns)
    block = cells(pd.DataFrame(counted, columns=["rater", "dataset", "image", "method", "score"]))
    rows: list[tuple[object, ...]] = []
    for method, votes, table in zip(block.methods, block.votes, block.scores, strict=True):
        mean = crossed_mean(table)
        low, high = np.clip(mean.interval(), 1, 5)
        raters = int((~np.isnan(table)).any(axis=1).sum())
        rows.append((method, raters, int(votes), mean.mean, low, high))
    return pd.DataFrame(rows, columns=columns).sort_values("mos", ascending=False)
