"""Do the headline interval and test keep their promises? Simulation from the bias model.

Raters and images are random, and so are rater-by-method and image-by-method effects; votes are
rounded to 1..5. Run ``python benchmarks/rating_calibration.py`` for the full tables (minutes).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from srbench.stats.intervals import crossed_mean, resample, resampled_means
from srbench.stats.wilcoxon import signed_rank

Floats = NDArray[np.float64]
Missing = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.bool_]]


@dataclass(frozen=True)
class World:
    """Standard deviations of the effects; ``spread`` is the range of raters' inconsistency."""

    image: float = 0.3
    image_method: float = 0.25
    rater: float = 0.3
    rater_method: float = 0.2
    spread: tuple[float, float] = (0.4, 0.9)

    def votes(
        self, rng: np.random.Generator, quality: list[float], shape: tuple[int, int]
    ) -> Floats:
        """Votes of shape (methods, raters, images)."""
        raters, images = shape
        m = len(quality)
        latent = np.array(quality)[:, None, None] + rng.normal(0, self.image, (1, 1, images))
        latent = latent + rng.normal(0, self.image_method, (m, 1, images))
        latent = latent + rng.normal(0, self.rater, (1, raters, 1))
        latent = latent + rng.normal(0, self.rater_method, (m, raters, 1))
        own = rng.uniform(*self.spread, (1, raters, 1))
        return np.clip(np.rint(latent + own * rng.normal(size=(m, raters, images))), 1, 5)

    def truth(self, quality: float) -> float:
        """The MOS of a method over all the raters and images of this world."""
        own = np.linspace(*self.spread, 2001)
        fixed = self.image**2 + self.image_method**2 + self.rater**2 + self.rater_method**2
        sd = np.sqrt(fixed + own**2)
        return 1 + sum(float(special.ndtr((quality - k - 0.5) / sd).mean()) for k in (1, 2, 3, 4))


def complete(_: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """No vote is missing."""
    return np.zeros(shape, dtype=bool)


def randomly(share: float) -> Missing:
    """Every vote is missing with that chance."""
    return lambda rng, shape: rng.random(shape) < share


def fifth(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Each rater sees one fifth of the images, balanced, as in a study with ``--per-rater``."""
    raters, images = shape
    own = -(-images // 5)
    missing = np.ones(shape, dtype=bool)
    loads = np.zeros(images)
    for rater in range(raters):
        chosen = np.argsort(loads + rng.random(images))[:own]
        missing[rater, chosen] = False
        loads[chosen] += 1
    return missing


def coverage(
    rng: np.random.Generator,
    quality: float,
    shape: tuple[int, int],
    runs: int,
    missing: Missing = complete,
) -> float:
    """The share of 95 % crossed intervals of a MOS that hold the truth."""
    world, hits = World(), 0
    truth = world.truth(quality)
    for _ in range(runs):
        table = world.votes(rng, [quality], shape)[0]
        table[missing(rng, shape)] = np.nan
        low, high = crossed_mean(table).interval()
        hits += low <= truth <= high
    return hits / runs


def rejections(
    rng: np.random.Generator,
    gap: float,
    shape: tuple[int, int],
    runs: int,
    resamples: int = 0,
    missing: Missing = complete,
) -> dict[str, float]:
    """How often each test calls two methods ``gap`` apart different at 5 %."""
    world = World()
    counts: dict[str, int] = {}
    for _ in range(runs):
        a, b = world.votes(rng, [3.0 + gap / 2, 3.0 - gap / 2], shape)
        difference = a - b
        difference[missing(rng, shape)] = np.nan
        by_image, by_rater = _means(difference, 0), _means(difference, 1)
        p = {
            "crossed-t": crossed_mean(difference, grades=2).test()[1],
            "wilcoxon-images": signed_rank(by_image).p,
            "wilcoxon-raters": signed_rank(by_rater).p,
            "wilcoxon-pooled": signed_rank(difference.ravel()).p,
        }
        if resamples:
            sd = resampled_means(difference, resample(*shape, resamples, rng)).std(ddof=1)
            p["crossed-bootstrap"] = 2 * float(special.ndtr(-abs(np.nanmean(difference)) / sd))
        for test, value in p.items():
            counts[test] = counts.get(test, 0) + (value < 0.05)
    return {test: count / runs for test, count in counts.items()}


def without_condition(table: Floats) -> tuple[float, float]:
    """The crossed interval of a complete (raters, images) table without `crossed_mean`'s condition
    on the degrees of freedom: max(MS_raters, MS_images) only where the variance is not positive."""
    (raters, images), mean = table.shape, float(table.mean())
    of_rater, of_image = table.mean(1, keepdims=True), table.mean(0, keepdims=True)
    rest = table - of_rater - of_image + mean
    df = np.array([raters - 1, images - 1, (raters - 1) * (images - 1)], dtype=float)
    sums = images * ((of_rater - mean) ** 2).sum(), raters * ((of_image - mean) ** 2).sum()
    squares = np.array([*sums, (rest**2).sum()]) / df / table.size
    variance, freedom = squares[0] + squares[1] - squares[2], 0.0
    if variance > 0:
        freedom = variance**2 / (squares**2 / df).sum()
    else:
        largest = int(np.argmax(squares[:2]))
        variance, freedom = squares[largest], df[largest]
    half = float(special.stdtrit(freedom, 0.975) * np.sqrt(variance))
    return mean - half, mean + half


def conditions(
    rng: np.random.Generator, world: World, shape: tuple[int, int], runs: int
) -> list[tuple[float, float, float]]:
    """Coverage of a MOS, false positives and the share of intervals of a difference that are wider
    than the scale: of `crossed_mean`, then of `without_condition`."""
    truth, counts = world.truth(3.0), np.zeros((2, 3))
    for _ in range(runs):
        a, b = world.votes(rng, [3.0, 3.0], shape)
        for row, interval in zip(
            counts, (lambda table: crossed_mean(table).interval(), without_condition), strict=True
        ):
            low, high = interval(a)
            row[0] += low <= truth <= high
            low, high = interval(a - b)
            row[1] += not low <= 0 <= high
            row[2] += not high - low <= 4
    return [(float(c), float(f), float(w)) for c, f, w in counts / runs]


def _means(difference: Floats, axis: int) -> Floats:
    there = (~np.isnan(difference)).sum(axis)
    return np.nansum(difference, axis)[there > 0] / there[there > 0]


def _percent(values: dict[str, float], tests: list[str]) -> str:
    return " | ".join(f"{100 * values[test]:.1f}" for test in tests)


def coverage_table(seed: int, runs: int) -> None:
    """Print how often the headline interval holds the truth."""
    print(
        "Coverage of the 95 % crossed interval (%)\n\n"
        "| images | MOS 1.6 | 3 | 4.4 | 3, half missing | 3, each rater a fifth |"
    )
    print("|---|---|---|---|---|---|")
    for images in (5, 14, 100):
        rng = np.random.default_rng([seed, 0, images])
        cells = [coverage(rng, quality, (26, images), runs) for quality in (1.6, 3.0, 4.4)]
        cells.append(coverage(rng, 3.0, (26, images), runs, randomly(0.5)))
        cells.append(coverage(rng, 3.0, (26, images), runs, fifth))
        print(f"| {images} | " + " | ".join(f"{100 * c:.1f}" for c in cells) + " |", flush=True)


def false_positives_table(seed: int, runs: int) -> None:
    """Print how often each test sees a difference that is not there."""
    tests = [
        "crossed-t",
        "crossed-bootstrap",
        "wilcoxon-images",
        "wilcoxon-raters",
        "wilcoxon-pooled",
    ]
    print("False positives at 5 % (%)\n\n| images | missing | " + " | ".join(tests) + " |")
    print("|" + "---|" * (len(tests) + 2))
    designs = {"none": complete, "half": randomly(0.5), "each rater sees a fifth": fifth}
    for images in (5, 14, 100):
        rng = np.random.default_rng([seed, 1, images])
        for words, missing in designs.items():
            found = rejections(rng, 0.0, (26, images), runs, 400, missing)
            print(f"| {images} | {words} | {_percent(found, tests)} |", flush=True)


def condition_table(seed: int, runs: int) -> None:
    """Print what the condition on the degrees of freedom changes."""
    print(
        "The variance with and without the condition on its degrees of freedom (%)\n\n"
        "| rater-by-method and image-by-method effects | raters | images | coverage | without | "
        "false positives | without | wider than the scale | without |\n" + "|---" * 9 + "|"
    )
    for name, world in (("as above", World()), ("none", World(image_method=0, rater_method=0))):
        for shape in ((26, 5), (26, 14), (26, 100), (8, 5)):
            rng = np.random.default_rng([seed, 2, *shape])
            both = np.array(conditions(rng, world, shape, max(200, runs // 4)))
            cells = " | ".join(f"{100 * part:.1f}" for part in both.T.ravel())
            print(f"| {name} | {shape[0]} | {shape[1]} | {cells} |", flush=True)


def power_table(seed: int, runs: int) -> None:
    """Print how often the headline test finds a difference."""
    print("Power of crossed-t (%) by MOS difference\n")
    gaps = [0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0]
    print("| images | raters | " + " | ".join(map(str, gaps)) + " |")
    print("|" + "---|" * (len(gaps) + 2))
    for images in (5, 14, 100):
        for raters in (12, 26):
            rng = np.random.default_rng([seed, 3, images, raters])
            power = [
                rejections(rng, gap, (raters, images), max(200, runs // 8))["crossed-t"]
                for gap in gaps
            ]
            print(
                f"| {images} | {raters} | " + " | ".join(f"{100 * p:.0f}" for p in power) + " |",
                flush=True,
            )


TABLES = {
    "coverage": coverage_table,
    "false-positives": false_positives_table,
    "condition": condition_table,
    "power": power_table,
}


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", help="default: all")
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    error = 100 * np.sqrt(0.05 * 0.95 / given.runs)
    print(f"{given.runs} runs, 26 raters; standard error at 5 % {error:.1f} points")
    if unknown := set(given.tables) - set(TABLES):
        parser.error(f"unknown table {', '.join(sorted(unknown))}; there are: {', '.join(TABLES)}")
    for name in given.tables or TABLES:
        print()
        TABLES[name](given.seed, given.runs)


if __name__ == "__main__":
    main()
