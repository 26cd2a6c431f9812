"""Networks and their weights: what turns LR into SR, and the backbones that look at the result.

Tensors are float32 of shape (N, C, H, W).
"""

from .backbones import build_features, load_features
from .weights import fetch_weights, import_weights, list_weights, load_weights, weights_folder

__all__ = [
    "build_features",
    "fetch_weights",
    "import_weights",
    "list_weights",
    "load_features",
    "load_weights",
    "weights_folder",
]
