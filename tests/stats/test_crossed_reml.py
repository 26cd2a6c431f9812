"""The headline's mean and standard error against statsmodels' REML fit of the same crossed model.

Difference of two methods = mean + rater + image + rest. In a complete table whose components are
positive, REML and the analysis of variance are one; elsewhere REML keeps components from going
below zero and weighs cells by generalised least squares, and the two must agree roughly.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import rating_calibration as calibration
from statsmodels.formula.api import mixedlm

from srbench.stats.intervals import crossed_mean, variance_components

approx = pytest.approx


def reml(table: np.ndarray) -> tuple[float, float, float]:
    """The mean, its standard error and the smallest component of a (raters, images) table."""
    rater, image = np.nonzero(~np.isnan(table))
    frame = pd.DataFrame({"y": table[rater, image], "rater": rater, "image": image, "one": 1})
    crossed = {"rater": "0 + C(rater)", "image": "0 + C(image)"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a component at its bound
        model = mixedlm("y ~ 1", frame, groups="one", vc_formula=crossed)
        fit = model.fit(reml=True, method="powell", xtol=1e-6, ftol=1e-10)
    assert fit.converged
    return float(fit.fe_params.iloc[0]), float(fit.bse_fe.iloc[0]), float(min(fit.vcomp))


def simulated(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """Differences of whole grades of two methods, (raters, images)."""
    a, b = calibration.World().votes(np.random.default_rng(seed), [3.2, 2.9], shape)
    return a - b


@pytest.mark.parametrize("shape", [(8, 14), (26, 5), (26, 14)])
def test_complete_tables_give_what_reml_gives(shape):
    compared = 0
    for seed in range(6):
        table = simulated(seed, shape)
        parts = variance_components(table)
        assert parts is not None
        if min(parts.raters, parts.images) <= 0:
            continue
        mean, error, _ = reml(table)
        ours = crossed_mean(table, grades=2)
        assert ours.mean == approx(mean, abs=1e-9)
        assert np.sqrt(ours.variance) == approx(error, rel=2e-3)
        compared += 1
    assert compared >= 2


def test_incomplete_tables_are_near_reml():
    """A third of the votes missing: both see the same world with much the same uncertainty."""
    ratios, shifts = [], []
    for seed in range(12):
        table = simulated(seed, (26, 14))
        table[np.random.default_rng(100 + seed).random(table.shape) < 1 / 3] = np.nan
        mean, error, _ = reml(table)
        ours = crossed_mean(table, grades=2)
        ratios.append(np.sqrt(ours.variance) / error)
        shifts.append((ours.mean - mean) / error)
    assert np.median(ratios) == approx(1, abs=0.05)
    assert 0.85 < min(ratios) <= max(ratios) < 1.15
    assert np.abs(shifts).max() < 0.25


@pytest.mark.parametrize("worst", ["288_375", "480_1750", "1080_4300"])
def test_real_votes_give_what_reml_gives(shared, worst):
    """The originals of a public study against one of its encodings, by 26 people."""
    votes = pd.read_csv(shared / "ratings" / "nflx_public_raw.csv")
    votes["method"] = votes["path"].str.extract(r"_\d+_(\d+_\d+)\.yuv")[0].fillna("original")
    wide = votes.pivot_table("score", "rater", ["method", "content_id"])
    table = (wide["original"] - wide[worst]).dropna(axis=1).to_numpy(copy=True)
    assert len(table) == 26
    assert table.shape[1] >= 7
    parts = variance_components(table)
    assert parts is not None
    assert min(parts.raters, parts.images) > 0
    mean, error, _ = reml(table)
    ours = crossed_mean(table, grades=2)
    assert (ours.mean, np.sqrt(ours.variance)) == (approx(mean), approx(error, rel=2e-3))
    table[np.random.default_rng(0).random(table.shape) < 1 / 3] = np.nan
    mean, error, _ = reml(table)
    ours = crossed_mean(table, grades=2)
    assert abs(ours.mean - mean) < 0.25 * error
    assert np.sqrt(ours.variance) == approx(error, rel=0.15)
