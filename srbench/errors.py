"""Everything a user can get wrong, as one family.

The command line prints such an error in one line and exits with code 2; anything else that
escapes is a fault of ours. A message says what was found, what was expected and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SrbenchError(Exception):
    """A mistake in the input, worded for the person who can mend it."""


class ImageError(SrbenchError):
    """An image file cannot be read, or is of a kind that the rules refuse."""


class SizeMismatch(SrbenchError):
    """Two images that must agree in size or channels do not."""


class WrongType(SrbenchError, TypeError):
    """An argument is of another type than it must be."""


class WrongValue(SrbenchError, ValueError):
    """An argument has a value that makes no sense."""


class UnknownName(SrbenchError):
    """A method, data set, protocol or setting of that name does not exist."""


class DatasetError(SrbenchError):
    """A data set is missing, incomplete, or not the one it claims to be."""


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
    """A method that somebody brought does not give what a method must."""


class MetricError(SrbenchError):
    """A metric that somebody brought cannot be loaded or does not give what a metric must."""


class TrainingError(SrbenchError):
    """Training cannot start or go on."""


class RatingsError(SrbenchError):
    """A ratings table is not what the statistics need."""


class StudyError(SrbenchError):
    """A study cannot be made, opened or changed as asked."""


class BegunAlready(StudyError):
    """A participant has begun already, and who comes shows neither the link nor the device."""


class SessionGone(StudyError):
    """A rater's session was erased, or never was in this study."""


def unknown_name(kind: str, given: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    near = difflib.get_close_matches(given.lower(), [name.lower() for name in names], n=1)
    nearest = next((n for n in names if near and n.lower() == near[0]), None)
    hint = f"did you mean '{nearest}'? " if nearest else ""
    return UnknownName(f"unknown {kind} '{given}'; {hint}known are: {', '.join(names)}")
