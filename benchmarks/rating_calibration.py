"""Coverage and false positives of the headline interval and test, by simulation.

The bias model has random raters, images, rater-by-method and image-by-method effects; votes are
rounded to 1..5. Run ``python benchmarks/rating_calibration.py`` for the full tables (half an hour),
or name tables and numbers of images; rows are independent of each other.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from srbench.stats.intervals import CrossedMean, crossed_mean, resample, resampled_means
from srbench.stats.significance import holm
from srbench.stats.wilcoxon import signed_rank

Floats = NDArray[np.float64]
Missing = Callable[[np.random.Generator, tuple[int, int]], NDArray[np.bool_]]
NO_HOLM = "wilcoxon-pooled, no Holm"
PAIR_TESTS: dict[str, Callable[[Floats], float]] = {
    "crossed-t": lambda difference: crossed_mean(difference, grades=2).test()[1],
    "crossed-t, plain formula": lambda difference: plain_formula(difference).test()[1],
    "wilcoxon-images": lambda difference: signed_rank(_means(difference, 0)).p,
    "wilcoxon-raters": lambda difference: signed_rank(_means(difference, 1)).p,
    "wilcoxon-pooled": lambda difference: signed_rank(difference.ravel()).p,
    NO_HOLM: lambda difference: signed_rank(difference.ravel()).p,
}
FAMILY_TESTS = [*PAIR_TESTS, "Friedman, images", "Friedman, raters"]


@dataclass(frozen=True)
class World:
    """Standard deviations of the effects; ``spread`` is the range of raters' inconsistency.

    ``uneven``: image-by-method effects are skewed (exponential), and they and the rater-by-method
    effects are half as large for the first method and one and a half times as large for the last.
    """

    image: float = 0.3
    image_method: float = 0.25
    rater: float = 0.3
    rater_method: float = 0.2
    spread: tuple[float, float] = (0.4, 0.9)
    uneven: bool = False

    def votes(
        self, rng: np.random.Generator, quality: list[float], shape: tuple[int, int]
    ) -> Floats:
        """Votes of shape (methods, raters, images)."""
        raters, images = shape
        m = len(quality)
        latent = np.array(quality)[:, None, None] + rng.normal(0, self.image, (1, 1, images))
        size = np.linspace(0.5, 1.5, m)[:, None, None] if self.uneven else 1.0
        draw = (
            rng.exponential(1, (m, 1, images)) - 1
            if self.uneven
            else rng.normal(size=(m, 1, images))
        )
        latent = latent + self.image_method * size * draw
        latent = latent + rng.normal(0, self.rater, (1, raters, 1))
        latent = latent + self.rater_method * size * rng.normal(size=(m, raters, 1))
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
    """Every vote is missing with this probability."""
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
    """The coverage of 95 % crossed intervals of a MOS."""
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
    """How often each test at 5 % finds a difference between methods that differ by ``gap``."""
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


def false_families(
    rng: np.random.Generator,
    world: World,
    quality: list[float],
    shape: tuple[int, int],
    runs: int,
    missing: Missing = complete,
    tests: Sequence[str] = ("crossed-t",),
) -> dict[str, float]:
    """How often at least one pair of equally good methods is significant at 5 %.

    Every pair is tested and Holm's correction runs over all of them, as in `pairwise_table`;
    Friedman's test is of all methods at once, as in `omnibus_table`. ``tests`` are some of
    FAMILY_TESTS.
    """
    pairs = list(combinations(range(len(quality)), 2))
    equal = np.array([quality[a] == quality[b] for a, b in pairs])
    counts = dict.fromkeys(tests, 0)
    for _ in range(runs):
        votes = world.votes(rng, quality, shape)
        votes[:, missing(rng, shape)] = np.nan
        differences = [votes[a] - votes[b] for a, b in pairs]
        for test in tests:
            if test.startswith("Friedman"):
                means = [_means(own, int(test.endswith("raters"))) for own in votes]
                p = stats.friedmanchisquare(*np.round(means, 9)).pvalue
                counts[test] += int(p < 0.05)
                continue
            p = np.array([PAIR_TESTS[test](difference) for difference in differences])
            adjusted = p if test == NO_HOLM else holm(p)
            counts[test] += int((adjusted[equal] < 0.05).any())
    return {test: count / runs for test, count in counts.items()}


def plain_formula(table: Floats) -> CrossedMean:
    """`crossed_mean` of a complete (raters, images) table as the textbook has it: components may be
    negative, and max(MS_raters, MS_images) stands in where the variance is not positive."""
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
    return CrossedMean(mean, float(variance), float(freedom))


def conditions(
    rng: np.random.Generator, world: World, shape: tuple[int, int], runs: int
) -> list[tuple[float, float, float]]:
    """Coverage of a MOS, false positives and the share of intervals of a difference that are wider
    than the scale: of `crossed_mean`, then of `plain_formula`."""
    truth, counts = world.truth(3.0), np.zeros((2, 3))
    for _ in range(runs):
        a, b = world.votes(rng, [3.0, 3.0], shape)
        for row, mean in zip(counts, (crossed_mean, plain_formula), strict=True):
            low, high = mean(a).interval()
            row[0] += low <= truth <= high
            low, high = mean(a - b).interval()
            row[1] += not low <= 0 <= high
            row[2] += not high - low <= 4
    return [(float(c), float(f), float(w)) for c, f, w in counts / runs]


def _means(difference: Floats, axis: int) -> Floats:
    there = (~np.isnan(difference)).sum(axis)
    return np.nansum(difference, axis)[there > 0] / there[there > 0]


def _percent(values: dict[str, float], tests: list[str]) -> str:
    return " | ".join(f"{100 * values[test]:.1f}" for test in tests)


def coverage_table(seed: int, runs: int, sizes: list[int]) -> None:
    """Print the coverage of the headline interval."""
    print(
        "Coverage of the 95 % crossed interval (%)\n\n"
        "| images | MOS 1.6 | 3 | 4.4 | 3, half missing | 3, each rater a fifth |"
    )
    print("|---|---|---|---|---|---|")
    for images in sizes:
        rng = np.random.default_rng([seed, 0, images])
        cells = [coverage(rng, quality, (26, images), runs) for quality in (1.6, 3.0, 4.4)]
        cells.append(coverage(rng, 3.0, (26, images), runs, randomly(0.5)))
        cells.append(coverage(rng, 3.0, (26, images), runs, fifth))
        print(f"| {images} | " + " | ".join(f"{100 * c:.1f}" for c in cells) + " |", flush=True)


def false_positives_table(seed: int, runs: int, sizes: list[int]) -> None:
    """Print the false positives of each test."""
    tests = [
        "crossed-t",
        "crossed-bootstrap",
        "wilcoxon-images",
        "wilcoxon-raters",
        "wilcoxon-pooled",
    ]
    print("False positives at 5 % (%)\n\n| images | missing | " + " | ".join(tests) + " |")
    print("|" + "---|" * (len(tests) + 2))
    designs = {"none": complete, "half": randomly(0.5), "each rater a fifth": fifth}
    for images in sizes:
        rng = np.random.default_rng([seed, 1, images])
        for words, missing in designs.items():
            found = rejections(rng, 0.0, (26, images), runs, 400, missing)
            print(f"| {images} | {words} | {_percent(found, tests)} |", flush=True)


def family_table(seed: int, runs: int, sizes: list[int]) -> None:
    """Print how often twelve equal methods have at least one false positive."""
    same = [3.0] * 12
    pairs = [quality for quality in (1.5, 2.1, 2.7, 3.3, 3.9, 4.5) for _ in range(2)]
    none, uneven = World(image_method=0, rater_method=0), World(uneven=True)
    designs: dict[str, tuple[World, list[float], int, Missing]] = {
        "MOS 3": (World(), same, 26, complete),
        "1.6": (World(), [1.6] * 12, 26, complete),
        "4.4": (World(), [4.4] * 12, 26, complete),
        "3, no effects of methods": (none, same, 26, complete),
        "3, uneven effects": (uneven, same, 26, complete),
        "3, half missing": (World(), same, 26, randomly(0.5)),
        "3, each rater a fifth": (World(), same, 26, fifth),
        "six levels, two each": (World(), pairs, 26, complete),
        "3, 8 raters": (World(), same, 8, complete),
    }
    print("At least one false difference among 12 methods at 5 %, crossed-t with Holm (%)\n")
    print("| images | " + " | ".join(designs) + " |\n" + "|---" * (len(designs) + 1) + "|")
    for images in sizes:
        print(f"| {images} |", end="")
        for place, (world, quality, raters, missing) in enumerate(designs.values()):
            rng = np.random.default_rng([seed, 4, images, place])
            found = false_families(rng, world, quality, (raters, images), runs, missing)
            print(f" {_percent(found, ['crossed-t'])} |", end="", flush=True)
        print()


def other_families_table(seed: int, runs: int, sizes: list[int]) -> None:
    """Print the same for the other tests, MOS 3."""
    tests = FAMILY_TESTS[1:]
    print("At least one false difference among 12 methods at 5 %, other tests (%)\n")
    print("| images | " + " | ".join(tests) + " |\n" + "|---" * (len(tests) + 1) + "|")
    for images in sizes:
        rng = np.random.default_rng([seed, 5, images])
        found = false_families(rng, World(), [3.0] * 12, (26, images), runs, tests=tests)
        print(f"| {images} | {_percent(found, tests)} |", flush=True)


def condition_table(seed: int, runs: int, sizes: list[int]) -> None:
    """Print the effect of the condition on the degrees of freedom."""
    print(
        "The condition on the degrees of freedom, and the plain formula (%)\n\n"
        "| effects of methods on | raters | images | coverage | plain | false positives | plain | "
        "wider than the scale | plain |\n" + "|---" * 9 + "|"
    )
    worlds = {
        "raters and images": World(),
        "neither": World(image_method=0, rater_method=0),
        "images": World(rater_method=0),
        "raters": World(image_method=0),
    }
    for name, world in worlds.items():
        for shape in [(26, n) for n in sizes] + [(8, n) for n in sizes if n == 5]:
            rng = np.random.default_rng([seed, 2, *shape])
            both = np.array(conditions(rng, world, shape, runs))
            cells = " | ".join(f"{100 * part:.1f}" for part in both.T.ravel())
            print(f"| {name} | {shape[0]} | {shape[1]} | {cells} |", flush=True)


def power_table(seed: int, runs: int, sizes: list[int]) -> None:
    """Print how often the headline test finds a difference."""
    print("Power of crossed-t (%) by MOS difference\n")
    gaps = [0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0]
    print("| images | raters | " + " | ".join(map(str, gaps)) + " |")
    print("|" + "---|" * (len(gaps) + 2))
    for images in sizes:
        for raters in (12, 26):
            rng = np.random.default_rng([seed, 3, images, raters])
            power = [rejections(rng, gap, (raters, images), runs)["crossed-t"] for gap in gaps]
            print(
                f"| {images} | {raters} | " + " | ".join(f"{100 * p:.0f}" for p in power) + " |",
                flush=True,
            )


TABLES = {
    "coverage": coverage_table,
    "false-positives": false_positives_table,
    "family": family_table,
    "other-families": other_families_table,
    "condition": condition_table,
    "power": power_table,
}


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", help="default: all")
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--images", type=int, nargs="+", default=[5, 14, 100])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    error = 100 * np.sqrt(0.05 * 0.95 / given.runs)
    print(f"{given.runs} runs, 26 raters; standard error at 5 % {error:.1f} points")
    if unknown := set(given.tables) - set(TABLES):
        parser.error(f"unknown table {', '.join(sorted(unknown))}; there are: {', '.join(TABLES)}")
    for name in given.tables or TABLES:
        print()
        TABLES[name](given.seed, given.runs, given.images)


if __name__ == "__main__":
    main()
