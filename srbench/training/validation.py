"""How good the network is so far: scores on a data set, and crops of its images over the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..data.folder import Dataset
from ..files import safe_stem
from ..imaging import crop_to_multiple, imresize, write_png
from ..imaging.luma import Image
from ..methods.network import NetworkMethod
from ..metrics.lpips import Lpips
from ..metrics.protocols import get_protocol

PROTOCOL = "ledig2017"
SAMPLES = 2  # images of which crops are kept
SIDE = 160  # pixels of a crop


class Validation:
    """PSNR, SSIM and LPIPS on a data set, and crops of its first images as training goes on.

    Args:
        dataset: the images.
        scale: the network's.
        samples: the folder for the crops, ``<image>/<step>.png``; ``srbench evolution`` draws them.
        device: where the network runs.
        lpips: the distance to measure too, if any.
    """

    def __init__(
        self,
        dataset: Dataset,
        scale: int,
        samples: Path,
        device: torch.device,
        lpips: Lpips | None = None,
    ) -> None:
        self._name, self._scale, self._samples, self._device = dataset.name, scale, samples, device
        self._pairs = list(_pairs(dataset, scale))
        self._lpips = lpips

    def __call__(self, network: nn.Module, step: int) -> Mapping[str, float]:
        """Means over the data set by name: ``<data set>_psnr_y``, ``_ssim_y``, ``_lpips_alex``."""
        method = NetworkMethod("trained", self._scale, "", lambda: network, str(self._device))
        scores = []
        for index, (image, lr, hr) in enumerate(self._pairs):
            sr = method.upscale(lr)
            score = _score(sr, hr, self._scale)
            if self._lpips:
                score[self._lpips.metric] = self._lpips.distance(self._lpips.prepare(hr), sr)
            scores.append(score)
            if index < SAMPLES:
                stem = safe_stem(image)
                write_png(self._samples / stem / f"{step:07d}.png", middle(sr))
        name = self._name.lower()
        return {f"{name}_{metric}": value for metric, value in _means(scores).items()}


def bicubic_scores(dataset: Dataset, scale: int) -> dict[str, float]:
    """What bicubic enlargement reaches in the same validation: means of psnr_y and ssim_y."""
    scores = []
    for _, lr, hr in _pairs(dataset, scale):
        sr = imresize(lr, Fraction(scale), border="replicate")
        scores.append(_score(sr, hr, scale))
    return _means(scores)


def _pairs(dataset: Dataset, scale: int) -> Iterator[tuple[str, Image, Image]]:
    for image in dataset.ids:
        hr = crop_to_multiple(dataset.read(image), scale)
        yield image, imresize(hr, Fraction(1, scale), border="replicate"), hr


def _score(sr: Image, hr: Image, scale: int) -> dict[str, float]:
    score = get_protocol(PROTOCOL).prepare(hr, scale).score(sr)
    return {metric: score[metric] for metric in ("psnr_y", "ssim_y")}


def _means(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {metric: float(np.mean([score[metric] for score in scores])) for metric in scores[0]}


def middle(image: Image) -> Image:
    """The crop that is kept of a sample."""
    top, left = (max((n - SIDE) // 2, 0) for n in image.shape[:2])
    return np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])
