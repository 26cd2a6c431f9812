"""The order of data sets and methods on the pages of a pair study."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..kit.style import dataset_order

Tables = Mapping[str, pd.DataFrame]


def datasets_of(tables: Tables) -> list[str]:
    """Data sets in page order, ``all`` last."""
    found = set(tables["scale"]["dataset"])
    return [*sorted(found - {"all"}, key=dataset_order), *sorted(found & {"all"})]


def best_first(tables: Tables, dataset: str) -> pd.DataFrame:
    """The methods of a data set in the order of the scale; methods without a position last."""
    own = tables["scale"]
    own = own[own["dataset"] == dataset]
    return own.sort_values("score", ascending=False, kind="stable", na_position="last")


def in_order(frame: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Rows sorted by data set, then by the data set's scale."""
    place = {
        (name, method): i
        for i, (name, method) in enumerate(
            (name, method)
            for name in datasets_of(tables)
            for method in best_first(tables, name)["method"]
        )
    }
    columns = [c for c in ("method", "method_a", "method_b") if c in frame]
    if not columns:
        names = {name: i for i, name in enumerate(datasets_of(tables))}
        return frame.loc[frame["dataset"].map(names).sort_values(kind="stable").index]
    keys = pd.DataFrame(
        {
            column: [place[pair] for pair in zip(frame["dataset"], frame[column], strict=True)]
            for column in columns
        },
        index=frame.index,
    )
    return frame.loc[keys.sort_values(columns, kind="stable").index]


def metric_labels(tables: Tables) -> dict[str, str]:
    """The printed name of every compared metric, by ``psnr_y (matlab)``."""
    rows = tables["metric_vs_pairs"]
    return dict(zip(rows["metric"] + " (" + rows["protocol"] + ")", rows["label"], strict=True))
