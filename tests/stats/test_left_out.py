"""Votes that the rules leave out are left out of every number, however the column says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_answers import simulate_answers
from simulated_ratings import simulate

from srbench.stats import analyze

LEVELS = {"bicubic": 2.0, "srgan": 3.4, "HR": 4.5}
WHO = {
    "a rater": lambda t: t["rater"] == t["rater"].iloc[0],
    "an image": lambda t: t["image"] == t["image"].iloc[-1],
    "some votes": lambda t: pd.Series(np.random.default_rng(2).random(len(t)) < 0.3, t.index),
}


@pytest.mark.parametrize("kind", ["grades", "pairs"])
@pytest.mark.parametrize("who", WHO)
def test_reliability_is_that_of_the_votes_that_are_left(kind, who):
    make = simulate if kind == "grades" else simulate_answers
    votes = make(np.random.default_rng(1), 6, {"Set5": 4}, LEVELS)
    out = WHO[who](votes)
    ruled = analyze(votes.assign(excluded=np.where(out, "too fast", "")), resamples=60)
    fewer = analyze(votes[~out], resamples=60)
    pd.testing.assert_frame_equal(ruled["reliability"], fewer["reliability"])
    for name in ("mos", "stimuli") if kind == "grades" else ("scale", "pairs"):
        pd.testing.assert_frame_equal(ruled[name], fewer[name])


@pytest.mark.parametrize(
    ("no", "yes"),
    [(False, True), ("false", "true"), (0, 1), ("0.0", "1.0"), ("no", "yes"), ("NA", "bored"),
     (np.nan, "bored"), ("", "bored")],
)  # fmt: skip
def test_a_column_excluded_from_elsewhere_is_understood(no, yes):
    votes = simulate(np.random.default_rng(1), 5, {"Set5": 4}, LEVELS)
    out = votes["rater"] == votes["rater"].iloc[0]
    cells = pd.Series([yes if each else no for each in out], dtype=object)
    found = analyze(votes.assign(excluded=cells), resamples=50)
    assert set(found["mos"]["n_raters"]) == {4}
    assert out.sum() in set(found["exclusions"]["count"])
