"""The status of a study, and its speed for a large study."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from srbench.study import connecting, schema
from srbench.study.keys import read_codes
from srbench.study.ratings import export_ratings
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission, simulate
from srbench.study.status import study_status
from srbench.study.store import Store, open_study


def later_each_time(now):
    now[0] += timedelta(seconds=1)
    return now[0]


def test_progress_is_counted_per_rater_and_stimulus(folder, database):
    now = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    study = open_study(folder, database, clock=lambda: later_each_time(now))
    simulate(study.store, 2, seed=1)
    session, _ = study.store.enter(code=read_codes(folder)[0])
    for step in OPENING_STEPS:
        study.store.confirm(session, step)
    playlist = study.store.playlist(session)
    for trial in playlist[:6]:
        if trial.number == 4:
            study.store.confirm(session, "block-1")
        study.store.vote(session, perfect_submission(study.manifest, trial, 3, 900))
    study.store.undo(session, 5, 1)

    status = study_status(study.store, now[0])
    mine = status.raters[-1]
    assert (mine.rater, mine.state, mine.done, mine.of) == (session.rater, "active", 5, 40)
    assert status.votes == 85
    assert status.votes_per_minute == 0.6
    assert (status.codes_unused, status.erased, status.state) == (4, 0, "open")
    # Votes of simulated raters are not counted as votes of real raters.
    assert sum(status.stimulus_votes.values()) == (playlist[4].phase == "main")
    assert status.raters_missing(26, 1.0) == 26

    later = study_status(study.store, now[0] + timedelta(days=4)).raters[-1]
    assert (later.state, later.dropped_out) == ("away", True)
    study.store.close()


@pytest.fixture(scope="module")
def large_study(design, tmp_path_factory):
    """100,000 votes: 89 raters of 1,128 trials, written without ceremony."""
    manifest = design([12] * 19 + [9] * 100, practice=0)
    folder = tmp_path_factory.mktemp("large")
    store = Store(connecting.open_engine(folder, None), manifest, b"k" * 64)
    with store.write() as connection:
        for rater in range(89):
            connection.execute(
                schema.sessions.insert().values(
                    id=rater + 1,
                    nonce=f"{rater:032x}",
                    rater=f"r-{rater:03d}",
                    number=rater,
                    simulated=False,
                    imported=False,
                    created_at="2026-01-01T00:00:00.000Z",
                )
            )
            keys = [{"session_id": rater + 1, "trial": t} for t in range(len(manifest.main))]
            connection.execute(
                schema.trials.insert(),
                [
                    {**k, "stimulus": s, "phase": "main", "block": 1, "repetition": 1}
                    for k, s in zip(keys, manifest.main, strict=True)
                ],
            )
            connection.execute(
                schema.votes.insert(),
                [
                    {
                        **k,
                        "stimulus": manifest.main[k["trial"]],
                        "attempt": 1,
                        "score": 1 + (rater + k["trial"]) % 5,
                        "simulated": False,
                        "response_ms": 1500,
                        "rated_at": "2026-01-01T00:00:00.000Z",
                        "pixel_ratio": 1.0,
                        "window_width": 1920,
                        "window_height": 1080,
                        "drawn_width": 64,
                        "drawn_height": 48,
                    }
                    for k in keys
                ],
            )
    return store


def test_a_hundred_thousand_votes_are_counted_and_exported_in_two_seconds(large_study, tmp_path):
    # Measure CPU time, which does not depend on other processes.
    start = time.process_time()
    status = study_status(large_study, datetime(2026, 1, 2, tzinfo=UTC))
    counted = time.process_time()
    votes = export_ratings(large_study, tmp_path / "ratings.csv")
    exported = time.process_time()
    assert status.votes == votes == 89 * 1128
    assert counted - start < 2
    assert exported - counted < 2


def test_what_a_researcher_should_look_at_is_said_and_the_pace(folder):
    now = [datetime(2026, 3, 1, 12, tzinfo=UTC)]
    study = open_study(folder, clock=lambda: later_each_time(now))
    session, _ = study.store.enter(code=read_codes(folder)[0])
    for step in OPENING_STEPS:
        study.store.confirm(session, step)
    playlist = study.store.playlist(session)
    for trial in playlist:
        if trial.number == 4:
            study.store.confirm(session, "block-1")
        if trial.expected == 5 and trial.phase == "gold":  # a mistake, undone
            study.store.vote(session, perfect_submission(study.manifest, trial, 1, 900))
            study.store.undo(session, trial.number, 1)
            again = perfect_submission(study.manifest, trial, 5, 900, attempt=2)
            assert study.store.vote(session, again).verdict == "accepted"
            continue
        study.store.vote(session, perfect_submission(study.manifest, trial, 5, 900))
    now[0] += timedelta(hours=12)
    status = study_status(study.store, now[0])
    assert status.raters[0].notice == "5 in 36 of 36 votes; 1 of 2 attention checks missed"
    assert status.main_votes_per_day == pytest.approx(64, rel=0.01)
    assert status.days_left(26, 1.0) == pytest.approx(25 * 32 / 64, rel=0.01)
    assert status.days_left(1, 1.0) == 0
    study.store.close()


def test_the_stimulus_with_the_fewest_votes_says_how_many_raters_are_missing(folder):
    study = open_study(folder)
    status = study_status(study.store, datetime(2026, 3, 1, tzinfo=UTC))
    study.store.close()
    behind = dict.fromkeys(status.stimulus_votes, 26)
    behind[study.manifest.main[0]] = 23  # a new rater gives it one vote, not three
    status = replace(status, stimulus_votes=behind, main_votes_per_day=64)
    assert status.raters_missing(26, 1.0) == 3
    assert status.days_left(26, 1.0) == pytest.approx(3 * 32 / 64)
    assert status.raters_missing(23, 1.0) == 0
