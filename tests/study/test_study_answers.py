"""The table of raters, screens and answers; and the commands about words and the password."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

from srbench.study.answers import answers_csv, export_answers
from srbench.study.keys import PASSWORD_VARIABLE, check_password, read_codes
from srbench.study.simulate import simulate
from srbench.study.texts import catalogue_source

ROOT = Path(__file__).resolve().parents[2]


def test_answers_and_screens_stand_in_one_row_per_rater(study):
    store = study.store
    session, _ = store.enter(code=read_codes(study.folder)[0])
    store.confirm(session, "consent", {"language": "ko"})
    store.confirm(session, "questionnaire", {"age": "30 to 44", "sight": "=2+2", "none": "x"})
    store.confirm(session, "display", {"pixel_ratio": 1.5, "screen_width": 1366})
    simulate(store, 1, seed=1)
    first, second = csv.DictReader(io.StringIO(answers_csv(store)))
    assert list(first) == [
        "rater", "simulated", "began_at", "consented_at", "consent_language", "finished_at",
        "pixel_ratio", "window_width", "window_height", "screen_width", "screen_height",
        "age", "sight", "experience",
    ]  # fmt: skip
    assert (first["rater"], first["simulated"], first["finished_at"]) == (
        session.rater,
        "false",
        "",
    )
    assert first["began_at"] < first["consented_at"]
    assert first["consent_language"] == "ko"
    assert (first["pixel_ratio"], first["screen_width"]) == ("1.5", "1366")
    assert (first["age"], first["sight"], first["experience"]) == ("30 to 44", "'=2+2", "")
    assert (second["rater"], second["simulated"]) == ("sim-1-001", "true")


def test_an_erased_raters_answers_are_gone(study, tmp_path):
    store = study.store
    session, _ = store.enter(code=read_codes(study.folder)[0])
    store.confirm(session, "consent")
    store.confirm(session, "questionnaire", {"age": "30 to 44"})
    assert export_answers(store, tmp_path / "answers.csv") == 1
    store.erase(session.rater)
    assert export_answers(store, tmp_path / "answers.csv") == 0
    assert "30 to 44" not in (tmp_path / "answers.csv").read_text()


def test_the_texts_command_prints_the_catalogue(run_cli):
    ran = run_cli("study", "texts")
    assert (ran.code, ran.out) == (0, catalogue_source())


def test_the_password_command_prints_one_line_for_the_environment():
    def ask(typed):
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "srbench", "study", "password"],
            input=typed, capture_output=True, text=True, cwd=ROOT, start_new_session=True,
        )  # fmt: skip

    done = ask("correct horse\ncorrect horse\n")
    name, _, stored = done.stdout.strip().partition("=")
    assert (done.returncode, name) == (0, PASSWORD_VARIABLE)
    assert check_password("correct horse", stored)
    assert "correct" not in done.stdout
    assert not set(stored) & set("$`\"' ;&")
    short = ask("short\nshort\n")
    assert (short.returncode, short.stdout) == (2, "")
    assert "5 letters, expected 8 or more" in short.stderr


def test_what_a_page_cannot_have_measured_or_typed_is_not_stored(study, tmp_path):
    """Half a surrogate pair in a text would stop every export; PostgreSQL refuses NaN."""
    store = study.store
    session, _ = store.enter(code=store.invite(1)[0])
    store.confirm(session, "consent")
    question = study.manifest.questionnaire[0].id
    store.confirm(session, "questionnaire", {question: "a\ud800b\0"})
    numbers = {"pixel_ratio": float("nan"), "window_width": 10**30, "window_height": 700}
    store.confirm(session, "display", numbers)
    assert export_answers(store, tmp_path / "a.csv") == 1
    (row,) = csv.DictReader((tmp_path / "a.csv").open(encoding="utf-8"))
    assert row[question] == "a?b"
    assert (row["pixel_ratio"], row["window_width"], row["window_height"]) == ("", "", "700")


def test_an_export_that_fails_in_part_writes_nothing(folder, refused, tmp_path):
    (tmp_path / "file").write_text("no folder")
    line = refused(
        *("study", "export", folder, "--out", tmp_path / "votes.csv"),
        *("--answers", tmp_path / "file" / "answers.csv"),
    )
    assert "file is a file, not a folder" in line
    assert {path.name for path in tmp_path.iterdir()} == {"file", "study"}
