"""Test whether two methods differ in a metric over the same images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from ...metrics.table import Known
from ...stats.significance import Pairs, holm
from ...stats.wilcoxon import signed_rank
from ..kit.style import dataset_order, method_order
from .results import select, without_reference

Floats = NDArray[np.float64]

ALPHA = 0.05
LEVEL = f"{100 * ALPHA:g} %"
_RESAMPLES = 10_000
_SEED = 20170711  # fixed, so that the same scores give the same intervals

SIGNIFICANCE_COLUMNS = (
    "dataset", "scale", "protocol", "metric", "method_a", "method_b", "n", "mean_difference",
    "ci_low", "ci_high", "statistic", "p", "p_holm", "effect_size", "p_method", "smallest_p",
    "significant",
)  # fmt: skip


@lru_cache(maxsize=4)
def _draws(n: int) -> Floats:
    """How often each of n images is drawn in each of the resamples: (10000, n)."""
    generator = np.random.default_rng(_SEED)
    return generator.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES).astype(np.float64)


def bootstrap_interval(values: Floats) -> tuple[float, float]:
    """95 % expanded percentile interval of the mean of ``values`` (n,), over images. Seeded.

    Plain percentile intervals are too narrow for few images, by sqrt((n - 1) / n) and because they
    do not use Student's t: for five normal values they cover 84 %, the expanded ones 92 %; for a
    hundred values both cover 95 %. (NaN, NaN) for a single image or an infinite value.

    Source: Hesterberg 2015, "What Teachers Should Know About the Bootstrap", The American
    Statistician 69(4).
    """
    n = len(values)
    if n < 2 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    tail = 100 * special.ndtr(-np.sqrt(n / (n - 1)) * special.stdtrit(n - 1, 0.975))
    low, high = np.percentile(_draws(n) @ values / n, [tail, 100 - tail])
    return float(low), float(high)


def out_of_reach(images: int, pairs: int) -> bool:
    """Whether a signed-rank test over so few images cannot be significant, Holm over ``pairs``."""
    return min(1.0, 2.0 ** (1 - images)) * pairs >= ALPHA


def significance(
    scores: pd.DataFrame, known: Known | None = None, family: Pairs | None = None
) -> pd.DataFrame:
    """Every pair of methods on every data set, scale, protocol and metric.

    ``scores`` has the columns of scores.csv; ``family`` are the declared comparisons (default: all
    pairs). Differences are a minus b over the common images; the interval is `bootstrap_interval`
    of their mean. Holm's correction runs over the pairs of one data set, scale, protocol and
    metric. The columns are ``SIGNIFICANCE_COLUMNS``: those of `srbench.stats.wilcoxon.signed_rank`,
    where ``p_method`` is 'exact', 'asymptotic', or 'none' if nothing differs.
    """
    rows: list[dict[str, object]] = []
    for keys, wide in _families(scores, known or Known()):
        rows += _family(keys, wide, family)
    return pd.DataFrame(rows, columns=list(SIGNIFICANCE_COLUMNS))


def _families(
    scores: pd.DataFrame, known: Known
) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    scored = without_reference(scores).dropna(subset=["value"])
    keys = ("dataset", "scale", "protocol", "metric")
    found = {tuple(row) for row in scored[list(keys)].itertuples(index=False)}
    for dataset, scale, protocol, metric in sorted(
        found,
        key=lambda k: (dataset_order(k[0]), k[1], known.protocol_order(k[2]), known.order(k[3])),
    ):
        family = select(scored, dataset=dataset, scale=scale, protocol=protocol, metric=metric)
        wide = family.pivot(index="image", columns="method", values="value").sort_index()
        yield dict(zip(keys, (dataset, scale, protocol, metric), strict=True)), wide


def _family(
    keys: dict[str, object], wide: pd.DataFrame, family: Pairs | None
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    pairs = family
    if pairs is None:
        pairs = list(combinations(sorted(wide.columns, key=method_order), 2))
    for a, b in pairs:
        if a not in wide or b not in wide:
            continue
        both = wide[[a, b]].dropna().to_numpy(dtype=np.float64)
        if len(both) == 0:
            continue
        # Two perfect images are equal, but inf - inf is NaN.
        same = both[:, 0] == both[:, 1]
        differences = np.where(same, 0.0, both[:, 0] - np.where(same, 0.0, both[:, 1]))
        test = signed_rank(differences)
        how = ("exact" if test.exact else "asymptotic") if test.nonzero else "none"
        low, high = bootstrap_interval(differences)
        with np.errstate(invalid="ignore"):
            mean = float(differences.mean())
        rows.append(
            {**keys, "method_a": a, "method_b": b, "n": test.n, "mean_difference": mean,
             "ci_low": low, "ci_high": high, "statistic": test.statistic, "p": test.p,
             "effect_size": test.effect, "p_method": how,
             "smallest_p": test.smallest_p}
        )  # fmt: skip
    for row, adjusted in zip(rows, holm(np.array([r["p"] for r in rows])), strict=True):
        row["p_holm"] = float(adjusted)
        row["significant"] = bool(adjusted < ALPHA)
    return rows
