"""The open tasks of a plan, done on this machine one image after another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_bytes
from ..imaging import encode_png
from ..observer import Observer
from .cache import Cache
from .plan import Plan, remember
from .work import Task, load, process

if TYPE_CHECKING:
    from ..imaging.luma import Image
    from ..metrics.base import Metric


def run_here(
    plan: Plan, cache: Cache, metrics: Sequence[Metric], device: str, observer: Observer
) -> None:
    """Do every task of ``plan``; each image's results are kept before the next one's are.

    ``device`` is where networks run. All are loaded first: one that does not work stops the run
    before anything is computed.

    Raises:
        SrbenchError: an image or a method does not work; what was finished before is kept.
    """
    cells = plan.by_name
    for method in plan.to_run:
        method.prepare()
    observer.begin("upscaling and scoring", len(plan.tasks))
    try:
        # Decoding the next original and writing PNG run beside the computation.
        with ThreadPoolExecutor(max_workers=2) as pool:
            for task, hr, lr in _loaded_ahead(plan.tasks, pool):
                writes: list[Future[None]] = []

                def write(path: Path, png: bytes, writes: list[Future[None]] = writes) -> None:
                    writes.append(pool.submit(write_bytes, path, png))

                copy = None if hr is None else encode_png(hr)
                if copy is not None:
                    write(task.hr_copy, copy)
                outcomes = process(task, hr, lr, metrics, device, write)
                for done in writes:
                    done.result()  # only what stands on the disk is noted as known
                if copy is not None:
                    cache.put(plan.hr_keys[task.source], hashlib.sha256(copy).hexdigest())
                for outcome in outcomes:
                    remember(cache, cells[task.source, outcome.method], outcome, task)
                observer.step_done(f"{task.source.dataset}/{task.source.image}")
    finally:
        observer.end()


def _loaded_ahead(
    tasks: Sequence[Task], pool: ThreadPoolExecutor
) -> Iterator[tuple[Task, Image | None, Image]]:
    """Each task with its images, the next one being decoded meanwhile."""
    coming = pool.submit(load, tasks[0])
    for index, task in enumerate(tasks):
        hr, lr = coming.result()
        if index + 1 < len(tasks):
            coming = pool.submit(load, tasks[index + 1])
        yield task, hr, lr
