"""Making the networks: recipes, losses and one loop for both phases of SRGAN.

``train`` is the whole of ``srbench train``.
"""

from .make import Trained, train
from .matrix import matrix_table, train_matrix
from .photographs import find_photographs
from .place import Place, training_place
from .recipe import Recipe, Stage
from .recipes import PRESETS, TV_MATRIX, read_recipe, recipe_for

__all__ = [
    "PRESETS",
    "TV_MATRIX",
    "Place",
    "Recipe",
    "Stage",
    "Trained",
    "find_photographs",
    "matrix_table",
    "read_recipe",
    "recipe_for",
    "train",
    "train_matrix",
    "training_place",
]
