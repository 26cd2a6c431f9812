"""The row over all data sets exists only for several of them and states its composition."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_ratings import simulate

from srbench.stats import analyze

METHODS = {"bicubic": 1.8, "srgan": 3.4, "HR": 4.4}


def test_the_pooled_row_tells_its_make_up_and_the_equal_weight_mean():
    votes = simulate(np.random.default_rng(0), 5, {"Set5": 2, "Mine": 8}, METHODS)
    mos = analyze(votes, resamples=50)["mos"].query("ci_method == 'crossed'")
    pooled = mos[mos["dataset"] == "all"].set_index("method")
    assert pooled["note"].str.contains("80 % of the ratings over all data sets are of Mine").all()
    for method in METHODS:
        means = votes[votes["method"] == method].groupby("dataset")["score"].mean()
        assert pooled.loc[method, "mos_equal_weight"] == pytest.approx(means.mean())
        assert pooled.loc[method, "mos"] == pytest.approx(0.8 * means["Mine"] + 0.2 * means["Set5"])


def test_one_data_set_has_no_pooled_row():
    votes = simulate(np.random.default_rng(0), 5, {"Mine": 4}, METHODS)
    tables = analyze(votes, resamples=50)
    for name in ("mos", "pairwise", "omnibus", "sensitivity"):
        assert set(tables[name]["dataset"]) == {"Mine"}
    assert not tables["notes"]["note"].str.contains("there is no row").any()
