"""Options and names that mean nothing where they are given are refused, not ignored."""

from __future__ import annotations

import io
import os

import pytest
from skimage import data

import srbench
from srbench.imaging import write_png
from srbench.methods.own import own_method

PHOTO = data.astronaut()[:64, :80].copy()
VOTES = "rater,dataset,image,method,score\n" + "".join(
    f"r{r},D,i{i},{m},{1 + (r + i) % 5}\n" for r in range(3) for i in range(3) for m in ("a", "b")
)


@pytest.fixture
def photo(tmp_path):
    write_png(tmp_path / "lr/a.png", PHOTO)
    return tmp_path / "lr/a.png"


def test_the_border_rule_is_only_for_bicubic(refused, run_cli, photo, tmp_path):
    given = ("upscale", photo, "--border", "replicate", "--out", tmp_path / "out", "--method")
    assert "--border is for bicubic, the method is srcnn" in refused(*given, "srcnn")
    assert not (tmp_path / "out").exists()
    assert run_cli(*given, "bicubic").code == 0


def test_options_of_another_kind_of_input_are_refused(refused, photo, tmp_path):
    assert "--pattern is for the names in folders" in refused(
        "score", "--hr", photo, "--sr", photo, "--scale", 1, "--pattern", "{}_x"
    )
    (tmp_path / "v.csv").write_text(VOTES)
    for command in ("analyze", "package"):
        line = refused(
            "study", command, "--ratings", tmp_path / "v.csv", "--database", "sqlite:///x"
        )
        assert "--ratings reads no database" in line
    for option in (("--tensorboard",), ("--validate-every", 5)):
        line = refused(
            "train", "srgan-tv", "--config", "tv-laptop", "--data", photo.parent, *option
        )
        assert "are for single networks, not for tv-laptop" in line


def test_a_table_is_not_written_under_the_name_of_a_picture(refused, photo, tmp_path):
    for command in (
        ("study", "export", tmp_path, "--out", tmp_path / "x.png"),
        (
            "study",
            "export",
            tmp_path,
            "--out",
            tmp_path / "x.csv",
            "--answers",
            tmp_path / "x.json",
        ),
        ("score", "--hr", photo, "--sr", photo, "--scale", 1, "--out", tmp_path / "x.zip"),
    ):
        assert "is not the name of a CSV file; expected NAME.csv" in refused(*command)
    assert [path.name for path in tmp_path.iterdir()] == ["lr"]


def test_an_argument_that_must_be_an_option_is_told_with_the_command(refused, tmp_path):
    line = refused("report", tmp_path)
    assert f"give it by an option: srbench report --out {tmp_path}" in line
    assert "srbench run-all --config paper" in refused("run-all", "paper")


def test_scores_of_another_kind_are_told_the_columns_of_scores(refused, tmp_path):
    (tmp_path / "v.csv").write_text(VOTES)
    (tmp_path / "s.json").write_text("{}")
    line = refused(
        "study", "analyze", "--ratings", tmp_path / "v.csv", "--scores", tmp_path / "s.json",
        "--out", tmp_path / "analysis",
    )  # fmt: skip
    assert "expected the columns dataset,image,method,scale,protocol,metric,value" in line
    assert "rater" not in line
    assert line.endswith("give the scores.csv of a results folder")


def test_a_password_that_never_comes_is_told(refused, monkeypatch):
    for text in ("", "long enough\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        assert "the input ended before the password was there twice" in refused("study", "password")


def test_users_code_that_leaves_the_folder_is_brought_back(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def away(sr, hr):
        os.chdir(tmp_path)
        return 1.0

    def doubled(lr):
        os.chdir(tmp_path)
        return lr.repeat(2, 0).repeat(2, 1)

    assert srbench.score(PHOTO, PHOTO, scale=2, metrics=[away])["away"] == 1
    assert os.path.samefile(".", tmp_path / "here")
    own_method(doubled, 2, str).upscale(PHOTO)
    assert os.path.samefile(".", tmp_path / "here")


def test_an_image_under_the_name_of_another_is_told(run_cli, tmp_path):
    """As a loop leaves them that saves '1, 10, 2' under the names of '1, 2, 10'."""
    photos = {"1": PHOTO, "2": data.chelsea()[60:124, 100:180].copy(),
              "10": data.coffee()[100:164, 200:280].copy()}  # fmt: skip
    for name, image in photos.items():
        write_png(tmp_path / "data/Mini/HR" / f"{name}.png", image)
    for name, shown in {"1": "1", "2": "10", "10": "2"}.items():
        write_png(tmp_path / "sr/Mini" / f"{name}.png", photos[shown])
    told = "2 images show another picture, or another brightness, than their originals of that name"
    ran = run_cli("score", "--hr", tmp_path / "data/Mini/HR", "--sr", tmp_path / "sr/Mini",
                  "--scale", 4, "--name", "mine")  # fmt: skip
    assert ran.code == 0, ran.err
    assert f"mine: {told} (10, 2); check the names" in " ".join(ran.err.split())
    ran = run_cli("run-all", "--data", tmp_path / "data", "--datasets", "Mini", "--methods",
                  f"mine={tmp_path / 'sr'},bicubic", "--metrics", "psnr_rgb", "--out",
                  tmp_path / "out")  # fmt: skip
    assert ran.code == 0, ran.err
    assert f"mine: {told} (Mini/10, Mini/2)" in " ".join(ran.err.split())


def test_a_data_set_is_not_the_root_of_data_sets(refused, photo, tmp_path, monkeypatch):
    """Before, the sample images were used instead."""
    write_png(tmp_path / "data/Set5/HR/baby.png", PHOTO)
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data/Set5"))
    line = refused("run-all", "--methods", "nearest", "--out", tmp_path / "out")
    assert "Set5 is a data set (it contains HR), expected the folder that contains data" in line
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_the_user_in_place_of_the_shipped_one_is_told(run_cli, photo, tmp_path):
    import shutil

    from srbench.methods.resolve import checkpoint_file

    shipped = checkpoint_file("espcn", 4, tmp_path)
    up = ("upscale", photo, "--method", "espcn", "--out", tmp_path / "out", "--weights", tmp_path)
    told = f"espcn: the checkpoint in {tmp_path} is used, not the shipped one"
    assert told not in " ".join(run_cli(*up).err.split())
    for ending in (".safetensors", ".json"):
        shutil.copy(shipped.with_suffix(ending), tmp_path / f"espcn_x4{ending}")
    assert told in " ".join(run_cli(*up).err.split())


def test_a_scale_that_the_names_contradict_is_told(run_cli, tmp_path):
    """The sizes may fit both, but the border that is cut differs."""
    for place in ("Mini/HR/a.png", "out/x4/mine/a.png", "plain/a.png", "named/a_x4.png"):
        write_png(tmp_path / place, PHOTO)
    told = "the names say x4, but the scale is x2"
    for folder, expected in (("out/x4/mine", True), ("named", True), ("plain", False)):
        score = ("score", "--hr", tmp_path / "Mini/HR", "--sr", tmp_path / folder, "--scale")
        assert (told in run_cli(*score, 2).err) == expected
        right = run_cli(*score, 4)
        assert "the names say" not in right.err
        assert "Mini " in right.out  # the data set, not its folder HR
    write_png(tmp_path / "EDSR_x4/Mini/a.png", PHOTO)
    ran = run_cli("run-all", "--data", tmp_path, "--datasets", "Mini", "--scale", 2, "--metrics",
                  "psnr_rgb", "--methods", f"mine={tmp_path / 'EDSR_x4'}", "--out",
                  tmp_path / "r")  # fmt: skip
    assert ran.code == 0, ran.err
    assert f"mine: {told}" in ran.err
