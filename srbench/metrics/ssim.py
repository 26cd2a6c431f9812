"""Structural similarity of Wang, Bovik, Sheikh and Simoncelli (2004)."""

from __future__ import annotations

import numpy as np

from ..errors import SizeMismatch
from ..imaging.luma import Luma
from .psnr import require_same_shape
from .windows import sliding_moments, tile_sums

WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

_offsets = np.arange(WINDOW) - WINDOW // 2
_density = np.exp(-(_offsets**2) / (2 * _SIGMA**2))
_WEIGHTS = _density / _density.sum()


class SsimReference:
    """An original's luma with its SSIM moments, computed once for many SR images.

    ``hr`` is float64 of shape (H, W) on the 0..255 scale, already cropped, at least 11x11.

    Raises:
        SizeMismatch: the plane is smaller than the window.
    """

    def __init__(self, hr: Luma) -> None:
        if min(hr.shape) < WINDOW:
            raise SizeMismatch(
                f"image is {hr.shape[1]}x{hr.shape[0]} after cropping, smaller than "
                f"the {WINDOW}x{WINDOW} window of SSIM"
            )
        self._hr = hr
        self._mean = np.empty((hr.shape[0] - WINDOW + 1, hr.shape[1] - WINDOW + 1))
        self._variance = np.empty_like(self._mean)
        for place, (mean, square) in sliding_moments(hr, None, _WEIGHTS):
            self._mean[place] = mean
            self._variance[place] = square - mean**2

    def score(self, sr: Luma) -> float:
        """The mean SSIM of ``sr``, of the original's shape, over the valid area; 1 if identical.

        11x11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, L = 255, population covariance.

        Raises:
            SizeMismatch: the planes differ in shape.

        Source: Wang et al. 2004, eq. 13, and the authors' ``ssim.m``.
        """
        require_same_shape(sr, self._hr)
        total = 0.0
        for place, (mean, square, product) in sliding_moments(sr, self._hr, _WEIGHTS):
            hr_mean, hr_variance = self._mean[place], self._variance[place]
            means = mean * hr_mean
            squares = mean**2
            similarity = (2 * means + _C1) * (2 * (product - means) + _C2)
            similarity /= (squares + hr_mean**2 + _C1) * (square - squares + hr_variance + _C2)
            for part in tile_sums(similarity, _WEIGHTS):
                total += part
        return total / self._mean.size
