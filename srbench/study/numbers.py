"""Check the whole numbers that Python callers give."""

from __future__ import annotations

import numpy as np

from ..errors import StudyError


def require_whole(**numbers: object) -> None:
    """Refuse what is not a whole number: texts, 2.5, True. None is not checked.

    Raises:
        StudyError: one is of another kind; the message has its name.
    """
    for name, given in numbers.items():
        whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
        if given is not None and not whole:
            raise StudyError(f"{name.replace('_', ' ')} is {given!r:.60}, expected a whole number")
