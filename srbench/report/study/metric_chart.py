"""The figure of MOS against one metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...metrics.table import Known
from ...stats.degradation import MEAN, procedure_of
from ...stats.intervals import t_quantile
from ...stats.mapping import fit_mapping
from ...stats.ratings import HIGHEST, LOWEST
from ..kit.labels import Segment, place_labels
from ..kit.panels import draw_key, panel, side_by_side
from ..kit.style import (
    COLUMN_WIDTH,
    INK,
    display_name,
    figure_style,
    format_value,
    method_order,
    method_style,
)
from .names import Tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def metric_panels(tables: Tables, keys: Sequence[tuple[str, str]]) -> Figure:
    """One panel for each (metric, protocol) in this order, side by side, with one key."""
    points = tables["metric_points"]
    methods = sorted(set(points["method"]), key=method_order)
    with figure_style():
        top = 0.15 if bool(tables["mos"]["simulated"].any()) else 0.0
        figure, panels = side_by_side(len(keys), 1.95, len(methods), top=top)
        for axes, key in zip(panels, keys, strict=True):
            metric_figure(tables, *key, axes, named=False)
        names = [display_name(m, limit=16) for m in methods]
        draw_key(figure, names, [method_style(m) for m in methods])
    return figure


def metric_figure(
    tables: Tables,
    metric: str,
    protocol: str,
    into: Axes | None = None,
    *,
    named: bool = True,
) -> Figure:
    """MOS of single images and of methods against one metric, with the fitted mapping.

    ``named``: whether the methods' names are next to their marks.
    """
    points = tables["metric_points"]
    points = points[(points["metric"] == metric) & (points["protocol"] == protocol)]
    rows = tables["metric_vs_mos"]
    told = rows[(rows["metric"] == metric) & (rows["protocol"] == protocol)].iloc[0]
    unit = Known()[metric].unit
    axis_label = f"{told['label'].partition(' (')[0]} ({unit})" if unit else told["label"]
    with figure_style():
        figure, axes = panel(COLUMN_WIDTH, 2.75, (0.5, 0.42625, 2.88, 2.02125), into)
        centres: list[tuple[float, float]] = []
        intervals: list[Segment] = []
        methods = sorted(set(points["method"]), key=method_order)
        for method in methods:
            own = points[points["method"] == method]
            look = method_style(method)
            axes.plot(
                own["value"], own["mos"], linestyle="none", marker="o", markersize=2.2,
                color=look.colour, alpha=0.35, markeredgewidth=0, zorder=2,
            )  # fmt: skip
            centres.append((float(own["value"].mean()), float(own["mos"].mean())))
            if len(own) > 1:
                x, y = centres[-1]
                error = own[["value", "mos"]].std(ddof=1) / np.sqrt(len(own))
                across, upright = map(float, t_quantile(0.95, len(own) - 1) * error.to_numpy())
                own_lines = (
                    ((x - across, y), (x + across, y)),
                    ((x, y - upright), (x, y + upright)),
                )
                for (x0, y0), (x1, y1) in own_lines:
                    axes.plot([x0, x1], [y0, y1], color=look.colour, linewidth=1.1, zorder=4)
                intervals += own_lines
            axes.plot(
                *centres[-1], linestyle="none", marker=look.marker, color=look.colour,
                markerfacecolor=look.face, markersize=8 if look.marker == "*" else 5.5,
                markeredgewidth=1, zorder=5,
            )  # fmt: skip
        x, y = points["value"].to_numpy(float), points["mos"].to_numpy(float)
        if np.ptp(x) > 0:
            across = np.linspace(x.min(), x.max(), 200)
            axes.plot(across, fit_mapping(x, y)(across), color=INK, linewidth=1.2, zorder=3)
        axes.set_ylim(LOWEST - 0.1, HIGHEST + 0.1)
        axes.set_yticks(range(LOWEST, HIGHEST + 1))
        axes.set_ylabel(MEAN[procedure_of(tables["mos"])])
        better = {
            "higher": f"{axis_label}, better →",
            "lower": f"← better, {axis_label}",
        }
        axes.set_xlabel(better.get(told["better"], axis_label))
        axes.set_title(told["label"])
        srocc = rows[(rows["metric"] == metric) & (rows["protocol"] == protocol)]
        srocc = srocc.loc[srocc["level"] == "stimulus", "srocc"].iloc[0]
        axes.annotate(
            f"SROCC {format_value(srocc, 2)}", (1, 1), (-2, -2), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="top", color=INK,
        )  # fmt: skip
        if named:
            place_labels(
                axes,
                centres,
                [display_name(m, limit=16) for m in methods],
                [method_style(m) for m in methods],
                intervals,
            )
    return figure
