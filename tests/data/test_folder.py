"""Folders of images, and data sets as folders below a root."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.data import (
    auto_datasets,
    data_root,
    image_files,
    list_datasets,
    open_dataset,
    pixel_sha256,
)
from srbench.errors import ConfigError, DatasetError, ImageError, UnknownName


def picture(path: Path, size: tuple[int, int] = (12, 9)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.add.outer(np.arange(size[1]) * 7, np.arange(size[0]) * 5) % 256
    PillowImage.fromarray(np.dstack([ramp, ramp, 255 - ramp]).astype(np.uint8)).save(path)
    return path


def test_ids_are_stems_sorted_and_only_images_count(tmp_path):
    for name in ("b.PNG", "a.jpg", "c.bmp", "d.tiff", "e.webp", "f.JPEG", "g.tif"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert list(image_files(tmp_path)) == ["a", "b", "c", "d", "e", "f", "g"]
    assert image_files(tmp_path)["b"] == tmp_path / "b.PNG"


def test_a_missing_folder_a_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"nowhere does not exist"):
        image_files(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"x\.png is a file"):
        image_files(picture(tmp_path / "x.png"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty holds no image"):
        image_files(tmp_path / "empty")


@pytest.mark.parametrize("name", [b"\xff.png", b"two\nlines.png"])
def test_a_name_that_no_table_can_hold_is_refused(tmp_path, name):
    picture(tmp_path / "a b é \u202f 한.png")
    assert list(image_files(tmp_path)) == ["a b é \u202f 한"]
    try:
        (tmp_path / "x.png").write_bytes(b"")
        (tmp_path / "x.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(DatasetError, match="control characters or is not UTF-8; rename it"):
        image_files(tmp_path)


def test_two_files_of_one_id_are_refused_by_name(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "a.jpg")
    with pytest.raises(DatasetError, match=r"a\.jpg and a\.png share the id 'a'"):
        image_files(tmp_path)


def test_a_data_set_is_opened_whatever_the_case_of_its_name(tmp_path):
    picture(tmp_path / "Mine" / "HR" / "one.png")
    dataset = open_dataset("mINE", tmp_path)
    assert (dataset.name, dataset.ids) == ("Mine", ("one",))
    assert dataset.read("one").shape == (9, 12, 3)
    with pytest.raises(UnknownName, match="did you mean 'one'"):
        dataset.read("on")


def test_a_missing_data_set_says_what_there_is_and_how_to_get_it(tmp_path):
    picture(tmp_path / "Mine" / "HR" / "one.png")
    with pytest.raises(DatasetError, match=r"there are: Mine, sample; .*srbench data fetch Set14"):
        open_dataset("set14", tmp_path)
    with pytest.raises(DatasetError, match="did you mean 'Mine'"):
        open_dataset("Mime", tmp_path)
    with pytest.raises(DatasetError, match="--data"):
        open_dataset("Set5", None)


def test_the_data_root_is_the_option_then_the_environment_then_the_users_folder(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "environment"))
    assert data_root(tmp_path / "option") == tmp_path / "option"
    assert data_root() == tmp_path / "environment"
    monkeypatch.delenv("SRBENCH_DATA")
    assert data_root().name == "srbench"


def test_auto_takes_the_benchmark_sets_that_are_there_else_the_sample(tmp_path):
    assert auto_datasets(tmp_path / "nowhere") == ["sample"]
    picture(tmp_path / "Mine" / "HR" / "one.png")
    assert auto_datasets(tmp_path) == ["sample"]
    picture(tmp_path / "BSD100" / "HR" / "one.png")
    picture(tmp_path / "Set5" / "HR" / "one.png")
    assert auto_datasets(tmp_path) == ["Set5", "BSD100"]


def test_the_sample_needs_no_root_no_network_and_no_pooch(monkeypatch):
    import pooch

    def refuse(*_args: object, **_more: object) -> str:
        raise AssertionError("the sample must come out of the wheel")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    monkeypatch.setattr(pooch.Pooch, "fetch", refuse)
    sample = open_dataset("Sample", None)
    assert sample.ids == ("astronaut", "chelsea", "coffee", "motorcycle_left", "rocket")
    assert sample.read("astronaut").shape == (512, 512, 3)


def test_the_pixel_hash_is_defined_by_one_line_and_the_pixels():
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    expected = hashlib.sha256(b"srbench-pixels-1 2x3x1\n" + bytes(range(6))).hexdigest()
    assert pixel_sha256(grey) == expected
    assert pixel_sha256(np.asfortranarray(grey)) == expected
    rgb = np.dstack([grey] * 3)
    assert len({pixel_sha256(grey), pixel_sha256(grey.T), pixel_sha256(rgb)}) == 3
    with pytest.raises(TypeError, match="float64"):
        pixel_sha256(grey.astype(float))  # type: ignore[arg-type]  # the mistake under test


def test_the_list_tells_what_is_there_and_what_is_wrong(tmp_path):
    picture(tmp_path / "Mine" / "HR" / "one.png")
    picture(tmp_path / "Set5" / "HR" / "a.png")
    picture(tmp_path / "Set5" / "HR" / "a.jpg")
    listed = {entry.name: entry for entry in list_datasets(tmp_path)}
    assert listed["Mine"].images == 1
    assert listed["Mine"].expected is None
    assert "share the id" in (listed["Set5"].problem or "")
    assert (listed["Urban100"].expected, listed["Urban100"].folder) == (100, None)
    assert (listed["sample"].images, listed["sample"].can_fetch) == (5, False)


def test_a_truncated_image_is_named(tmp_path):
    path = picture(tmp_path / "Mine" / "HR" / "one.png", (200, 200))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError, match=r"one\.png"):
        open_dataset("Mine", tmp_path).read("one")


def test_a_link_that_leads_nowhere_is_named_not_passed_over(tmp_path):
    picture(tmp_path / "here.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DatasetError, match=r"gone\.png is a link to .*nowhere\.png"):
        image_files(tmp_path)


def test_without_a_home_folder_the_way_round_is_told(monkeypatch):
    def nobody(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", nobody)
    with pytest.raises(ConfigError, match=r"set HOME, or write out ~/sets without ~"):
        data_root("~/sets")
