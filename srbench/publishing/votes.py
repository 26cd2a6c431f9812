"""The ratings of a package: the columns that the codebook knows, under pseudonyms."""

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

# What srbench itself calls raters: at random, and simulated ones.
_OURS = re.compile(r"r-[2-9a-hjkmnp-z]{8}|sim-[0-9]+-[0-9]+")


@dataclass(frozen=True)
class PublicVotes:
    """The table as text, its columns, and what was changed: how many raters got another name, and
    which columns stay out."""

    text: str
    columns: tuple[str, ...]
    gaps: frozenset[str]
    renamed: int
    left_out: tuple[str, ...]


def public_votes(votes: pd.DataFrame) -> PublicVotes:
    """The votes or answers as they may be given away; ``votes`` is a checked table.

    Raters and panels have a random name, but for those whom srbench named so itself. Columns that
    the codebook does not describe stay out, because they could identify people; among
    them is ``rated_at``, by which a rater could be found in the list of a recruiting site. Rows are
    sorted by rater and trial.

    Raises:
        RatingsError: nothing is left.
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
    """A random name for each, whose order tells nothing; names of ours stay."""
    found = {name: name for name in names if _OURS.fullmatch(name) or not name}
    others = [name for name in names if name not in found]
    secrets.SystemRandom().shuffle(others)
    taken = set(found)
    for name in others:
        new = next(code for _ in iter(int, 1) if (code := f"r-{new_code(8).lower()}") not in taken)
        taken.add(new)
        found[name] = new
    return found
