"""Names of the original, grades of other scales, and tables that are upside down."""

from __future__ import annotations

import pandas as pd
import pytest

from srbench.errors import RatingsError
from srbench.stats.doubts import doubts
from srbench.stats.pair_answers import check_answers
from srbench.stats.ratings import check_ratings

GRADES = {"HR": (5, 4), "mine": (4, 4), "bicubic": (2, 1)}


def votes(**changed: tuple[object, object]) -> pd.DataFrame:
    rows = [
        (f"r{rater}", "Mine", image, method, score)
        for rater in range(3)
        for method, pair in (GRADES | changed).items()
        for image, score in zip(("kitchen", "tree"), pair, strict=True)
    ]
    return pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])


def answers(*wins: tuple[str, str, str]) -> pd.DataFrame:
    rows = [(f"r{r}", "Mine", "tree", a, b, won) for r in range(4) for a, b, won in wins]
    names = ["rater", "dataset", "image", "method_a", "method_b", "answer"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(
    "name", ["GT", "gt", "Ground-Truth", "Original", "hidden_reference", "Ref"]
)
def test_the_original_under_another_usual_name_is_taken_and_told(name):
    table = check_ratings(votes().replace({"method": {"HR": name}}))
    assert set(table["method"]) == set(GRADES)
    told = [f"'{name}' is taken for the original, HR; rename it if it is another method"]
    assert doubts(table) == doubts(check_ratings(table)) == told
    pairs = check_answers(answers((name, "mine", "a"), ("mine", "bicubic", "a")))
    assert doubts(pairs) == told
    assert set(pairs["method_a"]) == {"HR", "mine"}


@pytest.mark.parametrize("names", [("GT", "HR"), ("GT", "original"), ("refSR", "sourceGT")])
def test_names_of_which_none_must_be_the_original_stay(names):
    table = check_ratings(votes().replace({"method": {"HR": names[0], "mine": names[1]}}))
    assert set(table["method"]) == {*names, "bicubic"}
    assert doubts(table) == []


def test_a_table_whose_best_grade_is_1_is_told():
    assert doubts(check_ratings(votes())) == []
    [said] = doubts(check_ratings(votes(HR=(1, 2), mine=(2, 2), bicubic=(4, 5))))
    assert "the original has the lowest MOS" in said
    # Versions that look as good as the original: no doubt.
    assert doubts(check_ratings(votes(HR=(4, 4), mine=(4, 5), bicubic=(4, 5)))) == []


def test_pairs_whose_answer_names_the_worse_picture_are_told():
    right = answers(("HR", "mine", "a"), ("bicubic", "HR", "b"), ("mine", "bicubic", "a"))
    assert doubts(check_answers(right)) == []
    other = {"a": "b", "b": "a"}
    [said] = doubts(check_answers(right.assign(answer=right["answer"].map(other))))
    assert "the original loses most comparisons" in said


def test_methods_called_a_and_b_are_told_where_the_answer_could_name_them():
    assert doubts(check_answers(answers(("A", "B", "a"), ("A", "x", "b")))) == []
    [said] = doubts(check_answers(answers(("B", "A", "a"), ("x", "A", "b"))))
    assert said.startswith("8 rows with a method called a in method_b, or b in method_a")


def test_decimal_commas_are_read_and_other_scales_are_told():
    commas = votes(HR=("5,0", "4,00"), mine=("4", " 4,0 "))
    assert check_ratings(commas)["score"].tolist() == check_ratings(votes())["score"].tolist()
    for wrong in ("4,5", "1,000", "4,0,0"):
        with pytest.raises(RatingsError, match="not a whole number"):
            check_ratings(votes(HR=(wrong, 4)))
    for grades, said in (
        ({"HR": (100, 75)}, "the scores range from 1 to 100"),
        ({"bicubic": (0, 0)}, "the scores range from 0 to 5, but only five grades"),
        ({"mine": ("-1", 2)}, "the scores range from -1 to 5"),
        ({"mine": ("good", "fair")}, "correct or remove the row"),
    ):
        with pytest.raises(RatingsError, match=said):
            check_ratings(votes(**grades))
