"""The photographs that ``--data`` uses, ignores and holds out, each in memory only once."""

import csv
import re
import subprocess
import sys
import tarfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as PillowImage
from skimage import data

from srbench.data import open_dataset
from srbench.data.training import TrainingSet
from srbench.errors import ConfigError, TrainingError
from srbench.imaging import imresize, read_image, write_png
from srbench.observer import Observer
from srbench.training import find_photographs, read_photographs

CPU = torch.device("cpu")


class Told(Observer):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def save(folder, names, *, height=100, width=104):
    for k, name in enumerate(names):
        picture = data.coffee()[3 * k : 3 * k + height, 5 * k : 5 * k + width]
        write_png(folder / name, picture.copy())


def read(*sources, scale=4, told=None):
    return read_photographs(list(sources), scale, [], CPU, told or Told())


def packed(folder, file):
    with tarfile.open(file, "w") as archive:
        archive.add(folder, folder.name)
    return file


def test_several_folders_and_tars_are_taken_together_and_told(tmp_path):
    save(tmp_path / "a", [f"{k}.png" for k in range(5)])
    save(tmp_path / "b", [f"{k}.png" for k in range(4)], height=96)  # the same names
    told = Told()
    found = read(tmp_path / "a", packed(tmp_path / "b", tmp_path / "b.tar"), told=told)
    assert len(found.training) == 8
    assert len(found.held_out) == 1
    assert told.notes[0] == (
        "9 photographs, 0.1 megapixels: 0.0 GB of memory on cpu; 1 of them held out for validation"
    )
    taken = 5 * 100 * 104 + 4 * 96 * 104
    held = found.held_out[0][1]
    assert found.training.megapixels * 1e6 == taken - held.shape[0] * held.shape[1]
    name = found.held_out[0][0]
    assert name.startswith(("a:", "b.tar:b/"))


def test_the_text_of_photographs_follows_pixels_and_order_but_not_scale_or_place(tmp_path):
    folder = tmp_path / "photos"
    save(folder, [f"{k}.png" for k in range(9)])
    first = str(read(folder))
    assert re.fullmatch(
        r"8 photographs, 0\.1 megapixels, SHA-256 of the pixels [0-9a-f]{16}", first
    )
    with tarfile.open(tmp_path / "all.tar", "w") as archive:
        for k in range(9):
            archive.add(folder / f"{k}.png", f"{k}.png")
    assert str(read(folder, scale=2)) == str(read(tmp_path / "all.tar")) == first
    ((held, _),) = read(folder).held_out
    for name in (held, "1.png" if held == "0.png" else "0.png"):
        picture = read_image(folder / name)
        write_png(folder / name, picture ^ np.uint8(1))
        assert str(read(folder)) != first
        write_png(folder / name, picture)
    assert str(read(folder)) == first
    last = "7.png" if held == "8.png" else "8.png"
    (folder / last).rename(folder / "00.png")  # read first, so that crops are drawn from others
    assert str(read(folder)) != first


def test_commas_part_sources_unless_a_path_has_one(tmp_path):
    (tmp_path / "x,y").mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "data/DIV2K-train/HR").mkdir(parents=True)
    write_png(tmp_path / "data/DIV2K-train/HR/1.png", data.coffee())
    root = tmp_path / "data"
    assert find_photographs(str(tmp_path / "x,y"), root) == [tmp_path / "x,y"]
    assert find_photographs(f"{tmp_path / 'x'}, div2k-train,no.tar", root) == [
        tmp_path / "x",
        root / "DIV2K-train/HR",
        Path("no.tar"),
    ]
    with pytest.raises(ConfigError, match="expected folders, tar files or data sets"):
        find_photographs("a.tar,", root)
    with pytest.raises(ConfigError, match=r"gives .*x twice"):
        find_photographs(f"{tmp_path / 'x'},{tmp_path / 'x'}/../x", root)


def test_a_missing_one_of_several_is_refused(tmp_path):
    save(tmp_path / "a", [f"{k}.png" for k in range(9)])
    with pytest.raises(TrainingError, match=r"b\.tar does not exist"):
        read(tmp_path / "a", tmp_path / "b.tar")
    save(tmp_path / "c", ["1.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match=r"c and .*empty hold 1 usable photograph, expected"):
        read(tmp_path / "c", tmp_path / "empty")


@pytest.mark.parametrize(
    "folder", ["LR_bicubic/X4", "DIV2K_train_LR_bicubic_X4", "lr", "LRx4", "LR4", "x/LR_matlab"]
)
def test_reduced_pictures_beside_originals_are_passed_over_and_told(tmp_path, folder):
    save(tmp_path / "set/HR", [f"{k}.png" for k in range(9)])
    save(tmp_path / "set" / folder, [f"{k}x4.png" for k in range(9)], height=25, width=26)
    told = Told()
    found = read(tmp_path / "set", told=told)
    assert len(found.training) == 8
    assert told.notes[1] == (
        f"9 image files ignored, first: {folder}/0x4.png is a reduced copy of HR/0.png"
    )


@pytest.mark.parametrize("folder", ["HR", "color", "lrange", "Lightroom", "all-ready", "plr"])
def test_folders_of_other_names_are_taken(tmp_path, folder):
    save(tmp_path / "set/a", ["1.png"])
    save(tmp_path / "set" / folder, [f"{k}.png" for k in range(9)])
    assert len(read(tmp_path / "set").training) == 9


@pytest.mark.parametrize(
    "given", ["LR", "DIV2K_train_LR_bicubic/X4", "mine", "mine/LR_bicubic/x4", "lr.tar"]
)
def test_reduced_pictures_alone_are_never_trained_on(tmp_path, given):
    names = [f"{k}x4.png" for k in range(9)]
    for folder in ("LR", "DIV2K_train_LR_bicubic/X4", "mine/LR_bicubic/x4", "lr"):
        save(tmp_path / folder, names)
    packed(tmp_path / "lr", tmp_path / "lr.tar")
    with pytest.raises(
        TrainingError, match="all of 9 training images are reduced pictures"
    ) as told:
        read(tmp_path / given)
    assert "rename the folder" in str(told.value)


@pytest.mark.parametrize("mark", ["{}x4", "{}_LR", "x4/{}", "{}_LRBI_x4", "{}_SRF_4_LR"])
def test_reduced_copies_without_a_folder_of_their_own_are_passed_over(tmp_path, mark):
    save(tmp_path / "set", [f"{k}.png" for k in range(9)])
    save(tmp_path / "set", [f"{mark.format(k)}.png" for k in range(9)], height=25, width=26)
    told = Told()
    found = read(tmp_path / "set", told=told)
    assert len(found.training) + len(found.held_out) == 9
    assert "9 image files ignored, first: " in told.notes[1]
    assert "is a reduced copy of" in told.notes[1]


def test_reduced_copies_that_only_their_pixels_tell_are_refused(tmp_path):
    save(tmp_path / "set/large", [f"{k}.png" for k in range(9)])
    for path in sorted((tmp_path / "set/large").iterdir()):
        small = imresize(read_image(path), Fraction(1, 4))
        write_png(tmp_path / "set/small" / path.name, small)
    with pytest.raises(TrainingError, match=r"9 training images .*: small/0.png of large/0.png"):
        read(tmp_path / "set")


def test_whole_benchmark_images_are_found_without_their_files_and_listed(tmp_path, shared):
    """Under names and in a size and format of their own, with no data set on this machine."""
    save(tmp_path / "set", [f"{k}.png" for k in range(9)])
    expected = []
    for name in ("Set5", "Set14", "BSD100"):
        dataset = open_dataset(name, shared / "data")
        for k, image_id in enumerate(dataset.ids[:3]):
            picture = PillowImage.fromarray(np.rot90(dataset.read(image_id)[:, :: (-1) ** k], k))
            file = tmp_path / "set" / f"photo-{name}-{k}.jpg"
            picture.convert("RGB").resize((211, 207)).save(file, quality=40)
            expected.append((file.name, name, image_id))
    leaks = tmp_path / "out/leaks.csv"
    with pytest.raises(TrainingError) as told:
        read_photographs([tmp_path / "set"], 4, [], CPU, Told(), leaks)
    message = str(told.value)
    assert message.startswith("9 training images showing benchmark images: photo-BSD100-0.jpg is ")
    assert message.count("correlation") == 3
    assert f"(all are listed in {leaks})" in message
    with leaks.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["training"], r["dataset"], r["image"]) for r in rows] == sorted(expected)
    assert {r["relation"] for r in rows} == {"same"}
    for path in (tmp_path / "set").glob("photo-*"):
        path.unlink()
    told_now = Told()
    read_photographs([tmp_path / "set"], 4, [], CPU, told_now, leaks)
    assert not leaks.exists()
    assert "whole images of Set5, Set14, BSD100, Urban100, sample" in told_now.notes[-1]
    assert "sets that are not recorded" in told_now.notes[-1]


def test_training_on_a_benchmark_set_is_refused_whatever_it_is_called(
    tmp_path, shared, refused, monkeypatch
):
    for path in sorted((shared / "data/Set14/HR").iterdir()):
        (tmp_path / "data/Holiday/HR").mkdir(parents=True, exist_ok=True)
        (tmp_path / "data/Holiday/HR" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    out = tmp_path / "net.safetensors"
    line = refused("train", "srresnet-mse", "--config", "quick", "--data", "Holiday", "--out", out)
    assert "14 training images showing benchmark images: " in line
    assert len((tmp_path / "net.run/leaks.csv").read_text().splitlines()) >= 15
    assert not out.exists()


def test_what_is_held_out_depends_on_names_alone_and_is_not_trained_on(tmp_path):
    names = [f"{k:03}.png" for k in range(60)]
    for k, name in enumerate(names):
        write_png(tmp_path / "a" / name, np.full((96, 600, 3), k, np.uint8))
    found, again = read(tmp_path / "a"), read(tmp_path / "a")
    held = [name for name, _ in found.held_out]
    assert len(held) == 3
    assert held == [name for name, _ in again.held_out]
    assert all(image.shape == (96, 480, 3) for _, image in found.held_out)
    for name, image in found.held_out:
        assert (image == int(name[:3])).all()
    _, hr = found.training.batch(96, 57, torch.Generator().manual_seed(0))
    levels = {round((float(crop[0, 0, 0]) + 1) * 127.5) for crop in hr}
    assert levels == set(range(60)) - {int(name[:3]) for name in held}


def test_small_photographs_are_not_held_out_while_there_are_larger(tmp_path):
    save(tmp_path / "a", [f"{k}.png" for k in range(20)], height=60)
    save(tmp_path / "a", ["large.png"])
    assert [name for name, _ in read(tmp_path / "a").held_out] == ["large.png"]


def test_the_set_holds_its_pixels_once():
    """HR and a sixteenth for LR, also while it is made."""
    code = """
import resource, numpy as np, torch
from srbench.data.training import TrainingSet
rng = np.random.default_rng(0)
def photographs():
    for _ in range(50):
        yield rng.integers(0, 256, (1000, 1000, 3), np.uint8)
TrainingSet([next(photographs())], 4, torch.device("cpu"))  # what one image needs on the way
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = TrainingSet((), 4, torch.device("cpu"), room=60_000_000)
for image in photographs():
    data.add(image)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024 / (3 * 50e6))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert float(ran.stdout) < 1.1


def test_room_that_stays_empty_is_no_pixels():
    full = TrainingSet([data.coffee()], 4, CPU)
    roomy = TrainingSet((), 4, CPU, room=10**8)
    roomy.add(data.coffee())
    assert roomy.megapixels == full.megapixels
    assert roomy.bytes == full.bytes == 3 * data.coffee()[..., 0].size * 17 // 16
    for a, b in zip(
        *(s.batch(96, 3, torch.Generator().manual_seed(1)) for s in (full, roomy)), strict=True
    ):
        assert torch.equal(a, b)
