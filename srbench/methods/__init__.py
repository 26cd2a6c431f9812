"""Methods from LR to SR: interpolation, our networks, folders, third-party checkpoints."""

from .base import ImageId, Method
from .resolve import MissingMethod, Selection, load_method, select_methods

__all__ = ["ImageId", "Method", "MissingMethod", "Selection", "load_method", "select_methods"]
