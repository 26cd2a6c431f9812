"""``piq:NAME``: the full-reference metrics of piq that need no download (extra ``piq``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from ..errors import unknown_name
from .base import Better, Facts, Metric
from .library import LibraryMetric, imported, library_protocol

_BETTER: Mapping[str, Better] = MappingProxyType(
    {
        "vif_p": "higher",
        "gmsd": "lower",
        "fsim": "higher",
        "haarpsi": "higher",
        "mdsi": "lower",
        "multi_scale_ssim": "higher",
        "vsi": "higher",
        "srsim": "higher",
        "multi_scale_gmsd": "lower",
        "information_weighted_ssim": "higher",
    }
)
"""The better direction from piq's documentation; all ranges are 0 to 1 or start at 0."""
_UP_TO_ONE = {"fsim", "haarpsi", "multi_scale_ssim", "vsi", "srsim", "information_weighted_ssim"}


def find_metric(name: str) -> Metric:
    """The metric with this name in piq.

    Raises:
        MetricError: piq is not installed.
        UnknownName: piq has no such metric without a download.
    """
    imported("piq")
    if name not in _BETTER:
        raise unknown_name("metric piq:", name, _BETTER)
    facts = Facts(
        f"piq:{name}",
        library_protocol("piq"),
        better=_BETTER[name],
        label=name.upper().replace("_", " "),
        range=(0, 1 if name in _UP_TO_ONE else None),
        about=f"{name} as the library piq computes it, on RGB in 0 to 1, whole image.",
    )
    return LibraryMetric(facts, partial(_create, name))


def _create(name: str, device: str) -> Callable[..., Any]:
    return partial(getattr(imported("piq"), name), data_range=1.0)
