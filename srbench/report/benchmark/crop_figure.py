"""Comparison crops: the same region of the original and every method, as in the paper's Fig. 2."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from PIL import Image as PillowImage

from ...errors import ResultsError
from ...imaging.luma import Image
from ...metrics.base import Facts
from ..kit.panels import inches_across
from ..kit.style import (
    INK,
    TEXT,
    VERMILLION,
    canonical,
    display_name,
    figure_style,
    format_value,
    is_reference,
    method_order,
    new_figure,
    trained_mark,
)
from .crops import Box, View, busiest_box, enlarge
from .results import Results, means, select

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILE = 224  # pixels at 200 dpi: three tiles fill a column of 3.5 in, six a page
CROP_SIDE = 56  # pixels of the image, enlarged four times
_DPI, _MOST, _GAP, _MARGIN, _CAPTION, _TITLE = 200, 6, 8, 6, 86, 34


_LOSSES = ("mse", "vgg22", "vgg54")  # losses of both an SRResNet and an SRGAN


def crop_box(view: View) -> Box:
    """The region to show: the user's, or the one where the methods differ most.

    Raises:
        ResultsError: the user's region is too large to be shown without scaling.
    """
    if view.box is None:
        return busiest_box(view, CROP_SIDE)
    if max(view.box.width, view.box.height) > TILE:
        raise ResultsError(
            f"the crop of {view.title} is {view.box.width}x{view.box.height}; at most "
            f"{TILE}x{TILE} can be shown at exact pixels"
        )
    return view.box


def draw_crops(
    results: Results, view: View, numbers: Sequence[Facts], into: Axes | None = None
) -> Figure:
    """One tile per method, from interpolation to the original, with scores below each.

    The scores are the first three of ``numbers``, of the whole image.

    Pixels are enlarged by a whole number and drawn without interpolation in the PNG. The caller's
    axes ``into`` get the same tiles in their size, without interpolation.
    """
    box = crop_box(view)
    times = max(1, TILE // max(box.width, box.height))
    tile_height = box.height * times
    tiles = len(view.pixels) + 1
    rows = -(-tiles // _MOST)
    columns = max(-(-tiles // rows), 3)
    width = 2 * _MARGIN + columns * TILE + (columns - 1) * _GAP
    height = _TITLE + rows * (tile_height + _CAPTION)
    with figure_style():
        if into is None:
            # Half a pixel more, so that rounding does not lose the last row or column.
            figure = new_figure((width + 0.5) / _DPI, (height + 0.5) / _DPI)
            add, write, size_of = figure.add_axes, figure.text, 1.0
        else:
            figure = cast("Figure", into.get_figure(root=True))
            into.set_axis_off()
            into.set_box_aspect(height / width)
            add, write = into.inset_axes, partial(into.text, transform=into.transAxes)
            size_of = min(1.0, inches_across(into) * _DPI / width)

        def place(slot: int, image: Image) -> Axes:
            row, column = divmod(slot, columns)
            left = _MARGIN + column * (TILE + _GAP) + (TILE - image.shape[1]) // 2
            bottom = height - _TITLE - row * (tile_height + _CAPTION) - tile_height
            bottom += (tile_height - image.shape[0]) // 2
            x, y = (width + 0.5), (height + 0.5)
            axes = add((left / x, bottom / y, image.shape[1] / x, image.shape[0] / y))
            axes.set_axis_off()
            axes.imshow(image, interpolation="none", aspect="auto")
            return axes

        def caption(slot: int, lines: list[str]) -> None:
            row, column = divmod(slot, columns)
            x = (_MARGIN + column * (TILE + _GAP) + TILE / 2) / (width + 0.5)
            top = height - _TITLE - row * (tile_height + _CAPTION) - tile_height
            for i, line in enumerate(lines):
                write(
                    x, (top - 5 - i * 24) / (height + 0.5), line, ha="center", va="top",
                    fontsize=TEXT * size_of, fontweight="bold" if i == 0 else "normal",
                    color=INK,
                )  # fmt: skip

        write(
            _MARGIN / (width + 0.5), (height - 6) / (height + 0.5),
            f"{display_name(view.dataset)} {display_name(view.image)} ×{view.scale}",
            ha="left", va="top", fontsize=9 * size_of, fontweight="bold",
        )  # fmt: skip
        whole, ratio = _fit(next(iter(view.pixels.values())), TILE, tile_height)
        _frame(place(0, whole), box, ratio)
        caption(0, ["Where", *_legend(numbers)])
        for slot, method in enumerate(sorted(view.pixels, key=_comparing), start=1):
            place(slot, enlarge(box.cut(view.pixels[method]), times))
            lines = [
                display_name(method, limit=15),
                *_scores(results, view, method, numbers),
            ]
            caption(slot, lines)
    return figure


def _comparing(method: str) -> tuple[int, int, tuple[int, str]]:
    """Sort key of the tiles: interpolation, small networks, each SRGAN next to the SRResNet of its
    loss, others, and the original last.
    """
    name = canonical(method)
    if is_reference(name):
        return 3, 0, (0, "")
    family, _, loss = name.removesuffix("+").partition("-")
    paired = family in ("srresnet", "srgan") and loss in _LOSSES
    place = _LOSSES.index(loss) if paired else 0
    rank = 1 if paired else 0 if method_order(name) < method_order("srresnet-mse") else 2
    return rank, place, method_order(name)


def _fit(image: Image, width: int, height: int) -> tuple[Image, float]:
    """The whole image, smoothly reduced to fit a tile, and the factor."""
    ratio = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * ratio)), max(1, round(image.shape[0] * ratio)))
    return np.asarray(
        PillowImage.fromarray(image).resize(size, PillowImage.Resampling.LANCZOS)
    ), ratio


def _frame(axes: Axes, box: Box, ratio: float) -> None:
    from matplotlib.patches import Rectangle

    for colour, line in (("white", 2.2), (VERMILLION, 1.2)):
        axes.add_patch(
            Rectangle(
                (box.left * ratio - 0.5, box.top * ratio - 0.5),
                box.width * ratio,
                box.height * ratio,
                fill=False,
                edgecolor=colour,
                linewidth=line,
                clip_on=False,
            )
        )


def _legend(numbers: Sequence[Facts]) -> list[str]:
    return _lines([f"{facts.short_label[:12]} {facts.arrow}".strip() for facts in numbers])


def _lines(parts: Sequence[str]) -> list[str]:
    """Two parts in the first line and one in the second, the maximum for a tile."""
    return [line for line in (" / ".join(parts[:2]), *parts[2:3]) if line]


def _scores(results: Results, view: View, method: str, numbers: Sequence[Facts]) -> list[str]:
    if is_reference(method):
        return ["original"]
    here = select(
        results.scores, dataset=view.dataset, scale=view.scale, image=view.image, method=method
    )

    def shown(facts: Facts) -> str:
        found = means(select(here, metric=facts.name, protocol=facts.protocol))
        mark = trained_mark(results.run, method, view.scale, facts.name)
        return format_value(found.get(method), facts.decimals) + mark

    return _lines([shown(facts) for facts in numbers])
