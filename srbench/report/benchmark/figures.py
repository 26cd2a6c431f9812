"""Every figure of a results folder, with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...files import safe_stem
from ...metrics import PROTOCOLS, Facts
from ..kit.drawn import Drawn
from ..kit.style import (
    FEWER,
    display_name,
    is_reference,
    trained_mark,
)
from .charts import baseline_of, distributions, plane, speed
from .crop_figure import draw_crops
from .crops import View
from .results import Results, column_name, incomplete, select

KINDS = ("crops", "plane", "distributions", "speed")  # prefixes of the figures' file names


def draw_figures(results: Results, views: Sequence[View]) -> Iterator[Drawn]:
    """All figures, one at a time; figures without data are left out."""
    scores = results.scores
    numbers = results.numbers()
    first, second = results.axes()
    scales = sorted(set(scores["scale"]))
    for scale in scales:
        if figure := plane(results, scale):
            shown = [facts for facts in (first, second) if facts]
            yield Drawn(
                f"plane_x{scale}",
                f"Perception against distortion, ×{scale}",
                f"{_lines(results, scale, first, second)}{_corner(first, second)}"
                f"{_read_by(shown)}.{_marks(results, shown)}",
                figure,
            )
        # Figures that only repeat another one are drawn only on request.
        for facts in numbers:
            if facts in (first, second) or facts.short_label in ("PSNR", "SSIM"):
                continue
            if figure := plane(results, scale, first, facts):
                yield Drawn(
                    safe_stem(f"plane_{column_name(facts, numbers).replace(':', '_', 1)}_x{scale}"),
                    f"{facts.short_label} against {first.short_label}, ×{scale}",
                    f"{_lines(results, scale, first, facts)}{_corner(first, facts)}"
                    f"{first.with_protocol}, {facts.with_protocol}."
                    f"{_marks(results, [first, facts])}",
                    figure,
                )
    for dataset, scale, _ in results.groups():
        if figure := distributions(results, dataset, scale):
            yield Drawn(
                safe_stem(f"distributions_{dataset}_x{scale}"),
                f"Score distributions, {display_name(dataset)} ×{scale}",
                "One dot per image; the outlined marker is the mean, its line the 95 % bootstrap "
                f"interval over images. {_read_by(numbers)}.{_marks(results, numbers)}",
                figure,
            )
    for scale in scales:
        for device in sorted(set(results.timings["device"])):
            if figure := speed(results, scale, device):
                yield Drawn(
                    safe_stem(f"speed_{device}_x{scale}"),
                    f"Speed against quality, ×{scale}, {display_name(device)}",
                    "Horizontal: median over images, with a line for the interquartile range. "
                    f"Vertical: mean {first.with_protocol} over images. Networks of one "
                    "architecture are equally fast and share one mark: the best of them, with a "
                    f"line to the worst. Intervals of {first.short_label} are in the tables. "
                    "Methods without times, such as folders of finished images, are left out."
                    f"{_marks(results, [first])}",
                    figure,
                )
    for view in views:
        if any(not is_reference(m) for m in view.pixels):
            where = "a chosen region" if view.box else "where the methods disagree most"
            yield Drawn(
                safe_stem(f"crops_{view.dataset}_x{view.scale}_{view.image}"),
                f"Crops, {display_name(view.dataset)} {display_name(view.image)} ×{view.scale}",
                f"The same pixels of every method, {where}, each enlarged by a whole number "
                f"without interpolation. Scores are of the whole image. {_read_by(numbers[:3])}."
                f"{_trained(results, numbers[:3])}",
                draw_crops(results, view, numbers),
            )


def _lines(results: Results, scale: int, x: Facts, y: Facts | None) -> str:
    """What the marks and lines of a plane are."""
    used: dict[str, list[str]] = {}
    for dataset, at, frame in results.groups():
        if y is not None and at == scale and (to := baseline_of(frame, x, y)):
            used.setdefault(display_name(to), []).append(display_name(dataset))
    told = [f"{to} on {', '.join(where)}" for to, where in used.items()]
    baseline = next(iter(used), "") if len(used) < 2 else ", ".join(told)
    return (
        "Means over images. Lines: 95 % bootstrap intervals of the paired difference to "
        f"{baseline} over images. "
    )


def _marks(results: Results, shown: Sequence[Facts]) -> str:
    """The meaning of the marks in a figure with means of these metrics."""
    fewer = any(
        incomplete(select(frame, metric=f.name, protocol=f.protocol))
        for _, _, frame in results.groups()
        for f in shown
    )
    said = f" {FEWER} mean over fewer images than of other methods." if fewer else ""
    return _trained(results, shown) + said


def _trained(results: Results, shown: Sequence[Facts]) -> str:
    """The meaning of the dagger, if a method was trained on one of these metrics."""
    methods = set(zip(results.scores["method"], results.scores["scale"], strict=True))
    marks = (trained_mark(results.run, m, s, f.name) for m, s in methods for f in shown)
    return " † trained on this metric." if any(marks) else ""


def _corner(x: Facts, y: Facts | None) -> str:
    """The direction in which both metrics are better."""
    if y is None or x.better is None or y.better is None:
        return ""
    place = "upper" if y.better == "higher" else "lower"
    place += " right" if x.better == "higher" else " left"
    return f"Towards the {place} is better in both. "


def _read_by(numbers: Sequence[Facts]) -> str:
    """``PSNR and SSIM: protocol MATLAB; LPIPS (AlexNet)``."""
    luma = [facts for facts in numbers if facts.protocol in PROTOCOLS]
    said = []
    if luma:
        said.append(f"{' and '.join(f.short_label for f in luma)}: protocol {luma[0].under}")
    return "; ".join([*said, *(f.with_protocol for f in numbers if f not in luma)])
