"""Extract the tensors of a network from a training's checkpoint.

Trainers wrap a network's tensors in dictionaries (``params_ema``, ``state_dict``) and add prefixes
to their names (``module.``, ``generator.``). This module removes both. A file with several networks
is refused with their names, because the right one is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor

from ..errors import CheckpointError

State = dict[str, Tensor]

# The averaged copy of a network is the one that authors publish; the first found is used.
_AVERAGED = (
    "params_ema", "params-ema", "ema_state_dict", "model_ema", "generator_ema", "net_g_ema",
    "netG_ema", "g_ema", "ema_model", "ema",
)  # fmt: skip
_NO_NETWORK = ("optim", "sched", "scaler", "rng", "loops", "callbacks", "hyper")
_COUNTERS = ("n_averaged", "step_counter", "num_updates", "iteration", "decay")

# Prefixes of a whole network. Some networks' own names begin with `model.`, so every level of
# removal is tried, starting with the full names.
_WRAPPERS = ("module.", "_orig_mod.")
_PARTS = (
    "model.", "generator.", "generator_ema.", "netG.", "net_g.", "net_g_ema.", "netG_ema.",
    "network.", "net.", "g_ema.", "ema_model.", "ema.", "sr_model.", "student.",
)  # fmt: skip
_ADVERSARIES = (
    "discriminator.", "netD.", "net_d.", "critic.", "perceptual_loss.", "loss.", "loss_fn.",
    "criterion.",
)  # fmt: skip


def network_state(content: Mapping[str, object], path: Path) -> State:
    """The named tensors of the network in ``content``; floating-point ones as float32.

    Raises:
        CheckpointError: there are no tensors, tensors claim more than they store or are not dense,
            or there are several networks; the message names them.
    """
    found = dict(_states(content, "", 0))
    if not found:
        held = ", ".join(map(str, list(content)[:3])) or "nothing"
        raise CheckpointError(f"{path} holds no tensors of a network (it holds {held})")
    copies = _of_one_network(found)
    if copies is None:
        _refuse_several(path, list(found))
    averaged = [name for word in _AVERAGED for name in copies if word in name.split(".")]
    if not averaged and not _are_equal([_dense(state, path) for state in copies.values()]):
        _refuse_several(path, list(copies))
    state = copies[averaged[0] if averaged else next(iter(copies))]
    return _one_of_its_prefixes(_dense(state, path), path)


def readings(state: State) -> Iterator[State]:
    """``state`` with its names, then without each common prefix."""
    yield state
    while prefix := next(
        (p for p in (*_WRAPPERS, *_PARTS) if all(k.startswith(p) for k in state)), None
    ):
        state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
        yield state


def _states(
    content: Mapping[str, object], name: str, depth: int
) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The dictionaries of named tensors in ``content``, with their paths as names."""
    tensors = [key for key, value in content.items() if isinstance(value, Tensor)]
    if any("." in str(key) for key in tensors):
        yield name, content
        return
    inner = False
    for key, value in content.items():
        if not isinstance(key, str) or any(word in key.lower() for word in _NO_NETWORK):
            continue
        if isinstance(value, Mapping) and depth < 4:
            for found in _states(value, f"{name}.{key}".lstrip("."), depth + 1):
                inner = True
                yield found
    if tensors and not inner and depth < 4:
        yield name, content


def _of_one_network(
    found: Mapping[str, Mapping[str, object]],
) -> dict[str, Mapping[str, object]] | None:
    """``found`` if all have the same names and shapes except for prefixes, else None."""
    forms = set()
    for state in found.values():
        *_, bare = readings({k: v for k, v in state.items() if isinstance(v, Tensor) and v.ndim})
        forms.add(frozenset((key, tuple(tensor.shape)) for key, tensor in bare.items()))
    return dict(found) if len(forms) == 1 else None


def _are_equal(states: Sequence[State]) -> bool:
    """Whether copies of one network have the same values; without, the right one is unknown."""
    first, *others = ([*readings(state)][-1] for state in states)
    return all(
        torch.equal(tensor, other[name])
        for other in others
        for name, tensor in first.items()
        if tensor.ndim and name in other
    )


def _dense(state: Mapping[str, object], path: Path) -> State:
    """The tensors of ``state``, without counters and settings."""
    tensors: State = {}
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor) or name in _COUNTERS:
            continue
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type == "meta":
            raise CheckpointError(f"{path}: tensor {name} is not dense numbers; save it as such")
        # A view of one stored number can claim any size, and copying it would fill the memory.
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise CheckpointError(
                f"{path}: tensor {name} should be {tuple(tensor.shape)} but stores less"
            )
        tensor = tensor.detach()
        tensors[name] = tensor.float() if tensor.is_floating_point() else tensor
    return tensors


def _one_of_its_prefixes(state: State, path: Path) -> State:
    """The tensors of one network in ``state``: an averaged copy is preferred; several networks are
    refused.
    """
    under: dict[str, State] = {}
    for key, tensor in state.items():
        bare = key
        for wrapper in _WRAPPERS:
            bare = bare.removeprefix(wrapper)
        part = next((p for p in (*_PARTS, *_ADVERSARIES) if bare.startswith(p)), "")
        under.setdefault(part, {})[bare.removeprefix(part)] = tensor
    if len(under) > 1 and any(part in _ADVERSARIES for part in under):
        _refuse_several(path, [part.rstrip(".") or "others" for part in under])
    forms = {frozenset((k, tuple(t.shape)) for k, t in one.items()) for one in under.values()}
    if len(under) == 1 or "" in under or len(forms) > 1:
        return state  # all tensors belong to one network; otherwise the architecture check fails
    averaged = [part for part in under if "ema" in part]
    if not averaged and not _are_equal(list(under.values())):
        _refuse_several(path, [part.rstrip(".") for part in under])
    return under[averaged[0] if averaged else next(iter(under))]


def _refuse_several(path: Path, names: list[str]) -> NoReturn:
    raise CheckpointError(
        f"{path} holds several networks ({', '.join(names[:6])}); save the tensors of one of them "
        "in a separate file and give that file"
    )
