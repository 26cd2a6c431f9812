"""Paired tests against scipy, statsmodels and values worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from srbench.report.benchmark.significance import bootstrap_interval, significance
from srbench.stats.wilcoxon import signed_rank


def table(values: dict[str, list[float]], metric: str = "psnr_y") -> pd.DataFrame:
    rows = [
        ("Set5", f"{i:03}", method, 4, "matlab", metric, value)
        for method, scores in values.items()
        for i, value in enumerate(scores)
    ]
    columns = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("n", [5, 14, 50])
def test_without_ties_the_p_value_is_scipys_exact_one(n):
    d = np.random.default_rng(n).normal(0.3, 1, n)
    test = signed_rank(d)
    expected = stats.wilcoxon(d, zero_method="pratt", method="exact")
    assert test.exact
    assert test.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert test.statistic == expected.statistic


def test_many_images_with_zeros_use_the_approximation_with_pratts_zeros():
    d = np.round(np.random.default_rng(0).normal(0.2, 1, 100), 1)
    assert (d == 0).any()
    test = signed_rank(d)
    assert not test.exact
    expected = stats.wilcoxon(d, zero_method="pratt", method="asymptotic")
    assert test.p == pytest.approx(expected.pvalue, abs=1e-12)


def test_few_images_with_ties_and_zeros_enumerate_all_signs():
    d = np.array([0.0, 1.0, 1.0, -1.0, 2.0, 3.0, 3.0])
    ranks = stats.rankdata(np.abs(d))[1:]
    observed = abs(np.sign(d[1:]) @ ranks)
    sums = [abs(np.dot(s, ranks)) for s in itertools.product((-1, 1), repeat=6)]
    test = signed_rank(d)
    assert test.exact
    assert test.p == pytest.approx(np.mean([s >= observed - 1e-9 for s in sums]))


def test_five_images_can_never_be_significant():
    test = signed_rank(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert test.p == test.smallest_p == pytest.approx(0.0625)


def test_effect_size_by_hand():
    # ranks 1, 2, 3, 4 with the second negative: (1 + 3 + 4 - 2) / 10
    assert signed_rank(np.array([0.1, -0.2, 0.3, 0.4])).effect == pytest.approx(0.6)


def test_equal_methods_do_not_differ():
    test = signed_rank(np.zeros(8))
    assert (test.p, test.effect, test.nonzero, test.smallest_p) == (1.0, 0.0, 0, 1.0)


def test_the_interval_is_scipys_percentile_bootstrap_with_tails_for_few_images():
    values = np.random.default_rng(5).gamma(2.0, 1.0, 60)
    tail = stats.norm.cdf(-np.sqrt(60 / 59) * stats.t.ppf(0.975, 59))
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile",
        confidence_level=1 - 2 * tail, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert bootstrap_interval(values) == pytest.approx(tuple(expected), abs=0.02)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert np.isnan(bootstrap_interval(values[:1])).all()


def test_the_interval_of_five_images_covers_nearly_what_it_says():
    rng = np.random.default_rng(0)
    intervals = np.array([bootstrap_interval(rng.normal(size=5)) for _ in range(400)])
    covered = ((intervals[:, 0] <= 0) & (intervals[:, 1] >= 0)).mean()
    assert 0.88 < covered < 0.97  # plain percentiles: 0.84


def test_families_are_corrected_apart_and_directions_kept():
    rng = np.random.default_rng(1)
    base = rng.normal(28, 2, 20)
    values = {"bicubic": base, "srgan-mse": base + 1 + rng.normal(0, 0.1, 20), "X": base + 0.001}
    both = pd.concat(
        [table({k: list(v) for k, v in values.items()}, metric) for metric in ("psnr_y", "ssim_y")]
    )
    tests = significance(both)
    assert len(tests) == 6
    first = tests.iloc[0]
    assert (first["method_a"], first["method_b"]) == ("bicubic", "srgan-mse")
    assert first["mean_difference"] == pytest.approx(np.mean(base - values["srgan-mse"]))
    assert first["effect_size"] == -1
    assert first["ci_low"] < first["mean_difference"] < first["ci_high"] < 0
    for _, family in tests.groupby("metric"):
        assert list(family["p_holm"]) == pytest.approx(
            list(multipletests(family["p"], method="holm")[1])
        )


def test_perfect_images_are_infinite_and_two_perfect_ones_are_equal():
    inf = float("inf")
    tests = significance(table({"a": [inf, inf, 30.0, 31.0], "b": [inf, 28.0, 29.0, 30.5]}))
    row = tests.iloc[0]
    assert row["mean_difference"] == inf
    assert np.isnan(row["ci_low"])
    assert row["smallest_p"] == pytest.approx(0.25)  # three images differ
    assert row["effect_size"] == 1


def test_only_images_that_both_have_are_compared():
    scores = table({"a": [30.0, 31.0, 32.0], "b": [29.0, 30.5, 31.0]})
    tests = significance(scores[~((scores["method"] == "b") & (scores["image"] == "002"))])
    assert tests["n"].tolist() == [2]


def test_one_method_or_the_original_makes_no_pair():
    assert significance(table({"a": [1.0, 2.0]})).empty
    assert significance(table({"a": [1.0, 2.0], "HR": [3.0, 4.0]})).empty
