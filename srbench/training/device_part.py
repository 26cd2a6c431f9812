"""The device part of a training step; on a GPU it is captured and replayed as a CUDA graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

WARM_UP = 3
"""Steps before a capture: kernels are chosen and optimisers make their state in them."""

Outputs = dict[str, torch.Tensor]


class DevicePart:
    """A function of tensors on the device that never synchronises with it.

    A step of these small networks has hundreds of short kernels, and on a GPU starting them one by
    one takes longer than running them. A CUDA graph starts them together. The function's state
    (weights, optimisers, rates) must only be changed in place.

    Args:
        function: of tensors, and of ``crop``, which shapes depend on; gives tensors by name.
        device: where it runs.
        capture: whether it may be captured (on a GPU, by one process).
    """

    def __init__(
        self, function: Callable[..., Outputs], device: torch.device, *, capture: bool
    ) -> None:
        self._function, self._device, self._capture = function, device, capture
        self.forget()

    def forget(self) -> None:
        """Capture again, because shapes or the function's state have changed."""
        self._shape: object = None
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: list[torch.Tensor] = []
        self._outputs: Outputs = {}

    def __call__(self, *inputs: torch.Tensor, crop: int) -> Outputs:
        """The function's outputs; with a graph, copies that the next call does not change."""
        if not self._capture:
            there = [tensor.to(self._device, non_blocking=True) for tensor in inputs]
            return self._function(*there, crop=crop)
        shape = (crop, [tensor.shape for tensor in inputs])
        if shape != self._shape:
            self.forget()
            self._shape = shape
            self._inputs = [torch.empty_like(tensor, device=self._device) for tensor in inputs]
        for there, tensor in zip(self._inputs, inputs, strict=True):
            there.copy_(tensor, non_blocking=True)
        self._calls += 1
        if self._calls <= WARM_UP:  # on a separate stream, as captures require
            stream = torch.cuda.Stream(self._device)
            stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(stream):
                outputs = self._function(*self._inputs, crop=crop)
            torch.cuda.current_stream(self._device).wait_stream(stream)
            return outputs
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph):
                    self._outputs = self._function(*self._inputs, crop=crop)
            except RuntimeError as error:
                warnings.warn(f"training continues without a CUDA graph: {error}", stacklevel=2)
                self._capture = False
                torch.cuda.synchronize(self._device)
                return self._function(*self._inputs, crop=crop)
            self._graph = graph
        self._graph.replay()
        return {name: tensor.clone() for name, tensor in self._outputs.items()}
