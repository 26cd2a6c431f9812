"""Importing torchvision where its compiled operators do not load.

torchvision's wheel for another build of torch (the usual CPU installation) cannot load its
compiled part. It is meant to work without it, yet two of its modules declare what ``nms`` and
``qnms`` return, and torch refuses that for operators it has never heard of: ``import
torchvision`` ends in ``RuntimeError: operator torchvision::nms does not exist``. Nothing here
uses these operators; it is enough that torch knows their names.

Whatever imports torchvision itself (lpips, spandrel) is imported after a call of
:func:`import_torchvision`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

_kept_alive: list[torch.library.Library] = []  # the names vanish with the library object


def import_torchvision() -> ModuleType:
    """``import torchvision``, patched only if it fails because its operators are missing.

    Defining the names beforehand would clash with the real operators where these do load.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept_alive.append(library)
    for name in [m for m in sys.modules if m.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    return importlib.import_module("torchvision")
