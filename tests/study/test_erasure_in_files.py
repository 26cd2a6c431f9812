"""Erased data are removed from the database's files, on SQLite and on PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from srbench.errors import StudyError
from srbench.study import connecting
from srbench.study.keys import hash_token, read_codes
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission
from srbench.study.store import open_study

SECRET = "an-answer-that-nobody-else-gives"


def files_of(study) -> list[Path]:
    """What holds the study's rows: SQLite's files, or the files of PostgreSQL's tables."""
    if study.store.engine.dialect.name == "sqlite":
        return list(study.folder.glob("study.db*"))
    with study.store.read() as connection:
        root = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        oid = connection.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
    return [path for path in (root / "base" / str(oid)).iterdir() if path.is_file()]


def written(study) -> None:
    """Let PostgreSQL write its pages, and drop files that it has replaced."""
    if study.store.engine.dialect.name == "postgresql":
        with study.store.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("CHECKPOINT"))


def test_nothing_of_an_erased_rater_is_left_in_the_files(study):
    store = study.store
    session, token = store.enter(code=read_codes(study.folder)[0], participant="someone")
    for step in OPENING_STEPS:
        store.confirm(session, step, {"age": SECRET} if step == "questionnaire" else None)
    for trial in store.playlist(session)[:4]:
        store.vote(session, perfect_submission(study.manifest, trial, 3, 900))
    traces = [SECRET.encode(), hash_token(token).encode(), session.nonce.encode()]
    written(study)
    found = b"".join(path.read_bytes() for path in files_of(study))
    assert all(trace in found for trace in traces)  # it would be seen
    assert store.erase(session.rater).left == ""
    written(study)
    found = b"".join(path.read_bytes() for path in files_of(study))
    assert not [trace for trace in traces if trace in found]


def test_tables_that_postgresql_could_not_write_anew_are_told(folder, new_database, monkeypatch):
    monkeypatch.setattr(connecting, "_LOCK_SECONDS", 1)
    study = open_study(folder, new_database())
    session, _ = study.store.enter(code=read_codes(folder)[0])
    with study.store.read() as reader:  # a long look at the votes, such as a backup
        reader.execute(text("SELECT count(*) FROM votes"))
        left = study.store.erase(session.rater).left
    assert "could not clear the removed rows" in left
    assert "lock timeout" in left
    with pytest.raises(StudyError, match="was erased on") as told:  # again, without a reader
        study.store.erase(session.rater)
    assert "could not" not in str(told.value)
    study.store.close()
