"""``torchmetrics:NAME``: image metrics of torchmetrics, by class name (extra ``torchmetrics``)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import MetricError, unknown_name
from .base import Better, Facts, Metric
from .library import LibraryMetric, imported, library_protocol


def find_metric(name: str) -> Metric:
    """The metric of torchmetrics.image: ``SpectralAngleMapper``, ``spectral_angle_mapper``.

    Direction and range are those that the class states.

    Raises:
        MetricError: torchmetrics is not installed, or the metric does not take single pairs of
            images.
        UnknownName: torchmetrics has no image metric of that name.
    """
    classes = _classes()
    known = {_plain(each): each for each in classes}
    if _plain(name) not in known:
        raise unknown_name("metric torchmetrics:", name, classes)
    called = known[_plain(name)]
    kind = classes[called]
    takes = [p for p in inspect.signature(kind.update).parameters.values() if p.name != "self"]
    alone = len(takes) == 1
    names = [p.name for p in takes]
    if not alone and names[:2] not in (["preds", "target"], ["img1", "img2"]):
        raise MetricError(
            f"torchmetrics:{called} takes {', '.join(names)}; only metrics of an image, or of "
            "an image and its original, can be used"
        )
    directions: dict[bool | None, Better] = {True: "higher", False: "lower"}
    facts = Facts(
        f"torchmetrics:{called}",
        library_protocol("torchmetrics"),
        better=directions.get(kind.higher_is_better),
        label=called,
        range=(kind.plot_lower_bound, kind.plot_upper_bound),
        needs="nothing" if alone else "original",
        about=f"{called} as the library torchmetrics computes it, on RGB in 0 to 1, whole image.",
    )
    return LibraryMetric(facts, partial(_create, called))


def _classes() -> dict[str, Any]:
    images = imported("torchmetrics", ".image")
    base = imported("torchmetrics").Metric
    found = {name: getattr(images, name) for name in images.__all__}
    return {n: c for n, c in found.items() if inspect.isclass(c) and issubclass(c, base)}


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _create(name: str, device: str) -> Callable[..., Any]:
    kind = _classes()[name]
    takes = inspect.signature(kind.__init__).parameters
    options: dict[str, Any] = {}
    if "data_range" in takes:
        options["data_range"] = 1.0
    if "normalize" in takes:  # LPIPS: the input is in 0 to 1
        options["normalize"] = True
    metric = kind(**options).to(device)

    def number(*tensors: Any) -> Any:
        metric.reset()
        metric.update(*tensors)
        return metric.compute()

    return number
