"""The open tasks of a plan, done on this machine with all its cores.

Upscaling is the calling thread's, one image after another while all else rests: a network uses the
cores by itself, and the time that is recorded is that of the method alone. Everything else
(decoding, shrinking, PNG, luma, SSIM, LPIPS) is done for several images at once, each on one core.
The two take turns. Threads gain most where single calls are long (PNG, resize, LPIPS): SSIM and
luma are many short calls of NumPy, after each of which they wait for Python's lock.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import SrbenchError
from ..files import write_bytes
from ..imaging import encode_png
from ..metrics.base import Facts, Original
from ..observer import Observer
from .cache import Cache
from .plan import Plan, remember
from .work import JobResult, Scorer, Task, Upscaled, finish, load, located, upscale

if TYPE_CHECKING:
    from ..imaging.luma import Image
    from ..metrics.base import Metric

_PIXELS = 2**24
"""What the images that are worked on at once have together at most, unless one alone has more:
scoring takes some hundred bytes per pixel."""

_TURN = 1.0
"""Seconds of upscaling after which what was made is scored, so that progress shows."""

_IMAGES_PER_CORE = 4
"""Images per core in one turn, at most; with few the cores wait long for the last one."""


@dataclass
class _InWork:
    """An image whose SR images are there."""

    task: Task
    hr: Image | None
    size: tuple[int, int]
    scorer: Scorer
    """The metrics that several threads may compute at once."""
    upscaled: list[Upscaled] = field(default_factory=list)
    numbers: list[dict[Facts, float]] = field(default_factory=list)
    """Of each job, the numbers of the other metrics."""

    @property
    def pixels(self) -> int:
        """Of each of its SR images."""
        return self.size[0] * self.size[1]


_Loading = tuple[Task, Future[tuple["Image | None", "Image"]]]


def run_here(
    plan: Plan, cache: Cache, metrics: Sequence[Metric], device: str, observer: Observer
) -> None:
    """Do every task of ``plan``; results are kept in the order of the images, as they come.

    ``device`` is where networks run. All are loaded first: one that does not work stops the run
    before anything is computed.

    Raises:
        SrbenchError: an image or a method does not work; what was finished before is kept.
    """
    cells, workers = plan.by_name, cores()
    together = [m for m in metrics if m.parallel and (device == "cpu" or not m.uses_device)]
    alone = [m for m in metrics if m not in together]

    def keep(image: _InWork, copy: str | None, outcomes: list[JobResult]) -> None:
        task = image.task
        if copy is not None:
            cache.put(plan.hr_keys[task.source], copy)
        for outcome, numbers in zip(outcomes, image.numbers, strict=True):
            outcome.scores.update(numbers)
            remember(cache, cells[task.source, outcome.method], outcome, task)
        observer.step_done(f"{task.source.dataset}/{task.source.image}")

    for method in plan.to_run:
        method.prepare()
    observer.begin("upscaling and scoring", len(plan.tasks))
    try:
        tasks = iter(plan.tasks)
        loaded: deque[_Loading] = deque()
        images: list[_InWork] = []
        error: SrbenchError | None = None
        while error is None:
            largest = max((image.pixels for image in images), default=0)
            room = _PIXELS // largest if largest else 1  # the first image tells how large they are
            with _pool(max(1, min(workers, room))) as pool:
                results = _finished(images, device, pool)
                ahead = max(1, min(_IMAGES_PER_CORE * workers, room))
                while len(loaded) < ahead and (task := next(tasks, None)) is not None:
                    loaded.append((task, pool.submit(load, task)))
                for image, copy, outcomes in results:
                    keep(image, copy.result(), [outcome.result() for outcome in outcomes])
            if not loaded:
                return
            images, error = _upscaled(loaded, together, alone)
        with _pool(1) as pool:  # what was upscaled before the error was met
            for image, copy, outcomes in _finished(images, device, pool):
                keep(image, copy.result(), [outcome.result() for outcome in outcomes])
        raise error
    finally:
        observer.end()


def cores() -> int:
    """The cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _upscaled(
    loaded: deque[_Loading],
    together: Sequence[Metric],
    alone: Sequence[Metric],
) -> tuple[list[_InWork], SrbenchError | None]:
    """Images of a turn, taken from ``loaded`` and upscaled, and the error that ended it."""
    images: list[_InWork] = []
    begun = time.perf_counter()
    while loaded and (not images or time.perf_counter() - begun < _TURN):
        task, coming = loaded.popleft()
        try:
            hr, lr = coming.result()
            original = Original(hr, task.scale, lr, task.border)
            image = _InWork(task, hr, original.size, Scorer(original, together))
            scorer = Scorer(original, alone)
            for job in task.jobs:
                with located(task, job):
                    made = upscale(task, job, lr)
                    image.upscaled.append(made)
                    image.numbers.append(scorer.score(made.sr, job.wanted) if alone else {})
        except SrbenchError as error:
            return images, error
        images.append(image)
    return images, None


_Results = list[tuple[_InWork, Future[str | None], list[Future[JobResult]]]]


def _finished(images: Sequence[_InWork], device: str, pool: ThreadPoolExecutor) -> _Results:
    """Let the pool write and score the images: the hash of each one's copy, and its results."""

    def copy(image: _InWork) -> str | None:
        if image.hr is None:
            return None
        png = encode_png(image.hr)
        write_bytes(image.task.hr_copy, png)
        return hashlib.sha256(png).hexdigest()

    def score(image: _InWork, index: int) -> JobResult:
        job = image.task.jobs[index]
        with located(image.task, job):
            return finish(job, image.upscaled[index], image.scorer, device, write_bytes)

    results: _Results = [(image, pool.submit(copy, image), []) for image in images]
    # Methods outside, images inside: threads seldom wait for the same original to be prepared.
    for index in range(max((len(image.upscaled) for image in images), default=0)):
        for image, _, outcomes in results:
            if index < len(image.upscaled):
                outcomes.append(pool.submit(score, image, index))
    return results


@contextmanager
def _pool(size: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in each of which torch computes on one core; after an error none begins more."""
    torch = sys.modules.get("torch")  # without networks nobody has imported it
    if torch is None:
        pool, precision, threads = ThreadPoolExecutor(size), nullcontext(), 0
    else:
        from ..models.device import full_precision

        # Held around all threads, as each puts back what it found.
        threads, precision = torch.get_num_threads(), full_precision()
        pool = ThreadPoolExecutor(size, initializer=torch.set_num_threads, initargs=(1,))
    with precision:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            pool.shutdown()
            if torch is not None:
                torch.set_num_threads(threads)  # the number of threads to come
