"""Mean opinion scores per method and per stimulus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from .bias_model import BiasModel
from .cells import STIMULUS, Cells, Floats, Ints, codes, codes_of
from .intervals import (
    FEW_TO_RESAMPLE,
    CrossedMean,
    Resamples,
    binomial_interval,
    block_difference,
    block_mean,
    resampled_means,
    student_interval,
    t_quantile,
)
from .ranks import ranks
from .ratings import HIGHEST, REFERENCE
from .units import with_units

NO_WIDTH = "all votes are equal: Student's interval has no width, see {}"
CI_METHODS = ["crossed", "bootstrap", "student", "binomial"]


def differential(block: Cells, method: str) -> CrossedMean:
    """DMOS against the hidden reference: the mean of score - the rater's score of the original + 5.

    Values above 5 are kept; cells without both scores do not count. Source: ITU-T P.910.
    """
    if block.reference is None:
        return CrossedMean(np.nan, np.nan, 0)
    if method == REFERENCE:
        return CrossedMean(float(HIGHEST), 0.0, np.inf)  # by definition
    gap = block_difference(block, method, REFERENCE)
    return replace(gap, mean=gap.mean + HIGHEST)


def mos_table(block: Cells, draws: Resamples, level: float = 0.95) -> pd.DataFrame:
    """MOS of every method of one block, one row per interval: the columns of mos.csv.

    The column ``dataset`` is missing; ``note`` explains missing numbers and gives caveats.
    ``n_panels`` and ``n_contents`` count the independent units. ``dmos_ci_low|high`` is the crossed
    interval of the DMOS, ``rank_ci_low|high`` the bootstrap interval of the mean rank. A rater's
    repeated votes on one stimulus are averaged first; ``mos``, ``sd`` and intervals are over these
    ``n_cells``; ``n_ratings`` counts every vote.
    """
    place = ranks(block.scores)
    rows: list[dict[str, object]] = []
    for i, method in enumerate(block.methods):
        table = block.scores[i]
        there = ~np.isnan(table)
        values = table[there]
        n = np.array(float(values.size))
        sd = float(values.std(ddof=1)) if values.size > 1 else float("nan")
        dmos = differential(block, method)
        rank = place[i][~np.isnan(place[i])]
        crossed = block_mean(block, table)
        resampled = resampled_means(table, draws)
        tails = [50 * (1 - level), 50 * (1 + level)]
        alone = "a single vote: no deviation" if values.size == 1 else ""
        flat = NO_WIDTH.format("crossed and binomial") if sd == 0 else ""
        panels = len(np.unique(block.panel[there.any(1)]))
        contents = len(np.unique(block.content[there.any(0)]))
        least = min(panels, contents)
        few = f"fewer than {FEW_TO_RESAMPLE} {' or '.join(f'{u}s' for u in block.units)}: "
        few += "too narrow, see crossed"
        few = few if least < FEW_TO_RESAMPLE else ""
        intervals = {
            "crossed": (*crossed.interval(level), crossed.note),
            "bootstrap": (*np.nanpercentile(resampled, tails), crossed.note or few),
            "student": (*student_interval(values.mean(), np.array(sd), n, level), alone or flat),
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
            gaps.append("no DMOS: the original was not rated together with it")
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
                    "n_panels": panels,
                    "n_contents": contents,
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
    """MOS of every stimulus, without and with the bias model: the columns of stimuli.csv.

    ``ci_low`` and ``ci_high`` are Student's interval over raters or panels, ``binomial_low`` and
    ``binomial_high`` the exact binomial interval; ``note`` says why a number is missing. ``n``
    counts every vote; ``mos``, ``sd`` and intervals are over ``n_raters``, after averaging each
    rater's repetitions.
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
    low, high = _rater_interval(votes, (of_stimulus, cell % len(raters), score), mos, level)
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
    flat = (table["ci_low"] == table["ci_high"]).to_numpy()
    table.loc[flat, "note"] = NO_WIDTH.format("binomial")
    lost = table["mos_bias_corrected"].isna()
    why = (
        "no rater of this stimulus fits the bias model"
        if model
        else "too few raters for the bias model"
    )
    table.loc[lost, "note"] = [f"{note}; {why}".strip("; ") for note in table.loc[lost, "note"]]
    return table.sort_values(["dataset", "image", "method"]).reset_index(drop=True)


def _rater_interval(
    votes: pd.DataFrame, cells: tuple[Ints, Ints, Floats], mos: Floats, level: float
) -> tuple[Floats, Floats]:
    """Student's interval of each stimulus over its raters, or over their panels.

    ``cells`` are the stimulus, rater and score of every cell. A panel is weighted by its number of
    raters; the deviation is that of the panels' means.
    """
    stimulus, rater, score = cells
    named = with_units(votes).drop_duplicates("rater").sort_values("rater")
    panel, panels = codes(named["panel"])
    unit, of_unit = np.unique(stimulus * len(panels) + panel[rater], return_inverse=True)
    size = np.bincount(of_unit)
    mean = np.bincount(of_unit, score) / size
    owner = unit // len(panels)
    count = np.bincount(owner).astype(float)
    centre = (np.bincount(owner, mean) / count)[owner]
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.bincount(owner, (mean - centre) ** 2) / (count - 1))
    share = size / np.bincount(owner, size)[owner]
    alike = 1 / np.bincount(owner, share**2)  # the effective number of panels
    with np.errstate(invalid="ignore", divide="ignore"):
        half = t_quantile(level, count - 1) * spread / np.sqrt(alike)
    return mos - half, mos + half


def score_counts(votes: pd.DataFrame) -> pd.DataFrame:
    """The count of each score of each method: ``dataset, method, score, count``, with zeros."""
    found = votes.groupby(["dataset", "method"]).size().index
    full = pd.MultiIndex.from_tuples(
        [(d, m, s) for d, m in found for s in range(1, HIGHEST + 1)],
        names=["dataset", "method", "score"],
    )
    counts = votes.groupby(["dataset", "method", "score"]).size().reindex(full, fill_value=0)
    return counts.rename("count").reset_index()
