"""Keep the weights of a run's best validation, which may not be the last ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn

from ..metrics.artefacts import broken_limits
from ..models.cards import Card, read_card
from ..models.checkpoints import is_complete, save_checkpoint


class Best:
    """The checkpoint of a run's best validation so far.

    The quality of a generator trained against a discriminator oscillates: PSNR falls while texture
    appears, and a discriminator that becomes too strong can ruin the generator in a few hundred
    steps. Such a run is judged by LPIPS; without LPIPS, its last weights count as the best. A run
    without a discriminator is judged by PSNR.

    A validation that shows a grid or a shift of the colours
    (:data:`~srbench.metrics.artefacts.LIMITS`) is never the best. If all validations do, the last
    weights are kept, and the card lists the exceeded limits.

    Args:
        path: the checkpoint; the one of an interrupted run there is the best so far.
        adversarial: whether there is a discriminator.
    """

    def __init__(self, path: Path, *, adversarial: bool) -> None:
        self._path = path
        self._adversarial = adversarial
        # A killed run may have left weights without their card; they are ignored.
        self._reached = read_card(path).metrics if is_complete(path) else None

    def offer(self, network: nn.Module, card: Card) -> None:
        """Keep the network, in float16, if it is better according to ``card.metrics``."""
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
        """The deciding metric, and whether higher (1) or lower (-1) is better."""
        ending, sign = ("_lpips_alex", -1) if self._adversarial else ("_psnr_y", 1)
        return next((name for name in metrics if name.endswith(ending)), None), sign
