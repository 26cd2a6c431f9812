"""The sentences claim what was tested and found, and no more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import simulate

from srbench.report.study.text import headline
from srbench.stats import analyze
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
    """Who saw both rated `srgan-vgg22` a grade above `srgan-mse`; kinder raters saw `srgan-mse`."""
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
    assert "beats every other" not in " ".join(tables["claims"]["claim"])
    assert "not significantly better than" in headline(tables)


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
    assert crossed_mean(noise[:2]).note.startswith("only two raters: up to twice the errors")
    assert crossed_mean(noise[:, :2]).note.startswith("only two images: up to twice the errors")
    assert crossed_mean(noise[:2, :2]).note.startswith("only two raters and two images")
    assert crossed_mean(noise[:3, :3]).note == ""
    notes = analyze(study(images=2), resamples=50)["notes"]
    assert notes["note"].str.contains("only two images").any()
