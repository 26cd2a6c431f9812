"""Errors of a fitted scale when raters and images are both random samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .bradley_terry import Fit, answer_slopes
from .cells import Floats, Ints
from .intervals import t_quantile


@dataclass(frozen=True)
class CrossedContrasts:
    """Contrasts of one scale, each with its variance and degrees of freedom."""

    value: Floats
    variance: Floats
    df: Floats

    def interval(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Value +- t sqrt(variance)."""
        half = t_quantile(level, self.df) * np.sqrt(self.variance)
        return self.value - half, self.value + half

    def test(self) -> tuple[Floats, Floats]:
        """Student's statistics and two-sided p-values against 0."""
        statistic = self.value / np.sqrt(self.variance)
        return statistic, np.asarray(2 * special.stdtr(self.df, -np.abs(statistic)), dtype=float)


def influences(fit: Fit, ends: tuple[Ints, Ints], pair: Ints, answer: Ints) -> Floats:
    """The influence of each answer on each score: (answers, methods), sum 0 over the answers.

    ``ends`` are the methods of every pair, ``pair`` and ``answer`` as for `answer_slopes`. They are
    the slopes of the answers times the inverse information.
    """
    slopes = answer_slopes(fit, pair, answer)
    inverse = fit.inverse[:, :-1]
    first, second = ends[0][pair], ends[1][pair]
    return slopes[:, :1] * (inverse[first] - inverse[second]) + slopes[:, 1:] * inverse[-1]


def crossed_contrasts(
    fit: Fit, pulls: Floats, rater: Ints, image: Ints, contrasts: Floats
) -> CrossedContrasts:
    """Contrasts of the scale with their variance when raters and images are both random.

    ``pulls`` from `influences`; ``rater`` and ``image`` (answers,) number the independent units
    from 0; ``contrasts`` has shape (methods, wanted). The influences are summed for each (rater,
    image) cell. As for a mean opinion score:

        Var = V_raters + V_images - V_rest,

    with V_raters = R / (R - 1) times the sum of the squared sums per rater, V_images likewise, and
    V_rest from the residuals of the cells; Satterthwaite degrees of freedom. If Var is not
    positive, or has fewer degrees of freedom than the smaller of R - 1 and I - 1, the larger of
    V_raters and V_images is used with that smaller number. The variance is never below that of
    independent answers (the inverse information), which unanimous raters would otherwise reach.
    With one rater (or one image) it is the variance over the images (or raters); with a single cell
    that of independent answers, with one degree of freedom for each answer.

    In a complete design this equals `crossed_mean` of the cells. It was chosen over the bootstrap
    over raters and images by simulation: ``benchmarks/pair_calibration.py``.

    Source: Cameron, Gelbach and Miller 2011, Journal of Business & Economic Statistics 29(2), for
    two-way clustered variance; the treatment of V_rest and of the degrees of freedom is ours.
    """
    value = fit.scores @ contrasts
    least = np.einsum("ic,ij,jc->c", contrasts, fit.inverse[:-1, :-1], contrasts)
    raters, images = int(rater.max()) + 1, int(image.max()) + 1
    there, cell = np.unique(rater * np.int64(images) + image, return_inverse=True)
    sums = _summed(pulls, cell, len(there)) @ contrasts
    of_rater, of_image = there // images, there % images
    by_rater = _summed(sums, of_rater, raters)
    by_image = _summed(sums, of_image, images)
    if min(raters, images) == 1:
        n = len(there)
        if n == 1:
            return CrossedContrasts(value, least, np.full(len(value), float(len(pulls))))
        alone = n / (n - 1) * (sums**2).sum(0)
        return CrossedContrasts(value, np.maximum(alone, least), np.full(len(value), n - 1.0))
    seen_by = np.bincount(of_rater, minlength=raters)
    seen = np.bincount(of_image, minlength=images)
    rest = sums - (by_rater / seen_by[:, None])[of_rater] - (by_image / seen[:, None])[of_image]
    freedom = max(len(there) - raters - images + 1, 1)
    parts = np.stack(
        [
            raters / (raters - 1) * (by_rater**2).sum(0),
            images / (images - 1) * (by_image**2).sum(0),
            len(there) / freedom * (rest**2).sum(0),
        ]
    )
    dfs = np.array([raters - 1.0, images - 1.0, freedom])
    variance = parts[0] + parts[1] - parts[2]
    with np.errstate(invalid="ignore", divide="ignore"):
        df: Floats = variance**2 / (parts**2 / dfs[:, None]).sum(0)
    fewest = float(min(raters, images) - 1)
    good = (variance > 0) & (df >= fewest)
    used = np.where(good, variance, np.asarray(parts[:2].max(0), dtype=float))
    return CrossedContrasts(value, np.maximum(used, least), np.where(good, df, fewest))


def _summed(values: Floats, group: Ints, groups: int) -> Floats:
    """Rows of ``values`` added up within each group: (groups, columns)."""
    out = np.zeros((groups, values.shape[1]))
    np.add.at(out, group, values)
    return out
