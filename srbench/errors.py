"""Everything a user can get wrong, as one family.

The command line prints such an error in one line and exits with code 2; anything else that
escapes is a bug. A message says what was found, what was expected and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SrbenchError(Exception):
    """A mistake in the input, with a message for the person who can fix it."""


class ImageError(SrbenchError):
    """An image file cannot be read, or is of a kind that is not accepted."""


class SizeMismatch(SrbenchError):
    """Two images that must agree in size or channels do not."""


class WrongType(SrbenchError, TypeError):
    """An argument is of another type than it must be."""


class WrongValue(SrbenchError, ValueError):
    """An argument has a value that makes no sense."""


class UnknownName(SrbenchError):
    """A method, data set, protocol or setting of that name does not exist."""


class DatasetError(SrbenchError):
    """A data set is missing, incomplete, or differs from the set of that name."""


class DownloadError(SrbenchError):
    """A file could not be fetched, or is not the file that was expected."""


class MissingWeights(SrbenchError):
    """Trained weights that are needed are not on this machine."""


class CheckpointError(SrbenchError):
    """A checkpoint is damaged, unsafe, or of another architecture or scale."""


class ConfigError(SrbenchError):
    """The experiment file or a combination of options makes no sense."""


class ResultsError(SrbenchError):
    """The results folder cannot be used as asked."""


class MethodError(SrbenchError):
    """A user's method does not return what a method must return."""


class MetricError(SrbenchError):
    """A user's metric cannot be loaded or does not return what a metric must return."""


class TrainingError(SrbenchError):
    """Training cannot start or continue."""


class RatingsError(SrbenchError):
    """A ratings table is not what the statistics need."""


class StudyError(SrbenchError):
    """A study cannot be made, opened or changed as asked."""


class BegunAlready(StudyError):
    """A participant has already started, and this visitor has neither the link nor the device."""


class SessionGone(StudyError):
    """A rater's session was erased, or never existed in this study."""


def unknown_name(kind: str, given: object, known: Iterable[str]) -> UnknownName:
    """The error for a name that does not exist, with the nearest one that does."""
    given = " ".join(str(given).split())[:200]
    names = sorted(map(str, known))
    near = difflib.get_close_matches(given.lower(), [name.lower() for name in names], n=1)
    nearest = next((n for n in names if near and n.lower() == near[0]), None)
    hint = f"did you mean '{nearest}'? " if nearest else ""
    return UnknownName(f"unknown {kind} '{given}'; {hint}known are: {', '.join(names)}")
