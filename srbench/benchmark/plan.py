"""What is still to be done: every (image, method) of a run against the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..config import Experiment
from ..data.folder import Dataset
from ..errors import DatasetError, ImageError
from ..imaging import Border, probe_image
from ..methods import ImageId, Method, Selection
from ..methods.base import file_sha256
from ..metrics.base import Facts, Metric
from .cache import Cache, content_key
from .results import ResultsFolder
from .work import Job, JobResult, MadeImage, Task

# Changed whenever one of our metrics without a fingerprint of its own, or the resize, may give
# another number for the same pixels.
_METRICS_VERSION = 1

IMPORTED = "imported"
"""The protocol of numbers that were computed elsewhere."""


@dataclass(frozen=True)
class MethodOnImage:
    """One method on one image: the keys of what it gives, and the file it gives it in."""

    method: Method
    source: ImageId
    hr_sha256: str
    key: str


@dataclass(frozen=True)
class Plan:
    """All cells of a run, and the tasks that are open."""

    cells: tuple[MethodOnImage, ...]
    tasks: tuple[Task, ...]
    hr_keys: Mapping[ImageId, str]
    """Cache key of each original's cropped copy."""

    @property
    def by_name(self) -> dict[tuple[ImageId, str], MethodOnImage]:
        """The cells by image and name of the method."""
        return {(cell.source, cell.method.name): cell for cell in self.cells}

    @property
    def to_run(self) -> list[Method]:
        """The methods that are to make an SR image."""
        jobs = (job for task in self.tasks for job in task.jobs if job.upscale)
        return list({job.method.name: job.method for job in jobs}.values())

    @property
    def jobs(self) -> int:
        """Jobs of all tasks."""
        return sum(len(task.jobs) for task in self.tasks)


def made_of(cache: Cache, cell: MethodOnImage) -> MadeImage | None:
    """What is known of a cell's SR image."""
    value = cache.get(cell.key)
    return None if value is None else MadeImage(*value)


def remember(cache: Cache, cell: MethodOnImage, outcome: JobResult, task: Task) -> None:
    """Keep what a job gave. Its SR image must stand on the disk by now."""
    if outcome.made is not None:
        cache.put(cell.key, list(outcome.made))
    made = made_of(cache, cell)
    assert made is not None  # a job that does not make the image has a known one
    for facts, value in outcome.scores.items():
        cache.put(score_key(cell, made.pixels_sha256, task.scale, task.border, facts), value)


def score_key(
    cell: MethodOnImage, pixels_sha256: str, scale: int, border: Border, facts: Facts
) -> str:
    """The cache key of one number: the content of what makes it."""
    if facts.protocol == IMPORTED:
        source = cell.source.dataset, cell.source.image, cell.method.name
        return imported_key(*source, scale, pixels_sha256, facts.name)
    parts: list[object] = [cell.hr_sha256, pixels_sha256, scale, *facts.key]
    if facts.fingerprint:
        parts.append(facts.fingerprint)
    if facts.needs == "lr":  # which the border rule makes
        parts.append(border)
    return content_key("score", _METRICS_VERSION, *parts)


def imported_key(
    dataset: str, image: str, method: str, scale: int, pixels_sha256: str, metric: str
) -> str:
    """The cache key of a number that was computed elsewhere, of these very pixels."""
    return content_key("imported", dataset, image, method, scale, pixels_sha256, metric)


def make_plan(
    datasets: Sequence[Dataset],
    selection: Selection,
    experiment: Experiment,
    metrics: Sequence[Metric],
    folder: ResultsFolder,
    cache: Cache,
    *,
    force: bool,
) -> Plan:
    """Find out what is open, by content: files' bytes, fingerprints of methods and metrics.

    ``force`` takes nothing for known. An SR image counts as known only while its file is there
    with the very bytes that were written.
    """
    cells: list[MethodOnImage] = []
    tasks: list[Task] = []
    hr_keys: dict[ImageId, str] = {}
    scale = experiment.scale
    facts = [facts for metric in metrics for facts in metric.facts]
    for dataset in datasets:
        methods = [m for m in selection.methods if selection.serves(m, dataset.name)]
        for image in dataset.ids:
            source = ImageId(dataset.name, image)
            hr_sha256 = file_sha256(dataset.images[image])
            jobs: list[Job] = []
            for method in methods:
                key = content_key(
                    "sr", hr_sha256, scale, experiment.border, method.fingerprint(source)
                )
                cell = MethodOnImage(method, source, hr_sha256, key)
                cells.append(cell)
                job = _job(cell, experiment, facts, folder, None if force else cache)
                if job:
                    jobs.append(job)
            copy = folder.image(dataset.name, scale, "HR", image)
            hr_keys[source] = content_key("hr", hr_sha256, scale)
            stands = copy.is_file() and file_sha256(copy) == cache.get(hr_keys[source])
            if jobs or not stands:
                tasks.append(
                    Task(
                        source,
                        dataset.images[image],
                        copy,
                        scale,
                        experiment.border,
                        tuple(jobs),
                    )
                )
    return Plan(tuple(cells), tuple(tasks), hr_keys)


def refuse_unfit(plan: Plan, scale: int, metrics: Sequence[Metric]) -> None:
    """Look at the originals that are still to be worked on, so that a run does not end midway.

    Raises:
        DatasetError: some cannot be read, or are too small for a metric.
    """
    needs = {metric.facts[0]: metric.least(scale) for metric in metrics}
    facts = max(needs, key=lambda facts: needs[facts])
    least = needs[facts]
    problems: list[str] = []
    for task in plan.tasks:
        try:
            height, width, *_ = probe_image(task.hr)
        except ImageError as error:
            problems.append(str(error))
            continue
        if min(height, width) < least:
            problems.append(
                f"{task.hr} is {width}x{height}, expected at least {least}x{least} at x{scale}, "
                f"as {facts.name} ({facts.protocol}) needs"
            )
    if problems:
        raise DatasetError(
            f"{len(problems)} of the originals cannot be used; mend or remove them: "
            f"{'; '.join(problems[:3])}{'; ...' if len(problems) > 3 else ''}"
        )


def _job(
    cell: MethodOnImage,
    experiment: Experiment,
    facts: Sequence[Facts],
    folder: ResultsFolder,
    cache: Cache | None,
) -> Job | None:
    dataset, image = cell.source
    path = folder.image(dataset, experiment.scale, cell.method.name, image)
    made = made_of(cache, cell) if cache else None
    stands = made is not None and path.is_file() and file_sha256(path) == made.png_sha256

    def is_known(number: Facts) -> bool:
        if cache is None or made is None:
            return False
        scale, border = experiment.scale, experiment.border
        return cache.get(score_key(cell, made.pixels_sha256, scale, border, number)) is not None

    wanted = tuple(number for number in facts if not is_known(number))
    return None if stands and not wanted else Job(cell.method, path, not stands, wanted)
