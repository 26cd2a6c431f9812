"""Images cut from one picture are not two samples, nor are raters who judged together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import unit_calibration as calibration
from simulated_answers import simulate_answers
from simulated_ratings import simulate

from srbench import analyze
from srbench.errors import RatingsError
from srbench.stats import check_ratings
from srbench.stats.cells import cells
from srbench.stats.intervals import block_mean, crossed_mean
from srbench.stats.units import suspected, told_units, with_units

approx = pytest.approx
RUNS = 400
LUCK = 3 * np.sqrt(0.06 * 0.94 / RUNS)
METHODS = {"bicubic": 1.8, "srgan": 3.4, "HR": 4.4}


def votes(images: dict[str, int] | None = None, raters: int = 6) -> pd.DataFrame:
    return simulate(np.random.default_rng(1), raters, images or {"Mine": 6}, METHODS)


def names(dataset: str, *images: str) -> pd.DataFrame:
    """One rater's votes on images of these names."""
    return check_ratings(
        pd.DataFrame({"rater": "r", "dataset": dataset, "image": images, "method": "a", "score": 3})
    )


@pytest.mark.parametrize(
    "name", ["14 images from 7 contents", "14 images from 5 contents", "26 raters in 4 panels"]
)
def test_units_bring_false_positives_back(name):
    rng = np.random.default_rng(5)
    by_units, _, alone = calibration.called_different(rng, calibration.DESIGNS[name], RUNS)
    assert by_units <= 0.06 + LUCK
    assert alone > 0.09


def test_equal_units_are_the_table_of_their_means():
    """14 images of 7 contents, two each: the crossed mean of the 7 means, written out by hand."""
    block = calibration.DESIGNS["14 images from 7 contents"].block(np.random.default_rng(2))
    table = block.of("0")
    means = table.reshape(26, 7, 2).mean(2)
    found, by_hand = block_mean(block, table), crossed_mean(means)
    assert (found.mean, found.variance, found.df) == approx(
        (float(table.mean()), by_hand.variance, by_hand.df)
    )


def test_a_mean_is_over_cells_whatever_the_units():
    table = votes()
    table["content"] = table["image"].map(lambda name: "big" if name < "i004" else name)
    block = cells(check_ratings(table))
    assert block.units == ("rater", "content")
    for method in METHODS:
        plain = table.loc[table["method"] == method, "score"].mean()
        assert block_mean(block, block.of(method)).mean == approx(plain)


def test_the_whole_analysis_counts_units():
    table = votes({"Mine": 6, "Other": 4})
    table["content"] = table["image"].map({"i000": "zoo", "i001": "zoo"}).fillna("")
    table["panel"] = np.where(table["rater"] < "r0003", "Monday", "Tuesday")
    plain = analyze(table.drop(columns=["content", "panel"]), resamples=200)
    found = analyze(table, resamples=200)
    own = found.methods[found.methods["dataset"] == "Mine"]
    assert set(own["n_contents"]) == {5}
    assert set(own["n_panels"]) == {2}
    pooled = found.methods[found.methods["dataset"] == "all"]
    assert set(pooled["n_contents"]) == {7}  # "zoo" stands in both data sets
    assert found.methods["mos"].tolist() == approx(plain.methods["mos"].tolist())
    wide, narrow = ((m["ci_high"] - m["ci_low"]).sum() for m in (found.methods, plain.methods))
    assert wide > narrow
    notes = set(found.all_pairs["note"])
    assert any("only two panels" in note for note in notes)
    assert any("with 2 panels p cannot go below" in note for note in notes)
    friedman = found["omnibus"].set_index(["dataset", "blocks"])["n_blocks"]
    assert friedman["Mine", "images"] == 5
    assert friedman["Mine", "raters"] == 2
    first, second = (each.stimuli for each in (plain, found))
    assert first["mos"].tolist() == second["mos"].tolist()
    assert (second["ci_high"] - second["ci_low"]).mean() > (
        first["ci_high"] - first["ci_low"]
    ).mean()


def test_one_content_or_panel_speaks_for_itself_only():
    table = votes().assign(content="zoo")
    found = analyze(table, resamples=100)
    assert all("one content: valid for this content only" in n for n in found.methods["note"])
    assert "for its one content" in " ".join(found.conclusions)
    found = analyze(votes().assign(panel="Monday"), resamples=100)
    assert "is rated best" not in " ".join(found.conclusions)


def test_the_catalogue_knows_what_set5_and_set14_share():
    table = pd.concat([names("Set5", "butterfly", "head", "baby"),
                       names("Set14", "monarch", "face", "zebra")])  # fmt: skip
    content = with_units(table).set_index("image")["content"]
    assert content["butterfly"] == content["monarch"]
    assert content["head"] == content["face"]
    assert content.nunique() == 4
    answers = simulate_answers(np.random.default_rng(0), 4, {"Set5": 2, "Set14": 2}, METHODS)
    shown = {("Set5", "img000"): "head", ("Set5", "img001"): "baby",
             ("Set14", "img000"): "face", ("Set14", "img001"): "zebra"}  # fmt: skip
    keys = zip(answers["dataset"], answers["image"], strict=True)
    answers["image"] = [shown[key] for key in keys]
    text = told_units(check_ratings(votes()))
    assert text == "Images and raters are assumed to be independent of each other."
    text = told_units(answers)
    assert text.startswith("The 4 images show 3 independent contents")


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (("zoo_crop1", "zoo_crop2", "park"), "zoo_crop1, zoo_crop2"),
        (("crop1", "crop2"), "crop1, crop2"),
        (("zoo-1", "zoo-2", "park-1"), "zoo-1, zoo-2"),
        (("zoo_0_64", "zoo_64_0", "park_0_0"), "zoo_0_64, zoo_64_0"),
        (("frame0001", "frame0002"), "frame0001, frame0002"),
        (("img_001", "img_002"), ""),
        (("0801", "0802"), ""),
        (("baby", "bird", "ppt3"), ""),
    ],
)
def test_names_that_suggest_one_picture_are_told(images, told):
    said = suspected(names("Mine", *images))
    assert (told in said and "column content" in said) if told else said == ""


def test_what_a_column_says_is_not_suspected():
    table = names("Mine", "zoo_1", "zoo_2", "park_1")
    assert suspected(table)
    assert suspected(table.assign(content=["zoo", "zoo", ""])) == ""
    assert suspected(names("Urban100", "img_001", "img_002")) == ""
    both = pd.concat([names("Mine", "zebra"), names("Set14", "zebra")])
    assert "Mine/zebra, Set14/zebra" in suspected(both)


def test_a_unit_that_contradicts_itself_is_refused():
    table = votes().assign(content="a")
    table.loc[0, "content"] = "b"
    with pytest.raises(
        RatingsError, match=r"Mine/i000 has in the column content the values 'b' and 'a'"
    ):
        check_ratings(table)
    table = votes().assign(panel=lambda t: t["image"])
    with pytest.raises(RatingsError, match="give each rater one panel"):
        check_ratings(table)
