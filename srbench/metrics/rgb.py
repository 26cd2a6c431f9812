"""PSNR and SSIM over red, green and blue, as in the tables of EDSR, DIV2K and NTIRE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import SizeMismatch
from ..imaging.luma import Image, Luma, to_rgb
from .base import Facts, Metric, Original
from .protocols import require_same_size
from .psnr import psnr
from .ssim import WINDOW, SsimReference


class RgbMetric(Metric):
    """PSNR of the three channels together, and the mean of their SSIM.

    ``scale`` pixels are cropped from each border; grey counts as R = G = B. SSIM uses the window of
    Wang et al. 2004, as in the protocol ``matlab``.
    """

    parallel = True

    def __init__(self) -> None:
        shared: dict[str, Any] = {
            "protocol": "rgb",
            "better": "higher",
            "protocol_label": "RGB",
            "about": "Over red, green and blue, as the EDSR, DIV2K and NTIRE tables. As many "
            "pixels as the scale are cut from each border. PSNR of the three channels together, "
            "the mean of their SSIM (Wang et al. 2004).",
        }
        self.facts = (
            Facts("psnr_rgb", label="PSNR", decimals=2, unit="dB", range=(0, None), **shared),
            Facts("ssim_rgb", label="SSIM", range=(-1, 1), **shared),
        )

    def least(self, scale: int) -> int:
        return -(-(2 * scale + WINDOW) // scale) * scale

    def prepare(self, original: Original) -> Callable[[Image], list[float]]:
        scale, names = original.scale, [facts.name for facts in self.facts]
        height, width = original.hr.shape[:2]
        if min(height, width) < self.least(scale):
            raise SizeMismatch(
                f"the original is {width}x{height}; protocol rgb at x{scale} needs at least "
                f"{self.least(scale)}x{self.least(scale)}"
            )

        def planes(image: Image) -> Luma:
            inner = to_rgb(image)[scale:-scale, scale:-scale]
            return np.ascontiguousarray(np.moveaxis(inner, 2, 0), dtype=np.float64)

        hr = planes(original.hr)
        references = [SsimReference(plane) for plane in hr] if "ssim_rgb" in names else []

        def numbers(sr: Image) -> list[float]:
            require_same_size(sr, original.hr, scale)
            channels = planes(sr)
            found: dict[str, float] = {}
            if "psnr_rgb" in names:
                found["psnr_rgb"] = psnr(channels, hr)
            if references:
                pairs = zip(references, channels, strict=True)
                found["ssim_rgb"] = float(np.mean([hr.score(sr) for hr, sr in pairs]))
            return [found[name] for name in names]

        return numbers
