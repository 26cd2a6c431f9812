"""Independent implementations on random data, missing votes included."""

from __future__ import annotations

import krippendorff
import numpy as np
import pandas as pd
import pingouin
import pytest
import scikit_posthocs
from scipy import stats
from simulated_ratings import simulate
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from srbench.stats import analyze
from srbench.stats.bias_model import fit_bias_model
from srbench.stats.cells import cells
from srbench.stats.intervals import (
    binomial_interval,
    crossed_mean,
    variance_components,
)
from srbench.stats.mos import stimuli_table
from srbench.stats.omnibus import block_means, omnibus_table
from srbench.stats.ranks import ranks
from srbench.stats.reliability import intraclass, krippendorff_alpha, reliability, vote_counts
from srbench.stats.screening import bt500
from srbench.stats.significance import holm
from srbench.stats.wilcoxon import signed_rank

approx = pytest.approx

SEEDS = range(5)


@pytest.fixture(params=SEEDS)
def rng(request) -> np.random.Generator:
    return np.random.default_rng(request.param)


@pytest.fixture
def votes(rng) -> pd.DataFrame:
    return simulate(rng, 9, {"Set5": 5}, drop=0.2)


def test_icc_is_pingouins(rng):
    full = simulate(rng, 7, {"Set5": 4})
    table = full.assign(stimulus=full["dataset"] + "/" + full["image"] + "/" + full["method"])
    theirs = pingouin.intraclass_corr(table, "stimulus", "rater", "score")
    value = theirs.set_index(theirs.columns[0])["ICC"]
    wide = table.pivot(index="rater", columns="stimulus", values="score").to_numpy(float)
    keys = ("ICC2", "ICC2k") if "ICC2" in value.index else ("ICC(A,1)", "ICC(A,k)")
    assert intraclass(wide) == approx((value[keys[0]], value[keys[1]]), abs=1e-9)


def test_alpha_is_krippendorffs(votes):
    table = votes.assign(stimulus=votes["dataset"] + "/" + votes["image"] + "/" + votes["method"])
    wide = table.pivot(index="rater", columns="stimulus", values="score").to_numpy(float)
    for metric in ("nominal", "ordinal", "interval", "ratio"):
        theirs = krippendorff.alpha(
            wide, level_of_measurement=metric, value_domain=np.arange(1.0, 6)
        )
        assert krippendorff_alpha(vote_counts(votes), metric) == approx(theirs, abs=1e-12)


def test_holm_is_statsmodels(rng):
    p = rng.random(66) ** 3
    assert holm(p) == approx(multipletests(p, method="holm")[1])
    assert holm(np.append(p, np.nan))[:-1] == approx(holm(p))


def test_binomial_interval_is_clopper_pearson(rng):
    scores = rng.integers(1, 6, 30)
    low, high = binomial_interval(np.array([float(scores.sum())]), np.array([30.0]))
    theirs = proportion_confint((scores - 1).sum(), 120, method="beta")
    assert (low[0], high[0]) == approx((1 + 4 * theirs[0], 1 + 4 * theirs[1]))


@pytest.mark.parametrize("n", [4, 9, 12])
def test_exact_wilcoxon_is_scipys_full_permutation(rng, n):
    d = rng.integers(-3, 4, n) / 2
    if not d.any():
        return
    theirs = stats.wilcoxon(
        d, zero_method="pratt", method=stats.PermutationMethod(n_resamples=2**n)
    )
    assert signed_rank(d).p == approx(theirs.pvalue)


def test_asymptotic_wilcoxon_is_scipys(rng):
    d = rng.integers(-3, 5, 400).astype(float)
    theirs = stats.wilcoxon(d, zero_method="pratt", method="asymptotic", correction=False)
    ours = signed_rank(d)
    assert ours.p == approx(theirs.pvalue)
    assert ours.effect == approx(pingouin_effect(d), abs=1e-12)


@pytest.mark.parametrize(("n", "how"), [(49, "exact"), (50, "exact"), (51, "asymptotic")])
def test_wilcoxon_is_exact_up_to_fifty_pairs(n, how):
    d = np.arange(1, n + 1) * np.where(np.arange(n) % 3, 1.0, -1.0)
    other = {"exact": "asymptotic", "asymptotic": "exact"}[how]
    ours = signed_rank(d)
    assert ours.exact == (how == "exact")
    assert ours.p == approx(stats.wilcoxon(d, method=how).pvalue, rel=1e-9)
    assert ours.p != approx(stats.wilcoxon(d, method=other).pvalue, rel=1e-4)


def pingouin_effect(d: np.ndarray) -> float:
    """Matched rank-biserial with Pratt ranks, written out from Kerby's simple difference."""
    rank = stats.rankdata(np.abs(d))
    return float((rank * np.sign(d)).sum() / rank[d != 0].sum())


def test_complete_crossed_table_is_the_textbook_formula(rng):
    y = rng.normal(size=(8, 5)) + rng.normal(size=(8, 1)) + rng.normal(size=(1, 5))
    rows = 5 * ((y.mean(1) - y.mean()) ** 2).sum() / 7
    columns = 8 * ((y.mean(0) - y.mean()) ** 2).sum() / 4
    rest = ((y - y.mean(1, keepdims=True) - y.mean(0) + y.mean()) ** 2).sum() / 28
    variance = (rows + columns - rest) / 40
    ours = crossed_mean(y)
    assert ours.mean == approx(y.mean())
    assert ours.variance == approx(variance)
    df = (rows + columns - rest) ** 2 / (rows**2 / 7 + columns**2 / 4 + rest**2 / 28)
    assert ours.df == approx(df)
    low, high = stats.t.interval(0.95, df, y.mean(), np.sqrt(variance))
    assert ours.interval() == approx((low, high))


def test_components_of_incomplete_tables_are_unbiased(rng):
    """The expectation of the three sums of squares, worked out with the full covariance matrix."""
    there = rng.random((7, 6)) < 0.6
    there[0], there[:, 0] = True, True
    r, i = np.nonzero(there)
    truth = np.array([0.7, 1.3, 0.4])
    covariance = (
        truth[0] * (r[:, None] == r) + truth[1] * (i[:, None] == i) + truth[2] * np.eye(r.size)
    )
    root = np.linalg.cholesky(covariance)
    total = np.zeros(3)
    for (
        column
    ) in root.T:  # components are quadratic in y: summed over a root, they are expectations
        y = np.full(there.shape, np.nan)
        y[r, i] = column
        parts = variance_components(y)
        assert parts is not None
        total += (parts.raters, parts.images, parts.rest)
    assert total == approx(truth, abs=1e-9)


def test_ranks_are_scipys(votes):
    block = cells(votes)
    place = ranks(block.scores)
    full = ~np.isnan(block.scores).any(0)
    assert place[:, full] == approx(stats.rankdata(-block.scores[:, full], axis=0))
    part = place[:, ~full & (~np.isnan(block.scores)).any(0)]
    assert np.nanmin(part) >= 1
    assert np.nanmax(part) <= len(block.methods)


def test_friedman_is_scipys_and_w_pingouins(rng):
    full = simulate(rng, 6, {"Set14": 14})
    block = cells(full)
    tests, pairs = omnibus_table(block)
    means = full.groupby(["image", "method"])["score"].mean().reset_index()
    theirs = pingouin.friedman(means, dv="score", within="method", subject="image")
    assert tests.loc[0, "kendall_w"] == approx(float(theirs["W"].iloc[0]))
    assert tests.loc[0, "statistic"] == approx(float(theirs["Q"].iloc[0]))
    assert len(pairs) == 2 * 66
    assert pairs["p"].between(0, 1).all()


def test_nemenyi_is_scikit_posthocs(rng):
    block = cells(simulate(rng, 6, {"Set14": 14}))
    pairs = omnibus_table(block)[1]
    pairs = pairs[pairs["blocks"] == "images"]
    theirs = scikit_posthocs.posthoc_nemenyi_friedman(block_means(block, "images"))
    upper = np.triu_indices(len(block.methods), 1)
    assert pairs["p"].to_numpy() == approx(theirs.to_numpy()[upper], abs=1e-6)
    place = pd.DataFrame(np.nanmean(block.scores, 1)).rank(ascending=False).mean(axis=1)
    by_name = dict(zip(block.methods, place, strict=True))
    first = pairs.iloc[0]
    expected = by_name[first["method_a"]] - by_name[first["method_b"]]
    assert first["rank_difference"] == approx(expected)


def test_icc_of_means_of_unequal_numbers_of_raters_is_their_true_reliability():
    """ICC(A,k) is the share of the stimuli's variance in that of their means."""
    rng = np.random.default_rng(0)
    there = np.zeros((40, 2000), dtype=bool)
    for column in range(2000):
        there[rng.permutation(40)[: 2 if column % 2 else 20], column] = True
    quality, bias = rng.normal(0, 1, 2000), rng.normal(0, 0.5, (40, 1))
    table = np.where(there, quality + bias + rng.normal(0, 1, there.shape), np.nan)
    noise = 1.25 * np.where(np.arange(2000) % 2, 1 / 2, 1 / 20).mean()
    assert intraclass(table)[1] == approx(1 / (1 + noise), abs=0.02)


def test_alpha_does_not_count_a_raters_second_vote(votes):
    main = votes.assign(phase="main", repetition="0")
    again = main.assign(repetition="1", score=6 - main["score"])
    model = fit_bias_model(main)
    table = main.pivot_table("score", "rater", ["dataset", "image", "method"]).to_numpy()
    once = reliability(main, table, stimuli_table(main, model))
    twice = reliability(pd.concat([main, again]), table, stimuli_table(main, model))
    assert twice["krippendorff_alpha_ordinal"] == once["krippendorff_alpha_ordinal"]


@pytest.mark.parametrize("shape", [(1, 2), (2, 2), (3, 1), (8, 5), (26, 5)])
@pytest.mark.parametrize("gap", [-1.0, 4.0])
def test_equal_differences_are_judged_by_what_rounding_hides(shape, gap):
    """Two uniform rounding errors have the variance 2/12; the smaller number of raters and images
    counts.
    """
    mean = crossed_mean(np.full(shape, gap), grades=2)
    error = np.sqrt(2 / 12 / np.prod(shape))
    df = min(n for n in shape if n > 1) - 1
    statistic, p = mean.test()
    assert statistic == approx(gap / error)
    assert p == approx(2 * stats.t.sf(abs(gap) / error, df))
    assert mean.interval() == approx(stats.t.interval(0.95, df, gap, error))
    assert "all values are equal" in mean.note
    same = crossed_mean(np.zeros(shape), grades=2)
    assert same.test() == (0.0, 1.0)
    assert same.interval() == approx(stats.t.interval(0.95, df, 0, error))


def test_plain_stimulus_mean_is_pandas(votes):
    table = stimuli_table(votes, fit_bias_model(votes))
    theirs = votes.groupby(["dataset", "image", "method"])["score"].agg(["mean", "std", "count"])
    ours = table.set_index(["dataset", "image", "method"])
    assert ours["mos"].to_numpy() == approx(theirs["mean"].reindex(ours.index).to_numpy())
    assert ours["sd"].to_numpy() == approx(
        theirs["std"].reindex(ours.index).to_numpy(), nan_ok=True
    )


def test_repetitions_are_counted_apart_from_what_the_mean_is_made_of():
    votes = pd.DataFrame(
        [("a", str(i), 1) for i in range(10)] + [("b", "0", 5), ("c", "0", 5)],
        columns=["rater", "repetition", "score"],
    ).assign(dataset="D", image="i", method="m")
    tables = analyze(votes, resamples=50)
    stimulus, student = (
        tables["stimuli"].iloc[0],
        tables["mos"].set_index("ci_method").loc["student"],
    )
    assert (stimulus["n"], stimulus["n_raters"]) == (12, 3)
    assert (student["n_ratings"], student["n_cells"], student["n_raters"]) == (12, 3, 3)
    half = stats.t.ppf(0.975, 2) * np.std([1, 5, 5], ddof=1) / np.sqrt(3)
    for row in (stimulus, student):
        assert row["mos"] == approx(11 / 3)
        assert row["ci_high"] - row["mos"] == approx(half)


@pytest.mark.parametrize(
    ("above", "below", "neutral", "rejected"),
    [
        (12, 8, 80, True),  # |P - Q| / (P + Q) = 0.2
        (13, 7, 80, False),  # exactly 0.3, which is not below it
        (7, 13, 80, False),
        (8, 12, 80, True),
        (10, 10, 379, True),  # 20 of 399
        (10, 10, 380, False),  # exactly 0.05, which is not above it
    ],
)
def test_bt500_rejects_strictly_beyond_its_limits(above, below, neutral, rejected):
    others = [2] * 5 + [3] * 9 + [4] * 5  # with a 1 or 5 the kurtosis is 2.5: two deviations
    own = [5] * above + [1] * below + [3] * neutral
    votes = pd.DataFrame(
        [
            (f"r{rater:02d}", "D", f"i{image:03d}", "m", grade)
            for image, grade_x in enumerate(own)
            for rater, grade in enumerate([grade_x, *others])
        ],
        columns=["rater", "dataset", "image", "method", "score"],
    )
    row = bt500(votes).set_index("rater").loc["r00"]
    assert (row["above"], row["below"]) == (above, below)
    assert bool(row["rejected"]) == rejected


def test_intervals_of_raters_are_the_normal_and_chi_squared_ones(votes):
    model = fit_bias_model(votes)
    assert model is not None
    half = stats.norm.ppf(0.975) * model.inconsistency / np.sqrt(model.n)
    low, high = model.bias_interval()
    assert low == approx(model.bias - half, abs=1e-4)
    assert high == approx(model.bias + half, abs=1e-4)
    low, high = model.inconsistency_interval()
    assert low == approx(model.inconsistency * np.sqrt(model.n / stats.chi2.ppf(0.975, model.n)))
    assert high == approx(model.inconsistency * np.sqrt(model.n / stats.chi2.ppf(0.025, model.n)))
