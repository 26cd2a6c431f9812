"""Panels with a row per method: names at the left, markers with intervals, coloured cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .style import COLUMN_WIDTH, display_name, method_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

LEFT, RIGHT, ABOVE, BELOW, ROW = 1.15, 0.12, 0.28, 0.42, 0.175  # inches


def rows_figure(
    title: str, rows: int, *, right: float = RIGHT, row: float = ROW, above: float = ABOVE
) -> tuple[Figure, Axes]:
    """A panel with a row per method, ``row`` inches high, names at the left.

    ``right`` and ``above`` are the inches beside and above it.
    """
    height = above + rows * row + BELOW
    figure = new_figure(COLUMN_WIDTH, height)
    axes = figure.add_axes(
        (
            LEFT / COLUMN_WIDTH,
            BELOW / height,
            (COLUMN_WIDTH - LEFT - right) / COLUMN_WIDTH,
            rows * row / height,
        )
    )
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    figure.text(0.02, 1 - 0.05 / height, title, weight="bold", size=9, va="top")
    return figure, axes


def name_rows(axes: Axes, methods: pd.Series) -> None:
    """Label the rows of a panel with the methods' names."""
    axes.set_yticks(range(len(methods)), [display_name(m, limit=17) for m in methods])


def mark_row(axes: Axes, x: float, y: float, low: float, high: float, method: str) -> None:
    """A method's marker with its horizontal interval, where there is one."""
    style = method_style(method)
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [y, y], color=style.colour, linewidth=1.3, zorder=2)
    axes.plot(
        x, y, linestyle="none", marker=style.marker, color=style.colour,
        markerfacecolor=style.face, markersize=7.5 if style.marker == "*" else 5,
        markeredgewidth=1, zorder=3,
    )  # fmt: skip


def colour_cell(x: float, y: float, colour: str, alpha: float) -> Rectangle:
    """A coloured cell around (x, y) of a panel whose cells are 1 wide and high."""
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x - 0.48, y - 0.44), 0.96, 0.88, facecolor=colour, alpha=alpha, edgecolor="none", zorder=1
    )
