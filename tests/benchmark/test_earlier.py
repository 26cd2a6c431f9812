"""Runs into a folder with results that cannot stand beside the new ones are refused."""

import shutil

import numpy as np
import pytest

import srbench
from srbench.imaging import imresize, read_image, write_png
from srbench.observer import Observer


class Notes(Observer):
    """Keeps what a run reports."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Mine:
    """A method of two versions."""

    name = "mine"

    def __init__(self, cubic: bool) -> None:
        self.cubic = cubic

    def upscale(self, lr):
        return imresize(lr, 4) if self.cubic else lr.repeat(4, axis=0).repeat(4, axis=1)


@pytest.fixture
def run(root, tmp_path):
    shutil.copytree(root / "Mini", root / "Other")

    def start(methods, *datasets, metrics=("psnr_rgb",), **more):
        observer = Notes()
        ran = srbench.run_all(methods, datasets or ["Mini"], metrics, tmp_path / "out",
                              observer=observer, **more)  # fmt: skip
        return ran.scores, observer.notes

    return start


def test_another_version_of_a_method_does_not_stand_beside_its_earlier_scores(run, tmp_path):
    before, _ = run([Mine(True)], "Mini", "Other")
    kept = (tmp_path / "out/scores.csv").read_bytes()
    with pytest.raises(srbench.SrbenchError, match="of mine on Other from another version of it"):
        run([Mine(False)], "Mini")
    assert (tmp_path / "out/scores.csv").read_bytes() == kept
    run([Mine(True)], "Mini")  # the same one
    after, _ = run([Mine(False)], "Mini", "Other")
    assert (after["value"] < before["value"]).all()


def test_a_method_without_a_sure_hash_may_be_run_on_further_sets(run):
    import threading

    unsure = Mine(True)
    unsure.lock = threading.Lock()  # pyright: ignore[reportAttributeAccessIssue]
    run([unsure], "Mini")
    scores, _ = run([unsure], "Other")
    assert set(scores["dataset"]) == {"Mini", "Other"}


def test_a_changed_original_needs_all_methods_again(run, root):
    run(["nearest"])
    path = root / "Mini/HR/eye.png"
    other = np.ascontiguousarray(read_image(path)[::-1])
    path.unlink()
    write_png(path, read_image(root / "Other/HR/eye.png"))  # the same pixels
    run(["bicubic"])
    write_png(path, other)
    with pytest.raises(
        srbench.SrbenchError, match=r"nearest on Mini, where 1 original \(eye\) changed"
    ):
        run(["bicubic"])
    scores, _ = run(["nearest", "bicubic"])
    found = scores.set_index(["method", "image"])["value"]
    sr = imresize(imresize(other[:100, :80], 1 / 4), 4)
    expected = srbench.score(sr, other, scale=4, metrics=["psnr_rgb"])["psnr_rgb"]
    assert found["bicubic", "eye"] == pytest.approx(expected, abs=1e-6)


def test_changed_given_lr_images_need_all_methods_again(run, root):
    for path in (root / "Mini/HR").iterdir():
        hr = read_image(path)
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        write_png(root / "Mini/LR/x4" / path.name, imresize(hr, 1 / 4))
    run(["nearest"], lr="given")
    run(["bicubic"], lr="given")
    lr = root / "Mini/LR/x4/eye.png"
    write_png(lr, read_image(lr) ^ 1)
    with pytest.raises(
        srbench.SrbenchError, match="bicubic on Mini, where LR images changed since then"
    ):
        run(["nearest"], lr="given")
    run(["nearest", "bicubic"], lr="given")


def test_an_image_that_left_the_set_is_told(run, root):
    run(["nearest"])
    (root / "Mini/HR/man.png").unlink()
    scores, notes = run(["bicubic"])
    assert any("no longer has 1 image of earlier runs (man): the scores are" in n for n in notes)
    assert set(scores["image"]) == {"eye", "face"}


def test_names_that_differ_in_case_only_are_refused(run, root, tmp_path):
    shutil.copytree(root / "Mini/HR", tmp_path / "sr/Mini")
    for path in (tmp_path / "sr/Mini").iterdir():
        image = read_image(path)
        write_png(path, image[: image.shape[0] // 4 * 4, : image.shape[1] // 4 * 4])
    run([f"Mine={tmp_path / 'sr'}"])
    with pytest.raises(srbench.SrbenchError, match="has a method 'Mine', this run has 'mine'"):
        run([f"mine={tmp_path / 'sr'}"])
    (root / "Mini").rename(root / "mini")
    with pytest.raises(srbench.SrbenchError, match="has a data set 'Mini', this run has 'mini'"):
        run(["nearest"], "mini")


def test_images_of_a_folder_without_an_original_are_told(run, root, tmp_path):
    for path in (root / "Mini/HR").iterdir():
        image = read_image(path)
        image = image[: image.shape[0] // 4 * 4, : image.shape[1] // 4 * 4]
        for name in (path.name, f"new_{path.name}"):
            write_png(tmp_path / "sr/Mini" / name, image)
    _, notes = run([f"mine={tmp_path / 'sr'}"])
    assert not any("another picture" in note for note in notes)
    told = "mine on Mini: ignored 3 images without an original (new_eye.png, new_face.png, "
    assert any(note.startswith(told) for note in notes)


def test_scores_that_a_run_cannot_keep_are_told(run, root, tmp_path):
    """A cache that was not copied with the folder, and a metric that changed."""
    (tmp_path / "own.py").write_text("def f(sr, hr):\n    return 1.0\n")
    mine = f"mine={tmp_path / 'own.py'}:f"
    assert not any("removed" in note for note in run(["nearest"], metrics=("psnr_rgb", mine))[1])
    assert not any("removed" in note for note in run(["bicubic"], metrics=(mine,))[1])
    (tmp_path / "own.py").write_text("def f(sr, hr):\n    return 2.0\n")
    scores, notes = run(["bicubic"], metrics=(mine,))
    told = (
        "3 scores of earlier runs are removed (mine by nearest): the images or the metric changed"
    )
    assert any(note.startswith(told) for note in notes)
    assert set(scores.loc[scores["metric"] == "mine", "method"]) == {"bicubic"}
    shutil.rmtree(tmp_path / "out/.cache")
    scores, notes = run(["nearest"], metrics=("ssim_rgb",))
    assert any("removed (psnr_rgb by nearest)" in note for note in notes)
    assert "psnr_rgb" not in set(scores["metric"])
