"""Commands with unusual files: other formats, odd metadata, odd names, decompression bombs."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from skimage import data

from srbench.benchmark.results import read_scores
from srbench.imaging import files, imresize, read_image, write_png
from srbench.wording import printable

PHOTO = data.astronaut()[:64, :80].copy()


@pytest.fixture
def mixed(tmp_path) -> Path:
    """One photograph in five formats and files that are not images: three are accepted."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    photo = PillowImage.fromarray(PHOTO)
    for name in ("a.png", "b.jpg", "d.ppm", "e.jp2"):
        photo.save(folder / name)
    photo.save(folder / "c.jfif", format="JPEG")
    (folder / "readme").write_text("notes")
    (folder / "more").mkdir()
    (folder / ".hidden.png").write_text("not counted")
    os.mkfifo(folder / "pipe.png")
    return folder


OTHERS = "ignored 4 other files (.ppm, .jp2, .png, no ending), 1 folder"


def test_upscale_tells_what_it_passes_over(run_cli, mixed, tmp_path):
    ran = run_cli("upscale", mixed, "--method", "bicubic", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert f"{mixed}: {OTHERS}" in ran.err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.png", "b.png", "c.png"]
    assert np.array_equal(read_image(tmp_path / "out/c.png"), read_image(tmp_path / "out/b.png"))


def test_import_and_score_and_run_all_tell_it_too(run_cli, mixed, tmp_path):
    root = tmp_path / "root"
    ran = run_cli("data", "import", "Mine", mixed, "--data", root)
    assert ran.code == 0, ran.err
    assert f"{mixed}: {OTHERS}" in ran.err
    assert "imported Mine: 3 images" in ran.out
    ran = run_cli("score", "--hr", mixed, "--sr", mixed, "--scale", 4)
    assert ran.code == 0, ran.err
    assert ran.err.count(OTHERS) == 2
    sr = tmp_path / "sr" / "Mine"
    for name in "abc":
        write_png(sr / f"{name}.png", PHOTO)
    (sr / "thumbs.db").write_text("x")
    ran = run_cli(
        "run-all", "--data", root, "--datasets", "Mine", "--methods", f"bicubic,mine={sr.parent}",
        "--no-lpips", "--out", tmp_path / "results",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "mine on Mine: ignored 1 other file (.db)" in ran.err


def test_a_folder_without_images_says_what_it_holds(refused, tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "HR").mkdir()
    line = refused("upscale", tmp_path, "--method", "bicubic", "--out", tmp_path / "out")
    assert "holds no image" in line
    assert "but 1 other file (.txt), 1 folder" in line


def cut_jpeg(path: Path) -> None:
    PillowImage.fromarray(PHOTO).save(path)
    path.write_bytes(path.read_bytes()[:-300])


def float_tiff(path: Path) -> None:
    tifffile.imwrite(path, PHOTO.astype("f4") / 255, photometric="rgb")


def bomb(path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 13_300, 13_300, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 13_301 * 13_300))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b""))


@pytest.mark.parametrize(
    ("spoil", "name", "told"),
    [(cut_jpeg, "d.jpg", "truncated"), (float_tiff, "d.tif", "is a 32-bit float TIFF"),
     (bomb, "d.png", "13300x13300, more than 67 megapixels")],
)  # fmt: skip
def test_nothing_is_begun_where_one_image_cannot_be_read(refused, tmp_path, spoil, name, told):
    """Regression: images passed the size check but failed in the decoder after 3 of 5 were done."""
    for number in "abce":
        write_png(tmp_path / f"in/{number}.png", PHOTO)
    spoil(tmp_path / "in" / name)
    out = tmp_path / "out"
    line = refused("upscale", tmp_path / "in", "--method", "bicubic", "--out", out)
    assert name in line
    assert told in line
    assert not out.exists()
    root = tmp_path / "data"
    (root / "Mine").mkdir(parents=True)
    (tmp_path / "in").rename(root / "Mine/HR")
    arguments = ("--data", root, "--datasets", "Mine", "--methods", "bicubic", "--no-lpips")
    line = refused("run-all", *arguments, "--out", out)
    assert told in line
    assert not (out / "images").exists()


def test_a_result_that_nobody_could_read_again_is_not_made(refused, tmp_path, monkeypatch):
    write_png(tmp_path / "a.png", PHOTO)
    monkeypatch.setattr(files, "MAX_PIXELS", 64 * 80 * 15)
    monkeypatch.setattr("srbench.methods.batch.MAX_PIXELS", 64 * 80 * 15)
    line = refused("upscale", tmp_path / "a.png", "--method", "bicubic", "--out", tmp_path / "out")
    assert "x4 makes 320x256, more than" in line
    assert not (tmp_path / "out").exists()


def test_a_tilde_is_the_home_folder_wherever_a_path_is_given(
    run_cli, refused, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    hr, lr = tmp_path / "data/Mine/HR", tmp_path / "lr"
    write_png(hr / "a.png", PHOTO)
    write_png(lr / "a.png", imresize(PHOTO, 0.25))
    ran = run_cli("upscale", "~/lr", "--method", "bicubic", "--out=~/sr/Mine")
    assert ran.code == 0, ran.err
    ran = run_cli("score", "--hr=~/data/Mine/HR/a.png", "--sr", "~/sr/Mine/a.png", "--scale", 4,
                  "--out=~/s.csv")  # fmt: skip
    assert ran.code == 0, ran.err
    assert len(read_scores(tmp_path / "s.csv")) == 2
    (tmp_path / "e.toml").write_text(
        'datasets = ["Mine"]\nmethods = ["mine=~/sr"]\nlpips = []\nprotocols = ["matlab"]\n'
    )
    ran = run_cli("run-all", "--config=~/e.toml", "--data=~/data", "--out", "~/results")
    assert ran.code == 0, ran.err
    assert read_scores(tmp_path / "results/scores.csv")
    assert not (tmp_path / "~").exists()
    assert "no home folder" in refused("upscale", "~nobody-of-this-name/lr", "--method", "bicubic",
                                       "--out", "x")  # fmt: skip


EVIL = "\x1b]0;title\x07\x1b[31mred\u202etxt\x9b2J"


def test_no_control_character_of_a_name_reaches_the_terminal(run_cli, refused, tmp_path):
    folder = tmp_path / EVIL
    write_png(folder / "a.png", PHOTO)
    for line in (
        refused("upscale", folder / "none.png", "--method", "bicubic", "--out", tmp_path / "out"),
        refused("score", "--hr", folder, "--sr", folder / "a.png", "--scale", 4),
    ):
        assert not set(line) & set("\x1b\x07\u202e\x9b")
        assert "\u241b]0;title" in line
    given = ("score", "--hr", folder, "--sr", folder, "--scale", 4)
    line = refused(*given, "--dataset", "mine")
    assert "control characters" in line
    assert not set(line) & set("\x1b\x07\u202e\x9b")
    assert "control characters" in refused(*given, "--name", "theirs\nours", "--dataset", "mine")
    ran = run_cli(*given, "--name", "theirs", "--dataset", "mine")
    assert ran.code == 0, ran.err
    assert not set(ran.out + ran.err) & set("\x1b\x07\u202e\x9b")


def test_what_is_printable_stays_as_it_is():
    assert printable("müde 東京 α\u0301 — 1\t2\n") == "müde 東京 α\u0301 — 1\t2\n"
    assert len(printable(EVIL)) == len(EVIL)


def test_links_in_a_circle_pipes_and_devices_are_told(refused, tmp_path):
    write_png(tmp_path / "in/a.png", PHOTO)
    (tmp_path / "self").symlink_to("self")
    os.mkfifo(tmp_path / "pipe.pth")
    score = ("score", "--scale", 4, "--hr")
    assert "does not exist" in refused(*score, tmp_path / "self", "--sr", tmp_path / "in")
    assert "does not exist" in refused(*score, tmp_path / "in", "--sr", tmp_path / "self")
    assert "expected a folder" in refused(*score, tmp_path / "pipe.pth", "--sr", tmp_path / "in")
    for source in ("self", "pipe.pth", "/dev/zero"):
        line = refused("upscale", tmp_path / source, "--method", "bicubic", "--out", tmp_path / "o")
        assert source in line
        line = refused("upscale", tmp_path / "in", "--method", f"m={tmp_path / source}",
                       "--out", tmp_path / "o")  # fmt: skip
        assert source in line
    assert not (tmp_path / "o").exists()


def test_what_lies_beside_the_originals_is_counted(run_cli, tmp_path):
    write_png(tmp_path / "root/Mine/HR/a.png", PHOTO)
    (tmp_path / "root/Mine/HR/old.tga").write_text("x")
    ran = run_cli(
        "run-all", "--data", tmp_path / "root", "--datasets", "Mine", "--methods", "bicubic",
        "--no-lpips", "--out", tmp_path / "results",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "Mine: ignored 1 other file (.tga)" in ran.err
