"""Studies with few or equal votes: a defined result, or a note why there is none."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as t_distribution
from simulated_ratings import PAPER_METHODS, simulate

from srbench.stats import analyze
from srbench.stats.intervals import crossed_mean

approx = pytest.approx

FEW = {name: PAPER_METHODS[name] for name in ("nearest", "srresnet-mse", "srgan-mse", "HR")}


def study(raters=6, images=None, methods=None, **how) -> pd.DataFrame:
    images, methods = images or {"Set5": 4, "Set14": 3}, methods or FEW
    return simulate(np.random.default_rng(3), raters, images, methods, **how)


def flat(score: int) -> pd.DataFrame:
    return study().assign(score=score)


def unanimous() -> pd.DataFrame:
    votes = study()
    return votes.assign(score=votes["method"].map({"nearest": 1, "HR": 5}).fillna(3).astype(int))


def constant_rater() -> pd.DataFrame:
    votes = study()
    votes.loc[votes["rater"] == "r0000", "score"] = 3
    return votes


def thin() -> pd.DataFrame:
    """Each rater saw one image in one version."""
    votes = study(raters=7 * 4)
    number = votes["rater"].str[1:].astype(int)
    own = votes.groupby(["dataset", "image", "method"], sort=False).ngroup()
    return votes[number == own].reset_index(drop=True)


def disjoint() -> pd.DataFrame:
    """No rater saw two methods."""
    votes = study(raters=8)
    names = sorted(FEW)
    return votes[votes["method"] == votes["rater"].str[-1].astype(int).map(lambda r: names[r % 4])]


def one_rater_rated_once() -> pd.DataFrame:
    votes = study()
    return votes[(votes["rater"] != "r0001") | (votes.index == 30)]


DESIGNS = {
    "one rater": study(raters=1),
    "two raters": study(raters=2),
    "one image": study(images={"Set5": 1}),
    "one method": study(methods={"srgan-mse": 3.4}),
    "two methods": study(methods={"srgan-mse": 3.4, "HR": 4.4}),
    "no original": study(methods={k: v for k, v in FEW.items() if k != "HR"}),
    "one vote": study(raters=1, images={"Set5": 1}, methods={"HR": 4.4}),
    "a constant rater": constant_rater(),
    "all votes 3": flat(3),
    "all votes 5": flat(5),
    "unanimous": unanimous(),
    "half the votes missing": study(raters=10, drop=0.5),
    "most votes missing": study(raters=10, drop=0.9),
    "one vote per rater": thin(),
    "disjoint raters": disjoint(),
    "a rater with one vote": one_rater_rated_once(),
    "no shared method": pd.concat(
        [study(images={"A": 3}, methods={"x": 2.0}), study(images={"B": 3}, methods={"y": 3.0})]
    ),
    "ties everywhere": study(image_sd=0, image_method_sd=0, rater_method_sd=0),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_every_missing_number_has_a_word(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables = analyze(DESIGNS[name], resamples=200)
    votes = DESIGNS[name]
    assert tables["mos"]["n_ratings"].max() <= len(votes)
    for key in ("mos", "stimuli", "pairwise", "raters", "omnibus", "sensitivity"):
        table = tables[key]
        numbers = table.select_dtypes("number")
        silent = numbers.isna().any(axis=1) & (table["note"] == "")
        if key == "pairwise":
            silent &= ~table["test"].str.startswith("wilcoxon")
        assert not silent.any(), table[silent]
    explained = set(tables["notes"].loc[tables["notes"]["table"] == "reliability", "note"])
    missing = tables["reliability"].isna().any(axis=1).iloc[0]
    assert bool(explained) or not missing
    for low, high in (("ci_low", "ci_high"),):
        ordered = tables["mos"].dropna(subset=[low])
        assert (ordered[low] <= ordered["mos"] + 1e-9).all()
        assert (ordered[high] >= ordered["mos"] - 1e-9).all()
    p = tables["pairwise"]["p"].dropna()
    assert p.between(0, 1).all()


def test_one_rater_and_one_image_say_what_they_hold_for():
    mos = analyze(DESIGNS["one rater"])["mos"]
    assert mos.loc[mos["ci_method"] == "crossed", "note"].str.contains("this rater only").all()
    mos = analyze(DESIGNS["one image"])["mos"]
    assert mos.loc[mos["ci_method"] == "crossed", "note"].str.contains("this image only").all()


def test_identical_methods_have_p_1():
    votes = study(methods={"a": 3.0})
    both = pd.concat([votes, votes.assign(method="b")])
    pairs = analyze(both)["pairwise"]
    assert (pairs["p"] == 1).all()
    assert not pairs["significant"].any()
    assert (pairs["effect_size"] == 0).all()


def test_five_images_cap_wilcoxon_and_say_so():
    pairs = analyze(study(raters=12, images={"Set5": 5}))["pairwise"]
    own = pairs[pairs["test"] == "wilcoxon-images"]
    assert own["p"].min() == approx(0.0625)
    assert own["note"].str.contains("cannot go below 0.0625").all()


def test_how_low_p_can_go_is_said_after_holm_too():
    pairs = analyze(study(raters=12, images={"Set5": 7}))["pairwise"]
    own = pairs[(pairs["test"] == "wilcoxon-images") & (pairs["dataset"] == "Set5")]
    said = "with 7 images p cannot go below 0.01562, 0.094 after Holm over 6 comparisons"
    assert (own["note"] == said).all()


def test_one_rater_proves_nothing_with_two_images_alike():
    votes = study(raters=1, images={"Set5": 2}, methods={"a": 2.0, "b": 3.0})
    votes["score"] = votes["method"].map({"a": 2, "b": 3})
    pairs = analyze(votes)["pairwise"]
    assert not pairs.loc[pairs["test"] == "crossed-t", "significant"].any()
    assert (pairs["p"] > 0).all()


def test_dmos_keeps_values_above_five_and_needs_the_original():
    votes = study(methods={"srgan-mse": 4.9, "HR": 3.0})
    mos = analyze(votes)["mos"]
    assert mos.loc[mos["method"] == "srgan-mse", "dmos"].min() > 5
    assert (mos.loc[mos["method"] == "HR", "dmos"] == 5).all()
    mos = analyze(DESIGNS["no original"])["mos"]
    assert mos["dmos"].isna().all()
    assert mos["note"].str.contains("no DMOS").all()


def test_a_flat_rater_is_kept_and_listed():
    tables = analyze(DESIGNS["a constant rater"])
    listed = tables["exclusions"].set_index("what").loc["rater r0000"]
    assert "same score throughout" in listed["reason"]
    assert "kept in MOS" in listed["effect"]


def test_retest_votes_give_reliability_and_no_mos():
    votes = study()
    again = votes.iloc[:20].assign(phase="retest")
    again["score"] = np.clip(again["score"] + ([0, 0, 0, 1] * 5), 1, 5)
    both = pd.concat([votes.assign(phase="main"), again])
    numbers = analyze(both)["reliability"].iloc[0]
    change = (again["score"] - votes["score"].iloc[:20]).to_numpy()
    assert numbers["retest_n"] == 20
    assert numbers["retest_agreement"] == approx((change == 0).mean())
    assert numbers["retest_mean_difference"] == approx(change.mean())
    assert 0 < numbers["retest_p"] <= 1
    pd.testing.assert_frame_equal(analyze(both)["mos"], analyze(votes)["mos"])


def test_repeated_main_votes_are_averaged_within_the_rater():
    votes = study(raters=3, images={"Set5": 2}, methods={"HR": 4.0, "nearest": 1.5})
    again = votes.assign(repetition=1, score=np.clip(votes["score"] + 1, 1, 5))
    tables = analyze(pd.concat([votes.assign(repetition=0), again]))
    assert tables["mos"]["n_ratings"].iloc[0] == 12
    first = tables["mos"].query("dataset == 'Set5' and method == 'nearest'").iloc[0]
    own = votes.loc[votes["method"] == "nearest", "score"]
    assert first["mos"] == approx(((own + np.clip(own + 1, 1, 5)) / 2).mean())
    assert tables["reliability"]["retest_n"].iloc[0] == 12


def test_the_bias_model_never_makes_one_rater_the_truth():
    votes = simulate(
        np.random.default_rng(5),
        6,
        {"Set5": 4},
        {"nearest": 1.3, "srgan-mse": 3.0, "HR": 4.4},
        drop=0.05,
    )
    tables = analyze(votes)
    assert tables["raters"]["inconsistency"].min() > 0.1
    assert tables["raters"]["note"].str.contains("equal weights").sum() == 1
    assert tables["notes"]["note"].str.contains("equal weights").any()


@pytest.mark.parametrize("name", ["all votes 3", "unanimous"])
def test_raters_who_all_agree_are_not_blamed_one_by_one(name):
    assert not analyze(DESIGNS[name])["raters"]["note"].str.contains("equal weights").any()


def test_row_order_and_names_do_not_matter():
    votes = study(drop=0.1)
    shuffled = votes.sample(frac=1, random_state=1)
    first, second = analyze(votes, resamples=50), analyze(shuffled, resamples=50)
    for key in ("mos", "pairwise", "stimuli", "raters", "claims"):
        pd.testing.assert_frame_equal(first[key], second[key])


def test_weighting_raters_equally_changes_nothing():
    table = np.random.default_rng(0).normal(size=(6, 5))
    table[0, 1] = np.nan
    plain, even = crossed_mean(table), crossed_mean(table, np.full(6, 2.0))
    assert (plain.mean, plain.variance, plain.df) == approx((even.mean, even.variance, even.df))


def test_a_metric_that_only_some_images_have_gets_what_there_is():
    votes = study(images={"Set5": 5})
    stimuli = votes.loc[votes["method"] != "HR", ["dataset", "image", "method"]].drop_duplicates()
    values = np.random.default_rng(1).normal(size=len(stimuli))
    everywhere = stimuli.assign(scale=4, protocol="p", metric="everywhere", value=values)
    once = everywhere[everywhere["image"] == "i000"].assign(metric="once", value=[1.0, 2.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables = analyze(votes, pd.concat([everywhere, once]), resamples=200)
    found = tables["metric_vs_mos"].set_index(["metric", "level"])
    assert list(found["n"]) == [15, 3, 3, 3]
    # One image is no sample of images: no interval, and no lead is tested against it.
    assert found.loc["once", ["srocc_low", "rmse_low"]].isna().all(axis=None)
    assert found.loc["once", "note"].str.contains("fewer than 3 independent images").all()
    assert found.loc["everywhere", "srocc_low"].notna().all()
    compared = tables["metric_comparison"]
    assert len(compared) == 2
    assert not compared["differs"].any()
    assert (compared["note"] != "").all()
    assert "cannot be tested with so few images" in " ".join(tables["claims"]["claim"])


def test_equal_votes_of_one_rater_show_no_equivalence():
    """Two equal grades of one rater; 26 raters and 14 images without any difference do."""
    columns = ["rater", "dataset", "image", "method", "score"]
    few, many = (
        pd.DataFrame(
            [
                (f"r{r}", "D", f"i{i}", m, 4)
                for r in range(raters)
                for i in range(images)
                for m in "ab"
            ],
            columns=columns,
        )
        for raters, images in ((1, 2), (26, 14))
    )
    (row,) = analyze(few, resamples=50, equivalent=0.25)["equivalence"].to_dict("records")
    # Rounding to whole grades: variance 2/12 of each difference, two cells, one degree of freedom.
    assert row["p"] == pytest.approx(t_distribution.sf(0.25 / np.sqrt(2 / 12 / 2), 1))
    assert not row["equivalent"]
    assert row["ci_low"] < -0.25
    (row,) = analyze(many, resamples=50, equivalent=0.25)["equivalence"].to_dict("records")
    assert row["equivalent"]


def test_a_data_set_whose_raters_the_bias_model_leaves_out_is_still_analysed():
    late = pd.DataFrame(
        {"rater": ["q0", "q1", "q2"], "dataset": "B", "image": "k", "method": [*FEW][:3],
         "score": [1, 2, 3]}
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = analyze(pd.concat([study(), late]), resamples=50)["sensitivity"]
    weighted = table[table["variant"].str.startswith("bias model")].set_index("dataset")
    assert weighted.loc["B", "note"] == "no rater here fits it"
    assert weighted.loc["Set5", "note"] == ""


def test_claims_name_the_interval_and_the_only_pair():
    votes = study(methods={"srgan-mse": 3.4, "nearest": 1.4})
    claims = analyze(votes, alpha=0.01)["claims"].set_index(["dataset", "topic"])["claim"]
    assert "99 % interval" in claims["Set5", "best"]
    wanted = "On Set5, the difference between nearest and srgan-mse is significant."
    assert claims["Set5", "differences"] == wanted


def test_an_interval_without_a_width_says_why():
    votes = pd.DataFrame(
        [(f"r{r}", "D", f"i{i}", "m", 4) for r in range(4) for i in range(3)],
        columns=["rater", "dataset", "image", "method", "score"],
    )
    tables = analyze(votes, resamples=100)
    mos = tables["mos"].set_index("ci_method")
    assert mos.loc["student", "ci_low"] == mos.loc["student", "ci_high"] == 4
    assert "no width, see crossed and binomial" in mos.loc["student", "note"]
    assert mos.loc["crossed", "ci_low"] < 4 < mos.loc["crossed", "ci_high"]
    assert tables["stimuli"]["note"].str.contains("no width, see binomial").all()
