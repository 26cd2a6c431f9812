"""The optimisers of a recipe with one interface: Adam as in the papers, or Muon for filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import nn

OptimiserName = Literal["adam", "muon"]


class Optimiser:
    """Updates a network's parameters at a rate given with every step.

    ``muon`` (Jordan et al. 2024) moves each layer's filters, seen as a matrix of one row per
    output channel, along the orthogonalised momentum, scaled to the root mean square of an Adam
    step (Liu et al. 2025), so that Adam's rates apply; biases, slopes and normalisations stay with
    Adam. For the shallow networks it is much more efficient: after the same CPU time, ESPCN reaches
    0.3 dB more than with Adam.

    Args:
        network: what to train.
        name: ``adam`` or ``muon``.
        betas: Adam's decay of the first and second moment.
    """

    def __init__(self, network: nn.Module, name: OptimiserName, betas: tuple[float, float]) -> None:
        self._parameters = list(network.parameters())
        device = self._parameters[0].device
        self._rate, self._rate_there = 0.0, torch.zeros((), device=device)
        self.capturable = name == "adam" and device.type == "cuda"
        """Whether :meth:`step` may be captured in a CUDA graph."""
        filters = [p for p in self._parameters if p.ndim > 1 and name == "muon"]
        known = {id(p) for p in filters}
        rest = [p for p in self._parameters if id(p) not in known]
        self._parts: list[torch.optim.Optimizer] = []
        if rest:
            self._parts.append(self._adam(rest, betas))
        # torch's Muon takes only matrices, so it gets views that share the filters' memory
        # (channels-last; `view` would refuse other layouts).
        self._views = [(p, nn.Parameter(_rows(p.detach()).view(len(p), -1))) for p in filters]
        if filters:
            self._parts.append(
                torch.optim.Muon(
                    [view for _, view in self._views],
                    lr=1.0,
                    weight_decay=0.0,
                    adjust_lr_fn="match_rms_adamw",
                )
            )

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=True)
        for filters, _ in self._views:
            filters.grad = None

    def set_rate(self, rate: float) -> None:
        """The learning rate of the updates that follow."""
        self._rate = rate
        self._rate_there.fill_(rate)

    def step(self) -> torch.Tensor:
        """One update with the parameters' gradients, without synchronising with the device.

        Returns 1, on the parameters' device, if a gradient is not finite; then nothing is changed.
        """
        gradients = [p.grad for p in self._parameters if p.grad is not None]
        skipped = (~torch.nn.utils.get_total_norm(gradients).isfinite()).float()
        for filters, view in self._views:
            view.grad = None if filters.grad is None else _rows(filters.grad).reshape(view.shape)
        for part in self._parts:
            if isinstance(part, torch.optim.Adam):
                part.param_groups[0]["lr"] = self._rate_there
                # torch's GradScaler uses the same way to skip an update of a fused optimiser.
                part.found_inf, part.grad_scale = skipped, None  # pyright: ignore[reportAttributeAccessIssue]
                part.step()
            else:
                part.param_groups[0]["lr"] = self._rate
                _step_unless(part, skipped)
        return skipped

    def state_dict(self) -> dict[str, Any]:
        """The state that determines the next updates."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the :meth:`state_dict` of an optimiser made in the same way."""
        for part, saved in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(saved)
            if isinstance(part, torch.optim.Adam):  # it may come from another kind of device
                part.param_groups[0]["capturable"] = self.capturable

    def _adam(
        self, parameters: list[nn.Parameter], betas: tuple[float, float]
    ) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            parameters, lr=self._rate_there, betas=betas, fused=True, capturable=self.capturable
        )


@torch.no_grad()
def _step_unless(part: torch.optim.Optimizer, skipped: torch.Tensor) -> None:
    """A step that is undone where ``skipped`` is 1."""
    parameters = part.param_groups[0]["params"]
    before = [
        (p.clone(), {name: t.clone() for name, t in part.state[p].items()}) for p in parameters
    ]
    part.step()
    for parameter, (value, state) in zip(parameters, before, strict=True):
        parameter.copy_(torch.where(skipped > 0, value, parameter))
        for name, tensor in part.state[parameter].items():
            old = state[name] if name in state else torch.zeros_like(tensor)
            tensor.copy_(torch.where(skipped > 0, old, tensor))


def _rows(filters: torch.Tensor) -> torch.Tensor:
    """(O, I, y, x) as (O, y, x, I), the order of channels-last memory; matrices as they are."""
    return filters.permute(0, 2, 3, 1) if filters.ndim == 4 else filters
