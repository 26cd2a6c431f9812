"""Degradation studies (DCR): their mean grade is a DMOS.

It differs from the DMOS of grades with a hidden reference (ACR-HR), which is computed from two
grades. Tables of a DCR study have it in ``dmos``, leave ``mos`` empty, and name their procedure.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..errors import RatingsError

GRADE_PROCEDURES = ("acr", "dcr")
MEAN = {"acr": "MOS", "dcr": "DMOS (DCR)"}
ENDS = {"acr": ("bad", "excellent"), "dcr": ("very annoying", "imperceptible")}


def check_procedure(ratings: pd.DataFrame, known: tuple[str, ...] = GRADE_PROCEDURES) -> None:
    """Check the column ``procedure``; if it is missing or empty, add the first of ``known``.

    Raises:
        RatingsError: it is not one of ``known``, or rows differ.
    """
    if "procedure" not in ratings:
        ratings["procedure"] = known[0]
        return
    words = ratings["procedure"].fillna("").astype(str).str.strip().str.casefold()
    found = sorted(words.unique())
    if len(found) > 1 or found[0] not in (*known, ""):
        raise RatingsError(
            f"procedure is {', '.join(repr(name) for name in found[:4])}; expected one of "
            f"{', '.join(known)} throughout (studies that asked otherwise are analysed apart)"
        )
    ratings["procedure"] = found[0] or known[0]


def as_degradation(table: pd.DataFrame) -> pd.DataFrame:
    """The table of means; for a degradation study its ``mos`` is moved to ``dmos``."""
    moved = table.assign(dmos=table["mos"], mos=np.nan)
    if "dmos_ci_low" in table:
        moved = moved.assign(dmos_ci_low=table["ci_low"], dmos_ci_high=table["ci_high"])
    moved["note"] = [
        "; ".join(part for part in str(note).split("; ") if "no DMOS" not in part)
        for note in table["note"]
    ]
    return moved


def procedure_of(table: pd.DataFrame) -> str:
    """The procedure of a table of means; ``acr`` if the table has none."""
    return str(table["procedure"].iloc[0]) if "procedure" in table and len(table) else "acr"


def means(table: pd.DataFrame) -> pd.DataFrame:
    """The table of means with the raters' mean grade in ``mos``, for every procedure."""
    return table.assign(mos=table["dmos"]) if procedure_of(table) == "dcr" else table


def worded(text: str, procedure: str) -> str:
    """A sentence about MOS, reworded for the mean of this procedure."""
    return re.sub(r"(?<!\w)MOS(?!\w)", MEAN[procedure], text)
