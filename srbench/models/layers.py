"""Building blocks that several networks share."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import nn
from torch.nn import functional as F

from ..imaging.resize import bicubic_matrix


class WideTail(nn.Conv2d):
    """A k x k convolution to few channels, computed as k narrow ones added up.

    The same parameters and the same result (to float rounding) as :class:`torch.nn.Conv2d` with
    "same" padding. The 9x9 convolution from 64 to 3 channels at the end of SRResNet is a third of
    its time because three output channels leave the vector units idle; as one k x 1 convolution
    to 3 k channels and k shifted additions it runs about three times as fast.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        outputs, inputs, kernel, _ = self.weight.shape
        reach, width = kernel // 2, input.shape[-1]
        # weight[o, i, y, x] becomes the k x 1 filter of channel (x, o).
        columns = self.weight.permute(3, 0, 1, 2).reshape(kernel * outputs, inputs, kernel, 1)
        # Few channels: padded and added plane by plane, where rows are contiguous.
        parts = F.conv2d(input, columns, padding=(reach, 0)).contiguous()
        parts = F.pad(parts, (reach, reach))
        total = parts[:, :outputs, :, :width].clone()
        for x in range(1, kernel):
            total += parts[:, x * outputs : (x + 1) * outputs, :, x : x + width]
        if self.bias is not None:
            total += self.bias.reshape(1, -1, 1, 1)
        return total


def to_device(network: nn.Module, device: torch.device | str) -> nn.Module:
    """``network`` on ``device`` in channels-last memory, where convolutions are fastest."""
    # torch's stubs do not know Module.to(memory_format=...).
    return network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def enlarge(image: torch.Tensor, scale: int) -> torch.Tensor:
    """Bicubic enlargement (a = -0.5, symmetric border) of float (N, C, H, W), without rounding."""
    height, width = image.shape[-2:]
    rows = torch.as_tensor(bicubic_matrix(height, Fraction(scale)), dtype=image.dtype)
    columns = torch.as_tensor(bicubic_matrix(width, Fraction(scale)), dtype=image.dtype)
    return rows.to(image.device) @ image @ columns.to(image.device).T


_RGB_TO_YCC = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
)


def rgb_to_ycc(image: torch.Tensor) -> torch.Tensor:
    """Full-range BT.601 luma and colour differences of (N, 3, H, W), without offsets."""
    return torch.einsum("ij,njhw->nihw", _RGB_TO_YCC.to(image), image)


def ycc_to_rgb(image: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`rgb_to_ycc`."""
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(_RGB_TO_YCC).to(image), image)
