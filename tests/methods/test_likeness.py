"""Results that do not seem to show their originals are told, by what seems wrong with them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from skimage import data

import srbench
from srbench.data.pixels import exchanged_channels
from srbench.imaging import imresize, read_image, write_png
from srbench.observer import Observer

PICTURES = {"eye": data.chelsea()[60:160, 100:180], "cup": data.coffee()[60:140, 170:270]}


class Notes(Observer):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name, image in PICTURES.items():
        write_png(tmp_path / "data/Mini/HR" / f"{name}.png", np.ascontiguousarray(image))
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


def bgr(image):
    return np.ascontiguousarray(image[..., ::-1])


def of_opencv(lr):
    """As `cv2.imwrite` leaves an RGB array, or a network for BGR gives it."""
    return bgr(imresize(lr, 4))


def of_half_range(lr):
    return imresize(lr, 4) // 2


def right(lr):
    return imresize(lr, 4)


def test_a_users_method_in_another_order_or_range_is_told(root):
    notes = Notes()
    methods = [of_opencv, of_half_range, right]
    hr = root / "data/Mini/HR"
    shutil.copy(hr / "eye.png", hr / "eye (copy).png")
    srbench.run_all(methods, "Mini", ["psnr_rgb"], root / "out", observer=notes)
    assert "Mini: eye and eye (copy) are the same file" in "\n".join(notes.said)
    (order,) = [text for text in notes.said if "of_opencv" in text]
    assert (
        "red and blue seem to be exchanged in 3 images (Mini/cup, Mini/eye, Mini/eye (copy))"
        in order
    )
    (brightness,) = [text for text in notes.said if "of_half_range" in text]
    assert "3 images show another picture, or another brightness" in brightness
    assert not [text for text in notes.said if text.startswith("right")]


def test_a_folder_in_another_order_is_told(root, run_cli):
    for name, image in PICTURES.items():
        write_png(root / "sr/Mini" / f"{name}.png", bgr(image))
    ran = run_cli("score", "--hr", root / "data/Mini/HR", "--sr", root / "sr/Mini", "--scale", 4)
    assert ran.code == 0, ran.err
    notes = Notes()
    srbench.run_all([f"m={root / 'sr'}"], "Mini", ["psnr_rgb"], root / "out", observer=notes)
    for said in (ran.err, *notes.said):
        assert "red and blue seem to be exchanged in 2 images" in said
        assert "check the order of the channels" in said
        assert "another picture" not in said


def test_lr_images_in_another_order_are_refused(root, refused):
    for name, image in PICTURES.items():
        write_png(root / "data/Mini/LR/x4" / f"{name}.png", bgr(imresize(image, 1 / 4)))
    line = refused("run-all", "--datasets", "Mini", "--methods", "bicubic", "--lr", "given",
                   "--metrics", "psnr_rgb", "--out", root / "out")  # fmt: skip
    assert "red and blue of" in line
    assert "seem to be exchanged against" in line


@pytest.mark.parametrize("peer", ["IMDN", "PCARN-M"])
def test_published_results_are_in_the_right_order(shared, peer):
    for path in sorted((shared / f"peers/{peer}/Set14").glob("*.png")):
        sr = read_image(path)
        hr = read_image(shared / f"data/Set14/HR/{path.name}")
        if sr.ndim == hr.ndim == 3:
            assert not exchanged_channels(sr, hr)
            assert exchanged_channels(bgr(sr), hr) or path.stem == "man", path.stem
