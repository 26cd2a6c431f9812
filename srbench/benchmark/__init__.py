"""Methods times data sets: SR images and scores in a results folder, computed once.

``run_all`` is the whole of ``srbench run-all``.
"""

from .run import RunSummary, run_all

__all__ = ["RunSummary", "run_all"]
