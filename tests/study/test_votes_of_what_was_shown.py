"""A vote is stored only for the picture that its session showed, even if a cache, page or file is
outdated. On SQLite and PostgreSQL.
"""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from study_servers import strolling_clock

from srbench.errors import SessionGone, StudyError
from srbench.study import connecting, schema
from srbench.study.importing import import_ratings
from srbench.study.keys import read_codes
from srbench.study.ratings import export_ratings, ratings_rows
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission
from srbench.study.store import Store, open_study


@pytest.fixture
def command_line(study):
    """Another process on the same study: it shares the database with ``study``, and no cache."""
    url = study.store.engine.url.render_as_string(False)
    other = open_study(study.folder, url, clock=study.store._clock)
    yield other.store
    other.store.close()


def begin(study, index, votes=0, store=None):
    """A rater after the opening steps and some votes."""
    store = store or study.store
    session, _ = store.enter(code=read_codes(study.folder)[index])
    for step in OPENING_STEPS:
        store.confirm(session, step)
    for trial in store.playlist(session)[:votes]:
        assert store.vote(session, sent(study, trial)).verdict == "accepted"
    return session


def sent(study, trial, score=3):
    return perfect_submission(study.manifest, trial, score, 900)


def stored(study, table=schema.votes):
    with study.store.read() as connection:
        return connection.execute(select(table)).all()


def test_no_session_gets_the_id_of_an_erased_one(study, command_line):
    ids = []
    for index in range(3):
        session = begin(study, index, votes=2)
        ids.append(session.id)
        command_line.erase(session.rater)
    assert len(set(ids)) == 3


def test_after_an_erasure_elsewhere_the_next_raters_votes_stand_at_what_was_shown(
    study, command_line
):
    command_line.erase(begin(study, 0, votes=1).rater)
    session = begin(study, 1)
    shown = {}
    for trial in study.store.playlist(session)[:4]:
        assert study.store.vote(session, sent(study, trial)).verdict == "accepted"
        shown[trial.number] = trial.stimulus
    assert {row["trial"]: row["stimulus"] for row in ratings_rows(study.store)} == shown
    assert {
        row.trial: row.stimulus for row in stored(study, schema.trials)
    }.items() >= shown.items()


def test_whatever_the_cache_says_the_stored_playlist_decides(study):
    first, second = begin(study, 0), begin(study, 1)
    theirs = study.store.playlist(second)
    assert theirs[0].stimulus != study.store.playlist(first)[0].stimulus
    study.store._playlists[first.nonce] = theirs  # as it was when ids came back
    outcome = study.store.vote(first, sent(study, theirs[0]))
    assert (outcome.verdict, outcome.reason) == (
        "refused",
        "not the picture of this session's trial",
    )
    assert stored(study) == []


def test_the_database_itself_refuses_a_vote_for_another_picture(study):
    session = begin(study, 0, votes=1)
    others = [t.stimulus for t in study.store.playlist(session)[1:]]
    for change in ({"stimulus": others[0]}, {"stimulus": "f" * 32}):
        with pytest.raises(StudyError, match="does not work"), study.store.write() as connection:
            connection.execute(update(schema.votes).values(**change))
    with pytest.raises(StudyError, match="does not work"), study.store.write() as connection:
        connection.execute(update(schema.trials).where(schema.trials.c.trial == 0).values(
            stimulus=others[0]
        ))  # fmt: skip


def test_nothing_is_written_in_a_session_by_a_page_of_another_one(study, command_line):
    """The id alone is not enough: an erased session's page, a forged one, one that has both."""
    erased = begin(study, 0, votes=2)
    command_line.erase(erased.rater)
    living = begin(study, 1, votes=2)
    before = {t.name: stored(study, t) for t in schema.metadata.sorted_tables}
    trial = study.store.playlist(living)[2]
    for page in (
        erased,
        replace(erased, id=living.id),  # the id came back
        replace(living, nonce=erased.nonce),
        replace(living, nonce=""),
        replace(living, id=living.id + 1),
    ):
        with pytest.raises(SessionGone):
            study.store.vote(page, sent(study, trial))
        with pytest.raises(SessionGone):
            study.store.undo(page, 1, 1)
        with pytest.raises(SessionGone):
            study.store.confirm(page, "block-1", {"age": "under 30"})
        with pytest.raises(SessionGone):
            study.store.screen(page)
        with pytest.raises(SessionGone):
            study.store.link(page)
    for claimed in (erased.nonce, "", "x" * 10**6):
        vote = replace(sent(study, trial), session=claimed)
        assert study.store.vote(living, vote).reason == "from a page of another session"
    assert {t.name: stored(study, t) for t in schema.metadata.sorted_tables} == before
    vote = replace(sent(study, trial), session=living.nonce)
    assert study.store.vote(living, vote).verdict == "accepted"


def test_a_vote_on_its_way_while_the_rater_is_erased_is_told_and_leaves_nothing(
    study, command_line
):
    session = begin(study, 0, votes=1)
    vote = sent(study, study.store.playlist(session)[1])
    command_line.erase(session.rater)
    with pytest.raises(SessionGone, match="exists no longer"):
        study.store.vote(session, vote)
    assert stored(study) == stored(study, schema.steps) == []


def test_an_import_and_a_second_server_beside_raters_mix_nothing_up(study, command_line, tmp_path):
    table = tmp_path / "in.csv"
    stimulus = study.manifest.by_id[study.manifest.main[0]]
    command_line.erase(begin(study, 0, votes=1).rater)
    table.write_text(
        "rater,dataset,image,method,score\n"
        f"anna,{stimulus.dataset},{stimulus.image},{stimulus.method},3\n"
    )
    import_ratings(command_line, table)
    command_line.erase("anna")
    here, there = begin(study, 1), begin(study, 2, store=command_line)
    shown = {here.rater: {}, there.rater: {}}
    for number in range(4):
        # Each rater's votes go to the two servers in turn.
        for turn, session in enumerate((here, there)):
            store = (study.store, command_line)[(number + turn) % 2]
            trial = store.playlist(session)[number]
            assert store.vote(session, sent(study, trial, 1 + number)).verdict == "accepted"
            shown[session.rater][number] = (trial.stimulus, 1 + number)
    for rater, theirs in shown.items():
        rows = [r for r in ratings_rows(study.store) if r["rater"] == rater]
        assert {r["trial"]: (r["stimulus"], r["score"]) for r in rows} == theirs


def test_export_and_import_keep_what_was_shown(study, tmp_path):
    begin(study, 0, votes=4)
    table = tmp_path / "out.csv"
    export_ratings(study.store, table)
    other = tmp_path / "other"
    shutil.copytree(study.folder, other, ignore=shutil.ignore_patterns("study.db*"))
    copy = open_study(other, clock=strolling_clock())
    import_ratings(copy.store, table)
    assert ratings_rows(copy.store) == ratings_rows(study.store)
    lines = list(csv.DictReader(table.open(encoding="utf-8")))
    wrong = next(s for s in study.manifest.main if s != lines[0]["stimulus"])
    for cell, result in ((wrong, "that the row names as shown"), ("no hash", "names as shown")):
        table.write_text(table.read_text("utf-8").replace(lines[0]["stimulus"], cell))
        with pytest.raises(StudyError, match=result):
            import_ratings(copy.store, table)
        export_ratings(study.store, table)
    copy.store.close()


def test_a_table_that_does_not_know_what_was_shown_keeps_it_open(design, tmp_path):
    store = Store(connecting.open_engine(tmp_path, None), design([2]), b"k" * 64)
    stimulus = store.manifest.by_id[store.manifest.main[0]]
    named = f"{stimulus.dataset},{stimulus.image},{stimulus.method}"
    table = tmp_path / "in.csv"
    table.write_text(f"rater,dataset,image,method,score,stimulus\nanna,{named},3,\n")
    import_ratings(store, table)
    assert [row["stimulus"] for row in ratings_rows(store)] == [None]
