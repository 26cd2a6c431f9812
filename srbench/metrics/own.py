"""A user's metric: a function of uint8 arrays or a `Metric`, by name or as an object.

It cannot break a run: it gets copies, its output is dropped, and its errors become one line.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import pickle
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..errors import MetricError, SrbenchError, UnknownName
from ..files import same_folder
from ..imaging.luma import Image, to_rgb
from .base import Facts, Metric, MissingMetric, Original
from .own_facts import described, function_facts, images_taken, own_name, with_own_facts

if TYPE_CHECKING:
    from .own_files import Made


class FunctionMetric(Metric):
    """A function ``(sr, hr) -> float`` or ``(sr) -> float`` on uint8 arrays.

    Optional attributes of the function: ``direction`` (``higher`` or ``lower``), ``label``,
    ``decimals``, ``version``. A version becomes the fingerprint and the protocol; without it, the
    fingerprint is a hash of the source and the protocol is ``user``.

    >>> import numpy as np, srbench
    >>> def gap(sr, hr):
    ...     return abs(float(sr.mean()) - float(hr.mean()))
    >>> gap.direction = "lower"
    >>> hr = np.full((32, 32), 100, dtype=np.uint8)
    >>> srbench.score(hr + 5, hr, scale=4, metrics=["psnr", gap])["gap"]
    5.0
    """

    def __init__(self, name: str, function: Callable[..., Any], made: Made | None = None) -> None:
        self._name, self._function, self._made = name, function, made
        self._arguments = images_taken(name, function)
        self.facts = (function_facts(name, function, self._arguments),)

    def prepare(self, original: Original) -> Callable[[Image], float]:
        def number(sr: Image) -> float:
            given = {"sr": sr.copy()}
            if "hr" in self._arguments:
                given["hr"] = original.hr.copy()
            if original.there and sr.ndim != original.hr.ndim:
                given = {which: to_rgb(image) for which, image in given.items()}
            with guarded(self._name) as said:
                value = self._function(*(given[which] for which in self._arguments))
            self.printed = self.printed or said.getvalue().strip().partition("\n")[0]
            return number_of(self._name, value)

        return number

    def __reduce__(self) -> tuple[Any, ...]:
        # Send the source to cluster workers, which do not have this machine's modules.
        if self._made is not None and self._made.sources:
            return self._made.again, (self._name, self.facts)
        return _carried, (self._name, self._function, self.facts)


class OwnMetric(Metric):
    """A user's `Metric`, with the same protection as a function."""

    def __init__(self, inner: Metric, made: Made | None = None) -> None:
        self._inner, self._made = inner, made
        facts = inner.facts
        self._name = facts[0].name
        self.facts = facts
        self.uses_device = inner.uses_device

    def least(self, scale: int) -> int:
        with guarded(self._name):
            least: Any = self._inner.least(scale)
        if not isinstance(least, int):
            raise MetricError(f"{self._name}.least returned {described(least)}, expected pixels")
        return least

    def missing(self, weights: Path) -> MissingMetric | None:
        with guarded(self._name):
            missing: Any = self._inner.missing(weights)
        if not isinstance(missing, MissingMetric | None):
            raise MetricError(
                f"{self._name}.missing returned {described(missing)}, expected None or "
                "srbench.metrics.MissingMetric"
            )
        return missing

    def load(self, weights: Path, device: str) -> Self:
        loaded = object.__new__(type(self))  # copy() would run the metric's file again
        vars(loaded).update(vars(self))
        with guarded(self._name):
            loaded._inner = self._inner.load(weights, device)
        return loaded

    def prepare(self, original: Original) -> Callable[[Image], Sequence[float]]:
        hr = original.hr.copy() if original.there else None
        lr = None if original.lr is None else original.lr.copy()
        with guarded(self._name):
            prepared = self._inner.prepare(Original(hr, original.scale, lr, original.border))

        def numbers(sr: Image) -> list[float]:
            with guarded(self._name) as said:
                values = prepared(sr.copy())
            self.printed = self.printed or said.getvalue().strip().partition("\n")[0]
            several = list(values) if isinstance(values, (list, tuple)) else [values]
            if len(several) != len(self.facts):
                raise MetricError(
                    f"{self._name} returned {len(several)} numbers, but its facts name "
                    f"{len(self.facts)}"
                )
            return [number_of(self._name, value) for value in several]

        return numbers

    def __reduce__(self) -> tuple[Any, ...]:
        state = vars(self) | {"_made": None}
        if self._made is None:
            return _restored, (state,)
        # Its class is in a module that other machines have only after they ran the file.
        return self._made.unpickled, (self._name, pickle.dumps((_restored, state)))


def _restored(state: dict[str, Any]) -> OwnMetric:
    metric = object.__new__(OwnMetric)
    vars(metric).update(state)
    return metric


def own_metric(thing: object, name: str | None = None, made: Made | None = None) -> Metric:
    """The metric for a function or a `Metric`; ``name`` replaces its name.

    Raises:
        MetricError: it is neither, or it is not valid.
        UnknownName: it has no name, or one of ours.
    """
    if inspect.isclass(thing) and issubclass(thing, Metric):
        with guarded(name or thing.__name__):
            thing = thing()
    if isinstance(thing, Metric):
        return OwnMetric(with_own_facts(thing, name), made)
    called = name or str(getattr(thing, "__name__", type(thing).__name__))
    if inspect.isclass(thing):
        raise MetricError(f"{called} is a class; give an instance of it, or a function (sr, hr)")
    if inspect.ismodule(thing) or not callable(thing):
        raise MetricError(
            f"{called} is {described(thing)}; a metric is a function (sr, hr) or (sr) that gives "
            "a number, or a srbench.Metric"
        )
    if called == "<lambda>":
        raise UnknownName("a lambda has no name; write it as a def, or set its __name__")
    return FunctionMetric(own_name(called), thing, made)


def _carried(name: str, function: Callable[..., Any], facts: tuple[Facts, ...]) -> Metric:
    """Recreate a metric on another machine from a pickled or installed function."""
    metric = FunctionMetric(name, function)
    metric.facts = facts
    return metric


_one_at_a_time = threading.RLock()
"""Held while a user's code runs: the output, the filters of warnings and the current folder belong
to all threads, and two threads that exchange and restore them would leave them exchanged.
"""


@contextlib.contextmanager
def guarded(name: str, what: str = "raised") -> Generator[io.StringIO]:
    """Run a user's code: catch its output and turn exceptions into one line."""
    try:
        with (
            _one_at_a_time,
            same_folder(),
            contextlib.redirect_stdout(io.StringIO()) as said,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield said
    except SrbenchError:
        raise
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a metric that calls exit() must not end a run
        text = " ".join(str(error).split())[:300]
        raise MetricError(
            f"the metric {name} {what}: {type(error).__name__}{f': {text}' if text else ''}"
        ) from error


def number_of(name: str, value: Any) -> float:
    """``value`` as one number, or an error that describes it."""
    if isinstance(value, (bool, np.bool_, str, bytes, complex)) or value is None:
        raise MetricError(f"the metric {name} returned {described(value)}, expected one number")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise MetricError(f"the metric {name} returned a number too large to be one")
    if isinstance(value, (int, float, np.integer, np.floating)):
        return float(value)  # pyright: ignore[reportUnknownArgumentType]
    item: Any = getattr(value, "item", None)
    shape: Any = getattr(value, "shape", None)
    if callable(item) and shape is not None and all(side == 1 for side in shape):
        return number_of(name, item())
    raise MetricError(f"the metric {name} returned {described(value)}, expected one number")
