"""Mean opinion scores per method and per stimulus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .bias_model import BiasModel
from .cells import STIMULUS, Cells, Floats, codes, codes_of
from .intervals import (
    FEW_TO_RESAMPLE,
    CrossedMean,
    Resamples,
    binomial_interval,
    crossed_difference,
    crossed_mean,
    resampled_means,
    student_interval,
)
from .ranks import ranks
from .ratings import HIGHEST, REFERENCE

CI_METHODS = ["crossed", "bootstrap", "student", "binomial"]


def differential(scores: Floats, reference: Floats) -> CrossedMean:
    """DMOS against the hidden reference: the mean of a rater's score - that of the original + 5.

    Both tables have shape (raters, images). Values above 5 are kept; cells in which the rater did
    not see both do not count. Source: ITU-T P.910.
    """
    gap = crossed_difference(scores, reference)
    return replace(gap, mean=gap.mean + HIGHEST)


def mos_table(block: Cells, draws: Resamples, level: float = 0.95) -> pd.DataFrame:
    """MOS of every method of one block, one row per interval: the columns of mos.csv.

    Without ``dataset``, and with a ``note`` on every number that is missing or needs a caveat.
    ``dmos_ci_low|high`` is the crossed interval of the DMOS, ``rank_ci_low|high`` the bootstrap
    interval of the mean rank.
    A rater's repeated votes on one stimulus are averaged first; ``mos``, ``sd`` and intervals are
    over these ``n_cells``, ``n_ratings`` counts every vote.
    """
    place = ranks(block.scores)
    reference = block.reference
    rows: list[dict[str, object]] = []
    for i, method in enumerate(block.methods):
        table = block.scores[i]
        there = ~np.isnan(table)
        values = table[there]
        n = np.array(float(values.size))
        sd = float(values.std(ddof=1)) if values.size > 1 else float("nan")
        unseen = np.full_like(table, np.nan)
        dmos = differential(table, unseen if reference is None else reference)
        rank = place[i][~np.isnan(place[i])]
        crossed = crossed_mean(table)
        resampled = resampled_means(table, draws)
        tails = [50 * (1 - level), 50 * (1 + level)]
        alone = "a single vote: no deviation" if values.size == 1 else ""
        least = min(int(there.any(1).sum()), int(there.any(0).sum()))
        few = f"fewer than {FEW_TO_RESAMPLE} raters or images: too narrow, see crossed"
        few = few if least < FEW_TO_RESAMPLE else ""
        intervals = {
            "crossed": (*crossed.interval(level), crossed.note),
            "bootstrap": (*np.nanpercentile(resampled, tails), crossed.note or few),
            "student": (*student_interval(values.mean(), np.array(sd), n, level), alone),
            "binomial": (*binomial_interval(np.array(values.sum()), n, level), alone),
        }
        dmos_interval = dmos.interval(level)
        rank_interval = (
            np.nanpercentile(resampled_means(place[i], draws), tails)
            if rank.size
            else (np.nan,) * 2
        )
        gaps: list[str] = []
        if np.isnan(dmos.mean):
            gaps.append("no DMOS: the original was not rated beside it")
        elif dmos.note and dmos.note != crossed.note and method != REFERENCE:
            gaps.append(f"DMOS: {dmos.note}")
        gaps += [] if rank.size else ["no rank: nobody rated two versions of one image"]
        for name in CI_METHODS:
            low, high, caveat = intervals[name]
            rows.append(
                {
                    "method": method,
                    "n_ratings": int(block.votes[i]),
                    "n_cells": int(values.size),
                    "n_raters": int(there.any(1).sum()),
                    "n_images": int(there.any(0).sum()),
                    "mos": float(values.mean()),
                    "sd": sd,
                    "ci_low": float(low),
                    "ci_high": float(high),
                    "ci_method": name,
                    "dmos": dmos.mean,
                    "mean_rank": float(rank.mean()) if rank.size else float("nan"),
                    "dmos_ci_low": dmos_interval[0],
                    "dmos_ci_high": dmos_interval[1],
                    "rank_ci_low": float(rank_interval[0]),
                    "rank_ci_high": float(rank_interval[1]),
                    "note": "; ".join(filter(None, [str(caveat), *gaps])),
                }
            )
    return pd.DataFrame(rows)


def stimuli_table(
    votes: pd.DataFrame, model: BiasModel | None, level: float = 0.95
) -> pd.DataFrame:
    """MOS of every stimulus, plain and after the bias model: the columns of stimuli.csv.

    ``ci_low`` and ``ci_high`` are Student's, ``binomial_low`` and ``binomial_high`` exact; ``note``
    says why a number is missing. ``n`` counts every vote; ``mos``, ``sd`` and intervals are over
    the ``n_raters``, a rater's repetitions averaged first.
    """
    stimulus, keys = codes_of(votes, STIMULUS)
    rater, raters = codes(votes["rater"])
    cell, of_cell = np.unique(stimulus * len(raters) + rater, return_inverse=True)
    score = np.bincount(of_cell, votes["score"].to_numpy(dtype=float)) / np.bincount(of_cell)
    of_stimulus = cell // len(raters)
    n = np.bincount(of_stimulus).astype(float)
    total = np.bincount(of_stimulus, score).astype(float)
    mos = total / n
    square = np.bincount(of_stimulus, (score - mos[of_stimulus]) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(n > 1, np.sqrt(square / (n - 1)), np.nan)
    low, high = student_interval(mos, sd, n, level)
    exact_low, exact_high = binomial_interval(total, n, level)
    names = votes.drop_duplicates(["dataset", "image", "method"])
    place = codes_of(names, STIMULUS)[0]
    table = names[["dataset", "image", "method"]].iloc[np.argsort(place)].reset_index(drop=True)
    unseen = np.full(len(keys), np.nan)
    table["n"], table["n_raters"] = np.bincount(stimulus), n.astype(np.int64)
    table["mos"], table["sd"] = mos, sd
    table["ci_low"], table["ci_high"] = low, high
    table["binomial_low"], table["binomial_high"] = exact_low, exact_high
    table["mos_bias_corrected"] = model.psi if model else unseen
    table["se_bias_corrected"] = model.se if model else unseen
    table["note"] = ""
    table.loc[n < 2, "note"] = "a single rater: no deviation, no interval"
    lost = table["mos_bias_corrected"].isna()
    why = (
        "no rater of this stimulus fits the bias model"
        if model
        else "too few raters for the bias model"
    )
    table.loc[lost, "note"] = [f"{note}; {why}".strip("; ") for note in table.loc[lost, "note"]]
    return table.sort_values(["dataset", "image", "method"]).reset_index(drop=True)


def score_counts(votes: pd.DataFrame) -> pd.DataFrame:
    """How often each method got each score: ``dataset, method, score, count``, zeros included."""
    found = votes.groupby(["dataset", "method"]).size().index
    full = pd.MultiIndex.from_tuples(
        [(d, m, s) for d, m in found for s in range(1, HIGHEST + 1)],
        names=["dataset", "method", "score"],
    )
    counts = votes.groupby(["dataset", "method", "score"]).size().reindex(full, fill_value=0)
    return counts.rename("count").reset_index()
