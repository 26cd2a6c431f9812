"""Run methods on data sets: SR images and scores in a results folder, each computed once.

``run_all`` is ``srbench run-all``, on this machine or on the workers of a Dask cluster.
"""

from .run import RunSummary, run_all

__all__ = ["RunSummary", "run_all"]
