"""``pyiqa:NAME``: metrics of pyiqa (extra ``pyiqa``; its licence forbids commercial use)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import unknown_name
from .base import Facts, Metric
from .library import LibraryMetric, imported, library_protocol

NOTICE = (
    "pyiqa is used under the PolyForm Noncommercial licence: its scores are for noncommercial "
    "purposes, and many of its metrics have separate licences"
)


class PyiqaMetric(LibraryMetric):
    """A metric of pyiqa."""

    notice = NOTICE


def find_metric(name: str) -> Metric:
    """The metric with this name in pyiqa, with the direction, range and kind that pyiqa states.

    Raises:
        MetricError: pyiqa is not installed.
        UnknownName: pyiqa has no metric of that name.
    """
    imported("pyiqa")
    models = imported("pyiqa", ".default_model_configs").DEFAULT_CONFIGS
    if name not in models:
        raise unknown_name("metric pyiqa:", name, models)
    stated = models[name]
    lower = stated.get("lower_better", False)
    facts = Facts(
        f"pyiqa:{name}",
        library_protocol("pyiqa"),
        better="lower" if lower else "higher",
        label=name.upper(),
        range=_range(stated.get("score_range")),
        needs="nothing" if stated.get("metric_mode") == "NR" else "original",
        about=f"{name} as the library pyiqa computes it, on RGB in 0 to 1.",
    )
    return PyiqaMetric(facts, partial(_create, name))


def _create(name: str, device: str) -> Callable[..., Any]:
    return imported("pyiqa").create_metric(name, device=device, as_loss=False)


def _range(text: object) -> tuple[float | None, float | None]:
    """``0, 1`` and ``~0, ~100`` as numbers; None for other texts."""
    ends = [part.strip() for part in str(text or "").split(",")]
    exact = [float(e) if re.fullmatch(r"-?\d+(\.\d+)?", e) else None for e in ends]
    return (exact[0], exact[1]) if len(exact) == 2 else (None, None)
