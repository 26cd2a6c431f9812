"""Variance components of a crossed table by restricted maximum likelihood."""

from __future__ import annotations

import numpy as np
from scipy import optimize

from .cells import Floats
from .intervals import Components


def reml_components(table: Floats) -> Components | None:
    """Variances between raters, between stimuli and of the rest, of a (raters, stimuli) table.

    NaN where a vote is missing. The model is value = mean + rater + stimulus + rest. In a complete
    table with positive components they equal those of the analysis of variance; here none is below
    0. None if there are too few votes or they do not vary.

    Source: the profiled restricted likelihood of Bates, Maechler, Bolker and Walker 2015, Journal
    of Statistical Software 67(1), section 3.4, with stimuli eliminated.
    """
    there = ~np.isnan(table)
    rows, columns = there.any(1), there.any(0)
    table, there = table[rows][:, columns], there[rows][:, columns]
    n, (raters, stimuli) = int(there.sum()), table.shape
    if raters < 2 or stimuli < 2 or n - raters - stimuli + 1 < 1:
        return None
    y: Floats = np.where(there, table - float(np.nanmean(table)), 0.0)
    square = float((y**2).sum())
    if square < 1e-12 * n:
        return None
    count = there.astype(float)
    per_rater, per_stimulus = count.sum(1), count.sum(0)
    of_raters: Floats = np.stack([per_rater, y.sum(1)], axis=1)
    of_stimuli: Floats = np.stack([per_stimulus, y.sum(0)], axis=1)

    def residual(theta: Floats) -> tuple[float, float]:
        """Log determinants, and the penalised residual sum of squares."""
        a, b = float(theta[0]), float(theta[1])
        lower: Floats = b**2 * per_stimulus + 1
        cross: Floats = a * b * count
        scaled: Floats = cross / lower
        upper: Floats = np.diag(a**2 * per_rater + 1) - scaled @ cross.T
        second: Floats = b * of_stimuli
        reduced: Floats = a * of_raters - scaled @ second
        root = np.asarray(np.linalg.cholesky(upper), dtype=float)
        half = np.asarray(np.linalg.solve(root, reduced), dtype=float)
        fitted: Floats = half.T @ half + second.T @ (second / lower[:, None])
        weight, gap = n - float(fitted[0, 0]), -float(fitted[0, 1])  # y sums to 0
        rest = square - float(fitted[1, 1]) - gap**2 / weight
        logs = 2 * float(np.log(np.diag(root)).sum()) + float(np.log(lower).sum() + np.log(weight))
        return logs, rest

    def deviance(theta: Floats) -> float:
        logs, rest = residual(theta)
        return logs + (n - 1) * float(np.log(max(rest, 1e-12 * square)))

    best = optimize.minimize(
        deviance, np.ones(2), method="Nelder-Mead", bounds=[(0, 1e3)] * 2,
        options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 2000},
    )  # fmt: skip
    rest = residual(best.x)[1] / (n - 1)
    return Components(float(best.x[0] ** 2 * rest), float(best.x[1] ** 2 * rest), rest)
