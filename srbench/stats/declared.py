"""Parse declared comparisons, ``A:B,C:*``, into pairs of methods."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np
import pandas as pd

from ..errors import ConfigError
from .significance import Pairs

EXPLORATORY = "exploratory: not declared, its p is not adjusted"


def declared_pairs(words: str, methods: Iterable[str]) -> list[tuple[str, str]]:
    """The pairs that ``words`` declare among ``methods``, each once, in the order of the words.

    ``A:B`` is a pair, ``C:*`` is C with every other method; case does not count.

    Raises:
        ConfigError: a part is not a pair, names an unknown method, or names one method twice.
    """
    methods = sorted(set(methods))
    spelt = {name.casefold(): name for name in methods}

    def known(word: str, part: str) -> str:
        name = spelt.get(word.strip().casefold())
        if name is None:
            near = get_close_matches(word.strip().casefold(), spelt, n=1)
            hint = f" (did you mean {spelt[near[0]]}?)" if near else ""
            raise ConfigError(
                f"'{part}' names no method of these results{hint}; there are: {', '.join(methods)}"
            )
        return name

    found: dict[frozenset[str], tuple[str, str]] = {}
    for part in (each.strip() for each in words.split(",")):
        ends = part.split(":")
        if len(ends) != 2 or not all(end.strip() for end in ends):
            raise ConfigError(
                f"'{part}' is not a comparison; write A:B for two methods, A:* for A with all "
                "others, separated by commas"
            )
        if ends[0].strip() == "*":
            ends.reverse()
        a = known(ends[0], part)
        others = (
            [m for m in methods if m != a] if ends[1].strip() == "*" else [known(ends[1], part)]
        )
        if a in others:
            raise ConfigError(f"'{part}' compares a method with itself")
        for b in others:
            found.setdefault(frozenset((a, b)), (a, b))
    return list(found.values())


def others_of(pairs: Pairs, declared: Pairs) -> list[tuple[str, str]]:
    """The ``pairs`` that were not ``declared``, in either order."""
    known = {frozenset(pair) for pair in declared}
    return [pair for pair in pairs if frozenset(pair) not in known]


def as_exploratory(tests: pd.DataFrame) -> pd.DataFrame:
    """Rows of pairwise.csv outside the family: no adjusted p-value and never significant."""
    table = tests.copy()
    table["p_holm"] = np.nan
    table["significant"] = False
    notes = [f"{EXPLORATORY}; {note}" if note else EXPLORATORY for note in table["note"]]
    table["note"] = notes
    return table
