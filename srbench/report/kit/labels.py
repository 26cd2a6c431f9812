"""Direct labels: names next to their points; if points are too close, a key in a free corner."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from .style import FAINT, INK, TEXT, MethodStyle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

Point = tuple[float, float]
Segment = tuple[Point, Point]
Area = tuple[float, float, float, float]  # left, bottom, right, top in pixels

_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_FAR = (6.0, 9.0, 14.0)  # points from the marker's centre
_MARKER = 4.0  # half a marker, in points


def place_labels(
    axes: Axes,
    points: Sequence[Point],
    names: Sequence[str],
    styles: Sequence[MethodStyle] | None = None,
    segments: Sequence[Segment] = (),
    *,
    size: float = TEXT,
    all_or_none: bool = False,
) -> bool:
    """Write each name next to its point (data units), clear of other points, names and
    ``segments``.

    A name must be clearly closest to its own point. A name without such a position goes, with its
    marker, into a key in the emptiest corner; without ``styles`` there is no key, and the position
    with the least overlap is used. With ``all_or_none`` nothing is written unless all names have a
    position. The axes must have their final position. The method is greedy and deterministic.

    Returns:
        Whether every name has a position next to its point.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None  # the axes are in a figure
    pixel = figure.dpi / 72
    axes.autoscale_view()  # otherwise Matplotlib does this only while drawing
    spots: list[Point] = [tuple(axes.transData.transform(point)) for point in points]
    lines = [_area_of(*axes.transData.transform(ends).tolist()) for ends in segments]
    window = axes.get_window_extent()
    frame: Area = (window.x0, window.y0, window.x1, window.y1)
    taken: list[Area] = []
    apart: list[int] = []
    written: list[Annotation] = []
    for i, (point, name) in enumerate(zip(points, names, strict=True)):
        text = _text(axes, name, point, size)
        box = text.get_window_extent()
        own, others = spots[i], [*spots[:i], *spots[i + 1 :]]
        tried: list[tuple[bool, float, Point, int]] = []
        for far, (way, (right, up)) in product(_FAR, enumerate(_WAYS)):
            x = own[0] + right * far * pixel * (0.8 if up else 1)
            y = own[1] + up * far * pixel * (0.8 if right else 1)
            x -= {1: 0.0, 0: box.width / 2, -1: box.width}[right]
            y -= {1: 0.0, 0: box.height / 2, -1: box.height}[up]
            area = (x, y, x + box.width, y + box.height)
            room = _MARKER * pixel
            bad = _outside(area, frame) + sum(_overlap(area, other, 1) for other in taken)
            bad += sum(_gap(area, s) < max(room, 1.3 * _gap(area, own)) for s in others)
            crossed = sum(_overlap(area, line, 1) for line in lines)
            tried.append((bad > 0, 60 * bad + 12 * crossed + 0.6 * far + 0.3 * way, (x, y), right))
        hidden, _, (x, y), right = min(tried)
        if hidden and styles is not None:
            text.remove()
            apart.append(i)
            continue
        written.append(text)
        # Offsets in points, unlike pixels, stay right at another resolution. Text is wider there,
        # so it is aligned at the side of the point and cannot overlap its marker.
        text.set_horizontalalignment(("center", "left", "right")[right])
        held = x + box.width * (0.5, 0, 1)[right]
        text.set_position(((held - own[0]) / pixel, (y - own[1]) / pixel))
        taken.append((x, y, x + box.width, y + box.height))
    if apart and all_or_none:
        for text in written:
            text.remove()
    elif apart and styles is not None:
        apart.sort(key=lambda i: -spots[i][1])
        rows = [(names[i], styles[i]) for i in apart]
        _draw_key(axes, rows, [*taken, *(_around(s, 2 * _MARKER * pixel) for s in spots)], lines,
                  size)  # fmt: skip
    return not apart


def _text(axes: Axes, name: str, point: Point, size: float) -> Annotation:
    from matplotlib.patheffects import withStroke

    return axes.annotate(
        name, point, (0, 0), textcoords="offset points", fontsize=size, color=INK,
        ha="left", va="bottom", annotation_clip=False,
        path_effects=[withStroke(linewidth=2, foreground="#ffffff")],
    )  # fmt: skip


def _draw_key(
    axes: Axes,
    rows: Sequence[tuple[str, MethodStyle]],
    taken: Sequence[Area],
    lines: Sequence[Area],
    size: float,
) -> None:
    """A key of markers and names in the vertical order of their points, with the least overlap."""
    from matplotlib.patches import Rectangle

    figure = axes.get_figure(root=True)
    assert figure is not None  # the axes are in a figure
    pixel = figure.dpi / 72
    pitch, indent, edge = 1.3 * size * pixel, 9 * pixel, 7 * pixel
    texts = [_text(axes, name, (0, 0), size) for name, _ in rows]
    width = indent + max(text.get_window_extent().width for text in texts)
    height = pitch * len(rows)
    left, bottom, right, top = axes.get_window_extent().extents
    best: tuple[float, float, float] | None = None
    for x, y in product(
        (right - edge - width, left + edge, (left + right - width) / 2),
        (top - edge - height, bottom + edge, (bottom + top - height) / 2),
    ):
        area = (x, y, x + width, y + height)
        cost = 10.0 * sum(_overlap(area, other, 2) for other in taken)
        cost += sum(_overlap(area, line, 1) for line in lines)
        if best is None or cost < best[0]:
            best = (cost, x, y)
    assert best is not None  # there are candidates
    _, x, y = best
    to_axes = axes.transAxes.inverted()
    # The frame separates the key's markers from data points. Text is slightly wider at a file's
    # resolution than where it was measured, so leave space on the right.
    corner, opposite = to_axes.transform(((x - 2 * pixel, y), (x + width + 6 * pixel, y + height)))
    axes.add_patch(
        Rectangle(
            tuple(corner), *(opposite - corner), transform=axes.transAxes, facecolor="white",
            edgecolor=FAINT, linewidth=0.6, zorder=2.5,
        )
    )  # fmt: skip
    for i, (text, (_, style)) in enumerate(zip(texts, rows, strict=True)):
        middle = y + height - (i + 0.5) * pitch
        place = to_axes.transform((x + 3 * pixel, middle))
        axes.plot(
            *place, transform=axes.transAxes, linestyle="none", marker=style.marker,
            color=style.colour, markerfacecolor=style.face, clip_on=False, zorder=5,
            markersize=6.5 if style.marker == "*" else 4.5, markeredgewidth=1,
        )  # fmt: skip
        text.xy = tuple(to_axes.transform((x + indent, middle)))
        text.xycoords = "axes fraction"
        text.set_verticalalignment("center")
        text.set_zorder(5)


def _area_of(start: Sequence[float], end: Sequence[float]) -> Area:
    # Intervals are horizontal or vertical, so the bounding box equals the line.
    (x0, y0), (x1, y1) = start, end
    return (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def _around(spot: Point, side: float) -> Area:
    return (spot[0] - side / 2, spot[1] - side / 2, spot[0] + side / 2, spot[1] + side / 2)


def _outside(area: Area, frame: Area) -> bool:
    return (
        area[0] < frame[0] or area[1] < frame[1] or area[2] > frame[2] + 2 or area[3] > frame[3] + 2
    )


def _overlap(a: Area, b: Area, pad: float) -> bool:
    return a[0] < b[2] + pad and b[0] - pad < a[2] and a[1] < b[3] + pad and b[1] - pad < a[3]


def _gap(area: Area, spot: Point) -> float:
    """Distance from a spot to the nearest edge of an area, 0 inside."""
    across = max(area[0] - spot[0], 0, spot[0] - area[2])
    upright = max(area[1] - spot[1], 0, spot[1] - area[3])
    return float((across**2 + upright**2) ** 0.5)
