"""Intervals of a mean opinion score: Student, exact binomial, crossed random effects, bootstrap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .cells import Cells, Floats
from .ratings import HIGHEST, LOWEST

STEPS = HIGHEST - LOWEST
FEW_TO_RESAMPLE = 10  # with fewer raters or images the bootstrap interval is clearly too narrow


def t_quantile(level: float, df: Floats | float) -> Floats:
    """The two-sided Student quantile for a confidence level; NaN where ``df`` is below 1."""
    with np.errstate(invalid="ignore"):
        df = np.where(np.asarray(df, dtype=float) > 0, df, np.nan)
    return np.asarray(special.stdtrit(df, (1 + level) / 2), dtype=float)


def t_two_sided(statistic: float, df: float) -> float:
    """The two-sided p-value of Student's t."""
    return float(2 * special.stdtr(df, -abs(statistic)))


def student_interval(
    mean: Floats, sd: Floats, n: Floats, level: float = 0.95
) -> tuple[Floats, Floats]:
    """Mean +- t s / sqrt(n), not clipped. NaN where n < 2: the spread of one vote is unknown."""
    with np.errstate(invalid="ignore", divide="ignore"):
        half = t_quantile(level, n - 1) * sd / np.sqrt(n)
    return mean - half, mean + half


def binomial_interval(total: Floats, n: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """The exact binomial interval of a mean of ``n`` scores 1..5 whose sum is ``total``.

    Each score counts as u - 1 successes of 4 trials; the Clopper-Pearson interval is mapped back
    to 1..5. It never leaves the scale and does not collapse when all votes are equal.

    Source: Hossfeld, Heegaard, Varela, Skorin-Kapov, "Confidence interval estimators for MOS
    values", 2018.
    """
    hits, trials = total - LOWEST * n, n * STEPS
    tail = (1 - level) / 2
    low = np.where(
        hits <= 0, 0.0, special.betaincinv(np.maximum(hits, 1e-9), trials - hits + 1, tail)
    )
    rest = np.maximum(trials - hits, 1e-9)
    high = np.where(hits >= trials, 1.0, special.betaincinv(hits + 1, rest, 1 - tail))
    return LOWEST + STEPS * low, LOWEST + STEPS * high


@dataclass(frozen=True)
class Components:
    """Variances between raters, between images (or stimuli) and of the rest."""

    raters: float
    images: float
    rest: float


def variance_components(table: Floats) -> Components | None:
    """Variance components of a crossed (raters, images) table, NaN where a vote is missing.

    Henderson's method 1: observed sums of squares set equal to their expectations. In a complete
    table this is the analysis of variance. Components may be negative. None if there are too few
    votes to separate the three.

    Source: Searle, Casella, McCulloch, "Variance Components", 1992, section 5.3.
    """
    there = ~np.isnan(table)
    n = float(there.sum())
    per_rater, per_image = there.sum(1), there.sum(0)
    raters, images = int((per_rater > 0).sum()), int((per_image > 0).sum())
    if raters < 2 or images < 2 or n - raters - images + 1 < 1:
        return None
    y = np.where(there, table - table[there].mean(), 0.0)
    by_rater = (y.sum(1) ** 2 / np.maximum(per_rater, 1)).sum()
    by_image = (y.sum(0) ** 2 / np.maximum(per_image, 1)).sum()
    k_rater, k_image = (per_rater**2).sum() / n, (per_image**2).sum() / n
    expected = np.array(
        [
            [n - k_rater, raters - k_image, raters - 1],
            [images - k_rater, n - k_image, images - 1],
            [n - k_rater, n - k_image, n - 1],
        ]
    )
    if np.linalg.cond(expected) > 1e10:
        return None
    return Components(*map(float, np.linalg.solve(expected, [by_rater, by_image, (y**2).sum()])))


@dataclass(frozen=True)
class CrossedMean:
    """A mean over raters and images with its variance, degrees of freedom and caveat."""

    mean: float
    variance: float
    df: float
    note: str = ""

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Mean +- t sqrt(variance); NaN where the variance is unknown."""
        half = float(t_quantile(level, self.df)) * float(np.sqrt(self.variance))
        return self.mean - half, self.mean + half

    def test(self) -> tuple[float, float]:
        """Student's statistic and two-sided p-value against a mean of 0."""
        if np.isnan(self.variance):
            return float("nan"), float("nan")
        if self.variance == 0:  # a method with itself
            return 0.0, 1.0
        statistic = self.mean / float(np.sqrt(self.variance))
        return statistic, t_two_sided(statistic, self.df)


def crossed_mean(
    table: Floats,
    weights: Floats | None = None,
    *,
    grades: int = 1,
    units: tuple[str, str] = ("rater", "image"),
) -> CrossedMean:
    """The mean of a (raters, images) table when both are random samples.

    In a complete table Var = (MS_raters + MS_images - MS_rest) / (R I) with Satterthwaite degrees
    of freedom. If Var is not positive, or has fewer degrees of freedom than the smaller of R - 1
    and I - 1, max(MS_raters, MS_images) / (R I) is used with that smaller number. With missing
    votes, the mean squares are rebuilt from the variance components and the share of each rater and
    image in the mean. ``weights``, (raters,) or (raters, images), are the weights of the cells in
    the mean. Rows and columns may be panels and contents instead (`block_mean`); ``units`` names
    them.

    The condition on the degrees of freedom is ours: a variance just above zero has less than one
    degree of freedom, and its interval is extremely wide (measured without the condition: up to 9 %
    of the intervals of 26 raters and 5 images, and 21 % of 8 raters and 5 images, are wider than
    the scale itself). We use the smaller number because five images may agree by chance: the larger
    mean square then belongs to the raters, and their 25 degrees of freedom say nothing about
    images. Measured with 25 degrees of freedom, 26 raters and 5 images: in 11 % of the studies (19
    % if raters' tastes do not differ) at least one of the 66 pairs of 12 equal methods is
    significant after Holm's correction; with the smaller number in 1 %. Coverage is 93 to 96 %,
    false positives of one pair at most 5 %. ``benchmarks/rating_calibration.py`` repeats this.

    With one rater (or one image) the interval covers only the images (or raters), and ``note`` says
    so; a single vote has no interval. Two raters or two images leave one degree of freedom:
    ``note`` warns of the larger error (measured: 90 % coverage, up to 12 % false positives at 5 %;
    with three 92 to 97 % and at most 5.5 %).

    If all values are equal, the estimated variance is 0 and two votes of one rater would seem
    conclusive. Then we use the variance of rounding to whole grades, 1/12 for each of the
    ``grades`` in a value (1 for a score, 2 for a difference of scores), with the smaller of R - 1
    and I - 1 degrees of freedom; ``note`` says so. Measured without this rule: with one rater and
    two images, 13 % of the studies without a difference found one.
    """
    rated = ~np.isnan(table)
    rows, columns = rated.any(1), rated.any(0)
    if weights is not None:
        weights = weights[:, None] if weights.ndim == 1 else weights
        weights = np.broadcast_to(weights, table.shape)[rows][:, columns]
    table = table[rows][:, columns]
    there = ~np.isnan(table)
    raters, images = table.shape
    if not table.size:
        return CrossedMean(float("nan"), float("nan"), 0, "no votes")
    share = there.astype(float)
    if weights is not None:
        share *= weights
    share /= share.sum()
    y = np.where(there, table, 0.0)
    mean = float((share * y).sum())
    single = [word for word, n in zip(units, (raters, images), strict=True) if n == 1]
    note = "; ".join(f"one {word}: valid for this {word} only" for word in single)
    two = [f"{word}s" for word, n in zip(units, (raters, images), strict=True) if n == 2]
    if two and not single:
        note = f"only two {' and two '.join(two)}: up to twice the nominal error rate"
    if there.sum() == 1:
        return CrossedMean(mean, float("nan"), 0, "a single vote: no interval")
    if np.ptp(table[there]) == 0:
        flat = f"all values are equal: variance of rounding to whole grades; {note}"
        variance = grades / 12 * float((share**2).sum())
        df = min(n for n in (raters, images) if n > 1) - 1
        return CrossedMean(float(table[there][0]), variance, df, flat.strip("; "))
    of_raters, of_images = float((share.sum(1) ** 2).sum()), float((share.sum(0) ** 2).sum())
    of_rest = float((share**2).sum())
    if single:
        variance = of_rest * float(np.var(table[there], ddof=1))
        return CrossedMean(mean, variance, float(there.sum() - 1), note)
    parts = variance_components(table)
    if parts is None:
        y = np.where(there, table - mean, 0.0) * share
        variance = float((y.sum(1) ** 2).sum() * raters / (raters - 1))
        variance += float((y.sum(0) ** 2).sum() * images / (images - 1))
        note = f"too few votes per {' and '.join(units)}: cautious clustered variance"
        return CrossedMean(mean, variance, min(raters, images) - 1, note)
    rest = of_rest * parts.rest
    squares = np.array([rest + of_raters * parts.raters, rest + of_images * parts.images, rest])
    dfs = np.array([raters - 1, images - 1, there.sum() - raters - images + 1], dtype=float)
    variance = float(squares[0] + squares[1] - squares[2])
    df = variance**2 / float((squares**2 / dfs).sum())  # Satterthwaite
    if variance <= 0 or df < min(dfs[:2]):
        largest = int(np.argmax(squares[:2])) if squares[:2].max() > 0 else 2
        return CrossedMean(mean, float(squares[largest]), float(min(dfs[:2])), note)
    return CrossedMean(mean, variance, df, note)


def block_mean(
    block: Cells, table: Floats, rater_weights: Floats | None = None, *, grades: int = 1
) -> CrossedMean:
    """The mean of a (raters, images) table of a block, with panels and contents as samples.

    All cells have the same weight in the mean. Its variance is that of `crossed_mean` of the
    (panels, contents) table of cell means, weighted by their numbers of cells. ``rater_weights``
    (raters,) weights the raters.
    """
    means, weight = block.pooled(table, rater_weights)
    return crossed_mean(means, weight, grades=grades, units=block.units)


def block_difference(
    block: Cells, a: str, b: str, rater_weights: Floats | None = None
) -> CrossedMean:
    """`block_mean` of the difference of two methods, over their common cells.

    Differences are rounded to nine decimals, so that rounding errors do not separate equal values.
    """
    gap = np.round(block.of(a) - block.of(b), 9)
    return block_mean(block, gap, rater_weights, grades=2)


@dataclass(frozen=True)
class Resamples:
    """The number of times that each rater and image is drawn in every bootstrap resample."""

    raters: Floats
    images: Floats


def resample(raters: int, images: int, times: int, rng: np.random.Generator) -> Resamples:
    """Draw raters and images with replacement, both together, ``times`` times."""
    return Resamples(
        rng.multinomial(raters, np.full(raters, 1 / raters), times).astype(float),
        rng.multinomial(images, np.full(images, 1 / images), times).astype(float),
    )


def resample_block(block: Cells, times: int, rng: np.random.Generator) -> Resamples:
    """`resample` the panels and contents of a block, as counts for each rater and image."""
    panels, contents = (int(unit.max()) + 1 for unit in (block.panel, block.content))
    drawn = resample(panels, contents, times, rng)
    return Resamples(drawn.raters[:, block.panel], drawn.images[:, block.content])


def resampled_means(table: Floats, draws: Resamples) -> Floats:
    """The mean of a (raters, images) table in every resample, NaN votes left out.

    Source: the pigeonhole bootstrap, Owen 2007, Annals of Applied Statistics 1(2).
    """
    there = ~np.isnan(table)
    total = ((draws.raters @ np.where(there, table, 0.0)) * draws.images).sum(1)
    if there.all():
        return total / (draws.raters.sum(1) * draws.images.sum(1))
    count = ((draws.raters @ there.astype(float)) * draws.images).sum(1)
    with np.errstate(invalid="ignore"):
        return total / count
