"""``srbench run-all``: from methods and data sets to SR images, scores and a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Experiment
from ..data.catalogue import SAMPLE
from ..data.folder import (
    Dataset,
    auto_datasets,
    open_dataset,
    passed_over,
    usual_data_root,
)
from ..data.given_lr import MADE, lr_alone, open_without_originals, with_given_lr
from ..data.known import checked
from ..data.naming import spelt
from ..errors import ConfigError, DatasetError, SrbenchError, unknown_name
from ..files import resolved
from ..methods import MissingMethod, select_methods
from ..methods.resolve import NETWORKS, shipped
from ..metrics import Metric, find_metrics
from ..metrics.base import IMPORTED, MissingMetric
from ..models.device import pick_device
from ..observer import Observer
from .cache import Cache, content_key
from .doubts import lost_scores, repeated_originals, unlike_results
from .earlier import Earlier
from .helpers import Helpers
from .local import run_here
from .plan import Plan, imported_key, made_of, make_plan, refuse_unfit, score_key, usable
from .record import VOLATILE, numbers_of, run_record
from .results import ResultsFolder, Score, Timing
from .scoring import tell_what_was_printed

if TYPE_CHECKING:
    from .cluster import Cluster

_WITHOUT_ORIGINALS = ("lr_psnr", "niqe")
"""The default metrics of a data set without originals."""


@dataclass(frozen=True)
class RunSummary:
    """The result of a run."""

    datasets: tuple[str, ...]
    images: int
    computed: int
    """The number of computed (image, method) pairs; the others were in the cache."""
    pairs: int
    missing: tuple[MissingMethod, ...]
    seconds: float
    reported: bool
    """Whether tables, figures and page were made again."""


def run_all(
    experiment: Experiment,
    out: Path,
    *,
    root: Path,
    weights: Path,
    force: bool = False,
    report: bool = True,
    dask: str | None = None,
    observer: Observer | None = None,
) -> RunSummary:
    """Compute the images and scores of an experiment, then tables, figures and page.

    Results of earlier runs, and an up-to-date report, are reused.

    Args:
        experiment: the methods, data sets, metrics and settings.
        out: the results folder; other methods, data sets and scales in it are kept.
        root: the folder of data sets.
        weights: the folder of backbone weights and the user's checkpoints.
        force: recompute everything.
        report: whether to make tables, figures and page.
        dask: address of a Dask scheduler for the computation; None: this machine.
        observer: is notified of progress.

    Raises:
        SrbenchError: the input is wrong. Nothing in the folder is lost, and the next run reuses
            what was finished before the error.
    """
    observer = observer or Observer()
    begun = time.perf_counter()
    with _connected(dask) as cluster:
        datasets, differences = _open_datasets(experiment, root, observer)
        _refuse_inside(out, datasets, experiment.scale)
        selection = select_methods(
            _method_names(experiment, weights, observer),
            datasets,
            scale=experiment.scale,
            border=experiment.border,
            device=experiment.device,
            weights=weights,
            patterns=experiment.patterns,
        )
        for note in selection.notes:
            observer.note(note)
        for gap in selection.missing:
            observer.note(_gap_line(gap))
        if not selection.methods and not selection.missing:
            raise ConfigError(
                "HR is the original, which every results folder contains; name a method as well"
            )
        if not selection.methods:
            raise ConfigError("none of the methods can run; see the lines above for the commands")
        metrics, without = _available(_metrics(experiment, datasets, observer), weights, observer)
        _refuse_unscored(metrics, datasets)
        folder = ResultsFolder(out)
        with folder.locked():
            cache = Cache(folder.cache)
            earlier = Earlier(folder, cache, experiment.scale)
            earlier.refuse_other_input(experiment.border, datasets)
            _refuse_crops(experiment, datasets, folder)
            plan = make_plan(datasets, selection, experiment, metrics, folder, cache, force=force)
            earlier.refuse_other_names(plan, datasets)
            earlier.refuse_other_versions(plan, datasets)
            earlier.refuse_other_images(plan, datasets)
            earlier.tell_what_is_gone(datasets, observer)
            for note in repeated_originals(plan):
                observer.note(note)
            device = folder.read_run().get("device")
            if plan.tasks or device is None:
                device = pick_device(experiment.device)
            if plan.tasks:
                # Helpers start while this process looks at the images and loads.
                with Helpers(plan.jobs if cluster is None else 0) as helpers:
                    pixels = refuse_unfit(plan, experiment.scale, metrics)
                    observer.begin("loading networks and metrics", 0)
                    loaded = _loaded(plan, metrics, weights, device)
                    if cluster is None:
                        run_here(plan, cache, loaded, device, observer, helpers, pixels)
                        tell_what_was_printed(loaded, observer)
                    else:
                        cluster.run(plan, cache, loaded, device, observer, pixels)
                    for note in unlike_results(plan):
                        observer.note(note)
            else:
                observer.note(
                    "every image and score is already in the results folder: nothing to compute"
                )
            for note in _write_tables(folder, plan, cache, experiment, metrics, datasets):
                observer.note(note)
            seconds = time.perf_counter() - begun
            folder.write_run(
                run_record(
                    folder.read_run(),
                    experiment,
                    selection,
                    datasets,
                    plan,
                    metrics,
                    without,
                    device,
                    differences=differences,
                    seconds=seconds,
                    computed=plan.jobs,
                )
            )
            reported = report and _report(folder, cache, observer, force=force)
    return RunSummary(
        tuple(dataset.name for dataset in datasets),
        sum(len(dataset.ids) for dataset in datasets),
        plan.jobs,
        len(plan.cells),
        selection.missing,
        seconds,
        reported,
    )


def _connected(dask: str | None) -> AbstractContextManager[Cluster | None]:
    if dask is None:
        return nullcontext()
    try:
        from .cluster import Cluster
    except ImportError as error:
        raise SrbenchError("--dask needs the dask extra: pip install '.[dask]'") from error
    return Cluster(dask)


def _loaded(plan: Plan, metrics: Sequence[Metric], weights: Path, device: str) -> list[Metric]:
    """The metrics that open jobs need, loaded."""
    wanted = {facts for task in plan.tasks for job in task.jobs for facts in job.wanted}
    return [m.load(weights, device) for m in metrics if any(f in wanted for f in m.facts)]


def _open_datasets(
    experiment: Experiment, root: Path, observer: Observer
) -> tuple[list[Dataset], dict[str, str]]:
    """The data sets, and how sets accepted with ``as_is`` differ from the recorded ones."""
    names = list(experiment.datasets)
    if [name.lower() for name in names] == ["auto"]:
        names = auto_datasets(root)
        if not root.exists() and root != usual_data_root():
            raise DatasetError(
                f"{root} does not exist; correct --data or SRBENCH_DATA, or choose "
                "--datasets sample, which needs no folder"
            )
        if names == ["sample"]:
            observer.note(
                "no Set5, Set14 or BSD100 found: using the built-in sample images "
                "(srbench data fetch Set5 Set14 BSD100 gets the benchmark)"
            )
    datasets: list[Dataset] = []
    differences: dict[str, str] = {}
    for name in names:
        alone = None
        if experiment.lr != MADE:
            alone = open_without_originals(name, root, experiment.scale, experiment.lr, observer)
        elif lr_alone(name, root):
            raise DatasetError(
                f"data set '{name}' has LR images, but no originals (expected {name}/HR) under "
                f"{root}; add --lr given to run on the LR images alone"
            )
        if alone is not None:
            datasets.append(alone)
            continue
        found = checked(open_dataset(name, root), as_is=experiment.as_is, observer=observer)
        dataset = found.dataset
        folder = next(iter(dataset.images.values())).parent
        if dataset.name != SAMPLE and (others := passed_over(folder)):
            observer.note(f"{dataset.name}: ignored {others}")
        if found.differences:
            differences[dataset.name] = found.differences
            observer.note(f"{dataset.name} differs from the recorded set: {found.differences}")
        if experiment.lr != MADE:
            dataset = with_given_lr(dataset, experiment.scale, experiment.lr, observer)
        datasets.append(dataset)
    opened = [dataset.name for dataset in datasets]
    if len(set(opened)) < len(opened):
        raise ConfigError(f"a data set is named twice in {', '.join(opened)}; name each once")
    return datasets, differences


def _metrics(
    experiment: Experiment, datasets: Sequence[Dataset], observer: Observer
) -> list[Metric]:
    """The metrics of the experiment; for sets without originals, defaults if none were chosen."""
    found = find_metrics(experiment.metrics, protocols=experiment.protocols, nets=experiment.lpips)
    chosen = experiment.metrics != Experiment.model_fields["metrics"].default
    bare = [dataset.name for dataset in datasets if not usable(found, dataset)]
    if chosen or not bare:
        return found
    observer.note(
        f"{', '.join(bare)}: scored by {' and '.join(_WITHOUT_ORIGINALS)}, as there are no "
        "originals; others by --metrics"
    )
    words = (*experiment.metrics, *_WITHOUT_ORIGINALS)
    return find_metrics(words, protocols=experiment.protocols, nets=experiment.lpips)


def _refuse_unscored(metrics: Sequence[Metric], datasets: Sequence[Dataset]) -> None:
    for dataset in datasets:
        if not usable(metrics, dataset):
            names = ", ".join(dict.fromkeys(f.name for metric in metrics for f in metric.facts))
            raise ConfigError(
                f"{dataset.name} has no originals, which {names} need; choose metrics that "
                f"need none: --metrics {','.join(_WITHOUT_ORIGINALS)}"
            )


def _method_names(experiment: Experiment, weights: Path, observer: Observer) -> list[object]:
    names: list[object] = []
    for name in experiment.methods:
        if not isinstance(name, str) or name.lower() != "shipped":
            names.append(name)
            continue
        ours = shipped(experiment.scale, weights)
        names += ours
        if not set(ours) & set(NETWORKS):
            observer.note(
                f"no network is shipped for x{experiment.scale}; give one by NAME=FILE, or "
                "images by NAME=FOLDER"
            )
    # The original is always stored with the methods; naming it is not an error.
    words = {name for name in names if isinstance(name, str) and name.lower() == "hr"}
    return [name for i, name in enumerate(names) if name not in words and name not in names[:i]]


def _gap_line(gap: MissingMethod) -> str:
    where = f" on {gap.dataset}" if gap.dataset else ""
    cure = f"; to install it: {gap.command}" if gap.command else ""
    return f"{gap.method}{where} is left out: {gap.reason}{cure}"


def _available(
    metrics: Sequence[Metric], weights: Path, observer: Observer
) -> tuple[list[Metric], list[MissingMetric]]:
    """The metrics that can be computed on this machine, and what is missing for the others."""
    available: list[Metric] = []
    without: list[MissingMetric] = []
    for metric in metrics:
        gap = metric.missing(weights)
        if gap is None:
            available.append(metric.identified(weights))
            if metric.notice:
                observer.note(metric.notice)
        else:
            without.append(gap)
            cure = f"; to install it: {gap.command}" if gap.command else ""
            observer.note(f"{gap.name} is left out: {gap.reason}{cure}")
    if not available:
        raise ConfigError("none of the metrics can be computed; see the lines above")
    return available, without


def _refuse_inside(out: Path, datasets: Sequence[Dataset], scale: int) -> None:
    """Refuse a results folder among the images of a data set: its images would be more of them,
    or, where a link leads there, written over them."""
    for dataset in datasets:
        image = next(iter({**dataset.lr, **dataset.images}.values()))
        place = resolved(image.parent.parent if dataset.images else image.parent.parent.parent)
        images = out / "images" / dataset.name / f"x{scale}"
        written = [out, images, *(images.iterdir() if images.is_dir() else ())]
        found = [path for path in written if resolved(path).is_relative_to(place)]
        if dataset.name != SAMPLE and found:
            raise ConfigError(
                f"{found[0]} lies in the folder of the data set {dataset.name} ({place}); choose "
                "another --out"
            )


def _refuse_crops(
    experiment: Experiment, datasets: Sequence[Dataset], folder: ResultsFolder
) -> None:
    """Refuse regions that the comparison figure could not show, before anything is computed."""
    opened = {dataset.name: dataset for dataset in datasets}
    for crop in experiment.crops:
        dataset = opened.get(spelt(crop.dataset))
        if dataset is None:
            earlier = {(row.dataset, row.image) for row in folder.read_scores()}
            if (spelt(crop.dataset), crop.image) in earlier:
                continue
            raise unknown_name("data set of an entry of crops:", crop.dataset, opened)
        if crop.image not in dataset.ids:
            raise unknown_name(f"image of {dataset.name} in an entry of crops:", crop.image,
                               dataset.ids)  # fmt: skip
        if crop.image not in dataset.images:
            continue  # its size is that of what the methods make of the LR image
        scale = experiment.scale
        height, width = (n // scale * scale for n in dataset.read(crop.image).shape[:2])
        left, top, across, down = crop.box
        inside = min(left, top) >= 0 and left + across <= width and top + down <= height
        if not inside or min(across, down) < 1:
            raise ConfigError(
                f"the crop {list(crop.box)} (left, top, width, height) leaves "
                f"{dataset.name}/{crop.image}, which is {width}x{height}"
            )


def _write_tables(
    folder: ResultsFolder,
    plan: Plan,
    cache: Cache,
    experiment: Experiment,
    metrics: Sequence[Metric],
    datasets: Sequence[Dataset],
) -> list[str]:
    """Write scores.csv and timings.csv with this run's rows and the other rows of earlier runs.

    Metrics of earlier runs on the same SR images are kept too. Returns a note if others are not.
    """
    scale, before = experiment.scale, folder.read_run()
    numbers = numbers_of(before, metrics)
    prints = {facts.key: facts.fingerprint for facts in numbers_of(before)}
    changed = {f.key for f in numbers if prints.get(f.key, f.fingerprint) != f.fingerprint}
    scores: list[Score] = []
    timings: list[Timing] = []
    for cell in plan.cells:
        made = made_of(cache, cell)
        assert made is not None  # every job of the plan is done
        dataset, image = cell.source
        method = cell.method.name
        for facts in numbers:
            if facts.protocol == IMPORTED:
                at = (dataset, image, method, scale, made.pixels_sha256, facts.name)
                key = imported_key(folder, *at)
            else:
                key = score_key(cell, made.pixels_sha256, scale, experiment.border, facts)
            value = cache.number(key)
            if value is not None:
                scores.append(Score(dataset, image, method, scale, *facts.key, value))
        if made.seconds is not None:
            pace = made.megapixels / max(made.seconds, 1e-9)
            timings.append(Timing(dataset, image, method, scale, made.device, made.seconds, pace))
    run_now = {(cell.source.dataset, cell.method.name) for cell in plan.cells}
    ids = {(d.name, image) for d in datasets for image in d.ids}
    opened = {d.name for d in datasets}

    def gone(row: Score | Timing) -> bool:
        here = row.scale == scale and row.dataset in opened
        return here and (row.dataset, row.image) not in ids

    def kept(row: Score | Timing) -> bool:
        if isinstance(row, Score) and (row.protocol, row.metric) in changed:
            return False  # from an earlier version of the metric
        if row.scale != scale:
            return True
        return not gone(row) and (row.dataset, row.method) not in run_now

    earlier = folder.read_scores()
    written = [*filter(kept, earlier), *scores]
    folder.write_scores(written)
    folder.write_timings([*filter(kept, folder.read_timings()), *timings])
    there = {row[:6] for row in written}
    return lost_scores([row for row in earlier if row[:6] not in there and not gone(row)])


def _report(folder: ResultsFolder, cache: Cache, observer: Observer, *, force: bool) -> bool:
    """Make tables, figures and page, unless they are up to date."""
    from ..report import write_report

    shown = {name: value for name, value in folder.read_run().items() if name not in VOLATILE}
    tables = [(folder.root / name).read_text("utf-8") for name in ("scores.csv", "timings.csv")]
    key = content_key("report", tables, shown)
    match cache.get("report"):
        case {"key": known, "files": list(files)} if known == key and not force:
            if all((folder.root / str(name)).is_file() for name in files):
                return False
    observer.begin("tables, figures and page", 0)
    try:
        files = write_report(folder.root, observer=observer)
    finally:
        observer.end()
    names = [path.relative_to(folder.root).as_posix() for path in files]
    cache.put("report", {"key": key, "files": names})
    return True
