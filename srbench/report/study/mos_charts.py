"""Figures of methods: MOS, distribution of scores, average rank, significance matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...stats.degradation import ENDS, MEAN, procedure_of
from ...stats.ratings import HIGHEST, LOWEST
from ...stats.significance import HEADLINE
from ..kit.panels import (
    ABOVE,
    LEFT,
    RIGHT,
    colour_cell,
    inches_across,
    mark_row,
    name_panel,
    name_rows,
    panel,
    rows_figure,
)
from ..kit.published import published
from ..kit.style import (
    BLUE,
    COLUMN_WIDTH,
    FAINT,
    INK,
    VERMILLION,
    canonical,
    dataset_name,
    display_name,
    figure_style,
    format_value,
)
from .names import Tables, crossed_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_LETTERS = 12  # beside a row of the MOS figure
_SMALLEST_CELL = 0.09  # inches; of the significance matrix, which grows beyond the column for it


def mos_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """MOS of every method with its headline interval and its letters."""
    own = crossed_rows(tables, dataset)
    letters = tables["letters"]
    letters = letters[letters["dataset"] == dataset].set_index("method")["letters"]
    paper = published("ledig2017_mos.csv")
    asked = procedure_of(tables["mos"])
    paper = paper[(paper["dataset"] == dataset) & (asked == "acr")].set_index("method")["mos"]
    longest = max((len(text) for text in letters), default=0)
    if longest > LONGEST_LETTERS:  # they stand in the table
        letters, longest = letters.iloc[:0], 0
    with figure_style():
        figure, axes = rows_figure(
            dataset_name(dataset).capitalize() if dataset == "all" else dataset_name(dataset),
            len(own),
            right=RIGHT + 0.068 * longest,
            into=into,
        )
        name_rows(axes, own["method"])
        _scale_axis(axes, MEAN[asked], asked)
        for y, row in enumerate(own.to_dict("records")):
            method, x = str(row["method"]), row["mos"]
            low = max(row["ci_low"], LOWEST)
            high = min(row["ci_high"], HIGHEST)
            if canonical(method) in paper.index:
                axes.plot(
                    paper[canonical(method)], y, linestyle="none", marker="o", markersize=5.5,
                    zorder=1.5,
                    markerfacecolor="none", markeredgecolor=FAINT, markeredgewidth=0.9,
                )  # fmt: skip
            mark_row(axes, x, y, low, high, method)
            if method in letters.index:
                axes.annotate(
                    letters[method], (1, y), (4, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=7, annotation_clip=False,
                )  # fmt: skip
    return figure


def votes_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """How often each method got each score, as cells coloured by their share."""
    own = crossed_rows(tables, dataset)
    counts = tables["distribution"]
    counts = counts[counts["dataset"] == dataset].pivot(
        index="method", columns="score", values="count"
    )
    share = counts.div(counts.sum(axis=1), axis=0)
    shares = share.reindex(own["method"]).to_numpy(dtype=float)
    with figure_style():
        figure, axes = rows_figure(dataset_name(dataset), len(own), row=0.225, into=into)
        name_rows(axes, own["method"])
        _scale_axis(axes, "score", procedure_of(tables["mos"]))
        axes.grid(visible=False)
        axes.set_xlim(LOWEST - 0.5, HIGHEST + 0.5)
        for y, row in enumerate(own.to_dict("records")):
            for score in range(LOWEST, HIGHEST + 1):
                part = float(shares[y, score - LOWEST])
                axes.add_patch(colour_cell(score, y, BLUE, 0.72 * part / shares.max()))
                if round(100 * part) > 0:
                    axes.text(
                        score, y - 0.36, f"{100 * part:.0f}", fontsize=5.5, ha="center", va="top"
                    )
            low, high = row["ci_low"], row["ci_high"]
            x = row["mos"]
            y += 0.2  # below the numbers
            if np.isfinite(low):
                ends = [max(low, LOWEST), min(high, HIGHEST)]
                axes.plot(ends, [y, y], color=INK, linewidth=1, zorder=3)
            axes.plot(
                x, y, linestyle="none", marker="D", markersize=3.2, zorder=4,
                markerfacecolor=VERMILLION, markeredgecolor=INK, markeredgewidth=0.6,
            )  # fmt: skip
    return figure


def ranks_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """Average rank of every method."""
    own = crossed_rows(tables, dataset)
    with figure_style():
        title = "All data sets" if dataset == "all" else dataset_name(dataset)
        figure, axes = rows_figure(title, len(own), into=into)
        name_rows(axes, own["method"])
        for y, row in enumerate(own.to_dict("records")):
            ends = row["rank_ci_low"], row["rank_ci_high"]
            mark_row(axes, row["mean_rank"], y, *ends, str(row["method"]))
        axes.set_xlim(len(own) + 0.2, 0.8)
        step = 1 if len(own) <= 6 else 2 * -(-len(own) // 16) if len(own) > 24 else 2
        axes.set_xticks(range(len(own), 0, -step))
        axes.set_xlabel(f"average rank of {len(own)}, better →")
    return figure


def differences_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure | None:
    """The significance matrix, best method last; None without comparisons."""
    own = crossed_rows(tables, dataset).sort_values("mos", kind="stable")
    pairs = tables["pairwise"]
    pairs = pairs[
        (pairs["dataset"] == dataset) & (pairs["test"] == HEADLINE) & pairs["p_holm"].notna()
    ]
    if pairs.empty:
        return None
    place = {method: i for i, method in enumerate(own["method"])}
    count = len(place)
    room = COLUMN_WIDTH - LEFT - RIGHT if into is None else inches_across(into)
    cell = max(_SMALLEST_CELL, min(0.34 if count <= 7 else 0.21, room / (count - 1)))  # inches
    side, decimals = cell * (count - 1), 2 if cell > 0.3 else 1
    letters = min(8.0, 62 * cell)  # points
    names = [display_name(m, limit=17) for m in place]
    below = 0.2 + 0.0088 * letters * max(map(len, names[:-1]))
    height = ABOVE + side + below
    width = max(COLUMN_WIDTH, LEFT + side + RIGHT)
    with figure_style():
        figure, axes = panel(width, height, (LEFT, below, side, side), into)
        title = "All data sets" if dataset == "all" else dataset_name(dataset)
        name_panel(figure, axes, title, into)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_xlim(-0.5, count - 1.5)
        axes.set_ylim(count - 0.5, 0.5)
        axes.set_xticks(range(count - 1), names[:-1], rotation=90)
        axes.set_yticks(range(1, count), names[1:])
        axes.tick_params(length=0, labelsize=letters)
        for row in pairs.to_dict("records"):
            a, b = place[row["method_a"]], place[row["method_b"]]
            x, y = min(a, b), max(a, b)
            gap = row["mos_difference"] * (1 if a > b else -1)  # row minus column
            colour = (BLUE if gap > 0 else VERMILLION) if row["significant"] else FAINT
            axes.add_patch(colour_cell(x, y, colour, 0.5 if row["significant"] else 0.1))
            if cell < 0.14:
                continue  # no room for numbers
            axes.text(
                x, y, format_value(gap, decimals), fontsize=5.8, ha="center", va="center",
                color=INK if row["significant"] else FAINT,
            )  # fmt: skip
    return figure


def _scale_axis(axes: Axes, what: str, procedure: str) -> None:
    axes.set_xlim(LOWEST - 0.1, HIGHEST + 0.1)
    axes.set_xticks(range(LOWEST, HIGHEST + 1))
    low, high = ENDS[procedure]
    axes.set_xlabel(f"{what}, {LOWEST} {low} to {HIGHEST} {high}")
