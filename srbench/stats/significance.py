"""Paired tests of every comparison of methods in one data set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from .cells import Cells, Floats
from .intervals import FEW_TO_RESAMPLE, Resamples, block_mean, resampled_means
from .wilcoxon import LARGEST_EXACT, signed_rank

HEADLINE = "crossed-t"
PAPER = "wilcoxon-pooled"
TESTS = [HEADLINE, "crossed-bootstrap", "wilcoxon-images", "wilcoxon-raters", PAPER]
Pairs = Sequence[tuple[str, str]]


def holm(p: Floats) -> Floats:
    """p-values adjusted by Holm's step-down method over the family given; NaN stays NaN."""
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[: int((~np.isnan(p)).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def with_holm(rows: list[dict[str, object]], alpha: float) -> pd.DataFrame:
    """Rows of tests as pairwise.csv, with Holm's correction over the rows of each test."""
    columns = ["method_a", "method_b", "mos_difference", "ci_low", "ci_high", "test", "statistic"]
    columns += ["p", "p_holm", "effect_size", "significant", "note"]
    if not rows:
        return pd.DataFrame(columns=pd.Index(columns), dtype=object)
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby("test")["p"].transform(lambda p: holm(p.to_numpy()))
    table["significant"] = table["p_holm"] < alpha
    return table[columns]


def pairwise_table(
    block: Cells, draws: Resamples, family: Pairs | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """All tests of all comparisons of one block: the columns of pairwise.csv.

    Without ``dataset``, with a ``note``. ``family`` declares the comparisons (default: every
    pair of methods); Holm's correction runs over those that can be tested, separately for each
    test. The difference is method_a - method_b over the (rater, image) cells that hold both.

    ========================  =====================================================================
    ``crossed-t``             the headline: raters and images (their units) random, Satterthwaite
    ``crossed-bootstrap``     normal, with the deviation over resamples of raters and images
    ``wilcoxon-images``       exact signed ranks of each image's (content's) mean difference
    ``wilcoxon-raters``       exact signed ranks of each rater's (panel's) mean difference
    ``wilcoxon-pooled``       the test of the SRGAN paper: all (rater, image) cells as if
    independent ========================
    =====================================================================

    ``statistic`` is Student's t, a standard normal, or the smaller rank sum. ``effect_size`` is the
    matched rank-biserial correlation over what the test ranks, and over the cells for the crossed
    tests. Rank tests have no interval. No p-value depends on the number of resamples.
    """
    pairs = list(family) if family is not None else list(combinations(block.methods, 2))
    pairs = [pair for pair in pairs if set(pair) <= set(block.methods)]
    means = {method: resampled_means(block.of(method), draws) for method in block.methods}
    there = {method: ~np.isnan(block.of(method)) for method in block.methods}
    testable = sum(bool((there[a] & there[b]).any()) for a, b in pairs)
    rows: list[dict[str, object]] = []
    for a, b in pairs:
        difference = block.of(a) - block.of(b)
        aligned = bool((there[a] == there[b]).all())
        resampled = means[a] - means[b] if aligned else resampled_means(difference, draws)
        names = {"method_a": a, "method_b": b}
        rows += compare(block, difference, resampled, names, alpha, testable)
    return with_holm(rows, alpha)


def compare(
    block: Cells,
    difference: Floats,
    resampled: Floats,
    names: dict[str, str],
    alpha: float,
    comparisons: int = 1,
) -> list[dict[str, object]]:
    """The rows of one comparison, one per test, from its (raters, images) differences.

    ``resampled`` is their mean in every resample, ``comparisons`` the number of testable
    comparisons in the family.
    """
    difference = np.round(difference, 9)
    if np.isnan(difference).all():
        note = "no rater saw both on one image"
        return [_row(names, test, note=note) for test in TESTS]
    crossed = block_mean(block, difference, grades=2)
    low, high = crossed.interval(1 - alpha)
    statistic, p = crossed.test()
    cells = difference[~np.isnan(difference)]
    pooled = signed_rank(cells)
    mean = crossed.mean
    rows = [_row(names, HEADLINE, mean, low, high, statistic, p, pooled.effect, crossed.note)]

    spread = float(np.nanstd(resampled, ddof=1)) if crossed.note.find("single vote") < 0 else np.nan
    if spread < 1e-12:  # all values are equal: resampling adds nothing to the headline test
        spread = float(np.sqrt(crossed.variance))
    z = mean / spread if mean else 0.0 * spread
    p = 2 * float(special.ndtr(-abs(z)))
    half = -float(special.ndtri(alpha / 2)) * spread
    note = crossed.note
    means, count = block.pooled(difference)
    if not note and min(means.shape) < FEW_TO_RESAMPLE:
        units = " or ".join(f"{unit}s" for unit in block.units)
        note = f"fewer than {FEW_TO_RESAMPLE} {units}: too lenient, see crossed-t"
    rows.append(_row(names, TESTS[1], mean, mean - half, mean + half, z, p, pooled.effect, note))
    for test, axis, unit in (("wilcoxon-images", 0, 1), ("wilcoxon-raters", 1, 0)):
        word = f"{block.units[unit]}s"
        there = count.sum(axis)
        total = np.nansum(means * count, axis)[there > 0]
        ranked = signed_rank(total / there[there > 0])
        least = 0.5 ** (ranked.n - 1)
        note = ""
        if ranked.n <= LARGEST_EXACT and least * comparisons >= alpha:
            note = f"with {ranked.n} {word} p cannot go below {least:.4g}"
            if least < alpha:
                adjusted = min(1.0, least * comparisons)
                note += f", {adjusted:.2g} after Holm over {comparisons} comparisons"
        if ranked.n == 1:
            note = f"one {word[:-1]}: no rank test"
        rows.append(
            _row(
                names,
                test,
                mean,
                statistic=ranked.statistic,
                p=ranked.p,
                effect=ranked.effect,
                note=note,
            )
        )
    rows.append(
        _row(names, PAPER, mean, statistic=pooled.statistic, p=pooled.p, effect=pooled.effect)
    )
    return rows


def _row(
    names: dict[str, str],
    test: str,
    mean: float = np.nan,
    low: float = np.nan,
    high: float = np.nan,
    statistic: float = np.nan,
    p: float = np.nan,
    effect: float = np.nan,
    note: str = "",
) -> dict[str, object]:
    return {
        **names,
        "mos_difference": mean,
        "ci_low": low,
        "ci_high": high,
        "test": test,
        "statistic": statistic,
        "p": p,
        "effect_size": effect,
        "note": note,
    }
