"""Names of data sets in a ratings table: one spelling each, and none that means all of them."""

from __future__ import annotations

import pandas as pd
import pytest

from srbench.errors import RatingsError
from srbench.stats.ratings import check_ratings
from srbench.stats.scores import match_scores


def ratings(*datasets: str) -> pd.DataFrame:
    rows = [
        (f"r{r}", dataset, image, method, 3)
        for r in range(3)
        for dataset in datasets
        for image in ("a", "b")
        for method in ("HR", "bicubic")
    ]
    return pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])


@pytest.mark.parametrize("name", ["all", "ALL", "All", " all "])
@pytest.mark.parametrize("others", [[], ["Set5"]])
def test_a_data_set_called_all_is_refused(name, others):
    with pytest.raises(
        RatingsError, match=r"called 'all' \(12 rows\).*give it another name"
    ) as told:
        check_ratings(ratings(name, *others).replace(name, name.strip().lower()))
    assert "\n" not in str(told.value)
    with pytest.raises(RatingsError, match=r"called '(?i:all)' \(12 rows\).*another name"):
        check_ratings(ratings(name, *others))


@pytest.mark.parametrize(
    "pair", [("Set5", "set5"), ("BSD100", "B100"), ("Mine", "mine"), ("Set5", "Set-5")]
)
def test_two_names_of_one_data_set_are_refused(pair):
    with pytest.raises(RatingsError, match=f"'{pair[0]}' and '{pair[1]}' have the same name"):
        check_ratings(ratings(*pair))


def test_a_known_data_set_has_its_own_name_and_others_keep_theirs():
    checked = check_ratings(ratings("B100", "set-5", "Mine"))
    assert set(checked["dataset"]) == {"BSD100", "Set5", "Mine"}
    assert check_ratings(checked).equals(checked)


def test_scores_of_a_known_set_are_found_under_any_of_its_names():
    stimuli = pd.DataFrame(
        [("BSD100", i, "bicubic", 3.0) for i in ("a", "b")],
        columns=["dataset", "image", "method", "mos"],
    )
    scores = pd.DataFrame(
        [("B100", i, "bicubic", 4, "matlab", "psnr_y", 30.0) for i in ("a", "b")],
        columns=["dataset", "image", "method", "scale", "protocol", "metric", "value"],
    )
    assert len(match_scores(stimuli, scores)) == 2


@pytest.mark.parametrize("case", ["n_all_dataset", "n_all_only", "n_case_dataset"])
def test_the_cases_are_refused_in_one_line(shared, tmp_path, refused, case):
    table = shared / "cases" / "ratings" / f"{case}.csv"
    refused("study", "analyze", "--ratings", table, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
