"""Tests over all methods: Friedman's test, Kendall's W and Nemenyi's comparisons."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from .cells import Cells, Floats


def block_means(block: Cells, over: str) -> Floats:
    """Complete rows of mean scores, (images or raters, methods); ``over`` names the rows.

    If images share contents or raters share panels, the rows are contents or panels.
    """
    axis = 0 if over == "images" else 1
    pooled = [block.pooled(table) for table in block.scores]
    total = np.array([np.nansum(means * count, axis) for means, count in pooled])
    with np.errstate(invalid="ignore"):
        there = np.array([count.sum(axis) for _, count in pooled])
        means = np.asarray(np.round((total / there).T, 9), dtype=float)
    return means[~np.isnan(means).any(1)]


def omnibus_table(block: Cells, alpha: float = 0.05) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Friedman's test with image means and with rater means as blocks, and Nemenyi's pairs.

    The first table has ``blocks, n_blocks, n_methods, statistic, df, p, kendall_w, note``; the
    second ``blocks, method_a, method_b, rank_difference, p, significant``, where p holds for all
    pairs together. Blocks that lack a method are left out. Fewer than three methods or two blocks
    give a row with a note and no pairs; methods that tie everywhere give p = 1, W = 0.
    """
    from scipy import stats  # slow to import, and rarely needed

    tests: list[dict[str, object]] = []
    pairs: list[dict[str, object]] = []
    for over in ("images", "raters"):
        means = block_means(block, over)
        n, k = means.shape
        row: dict[str, object] = {"blocks": over, "n_blocks": n, "n_methods": k}
        if k < 3 or n < 2:
            lack = "fewer than three methods" if k < 3 else f"fewer than two complete {over}"
            tests.append({**row, **dict.fromkeys(("statistic", "df", "p", "kendall_w"), np.nan)})
            tests[-1]["note"] = f"not tested: {lack}"
            continue
        flat = bool((means == means[:, :1]).all())
        chi2, p = (0.0, 1.0) if flat else map(float, stats.friedmanchisquare(*means.T))
        tests.append(
            {
                **row,
                "statistic": chi2,
                "df": k - 1,
                "p": p,
                "kendall_w": chi2 / (n * (k - 1)),
                "note": "",
            }
        )
        place = stats.rankdata(-means, axis=1).mean(0)
        chances = np.ones((k, k)) if flat else _nemenyi(place, n)
        for i, j in combinations(range(k), 2):
            pairs.append(
                {
                    "blocks": over,
                    "method_a": block.methods[i],
                    "method_b": block.methods[j],
                    "rank_difference": float(place[i] - place[j]),
                    "p": float(chances[i, j]),
                    "significant": bool(chances[i, j] < alpha),
                }
            )
    columns = ["blocks", "method_a", "method_b", "rank_difference", "p", "significant"]
    return pd.DataFrame(tests), pd.DataFrame(pairs, columns=pd.Index(columns))


def _nemenyi(places: Floats, blocks: int) -> Floats:
    """Nemenyi's p values of every pair from mean ranks, (methods,) in and (methods, methods) out.

    The rank difference over sqrt(k (k + 1) / (6 n)), times sqrt(2), against the studentised range
    of k groups with infinite degrees of freedom (Demsar 2006, section 3.2.2).
    """
    from scipy import stats  # slow to import, and rarely needed

    k = len(places)
    spread = np.sqrt(k * (k + 1) / (6 * blocks))
    apart = np.abs(places[:, None] - places[None, :]) / spread
    return np.asarray(stats.studentized_range.sf(apart * np.sqrt(2), k, np.inf), dtype=float)
