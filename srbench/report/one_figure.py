"""Draw one figure of a study by its name, on a new figure or the caller's axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ..errors import ResultsError, unknown_name
from .kit.panels import mark_simulated, require_axes
from .kit.style import dataset_name, figure_style
from .pairs import charts as of_pairs
from .pairs.names import best_first
from .pairs.names import datasets_of as pair_datasets
from .study import mos_charts as of_grades
from .study.metric_chart import metric_figure
from .study.names import datasets_of
from .study.rater_charts import raters_figure, sos_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Tables = Mapping[str, pd.DataFrame]
_Drawing = Callable[[Tables, str, "Axes | None"], "Figure | None"]

_GRADES: Mapping[str, _Drawing] = {
    "mos": of_grades.mos_figure,
    "votes": of_grades.votes_figure,
    "ranks": of_grades.ranks_figure,
    "differences": of_grades.differences_figure,
}
_PAIRS: Mapping[str, _Drawing] = {
    "scale": of_pairs.scale_figure,
    "wins": of_pairs.wins_figure,
    "preferences": of_pairs.preferences_figure,
}
_SINGLE_SETS = ("votes", "preferences")  # not available over all data sets


def draw_one(
    tables: Tables, kind: str, dataset: str | None, metric: str | None, into: Axes | None
) -> Figure:
    """A figure of this kind from the tables of `srbench.analyze`; ``into`` are the caller's axes.

    Raises:
        UnknownName: there is no such figure, data set or metric.
        ResultsError: there are no data, or several data sets and none was named.
    """
    require_axes(into)
    pairs = "scale" in tables
    kind = str(kind)
    by_dataset = _PAIRS if pairs else _GRADES
    whole = [] if pairs else ["raters", "sos", "metric"]
    if kind in by_dataset:
        names = pair_datasets(tables) if pairs else datasets_of(tables)
        if kind in _SINGLE_SETS:
            names = [name for name in names if name != "all"]
        name = _one_of("data set", dataset, names)
        if not _has(tables, kind, name):
            raise ResultsError(f"the study has nothing to show of {kind} on {dataset_name(name)}")
        draw = partial(by_dataset[kind], tables, name, into)
    elif kind not in whole:
        raise unknown_name("figure", kind, [*by_dataset, *whole])
    elif kind == "raters":
        if not tables["raters"]["bias"].notna().any():
            raise ResultsError("the study has no bias of raters to show")
        draw = partial(raters_figure, tables, into)
    elif kind == "sos":
        a = float(tables["reliability"]["sos_a"].iloc[0])
        if a != a:
            raise ResultsError("the study has no spread of votes to show")
        draw = partial(sos_figure, tables, a, into)
    else:
        draw = partial(metric_figure, tables, *_metric(tables, metric), into)
    drawn = draw()
    if drawn is None:
        raise ResultsError(f"the study has nothing to show of {kind}: no two methods were compared")
    if bool(tables["scale" if pairs else "mos"]["simulated"].any()):
        with figure_style():
            mark_simulated(drawn, into)
    return drawn


def _has(tables: Tables, kind: str, name: str) -> bool:
    if kind == "ranks":
        return bool(tables["mos"].loc[tables["mos"]["dataset"] == name, "mean_rank"].notna().any())
    return kind not in ("scale", "wins") or best_first(tables, name)["score"].notna().sum() >= 2


def _one_of(what: str, chosen: str | None, names: list[str]) -> str:
    if chosen is None and len(names) == 1:
        return names[0]
    if chosen is None:
        raise ResultsError(f"there are several {what}s ({', '.join(names)}); name one")
    if chosen not in names:
        raise unknown_name(what, chosen, names)
    return chosen


def _metric(tables: Tables, chosen: str | None) -> tuple[str, str]:
    """Name and protocol of the chosen metric."""
    if "metric_points" not in tables:
        raise ResultsError("no scores were given; a figure of a metric needs them: analyze(r, s)")
    rows = tables["metric_vs_mos"]
    rows = rows[(rows["level"] == "stimulus") & rows["srocc"].notna()]
    keys = list(rows[["metric", "protocol"]].itertuples(index=False, name=None))
    named = {f"{metric} ({protocol})": (metric, protocol) for metric, protocol in keys}
    # A name without a protocol means its first protocol.
    named = {metric: key for key in reversed(keys) for metric in (key[0],)} | named
    if not keys:
        raise ResultsError("no metric varies over the rated pictures")
    return keys[0] if chosen is None else named[_one_of("metric", chosen, list(named))]
