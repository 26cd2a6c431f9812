"""The scores table beside the ratings: metric values of the stimuli that were rated."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..data.naming import spelt
from ..errors import ResultsError
from .ratings import REFERENCE

SCORES = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]


def match_scores(stimuli: pd.DataFrame, scores: pd.DataFrame, scale: object = None) -> pd.DataFrame:
    """Rated stimuli with their metric values; ``scale`` is that of the ratings, if they say it.

    Columns ``dataset, image, method, mos, protocol, metric, value``.

    Method names match whatever their case, known data sets under any usual name; the original,
    which has no score of its own, and values that are not finite (the PSNR of identical images) are
    left out.

    Raises:
        ResultsError: columns are missing, the scores hold several scales and the ratings do not
            say theirs, they say another one, or no rated stimulus has a score.
    """
    missing = [column for column in SCORES if column not in scores.columns]
    if missing:
        raise ResultsError(
            f"scores lack the columns {', '.join(missing)}; expected: {', '.join(SCORES)}"
        )
    table = scores[SCORES].copy()
    table["scale"] = table["scale"].map(_plain)
    scales = sorted(set(table["scale"]))
    if scale is not None and _plain(scale):
        if _plain(scale) not in scales:
            raise ResultsError(
                f"the ratings are of scale {_plain(scale)}, the scores of {', '.join(scales)}"
            )
        table = table[table["scale"] == _plain(scale)]
    elif len(scales) > 1:
        raise ResultsError(
            f"scores hold the scales {', '.join(scales)}; add a column scale to the ratings, "
            "or give scores of one scale"
        )
    for column in ("dataset", "image", "method"):
        table[column] = table[column].astype(str)
    table["dataset"] = table["dataset"].map({n: spelt(n) for n in table["dataset"].unique()})
    table["method"] = table["method"].str.casefold()
    table["value"] = pd.to_numeric(table["value"], errors="coerce")
    table = table[np.isfinite(table["value"])]
    rated = stimuli[stimuli["method"] != REFERENCE][["dataset", "image", "method", "mos"]]
    rated = rated.assign(key=rated["method"].str.casefold())
    table = table.rename(columns={"method": "key"}).drop(columns="scale")
    matched = rated.merge(table, on=["dataset", "image", "key"]).drop(columns="key")
    if matched.empty:
        raise ResultsError(
            "no rated stimulus has a score: ratings and scores share no (dataset, image, method); "
            "are they of the same run?"
        )
    return matched


def _plain(scale: object) -> str:
    """4, 4.0 and "4" are one scale; nothing is none."""
    try:
        return f"{float(str(scale)):g}".replace("nan", "")
    except ValueError:
        return str(scale).strip()
