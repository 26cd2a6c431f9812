"""Other people's checkpoints, through spandrel (an extra)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..errors import CheckpointError, SrbenchError

if TYPE_CHECKING:
    import spandrel


def load_external(name: str, path: Path, scale: int) -> nn.Module:
    """The network in somebody's ``.pth`` or ``.safetensors``, recognised by its tensors.

    RGB (N, 3, H, W) in [0, 1] in, SR in [0, 1] out. ``name`` is what messages call it.

    Pickles are read by torch's weights-only reader: a file that tries to run code is refused.

    Raises:
        SrbenchError: spandrel is not installed.
        CheckpointError: the file is unreadable, unsafe, of an unknown architecture, of another
            scale, or no RGB-to-RGB network.
    """
    try:
        from ..models.torchvision_import import import_torchvision

        import_torchvision()
        import spandrel
    except ImportError as error:
        raise SrbenchError(
            f"{name}={path.name} is not one of our checkpoints and needs the spandrel extra: "
            "pip install '.[spandrel]'"
        ) from error
    try:
        descriptor = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except Exception as error:  # spandrel and torch raise a dozen kinds for a bad file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(
            f"{path} cannot be used as a checkpoint ({type(error).__name__}: {reason}); expected "
            "weights of an architecture that spandrel knows, and nothing but weights"
        ) from error
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise CheckpointError(f"{path} needs a mask besides the image; expected super-resolution")
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise CheckpointError(
            f"{path} maps {descriptor.input_channels} to {descriptor.output_channels} channels, "
            "expected 3 to 3 (RGB)"
        )
    if descriptor.scale != scale:
        raise CheckpointError(f"{path} enlarges x{descriptor.scale}, but the run is x{scale}")
    return _Described(descriptor)


class _Described(nn.Module):
    """Calls a spandrel descriptor, which pads to the sizes that its network needs."""

    def __init__(self, descriptor: spandrel.ImageModelDescriptor) -> None:
        super().__init__()
        self.model = descriptor.model
        self._padding = descriptor.size_requirements
        self._scale = descriptor.scale

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        height, width = lr.shape[-2:]
        right, bottom = self._padding.get_padding(width, height)
        padded = nn.functional.pad(lr, (0, right, 0, bottom), mode="replicate")
        return self.model(padded)[..., : height * self._scale, : width * self._scale]
