"""Average rank of each method, as in Fig. 10 of the SRGAN paper."""

from __future__ import annotations

import numpy as np

from .cells import Floats


def ranks(scores: Floats) -> Floats:
    """Rank of each version within one rater and image: 1 is best, ties share their mean rank.

    ``scores`` and the result have shape (methods, raters, images), NaN where there is no vote.
    If only m of M versions have a vote, their ranks r are stretched to the full range, (r - 1/2) M
    / m + 1/2, so that raters who saw fewer versions have the same weight. A single version has no
    rank.
    """
    there = ~np.isnan(scores)
    present = there.sum(0)
    out = np.empty_like(scores)
    for i, own in enumerate(scores):
        better = (scores > own).sum(0)
        ties = (scores == own).sum(0)
        out[i] = better + (ties + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        out = (out - 0.5) * len(scores) / present + 0.5
    out[~there | (np.broadcast_to(present, out.shape) < min(2, len(scores)))] = np.nan
    return out
