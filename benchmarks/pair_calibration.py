"""Coverage and false positives of pair comparisons, by simulation with random raters and images.

Run ``python benchmarks/pair_calibration.py`` for the table of docs/explanation/pairs.md (about
twenty minutes on one core), or name rows; rows are independent of each other.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from srbench.stats.bradley_terry import chances, fit_scale
from srbench.stats.crossed_scale import crossed_contrasts
from srbench.stats.pair_agreement import goodness_of_fit
from srbench.stats.pair_answers import PairBlock, pair_scale
from srbench.stats.pairs import rate_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Design = Callable[[np.random.Generator, "World"], tuple[Ints, Ints, Ints]]


@dataclass(frozen=True)
class World:
    """Logits of the methods, and standard deviations (logits) of rater and image effects."""

    quality: tuple[float, ...]
    raters: int = 26
    images: int = 14
    rater_method: float = 0.4
    image_method: float = 0.5
    tie: float = -np.inf
    skewed: bool = False

    def answers(self, rng: np.random.Generator, asked: tuple[Ints, Ints, Ints]) -> Ints:
        """One answer for each (rater, image, pair)."""
        rater, image, pair = asked
        m = len(self.quality)
        own = np.array(self.quality) + self.rater_method * rng.normal(size=(self.raters, m))
        of = (
            rng.exponential(size=(self.images, m)) - 1
            if self.skewed
            else rng.normal(size=(self.images, m))
        )
        first, second = ends(m)
        gap = own[rater, first[pair]] - own[rater, second[pair]]
        gap += self.image_method * (of[image, first[pair]] - of[image, second[pair]])
        upper = np.cumsum(chances(gap, self.tie), axis=1)
        return (rng.random(len(gap))[:, None] > upper).sum(1)

    def truth(self, counts: Floats) -> Floats:
        """The scale of all raters and images of this world, each pair asked ``counts`` times."""
        share = self.marginal() * counts[:, None]
        return fit_scale(*ends(len(self.quality)), share, len(self.quality)).scores

    def marginal(self) -> Floats:
        """The probability of each answer over all raters and images, (pairs, 3)."""
        gaps = np.subtract(*(np.array(self.quality)[end] for end in ends(len(self.quality))))
        if self.skewed:
            draw = np.random.default_rng(7)
            both = draw.exponential(size=(2, 200_000))
            shift = self.image_method * (both[0] - both[1])
            shift += self.rater_method * np.sqrt(2) * draw.normal(size=200_000)
            return np.array([chances(gap + shift, self.tie).mean(0) for gap in gaps])
        nodes, weight = np.polynomial.hermite_e.hermegauss(61)
        sd = np.sqrt(2 * (self.rater_method**2 + self.image_method**2))
        every = [weight @ chances(gap + sd * nodes, self.tie) / weight.sum() for gap in gaps]
        return np.array(every)


def ends(methods: int) -> tuple[Ints, Ints]:
    """The two methods of every pair."""
    both = np.array(list(combinations(range(methods), 2)), dtype=np.int64)
    return both[:, 0], both[:, 1]


def every_pair(_: np.random.Generator, world: World) -> tuple[Ints, Ints, Ints]:
    """Each rater answers every pair on every image."""
    m = len(world.quality)
    shape = (world.raters, world.images, m * (m - 1) // 2)
    rater, image, pair = (grid.ravel() for grid in np.indices(shape))
    return rater, image, pair


def some(per_rater: int) -> Design:
    """Each rater answers ``per_rater`` pairs, spread evenly over pairs and images."""

    def design(rng: np.random.Generator, world: World) -> tuple[Ints, Ints, Ints]:
        m = len(world.quality)
        pairs = m * (m - 1) // 2
        size = pairs * world.images
        deck: list[Ints] = []
        while sum(map(len, deck)) < world.raters * per_rater:
            deck.append(rng.permutation(size))
        drawn = np.concatenate(deck)[: world.raters * per_rater]
        rater = np.repeat(np.arange(world.raters), per_rater)
        return rater, drawn // pairs, drawn % pairs

    return design


def against_first(_: np.random.Generator, world: World) -> tuple[Ints, Ints, Ints]:
    """Each rater compares the first method with each other one on every image."""
    rater, image, pair = every_pair(_, world)
    keep = pair < len(world.quality) - 1
    return rater[keep], image[keep], pair[keep]


@dataclass(frozen=True)
class Row:
    world: World
    design: Design
    runs: int = 2000
    bootstrap: int = 0


EVEN, APART = (0.0,) * 5, (-0.8, -0.4, 0.0, 0.4, 0.8)
FAR = (-3.0, -1.0, 0.0, 1.0, 3.0)
ROWS = {
    "2 equal methods": Row(World((0.0, 0.0)), every_pair),
    "2 methods, 1 logit": Row(World((0.5, -0.5)), every_pair),
    "5 equal methods": Row(World(EVEN), every_pair),
    "5 methods apart": Row(World(APART), every_pair),
    "5 methods far apart": Row(World(FAR), every_pair),
    "5 equal, ties": Row(World(EVEN, tie=0.0), every_pair),
    "5 apart, ties": Row(World(APART, tie=0.0), every_pair),
    "5 equal, tastes differ more": Row(World(EVEN, rater_method=0.8, image_method=1.0), every_pair),
    "5 apart, tastes differ more": Row(
        World(APART, rater_method=0.8, image_method=1.0), every_pair
    ),
    "5 equal, nobody differs": Row(World(EVEN, rater_method=0.0, image_method=0.0), every_pair),
    "5 equal, 40 pairs a rater": Row(World(EVEN), some(40)),
    "5 apart, 40 pairs a rater": Row(World(APART), some(40)),
    "12 equal, 100 pairs a rater": Row(World((0.0,) * 12), some(100), runs=1000),
    "12 apart, 100 pairs a rater": Row(
        World(tuple(np.linspace(-1.5, 1.5, 12))), some(100), runs=1000
    ),
    "5 equal, one against all": Row(World(EVEN), against_first),
    "5 equal, skewed": Row(World(EVEN, skewed=True), every_pair),
    "5 apart, skewed": Row(World(APART, skewed=True), every_pair),
    "5 equal, 5 images": Row(World(EVEN, images=5), every_pair),
    "5 apart, 5 images": Row(World(APART, images=5), every_pair),
    "5 equal, 8 raters, 5 images": Row(World(EVEN, raters=8, images=5), every_pair),
    "5 equal, 100 images, 60 a rater": Row(World(EVEN, images=100), some(60)),
    "5 equal, bootstrap beside it": Row(World(EVEN), every_pair, runs=400, bootstrap=200),
    "5 apart, bootstrap beside it": Row(World(APART), every_pair, runs=400, bootstrap=200),
    "5 equal, 5 images, bootstrap beside it": Row(
        World(EVEN, images=5), every_pair, runs=400, bootstrap=200
    ),
}


def measure(row: Row, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """For each way: the share of intervals of differences that miss the truth, and of p < 5 %."""
    world, m = row.world, len(row.world.quality)
    first, second = ends(m)
    contrasts = np.zeros((m, len(first)))
    contrasts[first, np.arange(len(first))] = 1
    contrasts[second, np.arange(len(first))] = -1
    missed: dict[str, list[float]] = {}
    called: dict[str, list[float]] = {}
    told: dict[str, list[float]] = {}
    truth: Floats | None = None
    marginal = world.marginal()
    names, people, pictures = ([str(i) for i in range(n)] for n in (m, world.raters, world.images))
    for _ in range(row.runs):
        asked = row.design(rng, world)
        rater, image, pair = asked
        answer = world.answers(rng, asked)
        counts = np.zeros((len(first), 3))
        np.add.at(counts, (pair, answer), 1)
        if truth is None:
            truth = world.truth((counts.sum(1) > 0) * 1.0) @ contrasts
        _, pair = np.unique(pair, return_inverse=True)  # those asked
        known = counts.sum(1) > 0
        block = PairBlock(
            names, people, pictures, first[known], second[known], pair, answer,
            rater, image, rater, image, np.full(len(answer), np.nan),
        )  # fmt: skip
        scale = pair_scale(block)
        fit = scale.fit
        found = crossed_contrasts(fit, scale.pulls, rater, image, contrasts)
        least = np.einsum("ic,ij,jc->c", contrasts, fit.inverse[:-1, :-1], contrasts)
        ways = {"crossed": (*found.interval(), found.test()[1])}
        ways["independent"] = normal(found.value, np.sqrt(least))
        own = pair == 0
        value = np.array([1.0, 0.0, 0.5])[answer[own]]
        low, high = rate_interval(value, rater[own], image[own], 0.95)
        expected = np.array(marginal[0] @ [1.0, 0.0, 0.5])
        missed.setdefault("win rate", []).append(float(not low <= expected <= high))
        called.setdefault("win rate", []).append(float(not low <= 0.5 <= high))
        fitted = goodness_of_fit(block, scale)
        for way in ("p", "p_independent"):
            told.setdefault(way, []).append(float(fitted[way] < 0.05))
        if row.bootstrap:
            sums = np.zeros((world.raters, world.images, *counts.shape))
            np.add.at(sums, (rater, image, pair, answer), 1)
            drawn = np.stack(
                [resampled(sums, rng, (first, second), m) for _ in range(row.bootstrap)]
            )
            ways["bootstrap"] = normal(found.value, (drawn @ contrasts).std(0, ddof=1))
        for way, (low, high, p) in ways.items():
            missed.setdefault(way, []).append(float(((truth < low) | (truth > high)).mean()))
            called.setdefault(way, []).append(float((p < 0.05).mean()))
    out = {way: (float(np.mean(missed[way])), float(np.mean(called[way]))) for way in missed}
    for way, label in (("p", "fit, design told"), ("p_independent", "fit, independent")):
        out[label] = (np.nan, float(np.mean(told[way])))
    return out


def normal(value: Floats, error: Floats) -> tuple[Floats, Floats, Floats]:
    """Interval and p-value of a normal deviate."""
    half = -float(special.ndtri(0.025)) * error
    return value - half, value + half, 2 * special.ndtr(-np.abs(value) / error)


def resampled(
    sums: Floats, rng: np.random.Generator, both: tuple[Ints, Ints], methods: int
) -> Floats:
    """The scale after drawing raters and images with replacement."""
    raters, images = sums.shape[:2]
    draw_r = rng.multinomial(raters, np.full(raters, 1 / raters)).astype(float)
    draw_i = rng.multinomial(images, np.full(images, 1 / images)).astype(float)
    counts = np.einsum("r,i,ripk->pk", draw_r, draw_i, sums, optimize=True)
    return fit_scale(*both, counts, methods).scores


def percent(share: float) -> str:
    """A share as printed."""
    return "—" if np.isnan(share) else f"{100 * share:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help="names of rows, or parts of names")
    parser.add_argument("--runs", type=int, default=0, help="simulated studies a row")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| world | studies | way | coverage of 95 % | called different at 5 % |")
    print("|---|---|---|---|---|")
    for number, (name, row) in enumerate(ROWS.items()):
        if given.rows and not any(part in name for part in given.rows):
            continue
        if given.runs:
            row = replace(row, runs=min(row.runs, given.runs))
        for way, (miss, call) in measure(row, np.random.default_rng([given.seed, number])).items():
            print(
                f"| {name} | {row.runs} | {way} | {percent(1 - miss)} | {percent(call)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
