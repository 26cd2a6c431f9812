"""A database of an older srbench is migrated without loss, and doubtful votes are reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, insert, select, text

from srbench.errors import StudyError
from srbench.study import connecting, schema
from srbench.study.doubts import doubtful_votes
from srbench.study.ratings import ratings_rows
from srbench.study.store import Store

# Made by srbench at 5dc2d6a: two raters, one of whom has the id of a third, erased before; an
# import. The tokens of the personal links are "token-0" and "token-2".
OLD = json.loads(Path(__file__).with_name("schema_1.json").read_text("utf-8"))
NEW_COLUMNS = {
    "sessions": {"nonce", "untold"},
    "trials": {"second"},
    "votes": {
        "stimulus", "second", "toggles", "second_ms", "pinch", "forced_colors", "focus_lost",
    },
}  # fmt: skip
# The same, as the next version had it.
OLD_2 = json.loads(Path(__file__).with_name("schema_2.json").read_text("utf-8"))


@pytest.fixture
def manifest(design):
    return design([2, 2], practice=1, access="open", participant_parameter="P")


@pytest.fixture
def engine(tmp_path, database, manifest):
    """The old database, on SQLite and on PostgreSQL."""
    yield from filled(OLD, connecting.open_engine(tmp_path, database), manifest)


def filled(old, engine, manifest):
    name = engine.dialect.name
    with engine.connect().execution_options(srbench_write=True) as connection, connection.begin():
        for command in old[name]:
            connection.execute(text(command))
        for table, rows in old["rows"].items():
            there = Table(table, MetaData(), autoload_with=connection)
            if rows:
                connection.execute(insert(there), rows)
        connection.execute(
            text("UPDATE meta SET value = :it WHERE key = 'fingerprint'"),
            {"it": manifest.fingerprint},
        )
        if name == "postgresql":
            connection.execute(text("SELECT setval('sessions_id_seq', 4)"))
    yield engine
    engine.dispose()


def contents(engine) -> dict[str, list[dict]]:
    with engine.connect() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in schema.metadata.sorted_tables
        }


def test_a_database_of_schema_1_is_brought_up_without_loss(engine, manifest):
    Store(engine, manifest, b"k" * 64)
    found = contents(engine)
    for table, rows in OLD["rows"].items():
        if table == "meta":
            continue
        new = NEW_COLUMNS.get(table, set())
        plain = [{k: v for k, v in row.items() if k not in new} for row in found[table]]
        assert sorted(plain, key=str) == sorted(rows, key=str), table
    assert len({row["nonce"] for row in found["sessions"]}) == 3
    # What was shown is known of what was imported only.
    imported = {row["id"] for row in found["sessions"] if row["imported"]}
    trials = {(r["session_id"], r["trial"]): r["stimulus"] for r in found["trials"]}
    for row in found["votes"]:
        shown = trials[row["session_id"], row["trial"]] if row["session_id"] in imported else None
        assert row["stimulus"] == shown


def test_raters_of_an_old_database_go_on_and_no_id_comes_back(engine, manifest):
    store = Store(engine, manifest, b"k" * 64)
    assert [r["score"] for r in ratings_rows(store) if r["rater"] == "r-aaaaaaaa"] == [4, 3]
    rater = store.resume("token-0")
    assert (rater.rater, store.screen(rater).trial.number) == ("r-aaaaaaaa", 2)
    ids = {row["id"] for row in contents(engine)["sessions"]}
    store.erase("r-cccccccc")
    store.erase("anna")
    assert store.enter(participant="four")[0].id > max(ids)
    # References work as before: all of the erased is gone, and nothing else.
    assert [row["session_id"] for row in contents(engine)["votes"]] == [1, 1, 1]


def test_a_database_of_schema_2_is_brought_up_without_loss(tmp_path, database, manifest):
    for engine in filled(OLD_2, connecting.open_engine(tmp_path, database), manifest):
        store = Store(engine, manifest, b"k" * 64)
        found = contents(engine)
        for table, rows in OLD_2["rows"].items():
            if table != "meta":
                old = [{k: v for k, v in row.items() if k in rows[0]} for row in found[table]]
                assert sorted(old, key=str) == sorted(rows, key=str), table
        assert {row["second"] for row in (*found["trials"], *found["votes"])} == {None}
        store.erase("r-aaaaaaaa")
        left = contents(engine)
        assert len(left["votes"]) == len(found["votes"]) - 3
        assert {row["session_id"] for row in left["votes"]} <= {r["id"] for r in left["sessions"]}


def test_a_migration_that_loses_a_reference_is_not_kept(engine, manifest):
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL looks at references itself")
    raw = engine.raw_connection()
    raw.driver_connection.execute("PRAGMA foreign_keys = OFF")
    raw.driver_connection.execute("DELETE FROM sessions WHERE id = 1")
    raw.driver_connection.execute("PRAGMA foreign_keys = ON")
    raw.close()
    with pytest.raises(StudyError, match="rows that refer to missing rows; restore a copy"):
        Store(engine, manifest, b"k" * 64)
    with engine.connect() as connection:
        assert (
            connection.execute(text("SELECT value FROM meta WHERE key = 'schema'")).scalar() == "1"
        )
        assert connection.execute(text("SELECT count(*) FROM votes")).scalar() == 10


def test_old_votes_that_may_stand_at_another_picture_are_told(engine, manifest):
    store = Store(engine, manifest, b"k" * 64)
    doubt = doubtful_votes(store)
    if engine.dialect.name == "postgresql":
        assert doubt is None  # it never gave an id twice
        return
    # Only the rater who began after the erasure; neither the one before nor the import.
    assert (doubt.raters, doubt.votes) == (("r-cccccccc",), 6)
    assert doubt.erased_at == "2026-01-01T00:00:19.000Z"
    assert "r-cccccccc" in str(doubt)
    assert {r["stimulus"] for r in ratings_rows(store) if r["rater"] == "r-cccccccc"} == {None}
    store.erase("r-cccccccc")
    assert doubtful_votes(store) is None


def test_a_new_study_with_erasures_is_in_no_doubt(design, tmp_path):
    manifest = design([2], access="open")
    store = Store(connecting.open_engine(tmp_path, None), manifest, b"k" * 64)
    store.erase(store.enter()[0].rater)
    store.enter()
    assert doubtful_votes(store) is None
