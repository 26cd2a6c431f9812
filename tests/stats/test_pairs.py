"""The analysis of pair comparisons on simulated answers with known truth and on hand-made ones."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from pair_calibration import EVEN, Row, World, every_pair, measure, some
from simulated_answers import simulate_answers

from srbench.errors import RatingsError
from srbench.stats.analyze_pairs import analyze_pairs
from srbench.stats.crossed_scale import crossed_contrasts, influences
from srbench.stats.intervals import crossed_mean
from srbench.stats.pair_agreement import circles
from srbench.stats.pair_answers import check_answers, is_pair_table, pair_block, pair_scale
from srbench.stats.pairs import rate_interval

approx = pytest.approx
QUALITY = {"nearest": -1.5, "bicubic": -0.5, "srresnet-mse": 0.5, "HR": 1.5}


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return simulate_answers(
        np.random.default_rng(3), 10, {"Set5": 4, "Set14": 6}, QUALITY, tie=-0.5
    )


@pytest.fixture(scope="module")
def tables(answers):
    return analyze_pairs(answers)


def head(tables) -> pd.DataFrame:
    table = tables["pairwise"]
    return table[table["test"] == "bradley-terry-crossed"]


def test_the_scale_is_that_of_the_simulation(tables):
    scale = tables["scale"]
    own = scale[scale["dataset"] == "all"].set_index("method")
    assert list(own["score"].sort_values().index) == list(QUALITY)
    assert scale.groupby("dataset")["score"].sum().to_numpy() == approx(np.zeros(3), abs=1e-9)
    assert (own["ci_low"] < own["score"]).all()
    assert own["jod"].to_numpy() == approx(own["score"].to_numpy() / np.log(3))
    assert own["n_answers"].tolist() == [300] * 4  # 10 raters, 10 images, 3 pairs
    assert set(own["n_raters"]) == set(own["n_images"]) == {10}


def test_counts_add_up(answers, tables):
    pairs = tables["pairs"]
    assert (pairs["wins_a"] + pairs["wins_b"] + pairs["same"] == pairs["n"]).all()
    assert pairs[pairs["dataset"] != "all"]["n"].sum() == len(answers)
    rate = (pairs["wins_a"] + pairs["same"] / 2) / pairs["n"]
    assert pairs["win_rate_a"].to_numpy() == approx(rate.to_numpy())
    assert ((pairs["ci_low"] <= rate) & (rate <= pairs["ci_high"])).all()


def test_the_order_of_names_rows_and_methods_changes_nothing(answers, tables):
    turned = answers.sample(frac=1, random_state=1)
    turned = turned.rename(columns={"method_a": "method_b", "method_b": "method_a"})
    other = {"a": "b", "b": "a", "same": "same"}
    turned["answer"], turned["first"] = turned["answer"].map(other), turned["first"].map(other)
    again = analyze_pairs(turned)
    for name in ("scale", "pairs", "pairwise", "raters"):
        pd.testing.assert_frame_equal(again[name], tables[name], rtol=1e-9, atol=1e-9)


def test_a_single_pair_has_the_interval_of_a_crossed_mean():
    """With two methods, every rater on every image, the variance is that of `crossed_mean`."""
    answers = simulate_answers(np.random.default_rng(1), 12, {"Set5": 7}, {"a": 0.4, "b": -0.4})
    block = pair_block(check_answers(answers))
    scale = pair_scale(block)
    pulls = influences(scale.fit, (block.first, block.second), block.pair, block.answer)
    contrast = np.array([[1.0], [-1.0]])
    found = crossed_contrasts(scale.fit, pulls, block.rater, block.image, contrast)
    cell = np.zeros((12, 7))
    cell[block.rater, block.image] = (pulls @ contrast)[:, 0] * 84
    mean = crossed_mean(cell)
    assert found.variance[0] == approx(mean.variance, rel=1e-9)
    assert found.df[0] == approx(mean.df, rel=1e-9)
    wins = (block.answer == 0).mean()
    assert found.value[0] == approx(np.log(wins / (1 - wins)), abs=1e-9)


def test_unanimous_answers_leave_an_interval_and_a_note():
    rows = [
        {"rater": f"r{r}", "dataset": "Set5", "image": f"i{i}", "method_a": "a", "method_b": "b",
         "answer": "a"}
        for r in range(6) for i in range(5)
    ]  # fmt: skip
    tables = analyze_pairs(pd.DataFrame(rows))
    row = tables["scale"].iloc[0]
    assert row["ci_low"] < row["score"] < row["ci_high"]
    assert "half an answer" in row["note"]
    pair = tables["pairs"].iloc[0]
    assert pair["win_rate_a"] == pair["ci_high"] == 1
    assert 0.4 < pair["ci_low"] < 0.8  # five images are not thirty
    assert "half an answer" in " ".join(tables["notes"]["note"])


def test_one_rater_and_one_image_still_give_numbers():
    rows = [
        {"rater": "r", "dataset": "Set5", "image": "i", "method_a": a, "method_b": b, "answer": "a"}
        for a, b in combinations("abc", 2)
    ]
    tables = analyze_pairs(pd.DataFrame(rows))
    assert np.isfinite(tables["scale"]["score"]).all()


def test_groups_that_never_met_share_no_scale():
    rows = [
        {"rater": f"r{r}", "dataset": "Set5", "image": f"i{i}", "method_a": a, "method_b": b,
         "answer": "ab"[(r + i) % 2]}
        for r in range(4) for i in range(3) for a, b in (("a", "b"), ("b", "c"), ("d", "e"))
    ]  # fmt: skip
    scale = analyze_pairs(pd.DataFrame(rows))["scale"].set_index("method")
    assert scale.loc[["a", "b", "c"], "score"].notna().all()
    assert scale.loc[["d", "e"], "score"].isna().all()
    assert "no common scale" in scale.loc["d", "note"]


def test_circular_preferences_are_counted():
    def row(a: str, b: str, image: str) -> dict[str, str]:
        return {
            "rater": "r",
            "dataset": "S",
            "image": image,
            "method_a": a,
            "method_b": b,
            "answer": "a",
        }

    circle = [row("a", "b", "1"), row("b", "c", "1"), row("c", "a", "1")]
    line = [row("a", "b", "2"), row("b", "c", "2"), row("a", "c", "2")]
    found = circles(pair_block(check_answers(pd.DataFrame(circle + line))))
    assert (found["rater_triples"], found["rater_circular"]) == (2, 1)
    found = circles(pair_block(check_answers(pd.DataFrame(circle))))
    assert (found["triples"], found["circular"]) == (1, 1)


def test_agreement_is_krippendorff_s(answers, tables):
    krippendorff = pytest.importorskip("krippendorff")
    main = check_answers(answers)
    swapped = main["method_a"] > main["method_b"]
    value = main["answer"].map({"a": 0, "b": 1, "same": 2})
    value = value.where(~swapped | (value == 2), 1 - value)
    low = main[["method_a", "method_b"]].min(axis=1) + main[["method_a", "method_b"]].max(axis=1)
    wide = main.assign(value=value, pair=low).pivot(
        index="rater", columns=["dataset", "image", "pair"], values="value"
    )
    theirs = krippendorff.alpha(wide.to_numpy(dtype=float), level_of_measurement="nominal")
    assert tables["reliability"]["krippendorff_alpha_nominal"].iloc[0] == approx(theirs, abs=1e-9)


def test_bad_raters_are_flagged_told_and_kept(answers):
    gold = [
        {"rater": "r00", "dataset": "gold", "image": f"g{i}", "method_a": "nearest",
         "method_b": "HR", "answer": "a", "phase": "gold"} for i in range(3)
    ]  # fmt: skip
    table = pd.concat([answers.assign(phase="main"), pd.DataFrame(gold)])
    rng = np.random.default_rng(0)
    own = table["rater"] == "r01"
    table.loc[own, "answer"] = rng.choice(["a", "b"], own.sum())
    left = table["rater"] == "r02"
    table.loc[left, "answer"] = table.loc[left, "first"]
    tables = analyze_pairs(table)
    raters = tables["raters"].set_index("rater")
    assert raters.loc["r00", "note"] == "missed 3 of 3 gold pairs"
    assert "always chose the same side" in raters.loc["r02", "note"]
    assert raters.loc["r01", "with_majority"] < 0.65
    assert raters["flagged"].sum() >= 2
    assert not raters.loc["r05", "flagged"]
    assert set(tables["scale"].loc[tables["scale"]["dataset"] == "all", "n_raters"]) == {10}
    assert set(tables["sensitivity"]["left_out"]) == {int(raters["flagged"].sum())}
    assert tables["sensitivity"]["significant_without"].notna().all()
    assert "missed 3 of 3 gold pairs" in " ".join(tables["exclusions"]["reason"])


def test_repeats_are_compared_by_what_was_preferred(answers):
    first = answers[answers["rater"] == "r03"].head(8)
    again = first.rename(columns={"method_a": "method_b", "method_b": "method_a"}).copy()
    again["answer"] = first["answer"].map({"a": "b", "b": "a", "same": "same"})
    again["phase"] = "retest"
    flipped = again.index[2]
    again.loc[flipped, "answer"] = "same" if again.loc[flipped, "answer"] != "same" else "a"
    found = analyze_pairs(pd.concat([answers.assign(phase="main"), again]))["reliability"].iloc[0]
    assert found["retest_n"] == 8
    assert found["retest_agreement"] == approx(7 / 8)


def test_declared_comparisons_are_the_family(answers):
    tables = analyze_pairs(answers, family=[("HR", "srresnet-mse"), ("srresnet-mse", "bicubic")])
    own = head(tables)
    own = own[own["p_holm"].notna()]  # the others are exploratory
    assert len(own) == 2 * 3
    assert (own.groupby("dataset")["p_holm"].min() == 2 * own.groupby("dataset")["p"].min()).all()
    assert (own["mos_difference"] > 0).all()
    with pytest.raises(RatingsError, match="name nowhere, which have no answers"):
        analyze_pairs(answers, family=[("HR", "nowhere")])


def test_images_cut_from_one_picture_are_one_unit(answers):
    plain = head(analyze_pairs(answers[answers["dataset"] == "Set5"]))
    shared = answers[answers["dataset"] == "Set5"].assign(
        content=lambda d: d["image"].str[-1].map({"0": "x", "1": "x", "2": "y", "3": "y"})
    )
    wider = head(analyze_pairs(shared))
    assert wider["mos_difference"].to_numpy() == approx(plain["mos_difference"].to_numpy())
    width = (wider["ci_high"] - wider["ci_low"]).to_numpy()
    assert (width > (plain["ci_high"] - plain["ci_low"]).to_numpy()).mean() > 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "left"}, "answer is not a, b or same in 1 of 4 rows: row 1 ('left')"),
        ({"method_b": "a"}, "a method is compared with itself in 1 of 4 rows"),
        ({"rater": " "}, "rater is empty"),
        ({"first": "left"}, "first is not a, b or empty"),
        ({"phase": "warmup"}, "phase is unknown"),
        ({"dataset": "all"}, "a data set is called 'all'"),
    ],
)
def test_what_cannot_be_used_is_refused(change, said):
    row = {"rater": "r", "dataset": "S", "method_a": "a", "method_b": "b"}
    row |= {"answer": "a", "first": "a", "phase": "main"}
    rows = [{**row, "image": str(i)} for i in range(4)]
    rows[0].update(change)
    with pytest.raises(RatingsError) as caught:
        check_answers(pd.DataFrame(rows))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_doubled_answers_are_refused_whatever_their_orientation(answers):
    again = answers.head(1).rename(columns={"method_a": "method_b", "method_b": "method_a"})
    with pytest.raises(RatingsError, match="answer occurs twice"):
        check_answers(pd.concat([answers, again]))


def test_the_kind_of_table_is_told_by_its_columns(answers):
    assert is_pair_table(answers)
    assert not is_pair_table(answers.rename(columns={"method_a": "method"}))


def test_a_rate_s_interval_knows_what_answers_share():
    """Independent answers: Clopper and Pearson's interval; one opinion per image counts once."""
    rater, image = np.arange(40), np.arange(40)
    low, high = rate_interval(np.repeat([1.0, 0.0], 20), rater, image, 0.95)
    assert (low, high) == approx((0.335, 0.665), abs=0.02)  # binom.test(20, 40)
    shared = np.repeat(np.arange(8), 5)
    low, high = rate_interval(np.repeat([1.0, 0.0], 20), np.tile(np.arange(5), 8), shared, 0.95)
    assert high - low > 0.5


def test_metrics_are_held_against_majorities():
    rows, scores = [], []
    for image, preferred in zip("pqrs", ["a", "a", "b", "a"], strict=True):
        for rater in range(5):
            answer = preferred if rater < 4 else "ab"[preferred == "a"]
            rows.append({"rater": f"r{rater}", "dataset": "S", "image": image, "method_a": "m",
                         "method_b": "n", "answer": answer})  # fmt: skip
        for metric, better in (("psnr_y", "m"), ("lpips_alex", "n" if image == "r" else "m")):
            for method in "mn":
                value = 1.0 if (method == better) != metric.startswith("lpips") else 0.0
                scores.append({"dataset": "S", "image": image, "method": method, "scale": 4,
                               "protocol": "x", "metric": metric, "value": value})  # fmt: skip
    tables = analyze_pairs(pd.DataFrame(rows), pd.DataFrame(scores))
    found = tables["metric_vs_pairs"].set_index("metric")
    assert found.loc["psnr_y", "agreement"] == approx(3 / 4)
    assert found.loc["lpips_alex", "agreement"] == approx(1)
    assert found.loc["psnr_y", "answers"] == approx((3 * 4 + 1) / 20)
    assert found.loc["lpips_alex", "answers"] == approx(16 / 20)
    assert set(found["n_pairs"]) == {4}
    gap = tables["metric_comparison"].iloc[0]
    assert (gap["best"], gap["other"]) == ("lpips_alex (x)", "psnr_y (x)")
    assert gap["difference"] == approx(1 / 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "design"),
    [(World(EVEN), every_pair), (World((-0.8, -0.4, 0.0, 0.4, 0.8)), some(40))],
)
def test_intervals_and_tests_keep_their_promise(world, design):
    """A short run of benchmarks/pair_calibration.py, whose tables are in the docs."""
    found = measure(Row(world, design, 250), np.random.default_rng(11))
    missed, called = found["crossed"]
    assert 0.025 < missed < 0.075
    if world.quality == EVEN:
        assert called < 0.07
        assert found["independent"][1] > 0.3  # what takes answers for independent
    assert found["win rate"][0] < 0.08
    assert found["fit, design told"][1] < 0.06


def test_python_shows_the_answer(answers):
    import srbench

    shown = repr(srbench.analyze(answers))
    assert "10 raters and 4 methods" in shown
    assert "srresnet-mse is preferred to every other reconstruction" in shown
    assert "the win rates do not contradict one scale" in shown


def test_the_level_of_the_intervals_is_the_one_that_is_named():
    answers = simulate_answers(np.random.default_rng(0), 6, {"Set5": 4}, QUALITY)
    for alpha, named in ((0.1, "90 % interval"), (0.05, "95 % interval")):
        tables = analyze_pairs(answers, alpha=alpha, resamples=100)
        assert named in tables["claims"]["claim"].iloc[0]


def test_one_rater_or_one_image_is_told_in_every_row():
    answers = simulate_answers(np.random.default_rng(0), 6, {"Set5": 4}, QUALITY)
    for column, word in (("rater", "rater"), ("image", "image")):
        alone = answers[answers[column] == answers[column].iloc[0]]
        tables = analyze_pairs(alone, resamples=50)
        said = f"one {word}: valid for this {word} only"
        assert tables["scale"]["note"].str.contains(said).all()
        model = tables["pairwise"][tables["pairwise"]["test"] != "sign-pooled"]
        assert model["note"].str.contains(said).all()
    assert (analyze_pairs(answers, resamples=50)["scale"]["note"] == "").all()


def test_versions_that_are_level_are_named_together():
    answers = simulate_answers(np.random.default_rng(0), 6, {"Set5": 4}, QUALITY)
    claim = analyze_pairs(answers.assign(answer="same"))["claims"]["claim"].iloc[0]
    assert "bicubic, nearest and srresnet-mse are highest, 0.00 on the scale" in claim
