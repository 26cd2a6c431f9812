"""Panels with a row per method: names at the left, markers with intervals, coloured cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from .style import COLUMN_WIDTH, VERMILLION, display_name, method_style, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

LEFT, RIGHT, ABOVE, BELOW, ROW = 1.15, 0.12, 0.28, 0.42, 0.175  # inches


def panel(
    width: float, height: float, box: tuple[float, float, float, float], into: Axes | None
) -> tuple[Figure, Axes]:
    """Axes of ``box`` (left, bottom, width, height) on a new figure, all in inches; or ``into``."""
    if into is not None:
        return cast("Figure", into.get_figure(root=True)), into
    figure = new_figure(width, height)
    left, bottom, across, up = box
    return figure, figure.add_axes((left / width, bottom / height, across / width, up / height))


def inches_across(axes: Axes) -> float:
    """The width of axes that are there already."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.get_window_extent().width / figure.dpi


def name_panel(figure: Figure, axes: Axes, title: str, into: Axes | None) -> None:
    """Write the title of a panel into the figure's corner; of the caller's axes, above them."""
    if into is not None:
        axes.set_title(title)
        return
    width, height = figure.get_size_inches()
    figure.text(0.07 / width, 1 - 0.05 / height, title, weight="bold", size=9, va="top")


def mark_simulated(figure: Figure, into: Axes | None = None) -> None:
    """Say on a figure, or above the caller's axes, that nobody rated."""
    if into is not None:
        into.annotate(
            "simulated raters", (1, 1), (0, 2), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="bottom", fontsize=7, color=VERMILLION,
            annotation_clip=False,
        )  # fmt: skip
        return
    figure.text(
        1 - 0.06 / figure.get_figwidth(), 1 - 0.05 / figure.get_figheight(), "simulated raters",
        ha="right", va="top", fontsize=7, color=VERMILLION,
    )  # fmt: skip


def rows_figure(
    title: str,
    rows: int,
    *,
    right: float = RIGHT,
    row: float = ROW,
    above: float = ABOVE,
    into: Axes | None = None,
) -> tuple[Figure, Axes]:
    """A panel with a row per method, ``row`` inches high, names at the left.

    ``right`` and ``above`` are the inches beside and above it; ``into`` are the caller's axes.
    """
    box = (LEFT, BELOW, COLUMN_WIDTH - LEFT - right, rows * row)
    figure, axes = panel(COLUMN_WIDTH, above + rows * row + BELOW, box, into)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    name_panel(figure, axes, title, into)
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
