"""Run the open tasks of a plan on all cores of this machine.

The calling thread upscales one image after another while nothing else runs, because a network
already uses all cores and the measured time must be that of the method. All other work runs for
several images at once, each on one core. The two phases alternate. Helper processes decode,
downscale, write PNG files and compute our NumPy metrics; threads compute LPIPS, whose calls are
long.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import SrbenchError
from ..methods import ImageId
from ..metrics.base import Facts, Original
from ..observer import Observer
from . import pools
from .cache import Cache
from .helpers import Helpers
from .pixels import Scorer, SrImage, finish_images, located, read_pair
from .plan import Plan, remember
from .pools import SortedMetrics, sort_metrics, thread_pool
from .work import JobResult, Task, Upscaled, place_of, result_of, upscale

if TYPE_CHECKING:
    from ..imaging.luma import Image
    from ..metrics.base import Metric

_TURN = 1.0
"""Seconds of upscaling before the new images are scored, so that progress is visible."""

_IMAGES_PER_CORE = 16
"""The maximum number of images per core in one phase; with few images, cores wait for the last one.
"""


@dataclass
class _InWork:
    """An image with its SR images."""

    task: Task
    original: Original
    scorer: Scorer
    """The metrics that threads compute."""
    upscaled: list[Upscaled] = field(default_factory=list)
    numbers: list[dict[Facts, float]] = field(default_factory=list)
    """The numbers of the metrics in ``alone``, for each job."""

    @property
    def pixels(self) -> int:
        """The pixels of its SR images."""
        return sum(made.sr.shape[0] * made.sr.shape[1] for made in self.upscaled)


_Loading = tuple[Task, Future[tuple["Image | None", "Image"]]]
_Part = tuple["str | None", list[JobResult]]
"""The hash of the original's copy (only of an image's first part), and the results of some jobs."""


def run_here(
    plan: Plan,
    cache: Cache,
    metrics: Sequence[Metric],
    device: str,
    observer: Observer,
    helpers: Helpers,
    pixels: Mapping[ImageId, int],
) -> None:
    """Do every task of ``plan``; results are stored at once, in the order of the images.

    ``device`` is the device of networks, ``pixels`` the size of the SR images of each original. All
    networks are loaded first, so that a broken one stops the run before any computation.

    Raises:
        SrbenchError: an image or a method fails. Finished results are kept.
    """
    cells, sorted_ = plan.by_name, sort_metrics(metrics, device)

    def keep(image: _InWork, parts: list[Future[_Part]]) -> None:
        task, found = image.task, [part.result() for part in parts]
        copy = found[0][0]
        if copy is not None:
            cache.put(plan.hr_keys[task.source], copy)
        outcomes = [outcome for _, some in found for outcome in some]
        for outcome, numbers in zip(outcomes, image.numbers, strict=True):
            outcome.scores.update(numbers)
            remember(cache, cells[task.source, outcome.method], outcome, task)
        observer.step_done(place_of(task), task.steps, task.steps * pixels[task.source])

    room = max(1, pools.MAX_PIXELS // max(pixels.values()))
    at_once, ahead = min(helpers.cores, room), min(_IMAGES_PER_CORE * helpers.cores, room)
    for method in plan.to_run:
        method.prepare()
    observer.begin("upscaling and scoring", *plan.extent(pixels))
    try:
        tasks = iter(plan.tasks)
        loaded: deque[_Loading] = deque()
        images: list[_InWork] = []
        error: SrbenchError | None = None
        while error is None:
            with thread_pool(at_once) as pool:
                results = _finished(images, sorted_, device, pool, helpers, at_once)
                while len(loaded) < ahead and (task := next(tasks, None)) is not None:
                    loaded.append((task, pool.submit(_load, task, helpers)))
                for image, parts in results:
                    keep(image, parts)
            if not loaded:
                return
            images, error = _upscaled(loaded, sorted_)
        with thread_pool(1) as pool:  # finish the images that were upscaled before the error
            for image, parts in _finished(images, sorted_, device, pool, helpers, 1):
                keep(image, parts)
        raise error
    finally:
        observer.end()


def _load(task: Task, helpers: Helpers) -> tuple[Image | None, Image]:
    with located(place_of(task)):
        return helpers.run(read_pair, task.hr, task.lr, task.scale, task.border)


def _upscaled(
    loaded: deque[_Loading], metrics: SortedMetrics
) -> tuple[list[_InWork], SrbenchError | None]:
    """The upscaled images of one phase, taken from ``loaded``, and the error that ended it."""
    images: list[_InWork] = []
    begun = time.perf_counter()
    while loaded and (not images or time.perf_counter() - begun < _TURN):
        task, coming = loaded.popleft()
        try:
            hr, lr = coming.result()
            original = Original(hr, task.scale, lr, task.border)
            image = _InWork(task, original, Scorer(original, metrics.by_threads))
            scorer = Scorer(original, metrics.alone)
            for job in task.jobs:
                with located(place_of(task, job)):
                    made = upscale(task, job, lr)
                    image.upscaled.append(made)
                    found = scorer.score(made.sr, job.wanted) if metrics.alone else {}
                    image.numbers.append(found)
        except SrbenchError as error:
            return images, error
        images.append(image)
    return images, None


def _finished(
    images: Sequence[_InWork],
    metrics: SortedMetrics,
    device: str,
    pool: ThreadPoolExecutor,
    helpers: Helpers,
    at_once: int,
) -> list[tuple[_InWork, list[Future[_Part]]]]:
    """Write and score the images in the pool, each in one part or several."""

    def finish(image: _InWork, first: int, last: int) -> _Part:
        task = image.task
        jobs = list(zip(task.jobs, image.upscaled, strict=True))[first:last]
        copy = task.hr_copy if first == 0 and image.original.there else None
        sr = [
            SrImage(place_of(task, job), made.sr, job.path if job.upscale else None, job.wanted)
            for job, made in jobs
        ]
        sha256, finished = helpers.run(finish_images, image.original, copy, sr, metrics.by_helpers)
        results: list[JobResult] = []
        for (job, made), one in zip(jobs, finished, strict=True):
            with located(place_of(task, job)):
                one.scores.update(image.scorer.score(made.sr, job.wanted))
            results.append(result_of(job, made, one, device))
        return sha256, results

    # One part prepares the original only once. For few images, several parts use all cores.
    parts = -(-2 * at_once // max(1, len(images)))
    found: dict[int, list[Future[_Part]]] = {}
    # The largest first, so that all cores end at about the same time.
    for index in sorted(range(len(images)), key=lambda i: -images[i].pixels):
        image = images[index]
        step = max(1, -(-len(image.upscaled) // parts))
        firsts = range(0, max(1, len(image.upscaled)), step)
        found[index] = [pool.submit(finish, image, at, at + step) for at in firsts]
    return [(image, found[index]) for index, image in enumerate(images)]
