"""Making the networks: recipes, losses and one loop for both phases of SRGAN.

``train`` is the whole of ``srbench train``.
"""

from .make import Trained, train
from .photographs import find_photographs
from .place import Place, training_place
from .recipe import Recipe, Stage
from .recipes import PRESETS, read_recipe, recipe_for

__all__ = [
    "PRESETS",
    "Place",
    "Recipe",
    "Stage",
    "Trained",
    "find_photographs",
    "read_recipe",
    "recipe_for",
    "train",
    "training_place",
]
