"""Whom the address of a recruiting site names, and the address back."""

from __future__ import annotations

import pytest

from srbench.errors import StudyError
from srbench.study.recruiting import check_return_url, participant_of, return_address


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


def test_return_addresses():
    check_return_url(None)
    check_return_url("https://app.prolific.com/submissions/complete?cc=C1ABCDEF")
    check_return_url("https://example.org/done?cc={code}&again={code}")
    assert (
        return_address("https://example.org/?cc={code}", "AB-12") == "https://example.org/?cc=AB-12"
    )
    for address in ("https://a.org/{participant}", "https://a.org/{{code}}", "https://a.org/}"):
        with pytest.raises(StudyError, match="is not filled in"):
            check_return_url(address)
