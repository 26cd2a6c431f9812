"""Coverage of the intervals of a metric's agreement with raters, by simulation with four methods.

Run ``python benchmarks/pair_metric_coverage.py`` (a minute or two); its figures are in
docs/explanation/pairs.md.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import special

from srbench.stats.pair_answers import check_answers
from srbench.stats.pair_metrics import metrics_against_pairs

QUALITY = {"a": -0.8, "b": -0.3, "c": 0.3, "d": 0.8}
RATERS, IMAGES, STUDIES = 26, 14, 400


def study(
    rng: np.random.Generator, raters: int, images: int
) -> tuple[dict[str, np.ndarray], dict[tuple[str, str], np.ndarray]]:
    """A metric's value of each method on each image, and who preferred the first of each pair."""
    of = {name: rng.normal(0, 0.5, images) for name in QUALITY}
    own = {name: rng.normal(0, 0.4, raters) for name in QUALITY}
    metric = {n: 0.6 * q + 0.5 * of[n] + rng.normal(0, 0.7, images) for n, q in QUALITY.items()}
    first = {}
    for a, b in combinations(QUALITY, 2):
        gap = QUALITY[a] - QUALITY[b] + (own[a] - own[b])[:, None] + of[a] - of[b]
        first[a, b] = rng.random((raters, images)) < special.expit(gap)
    return metric, first


def shares(
    metric: dict[str, np.ndarray], first: dict[tuple[str, str], np.ndarray]
) -> tuple[float, float]:
    """The share of majorities, and of answers, that the metric predicts."""
    above = np.array([metric[a] > metric[b] for a, b in first])
    rate = np.array([won.mean(0) for won in first.values()])
    decided = rate != 0.5
    answers = np.where(above, rate, 1 - rate).mean()
    return float(((rate > 0.5) == above)[decided].mean()), float(answers)


def tables(
    metric: dict[str, np.ndarray], first: dict[tuple[str, str], np.ndarray]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same as answers and scores."""
    answers = [
        (f"r{r}", "S", f"i{i}", a, b, "a" if won[r, i] else "b")
        for (a, b), won in first.items()
        for r, i in np.ndindex(won.shape)
    ]
    scores = [
        ("S", f"i{i}", name, 4, "p", "psnr_y", value)
        for name, values in metric.items()
        for i, value in enumerate(values)
    ]
    columns = ["rater", "dataset", "image", "method_a", "method_b", "answer"]
    keys = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
    return pd.DataFrame(answers, columns=columns), pd.DataFrame(scores, columns=keys)


def main() -> None:
    rng = np.random.default_rng(1)
    # The majority of 26 raters differs from that of all, so the truth is the mean over such
    # studies.
    truth = np.mean([shares(*study(rng, RATERS, IMAGES)) for _ in range(4000)], axis=0)
    held = np.zeros(2)
    for _ in range(STUDIES):
        answers, scores = tables(*study(rng, RATERS, IMAGES))
        row = metrics_against_pairs(check_answers(answers), scores, 300, rng)[0].iloc[0]
        held += [
            row["ci_low"] <= truth[0] <= row["ci_high"],
            row["answers_low"] <= truth[1] <= row["answers_high"],
        ]
    for name, share, count in zip(("majorities", "answers"), truth, held, strict=True):
        print(f"{name}: truth {100 * share:.1f} %, coverage {100 * count / STUDIES:.1f} %")


if __name__ == "__main__":
    main()
