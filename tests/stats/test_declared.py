"""Declared comparisons and equivalence, for grades and for pairs."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from simulated_answers import simulate_answers
from simulated_ratings import simulate

from srbench.errors import ConfigError, WrongValue
from srbench.stats import analyze
from srbench.stats.cells import cells
from srbench.stats.declared import declared_pairs
from srbench.stats.equivalence import equivalence_rows
from srbench.stats.intervals import block_difference

approx = pytest.approx
METHODS = ["HR", "bicubic", "nearest", "srgan-mse"]


@pytest.fixture(scope="module")
def votes() -> pd.DataFrame:
    quality = {"nearest": 1.5, "bicubic": 2.4, "srgan-mse": 3.4, "HR": 4.6}
    return simulate(np.random.default_rng(0), 12, {"Set14": 10}, quality)


def test_words_become_pairs():
    assert declared_pairs("bicubic:NEAREST", METHODS) == [("bicubic", "nearest")]
    assert declared_pairs("srgan-mse:*, hr:srgan-mse", METHODS) == [
        ("srgan-mse", "HR"),
        ("srgan-mse", "bicubic"),
        ("srgan-mse", "nearest"),
    ]
    assert declared_pairs("*:HR", METHODS) == declared_pairs("HR:*", METHODS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("bicubic", "'bicubic' is not a comparison"),
        ("a:b:c", "is not a comparison"),
        ("bicubic:", "is not a comparison"),
        ("bicubic:nearest,", "'' is not a comparison"),
        ("bicubc:HR", "did you mean bicubic?"),
        ("SRGAN:HR", "there are: HR, bicubic, nearest, srgan-mse"),
        ("HR:hr", "compares a method with itself"),
    ],
)
def test_other_words_are_refused(words, said):
    with pytest.raises(ConfigError) as caught:
        declared_pairs(words, METHODS)
    assert said in str(caught.value)


def test_what_was_not_declared_is_exploratory(votes):
    tables = analyze(votes, family=[("srgan-mse", "bicubic"), ("srgan-mse", "nearest")])
    head = tables["pairwise"]
    head = head[head["test"] == "crossed-t"].set_index(["dataset", "method_a", "method_b"])
    assert len(head) == 6
    declared = head[head["p_holm"].notna()]
    assert len(declared) == 2
    assert declared["p_holm"].max() == approx(declared["p"].max())
    assert declared["p_holm"].min() == approx(2 * declared["p"].min())
    rest = head[head["p_holm"].isna()]
    assert not rest["significant"].any()
    assert rest["p"].notna().all()
    assert rest["note"].str.startswith("exploratory").all()
    assert "2 differences tested" in " ".join(tables["claims"]["claim"])
    assert tables["letters"].empty


def test_pairs_that_were_not_declared_are_exploratory():
    quality = {"a": 0.0, "b": 0.5, "c": 1.0}
    made = simulate_answers(np.random.default_rng(2), 6, {"S": 5}, quality)
    head = analyze(made, family=[("c", "a")])["pairwise"]
    head = head[head["test"] == "bradley-terry-crossed"].set_index(["method_a", "method_b"])
    assert set(head.index) == {("c", "a"), ("a", "b"), ("b", "c")}
    assert head.loc[("c", "a"), "p_holm"] == head.loc[("c", "a"), "p"]
    assert head.loc[[("a", "b"), ("b", "c")], "p_holm"].isna().all()


def test_two_one_sided_tests_are_those_of_the_crossed_interval(votes):
    table = analyze(votes, equivalent=1.6)["equivalence"]
    row = table[(table["method_a"] == "bicubic") & (table["method_b"] == "nearest")].iloc[0]
    block = cells(votes)
    mean = block_difference(block, "bicubic", "nearest")
    error = np.sqrt(mean.variance)
    below = stats.t.sf((mean.mean + 1.6) / error, mean.df)
    above = stats.t.cdf((mean.mean - 1.6) / error, mean.df)
    assert row["p"] == approx(max(below, above))
    assert (row["ci_low"], row["ci_high"]) == approx(mean.interval(0.90))
    inside = (table["ci_low"] > -1.6) & (table["ci_high"] < 1.6)
    assert (inside == (table["p"] < 0.05)).all()
    assert inside.any()
    assert not inside.all()


def test_holm_stands_over_the_declared_comparisons(votes):
    one = analyze(votes, family=[("bicubic", "nearest")], equivalent=1.6)["equivalence"]
    assert (one["p_holm"] == one["p"]).all()
    assert len(one) == 1


def test_a_margin_that_is_none_is_refused(votes):
    for margin in (0.0, -0.2, float("nan")):
        with pytest.raises(ConfigError, match="margin of equivalence"):
            analyze(votes, equivalent=margin)


def test_equal_values_everywhere_are_equivalent():
    row = equivalence_rows([("a", "b")], [0.0], [0.0], [3.0], 0.1).iloc[0]
    assert row["p"] == 0
    assert row["equivalent"]


@pytest.mark.slow
def test_the_test_of_equivalence_keeps_its_promise():
    """At a difference equal to the margin 5 % are called equivalent; far below it most."""
    from pair_calibration import World, every_pair

    from srbench.stats.pair_answers import PairBlock, pair_scale
    from srbench.stats.pairs import pair_differences

    world, rng = World((0.5, -0.5)), np.random.default_rng(5)
    margin = float(np.diff(world.truth(np.ones(1)))[0])
    called = []
    for _ in range(400):
        rater, image, pair = asked = every_pair(rng, world)
        answer = world.answers(rng, asked)
        block = PairBlock(
            ["a", "b"], list(map(str, range(26))), list(map(str, range(14))),
            np.array([0]), np.array([1]), pair, answer, rater, image, rater, image,
            np.full(len(answer), np.nan),
        )  # fmt: skip
        pairs, found = pair_differences(block, pair_scale(block))
        rows = equivalence_rows(pairs, found.value, found.variance, found.df, abs(margin))
        called.append(bool(rows["equivalent"].iloc[0]))
    assert 0.02 < np.mean(called) < 0.08


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resamples": 1}, "resamples is 1, expected a whole number from 20"),
        ({"resamples": 10**12}, "resamples is 1000000000000, expected"),
        ({"family": [("HR", "bicubic"), ("bicubic", "HR")]}, "family names HR and bicubic twice"),
        ({"alpha": np.float32("nan")}, "alpha is"),
    ],
)
def test_settings_that_give_other_numbers_than_meant_are_refused(settings, message):
    votes = simulate(np.random.default_rng(0), 3, {"Set5": 2}, {"bicubic": 2.0, "HR": 4.5})
    with pytest.raises(WrongValue, match=re.escape(message)):
        analyze(votes, **settings)
    assert analyze(votes, alpha=np.float32(0.05), resamples=np.int64(20))["mos"].size
