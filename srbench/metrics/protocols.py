"""Protocols: how PSNR and SSIM are computed from an SR image and its original.

Only scores of the same protocol can be compared. docs/explanation/protocols.md lists the published
numbers that each one reproduces.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np

from ..errors import SizeMismatch, unknown_name
from ..imaging.checks import require_image, require_scale
from ..imaging.luma import Image, Luma, studio_luma, to_rgb
from ..imaging.resize import crop_to_multiple
from .base import Facts, Metric, Original
from .daala import DaalaSsimReference, daala_luma
from .psnr import psnr
from .ssim import WINDOW, SsimReference


class PreparedSsim(typing.Protocol):
    """An original's luma, prepared for comparison with many SR images."""

    def score(self, sr: Luma) -> float: ...


@dataclass(frozen=True)
class Protocol:
    """A protocol: luma, rule for grey, and kind of SSIM.

    All protocols first crop the original to a multiple of the scale, and then ``scale`` pixels from
    each border of both images.
    """

    name: str
    luma: Callable[[Image], Luma]
    """From uint8 RGB, (H, W, 3), to the luma plane."""
    keeps_grey: bool
    """Whether a pair of single-channel images is compared directly, without luma."""
    ssim: Callable[[Luma], PreparedSsim]
    smallest: int
    """The smallest height and width for SSIM after cropping."""
    label: str
    about: str

    def least(self, scale: int) -> int:
        """The smallest height and width of an original at this scale, a multiple of it."""
        return -(-(2 * scale + self.smallest) // scale) * scale

    def prepare(self, hr: Image, scale: int) -> Reference:
        """Compute everything that depends only on the original, for many SR images.

        Args:
            hr: the original, uint8 of shape (H, W) or (H, W, 3), of any size.
            scale: the magnification, at least 1.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: the image has another shape, or is empty after cropping.
            ValueError: the scale is not at least 1.
        """
        require_scale(scale)
        require_image("the original", hr)
        cropped = crop_to_multiple(hr, scale)
        height, width = cropped.shape[:2]
        least = self.least(scale)
        if min(height, width) < least:
            raise SizeMismatch(
                f"the original is {width}x{height}; protocol {self.name} at x{scale} crops "
                f"{scale} pixels from each border and then needs {self.smallest}x{self.smallest}, "
                f"so images of at least {least}x{least}"
            )
        return Reference(self, cropped, scale)


class Reference:
    """An original prepared for a protocol, by :meth:`Protocol.prepare`."""

    def __init__(self, protocol: Protocol, hr: Image, scale: int) -> None:
        self._protocol = protocol
        self._hr = hr
        self._scale = scale

    def score(self, sr: Image, metrics: Collection[str] = ("psnr_y", "ssim_y")) -> dict[str, float]:
        """``{"psnr_y": dB, "ssim_y": 0..1}`` of ``sr``; inf and 1 for identical images.

        ``sr`` is uint8 of shape (H, W) or (H, W, 3), of the size of the original cropped to a
        multiple of the scale. Only ``metrics`` are computed.

        Raises:
            TypeError: the image is not uint8.
            SizeMismatch: the sizes differ; images are never resized.
        """
        require_image("the SR image", sr)
        require_same_size(sr, self._hr, self._scale)
        as_it_is = self._protocol.keeps_grey and sr.ndim == 2 and self._hr.ndim == 2
        luma = self._plane(sr, as_it_is=as_it_is)
        scores: dict[str, float] = {}
        if "psnr_y" in metrics:
            scores["psnr_y"] = psnr(luma, self._grey if as_it_is else self._converted)
        if "ssim_y" in metrics:
            prepared = self._grey_ssim if as_it_is else self._converted_ssim
            scores["ssim_y"] = prepared.score(luma)
        return scores

    @cached_property
    def _grey(self) -> Luma:
        return self._plane(self._hr, as_it_is=True)

    @cached_property
    def _converted(self) -> Luma:
        return self._plane(self._hr, as_it_is=False)

    @cached_property
    def _grey_ssim(self) -> PreparedSsim:
        return self._protocol.ssim(self._grey)

    @cached_property
    def _converted_ssim(self) -> PreparedSsim:
        return self._protocol.ssim(self._converted)

    def _plane(self, image: Image, *, as_it_is: bool) -> Luma:
        inner = image[self._scale : -self._scale, self._scale : -self._scale]
        if as_it_is:
            return inner.astype(np.float64)
        return self._protocol.luma(to_rgb(inner))


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        protocol.name: protocol
        for protocol in (
            Protocol(
                "matlab", partial(studio_luma, rounded=True), True, SsimReference, WINDOW,
                "MATLAB",
                "Luma of BT.601 (16–235), rounded as MATLAB's rgb2ycbcr does. As many pixels as "
                "the scale are cut from each border. PSNR with peak 255. SSIM of Wang et al. 2004: "
                "11×11 Gaussian, sigma 1.5, valid area. A pair of single-channel images is scored "
                "as it is.",
            ),
            Protocol(
                "basicsr", partial(studio_luma, rounded=False), False, SsimReference, WINDOW,
                "BasicSR",
                "As MATLAB, but luma is not rounded and a grey image counts as R = G = B: the "
                "usual way of papers that score in Python.",
            ),
            Protocol(
                "ledig2017", daala_luma, False, DaalaSsimReference, 1,
                "Ledig 2017",
                "As in the SRGAN paper: the daala tools' 4:2:0 conversion with dither, "
                "their PSNR, and their SSIM whose window grows with the image. It cannot be "
                "compared with the others.",
            ),
        )
    }
)  # fmt: skip


class LumaMetric(Metric):
    """PSNR and SSIM of the luma plane in one protocol."""

    parallel = True

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        shared: dict[str, Any] = {
            "protocol": protocol.name,
            "protocol_label": protocol.label,
            "about": protocol.about,
        }
        self.facts = (
            Facts(
                "psnr_y", better="higher", label="PSNR", decimals=2, unit="dB", range=(0, None),
                word="psnr", **shared,
            ),
            Facts(
                "ssim_y", better="higher", label="SSIM", range=(-1, 1), word="ssim", **shared
            ),
        )  # fmt: skip

    def least(self, scale: int) -> int:
        return self._protocol.least(scale)

    def prepare(self, original: Original) -> Callable[[Image], tuple[float, ...]]:
        reference = self._protocol.prepare(original.hr, original.scale)
        names = [facts.name for facts in self.facts]

        def numbers(sr: Image) -> tuple[float, ...]:
            scores = reference.score(sr, names)
            return tuple(scores[name] for name in names)

        return numbers


def get_protocol(name: str) -> Protocol:
    """The protocol with this name.

    Raises:
        UnknownName: there is none; the message suggests the nearest name.
    """
    if name not in PROTOCOLS:
        raise unknown_name("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


def require_same_size(sr: Image, hr: Image, scale: int) -> None:
    """Refuse an SR image whose size differs from that of its original, cropped to ``scale``."""
    require_size(sr, (hr.shape[0], hr.shape[1]), scale)


def require_size(sr: Image, expected: tuple[int, int], scale: int) -> None:
    """Refuse an SR image without the expected height and width."""
    (height, width), (expected_height, expected_width) = sr.shape[:2], expected
    if (height, width) == (expected_height, expected_width):
        return
    hint = ""
    if (height * scale, width * scale) == (expected_height, expected_width):
        hint = "; it has the size of the low-resolution input"
    elif (height // scale * scale, width // scale * scale) == (expected_height, expected_width):
        hint = f"; crop it at the bottom and right to a multiple of {scale}"
    elif (width, height) == (expected_height, expected_width):
        hint = "; it is rotated by 90 degrees"
    raise SizeMismatch(
        f"the SR image is {width}x{height}, expected {expected_width}x{expected_height}: "
        f"its original cropped to a multiple of {scale}{hint}"
    )
