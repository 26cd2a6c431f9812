"""Raters sent by a recruiting site: whom its address names, and the address back to it.

A site's ids are never stored. Where the address back needs one, the rater's own address keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ..errors import StudyError
from .manifest import Rules

LONGEST_PARTICIPANT = 200
TYPED = "participant"  # the parameter for an id that the rater typed
_MARKS = set("{}[]<>$%")  # of placeholders: {{%PROLIFIC_PID%}}, ${workerId}, [ID], <id>
_BLANK = re.compile(r"\{[^{}]*\}|[{}]|%7[bd]", re.IGNORECASE)

_NEEDED = {
    "{participant}": "--participant-parameter or --ask-participant",
    "{session}": "--session-parameter",
}


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


def kept_in_address(rules: Rules, given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What a rater's address says, and the address back needs; by parameter.

    ``given`` are all (name, value) of the address, with the typed id as `TYPED`.
    """
    address = rules.return_url or ""
    wanted = [name for blank, name in _parameters(rules).items() if blank in address]
    return {name: value for name in wanted if (value := participant_of(given, name))}


def check_return_url(rules: Rules) -> None:
    """Refuse an address with blanks that nobody fills in: raters would be sent to it as it stands.

    Raises:
        StudyError: there is a blank that the rules do not fill in, or a single brace.
    """
    filled = {"{code}", *_parameters(rules)}
    strange = [blank for blank in _BLANK.findall(rules.return_url or "") if blank not in filled]
    if not strange:
        return
    if strange[0] in _NEEDED:
        raise StudyError(f"return url holds '{strange[0]}', which needs {_NEEDED[strange[0]]}")
    raise StudyError(
        f"return url holds '{strange[0]}', which is not filled in; {{code}}, {{participant}} and "
        "{session} are: copy the address from the recruiting site as it is for one fixed code"
    )


def return_address(rules: Rules, code: str, given: Sequence[tuple[str, str]]) -> str | None:
    """Where a rater goes at the end; None without such an address, or where it needs what the
    rater's own address (``given``) does not say."""
    if rules.return_url is None:
        return None
    address, kept = rules.return_url, kept_in_address(rules, given)
    for blank, name in _parameters(rules).items():
        if blank in address and name not in kept:
            return None
        address = address.replace(blank, quote(kept.get(name, ""), safe=""))
    return address.replace("{code}", quote(code, safe=""))


def _parameters(rules: Rules) -> dict[str, str]:
    """The parameter of a rater's address that fills in each blank."""
    participant = rules.participant_parameter or (TYPED if rules.participant_typed else None)
    found = {"{participant}": participant, "{session}": rules.session_parameter}
    return {blank: name for blank, name in found.items() if name}
