"""Figures of raters: bias and inconsistency, and the spread of votes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...stats.degradation import MEAN, means, procedure_of
from ...stats.ratings import HIGHEST, LOWEST
from ..kit.labels import Segment, place_labels
from ..kit.panels import panel
from ..kit.style import (
    BLUE,
    COLUMN_WIDTH,
    FAINT,
    INK,
    SKY,
    display_name,
    figure_style,
)
from .names import Tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def raters_figure(tables: Tables, into: Axes | None = None) -> Figure:
    """Each rater's bias and inconsistency with intervals."""
    raters = tables["raters"].dropna(subset=["bias"])
    with figure_style():
        figure, axes = panel(COLUMN_WIDTH, 2.7, (0.55, 0.432, 2.83, 1.917), into)
        axes.grid(axis="both")
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
        intervals: list[Segment] = []
        for row in raters.to_dict("records"):
            x, y = row["bias"], row["inconsistency"]
            own = (
                ((row["bias_ci_low"], y), (row["bias_ci_high"], y)),
                ((x, row["inconsistency_ci_low"]), (x, row["inconsistency_ci_high"])),
            )
            for (x0, y0), (x1, y1) in own:
                axes.plot([x0, x1], [y0, y1], color=BLUE, linewidth=0.8, alpha=0.45, zorder=2)
            intervals += own
            axes.plot(
                x, y, linestyle="none", marker="o", markersize=4, color=BLUE, zorder=3,
                markerfacecolor="white" if row["flagged"] else BLUE,
            )  # fmt: skip
        axes.margins(0.08, 0.1)
        axes.locator_params(axis="x", nbins=5)
        axes.set_title("Raters")
        axes.set_xlabel("← stricter, bias in scores, more lenient →")
        axes.set_ylabel("inconsistency (SD of scores)")
        odd = _outlying(raters)
        place_labels(
            axes,
            list(zip(odd["bias"], odd["inconsistency"], strict=True)),
            [display_name(str(name), limit=12) for name in odd["rater"]],
            segments=intervals,
        )
    return figure


def _outlying(raters: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """The raters to label: those flagged, then the most extreme."""
    scale = raters[["bias", "inconsistency"]].std(ddof=0).replace(0, 1)
    off = (raters[["bias", "inconsistency"]] - raters[["bias", "inconsistency"]].median()) / scale
    far = (off**2).sum(axis=1) + 1e6 * raters["flagged"].astype(float)
    return raters.loc[far.sort_values(ascending=False, kind="stable").index[:most]]


def sos_figure(tables: Tables, a: float, into: Axes | None = None) -> Figure:
    """Variance of votes against MOS per stimulus, and the SOS parabola."""
    stimuli = means(tables["stimuli"]).dropna(subset=["sd"])
    x = np.linspace(LOWEST, HIGHEST, 200)
    parabola = -(x**2) + (LOWEST + HIGHEST) * x - LOWEST * HIGHEST
    with figure_style():
        figure, axes = panel(COLUMN_WIDTH, 2.4, (0.55, 0.42, 2.83, 1.68), into)
        axes.plot(
            stimuli["mos"], stimuli["sd"] ** 2, linestyle="none", marker="o", markersize=2.4,
            color=SKY, alpha=0.5, markeredgewidth=0, zorder=2,
        )  # fmt: skip
        axes.plot(x, a * parabola, color=INK, zorder=3)
        axes.plot(x, parabola, color=FAINT, linestyle=(0, (4, 3)), linewidth=1, zorder=1.5)
        highest = max(float((stimuli["sd"] ** 2).max()), a * 4) * 1.15
        axes.set_ylim(0, min(highest, 4.4) or 1.0)  # 0 if all votes are equal
        axes.set_xlim(LOWEST - 0.1, HIGHEST + 0.1)
        axes.set_xticks(range(LOWEST, HIGHEST + 1))
        axes.set_xlabel(MEAN[procedure_of(tables["mos"])])
        axes.locator_params(axis="y", nbins=5)
        axes.set_ylabel("variance of scores")
        axes.set_title("Spread of votes")
        axes.text(0.5, 0.97, f"a = {a:.3f}", transform=axes.transAxes, ha="center", va="top")
    return figure
