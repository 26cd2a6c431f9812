"""MATLAB's ``imresize(image, scale, 'bicubic')`` on uint8, bit-exact.

Differences from the bicubic resize of other libraries (Pillow, OpenCV, torch): the kernel has
a = -0.5 and is widened when shrinking (antialiasing); height is resized first, then width; and
the uint8 result is rounded and clipped **between the two passes**. Older and current MATLAB treat
the border differently: ``replicate`` repeats the edge pixel (older), ``symmetric`` mirrors with the
edge repeated (current).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Literal, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import SizeMismatch, WrongType, WrongValue, unknown_name
from .checks import require_image
from .luma import Image

if TYPE_CHECKING:  # importing torch takes a second, and only `imresize_tensor` needs it
    import torch

Border = Literal["symmetric", "replicate"]
LARGEST_SIDE = 2**20
"""Pixels: far more than any image has; a typing error must not exhaust the memory."""

_CHANNELS = (1, 3, 4)
"""Numbers of channels by which an axis of channels in the wrong place is recognised."""

_AT_ONCE = 2**16
"""Values that a resize works on at a time."""


def get_border(name: str) -> Border:
    """The border rule with this name.

    Raises:
        UnknownName: there is none; the message suggests the nearest name.
    """
    for border in get_args(Border):
        if border == name:
            return border
    raise unknown_name("border rule", name, get_args(Border))


def cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' cubic convolution kernel with a = -0.5 (Keys 1981, eq. 15)."""
    a = np.abs(x)
    near = 1.5 * a**3 - 2.5 * a**2 + 1.0
    far = -0.5 * a**3 + 2.5 * a**2 - 4.0 * a + 2.0
    return np.where(a <= 1, near, np.where(a <= 2, far, 0.0))


@lru_cache(maxsize=256)
def _taps(
    length: int, scale: Fraction, border: Border
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Source indices and weights, both of shape (output length, taps), for one axis."""
    factor = float(scale)
    widening = min(factor, 1.0)
    width = 4.0 / widening
    output = np.arange(1, math.ceil(length * scale) + 1, dtype=np.float64)
    centre = output / factor + 0.5 * (1.0 - 1.0 / factor)
    left = np.floor(centre - width / 2.0)
    positions = left[:, None] + np.arange(math.ceil(width) + 2)
    weights = widening * cubic(widening * (centre[:, None] - positions))
    weights /= weights.sum(axis=1, keepdims=True)
    index = positions.astype(np.int64) - 1
    if border == "replicate":
        index = np.clip(index, 0, length - 1)
    else:
        period = np.concatenate([np.arange(length), np.arange(length)[::-1]])
        index = period[index % (2 * length)]
    used = np.any(weights != 0.0, axis=0)
    index, weights = index[:, used], weights[:, used]
    index.setflags(write=False)
    weights.setflags(write=False)
    return index, weights


def bicubic_matrix(length: int, scale: Fraction) -> NDArray[np.float64]:
    """The resize of one axis as a matrix of shape (ceil(length scale), length).

    Symmetric border, no rounding: for networks that start from a bicubic enlargement.
    """
    index, weights = _taps(length, scale, "symmetric")
    matrix = np.zeros((len(index), length))
    np.add.at(matrix, (np.arange(len(index))[:, None], index), weights)
    return matrix


def _check(scale: float | Fraction, border: str) -> Fraction:
    try:
        if not isinstance(scale, Real):  # Fraction would also accept text
            raise TypeError
        ratio = Fraction(scale).limit_denominator(10_000)
    except (TypeError, ValueError, OverflowError):  # a sequence, NaN or infinity
        ratio = Fraction(0)
    if ratio <= 0:
        raise WrongValue(f"scale is {scale}, expected a positive number: output over input size")
    if border not in get_args(Border):
        raise WrongValue(f"border is '{border}', expected 'symmetric' or 'replicate'")
    return ratio


def _refuse_huge(shape: Sequence[int], ratio: Fraction) -> None:
    height, width = (math.ceil(side * ratio) for side in shape)
    if max(height, width) > LARGEST_SIDE:
        raise WrongValue(
            f"the scale makes an image of more than {LARGEST_SIDE} pixels a side out of "
            f"{shape[1]}x{shape[0]}; at most {LARGEST_SIDE} are made"
        )


def _resize_rows(image: Image, scale: Fraction, border: Border) -> Image:
    index, weights = _taps(image.shape[0], scale, border)
    pixels = image.reshape(len(image), -1)
    exact = _is_exact(weights)
    resized = np.empty((len(index), pixels.shape[1]), dtype=np.uint8)
    # Process some rows at a time, so that the sums stay in the cache.
    step = max(1, _AT_ONCE // pixels.shape[1])
    for top in range(0, len(index), step):
        rows, weight = index[top : top + step], weights[top : top + step]
        first = rows.min()
        source = pixels[first : rows.max() + 1].astype(np.float32 if exact else np.float64)
        weight = weight.astype(source.dtype)
        total = np.empty((len(rows), pixels.shape[1]), dtype=source.dtype)
        term = np.empty_like(total)
        # Add the taps in MATLAB's order, because the last bit of the sum decides exact halves.
        for tap in range(rows.shape[1]):
            product = term if tap else total
            np.take(source, rows[:, tap] - first, axis=0, out=product, mode="clip")
            product *= weight[:, tap, None]
            if tap:
                total += term
        total += 0.5
        # The conversion drops the fraction, which rounds down because no value is negative here.
        resized[top : top + step] = np.clip(total, 0, 255, out=total)
    return resized.reshape(len(index), *image.shape[1:])


def _is_exact(weights: NDArray[np.float64]) -> bool:
    """Whether float32 holds every sum of weighted pixels exactly, so that it gives the same bits.

    Its significand has 24 bits, and 23 are needed: 8 for the pixel, 14 for the weight and one for
    the sum. This holds for scales of 2 and 4, whose weights are multiples of 2^-14.
    """
    units = weights * 2**14
    return bool(np.all(units == np.rint(units)) and np.abs(weights).sum(axis=1).max() < 2)


_Pixels = TypeVar("_Pixels", Image, "torch.Tensor")


def imresize(image: _Pixels, scale: float | Fraction, *, border: Border = "symmetric") -> _Pixels:
    """Resize like MATLAB's ``imresize(image, scale, 'bicubic')``, bit-exact.

    Args:
        image: a uint8 array of shape (H, W) or (H, W, C), or a uint8 tensor of shape (..., H, W).
        scale: output size divided by input size; 1/4 reduces fourfold with antialiasing, 4
            enlarges.
        border: ``symmetric`` (current MATLAB) or ``replicate`` (older MATLAB, which made the
            published LR images of Set5, Set14 and BSD100).

    Returns:
        uint8 with ceil(H scale) rows and ceil(W scale) columns, of the same type and channels.

    Raises:
        TypeError: the image is not uint8.
        SizeMismatch: the image has a wrong number of dimensions or no pixels, or its channels are
            first in an array or last in a tensor.
        ValueError: the scale is not positive or the border is unknown.

    >>> import numpy as np
    >>> imresize(np.full((6, 8), 100, np.uint8), 1 / 2).shape
    (3, 4)
    """
    if not isinstance(image, np.ndarray) and hasattr(image, "index_select"):
        return imresize_tensor(image, scale, border=border)
    ratio = _check(scale, border)
    require_image("image", image, channels=None)
    if image.ndim == 3 and image.shape[0] in _CHANNELS and image.shape[2] not in _CHANNELS:
        raise SizeMismatch(
            f"image has shape {image.shape}, expected (H, W) or (H, W, C): channels come last in "
            "arrays: np.moveaxis(image, 0, 2)"
        )
    _refuse_huge(image.shape[:2], ratio)
    rows = _resize_rows(cast(Image, image), ratio, border)
    columns = np.ascontiguousarray(rows.swapaxes(0, 1))
    resized = _resize_rows(columns, ratio, border).swapaxes(0, 1)
    return cast(_Pixels, np.ascontiguousarray(resized))


def imresize_tensor(
    image: torch.Tensor, scale: float | Fraction, *, border: Border = "symmetric"
) -> torch.Tensor:
    """:func:`imresize` for a uint8 tensor of shape (..., H, W), on the tensor's device.

    The pixels are the same, because the taps and the order of additions in float64 are the same. It
    raises the same errors as :func:`imresize`.
    """
    import torch

    ratio = _check(scale, border)
    if image.dtype != torch.uint8:
        raise WrongType(f"image is {image.dtype}, expected torch.uint8 (0..255)")
    if image.ndim < 2 or 0 in image.shape:
        raise SizeMismatch(f"image has shape {tuple(image.shape)}, expected (..., H, W)")
    if image.ndim > 2 and image.shape[-1] in _CHANNELS and image.shape[-3] not in _CHANNELS:
        raise SizeMismatch(
            f"image has shape {tuple(image.shape)}, expected (..., H, W): channels come first in "
            "tensors: image.movedim(-1, -3)"
        )
    if image.layout != torch.strided:
        raise WrongType(f"image is a tensor of layout {image.layout}, expected image.to_dense()")
    _refuse_huge(image.shape[-2:], ratio)
    for axis in (-2, -1):
        index, weights = _taps(image.shape[axis], ratio, border)
        shape = (-1, 1) if axis == -2 else (-1,)
        total: torch.Tensor | None = None
        for tap in range(index.shape[1]):
            rows = image.index_select(axis, torch.tensor(index[:, tap], device=image.device))
            weight = torch.tensor(weights[:, tap], device=image.device).reshape(shape)
            term = rows.to(torch.float64) * weight
            total = term if total is None else total + term
        assert total is not None  # there is always at least one tap
        image = torch.floor(total + 0.5).clamp_(0, 255).to(torch.uint8)
    return image


def crop_to_multiple(image: Image, scale: int) -> Image:
    """Crop ``image`` at the bottom and right to a multiple of ``scale``."""
    height, width = image.shape[0] // scale * scale, image.shape[1] // scale * scale
    if height == 0 or width == 0:
        raise SizeMismatch(
            f"image is {image.shape[1]}x{image.shape[0]}, smaller than one x{scale} pixel block"
        )
    return image[:height, :width]
