"""Figures of methods: MOS, distribution of scores, average rank, significance matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...stats.degradation import ENDS, MEAN, procedure_of
from ...stats.ratings import HIGHEST, LOWEST
from ...stats.significance import HEADLINE
from ..kit.panels import (
    BELOW,
    RIGHT,
    cell_grid,
    colour_cell,
    mark_row,
    name_rows,
    rows_figure,
)
from ..kit.published import published
from ..kit.style import (
    BLUE,
    FAINT,
    INK,
    TEXT,
    VERMILLION,
    canonical,
    dataset_name,
    figure_style,
    format_value,
)
from .names import Tables, crossed_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_LETTERS = 12  # letters at a row of the MOS figure


def mos_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """The MOS of every method with headline interval and letters."""
    own = crossed_rows(tables, dataset)
    letters = tables["letters"]
    letters = letters[letters["dataset"] == dataset].set_index("method")["letters"]
    asked = procedure_of(tables["mos"])
    paper = published_mos(tables, dataset)
    longest = max((len(text) for text in letters), default=0)
    key = [*_ends(MEAN[asked], asked), *letters_key(longest)]
    if longest > LONGEST_LETTERS:  # the table has them
        letters, longest = letters.iloc[:0], 0
    if len(paper):
        key.append("○ published by Ledig et al. 2017")
    with figure_style():
        figure, axes = rows_figure(
            dataset_name(dataset).capitalize() if dataset == "all" else dataset_name(dataset),
            len(own),
            right=RIGHT + 0.078 * longest,
            below=BELOW + 0.14 * (len(key) - 1),
            into=into,
        )
        name_rows(axes, own["method"])
        _scale_axis(axes, "\n".join(key))
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
                    textcoords="offset points", va="center", fontsize=TEXT, annotation_clip=False,
                )  # fmt: skip
    return figure


def published_mos(tables: Tables, dataset: str) -> pd.Series:
    """The paper's MOS of the rated versions of a data set, by method; empty if there are none."""
    paper = published("ledig2017_mos.csv")
    rated = set(map(canonical, crossed_rows(tables, dataset)["method"]))
    graded = procedure_of(tables["mos"]) == "acr"
    here = (paper["dataset"] == dataset) & paper["method"].isin(rated) & graded
    return paper[here].set_index("method")["mos"]


def letters_key(longest: int) -> list[str]:
    """The meaning of the letters, for a line below the panel."""
    if not longest:
        return []
    if longest > LONGEST_LETTERS:
        return ["letters: in the table"]
    return ["same letter: no significant difference"]


def votes_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """The share of each score for each method, as coloured cells."""
    own = crossed_rows(tables, dataset)
    counts = tables["distribution"]
    counts = counts[counts["dataset"] == dataset].pivot(
        index="method", columns="score", values="count"
    )
    share = counts.div(counts.sum(axis=1), axis=0)
    shares = share.reindex(own["method"]).to_numpy(dtype=float)
    with figure_style():
        figure, axes = rows_figure(dataset_name(dataset), len(own), row=0.3, into=into)
        name_rows(axes, own["method"])
        _scale_axis(axes, "\n".join(_ends("score", procedure_of(tables["mos"]))))
        axes.grid(visible=False)
        axes.set_xlim(LOWEST - 0.5, HIGHEST + 0.5)
        for y, row in enumerate(own.to_dict("records")):
            for score in range(LOWEST, HIGHEST + 1):
                part = float(shares[y, score - LOWEST])
                axes.add_patch(colour_cell(score, y, BLUE, 0.72 * part / shares.max()))
                if round(100 * part) > 0:
                    axes.text(
                        score, y - 0.38, f"{100 * part:.0f}", fontsize=TEXT, ha="center", va="top"
                    )
            low, high = row["ci_low"], row["ci_high"]
            x = row["mos"]
            y += 0.27  # below the numbers
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
    methods = [str(method) for method in own["method"]]
    place = {method: i for i, method in enumerate(methods)}
    count = len(methods)
    first = 1 if count <= 40 else 0  # its row is empty, but its number labels a column
    with figure_style():
        figure, axes, cell = cell_grid(
            "All data sets" if dataset == "all" else dataset_name(dataset),
            methods[first:], methods[:-1], 0.34 if count <= 7 else 0.28, into,
        )  # fmt: skip
        decimals = 2 if cell > 0.33 else 1
        for row in pairs.to_dict("records"):
            a, b = place[row["method_a"]], place[row["method_b"]]
            x, y = min(a, b), max(a, b) - first
            gap = row["mos_difference"] * (1 if a > b else -1)  # row minus column
            colour = (BLUE if gap > 0 else VERMILLION) if row["significant"] else FAINT
            axes.add_patch(colour_cell(x, y, colour, 0.5 if row["significant"] else 0.1))
            if cell < 0.27:
                continue  # no space for numbers
            axes.text(
                x, y, format_value(gap, decimals), fontsize=TEXT, ha="center", va="center",
                color=INK if row["significant"] else FAINT,
            )  # fmt: skip
    return figure


def _scale_axis(axes: Axes, label: str) -> None:
    axes.set_xlim(LOWEST - 0.1, HIGHEST + 0.1)
    axes.set_xticks(range(LOWEST, HIGHEST + 1))
    axes.set_xlabel(label)


def _ends(what: str, procedure: str) -> list[str]:
    """``MOS, 1 bad to 5 excellent``, on two lines if it is long."""
    low, high = ENDS[procedure]
    ends = f"{LOWEST} {low} to {HIGHEST} {high}"
    return [f"{what}, {ends}"] if len(what + ends) < 36 else [what, ends]
