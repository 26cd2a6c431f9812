"""One image through the methods: upscale, write, score. Only what is not known yet is done."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import SrbenchError
from ..imaging import Border, crop_to_multiple, encode_png, imresize, read_image
from ..imaging.luma import Image
from ..methods import ImageId, Method
from ..metrics.protocols import LPIPS_PROTOCOL, Reference, get_protocol

if TYPE_CHECKING:
    from ..metrics.lpips import Lpips, LpipsReference


@dataclass(frozen=True)
class Job:
    """What is to be done for one method on one image."""

    method: Method
    path: Path
    """Where the SR image is, or is to be written."""
    upscale: bool
    """Whether the SR image is to be made; else it is read from ``path``."""
    protocols: tuple[str, ...]
    lpips: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """One original image and the jobs that are open on it."""

    source: ImageId
    hr: Path
    hr_copy: Path
    """Where the original, cropped to a multiple of the scale, is to be kept as PNG."""
    scale: int
    border: Border
    jobs: tuple[Job, ...]


class MadeImage(NamedTuple):
    """An SR image that was just made."""

    png_sha256: str
    pixels_sha256: str
    seconds: float | None
    """The time ``upscale`` took; None where it says nothing about the method."""
    megapixels: float
    device: str


class JobResult(NamedTuple):
    """What a job gave; ``made`` is None where the image stood already."""

    method: str
    made: MadeImage | None
    scores: dict[tuple[str, str], float]


def array_sha256(image: Image) -> str:
    """SHA-256 of an image's shape and pixels, hexadecimal."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def load(task: Task) -> tuple[Image, Image]:
    """The cropped original and the LR image made from it."""
    try:
        hr = crop_to_multiple(read_image(task.hr), task.scale)
        return hr, imresize(hr, Fraction(1, task.scale), border=task.border)
    except SrbenchError as error:
        raise _located(error, task.source, None) from error


class Metrics:
    """The metrics of one original image, each prepared at its first use and kept."""

    def __init__(self, hr: Image, scale: int, lpips: Mapping[str, Lpips]) -> None:
        self._hr, self._scale, self._lpips = hr, scale, lpips
        self._references: dict[str, Reference] = {}
        self._features: dict[str, LpipsReference] = {}

    def protocol(self, name: str, sr: Image) -> dict[tuple[str, str], float]:
        """PSNR and SSIM by (protocol, metric)."""
        if name not in self._references:
            self._references[name] = get_protocol(name).prepare(self._hr, self._scale)
        scores = self._references[name].score(sr)
        return {(name, metric): value for metric, value in scores.items()}

    def lpips(self, net: str, sr: Image) -> dict[tuple[str, str], float]:
        """LPIPS with one backbone by (protocol, metric)."""
        metric = self._lpips[net]
        if net not in self._features:
            self._features[net] = metric.prepare(self._hr)
        return {(LPIPS_PROTOCOL, f"lpips_{net}"): metric.distance(self._features[net], sr)}


def process(
    task: Task,
    hr: Image,
    lr: Image,
    lpips: Mapping[str, Lpips],
    device: str,
    write: Callable[[Path, bytes], None],
) -> list[JobResult]:
    """Do every job of a task.

    Args:
        task: what is open on one image.
        hr, lr: what :func:`load` gave for it.
        lpips: the LPIPS metric of every backbone that a job asks for.
        device: where networks run, as recorded beside times.
        write: puts bytes into a file, complete or not at all; may return before it is done.

    Raises:
        SrbenchError: naming the image and the method.
    """
    metrics = Metrics(hr, task.scale, lpips)
    outcomes: list[JobResult] = []
    for job in task.jobs:
        try:
            outcomes.append(_do(task, job, lr, metrics, device, write))
        except SrbenchError as error:
            raise _located(error, task.source, job.method.name) from error
    return outcomes


def _do(
    task: Task,
    job: Job,
    lr: Image,
    metrics: Metrics,
    device: str,
    write: Callable[[Path, bytes], None],
) -> JobResult:
    if job.upscale:
        job.method.prepare()
        begun = time.perf_counter()
        sr = job.method.upscale(lr, task.source)
        seconds = time.perf_counter() - begun
        png = encode_png(sr)
        write(job.path, png)
        made = MadeImage(
            hashlib.sha256(png).hexdigest(),
            array_sha256(sr),
            seconds if job.method.timed else None,
            sr.shape[0] * sr.shape[1] / 1e6,
            device,
        )
    else:
        sr, made = read_image(job.path), None
    scores: dict[tuple[str, str], float] = {}
    for protocol in job.protocols:
        scores |= metrics.protocol(protocol, sr)
    for net in job.lpips:
        scores |= metrics.lpips(net, sr)
    return JobResult(job.method.name, made, scores)


def _located(error: SrbenchError, source: ImageId, method: str | None) -> SrbenchError:
    where = f"{source.dataset}/{source.image}" + (f", {method}" if method else "")
    return type(error)(f"{where}: {error}")
