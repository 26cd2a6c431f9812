"""Equivalence tests: is a difference smaller than a margin?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from ..errors import ConfigError
from .cells import Floats
from .intervals import t_quantile
from .significance import Pairs, holm


def equivalence_rows(
    pairs: Pairs,
    difference: Sequence[float] | Floats,
    variance: Sequence[float] | Floats,
    df: Sequence[float] | Floats,
    margin: float,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Two one-sided tests of every comparison: ``method_a, method_b, margin, difference, ci_low,
    ci_high, p, p_holm, equivalent``.

    ``variance`` and ``df`` are those of the crossed interval of each ``difference``, in the units
    of ``margin``. ``p`` is the larger of the p-values against a difference of at least ``margin``
    above and below; the interval, of level 1 - 2 alpha, lies within the margin where p < alpha.
    Holm's correction runs over the comparisons given. A difference without evidence for equivalence
    may also lack evidence for a difference.

    Raises:
        ConfigError: ``margin`` is not a number above 0.

    Source: Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15.
    """
    if not np.isfinite(margin) or margin <= 0:
        raise ConfigError(f"the margin of equivalence is {margin:g}; give a number above 0")
    gap, spread, free = (np.asarray(each, dtype=float) for each in (difference, variance, df))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(spread)
        t = (margin - np.abs(gap)) / error
        tail = np.asarray(special.stdtr(free, -t), dtype=float)
    certain = (np.abs(gap) >= margin).astype(float)
    p: Floats = np.where(error == 0, certain, tail)
    p[np.isnan(gap) | np.isnan(spread)] = np.nan
    half = t_quantile(1 - 2 * alpha, free) * error
    adjusted = holm(p)
    return pd.DataFrame(
        {
            "method_a": [a for a, _ in pairs],
            "method_b": [b for _, b in pairs],
            "margin": float(margin),
            "difference": gap,
            "ci_low": gap - half,
            "ci_high": gap + half,
            "p": p,
            "p_holm": adjusted,
            "equivalent": adjusted < alpha,
        }
    )
