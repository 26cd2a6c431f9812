"""Errors in ratings files, each reported in one line."""

from __future__ import annotations

import gzip
import io
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import simulate

from srbench.errors import RatingsError, ResultsError
from srbench.stats import analyze, check_ratings, main_votes, read_ratings
from srbench.stats.reliability import retest_pairs


@pytest.fixture
def votes() -> pd.DataFrame:
    return simulate(np.random.default_rng(0), 3, {"Set5": 2}, {"nearest": 1.5, "HR": 4.5})


def refusal(path: Path) -> str:
    with pytest.raises(RatingsError) as caught:
        read_ratings(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def saved(votes: pd.DataFrame, folder: Path, **how) -> Path:
    path = folder / "ratings.csv"
    votes.to_csv(path, index=False, **how)
    return path


def test_a_good_file_is_read_as_it_stands(votes, tmp_path):
    votes["image"] = votes["image"].map({"i000": "0031", "i001": "NA"})
    votes["comment"] = "kept"
    read = read_ratings(saved(votes, tmp_path))
    assert list(read["image"]) == list(votes["image"])
    assert list(read["score"]) == list(votes["score"])
    assert set(read["phase"]) == {"main"}
    assert set(read["comment"]) == {"kept"}
    pd.testing.assert_frame_equal(check_ratings(read), read)


def test_method_names_differing_in_case_are_one(votes):
    votes.loc[0, "method"] = votes.loc[0, "method"].upper()
    votes["method"] = votes["method"].replace("HR", "hr")
    checked = check_ratings(votes)
    assert set(checked["method"]) == {"HR", "NEAREST"}


def test_only_main_votes_enter_mos(votes):
    other = votes.iloc[:3].assign(phase="training", score=1)
    both = check_ratings(pd.concat([votes.assign(phase="Main"), other]))
    assert len(main_votes(both)) == len(votes)
    tables = analyze(both)
    assert tables["mos"]["n_ratings"].iloc[0] == analyze(votes)["mos"]["n_ratings"].iloc[0]
    assert "training" in tables["exclusions"]["what"].iloc[0]


def test_missing_columns_say_what_is_there_and_what_was_expected(votes, tmp_path):
    message = refusal(saved(votes.rename(columns={"score": "vote"}), tmp_path))
    assert "columns missing: score" in message
    assert "there are: rater, dataset, image, method, vote" in message
    assert "expected: rater, dataset, image, method, score" in message


@pytest.mark.parametrize("bad", ["0", "6", "2.5", "good", "", "nan", "inf"])
def test_scores_are_whole_numbers_from_1_to_5(votes, tmp_path, bad):
    votes["score"] = votes["score"].astype(str)
    votes.loc[1, "score"] = bad
    message = refusal(saved(votes, tmp_path))
    assert "score is not a whole number from 1 to 5 in 1 of 12 rows" in message
    assert f"row 2 ('{bad}')" in message


def test_a_thousand_bad_rows_are_counted_and_three_shown(tmp_path):
    votes = simulate(np.random.default_rng(0), 30, {"Set5": 20}, {"nearest": 1.5, "HR": 4.5})
    votes.loc[100:1099, "score"] = 7
    message = refusal(saved(votes, tmp_path))
    assert "1,000 of 1,200 rows" in message
    assert message.count("row 1") == 3
    assert len(message) < 300


def test_duplicated_votes_are_refused_and_repetitions_are_not(votes, tmp_path):
    twice = pd.concat([votes, votes.iloc[[4]]])
    message = refusal(saved(twice, tmp_path))
    assert "row 13" in message
    assert "number the repetitions" in message
    twice["repetition"] = [0] * len(votes) + [1]
    assert len(check_ratings(twice)) == 13


def test_unknown_phases_are_named(votes, tmp_path):
    votes["phase"] = "main"
    votes.loc[2, "phase"] = "warm-up"
    message = refusal(saved(votes, tmp_path))
    assert "'warm-up'" in message
    assert "known are: training, main, retest, gold" in message


def test_no_main_votes(votes, tmp_path):
    assert "no vote has phase main" in refusal(saved(votes.assign(phase="gold"), tmp_path))


def test_an_empty_table(votes, tmp_path):
    assert "no ratings" in refusal(saved(votes.iloc[:0], tmp_path))
    (tmp_path / "nothing.csv").write_text("")
    assert "is empty" in refusal(tmp_path / "nothing.csv")


@pytest.mark.parametrize("column", ["study", "scale"])
def test_mixed_studies_are_refused(votes, tmp_path, column):
    votes[column] = ["2"] * 4 + ["4"] * 8
    message = refusal(saved(votes, tmp_path))
    assert f"mixes 2 values of {column}: 4 (8 rows), 2 (4 rows)" in message


def test_what_can_be_read_without_guessing_is_read(votes, tmp_path):
    plain = saved(votes, tmp_path).read_text()
    body = plain.split("\n", 1)[1]
    whole = read_ratings(tmp_path / "ratings.csv")
    spreadsheet = "sep=;\n" + plain.replace(",", ";") + ";;;;\n"
    for odd in (
        "\n\n" + plain.replace("\n", "\n\n"),
        "# exported 2024\n# rater, image: see below\n" + plain,
        "A study\n" + plain,
        plain.replace("score", "score "),
        "Rater,DATASET,image,Method,Score\n" + body,
        '"rater", "dataset", "image", "method", "score"\n' + body,
        plain.replace(",", " , "),
        *(plain.replace(",", mark) for mark in ";\t|"),
        spreadsheet,
        plain.replace("\n", ",\n") + ",,,,,\n",
        ",,,,\n" + plain,
    ):
        for end in ("\n", "\r\n", "\r"):
            for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be"):
                mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
                content = mark + odd.replace("\n", end).encode(encoding)
                (tmp_path / "odd.csv").write_bytes(content)
                pd.testing.assert_frame_equal(read_ratings(tmp_path / "odd.csv"), whole)


def zipped(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, "x")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped("xl/workbook.xml"), "is an Excel workbook"),
        (zipped("content.xml"), "is an OpenDocument file"),
        (zipped("votes.csv"), "is a ZIP archive (votes.csv)"),
        (zipped("votes.csv")[:40], "is a damaged ZIP archive"),
        (b"SQLite format 3\0" + bytes(100), "is an SQLite database"),
        (gzip.compress(b"rater,dataset,image,method,score"), "is compressed by gzip"),
        (b"PAR1" + bytes(20), "is a Parquet table"),
        ("rater,dataset,image,method,score\n".encode("utf-16-le"), "UTF-16 without byte order"),
        (b"\xff\xfer\0a", "begins as UTF-16 text but is damaged"),
        ("score".encode("utf-32"), "is UTF-32 text"),
        (b'{"dis_videos": [{"os": [1, 2]}], "ref_videos": []}', "is a data set of sureal"),
        (b"ref_videos = []\ndis_videos = [{'os': [1, 2]}]", "is a data set of sureal"),
        (b'[{"rater": "a"}]', "is JSON"),
        (b"<!DOCTYPE html>", "is XML or HTML"),
        (b"r0,Set5,baby,HR,5\nr1,Set5,baby,HR,4\n", "first line seems to be a vote"),
        (b"5,4,3\n1,2,3\n", "first line holds grades"),
        (b"# rater,dataset,image,method,score\nr0,Set5,baby,HR,5\n", "starts with #"),
        (b"rater,dataset,image,method,score,score\na,b,c,d,1,2\n", "two columns are called"),
        (b'rater,dataset,image,method,score,"a\nb",c\n', "contains a line break within quotes"),
        (b"\n  \n", "is empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # archives hold the time of day
)  # fmt: skip
def test_what_else_a_file_is_is_said(tmp_path, content, said):
    (tmp_path / "votes.csv").write_bytes(content)
    assert said in refusal(tmp_path / "votes.csv")


@pytest.mark.parametrize("names", [["dataset", "image", "method"], ["rater", "dataset", "method"]])
def test_a_wide_table_is_shown_the_way_and_the_way_works(votes, names):
    key, new = ("rater", "rater") if "rater" not in names else ("image", "image")
    wide = votes.pivot(index=names, columns=key, values="score").reset_index()
    with pytest.raises(RatingsError, match="wide table, with a column for each") as caught:
        check_ratings(wide)
    command = str(caught.value).partition("in pandas: ")[2]
    long = eval(command, {"table": wide})
    assert f"var_name='{new}'" in command
    key_columns = ["rater", "dataset", "image", "method"]
    again = check_ratings(long).set_index(key_columns)["score"].sort_index()
    assert again.equals(check_ratings(votes).set_index(key_columns)["score"].sort_index())


def test_names_that_differ_in_unicode_form_are_one(votes):
    votes["image"] = votes["image"].map({"i000": "b\u00fcste", "i001": "x"})
    votes.loc[votes["rater"] == "r0000", "image"] = [
        unicodedata.normalize("NFD", name) for name in votes.loc[votes["rater"] == "r0000", "image"]
    ]
    assert set(check_ratings(votes)["image"]) == {"b\u00fcste", "x"}


def test_another_encoding_is_named(votes, tmp_path):
    votes["image"] = "büste"
    votes = votes.drop_duplicates(["rater", "method"])
    assert "not UTF-8 text (byte 0xFC in line 2)" in refusal(
        saved(votes, tmp_path, encoding="latin-1")
    )
    marked = read_ratings(saved(votes, tmp_path, encoding="utf-8-sig"))
    assert marked.columns[0] == "rater"


def test_ragged_rows_and_missing_files(tmp_path):
    (tmp_path / "ragged.csv").write_text("rater,dataset,image,method,score\na,b,c,d,1,2,3\n" * 2)
    refusal(tmp_path / "ragged.csv")
    with pytest.raises(RatingsError, match="cannot read"):
        read_ratings(tmp_path / "none.csv")


def test_empty_names_are_refused(votes, tmp_path):
    votes.loc[0, "rater"] = " "
    assert "rater is empty in 1 of 12 rows" in refusal(saved(votes, tmp_path))


def test_a_declared_comparison_of_an_unknown_method_is_refused(votes):
    with pytest.raises(RatingsError, match="srgan, which have no ratings"):
        analyze(votes, family=[("HR", "srgan")])


def test_rows_longer_than_the_header_are_refused_not_shifted(tmp_path):
    path = tmp_path / "ratings.csv"
    rows = [f"r{score},Set5,bird,HR,{score},{score}" for score in range(1, 6)]
    path.write_text("\n".join(["rater,dataset,image,method,score", *rows]))
    assert "rows with more cells than its header" in refusal(path)


def test_a_word_for_simulated_that_is_not_understood_is_refused(votes, tmp_path):
    votes["simulated"] = ["TRUE", "yes", "1.0", "false", "", "0"] * 2
    assert (
        read_ratings(saved(votes, tmp_path))["simulated"].tolist()
        == [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3
    )
    votes.loc[1, "simulated"] = "WAHR"
    message = refusal(saved(votes, tmp_path))
    assert "simulated is neither true nor false in 1 of 12 rows: row 2 ('WAHR')" in message


def test_a_study_without_a_vote_says_so():
    with pytest.raises(RatingsError, match="no ratings yet"):
        check_ratings(pd.DataFrame([]))


def test_a_scale_is_a_number_however_it_is_written(votes):
    stimuli = votes[votes["method"] == "nearest"][["dataset", "image", "method"]]
    scores = stimuli.drop_duplicates().assign(scale=4, protocol="p", metric="m", value=1.0)
    for scale in (4, 4.0, "4", "4.0", "", None):
        tables = analyze(votes.assign(scale=scale), scores, resamples=20)
        assert len(tables["metric_points"]) == 2
    with pytest.raises(ResultsError, match="ratings are of scale 2, the scores of 4"):
        analyze(votes.assign(scale=2), scores)


def test_blanks_after_the_commas_are_passed_over(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("rater, dataset, image, method, score\nr1, Set5, baby, srcnn, 4\n")
    row = read_ratings(path).iloc[0]
    assert (row["dataset"], row["method"], row["score"]) == ("Set5", "srcnn", 4)


def rows(**columns) -> pd.DataFrame:
    """Four votes of two raters on two images, with other columns."""
    return pd.DataFrame(
        {"rater": ["r1", "r1", "r2", "r2"], "dataset": "D", "image": ["i", "j"] * 2,
         "method": "a", "score": [1, 2, 3, 4], **columns}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"score": True}, "score is not a whole number"),
        ({"score": pd.Series([True, 2, 3, 4], dtype=object)}, "score .* 1 of 4 rows"),
        ({"score": np.array([1, 2, 3, 4]) + 0j}, "score is not a whole number"),
        ({"score": pd.to_timedelta([1, 2, 3, 4], unit="ns")}, "score is not a whole number"),
        ({"image": ["i", "i"] * 2, "repetition": ["1", "1.0"] * 2}, "vote occurs twice"),
        ({"image": ["i", "i"] * 2, "repetition": ["2", "02"] * 2}, "vote occurs twice"),
        ({"rater": ["r1", "r1", "r1\u200b", "\ufeffr1"]}, "vote occurs twice"),
        ({"image": ["i", "i.png"] * 2}, "'i.png' and 'i' of D seem to be one"),
        ({"phase": ["main", "main", "gold", "main"], "expected": ["", "", "7", ""]}, "expected is"),
        ({"expected": ["five"] * 4}, "expected is not a grade"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(columns, message):
    with pytest.raises(RatingsError, match=message):
        check_ratings(rows(**columns))


def test_other_spellings_of_the_same_are_read_alike():
    """As R and pandas write them: NA, 1.0 for an image called 1, 4.0 for the scale 4."""
    table = check_ratings(
        rows(
            image=[1.0, 2.0] * 2, scale=["4", "4.0"] * 2, content=["NA", "x"] * 2,
            panel=["nan", "nan", "p", "p"], expected=["NA"] * 4,
        )
    )  # fmt: skip
    assert list(table["image"]) == ["1", "2"] * 2
    assert list(table["content"]) == ["", "x"] * 2
    assert list(table["panel"]) == ["", "", "p", "p"]
    pd.testing.assert_frame_equal(check_ratings(table), table)


def test_the_ninth_repetition_comes_before_the_tenth():
    votes = pd.DataFrame(
        [("r", "D", "i", "a", grade, repetition) for grade, repetition in ((5, 10), (1, 9))],
        columns=["rater", "dataset", "image", "method", "score", "repetition"],
    )
    pairs = retest_pairs(check_ratings(votes))
    assert pairs[["first", "second"]].to_numpy().tolist() == [[1, 5]]
