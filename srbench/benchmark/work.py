"""Process one image with the methods: upscale, write and score what is not cached."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..imaging import Border, read_image
from ..imaging.luma import Image
from ..methods import ImageId, Method
from ..metrics.base import Facts, Metric, Original
from .pixels import Finished, Scorer, located, read_pair, write_sr


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

    @property
    def steps(self) -> int:
        """The count for progress: its SR images, or one if only the original's copy is open."""
        return max(1, len(self.jobs))


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


def load(task: Task) -> tuple[Image | None, Image]:
    """The cropped original, if there is one, and the LR image: the given one, or made from it."""
    with located(place_of(task)):
        return read_pair(task.hr, task.lr, task.scale, task.border)


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
        with located(place_of(task, job)):
            upscaled = upscale(task, job, lr)
            hashes = write_sr(upscaled.sr, job.path, write) if job.upscale else None
            scores = scorer.score(upscaled.sr, job.wanted)
        outcomes.append(result_of(job, upscaled, Finished(hashes, scores), device))
    return outcomes


def upscale(task: Task, job: Job, lr: Image) -> Upscaled:
    """The SR image of a job: made and timed, or read if it already exists."""
    if not job.upscale:
        return Upscaled(read_image(job.path), None)
    job.method.prepare()
    begun = time.perf_counter()
    sr = job.method.upscale(lr, task.source)
    return Upscaled(sr, time.perf_counter() - begun)


def result_of(job: Job, upscaled: Upscaled, finished: Finished, device: str) -> JobResult:
    """The result of a job whose SR image is written and scored."""
    made = None
    if finished.hashes is not None:
        height, width = upscaled.sr.shape[:2]
        seconds = upscaled.seconds if job.method.timed else None
        made = MadeImage(*finished.hashes, seconds, height * width / 1e6, device)
    return JobResult(job.method.name, made, finished.scores)


def place_of(task: Task, job: Job | None = None) -> str:
    """The image of a task, and the method if there is one, for messages."""
    where = f"{task.source.dataset}/{task.source.image}"
    return f"{where}, {job.method.name}" if job else where
