"""One mixed model of all methods together: more power, and less caution."""

from __future__ import annotations

import numpy as np

from .cells import Cells
from .intervals import CrossedMean
from .significance import Pairs


def pooled_differences(block: Cells, pairs: Pairs) -> list[CrossedMean] | None:
    """Differences of methods by the model score = method + rater + image + rater x method + image x
    method + rater x image + rest, all but the methods random.

    Of a complete block, by the analysis of variance, which is REML: components that would be below
    0 are 0 and their squares go to the rest. Every difference has one variance,

        2 (MS_rater-method + MS_image-method - MS_rest) / (R I),

    and Satterthwaite degrees of freedom. Where a method varies more than others the pooled variance
    is too small for its comparisons, so this is no headline. Raters and images are their panels and
    contents. None where votes are missing, units differ in size, or there are fewer than two
    methods, raters or images.
    """
    cells = [block.pooled(table) for table in block.scores]
    scores = np.array([means for means, _ in cells])
    weight = np.array([count for _, count in cells])
    if np.isnan(scores).any() or np.ptp(weight) > 0 or min(scores.shape) < 2:
        return None
    m, raters, images = scores.shape
    gap = scores - scores.mean(0)  # what raters and images do to all methods alike is gone
    method = gap.mean((1, 2), keepdims=True)
    by_rater, by_image = gap.mean(2, keepdims=True) - method, gap.mean(1, keepdims=True) - method
    rest = gap - method - by_rater - by_image
    sums = images * (by_rater**2).sum(), raters * (by_image**2).sum(), (rest**2).sum()
    squares = np.array(sums, dtype=float)
    dfs = (m - 1.0) * np.array([raters - 1, images - 1, (raters - 1) * (images - 1)])
    kept = [0, 1]
    for _ in range(2):  # the lower one first
        means = squares / dfs
        below = [place for place in kept if means[place] < means[2]]
        if not below:
            break
        place = min(below, key=lambda each: means[each])
        squares[2] += squares[place]
        dfs[2] += dfs[place]
        kept.remove(place)
    mean, sign = squares / dfs, {0: 1, 1: 1, 2: 1 - len(kept)}
    used = [*kept, *([2] if sign[2] else [])]
    variance = sum(sign[place] * mean[place] for place in used)
    df = variance**2 / sum(mean[place] ** 2 / dfs[place] for place in used) if variance else 1.0
    level = {name: float(value) for name, value in zip(block.methods, method.ravel(), strict=True)}
    return [
        CrossedMean(level[a] - level[b], float(2 * variance / (raters * images)), float(df))
        for a, b in pairs
    ]
