"""One mixed model of all methods: more powerful but less robust than the headline test."""

from __future__ import annotations

import numpy as np

from .cells import Cells
from .intervals import CrossedMean
from .significance import Pairs


def pooled_differences(block: Cells, pairs: Pairs) -> list[CrossedMean] | None:
    """Differences of methods by the model score = method + rater + image + rater x method + image x
    method + rater x image + rest, all but the methods random.

    The block must be complete. The fit is the analysis of variance, which equals REML: negative
    components are set to 0 and their squares are added to the rest. All differences have the same
    variance,

        2 (MS_rater-method + MS_image-method - MS_rest) / (R I),

    and Satterthwaite degrees of freedom. The pooled variance is too small for comparisons of a
    method that varies more than others, so this is not the headline test. Raters and images are
    replaced by their panels and contents. None if votes are missing, units differ in size, there
    are fewer than two methods, raters or images, or differences do not vary.
    """
    cells = [block.pooled(table) for table in block.scores]
    scores = np.array([means for means, _ in cells])
    weight = np.array([count for _, count in cells])
    if np.isnan(scores).any() or np.ptp(weight) > 0 or min(scores.shape) < 2:
        return None
    m, raters, images = scores.shape
    gap = scores - scores.mean(0)  # removes rater and image effects that are common to all methods
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
    if variance <= 1e-12 * float((scores**2).mean()):
        return None  # every rater gave every image of a method the same grade
    df = variance**2 / sum(mean[place] ** 2 / dfs[place] for place in used)
    level = {name: float(value) for name, value in zip(block.methods, method.ravel(), strict=True)}
    return [
        CrossedMean(level[a] - level[b], float(2 * variance / (raters * images)), float(df))
        for a, b in pairs
    ]
