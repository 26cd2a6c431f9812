"""Process one image with the methods: upscale, write and score what is not cached."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import SrbenchError
from ..imaging import (
    Border,
    crop_to_multiple,
    encode_png,
    imresize,
    read_image,
    require_image,
)
from ..imaging.luma import Image
from ..methods import ImageId, Method
from ..metrics.base import Facts, Metric, Numbers, Original
from ..metrics.protocols import require_size


@dataclass(frozen=True)
class Job:
    """The open work for one method on one image."""

    method: Method
    path: Path
    """The path of the SR image."""
    upscale: bool
    """Whether to make the SR image; otherwise it is read from ``path``."""
    wanted: tuple[Facts, ...]
    """The numbers that are not cached."""


@dataclass(frozen=True)
class Task:
    """One original image and its open jobs."""

    source: ImageId
    hr: Path | None
    """None without an original."""
    hr_copy: Path
    """The path for the original, cropped to a multiple of the scale, as PNG."""
    scale: int
    border: Border
    jobs: tuple[Job, ...]
    lr: Path | None = None
    """The LR image; None: it is made from the original."""


class MadeImage(NamedTuple):
    """An SR image that was just made."""

    png_sha256: str
    pixels_sha256: str
    seconds: float | None
    """The time of ``upscale``; None if it does not measure the method."""
    megapixels: float
    device: str


class Upscaled(NamedTuple):
    """The SR image of a job."""

    sr: Image
    seconds: float | None
    """The time of ``upscale``; None if the image already existed."""


class JobResult(NamedTuple):
    """The result of a job; ``made`` is None if the image already existed."""

    method: str
    made: MadeImage | None
    scores: dict[Facts, float]


def array_sha256(image: Image) -> str:
    """SHA-256 of an image's shape and pixels, in hexadecimal."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def load(task: Task) -> tuple[Image | None, Image]:
    """The cropped original, if there is one, and the LR image: the given one, or made from it."""
    with located(task):
        hr = None if task.hr is None else crop_to_multiple(read_image(task.hr), task.scale)
        if task.lr is not None:
            return hr, read_image(task.lr)
        assert hr is not None, "a data set has originals or LR images"
        return hr, imresize(hr, Fraction(1, task.scale), border=task.border)


class Scorer:
    """The metrics of one original image, each prepared at its first use.

    Several threads may use it at once if all its metrics allow that.
    """

    def __init__(self, original: Original, metrics: Sequence[Metric]) -> None:
        self._original, self._metrics = original, metrics
        self._prepared: dict[int, Callable[[Image], Numbers]] = {}
        self._preparing = threading.Lock()

    def score(self, sr: Image, wanted: Collection[Facts] | None = None) -> dict[Facts, float]:
        """All numbers, or those of the metrics with a wanted number."""
        open_ = [
            index
            for index, metric in enumerate(self._metrics)
            if wanted is None or any(facts in wanted for facts in metric.facts)
        ]
        with self._preparing:
            for index in open_:
                if index not in self._prepared:
                    self._prepared[index] = self._metrics[index].prepare(self._original)
        require_image("the SR image", sr)
        require_size(sr, self._original.size, self._original.scale)
        found: dict[Facts, float] = {}
        for index in open_:
            metric, numbers = self._metrics[index], self._prepared[index](sr)
            values = [numbers] if isinstance(numbers, (int, float)) else numbers
            for facts, value in zip(metric.facts, values, strict=True):
                found[facts] = float(value)
        return found


def process(
    task: Task,
    hr: Image | None,
    lr: Image,
    metrics: Sequence[Metric],
    device: str,
    write: Callable[[Path, bytes], None],
) -> list[JobResult]:
    """Do the jobs of a task one after another.

    Args:
        task: the open jobs on one image.
        hr, lr: the result of :func:`load` for it.
        metrics: every metric of the run, loaded.
        device: the device of networks, recorded with the times.
        write: writes bytes to a file atomically.

    Raises:
        SrbenchError: an image or a method fails; the message names both.
    """
    scorer = Scorer(Original(hr, task.scale, lr, task.border), metrics)
    outcomes: list[JobResult] = []
    for job in task.jobs:
        with located(task, job):
            made = upscale(task, job, lr)
            outcomes.append(finish(job, made, scorer, device, write))
    return outcomes


def upscale(task: Task, job: Job, lr: Image) -> Upscaled:
    """The SR image of a job: made and timed, or read if it already exists."""
    if not job.upscale:
        return Upscaled(read_image(job.path), None)
    job.method.prepare()
    begun = time.perf_counter()
    sr = job.method.upscale(lr, task.source)
    return Upscaled(sr, time.perf_counter() - begun)


def finish(
    job: Job,
    upscaled: Upscaled,
    scorer: Scorer,
    device: str,
    write: Callable[[Path, bytes], None],
) -> JobResult:
    """Write an SR image that was made, and score it."""
    sr, seconds = upscaled
    made = None
    if seconds is not None:
        png = encode_png(sr)
        write(job.path, png)
        made = MadeImage(
            hashlib.sha256(png).hexdigest(),
            array_sha256(sr),
            seconds if job.method.timed else None,
            sr.shape[0] * sr.shape[1] / 1e6,
            device,
        )
    return JobResult(job.method.name, made, scorer.score(sr, job.wanted))


@contextmanager
def located(task: Task, job: Job | None = None) -> Iterator[None]:
    """Add the image, and the method if there is one, in front of an error's message."""
    try:
        yield
    except SrbenchError as error:
        where = f"{task.source.dataset}/{task.source.image}"
        where += f", {job.method.name}" if job else ""
        raise type(error)(f"{where}: {error}") from error
