"""Escape text cells of a CSV against spreadsheets' formulas, and unescape them.

Spreadsheets run a cell that begins with = + - @ (normal or full width), some of them also after
blanks, line ends and zero-width characters. Such a text cell, or one that begins with an
apostrophe, a tab or a line end, is written with an apostrophe before it, which is removed on
reading. So every text is restored exactly.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterable

_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212")
_ALWAYS = ("'", "\t", "\r", "\n", "\v", "\f", "\x85", "\u2028", "\u2029", "\0")
_NUMBER = re.compile(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?inf(inity)?|nan", re.IGNORECASE
)
# What programs write for a missing value: R writes NA, others nan or null.
MISSING = ("na", "n/a", "nan", "<na>", "null", "none")
_YES, _NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no", "")


def guard(cell: str) -> str:
    """A text cell as written."""
    return "'" + cell if _is_risky(cell) else cell


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV with LF line ends, their text cells guarded, the header as the first row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows([guard(c) if isinstance(c, str) else c for c in row] for row in rows)
    return buffer.getvalue()


def unguard(cell: str) -> str:
    """The original text of a cell; cells that `guard` cannot have written are unchanged."""
    return cell[1:] if cell.startswith("'") and _is_risky(cell[1:]) else cell


def _is_risky(cell: str) -> bool:
    if cell.startswith(_ALWAYS):
        return True
    for place, letter in enumerate(cell):  # skip invisible characters
        if not letter.isspace() and unicodedata.category(letter) not in ("Cf", "Cc"):
            return cell.startswith(_SIGNS, place)
    return False


def number(cell: str) -> float:
    """The number in a cell, in plain digits with a point; also ``inf``, ``-inf`` and ``nan``.

    Raises:
        ValueError: other forms that Python accepts (``1_5`` for 15, digits of other scripts), and
            values that are too large for a float.
    """
    text = cell.strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"'{cell}' is not a number")
    value = float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise ValueError(f"'{cell}' is too large")
    return value


def truth(cell: str) -> bool | None:
    """Parse true or false as written by spreadsheets and programs; an empty cell is False.

    None for other texts.
    """
    word = cell.strip().lower()
    return True if word in _YES else False if word in _NO else None
