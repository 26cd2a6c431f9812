"""Several images at once: the same bytes as one after another, and errors told as before."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from srbench import cores
from srbench.benchmark import helpers, local, pools, run_all
from srbench.benchmark.pixels import read_pair
from srbench.benchmark.scoring import score_folders
from srbench.config import Experiment
from srbench.errors import ImageError, SizeMismatch, SrbenchError
from srbench.imaging import crop_to_multiple, read_image, write_png
from srbench.metrics import find_metrics
from srbench.metrics.lpips import LpipsMetric
from srbench.metrics.protocols import PROTOCOLS
from srbench.observer import Observer

METHODS = ("nearest", "bicubic", "espcn")


class Kept(Observer):
    """The names of the images whose results were kept."""

    def __init__(self):
        self.images = []

    def step_done(self, name, images=1, pixels=0):
        self.images += images * [name]


def run(root, out, weights, observer=None, **changes):
    given = {"datasets": ("Mini",), "methods": METHODS, "device": "cpu", **changes}
    run_all(Experiment(**given), out, root=root, weights=weights, report=False, observer=observer)


def one_after_another(monkeypatch):
    monkeypatch.setattr(helpers, "cores", lambda: 1)


def many(monkeypatch):
    """More helper processes than there are cores."""
    monkeypatch.setattr(helpers, "cores", lambda: 3)
    monkeypatch.setattr(helpers, "_JOBS_PER_HELPER", 1)


def threads(monkeypatch):
    """So few images that no helper is worth its start."""
    monkeypatch.setattr(helpers, "cores", lambda: 3)
    monkeypatch.setattr(helpers, "_JOBS_PER_HELPER", 100)


def a_turn_an_image(monkeypatch):
    """Every image is upscaled and scored before the next."""
    many(monkeypatch)
    monkeypatch.setattr(local, "_TURN", 0.0)


def too_large_for_two(monkeypatch):
    many(monkeypatch)
    monkeypatch.setattr(pools, "MAX_PIXELS", 1)


def brightness(sr, hr):
    return float(sr.mean() - hr.mean())


def files_of(out):
    """Everything that must not depend on the number of processes and threads."""
    found = {p.relative_to(out): p.read_bytes() for p in out.rglob("*.png")}
    found["scores"] = (out / "scores.csv").read_bytes()
    lines = (out / ".cache/computed.jsonl").read_text().splitlines()
    found["keys"] = [json.loads(line)["key"] for line in lines if line]
    return found


@pytest.mark.slow
def test_any_number_of_processes_and_threads_writes_the_same_bytes(
    root, tmp_path, shared, monkeypatch
):
    expected = None
    for how in (one_after_another, many, threads, a_turn_an_image, too_large_for_two):
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
    assert set(kept.images) == {"Mini/eye"}
    monkeypatch.undo()
    again = Kept()
    run(root, tmp_path / "r", shared / "weights", again)
    assert set(again.images) == {"Mini/face", "Mini/man"}


@pytest.mark.slow
def test_folders_are_scored_alike_on_any_number_of_cores(root, tmp_path, shared, monkeypatch):
    hr, sr = root / "Mini/HR", tmp_path / "sr"
    for path in hr.iterdir():
        image = crop_to_multiple(read_image(path), 4)
        write_png(sr / path.name, image // 2 + 60)
    metrics = find_metrics(["psnr", "ssim", "lpips", "lr_psnr", brightness], protocols=PROTOCOLS)
    rows = []
    for how in (one_after_another, many, threads, too_large_for_two):
        with monkeypatch.context() as patch:
            how(patch)
            kept = Kept()
            rows.append(
                score_folders(
                    hr, sr, scale=4, metrics=metrics, weights=shared / "weights", observer=kept
                )
            )
        assert kept.images == ["eye", "face", "man"]
        assert rows[-1] == rows[0], how.__name__
    assert [row.metric for row in rows[0]][:9] == [f.name for m in metrics for f in m.facts]
    write_png(sr / "man.png", read_image(sr / "eye.png"))
    many(monkeypatch)
    with pytest.raises(SizeMismatch, match=r"sr/man\.png: the SR image is 80x100, expected 120x80"):
        score_folders(hr, sr, scale=4, metrics=metrics, weights=shared / "weights")


def test_helpers_end_with_an_interrupted_scoring_even_if_the_traceback_is_kept(
    root, tmp_path, monkeypatch
):
    start, started = subprocess.Popen, []

    def popen(*args, **kwargs):
        started.append(start(*args, **kwargs))
        return started[-1]

    class Impatient(Observer):
        def step_done(self, name, images=1, pixels=0):
            raise KeyboardInterrupt

    many(monkeypatch)
    monkeypatch.setattr(subprocess, "Popen", popen)
    for path in (root / "Mini/HR").iterdir():
        write_png(tmp_path / "sr" / path.name, crop_to_multiple(read_image(path), 4))
    with pytest.raises(KeyboardInterrupt) as kept:
        score_folders(
            root / "Mini/HR", tmp_path / "sr", scale=4, metrics=find_metrics(["psnr"]),
            weights=tmp_path, observer=Impatient(),
        )  # fmt: skip
    assert kept.tb is not None
    assert [helper.poll() for helper in started] == [0, 0, 0]


def test_run_json_tells_the_threads_that_computed(root, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")

    def recorded():
        run(root, tmp_path / "r", tmp_path, methods=("nearest",))
        return json.loads((tmp_path / "r/run.json").read_text())["threads"]

    before = torch.get_num_threads()
    monkeypatch.setattr(pools, "cores", lambda: 1)
    try:
        torch.set_num_threads(2)
        assert recorded() == 1
        torch.set_num_threads(2)
        assert recorded() == 1, "nothing was computed with two"
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process to some cores")
def test_without_torch_run_json_counts_the_cores_that_may_be_used():
    script = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
        "from srbench.cores import threads; print(threads())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "1\n"


def test_an_error_in_a_helper_is_the_error_of_the_call(monkeypatch):
    many(monkeypatch)
    with helpers.Helpers(1) as one:
        with pytest.raises(ImageError, match=r"^/missing\.png does not exist$"):
            one.run(read_pair, Path("/missing.png"), None, 4, "symmetric")
        with pytest.raises(ZeroDivisionError) as told:
            one.run(divmod, 1, 0)
        assert "helpers.py" in told.value.__notes__[0], "the traceback of the helper is lost"
        assert one.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(SrbenchError, match="a helper process stopped; the usual reason"):
            one.run(os._exit, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are a part of Linux")
def test_a_container_s_limit_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(64))
    limit = tmp_path / "cpu.max"
    monkeypatch.setattr(cores, "_CPU_LIMIT", limit)
    assert cores.cores() == 64
    for text, expected in (
        ("max 100000\n", 64),
        ("150000 100000\n", 2),
        ("20000 100000\n", 1),
        ("9900000 100000\n", 64),
    ):
        limit.write_text(text)
        assert cores.cores() == expected


def test_at_the_limits_of_the_system_fewer_helpers_work(monkeypatch):
    start = subprocess.Popen
    started = []

    def popen(*args, **kwargs):
        if len(started) == 1:
            raise BlockingIOError(errno.EAGAIN, "too many processes")
        started.append(start(*args, **kwargs))
        return started[-1]

    def no_more_pipes(*_):
        raise PermissionError(errno.EPERM, "too many pipes of this user")

    many(monkeypatch)
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr("fcntl.fcntl", no_more_pipes)
    with helpers.Helpers(3) as one:
        large = b"1" * 2**21
        assert one.run(bytes.upper, large) == large
        assert one.run(os.getpid) == started[0].pid
    assert started[0].poll() == 0


@pytest.mark.slow
def test_a_script_without_a_main_guard_runs_once(root, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        "import srbench\n"
        "from srbench.benchmark import helpers\n"
        "helpers.cores = lambda: 2\n"
        "print('begun')\n"
        "def large(lr): return lr.repeat(4, 0).repeat(4, 1)\n"
        "def same(sr, hr): return 1.0\n"
        "run = srbench.run_all(methods=['nearest', 'bicubic', large], datasets=['Mini'],"
        " metrics=['psnr', same], out='r', report=False)\n"
        "print(len(run.scores))\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["begun", str(3 * 3 * (3 + 1))]


@pytest.mark.slow
def test_helpers_end_with_their_process_however_it_ends(tmp_path):
    script = (
        "import os, threading, time; from srbench.benchmark import helpers\n"
        "helpers.cores = lambda: 2\n"
        "with helpers.Helpers(8) as one:\n"
        "    print(one.run(os.getpid), flush=True)\n"
        "    threading.Thread(target=one.run, args=(time.sleep, 1)).start()\n"
        "    time.sleep(0.5)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr == "", "the helper printed a traceback"
    helper = int(done.stdout)
    for _ in range(100):
        if not Path(f"/proc/{helper}").exists():
            return
        time.sleep(0.05)
    pytest.fail("the helper is still there after 5 s")
