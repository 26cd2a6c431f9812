"""Votes excluded from the analysis by rules that were declared before the first vote."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

import pandas as pd

from ..csv_cells import truth
from ..errors import RatingsError
from .table_rules import blank_if_missing

WITH_ALL = "with the votes that the rules leave out"


def reasons(table: pd.DataFrame) -> pd.Series:
    """The column ``excluded``: why each row is not analysed, '' for rows that are.

    A table from elsewhere may say only whether: false, 0 and no are rows that are analysed.
    """
    if "excluded" not in table:
        return pd.Series("", index=table.index)
    words = blank_if_missing(table["excluded"])
    spoken = {True: "marked as excluded", False: ""}
    said = {word: truth(word) for word in words.unique()}
    return words.map({w: w if yes is None else spoken[yes] for w, yes in said.items()})


def analysed(main: pd.DataFrame) -> pd.DataFrame:
    """The main votes without those that the study's rules leave out.

    Raises:
        RatingsError: none is left.
    """
    out = reasons(main) != ""
    if out.all():
        found = "; ".join(sorted(set(reasons(main)))[:3])
        raise RatingsError(
            f"the study's rules leave no main vote of {len(main):,} ({found}); analyse the table "
            "without its column 'excluded' to see them"
        )
    return main[~out].reset_index(drop=True)


def without_excluded(table: pd.DataFrame) -> pd.DataFrame:
    """All phases of a checked table, without the main rows that the rules leave out."""
    out = (table["phase"] == "main") & (reasons(table) != "")
    return table[~out].reset_index(drop=True)


def exclusions_table(
    table: pd.DataFrame,
    what: str,
    phases: Mapping[str, str],
    effects: tuple[str, str],
    raters: Iterable[tuple[Mapping[Hashable, object], str]],
) -> pd.DataFrame:
    """The table ``exclusions``: votes that are not analysed, and raters with a remark.

    Args:
        table: all votes, with their phases.
        what: ``votes`` or ``answers``.
        phases: the reason why the votes of each phase are not analysed.
        effects: the effect of the phases, and that of the study's rules.
        raters: rows of the table ``raters``, each with its effect.

    Returns:
        The columns ``what, count, reason, effect``.
    """
    by_phase, by_rule = effects
    rows = [
        (f"{what} of phase {phase}", int((table["phase"] == phase).sum()), reason, by_phase)
        for phase, reason in phases.items()
        if (table["phase"] == phase).any()
    ]
    found = reasons(table)
    counts = found[found != ""].value_counts(sort=False)
    rows += [(f"{what} of phase main", int(n), str(why), by_rule) for why, n in counts.items()]
    rows += [(f"rater {r['rater']}", r["n"], r["note"], effect) for r, effect in raters]
    return pd.DataFrame(rows, columns=pd.Index(["what", "count", "reason", "effect"]))


def told_left_out(main: pd.DataFrame) -> str:
    """A sentence for a paper about the main votes that the study's rules exclude; '' if none."""
    found = reasons(main)
    counts = found[found != ""].value_counts(sort=False)
    if counts.empty:
        return ""
    why = ", ".join(f"{reason} ({count:,})" for reason, count in counts.items())
    return (
        f"{int(counts.sum()):,} of {len(main):,} votes were left out by rules declared before the "
        f"first vote: {why}. Conclusions with all votes are given as a sensitivity analysis."
    )
