"""Model cards: the JSON file of each of our checkpoints; torch is imported only to build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import CheckpointError

if TYPE_CHECKING:
    from torch import nn


MOST_BLOCKS = 256


class Architecture(BaseModel):
    """The facts that are needed to build a network before loading its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["srresnet", "srcnn", "espcn"] = "srresnet"
    scale: Literal[2, 4] = 4
    blocks: int = Field(default=16, gt=0, le=MOST_BLOCKS)
    channels: int = Field(default=64, gt=0, le=2048)
    long_skip: bool = True

    def build(self) -> nn.Module:
        """The network with fresh weights, in training mode, on the CPU."""
        from .baselines import ESPCN, SRCNN
        from .srresnet import SRResNet

        if self.network == "srcnn":
            return SRCNN(self.scale)
        if self.network == "espcn":
            return ESPCN(self.scale)
        return SRResNet(self.scale, self.blocks, self.channels, self.long_skip)


class Card(BaseModel):
    """The model card: architecture, training and scores of a network."""

    model_config = ConfigDict(extra="forbid")

    name: str
    architecture: Architecture
    steps: int
    recipe: dict[str, Any]
    data: str
    held_out: list[str] = []
    """Names of the photographs that were held out of training and used for all choices."""
    metrics: dict[str, float] = {}
    notes: list[str] = []
    trained_on_metric: str | None = None
    versions: dict[str, str] = {}
    licence: str = "MIT; trained on photographs whose own terms may restrict commercial use"


def read_card(path: Path) -> Card:
    """The card of the checkpoint ``path``, in the same folder.

    Raises:
        CheckpointError: it is missing, or is not a card of srbench.
    """
    card = path.with_suffix(".json")
    try:
        return Card.model_validate_json(card.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{card} is missing; a checkpoint needs its card in the same folder"
        ) from None
    except ValueError as error:  # not UTF-8, not JSON, or not a card
        first = str(error).splitlines()[0]
        if isinstance(error, ValidationError):
            fault = error.errors()[0]
            first = f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg'].lower()}"
        raise CheckpointError(
            f"{card} is not a model card of srbench ({first}); if another program wrote it, move "
            "it away"
        ) from error
