"""The ratings table is restored exactly by an import, and formulas stay text."""

from __future__ import annotations

import csv
import io
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.csv_cells import guard, unguard
from srbench.errors import RatingsError, StudyError
from srbench.study.importing import import_ratings
from srbench.study.ratings import export_ratings, ratings_csv, ratings_rows
from srbench.study.simulate import simulate
from srbench.study.status import study_status
from srbench.study.store import open_study, utc_now


@given(st.text())
def test_the_guard_is_undone_exactly_and_leaves_no_formula(cell):
    assert unguard(guard(cell)) == cell
    shown = guard(cell).lstrip(" \t\r\n\v\f\0\u200b\ufeff\u3000\xa0")
    assert not shown.startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
    assert not guard(cell).startswith(("\t", "\r", "\n"))


@pytest.mark.parametrize(
    "blank", ["", " ", "\n", "\r\n", "\t", "\xa0", "\u3000", "\u200b", "\ufeff"]
)
@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_signs_of_every_width_are_guarded_behind_what_is_not_seen(blank, sign):
    cell = f"{blank}{sign}HYPERLINK(1)"
    assert guard(cell) == "'" + cell
    assert unguard(guard(cell)) == cell


@pytest.mark.parametrize("cell", ["", " ", "anna", "a=1", "SRResNet-MSE", "東京", "5"])
def test_ordinary_text_is_written_as_it_is(cell):
    assert guard(cell) == cell


@pytest.fixture
def exported(study, tmp_path):
    simulate(study.store, 3, seed=1)
    export_ratings(study.store, tmp_path / "ratings.csv")
    return tmp_path / "ratings.csv"


def test_the_table_has_the_contracts_columns_in_order(exported):
    header, first = exported.read_text().splitlines()[:2]
    assert header.startswith(
        "rater,dataset,image,method,score,repetition,phase,response_ms,rated_at"
    )
    assert first.startswith("sim-1-001,Practice,")
    assert b"\r" not in exported.read_bytes()


def test_a_round_trip_into_another_database_is_identical(study, exported, folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("study.db*"))
    other = open_study(copy)
    result = import_ratings(other.store, exported)
    assert (result.raters, result.votes, result.repeated) == (3, 120, 0)
    assert ratings_csv(other.store) == exported.read_text()
    again = import_ratings(other.store, exported)
    assert (again.votes, again.repeated) == (0, 120)
    assert import_ratings(study.store, exported).repeated == 120


def test_extra_columns_are_kept_and_stay_harmless(study, tmp_path):
    stimulus = study.manifest.by_id[study.manifest.main[0]]
    comment = '=HYPERLINK("http://x")\n'
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["rater", "dataset", "image", "method", "score", "note", "-odd"])
    writer.writerow(
        [guard(c) for c in ("+anna", stimulus.dataset, stimulus.image, stimulus.method.upper())]
        + ["4", guard(comment), "'"]
    )
    (tmp_path / "in.csv").write_text(out.getvalue())
    import_ratings(study.store, tmp_path / "in.csv")
    (row,) = ratings_rows(study.store)
    assert (row["rater"], row["score"], row["phase"], row["note"]) == ("+anna", 4, "main", comment)
    table = list(csv.reader(io.StringIO(ratings_csv(study.store))))
    assert table[0][-2:] == ["'-odd", "note"]
    assert table[1][0] == "'+anna"
    assert table[1][-1] == "'" + comment


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("score", "6"), "score 6, expected 1, 2, 3, 4 or 5"),
        (("score", "3.5"), "not a whole number"),
        (("score", "nan"), "not a whole number"),
        (("score", "0_5"), "not a whole number"),
        (("score", "\u0664"), "not a whole number"),  # an Arabic 4, refused by the analysis too
        (("image", "unknown"), "is not a stimulus of this study"),
        (("phase", "warmup"), "phase 'warmup'"),
        (("rater", ""), "1 to 80 letters"),
        (("study", "abc"), "from study abc"),
        (("trial", "1"), "a second vote"),
        (("trial", "1e99"), "not a whole number"),
        (("pixel_ratio", "two"), "not a number"),
        (("pixel_ratio", "inf"), "not a number"),
        (("simulated", "WAHR"), "'WAHR' is not true or false"),
        (("rated_at", "x" * 41), "is not a time"),
        (("rated_at", "yesterday"), "is not a time"),
        (("response_ms", "-5"), "not a whole number from 0 up"),
        (("response_ms", "1_000"), "not a whole number"),
        (("trial", "-1"), "not a whole number from 0 up"),
        (("rater", "a\nb"), "without control characters"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_imported(
    study, exported, folder, tmp_path, change, message
):
    column, value = change
    table = list(csv.reader(io.StringIO(exported.read_text())))
    table[1][table[0].index(column)] = value
    bad = tmp_path / "bad.csv"
    with bad.open("w", newline="") as stream:
        csv.writer(stream).writerows(table)
    before = ratings_csv(study.store)
    with pytest.raises(StudyError, match=message):
        import_ratings(study.store, bad)
    assert ratings_csv(study.store) == before


def test_a_table_without_a_vote_is_refused(study, exported, tmp_path):
    (tmp_path / "bad.csv").write_text(exported.read_text().splitlines()[0] + "\n")
    with pytest.raises(StudyError, match="holds no vote"):
        import_ratings(study.store, tmp_path / "bad.csv")


def test_a_table_that_contradicts_a_stored_vote_is_refused(study, exported, tmp_path):
    lines = exported.read_text().splitlines()
    cells = lines[1].split(",")
    cells[4] = str(6 - int(cells[4])) if cells[4] != "3" else "1"
    (tmp_path / "bad.csv").write_text("\n".join([lines[0], ",".join(cells)]) + "\n")
    with pytest.raises(StudyError, match="votes are never altered"):
        import_ratings(study.store, tmp_path / "bad.csv")


def test_an_erased_rater_does_not_come_back_by_an_import(study, exported):
    study.store.erase("sim-1-002")
    with pytest.raises(StudyError, match="'sim-1-002' has withdrawn"):
        import_ratings(study.store, exported)


def test_files_that_are_no_ratings_are_refused(study, tmp_path):
    bad = tmp_path / "bad.csv"
    with pytest.raises(RatingsError, match="does not exist"):
        import_ratings(study.store, bad)
    bad.write_text("rater,score\na,1\n")
    with pytest.raises(StudyError, match="lacks the columns dataset, image, method"):
        import_ratings(study.store, bad)
    bad.write_text("rater,dataset,image,method,score\na,b\n")
    with pytest.raises(StudyError, match="line 2: 2 cells, expected 5"):
        import_ratings(study.store, bad)
    bad.write_bytes(b"rater,dataset,image,method,score\n\xff\xfe")
    with pytest.raises(RatingsError, match="not UTF-8 text"):
        import_ratings(study.store, bad)


def test_simulated_votes_say_so_in_every_row_even_after_a_round_trip(study, exported):
    rows = ratings_rows(study.store)
    assert all(row["simulated"] and row["rater"].startswith("sim-") for row in rows)
    assert all(row["rated_at"].startswith("2000-") for row in rows)


def table_of(study, path, rows, header="rater,dataset,image,method,score"):
    """A table of (rater, number of the main stimulus, further cells)."""
    by_id, main = study.manifest.by_id, study.manifest.main
    stimuli = [by_id[main[number]] for _, number, _ in rows]
    lines = [
        f"{rater},{s.dataset},{s.image},{s.method},{more}"
        for (rater, _, more), s in zip(rows, stimuli, strict=True)
    ]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_a_later_table_of_the_same_raters_adds_what_is_new(study, tmp_path):
    file = tmp_path / "in.csv"
    import_ratings(study.store, table_of(study, file, [("anna", 0, 3), ("anna", 1, 4)]))
    later = [("anna", 0, 3), ("anna", 1, 4), ("anna", 2, 5), ("berta", 0, 1)]
    found = import_ratings(study.store, table_of(study, file, later))
    assert (found.raters, found.votes, found.repeated) == (1, 2, 2)
    assert [r["score"] for r in ratings_rows(study.store)] == [3, 4, 5, 1]
    before = ratings_csv(study.store)
    with pytest.raises(StudyError, match="line 3: rater 'anna' is in the study with another vote"):
        import_ratings(study.store, table_of(study, file, [*later[:1], ("anna", 1, 5)]))
    again = table_of(study, file, [("anna", 0, "3,9")], "rater,dataset,image,method,score,trial")
    with pytest.raises(StudyError, match="votes are never altered"):
        import_ratings(study.store, again)
    assert ratings_csv(study.store) == before


def test_nothing_is_added_to_a_rater_who_rates_here(study, exported, tmp_path):
    rows = exported.read_text().splitlines()
    line = rows[1].split(",")
    line[rows[0].split(",").index("trial")] = "99"
    line[rows[0].split(",").index("repetition")] = "7"
    (tmp_path / "more.csv").write_text("\n".join([rows[0], ",".join(line)]))
    with pytest.raises(StudyError, match="rates in this study and has no such vote"):
        import_ratings(study.store, tmp_path / "more.csv")


def test_two_votes_on_one_picture_need_numbered_repetitions(study, tmp_path):
    # Stored without, they could never be analysed: the statistics refuse copies.
    file, twice = tmp_path / "in.csv", [("anna", 0, "3"), (" anna", 0, "4")]
    with pytest.raises(StudyError, match="second vote of rater 'anna' for this picture"):
        import_ratings(study.store, table_of(study, file, twice))
    numbered = [("anna", 0, "3,1"), ("anna", 0, "4,2")]
    table_of(study, file, numbered, "rater,dataset,image,method,score,repetition")
    assert import_ratings(study.store, file).votes == 2


def test_simulated_votes_stay_simulated_however_it_is_written(study, tmp_path):
    rows = [("a", 0, "3,yes"), ("b", 0, "3,1.0"), ("c", 0, "3, TRUE"), ("d", 0, "3,no")]
    header = "rater,dataset,image,method,score,simulated"
    import_ratings(study.store, table_of(study, tmp_path / "in.csv", rows, header))
    assert [row["simulated"] for row in ratings_rows(study.store)] == [True, True, True, False]


def test_columns_are_kept_whatever_their_name_and_never_twice(study, tmp_path):
    header = "rater,dataset,image,method,score,_line,_vote"
    file = table_of(study, tmp_path / "in.csv", [("a", 0, "3,x,y")], header)
    import_ratings(study.store, file)
    (row,) = ratings_rows(study.store)
    assert (row["_line"], row["_vote"]) == ("x", "y")
    table_of(study, file, [("b", 0, "3,4")], "rater,dataset,image,method,score,score")
    with pytest.raises(StudyError, match="two columns 'score'"):
        import_ratings(study.store, file)


def test_a_table_of_another_program_is_read_where_nothing_is_guessed(study, tmp_path):
    file = table_of(study, tmp_path / "in.csv", [("zo\u0065\u0301", 0, "3"), ("b", 1, "4")])
    plain = file.read_text()
    assert import_ratings(study.store, file).votes == 2
    for odd in (
        "# exported\n\n" + plain.replace("score", "Score "),
        "sep=;\n" + plain.replace(",", ";") + ";;;;\n",
        plain.replace(",", "\t").replace("zo\u0065\u0301", "zo\u00e9"),
    ):
        for encoding in ("utf-8-sig", "utf-16"):
            file.write_bytes(odd.encode(encoding))
            found = import_ratings(study.store, file)
            assert (found.votes, found.repeated) == (0, 2)
    file.write_text("# a title\n\n" + plain.replace(",3\n", ",9\n"))
    with pytest.raises(StudyError, match=r"in.csv, line 4: score 9"):
        import_ratings(study.store, file)
    file.write_bytes(b"SQLite format 3\0")
    with pytest.raises(RatingsError, match="is an SQLite database"):
        import_ratings(study.store, file)


def one_vote(study, tmp_path, **more):
    """A table with one vote of a main picture, and more columns or other cells."""
    stimulus = study.manifest.by_id[study.manifest.main[0]]
    row = {"rater": "r1", "dataset": stimulus.dataset, "image": stimulus.image,
           "method": stimulus.method, "score": 4, **more}  # fmt: skip
    with (tmp_path / "one.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    return tmp_path / "one.csv"


def test_what_other_programs_write_is_understood(study, tmp_path):
    """R's NA, the file name of an image, upper case, blanks and invisible marks."""
    image = study.manifest.by_id[study.manifest.main[0]].image
    cells = {
        "phase": "Main ",
        "image": f"{image}.png",
        "repetition": "NA",
        "response_ms": "NA",
        "rated_at": "NA",
        "pixel_ratio": "nan",
        "scale": "4.0",
        "rater": "\ufeffr1 ",
    }
    assert import_ratings(study.store, one_vote(study, tmp_path, **cells)).votes == 1
    (row,) = ratings_rows(study.store)
    assert (row["rater"], row["image"], row["phase"]) == ("r1", image, "main")
    assert (row["response_ms"], row["rated_at"], row["pixel_ratio"]) == (None, None, None)


def test_votes_of_another_scale_or_of_practice_pictures_do_not_enter_the_study(study, tmp_path):
    practice = study.manifest.by_id[study.manifest.calibration[0].stimulus]
    names = {"dataset": practice.dataset, "image": practice.image, "method": practice.method}
    for cells, said in (
        ({"scale": 2}, "of scale 2, the pictures of this study are of scale 4"),
        ({**names, "phase": "main"}, "only in the phase training"),
        ({**names, "phase": "retest"}, "only in the phase training"),
    ):
        with pytest.raises(StudyError, match=said):
            import_ratings(study.store, one_vote(study, tmp_path, **cells))
    assert not ratings_rows(study.store)


def test_times_of_other_zones_are_shown_in_utc(study, tmp_path):
    given = "2026-11-27T03:04:05+09:00"
    import_ratings(study.store, one_vote(study, tmp_path, rated_at=given))
    (rater,) = study_status(study.store, utc_now()).raters
    assert rater.last_vote is not None
    assert rater.last_vote.startswith("2026-11-26T18:04:05")
    assert ratings_rows(study.store)[0]["rated_at"] == given  # votes are never altered
