"""Images cut from few pictures and raters in panels: the effect of the columns ``content`` and
``panel``.

Simulated grades in the worst case: the complete effect of an image on a method comes from its
content, and that of a rater from the panel.

Run ``python benchmarks/unit_calibration.py`` for the table of docs/explanation/significance.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rating_calibration import World
from scipy import special

from srbench.stats.cells import Cells
from srbench.stats.intervals import block_difference, resample_block, resampled_means
from srbench.stats.significance import holm

Ints = NDArray[np.int64]


def sizes(*counts: int) -> Ints:
    """The unit of each member, for units of these sizes."""
    return np.repeat(np.arange(len(counts)), counts)


@dataclass(frozen=True)
class Design:
    """The panel of each rater and the content of each image."""

    panel: Ints
    content: Ints
    methods: int = 2

    def block(self, rng: np.random.Generator, gap: float = 0.0) -> Cells:
        """One study; the first method is ``gap`` grades better."""
        world, m = World(), self.methods
        raters, images = len(self.panel), len(self.content)
        contents, panels = int(self.content.max()) + 1, int(self.panel.max()) + 1
        latent = 3.0 + rng.normal(0, world.image, (1, 1, contents))[..., self.content]
        latent = latent + rng.normal(0, world.image_method, (m, 1, contents))[..., self.content]
        latent = latent + rng.normal(0, world.rater, (1, raters, 1))
        latent = latent + rng.normal(0, world.rater_method, (m, panels, 1))[:, self.panel]
        latent[0] += gap
        own = rng.uniform(*world.spread, (1, raters, 1))
        votes = np.clip(np.rint(latent + own * rng.normal(size=(m, raters, images))), 1, 5)
        names = [str(i) for i in range(max(m, raters, images))]
        counted = np.full(m, raters * images)
        return Cells(
            names[:m], names[:raters], names[:images], votes, counted, self.panel, self.content
        )


DESIGNS = {
    "26 raters, 14 images": Design(sizes(*[1] * 26), sizes(*[1] * 14)),
    "14 images from 7 contents": Design(sizes(*[1] * 26), sizes(*[2] * 7)),
    "14 images from 5 contents": Design(sizes(*[1] * 26), sizes(3, 3, 3, 3, 2)),
    "14 images from 5 contents, 10 of one": Design(sizes(*[1] * 26), sizes(10, 1, 1, 1, 1)),
    "100 images from 10 contents": Design(sizes(*[1] * 26), sizes(*[10] * 10)),
    "26 raters in 4 panels": Design(sizes(7, 7, 6, 6), sizes(*[1] * 14)),
    "26 raters in 8 panels": Design(sizes(4, 4, 3, 3, 3, 3, 3, 3), sizes(*[1] * 14)),
    "4 panels, 7 contents": Design(sizes(7, 7, 6, 6), sizes(*[2] * 7)),
    "12 methods, 14 images from 5 contents": Design(
        sizes(*[1] * 26), sizes(3, 3, 3, 3, 2), methods=12
    ),
}


def called_different(rng: np.random.Generator, design: Design, runs: int) -> tuple[float, ...]:
    """How often equal methods are significantly different at 5 % (any pair, with Holm): by units,
    by the bootstrap over units, and with raters and images as if independent.
    """
    pairs = [(str(a), str(b)) for a, b in combinations(range(design.methods), 2)]
    found = np.zeros(3)
    for _ in range(runs):
        block = design.block(rng)
        alone = replace(
            block, panel=np.arange(len(block.panel)), content=np.arange(len(block.content))
        )
        p = np.array([[block_difference(each, a, b).test()[1] for a, b in pairs]
                      for each in (block, alone)])  # fmt: skip
        found[[0, 2]] += [(holm(row) < 0.05).any() for row in p]
        if design.methods == 2:
            gap = block.of("0") - block.of("1")
            sd = resampled_means(gap, resample_block(block, 400, rng)).std(ddof=1)
            found[1] += 2 * special.ndtr(-abs(gap.mean()) / sd) < 0.05
    if design.methods > 2:
        found[1] = np.nan
    return tuple(map(float, found / runs))


def power(rng: np.random.Generator, design: Design, runs: int, gap: float = 0.3) -> float:
    """How often a difference of ``gap`` grades is found, with units."""
    return float(
        np.mean([block_difference(design.block(rng, gap), "0", "1").test()[1] < 0.05
                 for _ in range(runs)])
    )  # fmt: skip


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{given.runs} studies a row (a tenth with 12 methods), false positives at 5 % (%)\n")
    print("| design | by units | bootstrap of units | as if independent | finds 0.3 grades |")
    print("|---|---|---|---|---|")
    for place, (name, design) in enumerate(DESIGNS.items()):
        rng = np.random.default_rng([given.seed, place])
        runs = given.runs if design.methods == 2 else given.runs // 10
        wrong = [f"{100 * share:.1f}" for share in called_different(rng, design, runs)]
        found = f"{100 * power(rng, design, runs):.0f}" if design.methods == 2 else "—"
        print(f"| {name} | {' | '.join(wrong).replace('nan', '—')} | {found} |", flush=True)


if __name__ == "__main__":
    main()
