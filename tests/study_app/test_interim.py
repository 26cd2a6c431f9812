"""The interim results equal those of the analysis, separately for real and simulated raters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from srbench.stats import analyze
from srbench.study.making import new_study
from srbench.study.ratings import ratings_rows
from srbench.study.simulate import simulate
from srbench.study.store import open_study
from study_app.interim import interim_mos, interim_results


def test_the_scale_of_pairs_is_the_analysis_own(made_once, tmp_path):
    root = made_once.parent
    new_study(
        root / "results", tmp_path / "pairs", calibration="Practice", data_root=root / "data",
        procedure_name="pair", no_difference=True, pairs="hr", raters=1, retests=0,
    )  # fmt: skip
    study = open_study(tmp_path / "pairs")
    simulate(study.store, 5, seed=4)
    rows = ratings_rows(study.store)
    study.store.close()
    assert interim_results(rows).empty
    found = interim_results(rows, simulated=True).set_index("method")
    scale = analyze(pd.DataFrame(rows), resamples=100)["scale"].set_index("method")
    assert sorted(found.index) == sorted(scale.index)
    for method, row in found.iterrows():
        assert row["jod"] == pytest.approx(scale.loc[method, "jod"])
        assert row["ci_low"] == pytest.approx(scale.loc[method, "ci_low"] / np.log(3))
        assert row["answers"] == scale.loc[method, "n_answers"]


def test_mos_and_interval_are_the_analysis_own(folder):
    study = open_study(folder)
    simulate(study.store, 5, seed=4)
    rows = ratings_rows(study.store)
    study.store.close()
    assert interim_mos(rows).empty
    found = interim_mos(rows, simulated=True).set_index("method")
    mos = analyze(pd.DataFrame(rows), resamples=100)["mos"]
    wanted = mos[(mos["ci_method"] == "crossed")].set_index("method")
    assert sorted(found.index) == sorted(wanted.index)
    for method, row in found.iterrows():
        there = wanted.loc[method]
        assert (row["raters"], row["votes"]) == (there["n_raters"], there["n_ratings"])
        assert row["mos"] == pytest.approx(there["mos"])
        assert row["ci_low"] == pytest.approx(there["ci_low"])
        assert row["ci_high"] == pytest.approx(there["ci_high"])
    assert list(found["mos"]) == sorted(found["mos"], reverse=True)


def test_votes_that_the_rules_leave_out_are_left_out_here_too():
    rows = [
        {"rater": rater, "dataset": "D", "image": image, "method": "m", "score": score,
         "phase": "main", "simulated": False, "excluded": reason}
        for rater, score, reason in (("a", 4, ""), ("b", 2, ""), ("c", 1, "sooner than 800 ms"))
        for image in ("x", "y")
    ]  # fmt: skip
    found = interim_results(rows)
    assert found["mos"].tolist() == [3.0]
    assert found["raters"].tolist() == [2]
