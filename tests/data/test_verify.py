"""The catalogue, and telling canonical images from look-alikes by their pixels."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.data import catalogue, image_files, open_dataset, verify
from srbench.data.catalogue import COLUMNS, record_pixels
from srbench.data.folder import Dataset
from srbench.data.importing import import_folder
from srbench.errors import DatasetError

SAMPLE = open_dataset("sample", None)


def statuses(dataset: Dataset) -> dict[str, str]:
    return {finding.image: finding.status for finding in verify(dataset)}


def with_image(tmp_path, image_id: str, image: PillowImage.Image, name: str, **how: object):
    path = tmp_path / name
    image.save(path, **how)
    return Dataset("sample", {**SAMPLE.images, image_id: path})


def test_every_address_of_the_catalogue_is_honest_about_not_having_been_tried():
    for entry in catalogue().values():
        assert entry.licence
        assert entry.homepage.startswith("http")
        assert entry.sources or entry.name == "sample"
        for source in entry.sources:
            assert source.url.startswith("https://")
            assert source.seen_in
            assert source.verified is False
            digits = {"md5": 32, "sha256": 64}
            if source.hash:
                kind, value = source.hash.split(":")
                assert re.fullmatch(rf"[0-9a-f]{{{digits[kind]}}}", value)


def test_the_catalogue_knows_how_many_images_each_set_has():
    counts = {name: len(entry.ids) for name, entry in catalogue().items()}
    assert counts == {
        "Set5": 5,
        "Set14": 14,
        "BSD100": 100,
        "Urban100": 100,
        "DIV2K-train": 800,
        "DIV2K-valid": 100,
        "sample": 5,
    }
    for name in ("Set5", "Set14", "BSD100", "sample"):
        assert set(catalogue()[name].pixels) == set(catalogue()[name].ids)
    assert catalogue()["Set14"].pixels["bridge"].channels == 1


@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100"])
def test_the_real_sets_are_the_recorded_ones(shared, name):
    assert set(statuses(open_dataset(name, shared / "data")).values()) == {"ok"}


def test_the_records_can_be_made_again_from_the_images():
    row = record_pixels("sample", "rocket", SAMPLE.read("rocket"))
    assert tuple(row) == COLUMNS
    record = catalogue()["sample"].pixels["rocket"]
    assert (row["sha256"], row["width"]) == (record.sha256, str(record.width))


def test_the_file_format_does_not_matter(tmp_path):
    image = PillowImage.fromarray(SAMPLE.read("chelsea"))
    for name in ("chelsea.bmp", "chelsea.tif"):
        assert statuses(with_image(tmp_path, "chelsea", image, name))["chelsea"] == "ok"
    lossless = with_image(tmp_path, "chelsea", image, "chelsea.webp", lossless=True)
    assert statuses(lossless)["chelsea"] == "ok"


def test_recompression_is_told_from_another_picture(tmp_path):
    image = PillowImage.fromarray(SAMPLE.read("chelsea"))
    for quality in (95, 50, 20):
        made = with_image(tmp_path, "chelsea", image, "chelsea.jpg", quality=quality)
        assert statuses(made)["chelsea"] == "re-compressed"
    other = PillowImage.fromarray(SAMPLE.read("coffee")).resize(image.size)
    assert statuses(with_image(tmp_path, "chelsea", other, "chelsea.png"))["chelsea"] == (
        "wrong image"
    )


@pytest.mark.parametrize("multiple", [2, 3, 4, 8, 12])
def test_a_mod_cropped_image_is_recognised_with_its_multiple(tmp_path, multiple):
    pixels = SAMPLE.read("motorcycle_left")  # 741x500: every multiple crops it
    height, width = (n // multiple * multiple for n in pixels.shape[:2])
    cropped = PillowImage.fromarray(pixels[:height, :width])
    made = with_image(tmp_path, "motorcycle_left", cropped, "motorcycle_left.png")
    finding = next(f for f in verify(made) if f.image == "motorcycle_left")
    assert finding.status == "mod-cropped"
    assert re.search(rf"multiple of [0-9 or]*\b{multiple}\b", finding.detail)
    lossy = with_image(tmp_path, "motorcycle_left", cropped, "motorcycle_left.jpg", quality=80)
    finding = next(f for f in verify(lossy) if f.image == "motorcycle_left")
    assert finding.status == "mod-cropped"
    assert "re-compressed" in finding.detail


def test_resized_grey_unreadable_missing_and_extra_are_told_apart(tmp_path):
    image = PillowImage.fromarray(SAMPLE.read("astronaut"))
    half = with_image(tmp_path, "astronaut", image.resize((256, 256)), "a.png")
    assert statuses(half)["astronaut"] == "resized"
    grey = with_image(tmp_path, "astronaut", image.convert("L"), "b.png")
    assert statuses(grey)["astronaut"] == "channels differ"
    broken = tmp_path / "c.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    images = {**SAMPLE.images, "astronaut": broken, "camera": SAMPLE.images["coffee"]}
    del images["rocket"]
    found = statuses(Dataset("sample", images))
    assert found["astronaut"] == "unreadable"
    assert found["camera"] == "extra"
    assert found["rocket"] == "missing"
    assert found["coffee"] == "ok"


def test_the_same_levels_stored_as_rgb_are_said_to_be_so(shared, tmp_path):
    bridge = open_dataset("Set14", shared / "data").read("bridge")
    path = tmp_path / "bridge.png"
    PillowImage.fromarray(np.dstack([bridge] * 3)).save(path)
    finding = next(f for f in verify(Dataset("Set14", {"bridge": path})) if f.image == "bridge")
    assert finding.status == "channels differ"
    assert "R=G=B" in finding.detail


def test_a_folder_becomes_a_data_set_of_the_same_bytes(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    PillowImage.fromarray(SAMPLE.read("coffee")).save(folder / "mug.jpg")
    (folder / "readme.txt").write_text("left behind")
    made = import_folder("Mugs", folder, tmp_path / "root")
    assert made.folder == tmp_path / "root" / "Mugs" / "HR"
    assert [p.name for p in made.folder.iterdir()] == ["mug.jpg"]
    assert (made.folder / "mug.jpg").read_bytes() == (folder / "mug.jpg").read_bytes()
    assert statuses(made.dataset) == {"mug": "unrecorded"}
    with pytest.raises(DatasetError, match="'Mugs' is already"):
        import_folder("mugs", folder, tmp_path / "root")


def test_importing_a_known_name_takes_its_spelling_and_checks_the_pixels(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    PillowImage.fromarray(SAMPLE.read("coffee")).save(folder / "woman.png")
    with pytest.raises(
        DatasetError, match=r"recorded Set5: .*: woman \(wrong image\) shows a diff"
    ):
        import_folder("set5", folder, tmp_path / "root")
    assert not (tmp_path / "root").exists()
    made = import_folder("set5", folder, tmp_path / "root", as_is=True)
    assert made.dataset.name == "Set5-as-is"
    assert {f.image: f.status for f in made.findings}["woman"] == "wrong image"


@pytest.mark.parametrize("name", ["a/b", "..", "", ".x", "a b", "sample", "auto", "x" * 65, "a\\b"])
def test_unfit_names_are_refused_and_nothing_is_made(tmp_path, name):
    with pytest.raises(DatasetError, match="cannot name a data set"):
        import_folder(name, SAMPLE.images["coffee"].parent, tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_unreadable_images_are_counted_and_named_and_nothing_is_made(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    PillowImage.fromarray(SAMPLE.read("coffee")).save(folder / "good.png")
    (folder / "bad.png").write_bytes(b"not an image")
    assert set(image_files(folder)) == {"bad", "good"}
    with pytest.raises(DatasetError, match=r"1 of 2 images .*bad\.png"):
        import_folder("Mine", folder, tmp_path / "root")
    assert not (tmp_path / "root").exists()
