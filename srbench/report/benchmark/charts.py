"""The charts: perception-distortion plane, score distributions, speed against quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import ConfigError
from ...metrics.base import Facts
from ..kit.labels import Segment, place_labels
from ..kit.style import (
    COLUMN_WIDTH,
    INK,
    display_name,
    figure_style,
    is_reference,
    method_order,
    method_style,
    new_figure,
    trained_mark,
)
from .results import Results, select
from .significance import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
_LEFT, _RIGHT = 0.55, 0.08  # inches beside every panel


@dataclass(frozen=True)
class Mean:
    """A mean over images with its 95 % bootstrap interval: the mean itself where there is none."""

    value: float
    low: float
    high: float


def mean_of(values: Floats) -> Mean | None:
    """Mean and interval of scores of shape (n,), or None without finite values only."""
    if len(values) == 0 or not np.isfinite(values).all():
        return None
    low, high = bootstrap_interval(values)
    mean = float(values.mean())
    return Mean(mean, *(mean if v != v else v for v in (low, high)))


def _values(frame: pd.DataFrame, facts: Facts) -> dict[str, Floats]:
    """Scores of each method, in the order of tables, without the original."""
    here = select(frame, metric=facts.name, protocol=facts.protocol)
    return {
        method: select(here, method=method)["value"].to_numpy(dtype=np.float64)
        for method in sorted(set(here["method"]), key=method_order)
        if not is_reference(method)
    }


def _panels(count: int, height: float, *, left: float = _LEFT) -> tuple[Figure, list[Axes]]:
    """A column of panels of that height in inches, each with room for a title and an axis."""
    above, below = 0.28, 0.42
    total = count * (above + height + below)
    figure = new_figure(COLUMN_WIDTH, total)
    axes = [
        figure.add_axes(
            (
                left / COLUMN_WIDTH,
                (total - (i + 1) * (above + height + below) + below) / total,
                (COLUMN_WIDTH - left - _RIGHT) / COLUMN_WIDTH,
                height / total,
            )
        )
        for i in range(count)
    ]
    return figure, axes


def _point(axes: Axes, x: Mean, y: Mean, method: str) -> list[Segment]:
    """A method's marker with both its intervals; the intervals as segments."""
    style = method_style(method)
    across: Segment = ((x.low, y.value), (x.high, y.value))
    upright: Segment = ((x.value, y.low), (x.value, y.high))
    for (x0, y0), (x1, y1) in (across, upright):
        axes.plot([x0, x1], [y0, y1], color=style.colour, linewidth=0.8, alpha=0.5, zorder=2)
    axes.plot(
        x.value, y.value, linestyle="none", marker=style.marker, color=style.colour,
        markerfacecolor=style.face, markersize=8 if style.marker == "*" else 5.5,
        markeredgewidth=1.1, zorder=3,
    )  # fmt: skip
    return [across, upright]


def _scatter(
    axes: Axes, points: dict[str, tuple[Mean, Mean]], marks: Mapping[str, str] | None = None
) -> None:
    segments = [s for m, (x, y) in points.items() for s in _point(axes, x, y, m)]
    axes.margins(0.16, 0.16)
    names = [display_name(m, limit=18) + (marks or {}).get(m, "") for m in points]
    styles = [method_style(m) for m in points]
    place_labels(axes, [(x.value, y.value) for x, y in points.values()], names, styles, segments)


def _panels_or(
    axes: Axes | None, titles: Sequence[str], height: float, *, left: float = _LEFT
) -> tuple[Figure, list[Axes]]:
    """Panels on a new figure; or the caller's axes, which hold one. And what is given back.

    Raises:
        ConfigError: there is one pair of axes for several data sets.
    """
    if axes is None:
        return _panels(len(titles), height, left=left)
    if len(titles) > 1:
        raise ConfigError(
            f"one pair of axes cannot show {len(titles)} panels ({', '.join(titles)}); name one "
            "data set by dataset=, or give no ax"
        )
    return cast("Figure", axes.figure), [axes]


def plane(
    results: Results,
    scale: int,
    x: Facts | None = None,
    y: Facts | None = None,
    *,
    dataset: str | None = None,
    axes: Axes | None = None,
) -> Figure | None:
    """One number against another, one panel per data set; None where there is nothing to show.

    By default the first of the shown numbers (PSNR) and the first of which less is better (LPIPS).
    """
    first, second = results.axes()
    x, y = x or first, y or second
    if y is None:
        return None
    found: dict[str, dict[str, tuple[Mean, Mean]]] = {}
    for name, at, frame in results.groups():
        if at != scale or dataset not in (None, name):
            continue
        across, upright = _values(frame, x), _values(frame, y)
        both = {m: (mean_of(across[m]), mean_of(upright[m])) for m in across if m in upright}
        points = {m: (a, b) for m, (a, b) in both.items() if a is not None and b is not None}
        if points:
            found[name] = points
    if not found:
        return None
    with figure_style():
        drawn, panels = _panels_or(axes, list(found), 2.35)
        for panel, (name, points) in zip(panels, found.items(), strict=True):
            panel.set_title(f"{display_name(name)} ×{scale}")
            panel.set_xlabel(_directed(x, "{}, higher is better →", "← lower is better, {}"))
            panel.set_ylabel(_directed(y, "{}, higher is better →", "← lower is better, {}"))
            marks = {
                m: trained_mark(results.run, m, scale, x.name)
                or trained_mark(results.run, m, scale, y.name)
                for m in points
            }
            _scatter(panel, points, marks)
    return drawn


def _directed(facts: Facts, higher: str, lower: str) -> str:
    label = f"{facts.short_label} ({facts.unit})" if facts.unit else facts.short_label
    return {"higher": higher, "lower": lower, None: "{}"}[facts.better].format(label)


def speed(
    results: Results,
    scale: int,
    device: str,
    *,
    dataset: str | None = None,
    axes: Axes | None = None,
) -> Figure | None:
    """Megapixels per second against the first number (PSNR) on one device, a panel per data set."""
    facts = results.numbers()[0]
    timings = select(results.timings, scale=scale, device=device)
    found: dict[str, dict[str, tuple[Mean, Mean]]] = {}
    for name, at, frame in results.groups():
        if at != scale or dataset not in (None, name) or timings.empty:
            continue
        rates = select(timings, dataset=name).groupby("method")["megapixels_per_second"]
        quartiles = {str(m): np.percentile(v, [50, 25, 75]) for m, v in rates}
        points: dict[str, tuple[Mean, Mean]] = {}
        for method, values in _values(frame, facts).items():
            quality = mean_of(values)
            if quality is not None and method in quartiles and quartiles[method][1] > 0:
                points[method] = (Mean(*(float(q) for q in quartiles[method])), quality)
        if points:
            found[name] = points
    if not found:
        return None
    with figure_style():
        drawn, panels = _panels_or(axes, list(found), 2.1)
        for panel, (name, points) in zip(panels, found.items(), strict=True):
            panel.set_xscale("log")
            panel.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
            panel.xaxis.set_minor_formatter(lambda *_: "")
            panel.set_title(f"{display_name(name)} ×{scale}, {display_name(device)}")
            panel.set_xlabel("megapixels per second, faster →")
            panel.set_ylabel(facts.axis_label)
            _scatter(panel, points)
    return drawn


def distributions(
    results: Results,
    dataset: str,
    scale: int,
    numbers: Sequence[Facts] | None = None,
    *,
    axes: Axes | None = None,
) -> Figure | None:
    """Every image's score per method, its mean and interval: a panel for each of ``numbers``."""
    frame = next((f for d, s, f in results.groups() if (d, s) == (dataset, scale)), None)
    if frame is None:
        return None
    panels = [(f, v) for f in numbers or results.numbers() if (v := _values(frame, f))]
    if not panels:
        return None
    rows = max(len(v) for _, v in panels)
    with figure_style():
        titles = [facts.name for facts, _ in panels]
        drawn, all_axes = _panels_or(axes, titles, 0.17 * rows + 0.1, left=1.32)
        for panel, (facts, values) in zip(all_axes, panels, strict=True):
            panel.set_title(f"{facts.axis_label} {facts.arrow}".strip())
            marks = [trained_mark(results.run, m, scale, facts.name) for m in values]
            _strips(panel, values, marks)
    return drawn


def _strips(axes: Axes, values: dict[str, Floats], marks: Sequence[str]) -> None:
    axes.set_ylim(len(values) - 0.5, -0.5)
    names = [display_name(m, limit=18) + mark for m, mark in zip(values, marks, strict=True)]
    axes.set_yticks(range(len(values)), names)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    finite = np.concatenate([v[np.isfinite(v)] for v in values.values()] or [np.zeros(0)])
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    room = 0.04 * (high - low) or 0.5
    perfect = any(np.isposinf(v).any() for v in values.values())
    axes.set_xlim(low - room, high + room * (4 if perfect else 1))
    for row, (method, scores) in enumerate(values.items()):
        style = method_style(method)
        seen = scores[np.isfinite(scores)]
        axes.plot(
            seen, row + _swarm((seen - low) / ((high - low) or 1)), linestyle="none", marker="o",
            markersize=2.6, color=style.colour, alpha=0.5, markeredgewidth=0, zorder=2,
        )  # fmt: skip
        infinite = int(np.isposinf(scores).sum())
        if infinite:
            axes.text(high + room * 2, row, f"∞ ({infinite})", va="center", fontsize=7.5)
        mean = mean_of(scores)
        if mean is not None:
            axes.plot([mean.low, mean.high], [row, row], color=INK, linewidth=1.1, zorder=3)
            axes.plot(
                mean.value, row, linestyle="none", marker=style.marker, markersize=5,
                markerfacecolor=style.face, markeredgecolor=INK, markeredgewidth=0.7, zorder=4,
            )  # fmt: skip


def _swarm(positions: Floats) -> Floats:
    """Vertical offsets in rows, -0.3..0.3, that keep close neighbours (0..1 across) apart."""
    near, layers = 0.016, (0.0, 0.12, -0.12, 0.24, -0.24, 0.3, -0.3)
    offsets = np.zeros(len(positions))
    last = dict.fromkeys(layers, -1.0)
    for i in np.argsort(positions, kind="stable"):
        x = float(positions[i])
        free = [layer for layer in layers if x - last[layer] >= near]
        layer = free[0] if free else min(layers, key=lambda name: last[name])
        last[layer] = x
        offsets[i] = layer
    return offsets
