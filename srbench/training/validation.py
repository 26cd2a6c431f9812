"""How good the network is so far: scores on a data set, and crops of its images over the steps."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ..data.folder import Dataset
from ..imaging import crop_to_multiple, imresize, read_image, write_png
from ..imaging.luma import Image
from ..methods.network import NetworkMethod
from ..metrics.protocols import get_protocol
from ..report.style import figure_style, new_figure, safe_stem, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROTOCOL = "ledig2017"
SAMPLES = 2  # images of which crops are kept
SIDE = 160  # pixels of a crop
_DPI, _GAP, _CAPTION, _MOST = 200, 8, 34, 7


class Validation:
    """PSNR and SSIM on a data set, and crops of its first images as training goes on.

    Args:
        dataset: the images.
        scale: the network's.
        samples: the folder for the crops, ``<image>/<step>.png`` and ``<image>/HR.png``.
        device: where the network runs.
    """

    def __init__(self, dataset: Dataset, scale: int, samples: Path, device: torch.device) -> None:
        self._name, self._scale, self._samples, self._device = dataset.name, scale, samples, device
        self._pairs: list[tuple[str, Image, Image]] = []
        for image in dataset.ids:
            hr = crop_to_multiple(dataset.read(image), scale)
            lr = imresize(hr, Fraction(1, scale), border="replicate")
            self._pairs.append((safe_stem(image), lr, hr))
        self.last: Mapping[str, float] = {}

    def __call__(self, network: nn.Module, step: int) -> Mapping[str, float]:
        """Means over the data set by name, ``<data set>_psnr_y`` and ``<data set>_ssim_y``."""
        method = NetworkMethod("trained", self._scale, "", lambda: network, str(self._device))
        scores = []
        for index, (image, lr, hr) in enumerate(self._pairs):
            sr = method.upscale(lr)
            scores.append(get_protocol(PROTOCOL).prepare(hr, self._scale).score(sr))
            if index < SAMPLES:
                write_png(self._samples / image / f"{step:07d}.png", _middle(sr))
        self.last = {
            f"{self._name.lower()}_{metric}": float(np.mean([score[metric] for score in scores]))
            for metric in ("psnr_y", "ssim_y")
        }
        return self.last

    def draw_strips(self) -> None:
        """Write one figure per sample image, ``<image>.png|pdf``, after the paper's Fig. 8."""
        for image, _, hr in self._pairs[:SAMPLES]:
            crops = sorted((self._samples / image).glob("[0-9]*.png"))
            if not crops:
                continue
            write_png(self._samples / image / "HR.png", _middle(hr))
            # Evenly spread over the run, with the first and the last.
            chosen = np.unique(np.linspace(0, len(crops) - 1, _MOST - 1).round().astype(int))
            tiles = {f"{int(crops[k].stem):,}": read_image(crops[k]) for k in chosen}
            save_figure(draw_strip(tiles | {"HR": _middle(hr)}), self._samples, image)


def draw_strip(tiles: Mapping[str, Image]) -> Figure:
    """Pictures of one size side by side above their captions, drawn pixel by pixel in the PNG."""
    height, width = next(iter(tiles.values())).shape[:2]
    across = len(tiles) * (width + _GAP) + _GAP + 0.5  # half a pixel keeps rounding from losing one
    down = height + 2 * _GAP + _CAPTION + 0.5
    with figure_style():
        figure = new_figure(across / _DPI, down / _DPI)
        for slot, (caption, tile) in enumerate(tiles.items()):
            left = _GAP + slot * (width + _GAP)
            box = (left / across, (_GAP + _CAPTION) / down, width / across, height / down)
            axes = figure.add_axes(box)
            axes.set_axis_off()
            pixels = tile if tile.ndim == 3 else np.repeat(tile[..., None], 3, 2)
            axes.imshow(pixels, interpolation="none", aspect="auto")
            figure.text(
                (left + width / 2) / across,
                (_CAPTION + _GAP / 2) / down,
                f"step {caption}" if slot == 0 and caption != "HR" else caption,
                ha="center",
                va="top",
                fontsize=8,
            )
    return figure


def _middle(image: Image) -> Image:
    top, left = (max((n - SIDE) // 2, 0) for n in image.shape[:2])
    return np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])
