"""Our trained networks as files: float weights in safetensors, and a card in the same folder."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ..errors import CheckpointError
from ..files import write_bytes, write_text
from .cards import Card, read_card
from .tensor_files import read_tensors


def save_checkpoint(path: Path, network: nn.Module, card: Card, *, half: bool = False) -> None:
    """Write ``path`` (safetensors) and its card, each atomically.

    The header of the weights contains the architecture, so that they can be used without the card.
    ``half`` stores float16, which changes a few output values by at most one 8-bit level.
    """
    kind = torch.float16 if half else torch.float32
    tensors = {
        name: tensor.detach()
        .to("cpu", kind if tensor.is_floating_point() else tensor.dtype)
        .contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    # Not `save_file`, which raises its own exception for a full disk.
    architecture = card.architecture.model_dump_json()
    write_bytes(path, save(tensors, metadata={"architecture": architecture}))
    write_text(path.with_suffix(".json"), card.model_dump_json(indent=2) + "\n")


def is_complete(path: Path) -> bool:
    """Whether both files of a checkpoint exist: the weights ``path`` and their card."""
    return path.is_file() and path.with_suffix(".json").is_file()


def load_checkpoint(path: Path) -> tuple[nn.Module, Card]:
    """The network with its weights, in evaluation mode and float32, and its card.

    Raises:
        CheckpointError: the file is missing or damaged, or does not match its card.
    """
    card = read_card(path)
    state = {n: t for n, t in read_tensors(path).items() if isinstance(t, Tensor)}
    with torch.device("meta"):  # a card can claim a network larger than the memory
        claimed = card.architecture.build()
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in claimed.state_dict().items()
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
    network = card.architecture.build()
    # The file lacks only the counters of batch normalisation, which inference does not use.
    network.load_state_dict({name: t.float() for name, t in state.items()}, strict=False)
    return network.eval(), card
