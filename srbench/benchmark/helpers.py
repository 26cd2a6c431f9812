"""Helper processes that compute with NumPy, each on one core.

Threads do not help with many short calls of NumPy: after each call, a thread waits for Python's
lock. On two cores this took a third more CPU time than a single thread.

A helper is a new Python process that reads functions and their arguments from its standard input.
Unlike a process of ``multiprocessing`` it does not run the user's script again, so scripts without
a main guard and notebooks work. A user's methods and metrics stay in the main process.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import IO, ParamSpec, Self, TypeVar

from ..cores import cores
from ..errors import SrbenchError

_P = ParamSpec("_P")
_T = TypeVar("_T")

_START = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from srbench.benchmark.helpers import serve
serve()
"""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_JOBS_PER_HELPER = 8
"""The minimum number of SR images for each helper: for fewer, its start takes too long."""
_PIPE = 2**20
"""Capacity of a pipe in bytes: with less, both sides often wait for each other."""


class Helpers:
    """The helper processes for ``jobs`` SR images: one per core, or fewer for few images.

    A context manager that starts and stops them. Several threads may use it at once. On one core,
    and for very few images, there are none, and this process computes.
    """

    def __init__(self, jobs: int) -> None:
        self.cores = cores()
        # A program that embeds Python may have no executable that starts Python.
        possible = self.cores > 1 and sys.executable and not getattr(sys, "frozen", False)
        count = min(self.cores, jobs // _JOBS_PER_HELPER) if possible else 0
        self._lock = threading.Lock()
        self._helpers: list[_Helper] = []
        with suppress(OSError):  # at a limit of processes or memory, continue with fewer
            while len(self._helpers) < count:
                self._helpers.append(_Helper())
        self._free = list(self._helpers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.stop()

    def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call ``function`` in a free helper, or in this process if there is none.

        pickle must be able to handle the function, its arguments and its result.

        Raises:
            SrbenchError: a helper stopped.
            Exception: any error of the function.
        """
        with self._lock:
            helper = self._free.pop() if self._free else None
        if helper is None:
            return function(*args, **kwargs)
        try:
            return helper.run(function, *args, **kwargs)
        finally:
            with self._lock:
                self._free.append(helper)


class _Helper:
    """One process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            process_group=0,  # only this process gets Ctrl-C, and it stops the helpers
        )
        for pipe in self._pipes():
            _enlarge(pipe)
        pickle.dump(sys.path, self._pipes()[0])
        self._pipes()[0].flush()

    def run(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        message = pickle.dumps((function, args, kwargs), pickle.HIGHEST_PROTOCOL)
        orders, answers = self._pipes()
        try:
            orders.write(message)
            orders.flush()
            failed, value = pickle.load(answers)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise SrbenchError(
                "a helper process stopped; the usual reason is too little memory. Finished results "
                "are kept: run the same command again to continue"
            ) from error
        if failed:
            raise value
        return value

    def stop(self) -> None:
        try:
            self._process.communicate(timeout=5)  # a helper ends when its input ends
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout


def _enlarge(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":
        import fcntl

        # Not Popen's pipesize: the system limits the pipes of a user, about 32 helpers reach that
        # limit, and Popen would fail there.
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def serve() -> None:
    """Run a helper until its input ends: call functions and answer with (failed, value)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # for systems without process groups
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # the output of a library must not mix with the answers
    while True:
        try:
            function, args, kwargs = pickle.load(orders)
        except (EOFError, pickle.UnpicklingError):  # the latter if the main process was killed
            os._exit(0)  # the main process waits, and Python would take 50 ms to tidy up
        try:
            answer = pickle.dumps((False, function(*args, **kwargs)), pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            answer = pickle.dumps((True, _sendable(error)))
        try:
            answers.write(answer)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)  # the main process was killed: nobody reads the answer or an error


def _sendable(error: Exception) -> Exception:
    if not isinstance(error, SrbenchError):
        error.add_note("".join(traceback.format_exception(error)))
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:  # some exceptions cannot be unpickled
        return RuntimeError("".join(traceback.format_exception(error)))
