"""Raters sent by a recruiting site: whom its address names, and the address back to it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import StudyError

LONGEST_PARTICIPANT = 200
_MARKS = set("{}[]<>$%")  # of placeholders: {{%PROLIFIC_PID%}}, ${workerId}, [ID], <id>
_BLANK = re.compile(r"\{[^{}]*\}|[{}]|%7[bd]", re.IGNORECASE)


def participant_of(parameters: Iterable[tuple[str, str]], wanted: str) -> str | None:
    """The participant whom an address names in its parameter ``wanted``; None if it names nobody.

    ``parameters`` are all (name, value) of the address; names match whatever their case. Nobody is
    named by a missing or empty value, one that the site did not fill in (``{{%PROLIFIC_PID%}}``, or
    the parameter's own name), one of more than 200 characters, or two that differ: all raters who
    come with the same such value would be taken for one.
    """
    found = {value.strip() for name, value in parameters if name.casefold() == wanted.casefold()}
    if len(found) != 1:
        return None
    value = found.pop()
    filled = value and not _MARKS & set(value) and value.casefold() != wanted.casefold()
    return value if filled and len(value) <= LONGEST_PARTICIPANT else None


def check_return_url(address: str | None) -> None:
    """Refuse an address with blanks that nobody fills in: raters would be sent to it as it stands.

    Raises:
        StudyError: there is a blank other than ``{code}``, or a single brace.
    """
    strange = [blank for blank in _BLANK.findall(address or "") if blank != "{code}"]
    if strange:
        raise StudyError(
            f"return url holds '{strange[0]}', which is not filled in; only {{code}} is, with the "
            "rater's completion code: copy the address from the recruiting site as it is for one "
            "fixed code"
        )


def return_address(address: str, code: str) -> str:
    """Where a rater goes at the end."""
    return address.replace("{code}", code)
