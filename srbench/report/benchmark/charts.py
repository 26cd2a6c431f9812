"""The charts: perception-distortion plane, score distributions, speed against quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..kit.labels import Segment, place_labels
from ..kit.style import (
    COLUMN_WIDTH,
    INK,
    display_name,
    figure_style,
    is_reference,
    method_order,
    method_style,
    metric_style,
    new_figure,
    trained_mark,
)
from .results import Results, headline_lpips, headline_protocol, select
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


def _values(frame: pd.DataFrame, metric: str, protocol: str | None = None) -> dict[str, Floats]:
    """Scores of each method, in the order of tables, without the original."""
    here = select(frame, metric=metric, protocol=protocol)
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


def plane(results: Results, scale: int) -> Figure | None:
    """PSNR against LPIPS, one panel per data set; None where either was not measured."""
    protocol, lpips = headline_protocol(results.scores), headline_lpips(results.scores)
    if protocol is None or lpips is None:
        return None
    found: dict[str, dict[str, tuple[Mean, Mean]]] = {}
    for dataset, at, frame in results.groups():
        if at != scale:
            continue
        quality, perception = _values(frame, "psnr_y", protocol), _values(frame, lpips)
        both = {
            m: (mean_of(quality[m]), mean_of(perception[m])) for m in quality if m in perception
        }
        points = {m: (x, y) for m, (x, y) in both.items() if x is not None and y is not None}
        if points:
            found[dataset] = points
    if not found:
        return None
    with figure_style():
        figure, panels = _panels(len(found), 2.35)
        for axes, (dataset, points) in zip(panels, found.items(), strict=True):
            axes.set_title(f"{display_name(dataset)} ×{scale}")
            axes.set_xlabel("PSNR (dB), higher is better →")
            axes.set_ylabel("← lower is better, LPIPS")
            _scatter(axes, points, {m: trained_mark(results.run, m, scale, lpips) for m in points})
    return figure


def speed(results: Results, scale: int, device: str) -> Figure | None:
    """Megapixels per second against PSNR on one device, one panel per data set."""
    protocol = headline_protocol(results.scores)
    timings = select(results.timings, scale=scale, device=device)
    if protocol is None or timings.empty:
        return None
    found: dict[str, dict[str, tuple[Mean, Mean]]] = {}
    for dataset, at, frame in results.groups():
        if at != scale:
            continue
        rates = select(timings, dataset=dataset).groupby("method")["megapixels_per_second"]
        quartiles = {str(m): np.percentile(v, [50, 25, 75]) for m, v in rates}
        points: dict[str, tuple[Mean, Mean]] = {}
        for method, values in _values(frame, "psnr_y", protocol).items():
            quality = mean_of(values)
            if quality is not None and method in quartiles and quartiles[method][1] > 0:
                points[method] = (Mean(*(float(q) for q in quartiles[method])), quality)
        if points:
            found[dataset] = points
    if not found:
        return None
    with figure_style():
        figure, panels = _panels(len(found), 2.1)
        for axes, (dataset, points) in zip(panels, found.items(), strict=True):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
            axes.xaxis.set_minor_formatter(lambda *_: "")
            axes.set_title(f"{display_name(dataset)} ×{scale}, {display_name(device)}")
            axes.set_xlabel("megapixels per second, faster →")
            axes.set_ylabel("PSNR (dB)")
            _scatter(axes, points)
    return figure


def distributions(results: Results, dataset: str, scale: int) -> Figure | None:
    """Every image's score per method, its mean and interval: a panel each for PSNR, SSIM, LPIPS."""
    frame = next(f for d, s, f in results.groups() if (d, s) == (dataset, scale))
    protocol, lpips = headline_protocol(frame), headline_lpips(frame)
    wanted = [("psnr_y", protocol), ("ssim_y", protocol), *([(lpips, None)] if lpips else [])]
    panels = [(m, v) for m, p in wanted if (v := _values(frame, m, p))]
    if not panels:
        return None
    rows = max(len(v) for _, v in panels)
    with figure_style():
        figure, all_axes = _panels(len(panels), 0.17 * rows + 0.1, left=1.32)
        for axes, (metric, values) in zip(all_axes, panels, strict=True):
            style = metric_style(metric)
            axes.set_title(f"{style.axis_label} {style.arrow}".strip())
            marks = [trained_mark(results.run, m, scale, metric) for m in values]
            _strips(axes, values, marks)
    return figure


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
