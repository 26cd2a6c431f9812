"""Checks of every figure at its printed size."""

from __future__ import annotations

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

PAGE_WIDTH = 7.16  # inches: both columns of a paper


def texts_of(figure: Figure) -> list[Text]:
    """Every text that is drawn, labels of ticks within the panels included."""
    figure.canvas.draw()
    shown: list[Text] = []
    ticks: set[Text] = set()
    for axis in figure.findobj(Axis):
        assert isinstance(axis, Axis)
        if not axis.axes.axison:
            ticks.update(axis.get_ticklabels())
            continue
        low, high = sorted(axis.get_view_interval())
        room = 1e-9 * (high - low)
        for minor in (False, True):
            labels = axis.get_ticklabels(minor=minor)
            ticks.update(labels)
            places = axis.get_ticklocs(minor=minor)
            shown += [
                label
                for at, label in zip(places, labels, strict=True)
                if low - room <= at <= high + room
            ]
    shown += [t for t in figure.findobj(Text) if isinstance(t, Text) and t not in ticks]
    return [text for text in shown if text.get_visible() and text.get_text().strip()]


def require_printable(figure: Figure) -> None:
    """At most a page wide, every text of 8 points or more and inside."""
    assert figure.get_figwidth() <= PAGE_WIDTH + 0.05
    whole = figure.bbox
    for text in texts_of(figure):
        assert text.get_fontsize() >= 8, text.get_text()
        box = text.get_window_extent()
        assert whole.x0 - 1 <= box.x0 <= box.x1 <= whole.x1 + 1, text.get_text()
        assert whole.y0 - 1 <= box.y0 <= box.y1 <= whole.y1 + 1, text.get_text()
