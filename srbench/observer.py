"""How long work tells what it is doing, without knowing who listens."""

from __future__ import annotations


class Observer:
    """Receives the progress of a run; does nothing by itself."""

    def note(self, line: str) -> None:
        """Something that the user should know, in one line."""

    def begin(self, step: str, images: int) -> None:
        """A step with this many images begins; 0 if it has no count."""

    def step_done(self, name: str) -> None:
        """One more image of the step is done."""

    def part_done(self, name: str) -> None:
        """One more part of a step without a count is done."""

    def end(self) -> None:
        """The step is over."""
