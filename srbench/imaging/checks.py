"""Checks of images and magnifications given by users."""

from __future__ import annotations

from typing import cast

import numpy as np

from ..errors import SizeMismatch, WrongType, WrongValue
from .luma import Image

LARGEST_SCALE = 1000


def require_image(what: str, image: object, *, channels: int | None = 3) -> None:
    """Refuse anything but uint8 of shape (H, W) or (H, W, 3); None: any number of ``channels``.

    Raises:
        TypeError: it is not a uint8 array. Floats are refused because their range is ambiguous.
        SizeMismatch: it has another shape, or no pixels.
    """
    dtype = getattr(image, "dtype", type(image).__name__)
    if isinstance(image, np.ma.MaskedArray):
        raise WrongType(f"{what} is a masked array, expected all pixels: image.filled(...)")
    if not isinstance(image, np.ndarray) or dtype != np.uint8:
        raise WrongType(f"{what} is {dtype}, expected uint8 (0..255) in a NumPy array")
    shape = np.shape(cast(Image, image))
    wrong = len(shape) == 3 and channels not in (None, shape[2])
    if len(shape) not in (2, 3) or wrong or 0 in shape:
        last = "C" if channels is None else channels
        hint = ""
        if wrong and shape[0] in (1, 3) and shape[2] not in (1, 3):
            hint = "; channels come last in arrays: np.moveaxis(image, 0, 2)"
        elif wrong and shape[2] in (1, 4):
            hint = "; give grey without that axis" if shape[2] == 1 else "; leave alpha out"
        raise SizeMismatch(f"{what} has shape {shape}, expected (H, W) or (H, W, {last}){hint}")


def require_scale(scale: object) -> None:
    """Refuse anything but a whole number from 1 to `LARGEST_SCALE`.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(scale, bool) or not isinstance(scale, (int, np.integer)) or scale < 1:
        raise WrongValue(f"scale is {scale!r:.60}, expected a whole number of at least 1")
    if scale > LARGEST_SCALE:
        raise WrongValue(f"scale is more than {LARGEST_SCALE}, which no method enlarges by")
