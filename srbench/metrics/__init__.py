"""Metrics: PSNR and SSIM under named protocols, and LPIPS.

Pure: uint8 arrays of shape (H, W) or (H, W, 3) in, numbers out.
"""

from typing import TYPE_CHECKING, Any

from .protocols import LPIPS_PROTOCOL, PROTOCOLS, Protocol, Reference, get_protocol, score

if TYPE_CHECKING:
    from .lpips import Lpips, LpipsReference

__all__ = [
    "LPIPS_PROTOCOL",
    "PROTOCOLS",
    "Lpips",
    "LpipsReference",
    "Protocol",
    "Reference",
    "get_protocol",
    "score",
]


def __getattr__(name: str) -> Any:
    if name in {"Lpips", "LpipsReference"}:
        from . import lpips  # imports torch, which the other metrics do without

        return getattr(lpips, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
