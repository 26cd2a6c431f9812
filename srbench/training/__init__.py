"""Train the networks: recipes, losses, and one loop for both phases of SRGAN.

``train`` is ``srbench train``.
"""

from .matrix import contrasts, contrasts_table, matrix_table, train_matrix
from .photographs import Photographs, find_photographs, read_photographs
from .processes import TrainingProcess, training_process
from .recipe import Recipe, Stage
from .recipes import MATRICES, PRESETS, read_recipe, recipe_for
from .run import Trained, planned_steps, train

__all__ = [
    "MATRICES",
    "PRESETS",
    "Photographs",
    "Recipe",
    "Stage",
    "Trained",
    "TrainingProcess",
    "contrasts",
    "contrasts_table",
    "find_photographs",
    "matrix_table",
    "planned_steps",
    "read_photographs",
    "read_recipe",
    "recipe_for",
    "train",
    "train_matrix",
    "training_process",
]
