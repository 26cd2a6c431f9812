"""Which device networks run on."""

from __future__ import annotations

import re

from ..errors import SrbenchError, unknown_name

_NAME = re.compile(r"auto|(cpu|cuda|mps|xpu)(:[0-9]+)?")


def require_device_name(device: str) -> str:
    """``device``, if it is what a device can be called; whether it is there, `pick_device` knows.

    It does without torch, so a slip of the pen is met even where nothing is to be computed.

    Raises:
        UnknownName: no device is called so.
    """
    if not _NAME.fullmatch(device):
        raise unknown_name("device", device, ["auto", "cpu", "cuda", "cuda:1", "mps", "xpu"])
    return device


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
