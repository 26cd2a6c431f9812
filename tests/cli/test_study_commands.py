"""The study commands in sequence: from a results folder to conclusions, with simulated votes."""

import csv
import hashlib
import io
import json
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from skimage import data

from srbench.imaging import write_png
from srbench.stats import read_ratings


def _stimuli(archive):
    return next(name for name in archive.namelist() if "description-stimuli" in name)


@pytest.fixture
def results(run_cli, tmp_path, monkeypatch):
    photos = {"cat": data.chelsea(), "coffee": data.coffee(), "rocket": data.rocket()}
    for name, image in photos.items():
        write_png(tmp_path / f"data/Mini/HR/{name}.png", image[60:140, 100:220].copy())
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    ran = run_cli("run-all", "--datasets", "Mini", "--methods", "nearest,bicubic", "--no-lpips")
    assert ran.code == 0, ran.err
    return tmp_path / "results"


@pytest.mark.slow
def test_from_results_to_conclusions(run_cli, refused, results, tmp_path):
    made = run_cli("study", "new", "--from", results, "--out", "study", "--raters", 6)
    assert made.code == 0, made.err
    assert "9 stimuli: 3 contents" in made.out
    assert "srbench study serve study" in made.out
    assert "is not empty" in refused("study", "new", "--from", results, "--out", "study")
    simulated = run_cli("study", "simulate", "study", "--raters", 6, "--seed", 3)
    assert "6 simulated raters" in simulated.out
    status = run_cli("study", "status", "study")
    assert "(simulated)" in status.out
    assert "102 votes from 6 raters; each stimulus has 0 votes from people" in status.out

    assert run_cli("study", "export", "study", "--out", "votes.csv").code == 0
    with (tmp_path / "votes.csv").open(newline="") as file:
        votes = list(csv.DictReader(file))
    assert {vote["simulated"] for vote in votes} == {"true"}
    assert {vote["method"] for vote in votes} == {"HR", "nearest", "bicubic"}
    again = run_cli("study", "import", "study", "votes.csv")
    assert f"0 votes of 0 raters added, {len(votes)} already there" in again.out

    analyzed = run_cli(
        "study", "analyze", "study", "--scores", results / "scores.csv", "--out", "a",
        "--resamples", 200,
    )  # fmt: skip
    assert analyzed.code == 0, analyzed.err
    assert "SIMULATED: no person rated anything" in analyzed.out
    assert re.search(r"bicubic +\d\.\d\d +\d\.\d\d +\d\.\d\d", analyzed.out)
    from_file = run_cli(
        "study", "analyze", "--ratings", "votes.csv", "--out", "b", "--resamples", 200
    )
    assert from_file.code == 0, from_file.err
    assert (tmp_path / "a/mos.csv").read_bytes() == (tmp_path / "b/mos.csv").read_bytes()
    assert (tmp_path / "a/metric_vs_mos.csv").is_file()
    assert "icc_a1" in json.loads((tmp_path / "a/reliability.json").read_text())
    page = (tmp_path / "a/analysis.html").read_text()
    assert "Simulated ratings" in page

    said = ("--licence", "CC-BY-4.0", "--citation", "Kim 2026", "--creator", "A. Kim")
    packed = run_cli("study", "package", "study", "--out", "p.zip", *said, "--resamples", 200)
    assert packed.code == 0, packed.err
    assert "102 votes" in packed.out
    line = refused("study", "import", "copy", "p.zip")
    assert "holds no pictures" in line
    assert not (tmp_path / "copy").exists()
    packed = run_cli(
        *("study", "package", "study", "--out", "p.zip", *said, "--resamples", 200, "--stimuli"),
        *("--scores", results / "scores.csv", "--database", f"sqlite:///{tmp_path}/study/study.db"),
    )
    assert "their own licences" in packed.out
    unpacked = run_cli("study", "import", "copy", "p.zip")
    assert "102 votes of 6 raters added" in unpacked.out, unpacked.err
    again = ("study", "analyze", "copy", "--scores", results / "scores.csv", "--out", "c")
    assert run_cli(*again, "--resamples", 200).code == 0
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        made = [name for name in archive.namelist() if name.startswith("results/")]
        for name in made:
            own = tmp_path / "c" / name.removeprefix("results/")
            assert own.read_bytes() == archive.read(name), name
        shown = list(csv.DictReader(io.TextIOWrapper(archive.open(_stimuli(archive)), "utf-8")))
        for each in shown:
            picture = archive.read(f"materials/stimuli/{each['stimulus']}.png")
            assert hashlib.sha256(picture).hexdigest() == each["sha256"]
    assert len(made) > 30
    assert {each["phases"] for each in shown} == {"main", "training"}

    rater = votes[0]["rater"]
    # A participant id comes from the address, so anyone can make it a formula.
    with (tmp_path / "strangers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(votes[0]))
        writer.writeheader()
        writer.writerows({**v, "rater": "'=1+2"} for v in votes if v["rater"] == rater)
    assert run_cli("study", "import", "study", "strangers.csv").code == 0
    assert run_cli("study", "export", "study", "--out", "all.csv").code == 0
    assert "\n=1+2" not in (tmp_path / "all.csv").read_text()
    assert "=1+2" in set(read_ratings(tmp_path / "all.csv")["rater"])

    erased = run_cli("study", "erase", "study", "--rater", rater)
    assert f"votes of {rater}" in erased.out
    assert "1 rater withdrew" in run_cli("study", "status", "study").out


def test_what_cannot_be_analyzed_is_refused(refused, tmp_path):
    assert "either the study's folder or --ratings" in refused("study", "analyze")
    (tmp_path / "r.csv").write_text("rater,image,method,score\na,b,c,3\n")
    line = refused("study", "analyze", "--ratings", tmp_path / "r.csv", "--out", tmp_path / "o")
    assert "dataset" in line
    assert not (tmp_path / "o").exists()
    assert "study" in refused("study", "status", tmp_path / "none")


def test_numbers_that_make_no_sense_are_refused(run_cli, refused, results, tmp_path):
    assert run_cli("study", "new", "--from", results, "--out", "study").code == 0
    assert "no ratings yet" in refused("study", "analyze", "study", "--out", "a")
    assert "per rater is" in refused(
        "study", "new", "--from", results, "--out", "s2", "--per-rater", 0
    )
    simulate = ("study", "simulate", "study", "--raters", 2)
    assert "negative" in refused(*simulate, "--seed", -1)
    assert "negative" in refused(*simulate, "--seed", 1, "--careless", -1)
    assert "the seed is -1" in refused("study", "plan", "--seed", -1)
    assert "--seed" in refused("study", "analyze", "study", "--seed", -1)


def test_simulated_raters_are_as_many_as_planned(run_cli, refused, results):
    made = run_cli("study", "new", "--from", results, "--out", "study", "--raters", 4)
    assert made.code == 0, made.err
    done = run_cli("study", "simulate", "study")
    assert "4 simulated raters" in done.out
    assert "as many as planned; seed 0" in done.out
    assert (
        "planned: 4 raters, at least 4 votes for each stimulus"
        in run_cli("study", "status", "study").out
    )
    assert "choose another seed (--seed)" in refused("study", "simulate", "study")


def test_planning_prints_power_and_draws_it(run_cli, refused, tmp_path):
    ran = run_cli(
        "study", "plan", "--difference", 1, "--images", "5,14", "--raters", "5,20",
        "--out", tmp_path / "power.png",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "would find a MOS difference of 1 (significant at 5 %, a single comparison)" in ran.out
    assert "raters needed for 80 %" in " ".join(ran.out.split())
    assert (tmp_path / "power.png").stat().st_size > 1000
    assert "whole numbers" in refused("study", "plan", "--images", "five")
    assert "expected .png or .pdf" in refused("study", "plan", "--out", tmp_path / "power.txt")


def test_declared_comparisons_and_a_margin(tmp_path, run_cli, refused):
    from simulated_ratings import simulate

    quality = {"nearest": 1.5, "bicubic": 2.4, "HR": 4.6}
    ratings = tmp_path / "ratings.csv"
    simulate(np.random.default_rng(0), 6, {"Set5": 4}, quality).to_csv(ratings, index=False)
    out = tmp_path / "analysis"
    given = ("study", "analyze", "--ratings", ratings, "--out", out)
    ran = run_cli(*given, "--compare", "hr:*", "--equivalent", 0.5)
    assert ran.code == 0, ran.err
    table = pd.read_csv(out / "equivalence.csv")
    assert set(table["method_a"]) == {"HR"}
    assert "within 0.5 grades" in (out / "analysis.html").read_text(encoding="utf-8")
    assert "exploratory" in (out / "tables" / "mos_pairs.md").read_text(encoding="utf-8")
    assert "'HR:x' names no method" in refused(*given, "--compare", "HR:x")
    assert "margin" in refused(*given, "--equivalent", 0)
