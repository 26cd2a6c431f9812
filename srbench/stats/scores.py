"""Match the scores table with the ratings: the metric values of the rated stimuli."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd

from ..data.folder import EXTENSIONS
from ..data.naming import spelt
from ..errors import ResultsError
from ..metrics.base import Score
from .ratings import REFERENCE

SCORES = list(Score._fields)


def match_scores(stimuli: pd.DataFrame, scores: pd.DataFrame, scale: object = None) -> pd.DataFrame:
    """Rated stimuli with their metric values; ``scale`` is the scale of the ratings, if known.

    Columns ``dataset, image, method, mos, protocol, metric, value``.

    Method names match without regard to case, known data sets under any usual name, images in
    Unicode's form NFC with or without an image suffix. The original, which has no score, and values
    that are not finite (the PSNR of identical images) are left out; `unmatched` lists the stimuli
    without a value.

    Raises:
        ResultsError: columns are missing, the scores hold several scales and the ratings do not
            name one, the scales differ, or no rated stimulus has a score.
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
    rated = rated.assign(key=rated["method"].str.casefold(), content=_contents(rated))
    table = table.assign(content=_contents(table)).rename(columns={"method": "key"})
    table = table.drop(columns=["scale", "image"])
    matched = rated.merge(table, on=["dataset", "content", "key"]).drop(columns=["key", "content"])
    if matched.empty:
        raise ResultsError(
            "no rated stimulus has a score: ratings and scores share no (dataset, image, method); "
            "are they of the same run?"
        )
    twice = matched.duplicated(["dataset", "image", "method", "protocol", "metric"])
    if twice.any():
        row = matched[twice].iloc[0]
        raise ResultsError(
            f"scores hold two values of {row['metric']} ({row['protocol']}) for "
            f"{row['dataset']}/{row['image']} by {row['method']}; remove one"
        )
    return matched


def unmatched(stimuli: pd.DataFrame, matched: pd.DataFrame) -> dict[tuple[str, str], str]:
    """A sentence for each (metric, protocol) without a value for some rated stimuli."""
    rated = stimuli[stimuli["method"] != REFERENCE]
    names = list(zip(rated["dataset"], rated["image"], rated["method"], strict=True))
    found: dict[tuple[str, str], str] = {}
    for (metric, protocol), part in matched.groupby(["metric", "protocol"], sort=True):
        there = set(zip(part["dataset"], part["image"], part["method"], strict=True))
        lost = [f"{name[0]}/{name[1]} by {name[2]}" for name in names if name not in there]
        if lost:
            shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if lost[3:] else "")
            found[str(metric), str(protocol)] = (
                f"{len(lost)} of {len(names)} rated stimuli have no finite value and are left out: "
                f"{shown}"
            )
    return found


def _contents(table: pd.DataFrame) -> pd.Series:
    """Image names for matching: in NFC, without the suffix unless two images differ only in it."""
    names = table["image"].map(
        {name: unicodedata.normalize("NFC", name) for name in table["image"].unique()}
    )
    short = names.map({name: _without_ending(name) for name in names.unique()})
    pairs = pd.DataFrame({"dataset": table["dataset"], "short": short, "name": names})
    shared = pairs.groupby(["dataset", "short"])["name"].transform("nunique") > 1
    return short.where(~shared, names)


def _without_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if stem and (dot + ending).casefold() in EXTENSIONS else name


def _plain(scale: object) -> str:
    """The scale as text: "4" for 4, 4.0 and "4", '' for a missing one."""
    try:
        return f"{float(str(scale)):g}".replace("nan", "")
    except ValueError:
        return str(scale).strip()
