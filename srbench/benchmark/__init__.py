"""Methods times data sets: SR images and scores in a results folder, computed once.

``run_benchmark`` does that; ``run_all`` makes the report as well, as ``srbench run-all`` does.
"""

from .run import RunSummary, run_all, run_benchmark

__all__ = ["RunSummary", "run_all", "run_benchmark"]
