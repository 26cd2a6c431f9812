"""Words of messages that depend on numbers."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """``1 image``, ``2 images``, ``29,328 votes``: for things whose plural takes an s."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
