"""Direct labels: names beside their points, where they cover nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

Segment = tuple[tuple[float, float], tuple[float, float]]

_WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
_FAR = (5.0, 9.0, 15.0, 22.0, 30.0, 40.0, 52.0)  # points from the marker's centre
_LEADER = 12.0  # beyond this a thin line leads from the label to its point


def place_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    colours: Sequence[str],
    segments: Sequence[Segment] = (),
    *,
    size: float = 7.5,
) -> None:
    """Write each name beside its point (data units), avoiding points, labels and ``segments``.

    A name that must stand apart is led to its point by a line of its colour. The axes must have
    their final position. Greedy and deterministic.
    """
    from matplotlib.patheffects import withStroke

    figure = axes.get_figure(root=True)
    assert figure is not None  # the axes are in a figure
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined] # Agg has one
    pixel = figure.dpi / 72
    axes.autoscale_view()  # Matplotlib would only do it when drawing
    spots = [tuple(axes.transData.transform(p)) for p in points]
    lines: list[Segment] = []
    for start, end in segments:
        (x0, y0), (x1, y1) = axes.transData.transform((start, end)).tolist()
        lines.append(((x0, y0), (x1, y1)))
    frame = axes.get_window_extent(renderer)
    taken: list[Bbox] = []
    for point, spot, name, colour in zip(points, spots, names, colours, strict=True):
        # Offsets in points from data survive saving at another resolution; pixels would not.
        text = axes.annotate(
            name, point, (0, 0), textcoords="offset points", fontsize=size, color=INK,
            ha="left", va="bottom", annotation_clip=False,
            path_effects=[withStroke(linewidth=2, foreground="#ffffff")],
        )  # fmt: skip
        box = text.get_window_extent(renderer)
        best: tuple[float, float, float, float] | None = None
        for far in _FAR:
            for way, (right, up) in enumerate(_WAYS):
                x = spot[0] + right * far * pixel * (0.8 if up else 1)
                y = spot[1] + up * far * pixel * (0.8 if right else 1)
                x -= {1: 0.0, 0: box.width / 2, -1: box.width}[right]
                y -= {1: 0.0, 0: box.height / 2, -1: box.height}[up]
                area = (x, y, x + box.width, y + box.height)
                cost = far * 0.6 + way * 0.3
                cost += 60 * sum(_overlap(area, (b.x0, b.y0, b.x1, b.y1), 1.0) for b in taken)
                cost += 40 * sum(_overlap(area, (*s, *s), 3.5 * pixel) for s in spots)
                cost += 12 * sum(_crosses(area, line) for line in lines)
                outside = not (
                    frame.x0 <= area[0] and area[2] <= frame.x1 + 2
                    and frame.y0 <= area[1] and area[3] <= frame.y1 + 2
                )  # fmt: skip
                cost += 500 * outside
                if best is None or cost < best[0]:
                    best = (cost, x, y, far)
        assert best is not None  # there are candidates
        _, x, y, far = best
        text.set_position(((x - spot[0]) / pixel, (y - spot[1]) / pixel))
        taken.append(text.get_window_extent(renderer))
        if far > _LEADER:
            end = (min(max(spot[0], x), x + box.width), min(max(spot[1], y), y + box.height))
            axes.annotate(
                "", point, ((end[0] - spot[0]) / pixel, (end[1] - spot[1]) / pixel),
                textcoords="offset points", annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 1,
                            "shrinkB": 3},
            )  # fmt: skip


def _overlap(a: tuple[float, float, float, float], b: tuple[float, ...], pad: float) -> bool:
    return (
        a[0] < b[2] + pad and b[0] - pad < a[2] and a[1] < b[3] + pad and b[1] - pad < a[3]
    )  # fmt: skip


def _crosses(area: tuple[float, float, float, float], line: Segment) -> bool:
    # Intervals are horizontal or vertical, so their bounding box is the line itself.
    (x0, y0), (x1, y1) = line
    return _overlap(area, (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), 1.0)
