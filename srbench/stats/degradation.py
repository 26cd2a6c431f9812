"""Studies of degradation (DCR): their mean is a differential one, and is called so.

It is not the DMOS of grades with a hidden reference (ACR-HR), which is computed from two grades:
in tables the former stands in ``dmos`` with ``mos`` empty, and both are told by their procedure.
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
    """``procedure``, the first of those known where it is missing or empty throughout.

    Raises:
        RatingsError: it is none of those known, or rows differ.
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
    """A table of means, those of a study of degradation moved from ``mos`` to ``dmos``."""
    moved = table.assign(dmos=table["mos"], mos=np.nan)
    if "dmos_ci_low" in table:
        moved = moved.assign(dmos_ci_low=table["ci_low"], dmos_ci_high=table["ci_high"])
    moved["note"] = [
        "; ".join(part for part in str(note).split("; ") if "no DMOS" not in part)
        for note in table["note"]
    ]
    return moved


def procedure_of(table: pd.DataFrame) -> str:
    """The procedure of a table of means, ``acr`` where it does not say."""
    return str(table["procedure"].iloc[0]) if "procedure" in table and len(table) else "acr"


def means(table: pd.DataFrame) -> pd.DataFrame:
    """A table of means with what raters gave in ``mos``, whatever was asked."""
    return table.assign(mos=table["dmos"]) if procedure_of(table) == "dcr" else table


def worded(text: str, procedure: str) -> str:
    """A sentence about MOS as one about the mean of this procedure."""
    return re.sub(r"(?<!\w)MOS(?!\w)", MEAN[procedure], text)
