"""Do two methods differ in a metric, over the same images?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .results import select, without_reference
from .style import dataset_order, method_order, metric_order, protocol_order

Floats = NDArray[np.float64]

ALPHA = 0.05
_RESAMPLES = 10_000
_SEED = 20170711  # fixed: the same scores give the same intervals
_EXACT_UP_TO = 50  # scipy's own bound for the exact distribution
_ENUMERATE_UP_TO = 12  # 4096 sign patterns

SIGNIFICANCE_COLUMNS = (
    "dataset", "scale", "protocol", "metric", "method_a", "method_b", "n", "mean_difference",
    "ci_low", "ci_high", "statistic", "p", "p_holm", "effect_size", "p_method", "smallest_p",
    "significant",
)  # fmt: skip


@dataclass(frozen=True)
class PairedTest:
    """A two-sided Wilcoxon signed-rank test of paired differences.

    ``statistic`` is the smaller of the two rank sums; ``effect_size`` the matched-pairs
    rank-biserial correlation, -1..1, positive where the differences are mostly positive;
    ``p_method`` is 'exact', 'enumerated' (all sign patterns, for ties and zeros), 'asymptotic',
    or 'none' where nothing differs; ``smallest_p`` is the smallest p that so few images allow.
    """

    n: int
    statistic: float
    p: float
    effect_size: float
    p_method: str
    smallest_p: float


def paired_wilcoxon(differences: Floats) -> PairedTest:
    """Test whether paired differences are symmetric about zero.

    ``differences`` is float of shape (n,); infinities rank as the largest, NaN is not allowed.
    Zeros are ranked and then left out (Pratt 1959). The p value is exact without ties and zeros
    up to 50 images, enumerated over all sign patterns with them up to 12 non-zero differences,
    and from the normal approximation otherwise.

    Effect size: (W+ - W-) / (W+ + W-), Kerby (2014), over the same ranks as the test.
    """
    from scipy import stats

    n = len(differences)
    nonzero = differences != 0
    k = int(nonzero.sum())
    smallest = min(1.0, 2.0 ** (1 - k))
    if k == 0:
        return PairedTest(n, 0.0, 1.0, 0.0, "none", 1.0)
    ranks = stats.rankdata(np.abs(differences))
    plus, minus = ranks[differences > 0].sum(), ranks[differences < 0].sum()
    tied = len(np.unique(np.abs(differences[nonzero]))) < k
    if not tied and k == n <= _EXACT_UP_TO:
        how = "exact"
        p = _scipy_p(ranks * np.sign(differences), "exact")
    elif k <= _ENUMERATE_UP_TO:
        how = "enumerated"
        p = _enumerated_p(ranks[nonzero], float(plus))
    else:
        how = "asymptotic"
        # Only the order of absolute differences matters; ranks in their place keep zeros zero.
        p = _scipy_p(ranks * np.sign(differences), "asymptotic")
    effect = float((plus - minus) / (plus + minus))
    return PairedTest(n, float(min(plus, minus)), p, effect, how, smallest)


def _scipy_p(signed: Floats, method: str) -> float:
    from scipy import stats

    # SciPy's result is a tuple whose fields its type stubs do not name.
    result: Any = stats.wilcoxon(signed, zero_method="pratt", method=method)
    return float(result.pvalue)


def _enumerated_p(ranks: Floats, plus: float) -> float:
    signs = (np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks))) & 1
    sums = signs @ ranks
    centre = ranks.sum() / 2
    return float(np.mean(np.abs(sums - centre) >= abs(plus - centre) - 1e-9))


def bootstrap_means(values: Floats) -> Floats:
    """Means of ``values`` (n, columns) over images drawn with replacement: (10000, columns).

    The same images are drawn for every column, so columns may be subtracted. Seeded.
    """
    with np.errstate(invalid="ignore"):
        return _draws(len(values)) @ values / len(values)


@lru_cache(maxsize=4)
def _draws(n: int) -> Floats:
    """How often each of n images is drawn in each resample: (10000, n)."""
    generator = np.random.default_rng(_SEED)
    return generator.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES).astype(np.float64)


def bootstrap_interval(values: Floats) -> tuple[float, float]:
    """95 % percentile interval of the mean of ``values`` (n,), over images.

    NaN twice where there is one image only or a value is infinite.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return float("nan"), float("nan")
    low, high = np.percentile(bootstrap_means(values[:, None])[:, 0], [2.5, 97.5])
    return float(low), float(high)


def holm(p: Floats) -> Floats:
    """Holm's (1979) adjusted p values of one family, in the given order."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def significance(scores: pd.DataFrame) -> pd.DataFrame:
    """Every pair of methods on every data set, scale, protocol and metric.

    ``scores`` has the columns of scores.csv. Differences are a minus b over the images both have;
    the interval is a 95 % bootstrap percentile interval of their mean. Holm's correction runs
    over the pairs of one data set, scale, protocol and metric. The columns are
    ``SIGNIFICANCE_COLUMNS``.
    """
    rows: list[dict[str, object]] = []
    for keys, wide in _families(scores):
        rows += _family(keys, wide)
    return pd.DataFrame(rows, columns=list(SIGNIFICANCE_COLUMNS))


def _families(scores: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    scored = without_reference(scores).dropna(subset=["value"])
    keys = ("dataset", "scale", "protocol", "metric")
    found = {tuple(row) for row in scored[list(keys)].itertuples(index=False)}
    for dataset, scale, protocol, metric in sorted(
        found,
        key=lambda k: (dataset_order(k[0]), k[1], protocol_order(k[2]), metric_order(k[3])),
    ):
        family = select(scored, dataset=dataset, scale=scale, protocol=protocol, metric=metric)
        wide = family.pivot(index="image", columns="method", values="value").sort_index()
        yield dict(zip(keys, (dataset, scale, protocol, metric), strict=True)), wide


def _family(keys: dict[str, object], wide: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for a, b in combinations(sorted(wide.columns, key=method_order), 2):
        both = wide[[a, b]].dropna().to_numpy(dtype=np.float64)
        if len(both) == 0:
            continue
        # Two perfect images are equal, though inf - inf is not a number.
        same = both[:, 0] == both[:, 1]
        differences = np.where(same, 0.0, both[:, 0] - np.where(same, 0.0, both[:, 1]))
        # Scores have six decimals; beyond nine a difference is binary noise that would hide ties.
        differences = differences.round(9)
        test = paired_wilcoxon(differences)
        low, high = bootstrap_interval(differences)
        with np.errstate(invalid="ignore"):
            mean = float(differences.mean())
        rows.append(
            {**keys, "method_a": a, "method_b": b, "n": test.n, "mean_difference": mean,
             "ci_low": low, "ci_high": high, "statistic": test.statistic, "p": test.p,
             "effect_size": test.effect_size, "p_method": test.p_method,
             "smallest_p": test.smallest_p}
        )  # fmt: skip
    for row, adjusted in zip(rows, holm(np.array([r["p"] for r in rows])), strict=True):
        row["p_holm"] = float(adjusted)
        row["significant"] = bool(adjusted < ALPHA)
    return rows
