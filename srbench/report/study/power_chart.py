"""The figure of a plan: power against raters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ...wording import counted
from ..kit.style import (
    BLUE,
    COLUMN_WIDTH,
    FAINT,
    GREEN,
    ORANGE,
    TEXT,
    VERMILLION,
    figure_style,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, FAINT)


def power_figure(table: pd.DataFrame, wanted: float = 0.8) -> Figure:
    """Power against raters, one line per number of images, labelled at its end.

    ``table`` is that of `srbench.study.power_table`; the dashed line is the power ``wanted``.
    """
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 2.6)
        axes = figure.add_axes((0.5 / COLUMN_WIDTH, 0.17, 2.2 / COLUMN_WIDTH, 0.71))
        ends: list[float] = []
        # Most images first: if lines meet at the top, their labels keep this order.
        groups = sorted(table.groupby("images"), key=lambda group: -int(str(group[0])))
        for index, (images, part) in enumerate(groups):
            colour = _COLOURS[index % len(_COLOURS)]
            axes.plot(part["raters"], part["power"], color=colour, marker="o", markersize=3.5)
            end = float(part["power"].iloc[-1])
            while any(abs(end - other) < 0.06 for other in ends):
                end -= 0.02
            ends.append(end)
            axes.annotate(
                counted(int(str(images)), "image"),
                (float(part["raters"].iloc[-1]), end),
                xytext=(5, 0), textcoords="offset points", va="center", fontsize=TEXT,
                color=colour, annotation_clip=False,
            )  # fmt: skip
        axes.axhline(wanted, color=FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("raters")
        axes.set_ylabel("power")
        axes.set_title(f"Finding a MOS difference of {table['difference'].iloc[0]:g}")
    return figure
