"""Luma and SSIM as xiph/daala's tools compute them: what the SRGAN paper printed.

``png2y4m`` makes the luma (BT.709, dithered, chosen with the chroma in mind), ``dump_ssim -r -y``
the SSIM. The luma takes five steps: 8 bit become 16 (1); every 2x2 block draws its dither (2),
which is added to R, G, B (3); the block's chroma is rounded to 8 bit (4); and each pixel gets the
luma that, with this chroma, gives back its R, G, B best (5).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..imaging.luma import Image, Luma
from .dither import dither_offsets, divide_rounding
from .psnr import require_same_shape
from .windows import sliding_moments, tile_sums

_Integers = NDArray[np.int64]


# Rows of luma that are made at a time: what they take stays in a core's cache.
_ROWS = 64


def daala_luma(image: Image) -> Luma:
    """The luma plane that ``png2y4m`` writes for ``image``, as whole numbers in float64.

    ``image`` is uint8 of shape (H, W, 3), already cropped: the dither starts anew at its corner.
    """
    height, width = image.shape[:2]
    rows, columns = (height + 1) // 2, (width + 1) // 2
    offsets = dither_offsets(rows * columns).reshape(rows, columns, 2, 2, 3)
    plane = np.empty((height, width))
    for top in range(0, height, _ROWS):
        strip = image[top : top + _ROWS]
        rgb = _dithered(strip, offsets[top // 2 : (top + _ROWS) // 2])
        luma = _nearest_luma(rgb, _chroma(rgb))
        plane[top : top + _ROWS] = luma[: len(strip), :width]
    return plane


def _dithered(image: Image, offsets: NDArray[np.int16]) -> _Integers:
    """Steps 1 to 3: 16-bit RGB with dither, int64 of shape (3, H, W), both even."""
    height, width = image.shape[:2]
    rows, columns = offsets.shape[:2]
    offsets = offsets.transpose(4, 0, 2, 1, 3).reshape(3, 2 * rows, 2 * columns)
    rgb = np.empty(offsets.shape, dtype=np.int64)
    rgb[:, :height, :width] = image.transpose(2, 0, 1).astype(np.int64) * 257
    rgb[:, :height, :width] += offsets[:, :height, :width]
    # Missing pixels repeat the present ones, dither included.
    rgb[:, :, width:] = rgb[:, :, width - 1 : width]
    rgb[:, height:] = rgb[:, height - 1 : height]
    return rgb


def _chroma(rgb: _Integers) -> _Integers:
    """Step 4, and the chroma's part in R, G, B of step 5: int64 of the image's shape."""
    rows = rgb[:, 0::2] + rgb[:, 1::2]
    red, green, blue = rows[..., 0::2] + rows[..., 1::2]
    cb = divide_rounding(-29764 * red - 100128 * green + 129892 * blue, 304016865) + 128
    cr = divide_rounding(110236 * red - 100128 * green - 10108 * blue, 258011295) + 128
    cb, cr = np.clip(cb, 0, 255) - 128, np.clip(cr, 0, 255) - 128
    parts = np.stack(
        [
            4490222169144 * cr,
            -534117096223 * cb - 1334761232047 * cr,
            5290866304968 * cb,
        ]
    )
    return parts.repeat(2, axis=1).repeat(2, axis=2)


def _nearest_luma(rgb: _Integers, chroma: _Integers) -> _Integers:
    """Step 5: of the two candidates the luma that reconstructs R, G, B better."""
    red, green, blue = (rgb * 9745792000 - chroma + 4096) >> 13
    weighted = 1063 * red + 3576 * green + 361 * blue
    low = np.clip(weighted // 1780026171875, -16, 238)

    def squared_error(luma: _Integers) -> _Integers:
        total = np.zeros_like(luma)
        # Half the divisor is added to round. What is negative is clipped, however it is rounded.
        light = 2916394880000 * luma + 9745792000 // 2
        for plane, part in zip(rgb, chroma, strict=True):
            shown = np.clip((light + part) // 9745792000, 0, 65535)
            total += (plane - shown) ** 2
        return total

    error_low, error_high = squared_error(low), squared_error(low + 1)
    takes_high = (error_high < error_low) | ((error_high == error_low) & (low % 2 == 1))
    return low + takes_high + 16


class DaalaSsimReference:
    """An original's luma with its moments, for :meth:`score` of many SR images.

    ``hr`` is float64 of shape (H, W) on the 0..255 scale, already cropped.

    Weights and luma are whole numbers, so all moments are exact in float64.
    """

    def __init__(self, hr: Luma) -> None:
        self._weights = _window(*hr.shape)
        self._hr = self._padded(hr)
        self._total = np.empty_like(hr)
        self._mean = np.empty_like(hr)
        self._square = np.empty_like(hr)
        ones = self._padded(np.ones_like(hr))
        for place, total, _, mean in sliding_moments(ones, self._hr, self._weights):
            self._total[place], self._mean[place] = total, mean
        for place, _, square, _ in sliding_moments(self._hr, self._hr, self._weights):
            self._square[place] = square

    def _padded(self, plane: Luma) -> Luma:
        # Zeros outside add nothing to any sum: the window is cut at the border.
        return np.pad(plane, len(self._weights) // 2)

    def score(self, sr: Luma) -> float:
        """``dump_ssim -r -y`` of ``sr`` against the original; 1 if identical.

        Raises:
            SizeMismatch: the planes differ in shape.
        """
        require_same_shape(sr, self._total)
        result = 0.0
        for place, mean, square, product in sliding_moments(
            self._padded(sr), self._hr, self._weights
        ):
            total, hr_mean = self._total[place], self._mean[place]
            means = mean * hr_mean
            squares = mean**2 + hr_mean**2
            variances = total * (square + self._square[place]) - squares
            c1, c2 = (0.01 * 255 * total) ** 2, (0.03 * 255 * total) ** 2
            similarity = total * (2 * means + c1) * (2 * (total * product - means) + c2)
            similarity /= (squares + c1) * (variances + c2)
            for part in tile_sums(similarity, self._weights):
                result += part
        return result / float(self._total.sum())


def _window(height: int, width: int) -> Luma:
    """The Gaussian in whole weights that sum to 256; its sigma grows with the height."""
    sigma = 1.5 * height / 256
    inside = math.sqrt(math.pi / 2) * sigma / 256
    half = math.floor(sigma * math.sqrt(-2 * math.log(inside))) if inside < 1 else 0
    half = min(half, height - 1, width - 1)
    offsets = np.arange(1, half + 1)
    density = np.exp(-(offsets**2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
    side = np.floor(256 * density + 0.5)
    return np.concatenate([side[::-1], [256 - 2 * side.sum()], side])
