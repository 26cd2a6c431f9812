"""Recruiting sites: the participant in the address of a rater, and the return address.

A site's ids are never stored. If the return address needs one, it is kept in the rater's address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from ..data.naming import tidy
from ..errors import StudyError
from .manifest import Rules

LONGEST_PARTICIPANT = 200
RESERVED = ("r", "lang", "embed", "embed_options")  # rater's link, language, Streamlit's own
TYPED = "participant"  # the parameter of a typed id
_MARKS = set("{}[]<>$%")  # of placeholders: {{%PROLIFIC_PID%}}, ${workerId}, [ID], <id>
_BLANK = re.compile(r"\{[^{}]*\}|[{}]|%7[bd]", re.IGNORECASE)

_NEEDED = {
    "{participant}": "--participant-parameter or --ask-participant",
    "{session}": "--session-parameter",
}


def participant_of(parameters: Iterable[tuple[str, str]], wanted: str) -> str | None:
    """The participant in an address' parameter ``wanted``; None if there is none.

    ``parameters`` are all (name, value) of the address; the case of names is ignored. The result is
    None for a missing or empty value, an unfilled placeholder (``{{%PROLIFIC_PID%}}``, or the
    parameter's own name), more than 200 characters, or two different values, because all raters
    with the same such value would be treated as one.
    """
    found = {tidy(value) for name, value in parameters if name.casefold() == wanted.casefold()}
    if len(found) != 1:
        return None
    value = found.pop()
    filled = value and not _MARKS & set(value) and value.casefold() != wanted.casefold()
    return value if filled and len(value) <= LONGEST_PARTICIPANT else None


def kept_in_address(rules: Rules, given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The parameters of a rater's address that the return address needs.

    ``given`` are all (name, value) of the address, with the typed id as `TYPED`.
    """
    address = rules.return_url or ""
    wanted = [name for blank, name in _parameters(rules).items() if blank in address]
    return {name: value for name in wanted if (value := participant_of(given, name))}


def check_parameters(rules: Rules) -> None:
    """Refuse parameters that mean something else in a rater's address, or that are one.

    Raises:
        StudyError: a parameter is reserved, or participant and session have the same.
    """
    named = {
        "--participant-parameter": rules.participant_parameter,
        "--session-parameter": rules.session_parameter,
    }
    for option, name in named.items():
        if name and name.casefold() in RESERVED:
            raise StudyError(
                f"{option} is '{name}', which means something else in a rater's address; use the "
                "name that the recruiting site documents, such as PROLIFIC_PID"
            )
    participant, session = (name and name.casefold() for name in named.values())
    if session and session in (participant, TYPED if rules.participant_typed else None):
        raise StudyError(
            f"--session-parameter is '{rules.session_parameter}', which is the participant's; the "
            "recruiting site documents both names, such as PROLIFIC_PID and SESSION_ID"
        )


def check_return_url(rules: Rules) -> None:
    """Refuse a return address with unknown placeholders, which would not be filled in.

    Raises:
        StudyError: there is a placeholder that the rules do not fill in, or a single brace.
    """
    filled = {"{code}", *_parameters(rules)}
    strange = [blank for blank in _BLANK.findall(rules.return_url or "") if blank not in filled]
    if not strange:
        return
    if strange[0] in _NEEDED:
        raise StudyError(f"return url contains '{strange[0]}', which needs {_NEEDED[strange[0]]}")
    raise StudyError(
        f"return url contains '{strange[0]}', which is not a placeholder; use {{code}}, "
        "{participant} or {session}, or copy the recruiting site's address with its fixed code"
    )


def return_address(rules: Rules, code: str, given: Sequence[tuple[str, str]]) -> str | None:
    """The return address of a rater at the end.

    None if the study has none, or if it needs a value that the rater's address (``given``) lacks.
    """
    if rules.return_url is None:
        return None
    address, kept = rules.return_url, kept_in_address(rules, given)
    for blank, name in _parameters(rules).items():
        if blank in address and name not in kept:
            return None
        address = address.replace(blank, quote(kept.get(name, ""), safe=""))
    return address.replace("{code}", quote(code, safe=""))


def _parameters(rules: Rules) -> dict[str, str]:
    """The address parameter that fills in each placeholder."""
    participant = rules.participant_parameter or (TYPED if rules.participant_typed else None)
    found = {"{participant}": participant, "{session}": rules.session_parameter}
    return {blank: name for blank, name in found.items() if name}
