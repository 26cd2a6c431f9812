"""Run the open tasks of a plan on the workers of a Dask cluster.

A parcel is one method on one image. It contains all that a worker needs: the original's file, and
the SR image's file if it exists. Each worker gets the networks once and returns PNG files and
scores, which only this machine writes. So no shared file system is needed, and if a worker is
killed, Dask gives its parcels to another one.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self, TypeVar, cast

from distributed import (
    Client,
    Future,
    Scheduler,
    SchedulerPlugin,
    Security,
    Worker,
    WorkerPlugin,
    as_completed,
    get_worker,
)  # fmt: skip
from distributed.client import FutureCancelledError
from distributed.comm.addressing import parse_address
from distributed.comm.registry import get_backend
from distributed.scheduler import KilledWorker

from .. import __version__
from ..errors import SrbenchError
from ..files import write_bytes
from ..imaging import Border, encode_png
from ..methods import ImageId, Method
from ..methods.folder import FolderMethod
from ..methods.network import NetworkMethod
from ..metrics.base import Facts, Metric
from ..observer import Observer
from .cache import Cache
from .plan import Plan, remember
from .work import Job, JobResult, Task, load, place_of, process

_PATIENCE = "10 s"
"""The longest time to wait for a scheduler's answer."""
_LOGGERS = "distributed", "distributed.client"  # Dask sets a separate level for the latter
_SAME_EVERYWHERE = ("torch", "numpy", "pillow")
_T = TypeVar("_T")
# One parcel at a time in each process, for any number of Dask threads: torch uses the threads, and
# the measured times are those of one method.
_ALONE = threading.Lock()


class Parcel(NamedTuple):
    """One method on one image, or (no method) only the original's cropped copy."""

    equipment: str
    source: ImageId
    original: tuple[str, bytes] | None
    """Name and bytes of the original's file, if there is one."""
    lr: tuple[str, bytes] | None
    """Name and bytes of the LR image's file, if it is not made from the original."""
    scale: int
    border: Border
    method: str | None
    image: tuple[str, bytes] | None
    """Name and bytes of the SR image's file, if it already exists."""
    upscale: bool
    wanted: tuple[Facts, ...]
    wants_copy: bool
    """Whether to return the original's cropped copy too."""


class Delivery(NamedTuple):
    """The result of a parcel: the outcome and the bytes of the new PNG files."""

    outcome: JobResult | None
    sr: bytes | None
    copy: bytes | None


@dataclass
class Equipment(WorkerPlugin):
    """The data that every worker gets once: networks, metrics, and the driver's thread count."""

    name: str
    methods: Mapping[str, Method]
    metrics: tuple[Metric, ...]
    device: str
    """The device of the networks, recorded with the times."""
    threads: int
    versions: Mapping[str, str]
    _profiler: Any = field(default=None, init=False)
    """The worker's sampling of stacks, kept here while it is off."""

    def setup(self, worker: Worker) -> None:
        """Refuse a worker with other package versions, whose numbers might differ."""
        here = _versions()
        for package, expected in self.versions.items():
            if here[package] != expected:
                raise SrbenchError(
                    f"worker {worker.address} has {package} {here[package]}, this machine "
                    f"{expected}; install the same versions, or the scores may differ"
                )
        # Dask samples the stack of each task, keeps the samples for 1,000 seconds and reads the
        # source code of torch for them: up to 150 MiB. We remove it, because a worker that joins
        # starts all its periodic calls after this.
        self._profiler = worker.periodic_callbacks.pop("profile", None)
        if self._profiler is not None:
            self._profiler.stop()

    def teardown(self, worker: Worker) -> None:
        """Start the worker's profiler again."""
        if self._profiler is not None:
            worker.periodic_callbacks["profile"] = self._profiler
            self._profiler.start()


class Forgetful(SchedulerPlugin):
    """Lets the scheduler's connections to workers store no messages.

    Each would keep its last 1,000, with the images in them.
    """

    async def start(self, scheduler: Scheduler) -> None:
        """Change the connections to the current workers."""
        for connection in scheduler.stream_comms.values():
            _keep_no_messages(connection)

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Change the connection to a worker that joins during the run."""
        _keep_no_messages(scheduler.stream_comms[worker])


class Cluster:
    """A connection to a Dask scheduler, for one run; a context manager.

    Raises:
        SrbenchError: the address is not valid, or no scheduler answers there.
    """

    def __init__(self, address: str) -> None:
        _require_address(address)
        self._address = address
        # Lost workers and connections are reported here in one line, so Dask's own log is off.
        self._levels = {name: logging.getLogger(name).level for name in _LOGGERS}
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            self._restore_log_levels()
            raise SrbenchError(
                f"no Dask scheduler answers at {address}; start one with `dask scheduler` and "
                "give the address that it prints"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._restore_log_levels()

    def _restore_log_levels(self) -> None:
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def run(
        self,
        plan: Plan,
        cache: Cache,
        metrics: Sequence[Metric],
        device: str,
        observer: Observer,
        pixels: Mapping[ImageId, int],
    ) -> None:
        """Do every task of ``plan``; each result is stored as soon as it arrives.

        Raises:
            SrbenchError: the workers cannot run this srbench, an image or a method fails, or the
                cluster is lost. Finished results are kept.
        """
        equipment, cells = _equipment(plan, metrics, device), plan.by_name
        waiting: dict[Any, tuple[Task, Job | None]] = {}
        try:
            self._equip(equipment, observer)
            parcels = _parcels(plan, equipment)
            observer.begin(f"upscaling and scoring on {self._address}", *plan.extent(pixels))
            coming = as_completed(loop=self._client.loop)

            def send(count: int) -> None:
                for task, job, parcel in islice(parcels, count):
                    future = self._send(parcel)
                    waiting[future.key] = (task, job)
                    coming.add(future)

            # Enough to keep every worker busy, but few enough for the scheduler's memory.
            send(self._room())
            for future in coming:
                delivery: Delivery = future.result()
                task, job = waiting.pop(future.key)
                del future  # lets the worker forget the result
                _write(task, job, delivery)
                if delivery.copy is not None:
                    copy = hashlib.sha256(delivery.copy).hexdigest()
                    cache.put(plan.hr_keys[task.source], copy)
                if delivery.outcome is not None:
                    cell = cells[task.source, delivery.outcome.method]
                    remember(cache, cell, delivery.outcome, task)
                observer.step_done(place_of(task), 1, pixels[task.source])
                send(max(0, self._room() - len(waiting)))
        except KilledWorker as error:
            raise SrbenchError(
                f"{error.allowed_failures + 1} workers stopped one after another while they had "
                f"{cast(tuple[str, str], error.task)[1]}; the usual reason is too little memory: "
                "start fewer workers per machine"
            ) from error
        except (OSError, FutureCancelledError) as error:
            reason = "" if isinstance(error, FutureCancelledError) else f" ({error})"
            raise SrbenchError(
                f"the Dask cluster at {self._address} is lost{reason}; what was finished is kept: "
                "run the same command again to continue"
            ) from error
        finally:
            observer.end()
            self._tidy_up(equipment, list(waiting))

    def _equip(self, equipment: Equipment, observer: Observer) -> None:
        if not self._client.nthreads():
            observer.note(f"the cluster at {self._address} has no worker yet: waiting for one")
            self._client.wait_for_workers(1)
        try:
            self._client.run_on_scheduler(_versions)  # the scheduler also unpickles the tasks
            _keep_no_messages(self._client.scheduler_comm)
            self._client.register_plugin(Forgetful(), name=equipment.name)
            self._client.register_plugin(equipment, name=equipment.name)
        except SrbenchError:
            raise
        except Exception as error:  # any error of a machine without srbench
            raise SrbenchError(
                f"the cluster at {self._address} cannot run srbench ({error}); install srbench "
                f"{__version__} where its scheduler and its workers run"
            ) from error

    def _send(self, parcel: Parcel) -> Future:
        with warnings.catch_warnings():
            # Dask warns about large images in a task, which is intended here.
            warnings.filterwarnings("ignore", message="Sending large graph")
            # Dask never forgets the first part of a key: it must not differ from parcel to parcel.
            name = f"{parcel.source.dataset}/{parcel.source.image} {parcel.method or 'HR'}"
            return self._client.submit(work, parcel, key=(parcel.equipment, name), pure=False)

    def _room(self) -> int:
        threads = cast(dict[str, int], self._client.nthreads())
        return max(8, 3 * sum(threads.values()))

    def _tidy_up(self, equipment: Equipment, keys: list[Any]) -> None:
        with suppress(Exception):  # nothing to clean up on a lost cluster
            if keys:
                self._client.cancel([Future(key, client=self._client) for key in keys])
            self._client.unregister_worker_plugin(equipment.name)
        with suppress(Exception):
            self._client.unregister_scheduler_plugin(equipment.name)


def _require_address(address: str) -> None:
    # With an invalid address, a client would wait 20 s at the end of Python, and warn.
    reason = ""
    try:
        scheme, place = parse_address(address)
        get_backend(scheme)
        if not place:
            reason = "it names no machine"
        elif scheme == "tls" and not Security().get_connection_args("client").get("ssl_context"):
            reason = "Dask's configuration on this machine has no certificates for tls"
    except ValueError as error:
        reason = str(error)
    if reason:
        raise SrbenchError(
            f"--dask '{address}' cannot be used: {reason}; give the address that `dask scheduler` "
            "prints, such as tcp://127.0.0.1:8786"
        )


def work(parcel: Parcel) -> Delivery:
    """Process a parcel on a worker."""
    import torch
    from threadpoolctl import threadpool_limits

    equipment = cast(Equipment, get_worker().plugins[parcel.equipment])
    with _ALONE, TemporaryDirectory() as folder, threadpool_limits(equipment.threads):
        torch.set_num_threads(equipment.threads)
        task = _task(parcel, equipment, Path(folder))
        hr, lr = load(task)
        made: list[bytes] = []
        outcomes = process(
            task, hr, lr, equipment.metrics, equipment.device, lambda path, png: made.append(png)
        )
        copy = encode_png(hr) if parcel.wants_copy and hr is not None else None
        return Delivery(next(iter(outcomes), None), next(iter(made), None), copy)


def _task(parcel: Parcel, equipment: Equipment, folder: Path) -> Task:
    """The parcel's task, with its files in ``folder``."""
    original = _unpacked(parcel.original, folder / "original")
    lr = _unpacked(parcel.lr, folder / "lr")
    image = _unpacked(parcel.image, folder / "sr") or folder / "sr.png"
    jobs: tuple[Job, ...] = ()
    if parcel.method is not None:
        method = equipment.methods.get(parcel.method)
        if method is None:  # its images are sent one by one
            method = FolderMethod(parcel.method, parcel.scale, {parcel.source: image})
        jobs = (Job(method, image, parcel.upscale, parcel.wanted),)
    copy = folder / "copy.png"
    return Task(parcel.source, original, copy, parcel.scale, parcel.border, jobs, lr)


def _packed(path: Path | None) -> tuple[str, bytes] | None:
    return None if path is None else (path.name, path.read_bytes())


def _unpacked(file: tuple[str, bytes] | None, folder: Path) -> Path | None:
    if file is None:
        return None
    write_bytes(folder / file[0], file[1])
    return folder / file[0]


def _parcels(plan: Plan, equipment: Equipment) -> Iterator[tuple[Task, Job | None, Parcel]]:
    for task in plan.tasks:
        copy_only = Parcel(
            equipment.name, task.source, _packed(task.hr), _packed(task.lr), task.scale,
            task.border,
            method=None, image=None, upscale=False, wanted=(), wants_copy=True,
        )  # fmt: skip
        if not task.jobs:
            yield task, None, copy_only
        for index, job in enumerate(task.jobs):
            path = None if job.upscale else job.path
            if job.upscale and isinstance(job.method, FolderMethod):
                path = job.method.files[task.source]
            parcel = copy_only._replace(
                method=job.method.name,
                image=_packed(path),
                upscale=job.upscale,
                wanted=job.wanted,
                wants_copy=index == 0,
            )
            yield task, job, parcel


def _write(task: Task, job: Job | None, delivery: Delivery) -> None:
    if delivery.copy is not None:
        write_bytes(task.hr_copy, delivery.copy)
    if job is not None and delivery.sr is not None:
        write_bytes(job.path, delivery.sr)


def _equipment(plan: Plan, metrics: Sequence[Metric], device: str) -> Equipment:
    import torch

    methods = {
        job.method.name: _without_files(job.method, device)
        for task in plan.tasks
        for job in task.jobs
        if not isinstance(job.method, FolderMethod)
    }
    name = f"srbench-{secrets.token_hex(4)}"
    return Equipment(name, methods, tuple(metrics), device, torch.get_num_threads(), _versions())


def _without_files(method: Method, device: str) -> Method:
    """The same method with its weights in memory, because workers cannot read local files."""
    if not isinstance(method, NetworkMethod):
        return method
    return replace(method, load=partial(_itself, method.load()), device=device)


def _itself(thing: _T) -> _T:
    return thing


def _keep_no_messages(connection: Any) -> None:
    connection.recent_message_log = deque(maxlen=0)


def _versions() -> dict[str, str]:
    return {"srbench": __version__} | {name: version(name) for name in _SAME_EVERYWHERE}
