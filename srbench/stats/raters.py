"""The table of raters: bias, inconsistency, agreement with the others, attention, flags."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .bias_model import FEWEST_VOTES, BiasModel
from .cells import STIMULUS, Floats
from .reliability import correlation_with_others
from .screening import bt500

# Below it a rater's votes share less than a quarter of their variance with the mean of the others.
LOW_CORRELATION = 0.5


def raters_table(
    votes: pd.DataFrame, model: BiasModel | None, looked: pd.DataFrame
) -> pd.DataFrame:
    """The columns of raters.csv, with ``bt500_above``, ``bt500_below``, the columns of `attention`
    (``looked``), ``low_agreement``, ``flagged`` and ``note``.

    ``low_agreement``: the correlation with the others is less than half of the median rater's and
    three standard errors (Fisher's z over the rater's stimuli) below it. Measured on simulated
    studies of 4 or 12 methods: at most 0.5 % of honest raters, and 95 % of raters who vote at
    random (12 raters, 5 images, 4 methods). ``flagged``: rejected by BT.500, inattentive or of low
    agreement. A flag changes no number. It is reported, and the sensitivity table repeats the
    headline test without flagged raters.
    """
    flags = bt500(votes)
    table = flags[["rater", "n"]].copy()
    unknown = np.full(len(table), np.nan)
    table["bias"] = model.bias if model else unknown
    table["inconsistency"] = model.inconsistency if model else unknown
    bias = model.bias_interval() if model else (unknown, unknown)
    spread = model.inconsistency_interval() if model else (unknown, unknown)
    table["bias_ci_low"], table["bias_ci_high"] = bias
    table["inconsistency_ci_low"], table["inconsistency_ci_high"] = spread
    table["bt500_rejected"] = flags["rejected"]
    correlation = correlation_with_others(votes).reindex(table["rater"]).to_numpy()
    table["correlation_with_others"] = correlation
    table["bt500_above"], table["bt500_below"] = flags["above"], flags["below"]
    own = looked.reindex(table["rater"]).reset_index(drop=True)
    counts = ["gold_n", "gold_missed", "retest_n", "retest_missed"]
    table[counts] = own[counts]
    stimuli = votes.drop_duplicates(["rater", *STIMULUS]).groupby("rater", sort=True).size()
    table["low_agreement"] = _low(correlation, np.asarray(stimuli, dtype=float))
    table["flagged"] = table["bt500_rejected"] | own["inattentive"] | table["low_agreement"]
    table["constant"] = votes.groupby("rater", sort=True)["score"].nunique().to_numpy() == 1
    table["note"] = [_note(model, row) for row in table.to_dict("records")]
    return table.drop(columns="constant")


def _low(correlation: Floats, stimuli: Floats) -> NDArray[np.bool_]:
    """Whether a rater agrees with the others clearly less than the median rater does."""
    known = correlation[~np.isnan(correlation)]
    if not known.size:
        return np.zeros(len(correlation), dtype=bool)
    middle = float(np.median(known))
    with np.errstate(invalid="ignore", divide="ignore"):
        below = np.arctanh(middle) - np.arctanh(correlation)
        far = below > 3 / np.sqrt(np.maximum(stimuli - 3, 0))
        return (correlation < middle / 2) & far


def _note(model: BiasModel | None, row: Mapping[Hashable, Any]) -> str:
    notes: list[str] = []
    if model is None:
        notes.append("too few raters for the bias model")
    elif row["n"] < FEWEST_VOTES:
        notes.append(f"fewer than {FEWEST_VOTES} votes: not in the bias model")
    elif row["rater"] == model.collapsed:
        notes.append("would get all the weight in the bias model: it is fitted with equal weights")
    correlation = float(row["correlation_with_others"])
    if row["constant"]:
        notes.append("gave the same score throughout: no correlation")
    elif np.isnan(correlation):
        notes.append("no correlation: shares no varied stimuli with others")
    elif correlation < LOW_CORRELATION:
        notes.append(f"correlation with others only {correlation:.2f}".replace("-", "−"))
    if row["gold_missed"]:
        notes.append(f"{row['gold_missed']} of {row['gold_n']} gold stimuli missed")
    if row["retest_missed"]:
        notes.append(f"{row['retest_missed']} of {row['retest_n']} retests two or more grades off")
    if row["bt500_rejected"]:
        notes.append("flagged by BT.500")
    return "; ".join(notes)
