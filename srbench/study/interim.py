"""A first look at the results of a running study; the analysis proper is in srbench.stats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .ratings import ratings_rows
from .store import Store

if TYPE_CHECKING:
    import pandas as pd


def interim_mos(store: Store) -> pd.DataFrame:
    """MOS per method over all main votes so far: columns ``method, simulated, raters, votes,
    mos, ci_low, ci_high``, best first; votes of simulated raters stand apart.

    The interval is Student's over the raters' means (95 %), cut to 1..5; NaN with one rater.
    """
    import pandas as pd
    from scipy.stats import t

    scores: dict[tuple[str, bool], dict[str, list[int]]] = {}
    for row in ratings_rows(store):
        if row["phase"] == "main":
            of_method = scores.setdefault((row["method"], row["simulated"]), {})
            of_method.setdefault(row["rater"], []).append(row["score"])
    rows: list[tuple[object, ...]] = []
    for (method, simulated), by_rater in scores.items():
        means = np.array([np.mean(votes) for votes in by_rater.values()])
        mos, half = means.mean(), np.nan
        if len(means) > 1:
            half = t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
        votes = sum(len(votes) for votes in by_rater.values())
        low, high = np.clip([mos - half, mos + half], 1, 5)
        rows.append((method, simulated, len(means), votes, mos, low, high))
    columns = ["method", "simulated", "raters", "votes", "mos", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns).sort_values("mos", ascending=False)
