"""The errors that a user can cause.

The command line prints such an error in one line and exits with code 2; any other exception is a
bug. A message says what was found, what was expected and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SrbenchError(Exception):
    """A mistake in the input, with a message for the person who can fix it."""


class ImageError(SrbenchError):
    """An image file cannot be read, or has an unsupported format."""


class SizeMismatch(SrbenchError):
    """Two images differ in size or channels."""


class WrongType(SrbenchError, TypeError):
    """An argument has the wrong type."""


class WrongValue(SrbenchError, ValueError):
    """An argument has an invalid value."""


class UnknownName(SrbenchError):
    """No method, data set, protocol or setting has this name."""


class DatasetError(SrbenchError):
    """A data set is missing, incomplete, or differs from the known set of its name."""


class DownloadError(SrbenchError):
    """A file could not be downloaded, or is not the expected file."""


class MissingWeights(SrbenchError):
    """Required weights are not on this machine."""


class CheckpointError(SrbenchError):
    """A checkpoint is damaged or unsafe, or has another architecture or scale."""


class ConfigError(SrbenchError):
    """The experiment file or a combination of options is not valid."""


class ResultsError(SrbenchError):
    """The results folder cannot be used."""


class MethodError(SrbenchError):
    """A user's method fails or returns a wrong result."""


class MetricError(SrbenchError):
    """A user's metric cannot be loaded, fails or returns a wrong result."""


class TrainingError(SrbenchError):
    """Training cannot start or continue."""


class RatingsError(SrbenchError):
    """A ratings table cannot be used."""


class StudyError(SrbenchError):
    """A study cannot be made, opened or changed."""


class BegunAlready(StudyError):
    """The participant has already started, and this browser has neither the link nor a token."""


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
