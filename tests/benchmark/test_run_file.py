"""run.json and users' files: every wrong type and nesting gives a one-line error."""

from __future__ import annotations

import json

import pytest

from srbench.benchmark.results import ResultsFolder, Score, write_scores
from srbench.config import read_experiment
from srbench.errors import ConfigError, ResultsError, StudyError
from srbench.study.texts import read_wording
from srbench.training import read_recipe

ENTRIES = (
    "border", "crops", "protocols", "lpips", "methods", "datasets", "trained_on_metric", "missing",
    "versions", "device", "system", "last_run",
)  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("value", [5, [5], {"x4": 5}, [[]], {"x4": {"a": 5}}, True])
def test_an_entry_of_another_kind_is_one_line(tmp_path, refused, run_cli, entry, value):
    write_scores(
        tmp_path / "scores.csv", [Score("Set5", "a", "bicubic", 4, "matlab", "psnr_y", 28)]
    )
    (tmp_path / "run.json").write_text(json.dumps({entry: value}))
    ran = run_cli("report", "--out", tmp_path)
    fine = (entry == "last_run" and isinstance(value, dict)) or (
        # an empty record, or one whose inner values are not used
        entry == "datasets" and value == {"x4": {}}
    )
    if fine:
        assert ran.code == 0, ran.err
    else:
        line = refused("report", "--out", tmp_path)
        assert f"run.json: {entry}" in line
        assert "move it away and run again" in line


def test_what_is_missing_from_a_gap_is_no_reason_to_refuse(tmp_path):
    (tmp_path / "run.json").write_text('{"missing": [{"method": "srcnn"}]}')
    (gap,) = ResultsFolder(tmp_path).read_run()["missing"]
    assert gap["scale"] is None


DEEP = "[" * 50_000


def test_json_nested_too_deeply_is_one_line(tmp_path):
    for text in (DEEP, '{"a":' * 50_000, '{"device": ' + "9" * 5000 + "}"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(ResultsError, match="is not valid JSON"):
            ResultsFolder(tmp_path).read_run()


@pytest.mark.parametrize("text", ["a = " + DEEP, "a = " + "{a=" * 50_000, "scale = " + "9" * 5000])
def test_toml_nested_too_deeply_is_one_line(tmp_path, text):
    path = tmp_path / "deep.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"deep\.toml is not valid TOML"):
        read_experiment(str(path))
    with pytest.raises(ConfigError, match=r"deep\.toml is not valid TOML"):
        read_recipe(path, "srresnet-mse", 4)
    with pytest.raises(StudyError, match=r"deep\.toml cannot be read as TOML"):
        read_wording(path)


def test_values_nested_deeply_but_readably_are_one_line(tmp_path):
    path = tmp_path / "deep.toml"
    path.write_text("datasets = " + "[" * 150 + "]" * 150)
    with pytest.raises(ConfigError):
        read_experiment(str(path))


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        (("Mine", "a", [0, 0, 8, 8]), "data set of an entry of crops: 'Mine'"),
        (("sample", "astronout", [0, 0, 8, 8]), "did you mean 'astronaut'"),
        (("sample", "coffee", [0, 0, 601, 8]), "leaves sample/coffee, which is 600x400"),
        (("sample", "coffee", [-1, 0, 8, 8]), "leaves sample/coffee"),
        (("sample", "coffee", [0, 0, 0, 8]), "leaves sample/coffee"),
    ],
)
def test_a_crop_that_cannot_be_shown_is_told_before_anything_is_computed(
    refused, tmp_path, crop, message
):
    file, out = tmp_path / "e.toml", tmp_path / "out"
    dataset, image, box = crop
    file.write_text(
        'datasets = ["sample"]\nmethods = ["nearest"]\nmetrics = ["psnr"]\n'
        f'[[crops]]\ndataset = "{dataset}"\nimage = "{image}"\nbox = {box}\n',
        encoding="utf-8-sig",
    )
    assert message in refused("run-all", "--config", file, "--out", out)
    assert not (out / "images").exists()
