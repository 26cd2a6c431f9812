"""A package is complete, contains no names of raters, and gives the same analysis."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_answers import simulate_answers
from simulated_ratings import simulate

from srbench.publishing import Analysed, Statement, write_package
from srbench.publishing.codebook import described
from srbench.stats.reading import read_study_table

SAID = Statement("CC-BY-4.0", "Kim 2026", ["A. Kim", "B. Lee"], "2026-11-27", "Test")
METHODS = {"bicubic": 1.8, "srgan": 3.4, "HR": 4.4}


def grades(rng) -> pd.DataFrame:
    votes = simulate(rng, 5, {"Set5": 4}, METHODS).replace({"method": {"HR": "GT"}})
    return votes.assign(rater="Ann " + votes["rater"], email="ann@example.org")


def pairs(rng) -> pd.DataFrame:
    return simulate_answers(rng, 5, {"Set5": 4}, METHODS).assign(rated_at="2026-11-27T10:00:00")


@pytest.fixture(params=[grades, pairs], ids=["grades", "pairs"], scope="module")
def packed(request, tmp_path_factory):
    """A ratings file and its package."""
    folder = tmp_path_factory.mktemp("packed")
    request.param(np.random.default_rng(3)).to_csv(folder / "given.csv", index=False)
    made = write_package(
        folder / "given.csv", folder / "p.zip", SAID, analysed=Analysed(resamples=100)
    )
    return folder, made


def unpacked(package: Path, into: Path) -> Path:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(into)
    return into


@pytest.mark.slow
def test_analysing_the_package_gives_its_results_to_the_byte(packed, run_cli, tmp_path):
    folder, _ = packed
    ran = run_cli(
        *("study", "analyze", "--ratings", folder / "p.zip", "--out", tmp_path / "again"),
        *("--resamples", 100),
    )
    assert ran.code == 0, ran.err
    results = unpacked(folder / "p.zip", tmp_path / "p") / "results"
    files = {f.relative_to(results) for f in results.rglob("*") if f.is_file()}
    again = {f.relative_to(tmp_path / "again") for f in (tmp_path / "again").rglob("*.*")}
    assert files == again
    assert len(files) > 20
    for file in files:
        assert (results / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file


@pytest.mark.slow
def test_nobody_is_named_and_what_nobody_described_stays_out(packed):
    folder, made = packed
    given, public = read_study_table(folder / "given.csv"), read_study_table(folder / "p.zip")
    names = set(public["rater"])
    assert len(names) == given["rater"].nunique() == 5
    assert all(re.fullmatch(r"r-[2-9a-z]{8}", name) for name in names)
    with zipfile.ZipFile(folder / "p.zip") as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    for word in (b"Ann ", b"ann@example", b"T10:00"):
        assert word not in everything
    assert any("columns left out: " in note for note in made.notes)
    assert any("'GT' is taken for the" in note for note in made.notes) == ("method" in given)
    key = [c for c in ("dataset", "image", "method", "method_a", "method_b", "answer", "score")
           if c in given]  # fmt: skip
    assert public[key].value_counts().to_dict() == given[key].value_counts().to_dict()
    assert public.groupby("rater").size().tolist() == given.groupby("rater").size().tolist()


@pytest.mark.slow
def test_the_readme_lists_only_what_the_package_contains(packed):
    with zipfile.ZipFile(packed[0] / "p.zip") as archive:
        table = archive.read("README.md").decode().split("## Files")[1].split("##")[0]
        listed = re.findall(r"`([^`]+)`", table)
        assert len(listed) > 5
        for path in listed:
            assert any(
                Path(name).match(path) or name.startswith(path) for name in archive.namelist()
            )


@pytest.mark.slow
def test_the_codebook_tells_every_column_of_every_table(packed):
    folder, _ = packed
    with zipfile.ZipFile(folder / "p.zip") as archive:
        book = pd.read_csv(io.BytesIO(archive.read("documentation/codebook.csv")))
        told = set(zip(book["table"], book["column"], strict=True))
        for name in archive.namelist():
            if name.endswith(".csv"):
                header = next(csv.reader(io.StringIO(archive.read(name).decode())))
                short = {"data/study-ratings_data.csv": "ratings"}.get(name, name[:-4])
                short = "stimuli" if "description-stimuli" in short else short
                assert {(short, column) for column in header} <= told
        described_by_psych_ds = json.loads(archive.read("dataset_description.json"))
    assert book["description"].str.len().min() > 3
    assert {v["name"] for v in described_by_psych_ds["variableMeasured"]} >= {"rater", "dataset"}
    assert described_by_psych_ds["@type"] == "Dataset"
    assert described_by_psych_ds["license"] == "CC-BY-4.0"


@pytest.mark.slow
def test_croissant_s_own_library_finds_no_fault_and_reads_the_records(packed, tmp_path):
    mlc = pytest.importorskip("mlcroissant")
    folder, _ = packed
    place = unpacked(folder / "p.zip", tmp_path / "p")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        described = mlc.Dataset(jsonld=str(place / "metadata.json"))
        found = described.metadata.issues
        records = list(described.records("ratings"))
    assert not found.errors
    assert {w for w in found.warnings if "url" not in w} == set()
    table = read_study_table(folder / "p.zip")
    assert len(records) == len(table)
    column = "score" if "score" in table else "answer"
    first = records[0][f"ratings/{column}"]
    assert (first.decode() if isinstance(first, bytes) else first) == table[column].iloc[0]
    assert not records[0]["ratings/simulated"]


def test_a_package_needs_its_owner_s_word(refused, tmp_path):
    grades(np.random.default_rng(0)).to_csv(tmp_path / "v.csv", index=False)
    line = refused("study", "package", "--ratings", tmp_path / "v.csv", "--out", tmp_path / "p.zip")
    assert all(option in line for option in ("--licence", "--citation", "--creator"))
    line = refused(
        *("study", "package", "--ratings", tmp_path / "v.csv", "--out", tmp_path / "p.zip"),
        *("--licence", "CC0-1.0", "--citation", "x", "--creator", "y", "--stimuli"),
    )
    assert "has no pictures" in line
    line = refused(
        *("study", "package", "--ratings", tmp_path / "v.csv", "--out", tmp_path / "p.zip"),
        *("--licence", "CC0-1.0", "--citation", "x", "--creator", "y", "--published", "soon"),
    )
    assert "expected a day" in line
    assert list(tmp_path.iterdir()) == [tmp_path / "v.csv"]


def test_every_column_of_an_export_is_described_or_private():
    from srbench.study.manifest import Use
    from srbench.study.procedure import procedure
    from srbench.study.ratings import columns

    for asks in (procedure("acr"), procedure("pair", "side"), procedure("dcr", "place")):
        exported = columns(asks, Use(gold=0.5))
        assert set(exported) - set(described("ratings")) == {"rated_at"}


def test_a_day_is_written_in_one_way():
    assert Statement("CC0", "Kim", ["Kim"], "20261127").published == "2026-11-27"
