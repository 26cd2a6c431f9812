"""Migrate databases of older srbench versions, one function per schema version.

Each function contains its tables in full and must not change when today's tables do. They run in
one transaction, on SQLite with foreign keys off.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, text

Migration = Callable[[Connection], None]

_SESSIONS_2 = """
CREATE TABLE sessions_new (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    nonce VARCHAR(32) NOT NULL UNIQUE,
    rater VARCHAR(80) NOT NULL UNIQUE,
    number INTEGER NOT NULL,
    simulated BOOLEAN NOT NULL,
    imported BOOLEAN NOT NULL,
    participant_hash VARCHAR(64) UNIQUE,
    created_at VARCHAR(24) NOT NULL,
    finished_at VARCHAR(24),
    completion_code VARCHAR(20),
    untold INTEGER
)"""
_TRIALS_2 = """
CREATE TABLE trials_new (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    trial INTEGER NOT NULL,
    stimulus VARCHAR(32) NOT NULL,
    phase VARCHAR(10) NOT NULL,
    block INTEGER NOT NULL,
    repetition INTEGER NOT NULL,
    expected INTEGER,
    PRIMARY KEY (session_id, trial),
    UNIQUE (session_id, trial, stimulus)
)"""
_VOTES_2 = """
CREATE TABLE votes_new (
    session_id INTEGER NOT NULL,
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    stimulus VARCHAR(32),
    score INTEGER NOT NULL,
    simulated BOOLEAN NOT NULL,
    response_ms INTEGER,
    rated_at VARCHAR(40),
    pixel_ratio FLOAT,
    window_width INTEGER,
    window_height INTEGER,
    drawn_width INTEGER,
    drawn_height INTEGER,
    extra JSON,
    PRIMARY KEY (session_id, trial, attempt),
    FOREIGN KEY (session_id, trial) REFERENCES trials (session_id, trial) ON DELETE CASCADE,
    FOREIGN KEY (session_id, trial, stimulus)
        REFERENCES trials (session_id, trial, stimulus) ON DELETE CASCADE,
    CONSTRAINT score_is_a_grade CHECK (score BETWEEN 1 AND 5)
)"""

_TRIALS_3 = """
CREATE TABLE trials_new (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    trial INTEGER NOT NULL,
    stimulus VARCHAR(32) NOT NULL,
    phase VARCHAR(10) NOT NULL,
    block INTEGER NOT NULL,
    repetition INTEGER NOT NULL,
    expected INTEGER,
    second VARCHAR(32),
    PRIMARY KEY (session_id, trial),
    UNIQUE (session_id, trial, stimulus),
    UNIQUE (session_id, trial, stimulus, second)
)"""
_VOTES_3 = """
CREATE TABLE votes_new (
    session_id INTEGER NOT NULL,
    trial INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    stimulus VARCHAR(32),
    score INTEGER NOT NULL,
    simulated BOOLEAN NOT NULL,
    response_ms INTEGER,
    rated_at VARCHAR(40),
    pixel_ratio FLOAT,
    window_width INTEGER,
    window_height INTEGER,
    drawn_width INTEGER,
    drawn_height INTEGER,
    extra JSON,
    second VARCHAR(32),
    toggles INTEGER,
    second_ms INTEGER,
    pinch FLOAT,
    forced_colors BOOLEAN,
    focus_lost INTEGER,
    PRIMARY KEY (session_id, trial, attempt),
    FOREIGN KEY (session_id, trial) REFERENCES trials (session_id, trial) ON DELETE CASCADE,
    FOREIGN KEY (session_id, trial, stimulus)
        REFERENCES trials (session_id, trial, stimulus) ON DELETE CASCADE,
    FOREIGN KEY (session_id, trial, stimulus, second)
        REFERENCES trials (session_id, trial, stimulus, second) ON DELETE CASCADE,
    CONSTRAINT score_is_a_grade CHECK (score BETWEEN 1 AND 5)
)"""


def _to_2(connection: Connection) -> None:
    """Give sessions a nonce and an id that is never reused; give votes the shown stimulus.

    The shown stimulus was not recorded before, so it is null; for imported votes it is the one that
    the table named. Ids of erased sessions are not reused either.
    """
    if connection.dialect.name == "sqlite":
        _rebuild(connection, "sessions", _SESSIONS_2, nonce="lower(hex(randomblob(16)))")
        _rebuild(connection, "trials", _TRIALS_2)
        _rebuild(connection, "votes", _VOTES_2, stimulus="NULL")
        ever = "(SELECT max(coalesce(max(id), 0), coalesce(sum(imported), 0)) FROM sessions)"
        begun = "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sessions')"
        erased = "(SELECT count(*) FROM tombstones)"
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'sessions'")
        connection.exec_driver_sql(
            "INSERT INTO sqlite_sequence (name, seq) "
            f"SELECT 'sessions', {ever} + coalesce({begun}, 0) + {erased}"
        )
    else:
        for command in (
            "ALTER TABLE sessions ADD COLUMN nonce VARCHAR(32) UNIQUE",
            "ALTER TABLE sessions ADD COLUMN untold INTEGER",
            "ALTER TABLE trials ADD UNIQUE (session_id, trial, stimulus)",
            "ALTER TABLE votes ADD COLUMN stimulus VARCHAR(32)",
            "ALTER TABLE votes ADD FOREIGN KEY (session_id, trial, stimulus) "
            "REFERENCES trials (session_id, trial, stimulus) ON DELETE CASCADE",
        ):
            connection.exec_driver_sql(command)
        for (session_id,) in connection.exec_driver_sql("SELECT id FROM sessions").all():
            connection.execute(
                text("UPDATE sessions SET nonce = :nonce WHERE id = :id"),
                {"nonce": secrets.token_hex(16), "id": session_id},
            )
        connection.exec_driver_sql("ALTER TABLE sessions ALTER COLUMN nonce SET NOT NULL")
    connection.exec_driver_sql(
        "UPDATE votes SET stimulus = (SELECT stimulus FROM trials WHERE "
        "trials.session_id = votes.session_id AND trials.trial = votes.trial) "
        "WHERE session_id IN (SELECT id FROM sessions WHERE imported)"
    )


def _to_3(connection: Connection) -> None:
    """Add the second picture of trials and votes, and the screen's observations; null for older
    rows.
    """
    if connection.dialect.name == "sqlite":
        _rebuild(connection, "trials", _TRIALS_3)
        _rebuild(connection, "votes", _VOTES_3)
        return
    for command in (
        "ALTER TABLE trials ADD COLUMN second VARCHAR(32)",
        "ALTER TABLE trials ADD UNIQUE (session_id, trial, stimulus, second)",
        "ALTER TABLE votes ADD COLUMN second VARCHAR(32)",
        "ALTER TABLE votes ADD COLUMN toggles INTEGER",
        "ALTER TABLE votes ADD COLUMN second_ms INTEGER",
        "ALTER TABLE votes ADD COLUMN pinch FLOAT",
        "ALTER TABLE votes ADD COLUMN forced_colors BOOLEAN",
        "ALTER TABLE votes ADD COLUMN focus_lost INTEGER",
        "ALTER TABLE votes ADD FOREIGN KEY (session_id, trial, stimulus, second) "
        "REFERENCES trials (session_id, trial, stimulus, second) ON DELETE CASCADE",
    ):
        connection.exec_driver_sql(command)


def _rebuild(connection: Connection, table: str, made: str, **added: str) -> None:
    """Make a new SQLite table ``<table>_new`` and fill it from the old one.

    ``added``: the values of new columns; other new columns are null.
    """
    columns = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")]
    into, values = ", ".join([*columns, *added]), ", ".join([*columns, *added.values()])
    connection.exec_driver_sql(made)
    connection.exec_driver_sql(f"INSERT INTO {table}_new ({into}) SELECT {values} FROM {table}")
    connection.exec_driver_sql(f"DROP TABLE {table}")
    connection.exec_driver_sql(f"ALTER TABLE {table}_new RENAME TO {table}")


# key N: migrates from version N to N + 1
MIGRATIONS: Mapping[int, Migration] = {1: _to_2, 2: _to_3}
