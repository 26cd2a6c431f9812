"""One row per rater: bias, inconsistency, screening flag, agreement with the others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .bias_model import FEWEST_VOTES, BiasModel
from .reliability import correlation_with_others
from .screening import bt500


def raters_table(votes: pd.DataFrame, model: BiasModel | None) -> pd.DataFrame:
    """The columns of raters.csv, with ``bt500_above``, ``bt500_below``, ``note``."""
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
    correlation = correlation_with_others(votes)
    table["correlation_with_others"] = correlation.reindex(table["rater"]).to_numpy()
    table["bt500_above"], table["bt500_below"] = flags["above"], flags["below"]
    constant = votes.groupby("rater", sort=True)["score"].nunique().to_numpy() == 1
    table["note"] = [
        _note(model, str(name), int(n), bool(same), bool(flag), bool(np.isnan(r)))
        for name, n, same, flag, r in zip(
            table["rater"],
            table["n"],
            constant,
            flags["rejected"],
            table["correlation_with_others"],
            strict=True,
        )
    ]
    return table


def _note(
    model: BiasModel | None, name: str, n: int, constant: bool, flagged: bool, silent: bool
) -> str:
    notes: list[str] = []
    if model is None:
        notes.append("too few raters for the bias model")
    elif n < FEWEST_VOTES:
        notes.append(f"fewer than {FEWEST_VOTES} votes: not in the bias model")
    elif name == model.collapsed:
        notes.append("would have all weight in the bias model: it is fitted with equal weights")
    if constant:
        notes.append("gave the same score throughout: no correlation")
    elif silent:
        notes.append("no correlation: shares no varied stimuli with others")
    if flagged:
        notes.append("flagged by BT.500")
    return "; ".join(notes)
