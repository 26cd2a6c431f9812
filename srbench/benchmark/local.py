"""Run the open tasks of a plan on all cores of this machine.

The calling thread upscales one image after another while nothing else runs, because a network
already uses all cores and the measured time must be that of the method. All other work (decoding,
downscaling, PNG, luma, SSIM, LPIPS) runs for several images at once, each on one core. The two
phases alternate. Threads gain most where single calls are long (PNG, resize, LPIPS): SSIM and luma
are many short calls of NumPy, after each of which they wait for Python's lock.
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
"""The maximum number of pixels in work at once (a single larger image is allowed): scoring takes
some hundred bytes per pixel.
"""

_TURN = 1.0
"""Seconds of upscaling before the new images are scored, so that progress is visible."""

_IMAGES_PER_CORE = 4
"""The maximum number of images per core in one phase; with few images, cores wait for the last one.
"""


@dataclass
class _InWork:
    """An image with its SR images."""

    task: Task
    hr: Image | None
    size: tuple[int, int]
    scorer: Scorer
    """The metrics that several threads may compute at once."""
    upscaled: list[Upscaled] = field(default_factory=list)
    numbers: list[dict[Facts, float]] = field(default_factory=list)
    """The numbers of the other metrics, for each job."""

    @property
    def pixels(self) -> int:
        """The number of pixels of each SR image."""
        return self.size[0] * self.size[1]


_Loading = tuple[Task, Future[tuple["Image | None", "Image"]]]


def run_here(
    plan: Plan, cache: Cache, metrics: Sequence[Metric], device: str, observer: Observer
) -> None:
    """Do every task of ``plan``; results are stored at once, in the order of the images.

    ``device`` is the device of networks. All networks are loaded first, so that a broken one stops
    the run before any computation.

    Raises:
        SrbenchError: an image or a method fails. Finished results are kept.
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
            room = _PIXELS // largest if largest else 1  # based on the size of the first image
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
        with _pool(1) as pool:  # finish the images that were upscaled before the error
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
    """The upscaled images of one phase, taken from ``loaded``, and the error that ended it."""
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
    """Write and score the images in the pool; returns the hash of each copy and the results."""

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
    # Loop over methods outside and images inside, so that threads rarely wait for the same
    # original.
    for index in range(max((len(image.upscaled) for image in images), default=0)):
        for image, _, outcomes in results:
            if index < len(image.upscaled):
                outcomes.append(pool.submit(score, image, index))
    return results


@contextmanager
def _pool(size: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads in which torch uses one core each; after an error no new work starts."""
    torch = sys.modules.get("torch")  # without networks torch is not imported
    if torch is None:
        pool, precision, threads = ThreadPoolExecutor(size), nullcontext(), 0
    else:
        from ..models.device import full_precision

        # Set around all threads, because each restores the value that it found.
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
