"""The order and names of data sets, methods and metrics on the pages of a rating study."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...stats.degradation import means
from ..kit.style import (
    dataset_order,
    method_order,
)

Tables = Mapping[str, pd.DataFrame]


def datasets_of(tables: Tables) -> list[str]:
    """Data sets in page order; ``all`` last, and only if there are several."""
    found = sorted(set(tables["mos"]["dataset"]) - {"all"}, key=dataset_order)
    return [*found, "all"] if len(found) > 1 and "all" in set(tables["mos"]["dataset"]) else found


def crossed_rows(tables: Tables, dataset: str) -> pd.DataFrame:
    """One row per method of a data set with the headline interval, in the order of tables."""
    own = means(tables["mos"])
    own = own[(own["dataset"] == dataset) & (own["ci_method"] == "crossed")]
    return own.sort_values("method", key=lambda names: names.map(method_order), kind="stable")


def ordered(frame: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Rows in page order: data sets, then methods."""
    place = {name: i for i, name in enumerate(datasets_of(tables))}
    known = frame[frame["dataset"].isin(list(place))]
    keys = [known["dataset"].map(place)]
    keys += [
        known[c].map(lambda m: f"{method_order(str(m))[0]:03d}{m}")
        for c in ("method", "method_a", "method_b")
        if c in known
    ]
    order = pd.concat(keys, axis=1, keys=range(len(keys)))
    return known.loc[order.sort_values(list(order.columns), kind="stable").index]


def metric_labels(tables: Tables) -> dict[str, str]:
    """The printed name of every compared metric, by ``psnr_y (matlab)``."""
    if "metric_vs_mos" not in tables:
        return {}
    rows = tables["metric_vs_mos"]
    named = rows["metric"] + " (" + rows["protocol"] + ")"
    return dict(zip(named, rows["label"], strict=True))


def letters_note(letters: pd.Series) -> str:
    """The meaning of shortened letters, for a caption; '' if none are shortened."""
    return "'a–d' stands for all letters from a to d. " if letters.str.contains("–").any() else ""
