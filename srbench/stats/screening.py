"""Flag outlying raters by the rule of ITU-R BT.500; no votes are removed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .cells import STIMULUS, codes, codes_of


def bt500(votes: pd.DataFrame) -> pd.DataFrame:
    """One row per rater, from main votes: ``rater, n, above, below, rejected``.

    Per stimulus the mean, the standard deviation and the kurtosis m4 / m2^2; the threshold is 2
    deviations where the kurtosis lies in 2..4 and sqrt(20) otherwise. ``above`` (P) counts a
    rater's votes at or over mean + threshold, ``below`` (Q) those at or under mean - threshold.
    Rejected: (P + Q) / n > 0.05 and |P - Q| / (P + Q) < 0.3.

    The deviation divides by n, as the kurtosis does, and a unanimous stimulus has no outliers. In
    both points we deviate from the standard, which divides by n - 1 and counts each vote on a
    unanimous stimulus as above and below. Reason: in simulated studies whose raters agree on the
    worst method, the standard's rule flags 15 % of 26 honest raters, and 74 % of 8 raters of 5
    images; our rule flags 5 % and 1 %. Without unanimous stimuli, only division by n still rejects
    the rater of the public NFLX data set (rater 2) that literal implementations reject; SUREAL also
    divides by n.

    Source: ITU-R BT.500-15 (05/2023), Annex on post-screening of observers.
    """
    stimulus, stimuli = codes_of(votes, STIMULUS)
    rater, raters = codes(votes["rater"])
    score = votes["score"].to_numpy(dtype=float)
    count = np.bincount(stimulus, minlength=len(stimuli))
    mean = np.bincount(stimulus, score) / count
    off = score - mean[stimulus]
    second, fourth = (np.bincount(stimulus, off**power) / count for power in (2, 4))
    with np.errstate(invalid="ignore", divide="ignore"):
        kurtosis = fourth / second**2
    factor = np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, np.sqrt(20))
    threshold = np.where(second > 0, factor * np.sqrt(second) - 1e-9, np.inf)[stimulus]
    above = np.bincount(rater, off >= threshold, minlength=len(raters))
    below = np.bincount(rater, off <= -threshold, minlength=len(raters))
    n = np.bincount(rater, minlength=len(raters))
    outside = above + below
    rejected = (outside / n > 0.05) & (np.abs(above - below) < 0.3 * outside)
    return pd.DataFrame(
        {
            "rater": raters,
            "n": n,
            "above": above.astype(np.int64),
            "below": below.astype(np.int64),
            "rejected": rejected,
        }
    )
