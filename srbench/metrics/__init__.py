"""Metrics of SR images, one file per metric and per library.

They are pure: uint8 arrays of shape (H, W) or (H, W, 3) in, numbers out.
"""

from typing import TYPE_CHECKING, Any

from .base import Facts, Metric, Original
from .protocols import PROTOCOLS, Protocol, Reference, get_protocol
from .table import find_metrics

if TYPE_CHECKING:
    from .lpips_network import Lpips, LpipsReference

__all__ = [
    "PROTOCOLS",
    "Facts",
    "Lpips",
    "LpipsReference",
    "Metric",
    "Original",
    "Protocol",
    "Reference",
    "find_metrics",
    "get_protocol",
]


def __getattr__(name: str) -> Any:
    if name in {"Lpips", "LpipsReference"}:
        from . import lpips_network  # imports torch, which the other metrics do not need

        return getattr(lpips_network, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
