"""A package that was changed, damaged or packed again by another program."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from srbench.errors import RatingsError
from srbench.publishing.unpacking import unpack_study
from srbench.stats.reading import read_ratings
from srbench.study.manifest import load_manifest
from srbench.study.ratings import ratings_csv
from srbench.study.simulate import simulate
from srbench.study.store import open_study

TABLE = "data/study-1a2b_data.csv"


@pytest.fixture
def content(folder) -> dict[str, bytes]:
    """The files of a package with pictures that are needed to restore a study."""
    study = open_study(folder)
    simulate(study.store, 2, seed=0)
    votes = ratings_csv(study.store).encode()
    study.store.close()
    recorded = {"@id": TABLE, "sha256": hashlib.sha256(votes).hexdigest()}
    return {
        TABLE: votes,
        "dataset_description.json": b"{}",
        "metadata.json": json.dumps({"distribution": [recorded]}).encode(),
        "materials/manifest.json": (folder / "manifest.json").read_bytes(),
        **{f"materials/stimuli/{p.name}": p.read_bytes() for p in (folder / "stimuli").iterdir()},
    }


def packed(file: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return file


def no_records(content: dict[str, bytes]) -> None:
    del content["metadata.json"]


def another_score(content: dict[str, bytes]) -> None:
    content[TABLE] = content[TABLE].replace(b",bicubic,2,", b",bicubic,4,", 1)


def a_vote_less(content: dict[str, bytes]) -> None:
    content[TABLE] = content[TABLE].rpartition(b"\nsim-")[0] + b"\n"


def a_second_table(content: dict[str, bytes]) -> None:
    content["data/study-ffff_data.csv"] = content[TABLE]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (another_score, "was changed after the package was made"),
        (a_vote_less, "was changed after the package was made"),
        (a_second_table, "was changed after the package was made"),
        (no_records, "is a damaged package"),
    ],
)
def test_ratings_changed_in_the_package_are_noticed(
    content, tmp_path, run_cli, change: Callable[[dict[str, bytes]], None], said
):
    assert len(read_ratings(packed(tmp_path / "whole.zip", content))) == 80
    change(content)
    file = packed(tmp_path / "p.zip", content)
    with pytest.raises(RatingsError, match=said):
        read_ratings(file)
    ran = run_cli("study", "import", tmp_path / "new", file)
    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "new").exists()


def test_ratings_changed_in_an_unpacked_package_are_noticed(content, tmp_path, refused):
    for name in (TABLE, "dataset_description.json", "metadata.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content[name])
    table, copy = tmp_path / TABLE, tmp_path / "copy.csv"
    assert len(read_ratings(table)) == 80
    table.write_bytes(content[TABLE].replace(b"\n", b"\r\n"))
    assert len(read_ratings(table)) == 80
    another_score(content)
    for file in (table, copy):
        file.write_bytes(content[TABLE])
    line = refused("study", "analyze", "--ratings", table, "--out", tmp_path / "a")
    assert "study-1a2b_data.csv was changed after the package was made" in line
    assert len(read_ratings(copy)) == 80
    (tmp_path / "metadata.json").write_bytes(b"[1]")
    assert len(read_ratings(table)) == 80


def test_an_archive_packed_again_is_restored(content, folder, tmp_path):
    again = {"materials/": b"", "materials/stimuli/": b"", **content}
    again |= {"materials/stimuli/.DS_Store": b"x", "materials/stimuli/../../evil.png": b"x"}
    target = tmp_path / "new"
    target.mkdir()
    (target / ".DS_Store").write_bytes(b"a file manager's")
    unpack_study(packed(tmp_path / "p.zip", again), target)
    assert load_manifest(target).fingerprint == load_manifest(folder).fingerprint
    names = {path.name for path in target.iterdir()}
    assert names == {"manifest.json", "secret.key", "stimuli"}
    assert {p.name for p in (target / "stimuli").iterdir()} == {
        p.name for p in (folder / "stimuli").iterdir()
    }


def test_an_encrypted_or_cut_package_is_refused_in_one_line(content, tmp_path, run_cli):
    whole = bytearray(packed(tmp_path / "whole.zip", content).read_bytes())
    with zipfile.ZipFile(tmp_path / "whole.zip") as archive:
        entry = archive.getinfo("materials/manifest.json")
    locked = bytearray(whole)
    locked[entry.header_offset + 6] |= 1
    there = locked.find(b"PK\1\2")
    while there != -1:  # the same flag in the list of files
        length = int.from_bytes(locked[there + 28 : there + 30], "little")
        if locked[there + 46 : there + 46 + length] == b"materials/manifest.json":
            locked[there + 8] |= 1
        there = locked.find(b"PK\1\2", there + 4)
    (tmp_path / "locked.zip").write_bytes(locked)
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    for name, said in (("locked.zip", "is encrypted"), ("cut.zip", "is not a whole package")):
        ran = run_cli("study", "import", tmp_path / "new", tmp_path / name)
        assert ran.code == 2, ran.err
        assert said in ran.err.splitlines()[-1]
        assert not (tmp_path / "new").exists()
