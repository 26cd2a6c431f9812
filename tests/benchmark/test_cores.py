"""Several images at once: the same bytes as one after another, and errors told as before."""

from __future__ import annotations

import json

import pytest

from srbench.benchmark import local, run_all
from srbench.config import Experiment
from srbench.errors import SrbenchError
from srbench.metrics.lpips import LpipsMetric
from srbench.observer import Observer

METHODS = ("nearest", "bicubic", "espcn")


class Kept(Observer):
    """The names of the images whose results were kept."""

    def __init__(self):
        self.images = []

    def step_done(self, name):
        self.images.append(name)


def run(root, out, weights, observer=None, **changes):
    given = {"datasets": ("Mini",), "methods": METHODS, "device": "cpu", **changes}
    run_all(Experiment(**given), out, root=root, weights=weights, report=False, observer=observer)


def one_after_another(monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 1)


def many(monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 6)


def a_turn_an_image(monkeypatch):
    """Every image is upscaled and scored before the next, by more threads than there are cores."""
    many(monkeypatch)
    monkeypatch.setattr(local, "_TURN", 0.0)


def too_large_for_two(monkeypatch):
    many(monkeypatch)
    monkeypatch.setattr(local, "_PIXELS", 1)


def brightness(sr, hr):
    return float(sr.mean() - hr.mean())


def files_of(out):
    """Everything that must not depend on the number of threads."""
    found = {p.relative_to(out): p.read_bytes() for p in out.rglob("*.png")}
    found["scores"] = (out / "scores.csv").read_bytes()
    lines = (out / ".cache/computed.jsonl").read_text().splitlines()
    found["keys"] = [json.loads(line)["key"] for line in lines if line]
    return found


@pytest.mark.slow
def test_any_number_of_threads_writes_the_same_bytes(root, tmp_path, shared, monkeypatch):
    expected = None
    for how in (one_after_another, many, a_turn_an_image, too_large_for_two):
        with monkeypatch.context() as patch:
            how(patch)
            out = tmp_path / how.__name__
            metrics = ("psnr", "ssim", "lpips", "psnr_rgb", "ssim_rgb", "lr_psnr", brightness)
            run(
                root, out, shared / "weights", metrics=metrics, lpips=("alex",),
                protocols=("matlab", "basicsr", "ledig2017"),
            )  # fmt: skip
        found = files_of(out)
        assert len(found["scores"].splitlines()) == 1 + 3 * 3 * (6 + 1 + 4)
        assert len(found) == 2 + 3 * 4
        assert found == (expected := expected or found), how.__name__


@pytest.mark.parametrize("fault", ["metric", "method"])
def test_an_error_names_its_image_and_those_before_it_are_kept(
    root, tmp_path, shared, monkeypatch, fault
):
    many(monkeypatch)
    prepare = LpipsMetric.prepare

    def prepared(self, original):
        if original.size == (100, 100):  # face, the second
            raise SrbenchError("no memory for this one")
        return prepare(self, original)

    def half(lr):
        if lr.shape[:2] == (25, 25):
            raise ValueError("no memory for this one")
        return lr.repeat(4, 0).repeat(4, 1)

    changes = {"methods": (*METHODS, half)}
    if fault == "metric":
        monkeypatch.setattr(LpipsMetric, "prepare", prepared)
        changes = {}
    kept = Kept()
    with pytest.raises(SrbenchError, match="no memory for this one") as told:
        run(root, tmp_path / "r", shared / "weights", kept, **changes)
    named = "nearest" if fault == "metric" else "half"
    assert str(told.value).startswith(f"Mini/face, {named}: ")
    assert kept.images == ["Mini/eye"]
    monkeypatch.undo()
    again = Kept()
    run(root, tmp_path / "r", shared / "weights", again)
    assert again.images == ["Mini/face", "Mini/man"]
