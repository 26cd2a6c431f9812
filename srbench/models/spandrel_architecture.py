"""Our SRResNet as an architecture for spandrel's public registry.

    from spandrel import MAIN_REGISTRY, ArchSupport
    from srbench.models.spandrel_architecture import SRResNetArch

    MAIN_REGISTRY.add(ArchSupport.from_architecture(SRResNetArch()))

Needs the extra ``spandrel``. First import torchvision, or call :func:`import_torchvision`.
"""

from __future__ import annotations

from typing import Any

import torch
from spandrel import Architecture, ImageModelDescriptor
from spandrel.util import KeyCondition

from ..errors import CheckpointError
from .foreign import architecture_of
from .srresnet import SRResNet


class UnitSRResNet(SRResNet):
    """Our SRResNet with its output around [0, 1], as expected by users of spandrel."""

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return super().forward(lr).add(1.0).mul(0.5)


class SRResNetArch(Architecture[UnitSRResNet]):
    """Detects and loads the SRResNets that srbench trains; scale and size come from the tensors."""

    def __init__(self) -> None:
        super().__init__(
            id="srbench-SRResNet",
            name="SRResNet (srbench)",
            detect=KeyCondition.has_all(
                "head.0.weight",
                "blocks.0.bn1.running_var",
                "merge.1.running_var",
                "upsample.0.weight",
                "tail.weight",
            ),
        )

    def load(self, state_dict: dict[str, Any]) -> ImageModelDescriptor[UnitSRResNet]:
        """The network of a state dict.

        Raises:
            CheckpointError: the tensors are not those of an SRResNet for x2 or x4.
        """
        shape = architecture_of(state_dict)
        if shape is None:
            raise CheckpointError("the tensors are not of an SRResNet of srbench")
        return ImageModelDescriptor(
            UnitSRResNet(shape.scale, shape.blocks, shape.channels),
            state_dict,
            architecture=self,
            purpose="SR",
            tags=[f"{shape.channels}nf", f"{shape.blocks}nb"],
            supports_half=True,
            supports_bfloat16=True,
            scale=shape.scale,
            input_channels=3,
            output_channels=3,
        )
