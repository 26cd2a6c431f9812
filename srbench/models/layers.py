"""Building blocks that several networks share."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from ..imaging.resize import bicubic_matrix


class PReLU(nn.PReLU):
    """PReLU with one slope for all channels, with the same function and gradients as torch's.

    torch 2.13 computes the CPU gradient of a shared slope element by element in bfloat16 or
    channels-last memory, which takes a quarter of SRResNet's training step. A leaky ReLU and one
    reduction take a seventh of that.
    """

    def __init__(self) -> None:
        super().__init__(num_parameters=1)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if input.device.type != "cpu":
            return super().forward(input)
        return _SharedSlope.apply(input, self.weight)


class _SharedSlope(torch.autograd.Function):
    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]: torch declares *args
        ctx: FunctionCtx, input: torch.Tensor, slope: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(input, slope)
        return F.leaky_relu(input, slope.item())

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: torch declares *args
        ctx: FunctionCtx, grad: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        input, slope = ctx.saved_tensors  # pyright: ignore[reportAttributeAccessIssue]
        below = torch.ops.aten.leaky_relu_backward(grad, input, slope.item(), False)
        return below, input.clamp(max=0).mul_(grad).sum().reshape(1).to(slope.dtype)


class WideTail(nn.Conv2d):
    """A k x k convolution to few channels, computed as the sum of k narrow ones.

    The same parameters and the same result (to float rounding) as :class:`torch.nn.Conv2d` with
    "same" padding. The 9x9 convolution from 64 to 3 channels at the end of SRResNet takes a third
    of its time, because three output channels do not fill the vector units. One k x 1 convolution
    to 3 k channels and k shifted additions are about three times as fast.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        outputs, inputs, kernel, _ = self.weight.shape
        # weight[o, i, y, x] becomes the k x 1 filter of channel (x, o).
        columns = self.weight.permute(3, 0, 1, 2).reshape(kernel * outputs, inputs, kernel, 1)
        total = _ShiftedSum.apply(F.conv2d(input, columns, padding=(kernel // 2, 0)), kernel)
        if self.bias is not None:
            total = total + self.bias.reshape(1, -1, 1, 1)
        return total


class _ShiftedSum(torch.autograd.Function):
    """The sum of k groups of channels, with group x shifted k // 2 - x columns to the right."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]: torch declares *args
        ctx: FunctionCtx, parts: torch.Tensor, kernel: int
    ) -> torch.Tensor:
        ctx.kernel = kernel  # pyright: ignore[reportAttributeAccessIssue]
        reach, width, outputs = kernel // 2, parts.shape[-1], parts.shape[1] // kernel
        # For few channels: pad and add plane by plane, with contiguous rows.
        parts = F.pad(parts.contiguous(), (reach, reach))
        total = parts[:, :outputs, :, :width].clone()
        for x in range(1, kernel):
            total += parts[:, x * outputs : (x + 1) * outputs, :, x : x + width]
        return total

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: torch declares *args
        ctx: FunctionCtx, grad: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        kernel: int = ctx.kernel  # pyright: ignore[reportAttributeAccessIssue]
        reach, width = kernel // 2, grad.shape[-1]
        padded = F.pad(grad.contiguous(), (reach, reach))
        # Group x was read x - reach columns to the right, so its gradient comes from the left.
        parts = [padded[..., 2 * reach - x : 2 * reach - x + width] for x in range(kernel)]
        return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last), None


def to_device(network: nn.Module, device: torch.device | str) -> nn.Module:
    """Move ``network`` to ``device`` in channels-last memory, where convolutions are fastest."""
    # torch's stubs lack Module.to(memory_format=...).
    return network.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def enlarge(image: torch.Tensor, scale: int) -> torch.Tensor:
    """Bicubic enlargement (a = -0.5, symmetric border) of float (N, C, H, W), without rounding."""
    height, width = image.shape[-2:]
    rows = torch.as_tensor(bicubic_matrix(height, Fraction(scale)), dtype=image.dtype)
    columns = torch.as_tensor(bicubic_matrix(width, Fraction(scale)), dtype=image.dtype)
    return rows.to(image.device) @ image @ columns.to(image.device).T


_RGB_TO_YCC = torch.tensor(
    [[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]],
    device="cpu",  # on the CPU even if the first call is under the meta device
)


def rgb_to_ycc(image: torch.Tensor) -> torch.Tensor:
    """Full-range BT.601 luma and colour differences of (N, 3, H, W), without offsets."""
    return torch.einsum("ij,njhw->nihw", _RGB_TO_YCC.to(image), image)


def ycc_to_rgb(image: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`rgb_to_ycc`."""
    return torch.einsum("ij,njhw->nihw", torch.linalg.inv(_RGB_TO_YCC).to(image), image)
