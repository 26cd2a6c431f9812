"""Which device networks run on."""

from __future__ import annotations

from ..errors import SrbenchError


def pick_device(device: str) -> str:
    """The device to run on: ``auto`` is the GPU where there is one.

    Raises:
        SrbenchError: torch does not know the device, or it is not there.
    """
    if device == "cpu":
        return device  # always there: no need to ask torch, whose import takes a second
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SrbenchError(
            f"the device '{device}' cannot be used here ({reason}); try --device cpu or auto"
        ) from error
    return device
