"""run-all --dask: the same bytes as on one machine, even if workers fail."""

import os
import signal
import sys

import pytest

from srbench.benchmark import run_all
from srbench.config import Experiment
from srbench.errors import SrbenchError
from srbench.imaging import crop_to_multiple, imresize, read_image, write_png
from srbench.observer import Observer

pytest.importorskip("distributed", reason="the dask extra is not installed")

from srbench.benchmark.cluster import _versions

METHODS = ("bicubic", "srresnet-mse")


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and two worker processes of this machine, of two threads each."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


class Saboteur(Observer):
    """Kills a worker when the first results are there."""

    def __init__(self, cluster):
        self.cluster, self.done, self.steps, self.killed = cluster, 0, [], None

    def begin(self, step, images, pixels=0, *, unit=""):
        self.steps.append((step, images))

    def step_done(self, name, images=1, pixels=0):
        self.done += 1
        if self.done == 3:
            self.killed = next(iter(self.cluster.workers.values())).pid
            os.kill(self.killed, signal.SIGKILL)


class Impatient(Observer):
    def step_done(self, name, images=1, pixels=0):
        raise KeyboardInterrupt


class Vandal(Observer):
    """Ends the whole cluster when the first result is there."""

    def __init__(self, cluster):
        self.cluster = cluster

    def step_done(self, name, images=1, pixels=0):
        self.cluster.close()


def run(root, out, *, address=None, observer=None, methods=METHODS, report=False):
    experiment = Experiment(datasets=("Mini",), methods=methods, device="cpu")
    return run_all(
        experiment,
        out,
        root=root,
        weights=root / "none",
        report=report,
        dask=address,
        observer=observer,
    )


def files(out):
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in [*out.glob("images/**/*.png"), out / "scores.csv"]
    }


@pytest.mark.slow
def test_a_killed_worker_costs_no_result_and_every_byte_is_that_of_one_machine(
    root, tmp_path, cluster
):
    peer = tmp_path / "peer"
    for image in ("eye", "face", "man"):
        hr = crop_to_multiple(read_image(root / f"Mini/HR/{image}.png"), 4)
        write_png(peer / "Mini" / f"{image}.png", imresize(imresize(hr, 0.25), 4))
    methods = (*METHODS, f"peer={peer}")
    run(root, tmp_path / "one", methods=methods)
    saboteur = Saboteur(cluster)
    address = cluster.scheduler_address
    summary = run(root, tmp_path / "many", address=address, observer=saboteur, methods=methods)
    assert saboteur.killed is not None
    assert summary.computed == saboteur.done == 9
    assert saboteur.steps[1:] == [(f"upscaling and scoring on {address}", 9)]
    assert files(tmp_path / "many") == files(tmp_path / "one")

    # Only lost results are computed again.
    assert run(root, tmp_path / "many", address=address, methods=methods).computed == 0
    (tmp_path / "many/images/Mini/x4/srresnet-mse/eye.png").unlink()
    (tmp_path / "many/images/Mini/x4/HR/man.png").unlink()
    assert run(root, tmp_path / "many", address=address, methods=methods).computed == 1
    assert files(tmp_path / "many") == files(tmp_path / "one")

    # An interrupted run keeps its results, leaves the cluster running and can be completed.
    with pytest.raises(KeyboardInterrupt):
        run(root, tmp_path / "cut", address=address, observer=Impatient(), methods=methods)
    assert run(root, tmp_path / "cut", address=address, methods=methods).computed == 8
    assert files(tmp_path / "cut") == files(tmp_path / "one")


class Watcher(Observer):
    """Adds a worker when the first result is there, and notes what Dask keeps."""

    def __init__(self, cluster):
        self.cluster, self.messages, self.profilers = cluster, [], []

    def step_done(self, name, images=1, pixels=0):
        from distributed import Client

        if not self.messages:
            with Client(self.cluster, set_as_default=False) as client:
                self.cluster.scale(2)
                client.wait_for_workers(2)
        connections = self.cluster.scheduler.stream_comms.values()
        self.messages.append([comm.recent_message_log.maxlen for comm in connections])
        self.profilers.append(profilers(self.cluster))


def profilers(cluster):
    """Whether Dask samples the tasks of each worker."""
    calls = [worker.periodic_callbacks.get("profile") for worker in cluster.workers.values()]
    return [call is not None and call.is_running() for call in calls]


@pytest.mark.slow
def test_dask_keeps_no_image_no_sample_and_no_name_of_a_parcel(root, tmp_path):
    from distributed import LocalCluster

    alone = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with LocalCluster(**alone, dashboard_address="127.0.0.1:0") as cluster:
        watcher = Watcher(cluster)
        run(root, tmp_path / "out", address=cluster.scheduler_address, observer=watcher)
        assert watcher.messages == [[0, 0]] * 6
        assert watcher.profilers == [[False, False]] * 6
        assert profilers(cluster) == [True, True]
        assert list(cluster.scheduler.task_prefixes) == ["srbench"]
        assert not [name for name in cluster.scheduler.plugins if name.startswith("srbench")]


@pytest.mark.slow
def test_what_stops_every_worker_is_named(root, tmp_path, cluster, monkeypatch):
    def deadly(lr):
        os._exit(1)

    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(
        SrbenchError, match=r"^1 workers .* while they had Mini/\w+ deadly; the usu"
    ):
        run(root, tmp_path / "out", address=cluster.scheduler_address, methods=(deadly,))


def test_a_mistake_is_told_as_on_one_machine(root, tmp_path, cluster, refused, mini):
    # An error that occurs only on the worker: originals are decoded before the work is sent.
    (tmp_path / "mine.py").write_text(
        "def fussy(sr, hr):\n"
        "    if sr.shape[0] == sr.shape[1]:\n"
        "        raise ValueError('a square')\n"
        "    return 1.0\n"
    )
    metric = ("--metrics", f"psnr,fussy={tmp_path / 'mine.py'}:fussy")
    told = refused(*mini, *metric, "--dask", cluster.scheduler_address)
    here = refused(*mini, *metric)
    assert all(word in here for word in ("Mini/face, nearest: ", "fussy", "a square"))
    # Workers begin with either method.
    assert told.replace("bicubic", "nearest") == here


def test_a_lost_scheduler_is_told_in_one_line_and_what_came_back_is_kept(
    root, tmp_path, monkeypatch, capfd
):
    from distributed import LocalCluster

    monkeypatch.setattr("srbench.benchmark.cluster._PATIENCE", "1 s")
    alone = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with LocalCluster(**alone, dashboard_address="127.0.0.1:0") as cluster:
        address = cluster.scheduler_address
        with pytest.raises(SrbenchError) as lost:
            run(root, tmp_path / "out", address=address, observer=Vandal(cluster))
    assert f"the Dask cluster at {address} is lost" in str(lost.value)
    assert "what was finished is kept: run the same command again" in str(lost.value)
    assert "reconnect" not in capfd.readouterr().err
    assert 1 <= run(root, tmp_path / "out").computed < 6


def test_a_worker_with_another_version_is_refused(root, tmp_path, cluster, monkeypatch):
    versions = {**_versions(), "numpy": "0.1"}
    monkeypatch.setattr("srbench.benchmark.cluster._versions", lambda: versions)
    with pytest.raises(SrbenchError, match=r"worker .* has numpy .*, this machine 0\.1; install"):
        run(root, tmp_path / "out", address=cluster.scheduler_address)
    assert not (tmp_path / "out/scores.csv").exists()


def test_an_address_where_nobody_answers(refused, mini, monkeypatch):
    monkeypatch.setattr("srbench.benchmark.cluster._PATIENCE", "1 s")
    line = refused(*mini, "--dask", "tcp://127.0.0.1:9")
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in line
    assert "no Dask scheduler answers at nowhere" in refused(*mini, "--dask", "nowhere")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://", "it names no machine"),
        ("http://127.0.0.1:8787", "unknown address scheme 'http'"),
        ("tls://127.0.0.1:9", "no certificates for tls"),
    ],
)
def test_what_is_no_address_is_refused_before_any_connection(
    refused, mini, monkeypatch, address, reason
):
    monkeypatch.setattr("srbench.benchmark.cluster.Client", None)
    line = refused(*mini, "--dask", address)
    assert reason in line
    assert "tcp://127.0.0.1:8786" in line


def test_without_the_extra(refused, mini, monkeypatch):
    monkeypatch.delitem(sys.modules, "srbench.benchmark.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install '.[dask]'" in refused(*mini, "--dask", "tcp://127.0.0.1:9")


@pytest.mark.slow
def test_a_users_own_metric_and_method_go_to_the_workers(root, tmp_path, cluster):
    """A file that imports another one, a function of this process, and a method in Python."""
    (tmp_path / "beside.py").write_text("FACTOR = 2\n")
    (tmp_path / "theirs.py").write_text(
        "import beside\ndef gap(sr, hr):\n    return beside.FACTOR * float(sr.mean() - hr.mean())\n"
    )

    (tmp_path / "whole.py").write_text(
        "import srbench\nclass Mae(srbench.Metric):\n"
        "    facts = (srbench.Facts('mae', 'grey levels', better='lower'),)\n"
        "    def load(self, weights, device):\n        self.factor = 2.0\n        return self\n"
        "    def prepare(self, original):\n        hr = original.hr.astype(float)\n"
        "        return lambda sr: self.factor * float(abs(sr - hr).mean())\n"
    )

    def spread(sr):
        return float(sr.std())

    def brighter(lr):
        return imresize(lr, 4) // 2 + 100

    experiment = Experiment(
        datasets=("Mini", "Bare"), methods=("bicubic", brighter), device="cpu", lr="given",
        metrics=("psnr", "lr_psnr", spread, f"gap={tmp_path / 'theirs.py'}:gap",
                 f"mae={tmp_path / 'whole.py'}:Mae"),
    )  # fmt: skip
    # With given LR images, with and without originals.
    for image in ("eye", "face", "man"):
        hr = crop_to_multiple(read_image(root / f"Mini/HR/{image}.png"), 4)
        lr = imresize(hr, 0.25, border="replicate")
        write_png(root / "Mini/LR/x4" / f"{image}.png", lr)
        write_png(root / "Bare/LR/x4" / f"{image}.png", lr)
    for out, address in (("here", None), ("there", cluster.scheduler_address)):
        run_all(
            experiment, tmp_path / out, root=root, weights=root / "none", report=False,
            dask=address,
        )  # fmt: skip
    here, there = ((tmp_path / out / "scores.csv").read_bytes() for out in ("here", "there"))
    assert here == there
    assert b"user,gap," in here
    assert b"user,spread," in here
    assert b"grey levels,mae," in here
    assert b"Bare,eye,bicubic,4,consistency,lr_psnr" in here
    assert not (tmp_path / "there/images/Bare/x4/HR").exists()


@pytest.mark.slow
def test_a_fault_in_it_on_a_worker_is_one_line(root, tmp_path, cluster):
    def broken(sr, hr):
        return {}["nothing"]

    experiment = Experiment(datasets=("Mini",), methods=("bicubic",), metrics=(broken,))
    with pytest.raises(SrbenchError, match=r"Mini/\w+, bicubic: the metric broken raised: KeyErr"):
        run_all(
            experiment, tmp_path / "out", root=root, weights=root / "none", report=False,
            dask=cluster.scheduler_address,
        )  # fmt: skip
