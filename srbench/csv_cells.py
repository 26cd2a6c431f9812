"""Text cells of a CSV that no spreadsheet takes for a formula, and back again.

A spreadsheet runs a cell that begins with = + - @, a tab or a carriage return. A text cell that
begins with one of these, or with an apostrophe, is written with one apostrophe before it; reading
takes that apostrophe away. So every text comes back as it was.
"""

from __future__ import annotations

_GUARDED = ("=", "+", "-", "@", "\t", "\r", "'")
_YES, _NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no", "")


def guard(cell: str) -> str:
    """A text cell as written."""
    return "'" + cell if cell.startswith(_GUARDED) else cell


def unguard(cell: str) -> str:
    """A text cell as meant; one that `guard` cannot have written stays as it is."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_GUARDED) else cell


def truth(cell: str) -> bool | None:
    """Yes or no, as spreadsheets and programs write it; an empty cell is no. None: neither."""
    word = cell.strip().lower()
    return True if word in _YES else False if word in _NO else None
