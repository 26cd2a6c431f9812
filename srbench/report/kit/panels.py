"""Panels with one row per method: names on the left, markers with intervals, coloured cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from ...errors import WrongType
from .style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    TEXT,
    VERMILLION,
    MethodStyle,
    display_name,
    method_style,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

LEFT, RIGHT, ABOVE, BELOW, ROW = 1.15, 0.12, 0.28, 0.42, 0.175  # inches
_LINE = 0.125  # inches: height of a line of text


def panel(
    width: float, height: float, box: tuple[float, float, float, float], into: Axes | None
) -> tuple[Figure, Axes]:
    """Axes of ``box`` (left, bottom, width, height) on a new figure, all in inches; or ``into``."""
    if into is not None:
        return cast("Figure", into.get_figure(root=True)), into
    figure = new_figure(width, height)
    left, bottom, across, up = box
    return figure, figure.add_axes((left / width, bottom / height, across / width, up / height))


def require_axes(ax: object) -> None:
    """Check that a caller's argument is a pair of Matplotlib axes.

    Raises:
        WrongType: it is something else, such as an array of several axes.
    """
    if ax is None:
        return
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise WrongType(
            f"ax is a {type(ax).__name__}, expected one pair of Matplotlib axes: "
            "figure, ax = plt.subplots()"
        )


def inches_across(axes: Axes) -> float:
    """The width of existing axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return axes.get_window_extent().width / figure.dpi


def name_panel(figure: Figure, axes: Axes, title: str, into: Axes | None) -> None:
    """Write a panel's title in the figure's corner, or above the caller's axes."""
    if into is not None:
        axes.set_title(title)
        return
    width, height = figure.get_size_inches()
    figure.text(0.07 / width, 1 - 0.05 / height, title, weight="bold", size=9, va="top")


def mark_simulated(figure: Figure, into: Axes | None = None) -> None:
    """Mark a figure, or the caller's axes, as made from simulated ratings."""
    if into is not None:
        into.annotate(
            "simulated raters", (1, 1), (0, 2), xycoords="axes fraction",
            textcoords="offset points", ha="right", va="bottom", fontsize=TEXT, color=VERMILLION,
            annotation_clip=False,
        )  # fmt: skip
        return
    figure.text(
        1 - 0.06 / figure.get_figwidth(), 1 - 0.05 / figure.get_figheight(), "simulated raters",
        ha="right", va="top", fontsize=TEXT, color=VERMILLION,
    )  # fmt: skip


def side_by_side(
    count: int, height: float, key: int = 0, *, top: float = 0.0
) -> tuple[Figure, list[Axes]]:
    """Panels of this height in inches, side by side at page width, three per row; a single panel at
    column width.

    There is space for a title above and an axis below each panel, for a key of ``key`` names at the
    bottom (`draw_key`), and for ``top`` inches at the top.
    """
    across = 2 if count == 4 else min(count, 3)
    width = COLUMN_WIDTH if count == 1 else PAGE_WIDTH
    above, below, left, right = 0.28, 0.45, 0.62, 0.14
    rows, foot = -(-count // across), _key_height(key, width)
    total = top + rows * (above + height + below) + foot
    figure = new_figure(width, total)
    share = width / across
    found = [
        figure.add_axes(
            (
                (i % across * share + left) / width,
                (total - top - (i // across + 1) * (above + height + below) + below) / total,
                (share - left - right) / width,
                height / total,
            )
        )
        for i in range(count)
    ]
    return figure, found


_KEY_CELL, _KEY_ROW = 1.42, 0.17  # inches for a marker with its name


def _key_height(names: int, width: float) -> float:
    return _KEY_ROW * -(-names // int(width / _KEY_CELL)) + 0.06 if names else 0.0


def draw_key(figure: Figure, names: Sequence[str], styles: Sequence[MethodStyle]) -> None:
    """One key for all panels of `side_by_side`, at the bottom: markers with names, row by row."""
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    across = int(width / _KEY_CELL)
    for i, (name, style) in enumerate(zip(names, styles, strict=True)):
        # A long name in the last column starts further left, to end inside the figure.
        x = min(0.15 + i % across * _KEY_CELL, width - 0.2 - 0.0088 * TEXT * len(name))
        y = _key_height(len(names), width) - 0.06 - _KEY_ROW * (i // across + 0.5)
        figure.add_artist(
            Line2D(
                [x / width], [y / height], linestyle="none", marker=style.marker,
                color=style.colour, markerfacecolor=style.face, markeredgewidth=1,
                markersize=7 if style.marker == "*" else 5,
            )
        )  # fmt: skip
        figure.text((x + 0.1) / width, y / height, name, fontsize=TEXT, va="center_baseline")


def rows_figure(
    title: str,
    rows: int,
    *,
    right: float = RIGHT,
    row: float = ROW,
    above: float = ABOVE,
    below: float = BELOW,
    into: Axes | None = None,
) -> tuple[Figure, Axes]:
    """A panel with one row per method, ``row`` inches high, names on the left.

    ``right``, ``above`` and ``below`` are the margins in inches; ``into`` are the caller's axes.
    """
    box = (LEFT, below, COLUMN_WIDTH - LEFT - right, rows * row)
    figure, axes = panel(COLUMN_WIDTH, above + rows * row + below, box, into)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    name_panel(figure, axes, title, into)
    return figure, axes


def cell_grid(
    title: str, rows: Sequence[str], columns: Sequence[str], largest: float, into: Axes | None
) -> tuple[Figure, Axes, float]:
    """An empty panel for `colour_cell`, at most a page wide, with row and column names.

    ``rows`` and ``columns`` are names, ``largest`` the widest cell in inches. If columns are too
    narrow for names, rows and columns get numbers; columns with other names than the rows only get
    their count.

    Returns:
        Figure, axes, and the width of a cell in inches.
    """
    room = PAGE_WIDTH - LEFT - RIGHT if into is None else inches_across(into)
    cell = min(largest, room / len(columns))
    tall = max(cell, _LINE)
    named = cell >= _LINE
    numbered = not named and set(columns) <= set(rows)
    shown = [display_name(name, limit=17) for name in rows]
    if numbered:
        shown = [f"{i} {display_name(name, limit=13)}" for i, name in enumerate(rows, start=1)]
    below = 0.25
    if named:
        below += 0.0088 * TEXT * max(len(display_name(name, limit=17)) for name in columns)
    across, up = cell * len(columns), tall * len(rows)
    width, height = max(COLUMN_WIDTH, LEFT + across + RIGHT), ABOVE + up + below
    figure, axes = panel(width, height, (LEFT, below, across, up), into)
    name_panel(figure, axes, title, into)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), shown)
    axes.tick_params(length=0, labelsize=TEXT)
    if named:
        names = [display_name(name, limit=17) for name in columns]
        axes.set_xticks(range(len(columns)), names, rotation=90)
    elif numbered:
        step = math.ceil(_LINE / cell)
        at = list(range(0, len(columns), step))
        axes.set_xticks(at, [str(rows.index(columns[i]) + 1) for i in at], rotation=90)
    else:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(columns)} images")
    return figure, axes, cell


def name_rows(axes: Axes, methods: pd.Series) -> None:
    """Label the rows of a panel with the methods' names."""
    axes.set_yticks(range(len(methods)), [display_name(m, limit=16) for m in methods])


def mark_row(axes: Axes, x: float, y: float, low: float, high: float, method: str) -> None:
    """A method's marker with its horizontal interval, if there is one."""
    style = method_style(method)
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [y, y], color=style.colour, linewidth=1.3, zorder=2)
    axes.plot(
        x, y, linestyle="none", marker=style.marker, color=style.colour,
        markerfacecolor=style.face, markersize=7.5 if style.marker == "*" else 5,
        markeredgewidth=1, zorder=3,
    )  # fmt: skip


def colour_cell(x: float, y: float, colour: str, alpha: float) -> Rectangle:
    """A coloured cell centred on (x, y) in a panel with cells of size 1 x 1."""
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x - 0.48, y - 0.44), 0.96, 0.88, facecolor=colour, alpha=alpha, edgecolor="none", zorder=1
    )
