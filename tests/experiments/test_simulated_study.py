"""run-all --study simulated: from votes to conclusions in one command, marked everywhere."""

import csv
import sqlite3

import numpy as np
import pytest
from skimage import data

from srbench.imaging import write_png
from srbench.study import open_study


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A run of three methods on two small sets, the simulated study after it."""
    for dataset, image in {
        "Tiny": data.chelsea()[60:140, 100:180],
        "Mini": data.coffee()[60:140, 200:280],
    }.items():
        for name, pixels in {"a": image, "b": image[::-1], "c": image[:, ::-1]}.items():
            write_png(tmp_path / f"data/{dataset}/HR/{name}.png", np.ascontiguousarray(pixels))
    return (
        "run-all", "--data", tmp_path / "data", "--datasets", "Tiny,Mini", "--no-lpips",
        "--methods", "nearest,bicubic,espcn", "--out", tmp_path / "r", "--study", "simulated",
    )  # fmt: skip


@pytest.mark.slow
def test_the_whole_chain_and_its_marks(run_cli, refused, command, tmp_path):
    ran = run_cli(*command)
    assert ran.code == 0, ran.err
    assert "SIMULATED, no real ratings" in ran.err
    assert "26 simulated raters on 24 stimuli" in ran.err
    study = tmp_path / "r/study"
    with (study / "ratings.csv").open(newline="") as file:
        ratings = list(csv.DictReader(file))
    assert {row["simulated"] for row in ratings} == {"true"}
    assert len({row["rater"] for row in ratings}) == 26
    main = [row for row in ratings if row["phase"] == "main"]
    assert len(main) == 26 * 2 * 3 * 4  # raters, data sets, images, methods with HR
    analysis = study / "analysis"
    with (analysis / "mos.csv").open(newline="") as file:
        assert {row["simulated"] for row in csv.DictReader(file)} == {"True"}
    page = (analysis / "analysis.html").read_text()
    assert "made by a program, not by people" in page
    assert "psnr_y" in (analysis / "metric_vs_mos.csv").read_text()
    for table in (analysis / "tables").glob("mos*.md"):
        assert "simulated" in table.read_text().lower(), table
    assert open_study(study).manifest.title == "Simulated: no person rated anything"

    # Repeated without a change: it is kept.
    again = run_cli(*command)
    assert "(existed already)" in again.err

    # Stopped before the first simulated rater: it is made again.
    with sqlite3.connect(study / "study.db") as database:
        database.execute("pragma foreign_keys = on")
        database.execute("delete from sessions")
    (analysis / "analysis.html").unlink()
    ran = run_cli(*command)
    assert ran.code == 0, ran.err
    assert "(existed already)" not in ran.err
    assert not list((tmp_path / "r").glob(".study*"))

    # A study with real raters is never replaced.
    with sqlite3.connect(study / "study.db") as database:
        database.execute("update sessions set simulated = 0 where id = 1")
    assert "it was not changed" in refused(*command)


def test_another_kind_of_study_is_refused(refused, tmp_path):
    assert "known are: simulated" in refused("run-all", "--study", "real", "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_pairs_and_degradation_go_the_same_way(run_cli, refused, command, tmp_path):
    asked = ("--procedure", "pair", "--compare", "espcn:*")
    ran = run_cli(*command, *asked)
    assert ran.code == 0, ran.err
    study, analysis = tmp_path / "r/study", tmp_path / "r/study/analysis"
    with (study / "ratings.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    main = [row for row in rows if row["phase"] == "main"]
    assert len(main) == 26 * 2 * 3 * 6  # raters, data sets, images, pairs of four versions
    assert {(row["procedure"], row["simulated"]) for row in rows} == {("pair", "true")}
    first = [row["first"] for row in main]
    assert abs(first.count("a") - first.count("b")) < 0.06 * len(main)
    with (analysis / "scale.csv").open(newline="") as file:
        scale = {(r["dataset"], r["method"]): float(r["score"]) for r in csv.DictReader(file)}
    assert max(scale, key=lambda key: scale[key])[1] == "HR"
    # The declared comparisons are tested, here and in later analyses.
    again = run_cli("study", "analyze", study, "--out", tmp_path / "again")
    assert again.code == 0, again.err
    for folder in (analysis, tmp_path / "again"):
        with (folder / "pairwise.csv").open(newline="") as file:
            tests = [row for row in csv.DictReader(file) if row["dataset"] == "all"]
        declared = {r["note"].startswith("exploratory") for r in tests if "espcn" in r.values()}
        assert declared == {False}
        assert len(tests) > len([row for row in tests if "espcn" in row.values()])
    assert "declared the comparisons espcn:*" in refused(
        "study", "analyze", study, "--compare", "bicubic:*", "--out", tmp_path / "other"
    )

    ran = run_cli(*command, "--procedure", "dcr")
    assert ran.code == 0, ran.err
    with (study / "ratings.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["phase"] == "main"]
    assert {row["method"] for row in rows} == {"nearest", "bicubic", "espcn"}
    assert not (analysis / "scale.csv").exists()


def test_what_is_asked_belongs_to_a_study(refused, tmp_path):
    asked = ("--procedure", "pair", "--out", tmp_path / "r")
    assert "add --study simulated" in refused("run-all", *asked)
