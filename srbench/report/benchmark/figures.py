"""Every figure of a results folder, with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...files import safe_stem
from ..kit.drawn import Drawn
from ..kit.style import (
    display_name,
    is_reference,
    metric_style,
    protocol_name,
    trained_mark,
)
from .charts import distributions, plane, speed
from .crop_figure import draw_crops
from .crops import View
from .results import Results, headline_lpips, headline_protocol

KINDS = ("crops", "plane", "distributions", "speed")  # each figure's stem begins with one


def draw_figures(results: Results, views: Sequence[View]) -> Iterator[Drawn]:
    """All figures, one at a time: those that a folder has nothing to show for are left out."""
    scores = results.scores
    protocol, lpips = headline_protocol(scores), headline_lpips(scores)
    read_by = f"PSNR and SSIM: protocol {protocol_name(protocol)}" if protocol else ""
    if lpips:
        read_by += f"; {metric_style(lpips).label}"
    methods = set(zip(scores["method"], scores["scale"], strict=True))
    dagger = (
        " † trained on this metric."
        if lpips and any(trained_mark(results.run, m, s, lpips) for m, s in methods)
        else ""
    )
    scales = sorted(set(scores["scale"]))
    for scale in scales:
        if figure := plane(results, scale):
            yield Drawn(
                f"plane_x{scale}",
                f"Perception against distortion, ×{scale}",
                "Mean over images; lines are 95 % bootstrap intervals over images. "
                f"Towards the lower right is better in both. {read_by}.{dagger}",
                figure,
            )
    for dataset, scale, _ in results.groups():
        if figure := distributions(results, dataset, scale):
            yield Drawn(
                safe_stem(f"distributions_{dataset}_x{scale}"),
                f"Score distributions, {display_name(dataset)} ×{scale}",
                "One dot per image; the outlined marker is the mean, its line the 95 % bootstrap "
                f"interval over images. {read_by}.{dagger}",
                figure,
            )
    for scale in scales:
        for device in sorted(set(results.timings["device"])):
            if figure := speed(results, scale, device):
                yield Drawn(
                    safe_stem(f"speed_{device}_x{scale}"),
                    f"Speed against quality, ×{scale}, {display_name(device)}",
                    "Across: median over images and the range of the middle half. Up: mean PSNR "
                    "with its 95 % bootstrap interval over images "
                    f"(protocol {protocol_name(protocol or '')}). Methods that were not timed, "
                    "such as folders of finished images, are left out.",
                    figure,
                )
    for view in views:
        if protocol and any(not is_reference(m) for m in view.pixels):
            where = "a chosen region" if view.box else "where the methods disagree most"
            yield Drawn(
                safe_stem(f"crops_{view.dataset}_x{view.scale}_{view.image}"),
                f"Crops, {display_name(view.dataset)} {display_name(view.image)} ×{view.scale}",
                f"The same pixels of every method, {where}, each enlarged by a whole number "
                f"without interpolation. Scores are of the whole image. {read_by}.{dagger}",
                draw_crops(results, view, protocol=protocol, lpips=lpips),
            )
