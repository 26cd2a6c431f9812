"""The open tasks of a run: compare every (image, method) with the cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..config import Experiment
from ..data.folder import Dataset
from ..data.given_lr import check_lr
from ..errors import DatasetError, SrbenchError
from ..imaging import Border, read_image
from ..methods import ImageId, Method, Selection
from ..methods.base import file_sha256
from ..metrics.base import Facts, Metric
from .cache import Cache, content_key
from .results import ResultsFolder
from .work import Job, JobResult, MadeImage, Task

# Change this if the resize, or one of our metrics without a fingerprint, may give another number
# for the same pixels.
_METRICS_VERSION = 1


@dataclass(frozen=True)
class MethodOnImage:
    """One method on one image: the cache keys and the file of its results."""

    method: Method
    source: ImageId
    hr_sha256: str
    """Hash of the original's file; "" without an original."""
    key: str
    lr_sha256: str = ""
    """Hash of the LR image's file; "" if it is made from the original."""


@dataclass(frozen=True)
class Plan:
    """All cells of a run, and the open tasks."""

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
        """The methods that must make an SR image."""
        jobs = (job for task in self.tasks for job in task.jobs if job.upscale)
        return list({job.method.name: job.method for job in jobs}.values())

    @property
    def jobs(self) -> int:
        """The number of jobs in all tasks."""
        return sum(len(task.jobs) for task in self.tasks)

    def extent(self, pixels: Mapping[ImageId, int]) -> tuple[int, int]:
        """The number of SR images in all tasks, and their pixels; ``pixels`` is the size of one."""
        steps = [(task.steps, pixels[task.source]) for task in self.tasks]
        return sum(count for count, _ in steps), sum(count * size for count, size in steps)


def made_of(cache: Cache, cell: MethodOnImage) -> MadeImage | None:
    """The cached facts of a cell's SR image."""
    match cache.get(cell.key):
        case [str(png), str(pixels), (int() | float() | None) as seconds,
              (int() | float()) as megapixels, str(device)]:  # fmt: skip
            return MadeImage(png, pixels, seconds, megapixels, device)
        case _:  # no value, or one that another version stored
            return None


def remember(cache: Cache, cell: MethodOnImage, outcome: JobResult, task: Task) -> None:
    """Store the outcome of a job. Its SR image must already be on disk."""
    if outcome.made is not None:
        cache.put(cell.key, list(outcome.made))
    made = made_of(cache, cell)
    assert made is not None  # a job that does not make its image has a cached one
    for facts, value in outcome.scores.items():
        cache.put(score_key(cell, made.pixels_sha256, task.scale, task.border, facts), value)


def score_key(
    cell: MethodOnImage, pixels_sha256: str, scale: int, border: Border, facts: Facts
) -> str:
    """The cache key of one number: the content of everything that it depends on."""
    parts: list[object] = [cell.hr_sha256, pixels_sha256, scale, *facts.key]
    if facts.fingerprint:
        parts.append(facts.fingerprint)
    if facts.needs == "lr":  # made by the border rule, unless it was given
        parts.append(border)
        parts += [cell.lr_sha256] if cell.lr_sha256 else []
    return content_key("score", _METRICS_VERSION, *parts)


def imported_key(
    folder: ResultsFolder,
    dataset: str,
    image: str,
    method: str,
    scale: int,
    pixels_sha256: str,
    metric: str,
) -> str:
    """The cache key of an imported number for exactly these pixels and the folder's original."""
    original = folder.image(dataset, scale, "HR", image)
    hr_sha256 = file_sha256(original) if original.is_file() else ""
    return content_key("imported", dataset, image, method, scale, pixels_sha256, metric, hr_sha256)


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
    """Find the open tasks by content: bytes of files, fingerprints of methods and metrics.

    ``force`` ignores the cache. An SR image is reused only if its file still has exactly the bytes
    that were written.
    """
    cells: list[MethodOnImage] = []
    tasks: list[Task] = []
    hr_keys: dict[ImageId, str] = {}
    scale, border = experiment.scale, experiment.border
    for dataset in datasets:
        methods = [m for m in selection.methods if selection.serves(m, dataset.name)]
        facts = [facts for metric in usable(metrics, dataset) for facts in metric.facts]
        for image in dataset.ids:
            source = ImageId(dataset.name, image)
            hr, lr = dataset.images.get(image), dataset.lr.get(image)
            hr_sha256 = "" if hr is None else file_sha256(hr)
            lr_sha256 = "" if lr is None else file_sha256(lr)
            made_from = {"lr": lr_sha256} if lr_sha256 else hr_sha256
            jobs: list[Job] = []
            for method in methods:
                key = content_key("sr", made_from, scale, border, method.fingerprint(source))
                cell = MethodOnImage(method, source, hr_sha256, key, lr_sha256)
                cells.append(cell)
                job = _job(cell, experiment, facts, folder, None if force else cache)
                if job:
                    jobs.append(job)
            copy = folder.image(dataset.name, scale, "HR", image)
            stands = hr is None
            if hr is not None:
                hr_keys[source] = content_key("hr", hr_sha256, scale)
                stands = copy.is_file() and file_sha256(copy) == cache.get(hr_keys[source])
            if jobs or not stands:
                tasks.append(Task(source, hr, copy, scale, border, tuple(jobs), lr))
    return Plan(tuple(cells), tuple(tasks), hr_keys)


def usable(metrics: Sequence[Metric], dataset: Dataset) -> list[Metric]:
    """The metrics that can be computed on the data set (some need originals)."""
    return [metric for metric in metrics if dataset.images or not metric.needs_original]


def refuse_unfit(plan: Plan, scale: int, metrics: Sequence[Metric]) -> dict[ImageId, int]:
    """Check the images of open tasks, so that a run does not fail halfway.

    Returns:
        The number of pixels of each SR image, which is that of its original.

    Raises:
        DatasetError: some cannot be read or are too small for a metric, or an LR image does not
            belong to its original.
    """
    problems: list[str] = []
    pixels: dict[ImageId, int] = {}
    for task in plan.tasks:
        try:
            height, width = _fit_size(task, scale, metrics)
            pixels[task.source] = height * width
        except SrbenchError as error:
            problems.append(str(error))
    if problems:
        kind = "LR images" if any(task.lr for task in plan.tasks) else "originals"
        raise DatasetError(
            f"{len(problems)} of the {kind} cannot be used; fix or remove them: "
            f"{'; '.join(problems[:3])}{'; ...' if len(problems) > 3 else ''}"
        )
    return pixels


def _fit_size(task: Task, scale: int, metrics: Sequence[Metric]) -> tuple[int, int]:
    """Height and width of a task's original, or of its LR image times the scale.

    Raises:
        SrbenchError: the images cannot be used.
    """
    original = None if task.hr is None else (task.hr, read_image(task.hr))
    height, width = (0, 0) if original is None else original[1].shape[:2]
    if task.lr is not None:
        whole = check_lr(task.lr, original, scale)
        height, width = whole if original is None else (height, width)
    needs = {m.facts[0]: m.least(scale) for m in metrics if task.hr or not m.needs_original}
    facts = max(needs, key=lambda facts: needs[facts])
    if min(height, width) < needs[facts]:
        what = f"{task.hr} is" if task.hr else f"{task.lr} times {scale} is"
        raise DatasetError(
            f"{what} {width}x{height}, expected at least {needs[facts]}x{needs[facts]} at "
            f"x{scale}, as {facts.name} ({facts.protocol}) needs"
        )
    return height, width


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
        return cache.number(score_key(cell, made.pixels_sha256, scale, border, number)) is not None

    wanted = tuple(number for number in facts if not is_known(number))
    return None if stands and not wanted else Job(cell.method, path, not stands, wanted)
