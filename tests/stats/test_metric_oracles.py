"""Metric against MOS, against SciPy on resamples written out row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from srbench.stats.mapping import fit_mapping
from srbench.stats.metric_vs_mos import metric_vs_mos
from srbench.stats.weighted import pearson, tau_parts, weighted_ranks

approx = pytest.approx


@pytest.fixture
def points() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Metric and MOS with ties, the image of each, and how often each image is drawn."""
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(6), 4)
    x = np.round(rng.normal(30, 2, 24), 0)
    y = np.round(3 + 0.3 * (x - 30) + rng.normal(0, 0.7, 24), 1)
    return x, y, image, rng.multinomial(6, np.full(6, 1 / 6), 20).astype(float)


def test_weighted_correlations_are_scipys_on_rows_written_out(points):
    x, y, image, draws = points
    weights = draws[:, image]
    plcc = pearson(x[None], y[None], weights)
    srocc = pearson(weighted_ranks(x, weights), weighted_ranks(y, weights), weights)
    both, of_x, of_y = tau_parts(x, y, image, 6)
    for i, weight in enumerate(weights.astype(int)):
        a, b = np.repeat(x, weight), np.repeat(y, weight)
        assert plcc[i] == approx(stats.pearsonr(a, b).statistic)
        assert srocc[i] == approx(stats.spearmanr(a, b).statistic)
        total = [draws[i] @ part @ draws[i] for part in (both, of_x, of_y)]
        assert total[0] / np.sqrt(total[1] * total[2]) == approx(stats.kendalltau(a, b).statistic)


def test_the_table_is_scipys_before_and_after_the_mapping(points):
    x, y, image, _ = points
    y = 3 + 0.2 * (x - 30) + 0.01 * (x - 30) ** 3 + 0.1 * (y - y.mean())
    matched = pd.DataFrame(
        {"dataset": "A", "image": [f"i{i}" for i in image], "method": list("abcd") * 6,
         "mos": y, "protocol": "p", "metric": "m", "value": x}
    )  # fmt: skip
    table, _ = metric_vs_mos(matched, 50, np.random.default_rng(0))
    row = table.set_index("level").loc["stimulus"]
    assert row["srocc"] == approx(stats.spearmanr(x, y).statistic)
    assert row["krocc"] == approx(stats.kendalltau(x, y).statistic)
    assert row["mapping"] == "cubic"
    fitted = np.polynomial.Polynomial.fit(x, y, 3)(x)
    assert row["plcc"] == approx(stats.pearsonr(fitted, y).statistic)
    assert row["rmse"] == approx(np.sqrt(((fitted - y) ** 2).sum() / (24 - 4)))  # P.1401, 7.5
    means = matched.groupby("method")[["value", "mos"]].mean()
    row = table.set_index("level").loc["method"]
    assert row["srocc"] == approx(stats.spearmanr(means["value"], means["mos"]).statistic)
    assert row["krocc"] == approx(stats.kendalltau(means["value"], means["mos"]).statistic)
    assert (row["mapping"], row["n"]) == ("linear", 4)
    assert row["plcc"] == approx(stats.pearsonr(means["value"], means["mos"]).statistic)


def test_the_logistic_is_vqegs_least_squares():
    rng = np.random.default_rng(2)
    x = np.linspace(20, 40, 40)
    y = 1.2 + 3.6 / (1 + np.exp(-(x - 30) / 0.8)) + rng.normal(0, 0.05, 40)
    mapping = fit_mapping(x, y)
    assert mapping.name == "logistic"

    def vqeg(x, b1, b2, b3, b4):
        return b2 + (b1 - b2) / (1 + np.exp(-(x - b3) / abs(b4)))

    found = optimize.curve_fit(vqeg, x, y, [5, 1, 30, 1])[0]
    assert mapping(x) == approx(vqeg(x, *found), abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.integers(3, 12), st.floats(0, 1))
def test_mapped_values_never_turn_back(seed, n, noise):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = np.tanh(2 * x) + noise * rng.normal(size=n)
    curve = np.diff(fit_mapping(x, y)(np.linspace(x.min(), x.max(), 50)))
    assert (curve >= -1e-6).all() or (curve <= 1e-6).all()


def method_level(mos, values):
    """The row of methods, from MOS and values of shape (methods, images)."""
    methods, images = np.shape(mos)
    matched = pd.DataFrame(
        {"dataset": "A", "image": [str(i) for i in range(images)] * methods,
         "method": np.repeat([f"m{k}" for k in range(methods)], images), "protocol": "p",
         "mos": np.ravel(mos), "metric": "psnr_y", "value": np.ravel(values)}
    )  # fmt: skip
    table, _ = metric_vs_mos(matched, 20, np.random.default_rng(0))
    return table.set_index("level").loc["method"]


def test_means_that_differ_by_rounding_alone_are_ties():
    mos = np.array([[3, 4, 7], [3, 7, 4]]) / 3
    assert mos.mean(1)[0] != mos.mean(1)[1]
    higher = np.array([[2.5, 3.5, 4.5], [3.0, 4.0, 5.0]])
    values = np.array([[20.0], [21.0], [22.0], [23.0]]) + np.zeros(3)
    row = method_level(np.vstack([mos, higher]), values)
    assert row["srocc"] == approx(stats.spearmanr([1, 2, 3, 4], [1, 1, 2, 3]).statistic)
    assert row["krocc"] == approx(stats.kendalltau([1, 2, 3, 4], [1, 1, 2, 3]).statistic)
    row = method_level(np.vstack([mos, mos[1]]), values[:3])
    assert row["note"] == "every MOS is the same: no correlation"
    assert np.isnan(row["srocc"])


def test_a_metric_that_tells_nothing_has_no_plcc_and_a_word_why():
    row = method_level([[2.0] * 3, [3.1] * 3, [3.1] * 3, [2.0] * 3], [[k] * 3 for k in range(4)])
    assert np.isnan(row["plcc"])
    assert row["note"] == "the mapping that fits best is flat: no PLCC"
    assert row["srocc"] == approx(0)


def test_a_psnr_that_ranks_against_the_raters_is_not_called_the_best():
    mos = np.linspace(1, 5, 20)
    rng = np.random.default_rng(0)
    values = {"psnr_y": -mos, "ssim_y": mos + rng.normal(0, 1.5, 20), "lpips_alex": rng.random(20)}
    matched = pd.concat(
        [pd.DataFrame({"dataset": "A", "image": [str(i) for i in range(20)], "method": "a",
                       "mos": mos, "protocol": "p", "metric": m, "value": v})
         for m, v in values.items()],
        ignore_index=True,
    )  # fmt: skip
    table, comparison = metric_vs_mos(matched, 500, np.random.default_rng(0))
    assert (comparison["best"] == "ssim_y (p)").all()
    against = comparison.set_index("other").loc["psnr_y (p)"]
    assert against["srocc_difference"] > 1
    assert against["differs"]
    assert table.set_index(["metric", "level"]).loc[("psnr_y", "stimulus"), "plcc"] > 0.99


def test_a_lead_over_several_metrics_has_intervals_that_hold_together():
    rng = np.random.default_rng(1)
    images, names = 30, [f"m{i}" for i in range(6)]
    mos = rng.normal(3, 1, images)
    parts = [
        pd.DataFrame({"dataset": "A", "image": range(images), "method": "a", "mos": mos,
                      "protocol": "p", "metric": name, "value": mos + rng.normal(0, 1, images)})
        for name in names
    ]  # fmt: skip
    matched = pd.concat(parts, ignore_index=True).astype({"image": str})
    six = metric_vs_mos(matched, 2000, np.random.default_rng(0))[1].set_index("other")
    best = six["best"].iloc[0].split(" ")[0]
    other = str(six.index[0])
    two = matched[matched["metric"].isin([best, other.split(" ")[0]])].reset_index(drop=True)
    alone = metric_vs_mos(two, 2000, np.random.default_rng(0))[1].set_index("other")
    assert six.loc[other, "ci_low"] < alone.loc[other, "ci_low"]
    assert six.loc[other, "ci_high"] > alone.loc[other, "ci_high"]
