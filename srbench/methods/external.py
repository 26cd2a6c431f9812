"""Checkpoint files: known SRResNets, and other architectures through spandrel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ..errors import CheckpointError, SrbenchError
from ..models.cards import Architecture
from ..models.foreign import Recognised, UnitRange, filled, likely, recognise
from ..models.state_dicts import State, network_state, readings
from ..models.tensor_files import metadata_of, read_tensors

if TYPE_CHECKING:
    import spandrel


def load_external(name: str, path: Path, scale: int) -> nn.Module:
    """The network in a third-party checkpoint, recognised by its tensors.

    Input: RGB (N, 3, H, W) in [0, 1]; output: SR with white at 1. ``name`` is its name in messages.
    SRResNets of srbench (without a card), BasicSR, KAIR, mmagic and Lornatang need nothing else;
    other architectures need spandrel, which gets only the tensors.

    Raises:
        SrbenchError: the architecture is none of those and spandrel is not installed.
        CheckpointError: the file is unreadable, unsafe or has several networks, or the network has
            an unknown architecture or another scale, or is not RGB-to-RGB.
    """
    state = network_state(read_tensors(path), path)
    found = _by_header(path, state)
    for reading in readings(state):
        found = found or recognise(reading)
    found = found or _by_spandrel(name, path, state)
    if found.scale != scale:
        raise CheckpointError(f"{path} upscales x{found.scale}, but the run is x{scale}")
    return found.network


def _by_header(path: Path, state: State) -> Recognised | None:
    """A network of ours by the architecture in its file's header."""
    text = metadata_of(path).get("architecture")
    if text is None:
        return None
    try:
        architecture = Architecture.model_validate_json(text)
    except ValueError:  # metadata of another project
        return None
    network = filled(architecture.build, state)
    kind = f"{architecture.network} of srbench"
    return network and Recognised(UnitRange(network), architecture.scale, kind)


def _by_spandrel(name: str, path: Path, state: State) -> Recognised:
    try:
        from ..models.torchvision_import import import_torchvision

        import_torchvision()
        import spandrel
    except ImportError as error:
        raise SrbenchError(
            f"{name}={path.name} {_described(state)}, none of the SRResNets that srbench knows; "
            "for other architectures install the spandrel extra, pip install '.[spandrel]', or "
            f"give SR images with {name}=FOLDER"
        ) from error
    for reading in readings(state):
        support = next(
            (s for s in spandrel.MAIN_REGISTRY.architectures("detection") if _detects(s, reading)),
            None,
        )
        if support is None:
            continue
        try:
            with _Bounded(reading):
                descriptor = support.architecture.load(dict(reading))
        except (
            Exception
        ) as error:  # spandrel and torch raise many types for tensors that do not fit
            reason = str(error).strip().splitlines()[-1] if str(error) else type(error).__name__
            raise CheckpointError(
                f"{path} looks like {support.architecture.name}, but does not match it "
                f"({reason.strip()[:160]}); give SR images with {name}=FOLDER"
            ) from error
        return _checked(path, descriptor)
    raise CheckpointError(
        f"{path} {_described(state)}, of no architecture that srbench or spandrel knows; upscale "
        f"with its own code and give the SR images with {name}=FOLDER"
    )


def _detects(support: spandrel.ArchSupport, state: State) -> bool:
    try:
        return support.detect(dict(state))
    except Exception:  # a detector failed on these tensors, so they are not of its architecture
        return False


def _checked(path: Path, descriptor: object) -> Recognised:
    import spandrel

    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise CheckpointError(
            f"{path} needs a mask in addition to the image; expected super-resolution"
        )
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise CheckpointError(
            f"{path} maps {descriptor.input_channels} to {descriptor.output_channels} channels, "
            "expected 3 to 3 (RGB)"
        )
    return Recognised(_Described(descriptor).eval(), descriptor.scale, descriptor.architecture.name)


def _described(state: State) -> str:
    first = [f"{name} {tuple(tensor.shape)}" for name, tensor in list(state.items())[:3]]
    return f"holds {', '.join(first)} ... ({likely(state)})"


class _Bounded(TorchFunctionMode):
    """Refuse to build a network much larger than its tensors.

    Architectures take sizes from the shapes of some tensors, and a small file can claim any size.
    """

    def __init__(self, state: State) -> None:
        self._left = 2**26 + 2 * sum(tensor.numel() for tensor in state.values())

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.empty:  # every layer creates its parameters through this
            size = kwargs.get("size", args)
            self._left -= math.prod(torch.Size(size[0] if isinstance(size[0], Iterable) else size))
            if self._left < 0:
                raise ValueError("it would be many times as large as the file's tensors")
        return func(*args, **kwargs)


class _Described(nn.Module):
    """Call a spandrel descriptor, which pads the image to the sizes that its network needs."""

    def __init__(self, descriptor: spandrel.ImageModelDescriptor[nn.Module]) -> None:
        super().__init__()
        self.model = descriptor.model
        self._padding = descriptor.size_requirements
        self._scale = descriptor.scale

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        height, width = lr.shape[-2:]
        right, bottom = self._padding.get_padding(width, height)
        padded = nn.functional.pad(lr, (0, right, 0, bottom), mode="replicate")
        return self.model(padded)[..., : height * self._scale, : width * self._scale]
