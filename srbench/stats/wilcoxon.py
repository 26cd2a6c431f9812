"""Wilcoxon's signed-rank test, exact for small samples with ties and zeros."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from .cells import Floats

LARGEST_EXACT = 50


class SignedRank(NamedTuple):
    """A two-sided signed-rank test.

    ``statistic`` is the smaller of the two rank sums, as in SciPy; ``effect`` the matched
    rank-biserial correlation, -1 to 1, positive where differences are mostly positive; ``n`` counts
    the pairs and ``nonzero`` those that differ; ``exact`` is True for an exact p.
    """

    statistic: float
    p: float
    effect: float
    n: int
    nonzero: int
    exact: bool

    @property
    def smallest_p(self) -> float:
        """The smallest possible p for this number of differing pairs."""
        return min(1.0, 2.0 ** (1 - self.nonzero))


def signed_rank(differences: Floats) -> SignedRank:
    """Wilcoxon's signed-rank test of paired differences, two-sided.

    Differences are rounded to nine decimals first, so that rounding errors do not break ties;
    infinities rank as the largest, NaN are left out. Zeros are ranked and then dropped (Pratt
    1959). Up to 50 pairs the p-value is exact: the distribution of the rank sum over all signs,
    given these ranks; beyond, the normal approximation with tie correction and without continuity
    correction. If all differences are zero, p = 1 and the effect is 0.

    Effect size: (W+ - W-) / (W+ + W-), Kerby 2014, over the same ranks as the test.
    """
    d = np.round(differences[~np.isnan(differences)], 9)
    n, nonzero = d.size, int(np.count_nonzero(d))
    if not nonzero:
        return SignedRank(0.0, 1.0, 0.0, n, 0, True)
    rank = _mean_ranks(np.abs(d))
    plus, minus = float(rank[d > 0].sum()), float(rank[d < 0].sum())
    least, effect = min(plus, minus), (plus - minus) / (plus + minus)
    if n <= LARGEST_EXACT:
        return SignedRank(least, _exact(rank[d != 0], plus), effect, n, nonzero, True)
    zeros = n - nonzero
    ties = np.unique(rank[d != 0], return_counts=True)[1]
    mean = (n * (n + 1) - zeros * (zeros + 1)) / 4
    spread = n * (n + 1) * (2 * n + 1) - zeros * (zeros + 1) * (2 * zeros + 1)
    variance = (spread - float((ties.astype(float) ** 3 - ties).sum()) / 2) / 24
    z = (plus - mean) / float(np.sqrt(variance))
    return SignedRank(least, float(2 * special.ndtr(-abs(z))), effect, n, nonzero, False)


def _mean_ranks(values: Floats) -> Floats:
    """Ranks from 1 of ``values`` (n,); equal values share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (count.cumsum() - (count - 1) / 2)[place]


def _exact(ranks: Floats, plus: float) -> float:
    """Two-sided p of a positive rank sum over all 2^n signs; ranks may be halves."""
    steps = np.rint(2 * ranks).astype(int)
    chance = np.ones(1)
    for step in steps:
        longer = np.zeros(chance.size + step)
        longer[: chance.size] += chance / 2
        longer[step:] += chance / 2
        chance = longer
    at = round(2 * plus)
    return min(1.0, 2 * float(min(chance[: at + 1].sum(), chance[at:].sum())))
