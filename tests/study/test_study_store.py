"""The database stores every vote exactly once, also after failures, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, MetaData, String, Table, func, select, text
from study_servers import strolling_clock

from srbench.errors import BegunAlready, StudyError
from srbench.study import connecting, schema, scrub
from srbench.study.importing import import_ratings
from srbench.study.keys import CODES_FILE, KEY_FILE, append_codes, read_codes
from srbench.study.ratings import ratings_rows
from srbench.study.rows import require_session
from srbench.study.schema import prepare_schema
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission, simulate
from srbench.study.status import study_status
from srbench.study.store import Store, Study, open_study, utc_now


def enter(study, index=0):
    return study.store.enter(code=read_codes(study.folder)[index])


def opened(study, index=0):
    """A rater at the first practice trial."""
    session, _ = enter(study, index)
    for step in OPENING_STEPS:
        study.store.confirm(session, step)
    return session


def submission(study, session, score=3):
    screen = study.store.screen(session)
    return perfect_submission(study.manifest, screen.trial, score, 900, screen.attempt)


def vote(study, session, score=3):
    """Vote on what is on screen, going through breaks; the submission."""
    while (screen := study.store.screen(session)).kind != "trial":
        study.store.confirm(session, screen.step)
    sent = submission(study, session, score)
    assert study.store.vote(session, sent).verdict == "accepted"
    return sent


def count(study, table):
    with study.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_whole_session_stores_each_trial_once_and_ends_with_a_code(study):
    session, token = enter(study)
    playlist = study.store.playlist(session)
    for step in OPENING_STEPS:
        study.store.confirm(session, step, {"age": "30 to 44"} if step == "questionnaire" else None)
    for _ in playlist:
        vote(study, session)
    assert study.store.confirm(session, "debrief").kind == "finished"
    assert count(study, schema.votes) == len(playlist) == 4 + 32 + 2 + 2
    assert len(study.store.resume(token).completion_code) == 8


def test_the_playlist_is_stored_before_the_first_trial_and_stays(study):
    session, token = enter(study)
    assert count(study, schema.trials) == len(study.store.playlist(session))
    again = open_study(study.folder, str(study.store.engine.url.render_as_string(False)))
    assert again.store.playlist(again.store.resume(token)) == study.store.playlist(session)
    again.store.close()


def test_a_repeated_or_stale_vote_changes_nothing(study):
    session = opened(study)
    first = vote(study, session, 2)
    assert study.store.vote(session, first).verdict == "repeated"
    second = vote(study, session, 4)
    assert study.store.vote(session, first).verdict == "stale"
    assert study.store.vote(session, replace(second, trial=7)).verdict == "refused"
    assert [row["score"] for row in ratings_rows(study.store)] == [2, 4]


def test_undo_adds_a_retraction_and_the_last_attempt_counts(study):
    session = opened(study)
    sent = vote(study, session, 1)
    assert study.store.undo(session, sent.trial, sent.attempt)
    assert not study.store.undo(session, sent.trial, sent.attempt)
    assert study.store.vote(session, sent).verdict == "stale"
    assert ratings_rows(study.store) == []
    again = vote(study, session, 5)
    assert (again.trial, again.attempt) == (sent.trial, 2)
    assert [(r["score"], r["attempt"]) for r in ratings_rows(study.store)] == [(5, 2)]
    assert count(study, schema.votes) == 2
    assert count(study, schema.retractions) == 1


def test_undo_of_anything_but_the_last_vote_does_nothing(study):
    session = opened(study)
    first = vote(study, session)
    vote(study, session)
    assert not study.store.undo(session, first.trial, first.attempt)
    assert not study.store.undo(session, 99, 1)


def test_confirming_another_step_than_the_present_one_changes_nothing(study):
    session, _ = enter(study)
    assert study.store.confirm(session, "debrief").kind == "consent"
    assert study.store.confirm(session, "consent").kind == "questionnaire"
    assert study.store.confirm(session, "consent").kind == "questionnaire"
    assert count(study, schema.steps) == 1


def test_eight_submissions_at_once_store_one_vote(study):
    session = opened(study)
    sent = submission(study, session)
    with ThreadPoolExecutor(8) as pool:
        votes = [replace(sent, score=score) for score in (1, 2, 3, 4, 5, 1, 2, 3)]
        verdicts = list(pool.map(lambda v: study.store.vote(session, v).verdict, votes))
    assert verdicts.count("accepted") == 1
    assert set(verdicts) <= {"accepted", "repeated", "differs"}
    assert count(study, schema.votes) == 1


def test_raters_voting_at_once_do_not_disturb_each_other(study):
    sessions = [opened(study, index) for index in range(5)]

    def rate(session):
        for _ in range(12):
            vote(study, session)

    threads = [threading.Thread(target=rate, args=(s,)) for s in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(study, schema.votes) == 60


def test_raters_entering_at_once_get_different_numbers(study):
    codes = read_codes(study.folder)
    with ThreadPoolExecutor(5) as pool:
        entered = list(pool.map(lambda code: study.store.enter(code=code)[0], codes))
    assert sorted(s.number for s in entered) == [0, 1, 2, 3, 4]
    assert len({s.rater for s in entered}) == 5


def test_the_same_code_leads_back_to_the_same_session_however_it_is_typed(study):
    session, first = enter(study)
    code = read_codes(study.folder)[0]
    again, second = study.store.enter(code=f" {code[:5].lower()}-{code[5:]} ")
    assert again.rater == session.rater
    assert study.store.resume(first) == study.store.resume(second)


def test_a_new_link_leads_to_the_same_session_and_the_old_one_stays_good(study):
    session, first = study.store.enter(code=read_codes(study.folder)[0])
    second = study.store.link(session)
    assert first != second
    assert study.store.resume(first) == study.store.resume(second) == session


def test_nobody_enters_without_a_known_code(study):
    for wrong in (None, "", "AAAAAAAAAA", "'; DROP TABLE votes; --", "x" * 10**5):
        with pytest.raises(StudyError, match="not known"):
            study.store.enter(code=wrong)
    assert study.store.resume("nonsense") is None
    assert count(study, schema.sessions) == 0


def test_no_secret_and_no_participant_id_stands_in_the_database(study, folder):
    code = read_codes(folder)[0]
    _, token = study.store.enter(code=code, participant="5f3c9e0000PROLIFIC")
    with study.store.read() as connection:
        tables = schema.metadata.sorted_tables
        rows = [str(row) for table in tables for row in connection.execute(select(table))]
    stored = "\n".join(rows)
    for secret in (code, token, "5f3c9e0000PROLIFIC", (folder / KEY_FILE).read_text().strip()):
        assert secret not in stored


def test_a_paused_study_takes_no_votes_and_keeps_the_place(study):
    session = opened(study)
    sent = submission(study, session)
    study.store.set_state("paused")
    assert study.store.vote(session, sent).verdict == "refused"
    with pytest.raises(StudyError, match="no new raters"):
        enter(study, 1)
    study.store.set_state("open")
    assert study.store.vote(session, sent).verdict == "accepted"


def test_erasing_a_rater_leaves_a_tombstone_and_nothing_else(study, folder):
    session, token = enter(study)
    study.store.confirm(session, "consent")
    study.store.confirm(session, "questionnaire", {"age": "my-secret-answer"})
    study.store.confirm(session, "display")
    study.store.confirm(session, "instructions")
    vote(study, session)
    other = opened(study, 1)
    vote(study, other)
    erased = study.store.erase(session.rater)
    assert (erased.rater, erased.votes, erased.left) == (session.rater, 1, "")
    assert [row["rater"] for row in ratings_rows(study.store)] == [other.rater]
    assert study.store.resume(token) is None
    with pytest.raises(StudyError, match="not known"):
        enter(study, 0)
    with study.store.read() as connection:
        tombstone = connection.execute(select(schema.tombstones)).one()
    assert (tombstone.rater, tombstone.votes, tombstone.answers) == (session.rater, 1, 4)
    with pytest.raises(StudyError, match="was erased on"):
        study.store.erase(session.rater)
    with pytest.raises(StudyError, match="no rater 'nobody'"):
        study.store.erase("nobody")
    with pytest.raises(StudyError, match="exists no longer"):
        study.store.screen(session)
    if study.store.engine.dialect.name == "sqlite":
        files = b"".join(path.read_bytes() for path in folder.glob("study.db*"))
        assert b"my-secret-answer" not in files


def test_a_study_never_opens_another_studys_database(study, folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    manifest = (other / "manifest.json").read_text()
    (other / "manifest.json").write_text(manifest.replace('"Picture quality"', '"Something else"'))
    with pytest.raises(StudyError, match="was changed after the study was made"):
        open_study(other, clock=strolling_clock())


def test_a_newer_database_is_refused_and_an_older_one_is_brought_up(study):
    engine = study.store.engine
    now, then = schema.SCHEMA_VERSION, schema.SCHEMA_VERSION + 1
    with pytest.raises(StudyError, match=f"no migration from schema {now} to {then}"):
        prepare_schema(engine, version=then, migrations={})

    later = MetaData()
    for table in schema.metadata.sorted_tables:
        table.to_metadata(later)
    later.tables["sessions"].append_column(Column("room", String(20)))

    def broken(connection):
        connection.execute(text("ALTER TABLE sessions ADD COLUMN roam VARCHAR(20)"))

    with pytest.raises(StudyError, match="'sessions' has columns"):
        prepare_schema(engine, version=then, migrations={now: broken}, expected=later)
    prepare_schema(engine)  # the failed migration left everything as it was

    def right(connection):
        connection.execute(text("ALTER TABLE sessions ADD COLUMN room VARCHAR(20)"))

    opened(study)
    prepare_schema(engine, version=then, migrations={now: right}, expected=later)
    prepare_schema(engine, version=then, migrations={now: right}, expected=later)
    assert count(study, schema.sessions) == 1
    with pytest.raises(StudyError, match=f"has schema {then}, this srbench knows {now}; update"):
        prepare_schema(engine)


def test_a_database_that_lacks_a_table_is_refused(study):
    with study.store.write() as connection:
        connection.execute(text("DROP TABLE retractions"))
    with pytest.raises(StudyError, match="lacks the table 'retractions'"):
        prepare_schema(study.store.engine)


def test_the_database_itself_refuses_a_second_vote_and_a_wrong_grade(study):
    session = opened(study)
    vote(study, session)
    row = {"session_id": session.id, "trial": 0, "attempt": 1, "score": 3, "simulated": False}
    for change in ({}, {"trial": 1, "score": 6}, {"trial": 999}):
        with (
            pytest.raises(StudyError, match="does not work as expected"),
            study.store.write() as c,
        ):
            c.execute(schema.votes.insert().values(**{**row, **change}))
    assert count(study, schema.votes) == 1


def test_sub_sampling_fills_up_what_abandoned_raters_left_open(design, tmp_path):
    manifest = design([4] * 6, per_rater=8, access="open")
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    engine = connecting.open_engine(tmp_path, None)
    store = Store(engine, manifest, b"k" * 64, clock=lambda: now[0])

    def contents(session):
        return {
            manifest.by_id[t.stimulus].content for t in store.playlist(session) if t.phase == "main"
        }

    first = contents(store.enter()[0])
    second = contents(store.enter()[0])
    assert len(first) == len(second) == 2
    assert not first & second
    now[0] += timedelta(days=4)  # neither ever voted: their contents are wanted again
    third = contents(store.enter()[0])
    fourth = contents(store.enter()[0])
    fifth = contents(store.enter()[0])
    assert third | fourth | fifth == set(manifest.contents)


@pytest.fixture
def shared_out(design, tmp_path):
    """A study of six contents in four versions, two contents a rater, with its clock."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    manifest = design([4] * 6, practice=0, per_rater=8, access="open", minimum_ms=0)
    engine = connecting.open_engine(tmp_path, None)
    return Study(tmp_path, manifest, Store(engine, manifest, b"k" * 64, clock=lambda: now[0])), now


def contents_of(study, session):
    by_id = study.manifest.by_id
    return {by_id[t.stimulus].content for t in study.store.playlist(session)}


def test_a_content_that_an_abandoned_rater_left_in_the_middle_is_wanted_again(shared_out):
    study, now = shared_out
    first, _ = study.store.enter()
    for step in OPENING_STEPS:
        study.store.confirm(first, step)
    left = set(study.manifest.contents)
    vote(study, first)  # one version of one content
    now[0] += timedelta(days=4)
    taken = [contents_of(study, study.store.enter()[0]) for _ in range(3)]
    assert set.union(*taken) == left


def test_simulated_raters_leave_the_balance_of_people_alone(shared_out):
    study, _ = shared_out
    simulate(study.store, 1, seed=1)
    taken = [contents_of(study, study.store.enter()[0]) for _ in range(3)]
    assert set.union(*taken) == set(study.manifest.contents)


def test_imported_votes_that_were_cast_twice_count_in_the_balance(shared_out, tmp_path):
    study, now = shared_out
    rated = [study.manifest.by_id[stimulus] for stimulus in study.manifest.main[:16]]
    lines = [f"anna,D,{s.image},{s.method},3,2,2020-01-01T00:00:00.000Z" for s in rated]
    table = tmp_path / "in.csv"
    table.write_text("\n".join(["rater,dataset,image,method,score,attempt,rated_at", *lines]))
    import_ratings(study.store, table)
    now[0] += timedelta(days=4)
    assert contents_of(study, study.store.enter()[0]) == {("D", "c4"), ("D", "c5")}


def test_a_participant_comes_back_by_the_own_device_and_by_nothing_else(design, tmp_path):
    store = Store(connecting.open_engine(tmp_path, None), design([2, 2], access="open"), b"k" * 64)
    first, token = store.enter(participant="abc")
    other, other_token = store.enter(participant="abd")
    anonymous, _ = store.enter()
    assert len({first.rater, other.rater, anonymous.rater}) == 3
    assert store.enter(participant="abc", device=token)[0] == first
    for device in (None, "", "guess", other_token):
        with pytest.raises(BegunAlready, match="continue with the personal link"):
            store.enter(participant="abc", device=device)
    # The device alone, with another id or none, leads nowhere either.
    assert store.enter(participant="new", device=token)[0].rater != first.rater
    assert store.enter(device=token)[0].rater != first.rater
    assert count(Study(tmp_path, store.manifest, store), schema.sessions) == 5
    store.erase(first.rater)
    assert store.enter(participant="abc", device=token)[0].rater != first.rater


def test_a_participant_with_anothers_access_code_does_not_reach_that_session(study):
    first, _ = study.store.enter(code=read_codes(study.folder)[0], participant="abc")
    with pytest.raises(BegunAlready):
        study.store.enter(code=read_codes(study.folder)[1], participant="abc")
    again, _ = study.store.enter(code=read_codes(study.folder)[0], participant="else")
    assert again == first


def test_another_grade_for_a_stored_trial_is_refused_and_the_stored_one_named(study):
    session = opened(study)
    first, second = vote(study, session, 2), vote(study, session, 4)
    for sent, grade in ((second, 4), (first, 2)):
        outcome = study.store.vote(session, replace(sent, score=5))
        assert (outcome.verdict, outcome.stored) == ("differs", grade)
        outcome = study.store.vote(session, sent)
        assert outcome.verdict in ("repeated", "stale")
        assert outcome.stored is None
    study.store.undo(session, second.trial, 1)
    # Undone, so no stored grade can differ: the picture is rated again.
    assert study.store.vote(session, replace(second, score=5)).verdict == "stale"
    vote(study, session, 1)
    outcome = study.store.vote(session, replace(second, score=5))
    assert (outcome.verdict, outcome.stored) == ("differs", 1)
    assert [row["score"] for row in ratings_rows(study.store)] == [2, 1]


def test_the_stored_grade_is_told_until_it_was_read_or_taken_back(study):
    session = opened(study)
    first, second = vote(study, session, 2), vote(study, session, 4)
    assert study.store.screen(session).untold is None
    for answer in ("read", "undo"):
        study.store.vote(session, replace(second, score=5))
        untold = study.store.screen(session).untold
        assert (untold.trial, untold.attempt, untold.score) == (second.trial, 1, 4)
        study.store.told(session, first.trial)  # of another trial: nothing changes
        assert study.store.screen(session).untold == untold
        if answer == "read":
            study.store.told(session, second.trial)
        else:
            study.store.undo(session, second.trial, 1)
        assert study.store.screen(session).untold is None
    study.store.vote(session, replace(first, score=5))
    assert study.store.screen(session).untold.score == 2


def test_the_servers_own_clock_lets_nobody_rate_faster_than_the_shortest_time(folder, database):
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    study = open_study(folder, database, clock=lambda: now[0])
    session = opened(study)
    shortest = study.manifest.rules.minimum_ms

    def after(milliseconds, sent=None):
        now[0] += timedelta(milliseconds=milliseconds)
        return study.store.vote(session, sent or submission(study, session))

    # Each claims to have taken 900 ms.
    assert after(shortest - 1).reason == "sooner than a picture can have been looked at"
    assert after(1).verdict == "accepted"  # after the step before practice
    assert after(0).verdict == "refused"
    assert after(shortest - 1).verdict == "refused"
    assert after(1).verdict == "accepted"
    study.store.undo(session, 1, 1)
    assert after(shortest - 1).verdict == "refused"  # the picture stands anew
    assert after(1).verdict == "accepted"
    sent = submission(study, session)
    now[0] -= timedelta(hours=1)  # the clock is put right: nothing is known, and nobody stopped
    assert after(0, sent).verdict == "accepted"
    assert after(0, sent).verdict == "repeated"
    study.store.close()


def test_as_many_votes_as_the_machine_can_send_are_one(folder):
    study = open_study(folder)
    session = opened(study)
    began = time.monotonic()
    verdicts = []
    while time.monotonic() < began + 1.0:
        verdicts.append(study.store.vote(session, submission(study, session)).verdict)
    assert verdicts.count("accepted") == 1
    assert len(verdicts) > 10
    study.store.close()


def test_a_rater_is_found_by_code_and_by_link(study):
    codes = read_codes(study.folder)
    session, token = enter(study, 0)
    for link in (token, f"https://x.example/?r={token}", f"http://h:1/a/?lang=ko&r={token}#top"):
        assert study.store.rater_of(link=link) == session.rater
    assert study.store.rater_of(code=codes[0].lower()) == session.rater
    with pytest.raises(StudyError, match="has not begun"):
        study.store.rater_of(code=codes[1])
    for wrong in ("", "AAAA", codes[0] + "A"):
        with pytest.raises(StudyError, match="code is not known"):
            study.store.rater_of(code=wrong)
    for wrong in ("", "https://x.example/", "?r=", token[:-1]):
        with pytest.raises(StudyError, match="belongs to no rater"):
            study.store.rater_of(link=wrong)
    study.store.erase(session.rater)
    with pytest.raises(StudyError, match="was erased already"):
        study.store.rater_of(code=codes[0])
    with pytest.raises(StudyError, match="or to an erased one"):
        study.store.rater_of(link=token)


def test_what_an_erasure_could_not_clear_at_once_is_told(folder, monkeypatch):
    monkeypatch.setattr(scrub, "_PATIENCE_MS", 300)
    study = open_study(folder)
    session = opened(study)
    reader = sqlite3.connect(folder / connecting.DATABASE_FILE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sessions").fetchone()
    erased = study.store.erase(session.rater)
    assert "write-ahead log (study.db-wal) still holds" in erased.left
    with pytest.raises(StudyError, match=r"was erased on .* still holds"):
        study.store.erase(session.rater)
    reader.execute("COMMIT")
    with pytest.raises(StudyError, match="was erased on") as told:
        study.store.erase(session.rater)
    assert "still holds" not in str(told.value)
    assert (folder / "study.db-wal").stat().st_size == 0
    with study.store.read() as connection:  # patience is as long as before
        assert connection.execute(text("PRAGMA busy_timeout")).scalar_one() == 30_000
    reader.close()
    study.store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are POSIX's")
def test_a_studys_secrets_and_votes_are_readable_by_their_owner_only(folder, tmp_path):
    before = os.umask(0)
    try:
        study = open_study(folder)
        opened(study)
        named = open_study(folder, f"sqlite:///{tmp_path}/elsewhere.db")
    finally:
        os.umask(before)
    files = [*folder.glob("study.db*"), folder / KEY_FILE, folder / CODES_FILE]
    files += tmp_path.glob("elsewhere.db*")
    assert len(files) >= 6
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in files} == {
        file.name: "0o600" for file in files
    }
    study.store.close()
    named.store.close()


def test_a_locked_database_is_waited_for(folder):
    study = open_study(folder, clock=strolling_clock())
    session = opened(study)
    sent = submission(study, session)
    database = folder / connecting.DATABASE_FILE
    locker = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN IMMEDIATE")
    threading.Timer(3, lambda: locker.execute("ROLLBACK")).start()
    start = time.perf_counter()
    assert study.store.vote(session, sent).verdict == "accepted"
    assert 2.5 < time.perf_counter() - start < 20  # its patience is 30 s
    locker.close()


def test_a_full_disk_loses_no_vote_and_moves_nobody_on(folder):
    study = open_study(folder, clock=strolling_clock())
    session = opened(study)
    vote(study, session)
    sent = submission(study, session)
    from sqlalchemy import event

    def no_room(connection, _record):
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(study.store.engine, "connect", no_room)
    study.store.engine.dispose()  # the rule holds for new connections
    filler = schema.meta.insert().values(key="filler", value="x" * 200_000)
    with pytest.raises(StudyError, match="full"), study.store.write() as connection:
        connection.execute(filler)
    failed = 0
    try:
        study.store.vote(session, sent)
    except StudyError:
        failed = 1
    event.remove(study.store.engine, "connect", no_room)
    study.store.engine.dispose()
    assert study.store.vote(session, sent).verdict == ("accepted" if failed else "repeated")
    assert count(study, schema.votes) == 2


def test_every_acknowledged_vote_survives_sigkill(folder):
    """A process votes and prints each acknowledged trial; it is killed in the middle."""
    study = open_study(folder, clock=strolling_clock())
    code = read_codes(folder)[0]
    program = textwrap.dedent("""
        import itertools, sys
        from datetime import UTC, datetime, timedelta
        from srbench.study.store import open_study
        from srbench.study.simulate import perfect_submission
        start, looks = datetime.now(UTC), itertools.count()
        study = open_study(sys.argv[1], clock=lambda: start + timedelta(seconds=next(looks)))
        session, _ = study.store.enter(code=sys.argv[2])
        while (screen := study.store.screen(session)).kind != "finished":
            if screen.trial is None:
                study.store.confirm(session, screen.step)
                continue
            vote = perfect_submission(study.manifest, screen.trial, 4, 900, screen.attempt)
            assert study.store.vote(session, vote).verdict == "accepted"
            print(vote.trial, flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder), code], stdout=subprocess.PIPE, text=True
    )
    acknowledged = [int(process.stdout.readline()) for _ in range(15)]
    process.kill()
    acknowledged += [int(line) for line in process.stdout.read().split()]
    process.wait()
    session, _ = study.store.enter(code=code)
    stored = [row["trial"] for row in ratings_rows(study.store)]
    assert stored[: len(acknowledged)] == acknowledged
    assert len(stored) - len(acknowledged) <= 1  # stored, but killed before it could say so
    if len(stored) < len(study.store.playlist(session)):
        vote(study, session)


def test_a_server_frozen_inside_a_transaction_holds_nobody_up_for_long(folder, new_database):
    """It holds the lock that new raters need; after waking up, its transaction fails."""
    database = new_database()
    program = textwrap.dedent("""
        import os, signal, sys
        from srbench.errors import StudyError
        from srbench.study import connecting, schema
        from srbench.study.store import open_study
        connecting._IDLE_SECONDS = 2
        store = open_study(sys.argv[1], sys.argv[2]).store
        try:
            with store.write() as connection:
                store._lock_meta(connection)
                connection.execute(schema.meta.update().values(value="lost"))
                print("locked", flush=True)
                os.kill(os.getpid(), signal.SIGSTOP)
        except StudyError as error:
            print(error)
        print(store.state())
    """)
    study = open_study(folder, database, clock=strolling_clock())
    frozen = subprocess.Popen(
        [sys.executable, "-c", program, str(folder), database], stdout=subprocess.PIPE, text=True
    )
    try:
        assert frozen.stdout.readline() == "locked\n"
        start = time.perf_counter()
        session = opened(study)
        assert 1 < time.perf_counter() - start < 9  # its own limit is 10 s
        vote(study, session)
    finally:
        frozen.send_signal(signal.SIGCONT)
        said, _ = frozen.communicate(timeout=30)
    assert said.splitlines()[0].startswith("the study's database does not work as expected")
    assert said.splitlines()[1] == "open"
    assert count(study, schema.votes) == 1
    study.store.close()


def test_a_lock_that_is_held_for_long_is_given_up(folder, new_database, monkeypatch):
    monkeypatch.setattr(connecting, "_LOCK_SECONDS", 1)
    study = open_study(folder, new_database(), clock=strolling_clock())
    session = opened(study)
    sent = submission(study, session)
    with study.store.write() as holder:
        require_session(holder, session, lock=True)
        with pytest.raises(StudyError, match="lock timeout"):
            study.store.vote(session, sent)
    assert study.store.vote(session, sent).verdict == "accepted"
    study.store.close()


def test_every_connection_to_postgresql_has_an_end_to_its_patience(folder, new_database):
    study = open_study(folder, new_database(), clock=strolling_clock())
    with suppress(StudyError), study.store.read():
        raise StudyError("rolled back")  # what was set stays
    with study.store.read() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout")
        ]
        told = connection.connection.driver_connection.info.get_parameters()
    assert shown == ["10s", "15s", "1min"]
    assert {name: told[name] for name in connecting._LIBPQ} == {
        name: str(value) for name, value in connecting._LIBPQ.items()
    }
    study.store.close()


def test_unusable_databases_are_named_in_one_line(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ("mode=ro", "timeout=5", "mode=memory&uri=true", "immutable=1")
    parameters = [f"sqlite:///{tmp_path}/new.db?{one}" for one in asked]
    parameters += ["sqlite:///file:new.db", "sqlite:///file:new.db?mode=ro&uri=true"]
    for url in ("nonsense", "mongodb://x/y", "mysql://x/y", "sqlite://", "sqlite:///:memory:",
                *parameters):  # fmt: skip
        with pytest.raises(StudyError, match="database URL is not usable"):
            open_study(folder, url, clock=strolling_clock())
    assert not list(tmp_path.glob("*new.db*"))
    monkeypatch.setenv("HOME", str(tmp_path))
    open_study(folder, "sqlite:///~/own.db", clock=strolling_clock()).store.close()
    assert (tmp_path / "own.db").is_file()
    with pytest.raises(StudyError, match="does not work as expected"):
        open_study(folder, f"sqlite:///{tmp_path}/none/there/study.db", clock=strolling_clock())
    (tmp_path / "text.db").write_text("this is no database" * 100)
    with pytest.raises(StudyError, match="not a database"):
        open_study(folder, f"sqlite:///{tmp_path}/text.db", clock=strolling_clock())
    other = Table("meta", MetaData(), Column("key", String), Column("value", String))
    engine = connecting.open_engine(tmp_path, None)
    with engine.connect().execution_options(srbench_write=True) as connection, connection.begin():
        other.create(connection)
    with pytest.raises(StudyError, match="tables of another program"):
        prepare_schema(engine)


@pytest.mark.parametrize(
    "table",
    ["bookmarks (address TEXT)", "meta (key TEXT, value TEXT)", "meta (version INT)"],  # Chromium's
)
def test_the_database_of_another_program_stays_as_it_is(folder, tmp_path, table):
    file = tmp_path / "places.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE TABLE {table}")
        connection.commit()
    before = file.read_bytes()
    with pytest.raises(StudyError, match=rf"other tables \({table.split()[0]}\)"):
        open_study(folder, f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_on_postgresql_other_tables_stay_beside_ours_unless_they_have_our_names(
    folder, new_database, refused
):
    import psycopg

    beside, named = new_database(), new_database()
    with psycopg.connect(beside, autocommit=True) as connection:
        connection.execute("CREATE TABLE spatial_ref_sys (srid INT PRIMARY KEY)")  # PostGIS has it
        connection.execute("INSERT INTO spatial_ref_sys VALUES (4326)")
        assert "holds no study" in refused("study", "status", folder, "--database", beside)
        study = open_study(folder, beside, clock=strolling_clock())
        study.store.enter(code=study.store.invite(1)[0])
        study.store.close()
        assert connection.execute("SELECT srid FROM spatial_ref_sys").fetchall() == [(4326,)]
    for table in ("sessions (a INT)", "meta (a INT)", "meta (key TEXT, value TEXT)"):
        with psycopg.connect(named, autocommit=True) as connection:
            connection.execute(f"CREATE TABLE {table}")
            with pytest.raises(StudyError, match=r"with the names of ours \((sessions|meta)\)"):
                open_study(folder, named)
            there = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            assert connection.execute(there).fetchall() == [(table.split()[0],)]
            connection.execute(f"DROP TABLE {table.split()[0]}")


def test_what_is_wrong_with_a_postgresql_database_is_told_in_one_line(
    folder, postgres, new_database
):
    import psycopg

    url = new_database()
    open_study(folder, url).store.close()
    name = f"reader{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA public TO {name}")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
        reader = open_study(folder, f"{url}&user={name}", existing=True)
        with pytest.raises(StudyError, match=r"denied for table meta.*right to make"):
            reader.store.require_writable()
        reader.store.close()
        connection.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
        connection.execute(f"REVOKE USAGE ON SCHEMA public FROM {name}")
        with pytest.raises(StudyError, match=f"GRANT USAGE ON SCHEMA public TO {name}"):
            open_study(folder, f"{url}&user={name}", existing=True)
        connection.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    for wrong in (url.replace("/study", "/none"), f"{url}&user=nobody_here"):
        with pytest.raises(StudyError, match=r"does not exist\).*user and password in its URL"):
            open_study(folder, wrong)
    other = f"latin{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {other} ENCODING 'SQL_ASCII' TEMPLATE template0 "
            "LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        with pytest.raises(StudyError, match=r"encoding SQL_ASCII.*expected UTF8"):
            open_study(folder, postgres.replace("/postgres?", f"/{other}?"))
        connection.execute(f"DROP DATABASE {other} WITH (FORCE)")


def test_a_connection_lost_during_a_vote_loses_and_doubles_nothing(folder, new_database):
    """PostgreSQL ends the connection between the vote's row and its commit."""
    study = open_study(folder, new_database(), clock=strolling_clock())
    store = study.store
    session, _ = store.enter(code=store.invite(1)[0])
    for step in OPENING_STEPS:
        store.confirm(session, step)
    trial = store.playlist(session)[0]
    vote = perfect_submission(study.manifest, trial, 3, 900)
    with store.read() as other:  # the pool's next connection is another one
        other.exec_driver_sql("SELECT 1")

        def cut_off() -> None:
            with store.write() as lost:
                assert store.vote_within(lost, session, vote).verdict == "accepted"
                pid = lost.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")

        with pytest.raises(StudyError, match="does not work as expected"):
            cut_off()
    assert store.vote(session, vote).verdict == "accepted"
    assert store.vote(session, vote).verdict == "repeated"  # if the answer was lost, not the vote
    assert [row["score"] for row in ratings_rows(store)] == [3]
    store.close()


def test_a_mistyped_database_is_not_made_in_order_to_be_read(folder, tmp_path, refused):
    url = f"sqlite:///{tmp_path}/tsudy.db"
    for command in (("status",), ("export", "--out", tmp_path / "v.csv"), ("erase", "--rater", "r"),
                    ("analyze", "--out", tmp_path / "a")):  # fmt: skip
        line = refused("study", command[0], folder, *command[1:], "--database", url)
        assert "there is no database" in line
    assert not list(tmp_path.glob("*.db*"))


def test_a_missing_key_is_noticed(folder):
    (folder / KEY_FILE).unlink()
    with pytest.raises(StudyError, match="restore it, access codes depend on it"):
        open_study(folder, clock=strolling_clock())


def test_codes_that_a_researcher_annotated_are_still_read(folder):
    codes = read_codes(folder)
    file = folder / CODES_FILE
    noted = "code,name\r\n" + "\r\n".join(f'"{code}",Jürgen 한' for code in codes)
    for encoding in ("utf-8-sig", "cp949"):
        file.write_bytes(noted.replace("ü", "u").encode(encoding))
        assert read_codes(folder) == codes
        append_codes(folder, ["AAAABBBB"])  # the last line had no end
        assert read_codes(folder) == [*codes, "AAAABBBB"]
    file.unlink()
    file.mkdir()
    with pytest.raises(StudyError, match=r"access-codes\.csv: Is a directory"):
        open_study(folder, clock=strolling_clock())


def test_a_program_that_changes_folder_keeps_its_database(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    study = open_study(folder.name, clock=strolling_clock())
    (tmp_path / "elsewhere" / folder.name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    study.store.engine.dispose()  # the next connection is a new one
    session = opened(study)
    assert study.store.vote(session, submission(study, session)).verdict == "accepted"
    assert not any((tmp_path / "elsewhere" / folder.name).iterdir())
    study.store.close()


def test_no_vote_goes_into_a_database_file_that_was_removed(folder, tmp_path):
    """It would be lost with the file. The server goes on with the file that takes its place."""
    study = open_study(folder, clock=strolling_clock())
    session = opened(study)
    file, copy = folder / connecting.DATABASE_FILE, tmp_path / "copy.db"
    assert study.store.vote(session, submission(study, session)).verdict == "accepted"
    following = submission(study, session, 1)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(file, copy)
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    for _ in range(2):
        with pytest.raises(StudyError, match="it is not there"):
            study.store.vote(session, following)
    assert not file.exists()  # nor an empty one in its place
    shutil.copy(copy, file)
    assert study.store.vote(session, following).verdict == "accepted"
    study.store.close()
    again = open_study(folder, clock=strolling_clock())
    assert study_status(again.store, utc_now()).votes == 2
    again.store.close()


def test_a_list_of_codes_without_its_header_with_copies_or_dashes_is_read(folder):
    codes = read_codes(folder)
    dashed = f"{codes[1][:5]}-{codes[1][5:]}"
    listed = [codes[0], dashed, codes[1], *codes[2:], codes[0].lower()]
    (folder / CODES_FILE).write_text("\n".join(listed), encoding="utf-8")
    study = open_study(folder, clock=strolling_clock())
    raters = {study.store.enter(code=code)[0].rater for code in codes}
    assert len(raters) == len(codes)
    assert study_status(study.store, utc_now()).codes_unused == 0
    study.store.close()
