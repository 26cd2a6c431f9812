"""The cores that this process may use."""

from __future__ import annotations

import math
import os
import sys
from contextlib import suppress
from pathlib import Path

_CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
"""The limit of a container: microseconds of computation in each period of wall time."""


def cores() -> int:
    """The number of cores that this process may use."""
    if sys.platform != "linux":
        return os.cpu_count() or 1
    count = len(os.sched_getaffinity(0))
    # A container with two cores of a large machine would otherwise get a helper for every core.
    with suppress(OSError, ValueError):  # no file, or the limit is "max"
        limit, period = map(int, _CPU_LIMIT.read_text().split())
        count = min(count, max(1, math.ceil(limit / period)))
    return count


def threads() -> int:
    """The number of threads that torch uses; without torch, that of :func:`cores`."""
    torch = sys.modules.get("torch")
    return cores() if torch is None else torch.get_num_threads()
