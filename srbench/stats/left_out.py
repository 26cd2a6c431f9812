"""Votes excluded from the analysis by rules that were declared before the first vote."""

from __future__ import annotations

import pandas as pd

from ..errors import RatingsError

WITH_ALL = "with the votes that the rules leave out"


def reasons(table: pd.DataFrame) -> pd.Series:
    """The column ``excluded``: why each row is not analysed, '' for rows that are."""
    if "excluded" not in table:
        return pd.Series("", index=table.index)
    return table["excluded"].fillna("").astype(str).str.strip()


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


def left_out_rows(table: pd.DataFrame, what: str, effect: str) -> list[dict[str, object]]:
    """Rows of the table ``exclusions``: how many votes each reason keeps out."""
    found = reasons(table)
    counts = found[found != ""].value_counts(sort=False)
    return [
        {"what": what, "count": int(count), "reason": str(why), "effect": effect}
        for why, count in counts.items()
    ]


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
