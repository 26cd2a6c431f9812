"""Ratings drawn from the bias-inconsistency model, for benchmarks and tests."""

from __future__ import annotations

import numpy as np
import pandas as pd

PAPER_METHODS = {
    "nearest": 1.2,
    "bicubic": 1.8,
    "srcnn": 2.3,
    "SelfExSR": 2.35,
    "DRCN": 2.8,
    "espcn": 2.5,
    "srresnet-mse": 3.0,
    "srresnet-vgg22": 3.2,
    "srgan-mse": 3.45,
    "srgan-vgg22": 3.55,
    "srgan-vgg54": 3.7,
    "HR": 4.4,
}
PAPER_IMAGES = {"Set5": 5, "Set14": 14, "BSD100": 100}
MISSING_ON_BSD100 = {"srresnet-vgg22", "srgan-mse", "srgan-vgg22"}


def simulate(
    rng: np.random.Generator,
    raters: int,
    images: dict[str, int],
    methods: dict[str, float] | None = None,
    *,
    image_sd: float = 0.3,
    image_method_sd: float = 0.25,
    rater_method_sd: float = 0.2,
    drop: float = 0.0,
) -> pd.DataFrame:
    """Votes u = round(psi + delta_rater + v_rater X) on 1..5, a share ``drop`` of them missing."""
    methods = PAPER_METHODS if methods is None else methods
    names = list(methods)
    bias, spread = rng.normal(0, 0.3, raters), rng.uniform(0.4, 0.9, raters)
    taste = rng.normal(0, rater_method_sd, (raters, len(names)))
    parts: list[pd.DataFrame] = []
    for dataset, count in images.items():
        used = [i for i, n in enumerate(names) if dataset != "BSD100" or n not in MISSING_ON_BSD100]
        quality = np.array([methods[names[i]] for i in used])
        shape = (raters, count, len(used))
        psi = quality + rng.normal(0, image_sd, (count, 1))
        psi = psi + rng.normal(0, image_method_sd, (count, len(used)))
        latent = psi[None] + bias[:, None, None] + taste[:, None, used]
        latent = latent + spread[:, None, None] * rng.normal(size=shape)
        r, i, m = np.indices(shape).reshape(3, -1)
        parts.append(
            pd.DataFrame(
                {
                    "rater": np.array([f"r{k:04d}" for k in range(raters)])[r],
                    "dataset": dataset,
                    "image": np.array([f"i{k:03d}" for k in range(count)])[i],
                    "method": np.array([names[k] for k in used])[m],
                    "score": np.clip(np.rint(latent), 1, 5).astype(int).ravel(),
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table[rng.random(len(table)) >= drop].reset_index(drop=True)
