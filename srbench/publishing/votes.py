"""The ratings of a package: the columns of the codebook, under pseudonyms."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from ..errors import RatingsError
from ..report.kit.numbers import to_csv
from ..study.keys import new_code
from .codebook import described

# Names given by srbench: random names, and those of simulated raters.
_OURS = re.compile(r"r-[2-9a-hjkmnp-z]{8}|sim-[0-9]+-[0-9]+")


@dataclass(frozen=True)
class PublicVotes:
    """The table as text, its columns, the number of renamed raters, and the columns left out."""

    text: str
    columns: tuple[str, ...]
    gaps: frozenset[str]
    renamed: int
    left_out: tuple[str, ...]


def public_votes(votes: pd.DataFrame) -> PublicVotes:
    """The votes or answers for publication; ``votes`` is a checked table.

    Raters and panels get random names, unless srbench gave them one. Columns that are not in the
    codebook are left out, because they could identify people; one of them is ``rated_at``, which
    could identify a rater in the list of a recruiting site. Rows are sorted by rater and trial.

    Raises:
        RatingsError: no votes are left.
    """
    known = [column for column in described("ratings") if column in votes]
    table = votes[known].copy()
    if table.empty:
        raise RatingsError("there are no ratings to publish")
    renamed = 0
    for column in ("rater", "panel"):
        if column in table:
            names = _pseudonyms(table[column].unique())
            table[column] = table[column].map(names)
            renamed += sum(old != new for old, new in names.items()) if column == "rater" else 0
    table["simulated"] = table["simulated"].map({True: "true", False: "false"})
    order = ["rater"]
    if "trial" in table:
        table["place"] = pd.to_numeric(table["trial"], errors="coerce")
        order.append("place")
    table = table.sort_values(order, kind="stable")[known].astype(str)
    gaps = frozenset(column for column in known if (table[column] == "").any())
    left_out = tuple(str(column) for column in votes if column not in known)
    return PublicVotes(to_csv(table), tuple(known), gaps, renamed, left_out)


def _pseudonyms(names: Iterable[str]) -> dict[str, str]:
    """A random name for each, in random order; names from srbench are kept."""
    found = {name: name for name in names if _OURS.fullmatch(name) or not name}
    others = [name for name in names if name not in found]
    secrets.SystemRandom().shuffle(others)
    taken = set(found)
    for name in others:
        new = next(code for _ in iter(int, 1) if (code := f"r-{new_code(8).lower()}") not in taken)
        taken.add(new)
        found[name] = new
    return found
