"""One data set under its many names, and names that mean something else."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.data import image_files, list_datasets, open_dataset
from srbench.data.catalogue import canonical_name, catalogue
from srbench.errors import DatasetError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.arange(108, dtype=np.uint8).reshape(9, 12)).save(path)


@pytest.mark.parametrize(
    ("usual", "name"),
    [
        *((n, "BSD100") for n in ("B100", "BSDS100", "bsd100", "BSD-100", "BSD_100_HR", "b 100")),
        *((n, "Set5") for n in ("Set-5", "Set_5", "set5", "SET5", "set 5", "Set5_HR", "Set5-hr")),
        ("Set-14", "Set14"),
        ("Urban-100", "Urban100"),
        ("U100", "Urban100"),
        ("DIV2K_valid_HR", "DIV2K-valid"),
        *((n, None) for n in ("Set55", "Set1-4", "BSD68", "B10", "samples", "Set5-as-is", "")),
    ],
)
def test_known_sets_go_by_their_usual_names(usual, name):
    assert canonical_name(usual) == name


def test_no_two_known_sets_share_a_usual_name():
    names = [(usual, e.name) for e in catalogue().values() for usual in (e.name, *e.aliases)]
    assert all(canonical_name(usual) == name for usual, name in names)


@pytest.mark.parametrize("folder", ["B100", "BSDS100", "bsd_100"])
def test_a_known_set_is_found_under_another_name_and_has_its_own(tmp_path, run_cli, folder):
    picture(tmp_path / folder / "HR" / "3096.png")
    for asked in ("BSD100", "B100", "bsds-100"):
        assert open_dataset(asked, tmp_path).name == "BSD100"
    listed = {entry.name: entry for entry in list_datasets(tmp_path)}
    assert listed["BSD100"].folder == tmp_path / folder / "HR"
    assert folder not in listed or folder == "BSD100"


@pytest.mark.parametrize(
    "pair", [("Set5", "set5"), ("B100", "BSD100"), ("Mine", "mine"), ("é", "e\u0301")]
)
def test_two_folders_of_one_name_are_refused_and_listed_as_such(tmp_path, refused, pair):
    for name in pair:
        picture(tmp_path / name / "HR" / "a.png")
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system has no such names")
    out = tmp_path / "out"
    for name in pair:
        told = refused("run-all", "--data", tmp_path, "--datasets", name, "--out", out)
        assert "names of one data set" in told
        assert pair[0] in told
    problems = [e.problem for e in list_datasets(tmp_path) if e.folder and e.problem]
    assert any("rename all but one" in problem for problem in problems)
    assert not out.exists()


@pytest.mark.parametrize("name", ["all", "ALL", "All", "auto", "hr", "sample", "Sample"])
def test_a_folder_whose_name_means_something_else_is_refused(tmp_path, refused, name):
    picture(tmp_path / name / "HR" / "a.png")
    with pytest.raises(DatasetError, match=f"'{name}'.* cannot name a data set: "):
        open_dataset(name, tmp_path)
    assert any(e.problem and "cannot name" in e.problem for e in list_datasets(tmp_path))
    told = refused("data", "import", name, tmp_path / name / "HR", "--data", tmp_path / "other")
    assert "cannot name a data set" in told
    assert not (tmp_path / "other").exists()


def test_ids_are_of_one_unicode_form_and_told_apart_by_more_than_case(tmp_path):
    picture(tmp_path / "one" / "cafe\u0301.png")
    assert list(image_files(tmp_path / "one")) == [unicodedata.normalize("NFC", "cafe\u0301")]
    for first, second in (("caf\u00e9.png", "cafe\u0301.bmp"), ("Baby.png", "baby.jpg")):
        folder = tmp_path / first
        picture(folder / first)
        picture(folder / second)
        with pytest.raises(DatasetError, match="share the id"):
            image_files(folder)


def test_a_run_by_aliases_has_the_usual_names_and_its_crops(tmp_path, run_cli, shared):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "set_5").symlink_to(shared / "data" / "Set5")
    (tmp_path / "run.toml").write_text(
        'datasets = ["SET-5"]\nmethods = ["bicubic"]\n[[crops]]\ndataset = "set5"\n'
        'image = "bird"\nbox = [40, 40, 64, 64]\n'
    )
    ran = run_cli("run-all", "--config", tmp_path / "run.toml", "--data", tmp_path / "root",
                  "--out", tmp_path / "out", "--no-lpips")  # fmt: skip
    assert ran.code == 0, ran
    assert [path.name for path in (tmp_path / "out/images").iterdir()] == ["Set5"]
    assert list((tmp_path / "out/figures").glob("crops_Set5_x4_bird.*"))


@pytest.mark.parametrize("name", ["all", "All", "AUTO"])
def test_originals_in_a_folder_called_all_are_not_scored(tmp_path, refused, name):
    for folder in (name, "sr"):
        picture(tmp_path / folder / "a.png")
    told = refused("score", "--hr", tmp_path / name, "--sr", tmp_path / "sr", "--scale", 2)
    assert f"'{name}'" in told
    assert "cannot name a data set" in told
