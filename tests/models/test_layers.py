"""Our faster layers are torch's own functions, gradients included."""

import pytest
import torch
from torch import nn

from srbench.models.layers import PReLU, WideTail


def _run(layer: nn.Module, x: torch.Tensor, grad: torch.Tensor) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(grad)
    grads = [x.grad, *(p.grad for p in layer.parameters())]
    assert all(g is not None for g in grads)
    return [y.detach(), *(g for g in grads if g is not None)]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_prelu_equals_torchs(memory: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 7, 9).to(memory_format=memory)
    grad = torch.randn_like(x)
    for ours, theirs in zip(_run(PReLU(), x, grad), _run(nn.PReLU(), x, grad), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_prelu_in_bfloat16_rounds_only_the_gradient_of_the_slope() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 7, 9).bfloat16()
    grad = torch.randn_like(x)
    y, below, slope = _run(PReLU(), x, grad)
    assert y.dtype == torch.bfloat16
    exact = _run(nn.PReLU(), x.float(), grad.float())
    torch.testing.assert_close(y.float(), exact[0], rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(below.float(), exact[1], rtol=1e-2, atol=1e-2)
    torch.testing.assert_close(slope, exact[2], rtol=2e-2, atol=0.1)


def test_wide_tail_equals_the_convolution() -> None:
    torch.manual_seed(0)
    ours, theirs = WideTail(6, 3, 9), nn.Conv2d(6, 3, 9, padding=4)
    theirs.load_state_dict(ours.state_dict())
    x, grad = torch.randn(2, 6, 20, 31), torch.randn(2, 3, 20, 31)
    for a, b in zip(_run(ours, x, grad), _run(theirs, x, grad), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-4)
