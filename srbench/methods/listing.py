"""Facts of our methods: size, FLOPs, memory and scores, from their checkpoints and cards."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.cards import Card, read_card
from .resolve import INTERPOLATION, checkpoint_file, shipped

SR_SIZE = (720, 1280)
"""Height and width of the SR image for FLOPs and memory, as usual in papers."""


@dataclass(frozen=True)
class MethodFacts:
    """One method at one scale; interpolation has no checkpoint, parameters or card."""

    name: str
    scale: int
    checkpoint: Path | None = None
    card: Card | None = None
    parameters: int = 0
    flops: int = 0
    """Floating-point operations for one SR image of `SR_SIZE`; a multiply-add counts as two."""
    memory: int = 0
    """Peak bytes of weights and feature maps for this image, without tiling."""

    @property
    def limits(self) -> str:
        """Whether Set5 and Set14 are within the detector's limits; empty if unknown."""
        from ..metrics.artefacts import LIMITS, broken_limits

        figures = self.card.metrics if self.card else {}
        found = {k: v for k, v in figures.items() if k.startswith(("set5_", "set14_"))}
        if not any(key.endswith(f"_{limit}") for key in found for limit in LIMITS):
            return ""
        if not broken_limits(found):
            return "clean"
        medians = {key: value for key, value in found.items() if not key.endswith("_max")}
        return "grid or colour" if broken_limits(medians) else "single images"

    def on(self, dataset: str) -> dict[str, float]:
        """The card's scores on a data set (lower-case name), by metric."""
        prefix = f"{dataset}_"
        figures = self.card.metrics.items() if self.card else ()
        return {key.removeprefix(prefix): value for key, value in figures if key.startswith(prefix)}


def method_facts(name: str, scale: int, weights: Path) -> MethodFacts:
    """The facts of one of our methods at ``scale``.

    Raises:
        MissingWeights: the network has no checkpoint for this scale.
        CheckpointError: its checkpoint or card is damaged.
    """
    if name in INTERPOLATION:
        return MethodFacts(name, scale)
    path = checkpoint_file(name, scale, weights)
    card = read_card(path)
    parameters, flops, memory = _work(card)
    return MethodFacts(name, scale, path, card, parameters, flops, memory)


def list_methods(scale: int, weights: Path) -> list[MethodFacts]:
    """The facts of all our methods that can run at ``scale`` on this machine."""
    return [method_facts(name, scale, weights) for name in shipped(scale, weights)]


def _work(card: Card) -> tuple[int, int, int]:
    """Parameters, operations and bytes of a network, from shapes without computation."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    class Held(TorchDispatchMode):
        """Counts the bytes of live tensors and their peak."""

        def __init__(self) -> None:
            super().__init__()
            self.now = self.most = 0
            self._seen: set[int] = set()

        def __torch_dispatch__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
        ) -> Any:
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                storage = result.untyped_storage()
                key = storage._cdata
                if key not in self._seen:
                    self._seen.add(key)
                    self.now += storage.nbytes()
                    self.most = max(self.most, self.now)
                    weakref.finalize(storage, self._freed, key, storage.nbytes())
            return result

        def _freed(self, key: int, size: int) -> None:
            self._seen.discard(key)
            self.now -= size

    scale = card.architecture.scale
    with torch.device("meta"), torch.no_grad():
        network = card.architecture.build()
        parameters = sum(tensor.numel() for tensor in network.parameters())
        lr = torch.empty(1, 3, *(length // scale for length in SR_SIZE))
        with FlopCounterMode(display=False) as work, Held() as held:
            network.eval()(lr)
    return parameters, work.get_total_flops(), held.most + 4 * parameters
