"""From votes to conclusions: pure functions on the ratings table.

`analyze` runs them all; `read_ratings` reads and checks a ratings file.
"""

from .analyze import analyze
from .ratings import check_ratings, main_votes
from .reading import read_ratings

__all__ = ["analyze", "check_ratings", "main_votes", "read_ratings"]
