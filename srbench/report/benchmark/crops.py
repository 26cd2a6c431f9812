"""Choose the images and regions to show, and read their pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError, ResultsError
from ...imaging import probe_image, read_image, to_rgb
from ...imaging.luma import Image
from ..kit.style import is_reference, method_order
from .results import CropBox, Results, select, without_reference


@dataclass(frozen=True)
class Box:
    """A region in pixels of the original."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, image: Image) -> Image:
        """The region of an image of shape (H, W, ...)."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True)
class View:
    """One image in the version of every method: ``pixels`` maps method to uint8 (H, W, 3), HR
    first.

    ``box`` is the region that the user chose, if any.
    """

    dataset: str
    scale: int
    image: str
    pixels: dict[str, Image]
    box: Box | None = None

    @property
    def title(self) -> str:
        return f"{self.dataset}/{self.image} ×{self.scale}"


def views(results: Results, *, per_group: int = 2, at_most: int = 6) -> list[View]:
    """The images to show: those that the user chose, then those where the methods differ most.

    Up to ``per_group`` per data set and scale and ``at_most`` in total, from the data sets in turn.

    Raises:
        ResultsError: a chosen image or region does not exist.
        ImageError: an image of the results folder is damaged.
    """
    chosen = [_chosen_view(results, crop) for crop in results.crops]
    taken = {(v.dataset, v.scale, v.image) for v in chosen}
    ranked = [
        [(dataset, scale, image) for image in _by_disagreement(results, dataset, scale)]
        for dataset, scale, _ in results.groups()
    ]
    turns = [group[i] for i in range(per_group) for group in ranked if i < len(group)]
    found: list[View] = list(chosen)
    for dataset, scale, image in turns:
        if len(found) >= at_most:
            break
        if (dataset, scale, image) not in taken:
            view = _load(results, dataset, scale, image)
            if len(view.pixels) > 1:
                found.append(view)
    return found


def _by_disagreement(results: Results, dataset: str, scale: int) -> list[str]:
    """Images by the spread of their scores over methods (LPIPS if available), largest first."""
    here = without_reference(select(results.scores, dataset=dataset, scale=scale))
    first, second = results.axes()
    for facts in (second, first):
        own = select(here, metric=facts.name, protocol=facts.protocol) if facts else here[:0]
        if len(own):
            break
    here = own
    # Nearest neighbour is far from all other methods in every image and would dominate the choice.
    others = set(here["method"]) - {"nearest"}
    spread: dict[str, float] = {}
    for image, rows in here.groupby("image"):
        kept = [
            float(value)
            for method, value in zip(rows["method"], rows["value"], strict=True)
            if np.isfinite(value) and (method in others or len(others) < 2)
        ]
        if kept:
            spread[str(image)] = max(kept) - min(kept)
    return sorted(spread, key=lambda image: (-spread[image], image))


def _load(results: Results, dataset: str, scale: int, image: str, box: Box | None = None) -> View:
    names = ["HR", *results.methods()]
    pixels: dict[str, Image] = {}
    for method in names:
        path = results.image_path(dataset, scale, method, image)
        if path is not None:
            pixels[method] = to_rgb(read_image(path))
    sizes = {m: p.shape for m, p in pixels.items()}
    if len(set(sizes.values())) > 1:
        odd = next(m for m, s in sizes.items() if s != next(iter(sizes.values())))
        raise ImageError(
            f"images/{dataset}/x{scale}: {image}.png is {_size(pixels[odd])} by '{odd}' but "
            f"{_size(next(iter(pixels.values())))} by '{next(iter(pixels))}'; run again"
        )
    return View(dataset, scale, image, pixels, box)


def image_sizes(
    results: Results, dataset: str, scale: int, image: str
) -> dict[str, tuple[Path, tuple[int, int]]]:
    """One image's files by method, HR first, with their common width and height.

    Raises:
        ImageError: a file is damaged, or the sizes differ.
    """
    found: dict[str, tuple[Path, tuple[int, int]]] = {}
    for method in ("HR", *results.methods()):
        path = results.image_path(dataset, scale, method, image)
        if path is not None:
            height, width = probe_image(path)[:2]
            found[method] = path, (width, height)
    if len({size for _, size in found.values()}) > 1:
        told = ", ".join(f"{w}x{h} by '{m}'" for m, (_, (w, h)) in found.items())
        raise ImageError(f"images/{dataset}/x{scale}: {image}.png is {told}; run again")
    return found


def _size(image: Image) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"


def view_of(
    results: Results, dataset: str, scale: int, image: str, box: Sequence[int] | None
) -> View:
    """One image by every method; ``box`` is the region to show (left, top, width, height).

    Raises:
        ResultsError: the folder has no such image, or the region is not inside it.
        ImageError: an image is damaged.
    """
    if box is not None:
        try:
            left, top, width, height = (int(number) for number in box)
        except (TypeError, ValueError):
            raise ResultsError(
                f"the crop is {box!r}, expected (left, top, width, height) in pixels"
            ) from None
        return _chosen_view(results, CropBox(dataset, image, left, top, width, height), scale)
    view = _load(results, dataset, scale, image)
    if len(view.pixels) < 2:
        raise ResultsError(
            f"{results.name} has {len(view.pixels)} versions of {dataset}/{image} x{scale}, a "
            "comparison needs two"
        )
    return view


def _chosen_view(results: Results, crop: CropBox, scale: int | None = None) -> View:
    scales = [
        s
        for d, s, f in results.groups()
        if d == crop.dataset and crop.image in set(f["image"]) and scale in (None, s)
    ]
    view = _load(results, crop.dataset, scales[0], crop.image) if scales else None
    if view is None or not view.pixels:
        raise ResultsError(
            f"the crop names {crop.dataset}/{crop.image}, which {results.name} does not contain"
        )
    height, width = next(iter(view.pixels.values())).shape[:2]
    box = Box(crop.left, crop.top, crop.width, crop.height)
    if (
        min(box.left, box.top) < 0
        or min(box.width, box.height) < 1
        or box.left + box.width > width
        or box.top + box.height > height
    ):
        raise ResultsError(
            f"the crop {[box.left, box.top, box.width, box.height]} (left, top, width, height) "
            f"leaves {crop.dataset}/{crop.image}, which is {width}x{height}"
        )
    return View(view.dataset, view.scale, view.image, view.pixels, box)


def busiest_box(view: View, side: int) -> Box:
    """The region of at most ``side`` x ``side`` pixels where the methods differ most.

    The criterion is the variance over methods, without the original and, if others remain, without
    nearest neighbour, summed over channels and the region. Ties: the top left one.
    """
    methods = [m for m in view.pixels if not is_reference(m)]
    others = [m for m in methods if m != "nearest"]
    stack = _stack(view, others if len(others) > 1 else methods or list(view.pixels))
    if len(stack) == 1 and "HR" in view.pixels:  # a single method is compared with the original
        stack = np.concatenate([stack, _stack(view, ["HR"])])
    disagreement = stack.var(axis=0).sum(axis=-1)
    height, width = disagreement.shape
    rows, columns = min(side, height), min(side, width)
    total = np.zeros((height + 1, width + 1))
    total[1:, 1:] = disagreement.cumsum(0).cumsum(1)
    sums = (
        total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns]
        + total[:-rows, :-columns]
    )  # fmt: skip
    top, left = np.unravel_index(int(np.argmax(sums.round(3))), sums.shape)
    return Box(int(left), int(top), columns, rows)


def _stack(view: View, methods: Iterable[str]) -> NDArray[np.float32]:
    ordered = sorted(methods, key=method_order)
    return np.stack([view.pixels[m] for m in ordered]).astype(np.float32)


def box_around(box: Box, most: tuple[int, int], height: int, width: int) -> Box:
    """A region of at most ``most`` (height, width) centred on ``box``, inside the image."""
    rows, columns = min(most[0], height), min(most[1], width)
    top = min(max(box.top + box.height // 2 - rows // 2, 0), height - rows)
    left = min(max(box.left + box.width // 2 - columns // 2, 0), width - columns)
    return Box(left, top, columns, rows)


def enlarge(image: Image, times: int) -> Image:
    """Repeat every pixel ``times`` x ``times``."""
    return image.repeat(times, axis=0).repeat(times, axis=1)
