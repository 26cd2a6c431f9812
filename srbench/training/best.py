"""Keeps the weights of a run's best validation: the last ones need not be the best."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from ..metrics.artefacts import broken_limits
from ..models.cards import Card, read_card
from ..models.checkpoints import is_complete, save_checkpoint


class Best:
    """The checkpoint of a run's best validation so far.

    A generator trained against a discriminator swings: PSNR falls where texture appears, and a
    discriminator that gets ahead can spoil in hundreds of steps what thousands have made. Such a
    run is judged by LPIPS; where that is not measured, its last weights count as its best. A run
    without a discriminator is judged by PSNR.

    A validation that shows a grid or a shift of the colours
    (:data:`~srbench.metrics.artefacts.LIMITS`) is never the best. While all of them do, the last
    weights are kept, and the card says what they break.

    Args:
        path: the checkpoint; what an interrupted run has left there is what is to be beaten.
        adversarial: whether there is a discriminator.
    """

    def __init__(self, path: Path, *, adversarial: bool) -> None:
        self._path = path
        self._adversarial = adversarial
        # A kill may have left weights whose card was still to be written: they are made again.
        self._reached = read_card(path).metrics if is_complete(path) else None

    def offer(self, network: nn.Module, card: Card) -> None:
        """Keep the network, in float16, if it is better; ``card.metrics`` say how good it is."""
        if self._reached is not None and not self._beats(card.metrics, self._reached):
            return
        measure, _ = self._measure(card.metrics)
        broken = broken_limits(card.metrics)
        note = None
        if broken:
            note = f"step {card.steps}: no validation is clean; this one has {', '.join(broken)}"
        elif measure:
            note = f"step {card.steps}: the best {measure} of all validations"
        if note:
            card = card.model_copy(update={"notes": [*card.notes, note]})
        save_checkpoint(self._path, network, card, half=True)
        self._reached = card.metrics

    def _beats(self, new: Mapping[str, float], old: Mapping[str, float]) -> bool:
        if broken_limits(old):
            return True
        if broken_limits(new):
            return False
        measure, sign = self._measure(new)
        return measure is None or measure not in old or sign * new[measure] > sign * old[measure]

    def _measure(self, metrics: Mapping[str, float]) -> tuple[str | None, int]:
        """The metric that decides, and whether more of it (1) or less (-1) is better."""
        ending, sign = ("_lpips_alex", -1) if self._adversarial else ("_psnr_y", 1)
        return next((name for name in metrics if name.endswith(ending)), None), sign
