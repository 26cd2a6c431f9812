"""SUREAL, the reference implementation of the bias model, as an oracle where it is installed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import simulate

from srbench.stats.bias_model import fit_bias_model
from srbench.stats.screening import bt500

pytest.importorskip("sureal", reason="sureal is not installed: pip install sureal to compare")
from sureal.dataset_reader import RawDatasetReader
from sureal.subjective_model import (
    SubjectMLEModelProjectionSolver,
    SubjrejMosModel,
)

approx = pytest.approx


def reader(votes: pd.DataFrame) -> RawDatasetReader:
    table = votes.assign(stimulus=votes["dataset"] + "/" + votes["image"] + "/" + votes["method"])
    wide = table.pivot(index="stimulus", columns="rater", values="score").sort_index()
    videos = [
        {"content_id": 0, "asset_id": i, "path": key, "os": list(row)}
        for i, (key, row) in enumerate(zip(wide.index, wide.to_numpy(float), strict=True))
    ]
    reference = {"content_id": 0, "content_name": "all", "path": "all"}
    return RawDatasetReader(
        SimpleNamespace(dataset_name="votes", ref_videos=[reference], dis_videos=videos)
    )


@pytest.mark.parametrize("seed", range(5))
def test_bias_model_is_sureals_with_missing_votes(seed):
    votes = simulate(np.random.default_rng(seed), 12, {"Set5": 5}, drop=0.2)
    theirs = SubjectMLEModelProjectionSolver(reader(votes)).run_modeling()
    ours = fit_bias_model(votes)
    assert ours is not None
    assert ours.psi == approx(np.array(theirs["quality_scores"]), abs=1e-9)
    assert ours.se == approx(np.array(theirs["quality_scores_std"]), rel=1e-9)
    assert ours.bias == approx(np.array(theirs["observer_bias"]), abs=1e-9)
    assert ours.inconsistency == approx(np.array(theirs["observer_inconsistency"]), rel=1e-9)
    low, high = ours.inconsistency_interval()
    below, above = map(np.array, theirs["observer_inconsistency_ci95"])
    assert ours.inconsistency - low == approx(below, rel=1e-9)
    assert high - ours.inconsistency == approx(above, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_screening_is_sureals_where_no_stimulus_is_unanimous(seed):
    rng = np.random.default_rng(seed)
    votes = simulate(rng, 12, {"Set5": 5})
    careless = votes["rater"].isin(["r0000", "r0001"]) & (rng.random(len(votes)) < 0.4)
    votes.loc[careless, "score"] = rng.integers(1, 6, int(careless.sum()))
    key = votes["dataset"] + "/" + votes["image"] + "/" + votes["method"]
    votes = votes[votes.groupby(key)["score"].transform("nunique") > 1].reset_index(drop=True)
    theirs = SubjrejMosModel(reader(votes)).run_modeling()
    assert list(bt500(votes)["rejected"]) == list(theirs["observer_rejected"])
