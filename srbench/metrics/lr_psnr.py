"""Consistency with the input: compare the LR image with the downscaled SR image."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..imaging.luma import Image, to_rgb
from ..imaging.resize import imresize
from .base import Facts, Metric, Original
from .psnr import psnr


class LrPsnr(Metric):
    """PSNR over RGB in dB between the LR image and the SR image downscaled like the original.

    It uses the whole image, rounded to 8 bit like the LR image, and needs no original.

    Source: the consistency of the NTIRE 2021 challenge on learning the super-resolution space
    (Lugmayr et al. 2021), which requires 45 dB.
    """

    parallel = True

    def __init__(self) -> None:
        self.facts = (
            Facts(
                "lr_psnr",
                "consistency",
                better="higher",
                label="LR PSNR",
                decimals=2,
                unit="dB",
                range=(0, None),
                needs="lr",
                protocol_label="Consistency",
                about="PSNR over RGB between the LR image and the SR image downscaled by the same "
                "bicubic resize: consistency with the input. NTIRE requires 45 dB.",
            ),
        )

    def prepare(self, original: Original) -> Callable[[Image], float]:
        assert original.lr is not None, "the benchmark makes the LR image of who needs it"
        lr = to_rgb(original.lr).astype(np.float64)

        def number(sr: Image) -> float:
            again = imresize(to_rgb(sr), Fraction(1, original.scale), border=original.border)
            return psnr(again.astype(np.float64), lr)

        return number
