"""What a user's metric states: its name, facts and parameters, checked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, cast

from ..errors import MetricError, UnknownName
from ..fingerprint import source_fingerprint
from ..wording import one_line
from .base import IMPORTED, Better, Facts, Metric

_ORIGINALS = {
    "hr", "gt", "target", "targets", "reference", "ref", "original", "orig", "truth", "groundtruth",
    "true", "clean", "expected",
}  # fmt: skip
"""Words in names of parameters for the original (``hr_image``, ``y_true``, ``imgHR``), which is
passed first if its parameter is first.
"""


_RESULTS = {
    "sr", "pred", "preds", "predicted", "prediction", "output", "fake", "restored", "generated",
    "dist", "distorted", "estimate", "estimated", "recon", "reconstructed", "hat", "test",
}  # fmt: skip
"""Words in names of parameters for the SR image: a second one (``label, prediction``) decides, too.
"""

_DIRECTIONS_ELSEWHERE = (
    "better", "higher_is_better", "lower_is_better", "greater_is_better", "lower_better",
)  # fmt: skip


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
            f"{called}.facts is {described(facts)}; expected a tuple of srbench.Facts"
        )
    for each in cast("tuple[Facts, ...]", facts):
        for field, text in vars(each).items():
            if type(getattr(Facts, field, "")) is str and not isinstance(text, str):
                raise MetricError(f"{called}: {field} is {described(text)}, expected a text")
        own_name(each.name)
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


def _is_range(ends: Any) -> bool:
    return (
        isinstance(ends, tuple)
        and len(cast("tuple[Any, ...]", ends)) == 2
        and all(isinstance(end, int | float | None) for end in cast("tuple[Any, ...]", ends))
    )


def with_own_facts(metric: Metric, name: str | None) -> Metric:
    """The user's metric with checked facts, a name instead of its own if given, and a fingerprint.

    Raises:
        MetricError, UnknownName: a fact has a wrong value.
    """
    metric = _checked(metric, name)
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


def function_facts(name: str, function: Callable[..., Any], images: tuple[str, ...]) -> Facts:
    """The facts of a function that takes these ``images``, from its attributes.

    Raises:
        MetricError: an attribute has a wrong value, or is a word that is not read.
    """
    _refuse_other_attributes(name, function)
    version = getattr(function, "version", None)
    return Facts(
        name,
        "user" if version is None else _protocol(name, _text(name, "version", version)),
        better=_direction(name, getattr(function, "direction", None)),
        label=_text(name, "label", getattr(function, "label", "")),
        decimals=_decimals(name, getattr(function, "decimals", 4)),
        needs="nothing" if images == ("sr",) else "original",
        fingerprint=source_fingerprint(function) if version is None else f"version {version}",
        about=_first_sentence(function),
    )


def _state(metric: Metric) -> dict[str, Any]:
    return {key: value for key, value in vars(metric).items() if key != "facts"}


def images_taken(name: str, function: Callable[..., Any]) -> tuple[str, ...]:
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
        if _has_word(taken[0].name, _ORIGINALS):
            raise MetricError(
                f"{name} takes {taken[0].name} alone; expected a function of (sr, hr) or of (sr)"
            )
        return ("sr",)
    original, result = (
        tuple(_has_word(p.name, words) for p in taken) for words in (_ORIGINALS, _RESULTS)
    )
    swapped = original == (True, False) or (not any(original) and result == (False, True))
    return ("hr", "sr") if swapped else ("sr", "hr")


def _has_word(parameter: str, words: set[str]) -> bool:
    found = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", parameter)
    return any(word.lower() in words for word in found)


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
    if not protocol or len(protocol) > 64 or protocol != one_line(protocol, 64):
        raise MetricError(
            f"{name}: the protocol or version is {protocol!r:.80}, expected a name of up to 64 "
            "characters on one line"
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
    raise MetricError(f"{name}: {what} is {described(value)}; expected a text on one line")


def _first_sentence(function: object) -> str:
    text = inspect.getdoc(function) or ""
    return " ".join(text.partition("\n\n")[0].split())[:300]


def described(value: Any) -> str:
    """What a value is, for a message: ``None``, ``0.5``, ``a list``."""
    shape: Any = getattr(value, "shape", None)
    if shape is not None:
        return f"a {value.__class__.__name__} of shape {tuple(shape)}"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
