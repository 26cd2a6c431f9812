"""Import torchvision even if its compiled operators do not load.

torchvision's wheel for another build of torch (the usual CPU installation) cannot load its
compiled part. It should work without it, but two of its modules declare the results of ``nms`` and
``qnms``, and torch refuses this for unknown operators: ``import torchvision`` ends in
``RuntimeError: operator torchvision::nms does not exist``. We do not use these operators, so
defining their names is enough.

Libraries that import torchvision (lpips, spandrel) are imported after :func:`import_torchvision`.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import torch

_kept_alive: list[torch.library.Library] = []  # the names exist only as long as the library object


def import_torchvision() -> ModuleType:
    """``import torchvision``, patched only if it fails because its operators are missing.

    Defining the names first would conflict with the real operators if they load.
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
        del sys.modules[name]  # partly imported
    return importlib.import_module("torchvision")
