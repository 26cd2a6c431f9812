"""LR copies among photographs are recognised; other pictures are not."""

from __future__ import annotations

from fractions import Fraction

import pytest

from srbench.data import open_dataset
from srbench.data.siblings import Picture, low_resolution, namesakes
from srbench.imaging import crop_to_multiple, imresize, read_image

SAMPLE = open_dataset("sample", None)
COFFEE, CAT = SAMPLE.read("coffee"), SAMPLE.read("chelsea")


def lr(image, scale):
    return imresize(crop_to_multiple(image, scale), Fraction(1, scale))


@pytest.mark.parametrize(
    ("original", "copy", "scale"),
    [
        ("HR/0801.png", "LR_bicubic/X2/0801x2.png", 2),
        ("DIV2K_train_HR/0801.png", "DIV2K_train_LR_bicubic/X4/0801x4.png", 4),
        ("HR/0801.png", "LR_unknown/X3/0801x3.png", 3),
        ("HR/0801.png", "LR_mild/0801x4m.png", 4),
        ("HR/baby.png", "LR/baby.png", 4),
        ("HR/baby.png", "LR_matlab_replicate/x2/baby.png", 2),
        ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png", 4),
        ("baby_HR.png", "baby_LRBI_x8.png", 8),
        ("baby.png", "baby-lr.jpg", 3),
        ("big/a.png", "half/a.png", 2),
    ],
)
def test_a_copy_is_told_with_its_original(original, copy, scale):
    pictures = {original: Picture.of(COFFEE), copy: Picture.of(lr(COFFEE, scale))}
    pictures["other.png"] = Picture.of(CAT)
    assert low_resolution(pictures) == ({copy: original}, [])


def test_each_of_several_copies_is_told_with_the_original_and_not_with_another_copy():
    pictures = {f"x{k}/a.png": Picture.of(lr(COFFEE, k)) for k in (2, 4, 8)}
    pictures["a.png"] = Picture.of(COFFEE)
    copies = dict.fromkeys(["x2/a.png", "x4/a.png", "x8/a.png"], "a.png")
    assert low_resolution(pictures) == (copies, [])


def test_a_picture_that_says_lr_without_an_original_is_told_alone():
    name = "LR_bicubic/X4/0001x4.png"
    assert low_resolution({name: Picture.of(COFFEE)}) == ({}, [name])
    assert low_resolution({"X4/0001x4.png": Picture.of(COFFEE)}) == ({}, [])


def test_before_pictures_are_read_marks_and_sizes_tell():
    sizes = {
        "HR/1.png": Picture(404, 600),
        "x2/1.png": Picture(202, 300),
        "1x4.png": Picture(101, 150),
        "half/1.png": Picture(202, 300),
        "LR/1.png": Picture(404, 600),
    }
    expected = {"x2/1.png": "HR/1.png", "1x4.png": "HR/1.png"}
    copies, alone = low_resolution(sizes)
    assert {name: original.rsplit("/")[-1] for name, original in copies.items()} == dict.fromkeys(
        expected, "1.png"
    )
    assert alone == ["LR/1.png"]
    assert namesakes([*sizes, "2.png"]) == set(sizes)


def test_other_pictures_stay():
    pictures = {
        "a/1.jpg": Picture.of(COFFEE),
        "b/1.jpg": Picture.of(CAT[: COFFEE.shape[0] // 2, : COFFEE.shape[1] // 2].copy()),
        "photo_x2.jpg": Picture.of(CAT),
        "colour/flr.png": Picture.of(CAT),
        "crop/a/1.jpg": Picture.of(COFFEE[:-7]),
        "solar.png": Picture.of(CAT),
    }
    assert low_resolution(pictures) == ({}, [])


def test_the_lr_images_of_real_sets_are_all_found(shared):
    root = shared / "data" / "Set5"
    pictures = {
        path.relative_to(root).as_posix(): Picture.of(read_image(path))
        for path in sorted(root.rglob("*.png"))
    }
    copies, alone = low_resolution(pictures)
    assert set(copies) == {name for name in pictures if not name.startswith("HR/")}
    assert all(original == f"HR/{copy.rsplit('/', 1)[1]}" for copy, original in copies.items())
    assert not alone
