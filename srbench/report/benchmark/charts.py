"""The charts: perception-distortion plane, score distributions, speed against quality."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import ConfigError
from ...metrics.base import Facts
from ..kit.labels import Segment, place_labels
from ..kit.panels import draw_key, side_by_side
from ..kit.style import (
    COLUMN_WIDTH,
    FEWER,
    INK,
    TEXT,
    MethodStyle,
    architecture,
    display_name,
    figure_style,
    is_reference,
    method_order,
    method_style,
    new_figure,
    trained_mark,
)
from .results import Results, incomplete, select
from .significance import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
_LEFT, _RIGHT = 0.55, 0.08  # inches at the side of every panel


@dataclass(frozen=True)
class Mean:
    """A mean over images with its 95 % bootstrap interval (without one, both ends are the mean)."""

    value: float
    low: float
    high: float


def mean_of(values: Floats) -> Mean | None:
    """Mean and interval of scores of shape (n,); None unless all values are finite."""
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
    """A column of panels of this height in inches, each with space for a title and an axis."""
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


@dataclass(frozen=True)
class Mark:
    """One mark of a chart: its method, name, style, position and lines."""

    key: str
    name: str
    style: MethodStyle
    x: float
    y: float
    lines: tuple[Segment, ...]


def _cross(x: Mean, y: Mean) -> tuple[Segment, Segment]:
    """The lines of both intervals of a point."""
    return ((x.low, y.value), (x.high, y.value)), ((x.value, y.low), (x.value, y.high))


def _chart(
    panels: Mapping[str, Sequence[Mark]],
    axes: Axes | None,
    prepare: Callable[[Axes, str], None],
) -> Figure:
    """A panel for each data set, side by side, with the same labels in all panels.

    Names are next to their marks if all of them fit in every panel, otherwise in one key below.
    The caller's axes can hold one panel. ``prepare`` labels the axes of a panel.

    Raises:
        ConfigError: there is one pair of axes for several data sets.
    """
    if axes is not None and len(panels) > 1:
        raise ConfigError(
            f"one pair of axes cannot show {len(panels)} panels ({', '.join(panels)}); name one "
            "data set by dataset=, or give no ax"
        )
    every = sorted((m for marks in panels.values() for m in marks), key=lambda m: len(m.name))
    looks = {mark.key: mark for mark in every}  # the name with the most marks
    looks = [looks[key] for key in dict.fromkeys(m.key for ms in panels.values() for m in ms)]
    with figure_style():
        if axes is not None or len(panels) == 1:
            figure, found = (cast("Figure", axes.figure), [axes]) if axes else side_by_side(1, 2.35)
            for each, (title, marks) in zip(found, panels.items(), strict=True):
                _draw(each, title, marks, prepare)
                _label(each, marks, key=True)
            return figure
        for key in (False, True):
            figure, found = side_by_side(len(panels), 1.95, len(looks) if key else 0)
            for each, (title, marks) in zip(found, panels.items(), strict=True):
                _draw(each, title, marks, prepare)
            if key:
                draw_key(figure, [m.name for m in looks], [m.style for m in looks])
            elif all(_label(each, m) for each, m in zip(found, panels.values(), strict=True)):
                break
    return figure


def _draw(
    axes: Axes, title: str, marks: Sequence[Mark], prepare: Callable[[Axes, str], None]
) -> None:
    prepare(axes, title)
    axes.locator_params(axis="y", nbins=6)
    for mark in marks:
        style = mark.style
        for (x0, y0), (x1, y1) in mark.lines:
            axes.plot([x0, x1], [y0, y1], color=style.colour, linewidth=0.9, alpha=0.6, zorder=2)
        axes.plot(
            mark.x, mark.y, linestyle="none", marker=style.marker, color=style.colour,
            markerfacecolor=style.face, markersize=8 if style.marker == "*" else 5.5,
            markeredgewidth=1.1, zorder=3,
        )  # fmt: skip
    axes.margins(0.16, 0.16)


def _label(axes: Axes, marks: Sequence[Mark], *, key: bool = False) -> bool:
    """Names next to their marks. If some do not fit, they go into a key (with ``key``); without it
    no name is drawn.
    """
    return place_labels(
        axes,
        [(mark.x, mark.y) for mark in marks],
        [mark.name for mark in marks],
        [mark.style for mark in marks],
        [line for mark in marks for line in mark.lines],
        all_or_none=not key,
    )


def baseline_of(frame: pd.DataFrame, x: Facts, y: Facts) -> str | None:
    """The default baseline on one data set: bicubic, otherwise the first method with both numbers.

    None if no method has both.
    """
    upright = _values(frame, y)
    methods = [method for method in _values(frame, x) if method in upright]
    return "bicubic" if "bicubic" in methods else next(iter(methods), None)


def plane(
    results: Results,
    scale: int,
    x: Facts | None = None,
    y: Facts | None = None,
    *,
    dataset: str | None = None,
    baseline: str | None = None,
    axes: Axes | None = None,
) -> Figure | None:
    """One metric against another, one panel per data set; None without data.

    Defaults: the first shown metric (PSNR) and the first for which lower is better (LPIPS). Marks
    are means over images; lines are the intervals of the paired difference to ``baseline``.
    """
    first, second = results.axes()
    x, y = x or first, y or second
    if y is None:
        return None
    panels: dict[str, list[Mark]] = {}
    for name, at, frame in results.groups():
        if at != scale or dataset not in (None, name):
            continue
        to = baseline or baseline_of(frame, x, y)
        pairs = {m: (_beside(frame, x, m, to), _beside(frame, y, m, to)) for m in _values(frame, x)}
        marks = [
            Mark(
                m, display_name(m, limit=18) + _marks(results, frame, m, scale, (x, y)),
                method_style(m), a.value, b.value, () if m == to else _cross(a, b),
            )
            for m, (a, b) in pairs.items()
            if a is not None and b is not None
        ]  # fmt: skip
        if marks:
            panels[f"{display_name(name)} ×{scale}"] = marks
    if not panels:
        return None
    if baseline and not any(m.key == baseline for marks in panels.values() for m in marks):
        raise ConfigError(f"the baseline {baseline} has no scores there; choose another one")

    def prepare(panel: Axes, title: str) -> None:
        panel.set_title(title)
        panel.set_xlabel(_directed(x, "{}, better →", "← better, {}"))
        panel.set_ylabel(_directed(y, "{}, better →", "← better, {}"))

    return _chart(panels, axes, prepare)


def _marks(
    results: Results, frame: pd.DataFrame, method: str, scale: int, numbers: Sequence[Facts]
) -> str:
    """The marks of a method's means on one data set, as in the tables."""
    trained = max(trained_mark(results.run, method, scale, facts.name) for facts in numbers)
    fewer = any(
        method in incomplete(select(frame, metric=facts.name, protocol=facts.protocol))
        for facts in numbers
    )
    return trained + (FEWER if fewer else "")


def _beside(frame: pd.DataFrame, facts: Facts, method: str, baseline: str | None) -> Mean | None:
    """A method's mean with the interval of its paired difference to the baseline."""
    here = select(frame, metric=facts.name, protocol=facts.protocol)
    own = select(here, method=method).set_index("image")["value"]
    values = own.to_numpy(dtype=np.float64)
    if len(values) == 0 or not np.isfinite(values).all():
        return None
    mean = float(values.mean())
    other = select(here, method=baseline).set_index("image")["value"]
    gap = (own - other).dropna().to_numpy(dtype=np.float64)
    low, high = bootstrap_interval(gap)
    if not np.isfinite([low, high]).all():
        return Mean(mean, mean, mean)
    return Mean(mean, mean + low - float(gap.mean()), mean + high - float(gap.mean()))


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
    """Megapixels per second against the first metric (PSNR) on one device, one panel per data set.

    Methods of one architecture are equally fast and share one mark: the best of them, with a line
    down to the worst.
    """
    facts = results.numbers()[0]
    timings = select(results.timings, scale=scale, device=device)
    panels: dict[str, list[Mark]] = {}
    for name, at, frame in results.groups():
        if at != scale or dataset not in (None, name) or timings.empty:
            continue
        values = _values(frame, facts)
        fewer = incomplete(select(frame, metric=facts.name, protocol=facts.protocol))
        marks = _speed_marks(values, select(timings, dataset=name), facts, fewer)
        if marks:
            panels[f"{display_name(name)} ×{scale}"] = marks
    if not panels:
        return None

    def prepare(panel: Axes, title: str) -> None:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
        panel.xaxis.set_minor_formatter(lambda *_: "")
        panel.set_title(title)
        panel.set_xlabel("megapixels per second, faster →")
        panel.set_ylabel(facts.axis_label)

    return _chart(panels, axes, prepare)


def _speed_marks(
    values: Mapping[str, Floats], timings: pd.DataFrame, facts: Facts, fewer: Collection[str]
) -> list[Mark]:
    """One mark for each architecture with timings and scores; ``fewer``: methods to be marked."""
    groups: dict[str, list[str]] = {}
    for method, scores in values.items():
        rates = select(timings, method=method)["megapixels_per_second"]
        if len(scores) and np.isfinite(scores).all() and len(rates) and rates.min() > 0:
            groups.setdefault(architecture(method), []).append(method)
    marks: list[Mark] = []
    for name, methods in groups.items():
        own = timings[timings["method"].isin(methods)]["megapixels_per_second"]
        x, low, high = (float(v) for v in np.percentile(own, [50, 25, 75]))
        means = sorted(float(values[m].mean()) for m in methods)
        best, worst = (means[0], means[-1]) if facts.better == "lower" else (means[-1], means[0])
        label = display_name(name, limit=18)
        label += f" ({len(methods)} networks)" if len(methods) > 1 else ""
        label += FEWER if any(method in fewer for method in methods) else ""
        lines: list[Segment] = [((low, best), (high, best))]
        lines += [((x, worst), (x, best))] if len(methods) > 1 else []
        marks.append(Mark(name, label, method_style(methods[0]), x, best, tuple(lines)))
    return marks


def distributions(
    results: Results,
    dataset: str,
    scale: int,
    numbers: Sequence[Facts] | None = None,
    *,
    axes: Axes | None = None,
) -> Figure | None:
    """The scores of all images per method, with mean and interval; one panel per metric."""
    frame = next((f for d, s, f in results.groups() if (d, s) == (dataset, scale)), None)
    if frame is None:
        return None
    panels = [(f, v) for f in numbers or results.numbers() if (v := _values(frame, f))]
    if not panels:
        return None
    rows = max(len(v) for _, v in panels)
    with figure_style():
        if axes is not None and len(panels) > 1:
            names = ", ".join(facts.name for facts, _ in panels)
            raise ConfigError(
                f"one pair of axes cannot show {len(panels)} panels ({names}); name one metric by "
                "metrics=, or give no ax"
            )
        drawn, all_axes = (
            (cast("Figure", axes.figure), [axes])
            if axes
            else _panels(len(panels), 0.17 * rows + 0.1, left=1.32)
        )
        for panel, (facts, values) in zip(all_axes, panels, strict=True):
            panel.set_title(f"{facts.axis_label} {facts.arrow}".strip())
            marks = [_marks(results, frame, m, scale, [facts]) for m in values]
            _strips(panel, values, marks)
        if axes is None:
            all_axes[0].annotate(
                f"{display_name(dataset, limit=12)} ×{scale}", (0, 1), (4, 6),
                xycoords=("figure fraction", "axes fraction"), textcoords="offset points",
                fontsize="medium", fontweight="bold", annotation_clip=False,
            )  # fmt: skip
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
            axes.text(high + room * 2, row, f"∞ ({infinite})", va="center", fontsize=TEXT)
        mean = mean_of(scores)
        if mean is not None:
            axes.plot([mean.low, mean.high], [row, row], color=INK, linewidth=1.1, zorder=3)
            axes.plot(
                mean.value, row, linestyle="none", marker=style.marker, markersize=5,
                markerfacecolor=style.face, markeredgecolor=INK, markeredgewidth=0.7, zorder=4,
            )  # fmt: skip


def _swarm(positions: Floats) -> Floats:
    """Vertical offsets in rows, -0.3..0.3, that separate close points (positions 0..1)."""
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
