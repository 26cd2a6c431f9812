"""Check the settings of an analysis."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

import numpy as np

from ..errors import WrongType, WrongValue

# A few resamples have no meaningful percentiles; more than this do not fit into memory.
RESAMPLES = (20, 100_000)


def check_settings(family: object, resamples: Any, seed: Any, alpha: Any, equivalent: Any) -> None:
    """Check the settings of `srbench.analyze`.

    Raises:
        WrongType: ``family`` is not a list of pairs of names.
        WrongValue: a value is not a number, or is out of range.
    """
    _check_pairs(family)
    for name, value, least, most, range_ in (
        ("resamples", resamples, *RESAMPLES, f"from {RESAMPLES[0]} to {RESAMPLES[1]}"),
        ("seed", seed, 0, np.inf, "from 0 up"),
    ):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not least <= value <= most:
            raise WrongValue(f"{name} is {value!r:.60}, expected a whole number {range_}")
    if not _is_number(alpha) or not 0 < alpha < 1:
        raise WrongValue(f"alpha is {alpha!r:.60}, expected a number between 0 and 1, such as 0.05")
    if equivalent is not None and not _is_number(equivalent):
        raise WrongValue(f"equivalent is {equivalent!r:.60}, expected a margin, a number above 0")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _check_pairs(family: Any) -> None:
    if family is None:
        return
    if isinstance(family, str) or not isinstance(family, Collection):
        raise _no_pairs(family)
    for pair in cast("Collection[Any]", family):
        names = cast("Sequence[Any]", pair if isinstance(pair, (tuple, list)) else ())
        if len(names) != 2 or not all(isinstance(n, str) for n in names) or names[0] == names[1]:
            raise _no_pairs(cast("object", family))
    pairs = [frozenset(pair) for pair in cast("Collection[Sequence[str]]", family)]
    if twice := [sorted(pair) for pair in pairs if pairs.count(pair) > 1]:
        # Holm's correction would count it twice.
        raise WrongValue(f"family names {twice[0][0]} and {twice[0][1]} twice; name each pair once")
    if not family:
        raise WrongValue("family names no comparison; leave it out to compare every pair")


def _no_pairs(family: object) -> WrongType:
    return WrongType(f"family is {family!r:.80}, expected pairs of methods: [('bicubic', 'mine')]")
