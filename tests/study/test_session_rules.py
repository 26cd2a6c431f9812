"""The steps of a session, and which votes count, without a database."""

from dataclasses import replace

import pytest

from srbench.study.playlists import Trial
from srbench.study.session import (
    OPENING_STEPS,
    LastVote,
    SessionProgress,
    Submission,
    can_undo,
    judge,
    next_screen,
    parse_submission,
    window_needed,
)
from srbench.study.simulate import perfect_submission

OPENED = frozenset(OPENING_STEPS)


@pytest.fixture
def manifest(design):
    return design([2, 2], practice=1, magnification=2, minimum_ms=500)


@pytest.fixture
def playlist(manifest):
    practice = [Trial(i, a.stimulus, "training", 0) for i, a in enumerate(manifest.calibration)]
    main = [Trial(2 + i, s, "main", 1 + i // 2) for i, s in enumerate(manifest.main)]
    return (*practice, *main)


def at(trial: int, attempt: int = 1, *, steps=(), retracted=False) -> SessionProgress:
    return SessionProgress(OPENED | set(steps), LastVote(trial, attempt, retracted))


def test_the_way_is_consent_questions_display_instructions_practice_blocks_debrief(playlist):
    seen, steps, last = [], frozenset(), None
    while (screen := next_screen(playlist, SessionProgress(steps, last))).kind != "finished":
        seen.append(screen.step or screen.trial.number)
        if screen.step:
            steps = steps | {screen.step}
        else:
            last = LastVote(screen.trial.number, screen.attempt, False)
    assert seen == [
        "consent", "questionnaire", "display", "instructions", 0, 1,
        "block-1", 2, 3, "block-2", 4, 5, "debrief",
    ]  # fmt: skip


def test_a_retracted_vote_brings_its_trial_back_as_a_further_attempt(playlist):
    screen = next_screen(playlist, at(2, 1, steps={"block-1"}, retracted=True))
    assert (screen.trial.number, screen.attempt, screen.undo) == (2, 2, None)


def test_undo_is_for_the_last_vote_until_the_next_block_begins(playlist):
    assert not can_undo(playlist, SessionProgress(OPENED))
    assert can_undo(playlist, at(2, steps={"block-1"}))
    assert can_undo(playlist, at(3, steps={"block-1"}))
    assert not can_undo(playlist, at(3, steps={"block-1", "block-2"}))
    assert not can_undo(playlist, at(2, steps={"block-1"}, retracted=True))
    assert can_undo(playlist, at(5, steps={"block-1", "block-2"}))
    assert not can_undo(playlist, at(5, steps={"block-1", "block-2", "debrief"}))


@pytest.fixture
def standing(manifest, playlist):
    """At trial 3, after a vote on trial 2 at the second attempt."""
    progress = at(2, 2, steps={"block-1"})

    def verdict(trial=3, attempt=1, progress=progress, stored=None, waited_ms=None, **changes):
        vote = perfect_submission(manifest, playlist[trial], 3, 900, attempt)
        vote = replace(vote, **changes)
        return judge(playlist, progress, manifest, vote, stored=stored, waited_ms=waited_ms)

    return verdict


def test_only_the_trial_on_screen_is_voted_on(standing):
    assert standing()[0] == "accepted"
    assert standing(trial=2, attempt=2, stored=3) == ("repeated", "already stored")
    assert standing(trial=2, attempt=1)[0] == "stale"
    assert standing(trial=1)[0] == "stale"
    assert standing(trial=4)[0] == "refused"
    assert standing(attempt=2)[0] == "refused"
    assert standing(attempt=0)[0] == "refused"


def test_another_grade_than_the_stored_one_is_told_apart(standing):
    assert standing(trial=2, attempt=2, stored=4) == ("differs", "the grade 4 is stored")
    assert standing(trial=1, stored=4)[0] == "differs"
    assert standing(trial=2, attempt=1, stored=4)[0] == "differs"
    assert standing(trial=1, stored=3)[0] == "stale"
    # What no page of ours sends tells the rater nothing.
    assert standing(trial=1, stored=4, score=6)[0] == "stale"
    assert standing(trial=1, stored=4, stimulus="f" * 32)[0] == "stale"
    assert standing(trial=3, stored=None)[0] == "accepted"


def test_the_servers_clock_counts_as_well_as_the_pages(standing):
    assert standing(waited_ms=499)[0] == "refused"
    assert standing(waited_ms=500)[0] == "accepted"
    assert standing(waited_ms=None)[0] == "accepted"


def test_the_vote_that_was_taken_back_does_not_come_back_by_a_late_repetition(standing):
    taken_back = at(2, 2, steps={"block-1"}, retracted=True)
    assert standing(trial=2, attempt=2, progress=taken_back)[0] == "stale"
    assert standing(trial=2, attempt=3, progress=taken_back)[0] == "accepted"


def test_no_vote_during_consent_or_a_break(standing):
    assert standing(trial=0, progress=SessionProgress()) == (
        "refused",
        "the rater is at the consent screen",
    )
    assert standing(trial=4, progress=at(3, steps={"block-1"})) == (
        "refused",
        "the rater is at the break screen",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": 6}, "score"),
        ({"score": 0}, "score"),
        ({"stimulus": "f" * 32}, "picture on screen"),
        ({"stimulus": "x" * 10**6}, "picture on screen"),
        ({"response_ms": 499}, "response time"),
        ({"response_ms": 10**15}, "response time"),
        ({"pixel_ratio": float("nan")}, "pixel ratio"),
        ({"pixel_ratio": float("inf")}, "pixel ratio"),
        ({"pixel_ratio": 0.0}, "pixel ratio"),
        ({"window_width": 0}, "window"),
        ({"window_height": 10**9}, "window"),
        ({"natural_width": 63}, "decoded"),
        ({"drawn_height": 48}, "device pixels"),
    ],
)
def test_a_vote_on_anything_but_the_exact_picture_is_refused(standing, changes, reason):
    verdict, why = standing(**changes)
    assert verdict == "refused"
    assert reason in why


def test_the_largest_numbers_that_are_taken(standing):
    assert standing(window_width=100_000, window_height=100_000)[0] == "accepted"
    assert standing(window_width=100_001)[0] == standing(window_height=100_001)[0] == "refused"
    assert standing(response_ms=30 * 24 * 3600 * 1000)[0] == "accepted"
    assert standing(response_ms=500, pixel_ratio=0.1)[0] == "accepted"
    assert standing(pixel_ratio=20.0)[0] == "accepted"
    assert standing(pixel_ratio=20.1)[0] == standing(pixel_ratio=0.09)[0] == "refused"


def test_the_window_is_compared_with_the_largest_picture_as_shown(manifest, playlist):
    assert window_needed(manifest, [trial.stimulus for trial in playlist]) == (128, 96)


def test_a_submission_is_a_plain_value():
    assert Submission.__dataclass_params__.frozen


def test_messages_that_are_no_whole_vote_are_not_taken_for_one():
    whole = {
        "session": "b" * 32, "trial": 4, "attempt": 1, "stimulus": "a" * 32, "score": 3,
        "response_ms": 900, "pixel_ratio": 1.25, "window_width": 800, "window_height": 600,
        "natural_width": 64,
        "natural_height": 48, "drawn_width": 64, "drawn_height": 48,
    }  # fmt: skip
    assert parse_submission(whole) is not None
    assert parse_submission({**whole, "pixel_ratio": 999}).pixel_ratio == 999.0
    assert parse_submission({**whole, "pixel_ratio": 1}).pixel_ratio == 1.0
    for bad in (
        None,
        "vote",
        [],
        [whole],
        {},
        {**whole, "extra": 1},
        {**whole, "score": "3"},
        {**whole, "score": True},
        {**whole, "score": 3.0},
        {**whole, "score": None},
        {**whole, "stimulus": 5},
        {**whole, "session": None},
        {**whole, "session": 5},
        {name: value for name, value in whole.items() if name != "session"},
        {**whole, "trial": {"$gt": 0}},
        {**whole, "pixel_ratio": "1"},
        {**whole, "pixel_ratio": 10**400},
        {**whole, "pixel_ratio": 1000},
        {**whole, "pixel_ratio": True},
        {name: value for name, value in whole.items() if name != "score"},
    ):
        assert parse_submission(bad) is None
