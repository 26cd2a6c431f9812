"""Run a network on images: folded, channels-last, float32, and in tiles for large images."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import MethodError
from ..imaging.luma import Image, to_rgb
from ..models.device import full_precision, out_of_memory_told, pick_device
from ..models.layers import to_device

TILE = 256
"""LR pixels of a tile in each direction; with the overlap this limits the memory."""

OVERLAP = 32
"""LR pixels of context on each side of a tile, discarded afterwards, so that no seams appear."""


def fold(network: nn.Module) -> nn.Module:
    """A copy for inference without gradients: the same function up to float rounding.

    Batch normalisation is folded into the preceding convolution. A PReLU with one slope works in
    place, because nothing else reads the convolution's output.
    """
    network = copy.deepcopy(network).eval().requires_grad_(False)
    for parent in network.modules():
        names = list(parent._modules)
        for first, second in itertools.pairwise(names):
            conv, norm = parent._modules[first], parent._modules[second]
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                parent._modules[first] = fuse_conv_bn_eval(conv, norm)
                parent._modules[second] = nn.Identity()
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.PReLU) and module.num_parameters == 1:
                slope = float(module.weight)
                setattr(parent, name, nn.LeakyReLU(slope, inplace=True))
    return network


class Inference:
    """A network prepared for images.

    Args:
        name: the method's name, for messages.
        network: from RGB (N, 3, H, W) in [0, 1] to SR; it is copied and not changed.
        scale: SR size divided by LR size.
        device: as for :func:`~srbench.models.device.pick_device`.
        signed: whether the output is in [-1, 1] (True) or [0, 1].
        ensemble: whether SR is the mean over the eight flips and rotations of LR, transformed back
            and averaged before rounding: the literature's "+" (Timofte et al., CVPR 2016).
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        scale: int,
        device: str,
        *,
        signed: bool,
        ensemble: bool = False,
    ) -> None:
        self._name, self._scale, self._signed = name, scale, signed
        self._ensemble = ensemble
        self._device = pick_device(device)
        with out_of_memory_told(name, self._device):
            self._network = to_device(fold(network), self._device)
            # Wait for the first pass, which selects kernels and allocates memory, so that it does
            # not count as time of the first image.
            with torch.inference_mode(), full_precision():
                self._network(torch.zeros(1, 3, 32, 32, device=self._device)).cpu()

    def upscale(self, lr: Image) -> Image:
        """See :meth:`srbench.methods.network.NetworkMethod.upscale`."""
        sr = self._tiled(np.ascontiguousarray(to_rgb(lr)))
        if lr.ndim == 2:
            return np.floor(sr.mean(axis=2) + 0.5).astype(np.uint8)
        return sr

    def _tiled(self, lr: Image) -> Image:
        height, width, scale = *lr.shape[:2], self._scale
        sr = np.empty((height * scale, width * scale, 3), np.uint8)
        for top, bottom in _spans(height):
            for left, right in _spans(width):
                y, x = max(top - OVERLAP, 0), max(left - OVERLAP, 0)
                tile = self._whole(lr[y : bottom + OVERLAP, x : right + OVERLAP])
                sr[top * scale : bottom * scale, left * scale : right * scale] = tile[
                    (top - y) * scale : (bottom - y) * scale,
                    (left - x) * scale : (right - x) * scale,
                ]
        return sr

    @torch.inference_mode()
    def _whole(self, lr: Image) -> Image:
        tile = f"{self._name} on a tile of {lr.shape[1]}x{lr.shape[0]}"
        with out_of_memory_told(tile, self._device), full_precision():
            pixels = torch.from_numpy(lr.copy()).to(self._device).permute(2, 0, 1)[None]
            sr = self._enlarged(pixels.float().div_(255.0))
            levels = sr.add_(1.0).mul_(127.5) if self._signed else sr.mul_(255.0)
            if not math.isfinite(float(levels.sum())):  # as pixels, NaN would be black
                raise MethodError(
                    f"{tile} gives NaN or infinite values; its checkpoint is damaged, or its "
                    "training diverged"
                )
            return levels[0].round_().clamp_(0, 255).permute(1, 2, 0).to(torch.uint8).cpu().numpy()

    def _enlarged(self, lr: torch.Tensor) -> torch.Tensor:
        if not self._ensemble:
            return self._network(lr)
        total: torch.Tensor | None = None
        for mirrored, turns in itertools.product((False, True), range(4)):
            seen = torch.rot90(lr.flip(3) if mirrored else lr, turns, (2, 3))
            sr = torch.rot90(self._network(seen), -turns, (2, 3))
            sr = sr.flip(3) if mirrored else sr
            total = sr.clone() if total is None else total.add_(sr)
        assert total is not None
        return total.div_(8.0)


def _spans(length: int) -> list[tuple[int, int]]:
    """The ranges of the tiles; an image slightly larger than a tile is not divided."""
    if length <= TILE + 2 * OVERLAP:
        return [(0, length)]
    return [(start, min(start + TILE, length)) for start in range(0, length, TILE)]
