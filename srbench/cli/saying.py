"""Plain lines on the terminal, without heavy imports."""

from __future__ import annotations

import sys

from ..wording import printable


def say(line: str, *, error: bool = False) -> None:
    """Print one ``line`` on standard output or standard error, without control characters."""
    print(printable(line).replace("\n", "\u240a"), file=sys.stderr if error else sys.stdout)
