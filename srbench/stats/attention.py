"""Raters' attention: wrong grades of gold stimuli, and repeated votes that differ."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .ratings import HIGHEST, LOWEST, REFERENCE
from .reliability import retest_pairs

FAR = 2  # grades: a vote that is at least this far from the expected grade is a miss
FEWEST_MISSES = 2  # one miss may be an accident


def attention(ratings: pd.DataFrame) -> pd.DataFrame:
    """Gold stimuli and retests of each rater, indexed by rater.

    Columns ``gold_n``, ``gold_missed``, ``retest_n``, ``retest_missed``, and ``inattentive``: at
    least two misses, in half or more of the gold stimuli or in more than half of the retests.
    ``ratings`` is a checked table. A gold vote is missed if it differs by two or more grades from
    its column ``expected``. Where that is empty, the original should get 5 and nearest neighbour 1;
    other methods do not count. A retest is missed if it differs by two or more grades from the
    first vote.

    The rules are ours. Measured on simulated honest raters (inconsistency 0.4 to 0.9): 0.1 to 2.5 %
    fail 2 to 8 gold stimuli, 0.1 to 4.6 % fail 2 to 10 retests.
    """
    raters = pd.Index(sorted(ratings["rater"].unique()), name="rater")
    gold = ratings[ratings["phase"] == "gold"]
    off = (gold["score"] - _expected(gold)).abs()
    known = gold[off.notna()]
    pairs = retest_pairs(ratings)
    apart = (pairs["second"] - pairs["first"]).abs() >= FAR
    table = pd.DataFrame(
        {
            "gold_n": known.groupby("rater").size(),
            "gold_missed": (off[off.notna()] >= FAR).groupby(known["rater"]).sum(),
            "retest_n": pairs.groupby("rater").size(),
            "retest_missed": apart.groupby(pairs["rater"]).sum(),
        },
        index=raters,
    )
    table = table.fillna(0).astype(np.int64)
    gold_failed = (table["gold_missed"] >= FEWEST_MISSES) & (
        2 * table["gold_missed"] >= table["gold_n"]
    )
    retest_failed = (table["retest_missed"] >= FEWEST_MISSES) & (
        2 * table["retest_missed"] > table["retest_n"]
    )
    table["inattentive"] = gold_failed | retest_failed
    return table


def _expected(gold: pd.DataFrame) -> pd.Series:
    """The expected grade of each gold vote, NaN where it is unknown."""
    usual = {REFERENCE.casefold(): float(HIGHEST), "nearest": float(LOWEST)}
    by_method = gold["method"].str.casefold().map(usual)
    if "expected" not in gold:
        return by_method.astype(float)
    return pd.to_numeric(gold["expected"], errors="coerce").fillna(by_method).astype(float)
