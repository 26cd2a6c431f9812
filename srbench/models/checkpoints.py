"""Our trained networks as files: float weights in safetensors, and a JSON card beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from ..errors import CheckpointError
from ..files import write_bytes, write_text
from .baselines import ESPCN, SRCNN
from .srresnet import SRResNet


class Architecture(BaseModel):
    """What is needed to build a network before its weights are loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["srresnet", "srcnn", "espcn"] = "srresnet"
    scale: Literal[2, 4] = 4
    blocks: int = 16
    channels: int = 64
    long_skip: bool = True

    def build(self) -> nn.Module:
        """The network with fresh weights, in training mode, on the CPU."""
        if self.network == "srcnn":
            return SRCNN(self.scale)
        if self.network == "espcn":
            return ESPCN(self.scale)
        return SRResNet(self.scale, self.blocks, self.channels, self.long_skip)


class Card(BaseModel):
    """The model card: what the network is, how it was made and what it reaches."""

    model_config = ConfigDict(extra="forbid")

    name: str
    architecture: Architecture
    steps: int
    recipe: dict[str, Any]
    data: str
    metrics: dict[str, float] = {}
    notes: list[str] = []
    trained_on_metric: str | None = None
    versions: dict[str, str] = {}
    licence: str = "MIT; trained on photographs whose own terms may restrict commercial use"


def save_checkpoint(path: Path, network: nn.Module, card: Card, *, half: bool = False) -> None:
    """Write ``path`` (safetensors) and the card beside it, each atomically.

    ``half`` stores float16, which changes at most one 8-bit level in a few values.
    """
    kind = torch.float16 if half else torch.float32
    tensors = {
        name: tensor.detach()
        .to("cpu", kind if tensor.is_floating_point() else tensor.dtype)
        .contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    # Not `save_file`, which tells of a full disk by an exception of its own.
    write_bytes(path, save(tensors))
    write_text(path.with_suffix(".json"), card.model_dump_json(indent=2) + "\n")


def read_card(path: Path) -> Card:
    """The card beside the checkpoint ``path``.

    Raises:
        CheckpointError: there is none, or it is not one of ours.
    """
    card = path.with_suffix(".json")
    try:
        return Card.model_validate_json(card.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{card} is missing; a checkpoint needs its card beside it") from None
    except ValueError as error:  # not UTF-8, not JSON, or not a card
        first = str(error).splitlines()[0]
        raise CheckpointError(f"{card} is not a model card of srbench ({first})") from error


def load_checkpoint(path: Path) -> tuple[nn.Module, Card]:
    """The network with its weights, in evaluation mode and float32, and its card.

    Raises:
        CheckpointError: the file is missing, damaged, or of another architecture than its card.
    """
    card = read_card(path)
    try:
        state = load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a complete safetensors file ({error}); copy or train it again"
        ) from error
    network = card.architecture.build()
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if found != expected:
        wrong = sorted(
            name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
        )[0]
        raise CheckpointError(
            f"{path} does not fit its card ({card.architecture.network} "
            f"x{card.architecture.scale}): {wrong} is {found.get(wrong, 'missing')}, "
            f"expected {expected.get(wrong, 'nothing')}"
        )
    # Only the counters of batch normalisation, which inference does not use, are not in the file.
    network.load_state_dict({name: t.float() for name, t in state.items()}, strict=False)
    return network.eval(), card
