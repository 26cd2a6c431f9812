"""Run methods on data sets: SR images and scores in a results folder, each computed once.

``run_all`` is ``srbench run-all``, on this machine or on the workers of a Dask cluster. It is
imported at first use, so that helper processes start quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import RunSummary, run_all

__all__ = ["RunSummary", "run_all"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'srbench.benchmark' has no attribute '{name}'")
    from . import run

    return getattr(run, name)
