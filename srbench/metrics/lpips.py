"""LPIPS as a metric; the network itself is in ``lpips_network``, which imports torch."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..imaging.luma import Image
from ..models.weights_catalogue import (
    LPIPS_BACKBONES,
    mending_command,
    weights_fingerprint,
    weights_path,
)
from .base import Facts, Metric, MissingMetric, Original

if TYPE_CHECKING:
    from .lpips_network import Lpips

_PRINTED = {"alex": "AlexNet", "squeeze": "SqueezeNet", "vgg": "VGG16"}
LEAST = {"alex": 31, "squeeze": 17, "vgg": 16}
"""The smallest height and width with at least one pixel in every compared layer."""


class LpipsMetric(Metric):
    """The distance of Zhang et al. 2018 with one backbone: alex, squeeze or vgg."""

    uses_device = True

    def __init__(self, net: str) -> None:
        self._net = net
        self._network: Lpips | None = None
        # With other backbones, the last bits of sums depend on the number of threads.
        self.parallel = net == "alex"
        self.facts = (
            Facts(
                f"lpips_{net}",
                "lpips-v0.1",
                better="lower",
                label="LPIPS",
                variant=_PRINTED[net],
                range=(0, None),
                word="lpips",
                protocol_label="LPIPS v0.1",
                about="Zhang et al. 2018, heads of version 0.1: distance of network features of "
                "the whole RGB image. Lower is better.",
            ),
        )

    def least(self, scale: int) -> int:
        return -(-LEAST[self._net] // scale) * scale

    def missing(self, weights: Path) -> MissingMetric | None:
        backbone = LPIPS_BACKBONES[self._net]
        if weights_path(backbone, weights).is_file():
            return None
        return MissingMetric(
            self.facts[0].name,
            f"{backbone} was not on the machine",
            mending_command(backbone),
        )

    def identified(self, weights: Path) -> Self:
        found = copy(self)
        fingerprint = weights_fingerprint(LPIPS_BACKBONES[self._net], weights)
        found.facts = tuple(replace(facts, fingerprint=fingerprint) for facts in self.facts)
        return found

    def load(self, weights: Path, device: str) -> Self:
        from ..models.weights import load_published
        from .lpips_network import Lpips

        load_published(LPIPS_BACKBONES[self._net], weights)
        loaded = copy(self)
        loaded._network = Lpips(self._net, weights, device)
        return loaded

    def prepare(self, original: Original) -> Callable[[Image], float]:
        network = self._network
        assert network is not None, "load it first"
        reference = network.prepare(original.hr)
        return lambda sr: network.distance(reference, sr)
