"""Simulated pair answers with known truth, for tests of the statistics."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from srbench.stats.bradley_terry import chances


def simulate_answers(
    rng: np.random.Generator,
    raters: int,
    images: Mapping[str, int],
    quality: Mapping[str, float],
    *,
    rater_method: float = 0.4,
    image_method: float = 0.5,
    tie: float = -np.inf,
) -> pd.DataFrame:
    """Every rater answers every pair of every image; ``quality`` in logits; random sides."""
    names = list(quality)
    own = {name: rng.normal(0, rater_method, raters) + quality[name] for name in names}
    rows: list[dict[str, object]] = []
    for dataset, count in images.items():
        for image in range(count):
            of = {name: rng.normal(0, image_method) for name in names}
            for a, b in combinations(names, 2):
                gap = own[a] + of[a] - own[b] - of[b]
                upper = np.cumsum(chances(gap, tie), axis=1)
                answer = (rng.random(raters)[:, None] > upper).sum(1)
                first = rng.integers(2, size=raters)
                rows += [
                    {
                        "rater": f"r{r:02d}",
                        "dataset": dataset,
                        "image": f"img{image:03d}",
                        "method_a": a,
                        "method_b": b,
                        "answer": ("a", "b", "same")[answer[r]],
                        "first": "ab"[first[r]],
                    }
                    for r in range(raters)
                ]
    return pd.DataFrame(rows)
