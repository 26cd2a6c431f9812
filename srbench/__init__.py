"""Super-resolution benchmark: exact metrics, opinion-score studies and their statistics.

The public functions are imported at first use, so that ``import srbench`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .benchmark.arrays import score
    from .errors import SrbenchError
    from .imaging import imresize
    from .methods import load_method
    from .metrics import Facts, Metric
    from .report.analyzing import Analysis, analyze
    from .report.benchmark.results import Results, read_results
    from .report.benchmark.running import run_all

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "Facts",
    "Metric",
    "Results",
    "SrbenchError",
    "analyze",
    "imresize",
    "load_method",
    "read_results",
    "run_all",
    "score",
]

_HOMES = {
    "Analysis": ".report.analyzing",
    "Results": ".report.benchmark.results",
    "read_results": ".report.benchmark.results",
    "run_all": ".report.benchmark.running",
    "Facts": ".metrics",
    "Metric": ".metrics",
    "SrbenchError": ".errors",
    "analyze": ".report.analyzing",
    "imresize": ".imaging",
    "load_method": ".methods",
    "score": ".benchmark.arrays",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'srbench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
