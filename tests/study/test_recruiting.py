"""The participant in a recruiting site's address, and the return address."""

from __future__ import annotations

import pytest

from srbench.errors import StudyError
from srbench.study.keys import hash_code
from srbench.study.manifest import Rules
from srbench.study.recruiting import (
    TYPED,
    check_return_url,
    kept_in_address,
    participant_of,
    return_address,
)


@pytest.mark.parametrize("name", ["PROLIFIC_PID", "prolific_pid", "Prolific_Pid"])
def test_a_participant_is_found_whatever_the_case(name):
    given = [("lang", "en"), (name, " 5f3c9e0000aa "), ("STUDY_ID", "x")]
    assert participant_of(given, "PROLIFIC_PID") == "5f3c9e0000aa"
    assert participant_of([("WORKERID", "A1B2C3")], "workerId") == "A1B2C3"


@pytest.mark.parametrize(
    "value",
    ["", "  ", "{{%PROLIFIC_PID%}}", "{PROLIFIC_PID}", "${workerId}", "${e://Field/PID}", "[PID]",
     "<id>", "%PROLIFIC_PID%", "PROLIFIC_PID", "prolific_pid", "x" * 201],
)  # fmt: skip
def test_a_value_that_was_not_filled_in_is_nobody(value):
    assert participant_of([("PROLIFIC_PID", value)], "PROLIFIC_PID") is None


def test_no_value_and_two_values_are_nobody():
    assert participant_of([("PID", "abc")], "PROLIFIC_PID") is None
    assert participant_of([("PID", "abc"), ("pid", "abd")], "PID") is None
    assert participant_of([("PID", "abc"), ("pid", "abc")], "PID") == "abc"


def test_ids_as_sites_give_them_are_taken():
    for value in (
        "5f3c9e0000aa11bb22cc33dd",
        "A2XYZ0000",
        "some.body@example.org",
        "이름-1",
        "a+b_c~d",
    ):
        assert participant_of([("PID", value)], "PID") == value


def rules(address=None, **more):
    return Rules(access="open", return_url=address, **more)


def test_return_addresses():
    check_return_url(rules())
    assert return_address(rules(), "AB-12", []) is None
    check_return_url(rules("https://app.prolific.com/submissions/complete?cc=C1ABCDEF"))
    twice = rules("https://example.org/done?cc={code}&again={code}")
    check_return_url(twice)
    assert return_address(twice, "AB-12", []) == "https://example.org/done?cc=AB-12&again=AB-12"
    for address in ("https://a.org/{name}", "https://a.org/{{code}}", "https://a.org/}"):
        with pytest.raises(StudyError, match="is not a placeholder"):
            check_return_url(rules(address))


def test_a_return_address_is_filled_with_what_the_raters_own_address_says():
    back = "https://a.org/?p={participant}&s={session}&c={code}"
    site = rules(back, participant_parameter="PROLIFIC_PID", session_parameter="SESSION_ID")
    check_return_url(site)
    given = [("prolific_pid", "5f3c"), ("SESSION_ID", "a b&c"), ("STUDY_ID", "x")]
    assert kept_in_address(site, given) == {"PROLIFIC_PID": "5f3c", "SESSION_ID": "a b&c"}
    assert return_address(site, "AB-12", given) == "https://a.org/?p=5f3c&s=a%20b%26c&c=AB-12"
    # Without what it needs there is no way back but the code itself.
    assert return_address(site, "AB-12", given[:1]) is None
    assert kept_in_address(rules("https://a.org/", participant_parameter="P"), [("P", "x")]) == {}


@pytest.mark.parametrize(
    ("blank", "says"), [("{participant}", "--ask-participant"), ("{session}", "--session-param")]
)
def test_a_return_address_that_nothing_fills_in_names_the_missing_option(blank, says):
    with pytest.raises(StudyError, match=says):
        check_return_url(rules(f"https://a.org/{blank}"))


def test_a_typed_id_goes_into_the_return_address():
    typed = rules("https://a.org/{participant}", participant_typed=True)
    check_return_url(typed)
    assert return_address(typed, "AB-12", [(TYPED, "A1B2C3")]) == "https://a.org/A1B2C3"


def test_what_is_pasted_or_typed_with_another_keyboard_is_the_same():
    """Invisible marks around an id, and letters and digits of full width in a code."""
    assert participant_of([("PID", "\ufeff A1B2\u200b ")], "PID") == "A1B2"
    key = b"k" * 64
    assert hash_code(key, "ａｂ２３-９ｚ") == hash_code(key, "AB23 9Z")
    assert hash_code(key, "AB23") != hash_code(key, "AB24")
