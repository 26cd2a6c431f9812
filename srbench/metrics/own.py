"""A user's metric: a function of uint8 arrays or a `Metric`, by name or as an object.

It cannot break a run: it gets copies, its output is dropped, and its errors become one line.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import io
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from ..errors import ConfigError, MetricError, SrbenchError, UnknownName
from ..files import expanded, same_folder
from ..fingerprint import files_of, shadowed, source_fingerprint
from ..imaging.luma import Image, to_rgb
from ..wording import one_line
from .base import IMPORTED, Better, Facts, Metric, MissingMetric, Original

_ORIGINALS = {
    "hr", "gt", "target", "targets", "reference", "ref", "original", "orig", "truth", "groundtruth",
    "true", "clean", "expected",
}  # fmt: skip
"""Words in names of parameters for the original (``hr_image``, ``y_true``, ``imgHR``), which is
passed first if its parameter is first.
"""
_DIRECTIONS_ELSEWHERE = (
    "better", "higher_is_better", "lower_is_better", "greater_is_better", "lower_better",
)  # fmt: skip


_folders: list[tempfile.TemporaryDirectory[str]] = []
"""Sources of metrics from another machine, until this process ends."""


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

    def __init__(self, name: str, function: Callable[..., Any], made: _Made | None = None) -> None:
        self._name, self._function, self._made = name, function, made
        self._arguments = _arguments(name, function)
        _refuse_other_attributes(name, function)
        version = getattr(function, "version", None)
        self.facts = (
            Facts(
                name,
                "user" if version is None else _protocol(name, _text(name, "version", version)),
                better=_direction(name, getattr(function, "direction", None)),
                label=_text(name, "label", getattr(function, "label", "")),
                decimals=_decimals(name, getattr(function, "decimals", 4)),
                needs="nothing" if self._arguments == ("sr",) else "original",
                fingerprint=source_fingerprint(function)
                if version is None
                else f"version {version}",
                about=_first_sentence(function),
            ),
        )

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
        made = self._made
        if made is not None and made.sources:
            return _remade, (self._name, made.sources, made.attribute, self.facts)
        return _carried, (self._name, self._function, self.facts)


class OwnMetric(Metric):
    """A user's `Metric`, with the same protection as a function."""

    def __init__(self, inner: Metric) -> None:
        self._inner = inner
        facts = inner.facts
        self._name = facts[0].name
        self.facts = facts
        self.uses_device = inner.uses_device

    def least(self, scale: int) -> int:
        with guarded(self._name):
            least: Any = self._inner.least(scale)
        if not isinstance(least, int):
            raise MetricError(f"{self._name}.least returned {_described(least)}, expected pixels")
        return least

    def missing(self, weights: Path) -> MissingMetric | None:
        with guarded(self._name):
            missing: Any = self._inner.missing(weights)
        if not isinstance(missing, MissingMetric | None):
            raise MetricError(
                f"{self._name}.missing returned {_described(missing)}, expected None or "
                "srbench.metrics.MissingMetric"
            )
        return missing

    def load(self, weights: Path, device: str) -> Self:
        loaded = copy(self)
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


def own_metric(thing: object, name: str | None = None, made: _Made | None = None) -> Metric:
    """The metric for a function or a `Metric`; ``name`` replaces its name.

    Raises:
        MetricError: it is neither, or it is not valid.
        UnknownName: it has no name, or one of ours.
    """
    if inspect.isclass(thing) and issubclass(thing, Metric):
        with guarded(name or thing.__name__):
            thing = thing()
    if isinstance(thing, Metric):
        return OwnMetric(_renamed(_checked(thing, name), name))
    called = name or str(getattr(thing, "__name__", type(thing).__name__))
    if inspect.isclass(thing):
        raise MetricError(f"{called} is a class; give an instance of it, or a function (sr, hr)")
    if inspect.ismodule(thing) or not callable(thing):
        raise MetricError(
            f"{called} is {_described(thing)}; a metric is a function (sr, hr) or (sr) that gives "
            "a number, or a srbench.Metric"
        )
    if called == "<lambda>":
        raise UnknownName("a lambda has no name; write it as a def, or set its __name__")
    return FunctionMetric(own_name(called), thing, made)


class _Made:
    """The origin of a metric: an attribute, and the sources to recreate it on another machine."""

    def __init__(self, attribute: str, sources: Mapping[str, bytes]) -> None:
        self.attribute, self.sources = attribute, dict(sources)


def load_metric(name: str, place: str) -> Metric:
    """The metric ``name`` at ``FILE.py:function`` or ``module:attribute``.

    Raises:
        MetricError: there is no such file, module or attribute, or it is not a metric.
        UnknownName: the name is one of ours, or is not valid.
    """
    own_name(name)
    where, colon, attribute = place.rpartition(":")
    if not colon or not where or not attribute:
        raise ConfigError(
            f"{name}={place} does not name a function; expected {name}=FILE.py:function or "
            f"{name}=module:attribute"
        )
    if where.endswith(".py") or "/" in where or "\\" in where:
        file = expanded(where)
        if not file.is_file():
            raise MetricError(f"{name}={place}: there is no file {file}")
        if file.suffix != ".py":
            raise MetricError(f"{name}={place}: {file.name} is not a Python file (.py)")
        module = _run_file(name, file)
        folder = file.resolve().parent
        sources = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in files_of(file)
            if path.is_relative_to(folder)
        }
        made = _Made(f"{file.name}:{attribute}", sources)
        return own_metric(_attribute(name, module, attribute, file.name), name, made)
    with guarded(name, f"cannot import {where}"), _current_folder_importable():
        module = importlib.import_module(where)
    return own_metric(_attribute(name, module, attribute, where), name)


@contextlib.contextmanager
def _current_folder_importable() -> Generator[None]:
    # `python -m` adds this folder, but the console script does not.
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove("")


def _run_file(name: str, file: Path) -> object:
    # A different module name for each path, because two files may have the same name.
    spec = importlib.util.spec_from_file_location(f"srbench_own_{name}".replace("-", "_"), file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)  # it may import files from the same folder
    try:
        with guarded(name, f"{file.name} cannot be run"):
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
    for helper, beside, loaded in shadowed(file):
        raise MetricError(
            f"{name}: {file.name} imports {helper}, which this process has loaded from {loaded}, "
            f"not from {beside}; rename one of the two"
        )
    return module


def _remade(
    name: str, sources: Mapping[str, bytes], attribute: str, facts: tuple[Facts, ...]
) -> Metric:
    """Recreate a metric on another machine from its sources, with its original facts."""
    folder = tempfile.TemporaryDirectory()
    for place, content in sources.items():
        (Path(folder.name) / place).parent.mkdir(parents=True, exist_ok=True)
        (Path(folder.name) / place).write_bytes(content)
    file, _, function = attribute.partition(":")
    module = _run_file(name, Path(folder.name) / file)
    metric = own_metric(_attribute(name, module, function, file), name)
    metric.facts = facts
    _folders.append(folder)  # its functions may import more of it later
    return metric


def _carried(name: str, function: Callable[..., Any], facts: tuple[Facts, ...]) -> Metric:
    """Recreate a metric on another machine from a pickled or installed function."""
    metric = FunctionMetric(name, function)
    metric.facts = facts
    return metric


def _attribute(name: str, module: object, attribute: str, where: str) -> object:
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [n for n, v in vars(module).items() if not n.startswith("_") and callable(v)]
            has = f"; it has {', '.join(public[:6])}" if public else ""
            raise MetricError(f"{name}: {where} has no '{attribute}'{has}")
        found = getattr(found, part)
    return found


def own_name(name: str) -> str:
    """The name of a user's metric, if it is valid.

    Raises:
        UnknownName: it is one of ours, or has characters that are not allowed.
    """
    from .table import words

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}", str(name)):
        raise UnknownName(
            f"'{one_line(str(name))}' cannot name a metric; use up to 64 letters a to z, digits, "
            "'.', '_', '+' and '-', starting with a letter or digit"
        )
    if name.lower() in {*words(), "mos"}:
        raise UnknownName(f"'{name}' is one of our metrics; give yours another name")
    return name


def _is_range(ends: Any) -> bool:
    return (
        isinstance(ends, tuple)
        and len(cast("tuple[Any, ...]", ends)) == 2
        and all(isinstance(end, int | float | None) for end in cast("tuple[Any, ...]", ends))
    )


def _checked(metric: Metric, name: str | None) -> Metric:
    from .table import words

    called = name or type(metric).__name__
    facts: Any = getattr(metric, "facts", None)
    if isinstance(facts, Facts):
        metric.facts = facts = (facts,)
    if (
        not isinstance(facts, tuple)
        or not facts
        or not all(isinstance(f, Facts) for f in cast("tuple[Any, ...]", facts))
    ):
        raise MetricError(
            f"{called}.facts is {_described(facts)}; expected a tuple of srbench.Facts"
        )
    for each in cast("tuple[Facts, ...]", facts):
        for field, text in vars(each).items():
            if type(getattr(Facts, field, "")) is str and not isinstance(text, str):
                raise MetricError(f"{called}: {field} is {_described(text)}, expected a text")
        own_name(each.name)
        if not isinstance(each.protocol, str) or not each.protocol:  # pyright: ignore
            raise MetricError(f"{called}: the protocol is {each.protocol!r}, expected a name")
        if each.protocol != one_line(each.protocol, len(each.protocol)) or len(each.protocol) > 64:
            raise MetricError(
                f"{called}: the protocol is {each.protocol!r:.80}, expected up to 64 characters on "
                "one line"
            )
        _protocol(called, each.protocol)
        if each.word in words():
            raise MetricError(f"{called}: word is '{each.word}', which selects metrics of ours")
        if not _is_range(each.range):
            raise MetricError(
                f"{called}: range is {each.range!r:.60}; expected the smallest and the largest "
                "value, None for none"
            )
        _direction(called, each.better)
        _decimals(called, each.decimals)
        if each.needs not in ("original", "lr", "nothing"):
            raise MetricError(f"{called}: needs is {each.needs!r}; original, lr or nothing")
    return metric


def _renamed(metric: Metric, name: str | None) -> Metric:
    """The facts with the user's name and a fingerprint."""
    if name is not None and len(metric.facts) > 1:
        raise MetricError(
            f"{name} gives {len(metric.facts)} numbers, which have their own names; give it in "
            "Python, without another name"
        )
    renamed = copy(metric)
    renamed.facts = tuple(
        replace(
            facts,
            name=name or facts.name,
            fingerprint=facts.fingerprint
            or source_fingerprint(type(metric)) + source_fingerprint(_state(metric)),
        )
        for facts in metric.facts
    )
    return renamed


def _state(metric: Metric) -> dict[str, Any]:
    return {key: value for key, value in vars(metric).items() if key != "facts"}


def _arguments(name: str, function: Callable[..., Any]) -> tuple[str, ...]:
    """The images that the function takes, in its order, from the names of its parameters."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a C function without a signature
        return "sr", "hr"
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return "sr", "hr"
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in placed if p.default is p.empty]
    named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    taken = needed or placed[:2]
    if len(taken) not in (1, 2) or named:
        listed = ", ".join([p.name for p in taken] + named) or "nothing"
        raise MetricError(f"{name} takes {listed}; expected a function of (sr, hr) or of (sr)")
    if len(taken) == 1:
        if _names_original(taken[0].name):
            raise MetricError(
                f"{name} takes {taken[0].name} alone; expected a function of (sr, hr) or of (sr)"
            )
        return ("sr",)
    first, second = (_names_original(p.name) for p in taken)
    return ("hr", "sr") if first and not second else ("sr", "hr")


def _names_original(parameter: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", parameter)
    return any(word.lower() in _ORIGINALS for word in words)


@contextlib.contextmanager
def guarded(name: str, what: str = "raised") -> Generator[io.StringIO]:
    """Run a user's code: catch its output and turn exceptions into one line."""
    try:
        with (
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
        raise MetricError(f"the metric {name} returned {_described(value)}, expected one number")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise MetricError(f"the metric {name} returned a number too large to be one")
    if isinstance(value, (int, float, np.integer, np.floating)):
        return float(value)  # pyright: ignore[reportUnknownArgumentType]
    item: Any = getattr(value, "item", None)
    shape: Any = getattr(value, "shape", None)
    if callable(item) and shape is not None and all(side == 1 for side in shape):
        return number_of(name, item())
    raise MetricError(f"the metric {name} returned {_described(value)}, expected one number")


def _described(value: Any) -> str:
    shape: Any = getattr(value, "shape", None)
    if shape is not None:
        return f"a {value.__class__.__name__} of shape {tuple(shape)}"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _refuse_other_attributes(name: str, function: object) -> None:
    """Refuse the words of other libraries for the better direction, which would be ignored."""
    for word in _DIRECTIONS_ELSEWHERE:
        if hasattr(function, word) and not hasattr(function, "direction"):
            raise MetricError(
                f"{name} has an attribute {word}, which is not read; set direction to 'higher' or "
                "'lower', whichever is better"
            )


def _protocol(name: str, protocol: str) -> str:
    if protocol == IMPORTED:
        raise MetricError(
            f"{name}: '{IMPORTED}' is the protocol of imported scores; give another version or "
            "protocol"
        )
    return protocol


def _direction(name: str, direction: object) -> Better | None:
    if direction is None or direction in ("higher", "lower"):
        return direction
    raise MetricError(f"{name}: direction is {direction!r}; expected 'higher' or 'lower'")


def _decimals(name: str, decimals: object) -> int:
    if isinstance(decimals, int) and not isinstance(decimals, bool) and 0 <= decimals <= 12:
        return decimals
    raise MetricError(f"{name}: decimals is {decimals!r}; expected a whole number from 0 to 12")


def _text(name: str, what: str, value: object) -> str:
    if (
        isinstance(value, (str, int, float))
        and not isinstance(value, bool)
        and "\n" not in str(value)
    ):
        return str(value)
    raise MetricError(f"{name}: {what} is {_described(value)}; expected a text on one line")


def _first_sentence(function: object) -> str:
    text = inspect.getdoc(function) or ""
    return " ".join(text.partition("\n\n")[0].split())[:300]
