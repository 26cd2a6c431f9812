"""The interface for progress reports of long tasks."""

from __future__ import annotations

import logging


class Observer:
    """Receives the progress of a run; this base class ignores it."""

    def note(self, line: str) -> None:
        """A one-line note for the user."""

    def begin(self, step: str, images: int, pixels: int = 0, *, unit: str = "") -> None:
        """A step with this number of images begins; 0 if it has no count.

        ``pixels`` is the size of all images together, if known: the time left depends on it.
        ``unit`` is the singular name of what is counted, if it is not what the run counts.
        """

    def step_done(self, name: str, images: int = 1, pixels: int = 0) -> None:
        """One more image of the step is done, or several, with this number of pixels together."""

    def part_done(self, name: str) -> None:
        """One more part of a step without a count is done."""

    def end(self) -> None:
        """The step is over."""


class NotesLogged(Observer):
    """Writes the notes to the logger ``srbench``, for callers in Python without an own observer.

    Python prints them on standard error unless the program configures logging.
    """

    def note(self, line: str) -> None:
        logging.getLogger("srbench").warning(line)
