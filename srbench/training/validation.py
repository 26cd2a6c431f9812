"""Validation of a network: scores on some images, and crops of them over the steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..data.folder import Dataset
from ..files import safe_stem
from ..imaging import crop_to_multiple, imresize, write_png
from ..imaging.luma import Image
from ..methods.network import NetworkMethod
from ..metrics.artefacts import artefacts
from ..metrics.lpips_network import Lpips
from ..metrics.protocols import get_protocol

PROTOCOL = "ledig2017"
SAMPLES = 2  # number of images with saved crops
SIDE = 160  # size of a crop in pixels

Scores = tuple[float, float]
"""PSNR in dB and SSIM."""


class Validation:
    """The scores of a network on some images, and crops of the first ones during training.

    Args:
        name: the name of the images in the results.
        images: names and pixels of the originals.
        scale: the network's.
        device: the device of the network.
        samples: the folder for the crops, ``<image>/<step>.png`` and ``<image>/HR.png``;
            ``srbench evolution`` draws them.
        lpips: the distance to measure too, if any.
    """

    def __init__(
        self,
        name: str,
        images: Iterable[tuple[str, Image]],
        scale: int,
        device: torch.device,
        samples: Path | None = None,
        lpips: Lpips | None = None,
    ) -> None:
        self._name, self._scale, self._samples, self._device = name, scale, samples, device
        self._pairs = list(_pairs(images, scale))
        self._lpips = lpips
        for image, _, hr in self._pairs[:SAMPLES]:
            self._keep(image, "HR", hr)

    def __call__(self, network: nn.Module, step: int) -> Mapping[str, float]:
        """By name: ``<images>_psnr_y``, ``_ssim_y``, ``_lpips_alex`` as means over the images,
        and ``_grid``, ``_grid_max``, ``_colour``, ``_colour_max``
        (:func:`~srbench.metrics.artefacts.artefacts`).
        """
        method = NetworkMethod("trained", self._scale, "", lambda: network, str(self._device))
        scores: list[dict[str, float]] = []
        pairs: list[tuple[Image, Image]] = []
        for index, (image, lr, hr) in enumerate(self._pairs):
            sr = method.upscale(lr)
            score = _score(sr, hr, self._scale)
            if self._lpips:
                score[self._lpips.metric] = self._lpips.distance(self._lpips.prepare(hr), sr)
            scores.append(score)
            pairs.append((sr, hr))
            if index < SAMPLES:
                self._keep(image, f"{step:07d}", sr)
        found = _means(scores) | artefacts(pairs)
        return {f"{self._name}_{metric}": value for metric, value in found.items()}

    def _keep(self, image: str, name: str, pixels: Image) -> None:
        if self._samples is not None:
            write_png(self._samples / safe_stem(image) / f"{name}.png", middle(pixels))


def scores_on(
    dataset: Dataset, network: nn.Module | None, scale: int, device: torch.device
) -> list[Scores]:
    """The scores of a network (None: bicubic) on each image of a set, protocol ``ledig2017``."""
    if network is None:
        enlarge = partial(imresize, scale=Fraction(scale), border="replicate")
    else:
        enlarge = NetworkMethod("trained", scale, "", lambda: network, str(device)).upscale
    scores = []
    for _, lr, hr in _pairs(((image, dataset.read(image)) for image in dataset.ids), scale):
        score = _score(enlarge(lr), hr, scale)
        scores.append((score["psnr_y"], score["ssim_y"]))
    return scores


def _pairs(images: Iterable[tuple[str, Image]], scale: int) -> Iterator[tuple[str, Image, Image]]:
    for name, image in images:
        hr = crop_to_multiple(image, scale)
        yield name, imresize(hr, Fraction(1, scale), border="replicate"), hr


def _score(sr: Image, hr: Image, scale: int) -> dict[str, float]:
    score = get_protocol(PROTOCOL).prepare(hr, scale).score(sr)
    return {metric: score[metric] for metric in ("psnr_y", "ssim_y")}


def _means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {metric: float(np.mean([score[metric] for score in scores])) for metric in scores[0]}


def middle(image: Image) -> Image:
    """The saved central crop of a sample."""
    top, left = (max((n - SIDE) // 2, 0) for n in image.shape[:2])
    return np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])
