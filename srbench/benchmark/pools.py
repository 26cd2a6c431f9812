"""Decide where the work on several images runs at once: helper processes, threads, or alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from ..cores import cores
from ..metrics.base import Metric

MAX_PIXELS = 2**24
"""The maximum number of pixels in work at once (a single larger image is allowed): scoring takes
some hundred bytes per pixel.
"""


@dataclass(frozen=True)
class SortedMetrics:
    """Metrics, grouped by where they are computed."""

    by_helpers: list[Metric]
    by_threads: list[Metric]
    alone: list[Metric]
    """By the calling thread, one image after another."""


def sort_metrics(metrics: Sequence[Metric], device: str) -> SortedMetrics:
    """Decide where each metric is computed if networks run on ``device``."""
    parallel = [m for m in metrics if m.parallel and (device == "cpu" or not m.uses_device)]
    return SortedMetrics(
        by_helpers=[metric for metric in parallel if not metric.uses_device],
        by_threads=[metric for metric in parallel if metric.uses_device],
        alone=[metric for metric in metrics if metric not in parallel],
    )


@contextmanager
def thread_pool(size: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads in which torch uses one core each; after an error no new work starts."""
    torch = sys.modules.get("torch")  # without networks torch is not imported
    if torch is None:
        pool, precision, threads = ThreadPoolExecutor(size), nullcontext(), 0
    else:
        from ..models.device import full_precision

        # By itself torch does not see a container's limit, and would have a thread for every core
        # of the machine.
        threads = min(torch.get_num_threads(), cores())
        # Set around all threads, because each restores the value that it found.
        precision = full_precision()
        pool = ThreadPoolExecutor(size, initializer=torch.set_num_threads, initargs=(1,))
    with precision:
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        finally:
            pool.shutdown()
            if torch is not None:
                torch.set_num_threads(threads)  # the number of threads that will start
