"""Find complete recorded benchmark images in pictures by their miniatures.

The catalogue contains the miniatures, so no benchmark image has to be on this machine.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..imaging.luma import Image
from .catalogue import catalogue
from .landmarks import luma
from .pixels import thumbnail

_LEVELS = 8.0  # like `same_picture`
_CORRELATION = 0.9
# Measured on 995 other photographs against 224 recorded images in eight orientations: the nearest
# differs by 5.9 levels, but correlates only by 0.53; of those within 8 levels none correlates by
# 0.6. The images themselves, at JPEG quality 10, at a quarter or twice their size, distorted, grey,
# or cropped to a multiple of 12, stay within 6.5 levels and above 0.96.


class Sighting(NamedTuple):
    """A recorded image, and how the picture shows it.

    ``scale`` is the picture's width over the image's; ``mirrored`` comes before ``quarter_turns``
    (counter-clockwise).
    """

    dataset: str
    image: str
    correlation: float
    scale: float
    mirrored: bool
    quarter_turns: int


class _Records(NamedTuple):
    names: list[tuple[str, str]]
    sizes: NDArray[np.int64]
    miniatures: NDArray[np.float64]


def recorded_names() -> list[str]:
    """The data sets whose pixels are recorded."""
    return [entry.name for entry in catalogue().values() if entry.pixels]


@cache
def _records() -> _Records:
    rows = [(e.name, i, r) for e in catalogue().values() for i, r in e.pixels.items()]
    return _Records(
        [(name, image_id) for name, image_id, _ in rows],
        np.array([(record.height, record.width) for *_, record in rows]),
        np.stack([record.miniature for *_, record in rows]).astype(np.float64),
    )


def sightings(image: Image) -> list[Sighting]:
    """The recorded images that ``image``, uint8 (H, W) or (H, W, 3), shows completely.

    This works for any size, format and colour, also mirrored and rotated, but not if more than a
    few per cent are cropped, and not with other brightness or contrast.
    """
    records = _records()
    seen = thumbnail(np.asarray(luma(image))).astype(np.float64)
    found: list[Sighting] = []
    for mirrored in (False, True):
        for turns in range(4):
            # Undo the operations in reverse order: the rotation was last.
            upright = np.rot90(seen, -turns)
            upright = upright[:, ::-1] if mirrored else upright
            away = np.abs(records.miniatures - upright).mean(axis=(1, 2))
            for place in np.flatnonzero(away < _LEVELS):
                correlation = _correlation(records.miniatures[place], upright)
                if correlation > _CORRELATION:
                    width = image.shape[turns % 2 == 0]
                    found.append(
                        Sighting(
                            *records.names[place],
                            round(correlation, 4),
                            round(width / int(records.sizes[place, 1]), 3),
                            mirrored,
                            turns,
                        )
                    )
    return found


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    strength = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / strength if strength > 1e-9 else 0.0
