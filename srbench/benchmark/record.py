"""run.json: the origin of the results (names, hashes, versions), without paths of the machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from .. import __version__
from ..config import Experiment
from ..cores import threads
from ..data.folder import Dataset
from ..fingerprint import UNSURE
from ..methods import Selection
from ..metrics.base import Facts, Metric, MissingMetric, read_facts
from ..metrics.table import NETS, find_metrics
from .cache import content_key
from .plan import Plan, usable

VOLATILE = ("last_run",)
"""Entries that can differ between runs with equal results."""

_PACKAGES = ("torch", "torchvision", "lpips", "numpy", "scipy", "scikit-image", "pillow")


def run_record(
    before: dict[str, Any],
    experiment: Experiment,
    selection: Selection,
    datasets: Sequence[Dataset],
    plan: Plan,
    metrics: Sequence[Metric],
    without: Sequence[MissingMetric],
    device: str,
    *,
    differences: Mapping[str, str],
    seconds: float,
    computed: int,
) -> dict[str, Any]:
    """The record after a run into a folder with the record ``before``.

    Entries of earlier runs are kept unless this run has the same method or data set.
    ``differences``: how data sets differ from the recorded ones.
    """
    scale = f"x{experiment.scale}"
    methods = _copied(before, "methods", scale)
    prints = _copied(before, "datasets", scale)
    trained = _copied(before, "trained_on_metric", scale)
    trained |= {method.name: method.trained_on_metric for method in selection.methods}
    asked = {m.method for m in selection.missing} | {m.name for m in selection.methods}
    opened = {dataset.name for dataset in datasets}
    numbers = numbers_of(before, metrics)
    scored = {gap.name for gap in without} | {f.name for m in metrics for f in m.facts}

    def still_missing(gap: dict[str, Any]) -> bool:
        if gap["scale"] != scale:
            return True
        if gap["method"] is None and gap["dataset"] is not None:  # it has no originals
            return gap["dataset"] not in opened
        if gap["method"] is None:
            return gap["metric"] not in scored
        return gap["method"] not in asked or gap["dataset"] not in {None, *opened}

    missing = [gap for gap in before.get("missing", []) if still_missing(gap)]
    for dataset in datasets:
        cells = [cell for cell in plan.cells if cell.source.dataset == dataset.name]
        originals = sorted({(cell.source.image, cell.hr_sha256) for cell in cells})
        prints[dataset.name] = {"images": len(dataset.ids), "fingerprint": content_key(originals)}
        if dataset.lr:
            given = lr_fingerprint(plan, dataset)
            prints[dataset.name] |= {"lr": dataset.lr_place, "lr_fingerprint": given}
            prints[dataset.name]["originals"] = bool(dataset.images)
        if dataset.name in differences:
            prints[dataset.name]["as_is"] = differences[dataset.name]
        for method in selection.methods:
            keys = [cell.key for cell in cells if cell.method.name == method.name]
            if keys:
                methods.setdefault(method.name, {})[dataset.name] = content_key(keys)
    missing += [
        {
            "method": gap.method,
            "dataset": gap.dataset,
            "metric": None,
            "scale": scale,
            "reason": gap.reason,
            "command": gap.command,
        }
        for gap in selection.missing
    ]
    missing += [
        {
            "method": None,
            "dataset": None,
            "metric": gap.name,
            "scale": scale,
            "reason": gap.reason,
            "command": gap.command,
        }
        for gap in without
    ]
    missing += [
        {
            "method": None,
            "dataset": dataset.name,
            "metric": name,
            "scale": scale,
            "reason": "there are no originals",
            "command": None,
        }
        for dataset in datasets
        for name in _unscored(metrics, dataset)
    ]
    return {
        "border": experiment.border,
        "crops": [crop.model_dump() for crop in experiment.crops],
        "metrics": [facts.record() for facts in numbers],
        "methods": {**before.get("methods", {}), scale: methods},
        "made_by": {
            **before.get("made_by", {}),
            scale: _copied(before, "made_by", scale) | made_by(plan),
        },
        "datasets": {**before.get("datasets", {}), scale: prints},
        "trained_on_metric": {**before.get("trained_on_metric", {}), scale: trained},
        "missing": missing,
        "versions": {"srbench": __version__, "python": platform.python_version()}
        | {package: version(package) for package in _PACKAGES},
        "device": device,
        # Those that computed the results.
        "threads": threads() if computed else before.get("threads", threads()),
        "system": f"{platform.system()} {platform.machine()}",
        "last_run": {
            "experiment": _named(experiment),
            "computed": computed,
            "wall_seconds": round(seconds, 2),
        },
    }


def lr_fingerprint(plan: Plan, dataset: Dataset) -> str:
    """A hash of the given LR images of a data set."""
    cells = (cell for cell in plan.cells if cell.source.dataset == dataset.name)
    return content_key(sorted({(cell.source.image, cell.lr_sha256) for cell in cells}))


def made_by(plan: Plan) -> dict[str, str]:
    """A hash of each method; without folders of images, and without code that has no sure hash."""
    prints: dict[str, set[str]] = {}
    for cell in plan.cells:
        if cell.method.timed:
            prints.setdefault(cell.method.name, set()).add(cell.method.fingerprint(cell.source))
    alike = {name: [*found] for name, found in prints.items() if len(found) == 1}
    return {name: content_key(only) for name, (only,) in alike.items() if not only.endswith(UNSURE)}


def _unscored(metrics: Sequence[Metric], dataset: Dataset) -> list[str]:
    """The metrics that cannot be computed on the data set, each name once."""
    kept = usable(metrics, dataset)
    return list(dict.fromkeys(f.name for m in metrics if m not in kept for f in m.facts))


def numbers_of(before: Mapping[str, Any], metrics: Sequence[Metric] = ()) -> list[Facts]:
    """The metrics of this run and of earlier runs into the same folder."""
    numbers = {facts.key: facts for facts in read_facts(before.get("metrics"))}
    if "protocols" in before:  # the form of run.json before version 0.1
        nets = [net for net in before.get("lpips", []) if net in NETS]
        words = ["psnr", "ssim", *(f"lpips_{net}" for net in nets)]
        earlier = find_metrics(words, protocols=before["protocols"])
        numbers |= {facts.key: facts for metric in earlier for facts in metric.facts}
    numbers |= {facts.key: facts for metric in metrics for facts in metric.facts}
    return [numbers[key] for key in sorted(numbers)]


def _copied(before: dict[str, Any], name: str, scale: str) -> dict[str, Any]:
    return dict(before.get(name, {}).get(scale, {}).items())


def _named(experiment: Experiment) -> dict[str, Any]:
    values = experiment.model_dump(mode="json", exclude={"methods", "metrics"})
    # Leave out the folder or file of NAME=..., which is specific to this machine.
    for part, chosen in (("methods", experiment.methods), ("metrics", experiment.metrics)):
        values[part] = [_name(choice).partition("=")[0] for choice in chosen]
    return values


def _name(choice: object) -> str:
    """A word as given; for an object, its name."""
    if isinstance(choice, str):
        return choice
    if isinstance(choice, Metric):
        return choice.facts[0].name
    named = getattr(choice, "name", None) or getattr(choice, "__name__", None)
    return str(named or type(choice).__name__)
