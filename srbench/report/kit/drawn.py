"""Figures with their captions: written to files and embedded in a page."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...observer import Observer
from .style import COLUMN_WIDTH, figure_svg, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Keeps a page under 10 MB: base64 turns three bytes into four.
_PAGE_BYTES = 4_300_000


@dataclass(frozen=True)
class Drawn:
    """A figure, its file stem, and its caption (content and intervals)."""

    stem: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True)
class PageFigure:
    """A figure in the page: ``source`` is a data URI, or empty if the page would be too large.

    ``wide`` figures use the full page width.
    """

    stem: str
    title: str
    caption: str
    source: str
    wide: bool = False


def save_figures(
    drawn: Iterable[Drawn], folder: Path, kinds: Collection[str], observer: Observer | None
) -> tuple[list[Path], list[PageFigure]]:
    """Write figures into ``folder``; returns their files, and the figures for a page.

    Outdated figures of an earlier report, whose stems begin with one of ``kinds``, are removed.
    ``observer`` is notified of each figure.
    """
    files: list[Path] = []
    shown: list[PageFigure] = []
    left = _PAGE_BYTES
    for each in drawn:
        files += save_figure(each.figure, folder, each.stem)
        source = data_uri("image/svg+xml", figure_svg(each.figure).encode("utf-8"))
        fits = len(source) <= left
        left -= len(source) if fits else 0
        wide = each.figure.get_figwidth() > 1.5 * COLUMN_WIDTH
        shown.append(PageFigure(each.stem, each.title, each.caption, source if fits else "", wide))
        if observer:
            observer.part_done(each.stem)
    for path in folder.iterdir() if folder.is_dir() else ():
        ours = path.suffix in (".png", ".pdf") and path.stem.partition("_")[0] in kinds
        if ours and path not in files:
            path.unlink()
    return files, shown


def data_uri(kind: str, content: bytes) -> str:
    """``content`` of this media type as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
