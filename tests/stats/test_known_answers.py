"""Published numbers, reproduced to all their digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import PAPER_IMAGES, simulate

from srbench.stats.bias_model import alternating_projection, fit_bias_model
from srbench.stats.intervals import binomial_interval, variance_components
from srbench.stats.mos import stimuli_table
from srbench.stats.reliability import (
    intraclass,
    krippendorff_alpha,
    sos_parameter,
    vote_counts,
)
from srbench.stats.screening import bt500
from srbench.stats.significance import holm

approx = pytest.approx


@pytest.fixture(scope="module")
def nflx(shared: Path) -> pd.DataFrame:
    """The NFLX public study, 79 stimuli x 26 raters, as ratings."""
    raw = pd.read_csv(shared / "ratings" / "nflx_public_raw.csv")
    return pd.DataFrame(
        {
            "rater": raw["rater"].map("{:02d}".format),
            "dataset": "nflx",
            "image": raw["content_id"].map("{:02d}".format),
            "method": raw["asset_id"].map("{:02d}".format),
            "score": raw["score"].astype(int),
        }
    )


@pytest.fixture(scope="module")
def nflx_stimuli(nflx: pd.DataFrame) -> pd.DataFrame:
    return stimuli_table(nflx, fit_bias_model(nflx)).set_index("method")


def test_nflx_mean_scores(nflx_stimuli):
    assert nflx_stimuli.loc["00", "mos"] == approx(4.884615, abs=5e-7)
    assert nflx_stimuli.loc["10", "mos"] == approx(2.076923, abs=5e-7)
    assert nflx_stimuli["mos"].mean() == approx(3.5447907, abs=5e-8)
    assert nflx_stimuli["sd"].mean() == approx(0.6621912, abs=5e-8)


def test_nflx_bias_model(nflx, nflx_stimuli):
    model = fit_bias_model(nflx)
    assert model is not None
    assert nflx_stimuli.loc["00", "mos_bias_corrected"] == approx(4.9180726, abs=5e-8)
    assert model.inconsistency[0] == approx(0.5823933, abs=5e-8)
    assert model.inconsistency.mean() == approx(0.603145, abs=5e-7)
    assert nflx_stimuli["se_bias_corrected"].sum() == approx(8.907545, abs=5e-7)
    assert model.bias.mean() == approx(0, abs=1e-12)


def test_nflx_reliability(nflx, nflx_stimuli):
    table = nflx.pivot(index="rater", columns="method", values="score").to_numpy(float)
    single, mean = intraclass(table)
    assert single == approx(0.744573, abs=5e-7)
    assert mean == approx(0.986978, abs=5e-7)
    assert krippendorff_alpha(vote_counts(nflx)) == approx(0.714266, abs=5e-7)
    a = sos_parameter(nflx_stimuli["mos"].to_numpy(), nflx_stimuli["sd"].to_numpy())
    assert a == approx(0.1980, abs=5e-5)


def test_nflx_screening_rejects_rater_2_alone(nflx):
    flags = bt500(nflx)
    assert list(flags.loc[flags["rejected"], "rater"]) == ["02"]


def test_agreeing_on_the_worst_method_gets_nobody_flagged():
    qualities = {"nearest": 0.5, "srcnn": 2.3, "srgan-mse": 3.5, "HR": 5.2}
    votes = simulate(np.random.default_rng(1), 8, {"Set5": 5}, qualities)
    key = ["dataset", "image", "method"]
    assert (votes.groupby(key)["score"].nunique() == 1).mean() > 0.2
    assert not bt500(votes)["rejected"].any()


def test_the_p910_demo(shared: Path):
    votes = pd.read_csv(shared / "ratings" / "p910_demo.csv", header=None).to_numpy()
    stimulus, rater = np.nonzero(~np.isnan(votes))
    assert votes.size - stimulus.size == 1
    psi, se, bias, inconsistency = alternating_projection(
        stimulus, rater, votes[stimulus, rater], *votes.shape
    )
    assert psi[0] == approx(4.926232195563, abs=5e-13)
    assert bias[0] == approx(-0.189852445793, abs=5e-13)
    assert inconsistency[0] == approx(1.833936422009, abs=5e-13)
    assert se[0] == approx(0.121337381965, abs=5e-13)
    rest = votes[0] - psi[0] - bias
    demo = np.nanstd(rest) / np.sqrt((~np.isnan(rest)).sum())
    assert demo == approx(0.154878517860, abs=5e-13)


def test_shrout_and_fleiss():
    raters = np.array(
        [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float
    )
    single, mean = intraclass(raters)
    assert single == approx(0.290, abs=5e-4)
    assert mean == approx(0.620, abs=5e-4)
    parts = variance_components(raters)
    assert parts is not None
    k, n = raters.shape
    between, of_raters = k * parts.images + parts.rest, n * parts.raters + parts.rest
    within = (of_raters + (n - 1) * parts.rest) / n
    assert (between - within) / (between + (k - 1) * within) == approx(0.166, abs=5e-4)
    assert (between - parts.rest) / (between + (k - 1) * parts.rest) == approx(0.715, abs=5e-4)
    assert (between - within) / between == approx(0.443, abs=5e-4)
    assert (between - parts.rest) / between == approx(0.909, abs=5e-4)


@pytest.mark.parametrize(
    ("metric", "alpha"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_krippendorff_example(metric, alpha):
    n = 0
    observers = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
            [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n],
        ]
    )
    counts = np.stack([(observers == value).sum(0) for value in range(1, 6)], axis=1).astype(float)
    assert krippendorff_alpha(counts, metric) == approx(alpha, abs=5e-4)


def test_holm_example():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == approx([0.03, 0.06, 0.06, 0.02])


def test_exact_binomial_intervals():
    low, high = binomial_interval(np.array([26 * 5.0, 15.0]), np.array([26.0, 5.0]))
    assert (low[0], high[0]) == (approx(4.8606, abs=5e-5), 5)
    assert (low[1], high[1]) == (approx(2.0878, abs=5e-5), approx(3.9122, abs=5e-5))


def test_the_paper_design_has_1128_stimuli():
    votes = simulate(np.random.default_rng(0), 26, PAPER_IMAGES)
    assert len(votes) == 29_328
    assert len(stimuli_table(votes, None)) == 19 * 12 + 100 * 9 == 1128
