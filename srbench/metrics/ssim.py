"""Structural similarity of Wang, Bovik, Sheikh and Simoncelli (2004)."""

from __future__ import annotations

import numpy as np

from ..errors import SizeMismatch
from ..imaging.luma import Luma
from .psnr import require_same_shape
from .windows import windowed_sum

WINDOW = 11
_SIGMA = 1.5
_C1 = (0.01 * 255) ** 2
_C2 = (0.03 * 255) ** 2

_offsets = np.arange(WINDOW) - WINDOW // 2
_WEIGHTS = np.exp(-(_offsets**2) / (2 * _SIGMA**2))
_WEIGHTS /= _WEIGHTS.sum()


class SsimReference:
    """An original's luma with its SSIM moments, computed once for all that is held against it.

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
        self._mean = windowed_sum(hr, _WEIGHTS)
        self._mean_squared = self._mean**2
        self._variance = windowed_sum(hr**2, _WEIGHTS) - self._mean_squared

    def score(self, sr: Luma) -> float:
        """The mean SSIM of ``sr``, of the original's shape, over the valid area; 1 if identical.

        11x11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, L = 255, population covariance.

        Raises:
            SizeMismatch: the planes differ in shape.

        Source: Wang et al. 2004, eq. 13, and the authors' ``ssim.m``.
        """
        require_same_shape(sr, self._hr)
        mean = windowed_sum(sr, _WEIGHTS)
        product = mean * self._mean
        covariance = windowed_sum(sr * self._hr, _WEIGHTS) - product
        squares = mean**2
        variance = windowed_sum(sr**2, _WEIGHTS) - squares
        similarity = (2 * product + _C1) * (2 * covariance + _C2)
        similarity /= (squares + self._mean_squared + _C1) * (variance + self._variance + _C2)
        return float(similarity.mean())


def ssim(sr: Luma, hr: Luma) -> float:
    """The mean SSIM of two cropped luma planes, as :meth:`SsimReference.score` states."""
    return SsimReference(hr).score(sr)
