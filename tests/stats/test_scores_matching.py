"""Ratings are matched with scores for all forms of names; unmatched ones are reported."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import simulate

from srbench.errors import ResultsError
from srbench.stats import analyze

IMAGES = {"i000": "zoé", "i001": "b.rown.fox", "i002": "baby", "i003": "Größe"}


@pytest.fixture
def votes() -> pd.DataFrame:
    levels = {"nearest": 1.5, "a": 3.0, "HR": 4.6}
    found = simulate(np.random.default_rng(0), 6, {"D": 4}, levels)
    return found.assign(image=found["image"].map(IMAGES))


@pytest.fixture
def scores(votes) -> pd.DataFrame:
    stimuli = votes.groupby(["dataset", "image", "method"])["score"].mean().reset_index()
    stimuli = stimuli[stimuli["method"] != "HR"].rename(columns={"score": "value"})
    return stimuli.assign(scale=4, protocol="p", metric="m")


@pytest.mark.parametrize(
    "form",
    [
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: name + ".png",
        lambda name: unicodedata.normalize("NFD", name) + ".JPG",
    ],
)
def test_names_of_another_form_match(votes, scores, form):
    plain = analyze(votes, scores, resamples=20)["metric_vs_mos"]
    assert list(plain["n"]) == [8, 2]
    assert not plain["note"].str.contains("left out").any()
    other = scores.assign(image=scores["image"].map(form))
    pd.testing.assert_frame_equal(analyze(votes, other, resamples=20)["metric_vs_mos"], plain)
    rated = votes.assign(image=votes["image"].map(form))
    again = analyze(rated, scores, resamples=20)["metric_vs_mos"]
    assert list(again["n"]) == [8, 2]
    assert again["srocc"].to_list() == pytest.approx(plain["srocc"].to_list(), nan_ok=True)


def test_endings_that_tell_two_images_apart_stay(votes, scores):
    twin = {"baby": "baby.png", "zoé": "baby.jpg"}
    rated, scored = (table.assign(image=table["image"].replace(twin)) for table in (votes, scores))
    points = analyze(rated, scored, resamples=20)["metric_points"].set_index(["image", "method"])
    wanted = scored.set_index(["image", "method"])["value"]
    assert (points["value"] == wanted.reindex(points.index)).all()
    assert len(points) == 8


def test_what_stays_without_a_score_is_told(votes, scores):
    fewer = scores[scores["image"] != "baby"].copy()
    fewer.loc[fewer.index[0], "value"] = np.inf
    tables = analyze(votes, fewer, resamples=20)
    said = "3 of 8 rated stimuli have no finite value and are left out: "
    assert tables["metric_vs_mos"]["note"].str.contains(said).all()
    assert "D/baby by a" in tables["metric_vs_mos"]["note"].iloc[0]
    assert tables["notes"].query("table == 'metric_vs_mos'")["note"].str.contains(said).any()


def test_two_values_for_one_stimulus_are_refused(votes, scores):
    again = scores[scores["image"] == "baby"].assign(image="baby", value=9.0)
    with pytest.raises(ResultsError, match=r"two values of m \(p\) for D/baby"):
        analyze(votes, pd.concat([scores, again]))
