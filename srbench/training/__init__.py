"""Making the networks: recipes, losses and one loop for both phases of SRGAN.

``train`` is the whole of ``srbench train``.
"""

from .make import Trained, train
from .recipe import Recipe, Stage
from .recipes import PRESETS, read_recipe, recipe_for

__all__ = ["PRESETS", "Recipe", "Stage", "Trained", "read_recipe", "recipe_for", "train"]
