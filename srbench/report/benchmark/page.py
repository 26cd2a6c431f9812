"""report.html: one page that holds everything it shows and asks the network for nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from PIL import Image as PillowImage

from ...imaging.luma import Image
from ..kit.drawn import PageFigure, data_uri
from ..kit.page import page_environment, pick
from ..kit.render import Table
from ..kit.style import (
    canonical,
    display_name,
    format_value,
    is_reference,
    trained_mark,
)
from .crop_figure import crop_box
from .crops import View, box_around
from .headline import headline
from .results import Results, means, select
from .significance import ALPHA
from .tables import significance_table

VIEWER_SIDE = 192  # pixels of the image: fits a phone at exact pixels, enlarged on a desk
# The page stays under 15 MB, figures included: base64 makes four bytes of three.
_VIEWER_BYTES = 7_000_000


def render_page(
    results: Results,
    views: Sequence[View],
    figures: Sequence[PageFigure],
    summary: Table,
    paper: Sequence[Table],
    tests: pd.DataFrame,
) -> str:
    """The whole page as text. Every name in it is escaped, whatever a method is called."""
    run = {k: v for k, v in results.run.items() if k not in ("missing", "crops")}
    protocols = sorted(set(results.scores["protocol"]), key=results.known.protocol_order)
    return (
        page_environment()
        .get_template("report.html")
        .render(
            headline=headline(results),
            results=results.name,
            summary=method_first(summary),
            paper=paper,
            significance=significance_parts(results, tests),
            viewer=viewer_data(results, views),
            figures=figures,
            protocols=[(f.under, f.about) for f in map(results.known.protocol, protocols)],
            run=run,
            alpha=ALPHA,
        )
    )


def significance_parts(results: Results, tests: pd.DataFrame) -> list[tuple[str, Table]]:
    """One table per data set and scale, under the protocol that the figures use.

    The page leaves out what only a statistician asks for; tables/significance.csv has it all.
    """
    parts: list[tuple[str, Table]] = []
    for dataset, scale, _ in results.groups():
        here = select(tests, dataset=dataset, scale=scale)
        wanted = [select(here, protocol=f.protocol, metric=f.name) for f in results.numbers()]
        wanted = [family for family in wanted if len(family)]
        if not wanted:
            continue
        counts = ", ".join(
            f"{results.known[family['metric'].iloc[0]].full_label} "
            f"{sum(family['significant'])} of {len(family)}"
            for family in wanted
        )
        title = f"{display_name(dataset)} ×{scale}: pairs that differ: {counts}"
        parts.append((title, _short(significance_table(pd.concat(wanted), results.run))))
    return parts


def _short(table: Table) -> Table:
    dropped = {"dataset", "scale", "protocol", "statistic", "p_method", "smallest_p"}
    return pick(table, [i for i, h in enumerate(table.headings) if h.key not in dropped], 0)


def method_first(table: Table) -> Table:
    """The summary for a narrow screen: method first, counts last, no scale if there is but one."""
    keys = [h.key for h in table.headings]
    scales = {row[keys.index("scale")].text for row in table.rows}
    order = ["method", "dataset", *(["scale"] if len(scales) > 1 else [])]
    moved = ("method", "dataset", "scale", "images")
    order += [*(key for key in keys if key not in moved), "images"]
    picked = pick(table, [keys.index(key) for key in order], 0)
    return (
        picked if len(scales) > 1 else replace(picked, caption=f"{scales.pop()}. {table.caption}")
    )


def viewer_data(results: Results, views: Sequence[View]) -> list[dict[str, Any]]:
    """The crops of the before-and-after view, as many images as the page has room for."""
    left = _VIEWER_BYTES
    shown: list[dict[str, Any]] = []
    for view in views:
        if len(view.pixels) < 2:
            continue
        height, width = next(iter(view.pixels.values())).shape[:2]
        box = box_around(crop_box(view), VIEWER_SIDE, height, width)
        methods = sorted(view.pixels, key=is_reference)  # the original last
        layers = [
            {
                "name": display_name(m),
                "id": canonical(m),
                "scores": _score_line(results, view, m),
                "source": _png(box.cut(view.pixels[m])),
            }
            for m in methods
        ]
        size = sum(len(layer["source"]) for layer in layers)
        if size > left:
            continue
        left -= size
        shown.append(
            {
                "title": f"{display_name(view.dataset)} {display_name(view.image)} ×{view.scale}",
                "where": f"{box.width}×{box.height} pixels from ({box.left}, {box.top})",
                "width": box.width,
                "height": box.height,
                "layers": layers,
                **_first_pair([canonical(m) for m in methods]),
            }
        )
    return shown


def _first_pair(methods: Sequence[str]) -> dict[str, int]:
    """Bicubic, or the first, on the left; on the right the last method before the original."""
    left = methods.index("bicubic") if "bicubic" in methods else 0
    others = [i for i, m in enumerate(methods) if i != left and m != "HR"]
    return {"left": left, "right": others[-1] if others else len(methods) - 1}


def _score_line(results: Results, view: View, method: str) -> str:
    if is_reference(method):
        return "the original"
    here = select(
        results.scores, dataset=view.dataset, scale=view.scale, image=view.image, method=method
    )
    parts: list[str] = []
    for facts in results.numbers():
        value = means(select(here, metric=facts.name, protocol=facts.protocol)).get(method)
        if value is not None:
            unit = f" {facts.unit}" if facts.unit else ""
            mark = trained_mark(results.run, method, view.scale, facts.name)
            number = format_value(value, facts.decimals) + mark
            parts.append(f"{facts.short_label} {number}{unit}")
    return ", ".join(parts)


def _png(image: Image) -> str:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, format="PNG")
    return data_uri("image/png", buffer.getvalue())
