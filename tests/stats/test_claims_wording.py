"""The sentences claim only what was tested and found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import simulate

from srbench.report.study.tables import mos as mos_page_table
from srbench.report.study.text import headline
from srbench.stats import analyze
from srbench.stats.claims import claims_table
from srbench.stats.intervals import crossed_mean

LEVELS = {"nearest": 1.3, "bicubic": 2.0, "srgan-mse": 3.6, "HR": 4.5}


def study(raters=12, images=8, methods=None, **how) -> pd.DataFrame:
    methods = methods or LEVELS
    return simulate(np.random.default_rng(1), raters, {"Set5": images}, methods, **how)


def said(tables, topic) -> str:
    claims = tables["claims"].set_index(["dataset", "topic"])["claim"]
    return str(claims["Set5", topic])


@pytest.fixture(scope="module")
def lenient_raters_saw_one() -> dict[str, pd.DataFrame]:
    """Raters of both gave `srgan-vgg22` a grade more; more lenient raters saw only `srgan-mse`."""
    rng = np.random.default_rng(0)
    rows = [
        (f"r{rater:02d}", "Set5", f"i{image}", method, grade - int(rng.random() < 0.2))
        for rater in range(24)
        for image in range(6)
        for method, grade in (("srgan-mse", 3 if rater < 8 else 5), ("srgan-vgg22", 4))
        if rater < 8 or method == "srgan-mse"
    ]
    votes = pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])
    return analyze(votes, resamples=50)


def test_a_higher_mos_of_other_raters_is_not_called_significantly_better(lenient_raters_saw_one):
    tables = lenient_raters_saw_one
    mos = tables["mos"].drop_duplicates(["dataset", "method"]).set_index(["dataset", "method"])
    assert mos.loc[("Set5", "srgan-mse"), "mos"] > mos.loc[("Set5", "srgan-vgg22"), "mos"]
    head = tables["pairwise"].query("test == 'crossed-t' and dataset == 'Set5'").iloc[0]
    assert head["significant"]
    assert head["mos_difference"] < 0
    best = said(tables, "best")
    assert "significantly better" not in best
    assert "where both were rated, it is significantly worse than srgan-vgg22" in best
    assert "better than every other" not in " ".join(tables["claims"]["claim"])
    assert "significantly worse than SRGAN-VGG22 where both were rated" in headline(tables)
    assert "not significantly better" not in headline(tables)
    assert headline(tables).startswith("No version is shown to be best")


def test_better_than_every_other_one_is_said_only_where_every_other_one_was_compared():
    full = analyze(study(), resamples=50)
    assert "significantly better than every other one" in said(full, "best")
    assert "all 6 differences between methods are significant" in said(full, "differences")
    part = analyze(study(), resamples=50, family=[("srgan-mse", "nearest"), ("HR", "nearest")])
    best = said(part, "best")
    assert "every other" not in best
    assert "it is significantly better than nearest" in best
    assert "it was not compared with bicubic" in best
    assert "all 2 differences tested are significant" in said(part, "differences")
    assert "every other" not in headline(part)
    assert headline(part).endswith("2 of 2 differences tested are significant.")


def test_methods_of_one_mos_are_named_together():
    votes = study(methods={"srgan-mse": 3.6, "nearest": 1.3})
    twin = votes[votes["method"] == "srgan-mse"].assign(method="srgan-vgg22")
    best = said(analyze(pd.concat([votes, twin]), resamples=50), "best")
    assert "srgan-vgg22 has the same MOS" in best
    assert "no significant difference between it and srgan-vgg22" in best
    assert "it is significantly better than nearest" in best


@pytest.mark.parametrize(
    ("raters", "images", "word"), [(1, 8, "for its one rater,"), (12, 1, "for its one image,")]
)
def test_what_one_rater_or_one_image_shows_is_said_of_it_alone(raters, images, word):
    tables = analyze(study(raters, images), resamples=50)
    assert tables["claims"]["claim"].str.contains(word).all()
    assert not analyze(study(), resamples=50)["claims"]["claim"].str.contains("for its one").any()


def test_a_study_of_two_raters_or_two_images_says_what_its_intervals_are_worth():
    noise = np.random.default_rng(0).normal(size=(4, 5))
    assert crossed_mean(noise[:2]).note.startswith("only two raters: up to twice the nominal error")
    assert crossed_mean(noise[:, :2]).note.startswith(
        "only two images: up to twice the nominal error"
    )
    assert crossed_mean(noise[:2, :2]).note.startswith("only two raters and two images")
    assert crossed_mean(noise[:3, :3]).note == ""
    notes = analyze(study(images=2), resamples=50)["notes"]
    assert notes["note"].str.contains("only two images").any()


def different_images(hard: bool = True) -> pd.DataFrame:
    """`A` beats `B` by half a grade on each image that both show; `B` also shows easier images."""
    rng = np.random.default_rng(0)
    rows = [
        (f"r{rater:02d}", "D", f"i{image:02d}", method, int(np.clip(np.rint(level), 1, 5)))
        for rater in range(20)
        for image in range(18)
        for method, gain, shown in (("A", 0.4, image < 12), ("B", -0.1, image >= 6 * hard))
        if shown
        for level in [3 + (image >= 12) - (image < 6) + gain + rng.normal(0, 0.6)]
    ]
    return pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])


@pytest.mark.parametrize("hard", [True, False])
def test_methods_rated_on_different_images_are_not_ranked(hard):
    tables = analyze(different_images(hard), resamples=50)
    mos = tables["mos"].query("dataset == 'D' and ci_method == 'crossed'").set_index("method")
    assert mos.loc["B", "mos"] > mos.loc["A", "mos"]  # the means mislead
    for text in (headline(tables), *tables["claims"]["claim"]):
        assert "rated best" not in text
        assert "highest" not in text
        assert "not significantly better" not in text
    assert "were rated on different images" in headline(tables)
    assert "on the images that both show, A is significantly better" in headline(tables)
    assert "on the images that both show, A is significantly better" in " ".join(
        tables["claims"]["claim"]
    )
    shown = mos_page_table(tables)
    assert not any(cell.mark for row in shown.rows for cell in row)
    assert any("not marked" in note for note in shown.notes)
    same = analyze(different_images().query("'i06' <= image < 'i12'"), resamples=50)
    assert "A is rated best" in headline(same)
    assert any(cell.mark for row in mos_page_table(same).rows for cell in row)


def test_the_number_of_images_is_that_of_the_method_named():
    votes = study(images=8)
    part = votes[(votes["method"] != "HR") | (votes["image"] < "i005")]
    assert "over 8 images of Set5 by 12 raters" in headline(analyze(part, resamples=50))
    few = votes[(votes["method"] == "HR") | (votes["image"] < "i005")]
    assert "over 5 images of Set5 by 12 raters" in headline(analyze(few, resamples=50))


def test_nobody_is_best_where_the_lead_is_not_significant_or_one_rater_says_so():
    close = study(raters=5, images=5, methods={"a": 3.0, "b": 3.05, "HR": 4.5})
    tables = analyze(close, resamples=50)
    assert headline(tables).startswith("No version is shown to be best: ")
    assert "no reconstruction is shown to be best" in said(tables, "best")
    one = analyze(study(raters=1), resamples=50)
    assert headline(one).startswith("One rater does not represent others; highest mean: SRGAN-MSE")
    assert "interval" not in headline(one)
    assert "best" not in headline(one)
    assert "one rater does not represent others" in said(one, "best")
    assert "rated best" not in said(one, "best")
    assert "significantly better" not in said(one, "best")
    assert set(one["claims"]["topic"]) == {"best"}


def test_pairs_that_cannot_be_tested_are_in_no_count():
    votes = different_images(hard=False).query("image < 'i07'")
    lone = pd.concat(
        [
            votes[(votes["method"] == "A") & (votes["image"] == "i00")].assign(
                method=f"C{k}", image=f"x{k}"
            )
            for k in range(10)
        ]
    )
    votes, both = pd.concat([votes, lone]), votes
    tables, alone = analyze(votes, resamples=50), analyze(both, resamples=50)
    pair = "dataset == 'D' and method_a == 'A' and method_b == 'B'"
    columns = ["test", "p", "p_holm", "significant", "note"]
    found = tables["pairwise"].query(pair)[columns].reset_index(drop=True)
    wanted = alone["pairwise"].query(pair)[columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.drop(index=1), wanted.drop(index=1))  # 1: the bootstrap
    assert set(tables["sensitivity"]["pairs"]) == {1}
    assert "1 of 1 differences tested" in headline(tables)


@pytest.mark.parametrize(("gap", "together"), [(0.0, True), (4.9e-4, True), (5e-4, False)])
def test_metrics_lead_together_if_their_srocc_is_the_same_in_print(gap, together):
    votes = study()
    mean = votes[votes["method"] != "HR"].groupby(["dataset", "image", "method"])["score"].mean()
    scores = pd.concat(
        [mean.reset_index(name="value").assign(metric=m, protocol="p", scale=4) for m in "ab"]
    )
    tables = dict(analyze(votes, scores, resamples=20))
    tables["metric_comparison"] = tables["metric_comparison"].assign(srocc_difference=gap)
    claims = claims_table(tables).query("topic == 'metrics, stimulus'")["claim"].item()
    assert ("a (p) and b (p) follow" in claims) == together
    assert ("its lead over b (p)" in claims) != together
