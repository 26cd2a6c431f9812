"""An output replaces an earlier output of its kind and nothing else; what a shell leaves empty,
deleted or closed is told."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from srbench.errors import ResultsError
from srbench.files import write_bytes
from srbench.imaging import read_image, write_png

PLAN = ("study", "plan", "--images", 2, "--raters", 2)
SCORE = ("score", "--hr", "hr", "--sr", "hr", "--scale", 4)
TO_A_FILE = {
    "score": ((*SCORE, "--out"), "picture.csv"),
    "score, a table of votes": ((*SCORE, "--out"), "votes.csv"),
    "plan": ((*PLAN, "--out"), "hr/a.png"),
    "export, the access codes": (("study", "export", "study", "--out"), "access-codes.csv"),
    "export, answers": (("study", "export", "study", "--out", "v", "--answers"), "votes.csv"),
    "export, decisions": (("study", "export", "study", "--out", "v", "--decisions"), "picture.csv"),
    "package": (("study", "package", "study", "--out"), "other.zip"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with an image and files of several kinds."""
    monkeypatch.chdir(tmp_path)
    write_png("hr/a.png", np.arange(64 * 64, dtype=np.uint32).reshape(64, 64).astype(np.uint8))
    (tmp_path / "votes.csv").write_text("rater,dataset,image,method,score\nr,D,i,a,3\n")
    (tmp_path / "picture.csv").write_bytes((tmp_path / "hr/a.png").read_bytes())
    (tmp_path / "access-codes.csv").write_text("code\nabcd-efgh\n")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("thesis.tex", "mine")
    return tmp_path


@pytest.mark.parametrize("command", TO_A_FILE)
def test_no_output_replaces_a_file_of_another_kind(refused, here, command):
    arguments, target = TO_A_FILE[command]
    before = (here / target).read_bytes()
    assert f"{target} exists and is not a" in refused(*arguments, target)
    assert (here / target).read_bytes() == before


def test_an_earlier_output_is_replaced(run_cli, here):
    for out in ("scores.csv", "empty.csv"):
        (here / "empty.csv").touch()
        assert run_cli(*SCORE, "--out", out).code == 0
        assert run_cli(*SCORE, "--out", out).code == 0
    for out in ("power.png", "power.pdf"):
        assert run_cli(*PLAN, "--out", out).code == 0
        assert run_cli(*PLAN, "--out", out).code == 0


def test_two_outputs_are_two_files(refused, here):
    line = refused("study", "export", "study", "--out", "v.csv", "--answers", "./v.csv")
    assert "are one file" in line


def test_a_device_or_pipe_is_never_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ResultsError, match="not a regular file"):
        write_bytes(pipe, b"x")
    assert pipe.is_fifo()


def test_standard_output_is_refused_before_the_work_wherever_it_goes(here):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "srbench", *map(str, SCORE), "--out", "/dev/stdout"]
    with (here / "shown.csv").open("wb") as file:
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.PIPE, env=environment, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"srbench: cannot write /dev/stdout: it is not a regular file")
    assert Path("/dev/stdout").is_symlink()


@pytest.mark.parametrize(
    ("marks", "command"),
    [
        (("manifest.json", "stimuli"), ("run-all", "--datasets", "sample", "--methods", "nearest")),
        (("reliability.json", "analysis.html"), ("run-all", "--datasets", "sample")),
        (("run.json", "scores.csv"), ("study", "analyze", "--ratings", "votes.csv")),
        (("manifest.json", "stimuli"), ("study", "analyze", "--ratings", "votes.csv")),
    ],
)
def test_results_study_and_analysis_are_three_folders(refused, here, marks, command):
    (here / "out").mkdir()
    for mark in marks:
        (here / "out" / mark).touch()
    assert "expected a" in refused(*command, "--out", "out")
    assert {path.name for path in (here / "out").iterdir()} == set(marks)


def test_an_analysis_does_not_overwrite_its_ratings(refused, here):
    votes = "rater,dataset,image,method,score\nr,D,i,a,3\n"
    (here / "raters.csv").write_text(votes)
    line = refused("study", "analyze", "--ratings", "raters.csv", "--out", ".")
    assert "raters.csv would be overwritten" in line
    assert (here / "raters.csv").read_text() == votes
    assert not (here / "analysis.html").exists()


@pytest.mark.parametrize("place", ["Mine", "Mine/HR", "Mine/HR/new"])
def test_results_do_not_lie_among_the_originals(refused, here, place):
    write_png(here / "Mine/HR/a.png", read_image("hr/a.png"))
    line = refused(
        "run-all", "--data", ".", "--datasets", "Mine", "--methods", "nearest", "--out", place
    )
    assert f"{place} lies in the folder of the data set Mine" in line
    assert [path.name for path in (here / "Mine").rglob("*")] == ["HR", "a.png"]


def test_no_link_in_the_results_leads_to_the_originals(refused, here):
    write_png(here / "Mine/HR/a.png", read_image("hr/a.png"))
    before = (here / "Mine/HR/a.png").read_bytes()
    (here / "out/images/Mine/x4").mkdir(parents=True)
    (here / "out/images/Mine/x4/nearest").symlink_to(here / "Mine/HR")
    line = refused(
        "run-all", "--data", ".", "--datasets", "Mine", "--methods", "nearest", "--out", "out"
    )
    assert "x4/nearest lies in the folder of the data set Mine" in line
    assert (here / "Mine/HR/a.png").read_bytes() == before


def test_upscaled_images_do_not_lie_among_the_originals(refused, run_cli, here):
    from PIL import Image

    other = here / "hr/photo.png"
    Image.open("hr/a.png").save("hr/photo.jpg")
    write_png(other, np.zeros((8, 8), np.uint8))
    before = other.read_bytes()
    line = refused("upscale", "hr/photo.jpg", "--method", "nearest", "--out", "hr")
    assert "photo.png, next to hr/photo.jpg, would be overwritten" in line
    assert other.read_bytes() == before
    other.unlink()
    (here / "hr/a.png").unlink()
    assert "among the images" in refused("upscale", "hr", "--method", "nearest", "--out", "hr")
    assert run_cli("upscale", "hr/photo.jpg", "--method", "nearest", "--out", "hr").code == 0
    assert read_image("hr/photo.png").shape == (256, 256)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((*SCORE, "--out", ""), "--out is empty"),
        ((*SCORE, "--out="), "--out is empty"),
        (("run-all", "--data", " "), "--data is empty"),
        (("study", "status", ""), "an argument is empty"),
    ],
)
def test_an_empty_value_does_not_stand_for_the_current_folder(refused, here, arguments, named):
    assert named in refused(*arguments)


@pytest.mark.parametrize("variable", ["SRBENCH_DATA", "SRBENCH_WEIGHTS"])
def test_a_file_in_place_of_the_folder_of_a_variable_is_told(refused, here, monkeypatch, variable):
    monkeypatch.setenv(variable, "votes.csv")
    line = refused("run-all", "--methods", "nearest", "--metrics", "psnr", "--out", "out")
    assert f"{variable}: votes.csv is a file, expected the name of a folder" in line


def test_a_mistyped_data_root_is_not_taken_for_one_without_sets(refused, here):
    line = refused("run-all", "--data", "dta", "--methods", "nearest", "--out", "out")
    assert "dta does not exist" in line
    assert not (here / "out").exists()


def test_a_notebooks_figure_backend_is_none_of_ours(run_cli, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "module://nowhere")
    assert run_cli("--version").code == 0
    assert os.environ["MPLBACKEND"] == "agg"


def test_closed_streams_and_a_deleted_folder_are_no_fault_of_ours(tmp_path):
    srbench = f"{sys.executable} -m srbench"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    closed = subprocess.run(
        f"{srbench} data list --data {tmp_path} >&- 2>&-", shell=True, env=environment, check=False
    )
    assert closed.returncode == 0
    gone = tmp_path / "gone"
    gone.mkdir()
    deleted = subprocess.run(
        f"rmdir {gone}; {srbench} study status x",
        shell=True, env=environment, cwd=gone, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert deleted.returncode == 2
    assert "the current folder no longer exists" in deleted.stderr


def test_upscaled_images_replace_only_earlier_ones(refused, run_cli, here):
    up = ("upscale", "lr", "--method", "bicubic", "--out", "hr")
    Path("lr").mkdir()
    write_png(Path("lr/a.png"), np.full((8, 8), 9, np.uint8))
    write_png(Path("lr/z.png"), np.full((8, 8), 9, np.uint8))
    before = (here / "hr/a.png").read_bytes()
    assert "hr/a.png exists and is not a result of srbench upscale" in refused(*up)
    assert (here / "hr/a.png").read_bytes() == before
    assert not (here / "hr/z.png").exists()
    assert run_cli(*up[:-1], "sr").code == 0
    again = run_cli(*up[:3], "nearest", "--out", "sr")
    assert again.code == 0, again.err


@pytest.mark.parametrize(
    ("arguments", "option", "follows"),
    [
        (("report", "--table", "--latex", "all"), "--table", "--latex"),
        (("run-all", "--out", "--force"), "--out", "--force"),
        (("run-all", "--methods", "nearest", "--config", "--help"), "--config", "--help"),
        (("score", "--hr", "hr", "--sr", "--scale", "4"), "--sr", "--scale"),
        (("data", "list", "--data", "-h"), "--data", "-h"),
        (("study", "analyze", "s", "--out", "--typo"), "--out", "--typo"),
    ],
)
def test_an_option_is_not_the_value_of_another(refused, here, arguments, option, follows):
    before = sorted(here.rglob("*"))
    assert f"{option} lacks its value: the option {follows} follows" in refused(*arguments)
    assert sorted(here.rglob("*")) == before


def test_a_name_that_looks_like_an_option_is_given_with_an_equals_sign(run_cli, here):
    hr = "--hr=hr"
    ran = run_cli("score", hr, "--sr", "hr", "--scale", "4", "--out=--scores.csv")
    assert ran.code == 0, ran.err
    assert (here / "--scores.csv").is_file()
