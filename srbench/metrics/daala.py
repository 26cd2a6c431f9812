"""Luma and SSIM of xiph/daala's tools, which the SRGAN paper used.

``png2y4m`` computes the luma (BT.709, dithered, adapted to the rounded chroma), ``dump_ssim -r -y``
the SSIM. The luma has five steps: convert 8 bit to 16 bit (1); draw the dither of every 2x2 block
(2); add it to R, G, B (3); round the block's chroma to 8 bit (4); and choose for each pixel the
luma that, with this chroma, reconstructs R, G, B best (5).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..imaging.luma import Image, Luma
from .dither import dither_offsets
from .psnr import require_same_shape
from .windows import sliding_moments, tile_sums

# Float64 holds every number below exactly, as all stay under 2^53, and is faster than int64. Its
# quotients are further from the next whole number than their rounding error.
_Whole = NDArray[np.float64]
_UNIT = 9745792000.0
_LUMA = 2916394880000.0

# Rows of 2x2 blocks that are converted at a time: their data stay in a core's cache.
_ROWS = 16


def daala_luma(image: Image) -> Luma:
    """The luma plane that ``png2y4m`` writes for ``image``, as whole numbers in float64.

    ``image`` is uint8 of shape (H, W, 3), already cropped, because the dither starts at its corner.
    """
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    # Everything has the axes RGB, row and column in the block, row and column of blocks.
    pixels = image.reshape(rows, 2, columns, 2, 3).transpose(4, 1, 3, 0, 2)
    plane = np.empty((rows, 2, columns, 2))
    # Reuse the memory: the system clears new memory, which takes longer than the computation.
    memory = np.empty((2, 3, 2, 2, min(rows, _ROWS), columns))
    for top in range(0, rows, _ROWS):
        part = np.s_[..., top : top + _ROWS, :]
        rgb, room = memory[..., : rows - top, :]
        offsets = dither_offsets(top * columns, min(top + _ROWS, rows) * columns)
        offsets = offsets.reshape(-1, columns, 2, 2, 3).transpose(4, 2, 3, 0, 1)
        # Copy, then convert: NumPy is far slower if it does both at once.
        rgb[...] = np.ascontiguousarray(pixels[part])
        rgb *= 257
        rgb += np.ascontiguousarray(offsets)
        # Missing pixels repeat existing ones, including their dither.
        if width % 2:
            rgb[:, :, 1, :, -1] = rgb[:, :, 0, :, -1]
        if height % 2 and top + _ROWS >= rows:
            rgb[:, 1, :, -1] = rgb[:, 0, :, -1]
        luma = _nearest_luma(rgb, _chroma(rgb), room)
        plane[top : top + _ROWS] = luma.transpose(2, 0, 3, 1)
    return plane.reshape(2 * rows, 2 * columns)[:height, :width]


def _chroma(rgb: _Whole) -> _Whole:
    """Step 4, and the chroma's part in R, G, B of step 5, which a block's pixels share."""
    red, green, blue = rgb[:, 0, 0] + rgb[:, 0, 1] + rgb[:, 1, 0] + rgb[:, 1, 1]
    # The divisors are odd, so that no quotient lies halfway between two whole numbers.
    cb = np.rint((-29764 * red - 100128 * green + 129892 * blue) / 304016865)
    cr = np.rint((110236 * red - 100128 * green - 10108 * blue) / 258011295)
    np.clip(cb, -128, 127, out=cb)
    np.clip(cr, -128, 127, out=cr)
    parts = np.empty((3, 1, 1, *red.shape))
    parts[0] = 4490222169144 * cr
    parts[1] = -534117096223 * cb - 1334761232047 * cr
    parts[2] = 5290866304968 * cb
    return parts


def _nearest_luma(rgb: _Whole, chroma: _Whole, room: _Whole) -> _Whole:
    """Step 5: of the two candidates the luma that reconstructs R, G, B better.

    ``room`` has the shape of ``rgb`` and is overwritten.
    """
    np.multiply(rgb, _UNIT, out=room)
    room -= chroma - 4096
    room /= 2**13
    red, green, blue = np.floor(room, out=room)
    low = 1063 * red
    low += np.multiply(green, 3576, out=green)
    low += np.multiply(blue, 361, out=blue)
    low /= 1780026171875
    np.clip(np.floor(low, out=low), -16, 238, out=low)

    def squared_error(luma: _Whole) -> _Whole:
        # Half the divisor is added to round. Negative results are clipped, so their rounding is
        # irrelevant.
        shown = np.add(chroma + _UNIT / 2, _LUMA * luma, out=room)
        shown /= _UNIT
        np.clip(np.floor(shown, out=shown), 0, 65535, out=shown)
        shown -= rgb
        shown *= shown
        return shown[0] + shown[1] + shown[2]

    error_low, error_high = squared_error(low), squared_error(low + 1)
    odd = (low.astype(np.int16) & 1).astype(np.bool_)
    low += (error_high < error_low) | ((error_high == error_low) & odd)
    low += 16
    return low


class DaalaSsimReference:
    """An original's luma with its moments, for :meth:`score` of many SR images.

    ``hr`` is float64 of shape (H, W) on the 0..255 scale, already cropped.

    Weights and luma are whole numbers, so all moments are exact in float64.
    """

    def __init__(self, hr: Luma) -> None:
        self._weights = _window(*hr.shape)
        self._hr = self._padded(hr)
        self._mean = np.empty_like(hr)
        self._square = np.empty_like(hr)
        for place, (mean, square) in sliding_moments(self._hr, None, self._weights):
            self._mean[place], self._square[place] = mean, square
        height, width = hr.shape
        self._total = np.outer(self._weights_inside(height), self._weights_inside(width))

    def _weights_inside(self, length: int) -> Luma:
        """At each place of a line of that length, the sum of the weights that are not cut."""
        return np.convolve(self._padded(np.ones(length)), self._weights, "valid")

    def _padded(self, plane: Luma) -> Luma:
        # Zeros outside do not change the sums: the window is truncated at the border.
        return np.pad(plane, len(self._weights) // 2)

    def score(self, sr: Luma) -> float:
        """``dump_ssim -r -y`` of ``sr`` against the original; 1 if identical.

        Raises:
            SizeMismatch: the planes differ in shape.
        """
        require_same_shape(sr, self._total)
        result = 0.0
        padded = self._padded(sr)
        for place, (mean, square, product) in sliding_moments(padded, self._hr, self._weights):
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
