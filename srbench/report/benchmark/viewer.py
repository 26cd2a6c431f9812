"""The data of "Compare images", the viewer on the page: embedded or from image files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from PIL import Image as PillowImage

from ...imaging.luma import Image
from ..kit.drawn import data_uri
from ..kit.style import canonical, display_name, format_value, is_reference, trained_mark
from .crop_figure import crop_box
from .crops import View, box_around, image_sizes
from .results import Results, means, select

# At four screen pixels per image pixel this fills a laptop's page with space for the controls; at
# one it fits a phone.
WIDTH, HEIGHT = 272, 160
_BYTES = 5_500_000  # of the page's 10 MB


def viewer_data(results: Results, views: Sequence[View]) -> list[dict[str, Any]]:
    """Regions of the chosen images in exact pixels, as many as the page size allows."""
    left = _BYTES
    shown: list[dict[str, Any]] = []
    for view in views:
        if len(view.pixels) < 2:
            continue
        height, width = next(iter(view.pixels.values())).shape[:2]
        box = box_around(crop_box(view), (HEIGHT, WIDTH), height, width)
        sources = {m: _webp(box.cut(pixels)) for m, pixels in view.pixels.items()}
        size = sum(map(len, sources.values()))
        if size > left:
            continue
        left -= size
        where = f"{box.width}×{box.height} pixels from ({box.left}, {box.top})"
        size_of = (box.width, box.height)
        shown.append(_entry(results, view.dataset, view.scale, view.image, where, size_of, sources))
    return shown


def every_image(results: Results) -> list[dict[str, Any]]:
    """All images of the results folder, complete, from their files.

    Raises:
        ImageError: an image is damaged, or its versions differ in size.
    """
    shown: list[dict[str, Any]] = []
    for dataset, scale, frame in results.groups():
        for image in sorted(set(frame["image"])):
            found = image_sizes(results, dataset, scale, image)
            if len(found) < 2:
                continue
            sources = {
                m: quote(path.relative_to(results.folder).as_posix())
                for m, (path, _) in found.items()
            }
            _, (width, height) = next(iter(found.values()))
            where = f"{width}×{height} pixels, the whole image"
            shown.append(_entry(results, dataset, scale, image, where, (width, height), sources))
    return shown


def _entry(
    results: Results,
    dataset: str,
    scale: int,
    image: str,
    where: str,
    size: tuple[int, int],
    sources: dict[str, str],
) -> dict[str, Any]:
    methods = sorted(sources, key=is_reference)  # the original last
    scores = select(results.scores, dataset=dataset, scale=scale, image=image)
    layers = [
        {
            "name": display_name(m) + (" (original)" if is_reference(m) else ""),
            "scores": "" if is_reference(m) else _score_line(results, scores, scale, m),
            "source": sources[m],
        }
        for m in methods
    ]
    return {
        "title": f"{display_name(dataset)} {display_name(image)} ×{scale}",
        "where": where,
        "width": size[0],
        "height": size[1],
        "layers": layers,
        "original": is_reference(methods[-1]),
        **_first_pair([canonical(m) for m in methods]),
    }


def _first_pair(methods: Sequence[str]) -> dict[str, int]:
    """The first comparison: the last method on the left, the original on the right.

    Without an original, bicubic or the first method replaces it.
    """
    if methods[-1] == "HR":
        right = len(methods) - 1
    else:
        right = methods.index("bicubic") if "bicubic" in methods else 0
    return {"left": [i for i in range(len(methods)) if i != right][-1], "right": right}


def _score_line(results: Results, scores: Any, scale: int, method: str) -> str:
    """``PSNR 27.28 dB · SSIM 0.8942 · LPIPS 0.0952``"""
    parts: list[str] = []
    for facts in results.numbers():
        own = select(scores, method=method, metric=facts.name, protocol=facts.protocol)
        value = means(own).get(method)
        if value is not None:
            unit = f" {facts.unit}" if facts.unit else ""
            mark = trained_mark(results.run, method, scale, facts.name)
            parts.append(f"{facts.short_label} {format_value(value, facts.decimals)}{mark}{unit}")
    return " · ".join(parts)


def _webp(image: Image) -> str:
    """Lossless WebP, a quarter smaller than PNG."""
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, format="WEBP", lossless=True, quality=60, method=4)
    return data_uri("image/webp", buffer.getvalue())
