"""The analysis detects inattentive raters and raters who do not agree with others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import simulate

from srbench.stats import analyze, check_ratings
from srbench.stats.attention import attention

LEVELS = {"nearest": 1.5, "a": 3.0, "b": 3.6, "HR": 4.6}


def study(raters: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return simulate(rng, raters, {"D": 8}, LEVELS).assign(phase="main")


def checks(grades: dict[str, list[tuple[str, int]]], **more: object) -> pd.DataFrame:
    """Gold votes: for each rater (method, grade) of one image after another."""
    rows = [
        (rater, "G", f"g{i}", method, grade, "gold")
        for rater, votes in grades.items()
        for i, (method, grade) in enumerate(votes)
    ]
    columns = ["rater", "dataset", "image", "method", "score", "phase"]
    return pd.DataFrame(rows, columns=pd.Index(columns)).assign(**more)


@pytest.mark.parametrize(
    ("votes", "missed", "failed"),
    [
        ([("HR", 5), ("nearest", 1), ("HR", 4), ("nearest", 2)], 0, False),
        ([("HR", 3), ("nearest", 1), ("HR", 5), ("nearest", 1)], 1, False),
        ([("HR", 5), ("nearest", 5), ("HR", 5), ("nearest", 5)], 2, True),
        ([("HR", 3), ("nearest", 3)], 2, True),
        ([("HR", 1)], 1, False),
        ([("HR", 1), ("HR", 1)] + 3 * [("nearest", 1)], 2, False),
    ],
)
def test_gold_misses_are_two_grades_and_flag_from_half_on(votes, missed, failed):
    ratings = check_ratings(pd.concat([study(), checks({"r0001": votes})]))
    found = attention(ratings).loc["r0001"]
    assert (found["gold_n"], found["gold_missed"]) == (len(votes), missed)
    others = attention(ratings).drop("r0001")
    assert not others.to_numpy().any(), "the others saw no gold and no retest"
    assert bool(found["inattentive"]) == failed
    row = analyze(ratings, resamples=20)["raters"].set_index("rater").loc["r0001"]
    assert bool(row["flagged"]) == failed
    assert (f"{missed} of {len(votes)} gold stimuli missed" in row["note"]) == (missed > 0)


def test_the_expected_grade_of_the_file_counts_before_the_usual_one():
    votes = checks({"r0001": [("a", 1), ("nearest", 3), ("HR", 5), ("b", 5)]})
    ratings = check_ratings(pd.concat([study(), votes.assign(expected=["4", "3", "", ""])]))
    found = attention(ratings).loc["r0001"]
    assert (found["gold_n"], found["gold_missed"]) == (3, 1)


@pytest.mark.parametrize(
    ("of", "shift", "share", "failed"),
    [(4, 2, 4, True), (4, 1, 4, False), (4, 2, 2, False), (3, 2, 2, True), (1, 2, 1, False)],
)
def test_retests_far_off_in_more_than_half_flag(of, shift, share, failed):
    main = study()
    own = main[main["rater"] == "r0001"].iloc[:of]
    again = own.assign(phase="retest")
    step = np.where(own["score"] > 2, -shift, shift)
    again["score"] += np.where(np.arange(of) < share, step, 0)
    ratings = check_ratings(pd.concat([main, again]))
    found = attention(ratings).loc["r0001"]
    assert (found["retest_n"], found["retest_missed"]) == (of, share if shift > 1 else 0)
    assert bool(found["inattentive"]) == failed


def test_a_rater_who_agrees_with_nobody_is_seen_everywhere():
    votes = study()
    own = votes["rater"] == "r0003"
    votes.loc[own, "score"] = np.random.default_rng(0).permutation(votes.loc[own, "score"])
    tables = analyze(votes, resamples=20)
    raters = tables["raters"].set_index("rater")
    correlation = raters.loc["r0003", "correlation_with_others"]
    assert correlation < 0.3
    assert list(raters.index[raters["low_agreement"]]) == ["r0003"]
    assert raters.loc["r0003", "flagged"]
    said = f"correlation with others only {correlation:.2f}".replace("-", "−")
    excluded = tables["exclusions"].set_index("what").loc["rater r0003"]
    assert said in excluded["reason"]
    assert excluded["effect"] == "kept in MOS; see sensitivity"
    without = tables["sensitivity"].query("dataset == 'D' and variant.str.contains('any rule')")
    assert without["raters"].item() == 12 - raters["flagged"].sum()
    assert without["note"].item() == ""


def test_raters_of_a_study_in_which_all_agree_little_are_not_flagged():
    close = {"a": 3.0, "b": 3.2, "c": 3.4, "d": 3.6}
    votes = simulate(np.random.default_rng(1), 26, {"D": 14}, close)
    raters = analyze(votes, resamples=20)["raters"]
    assert raters["correlation_with_others"].median() < 0.6
    assert raters["low_agreement"].sum() <= 1
