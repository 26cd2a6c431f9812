"""The study's tables, their schema version and their migration.

SQLite (one server) and PostgreSQL (several) have the same tables. Votes and retractions are only
added; rows are deleted only if a rater withdraws. Session ids are never reused. A vote names the
shown picture, and the database checks it against the trial.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    inspect,
    select,
)
from sqlalchemy.exc import (
    SQLAlchemyError,
)

from ..errors import StudyError
from .connecting import database_error
from .migrations import MIGRATIONS, Migration

SCHEMA_VERSION = 3

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", String, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    # Random and, unlike the id, not guessable: all messages of a rater's page contain it, and
    # nothing is written to a session without it.
    Column("nonce", String(32), nullable=False, unique=True),
    Column("rater", String(80), nullable=False, unique=True),
    Column("number", Integer, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("imported", Boolean, nullable=False),
    # A keyed hash; the participant id itself is never stored.
    Column("participant_hash", String(64), unique=True),
    Column("created_at", String(24), nullable=False),
    Column("finished_at", String(24)),
    Column("completion_code", String(20)),
    # The trial whose stored grade differs from the pressed one, until the rater has seen this.
    Column("untold", Integer),
    sqlite_autoincrement=True,  # otherwise SQLite reuses the id of an erased session
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
)

invites = Table(
    "invites",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("created_at", String(24), nullable=False),
    Column("used_at", String(24)),
    Column("session_id", ForeignKey("sessions.id", ondelete="SET NULL"), index=True),
)

steps = Table(
    "steps",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("step", String(40), primary_key=True),
    Column("done_at", String(24), nullable=False),
    Column("answers", JSON),
)

trials = Table(
    "trials",
    metadata,
    Column("session_id", ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("stimulus", String(32), nullable=False),
    Column("phase", String(10), nullable=False),
    Column("block", Integer, nullable=False),
    Column("repetition", Integer, nullable=False),
    Column("expected", Integer),
    # The right or second picture; null if a trial has only one.
    Column("second", String(32)),
    UniqueConstraint("session_id", "trial", "stimulus"),  # referenced by votes
    UniqueConstraint("session_id", "trial", "stimulus", "second"),
)

votes = Table(
    "votes",
    metadata,
    Column("session_id", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    # The picture on the rater's screen; null if not recorded (srbench before schema 2).
    Column("stimulus", String(32)),
    Column("score", Integer, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("response_ms", Integer),
    Column("rated_at", String(40)),
    Column("pixel_ratio", Float),
    Column("window_width", Integer),
    Column("window_height", Integer),
    Column("drawn_width", Integer),
    Column("drawn_height", Integer),
    # Additional columns of an imported table.
    Column("extra", JSON),
    Column("second", String(32)),
    # Switches between two pictures in one place, and how long the second was visible.
    Column("toggles", Integer),
    Column("second_ms", Integer),
    # The screen's observations; null if not recorded (srbench before schema 3).
    Column("pinch", Float),
    Column("forced_colors", Boolean),
    Column("focus_lost", Integer),
    ForeignKeyConstraint(
        ["session_id", "trial"], ["trials.session_id", "trials.trial"], ondelete="CASCADE"
    ),
    # The database itself refuses a vote for a picture of another trial.
    ForeignKeyConstraint(
        ["session_id", "trial", "stimulus"],
        ["trials.session_id", "trials.trial", "trials.stimulus"],
        ondelete="CASCADE",
    ),
    # The same for the second picture and the display order; not checked if `second` is null.
    ForeignKeyConstraint(
        ["session_id", "trial", "stimulus", "second"],
        ["trials.session_id", "trials.trial", "trials.stimulus", "trials.second"],
        ondelete="CASCADE",
    ),
    # A grade, or the answer to a pair: `srbench.study.procedure`.
    CheckConstraint("score BETWEEN 1 AND 5", name="score_is_a_grade"),
)

retractions = Table(
    "retractions",
    metadata,
    Column("session_id", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("retracted_at", String(24), nullable=False),
    ForeignKeyConstraint(
        ["session_id", "trial", "attempt"],
        ["votes.session_id", "votes.trial", "votes.attempt"],
        ondelete="CASCADE",
    ),
)

# A vote counts if it has no retraction: after a join on this, `session_id` is null.
ITS_RETRACTION = (
    (retractions.c.session_id == votes.c.session_id)
    & (retractions.c.trial == votes.c.trial)
    & (retractions.c.attempt == votes.c.attempt)
)
ITS_TRIAL = (trials.c.session_id == votes.c.session_id) & (trials.c.trial == votes.c.trial)

tombstones = Table(
    "tombstones",
    metadata,
    Column("rater", String(80), primary_key=True),
    Column("simulated", Boolean, nullable=False),
    Column("votes", Integer, nullable=False),
    Column("answers", Integer, nullable=False),
    Column("erased_at", String(24), nullable=False),
)


def prepare_schema(
    engine: Engine,
    *,
    version: int = SCHEMA_VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    expected: MetaData = metadata,
    create: bool = True,
) -> None:
    """Create the tables or migrate older ones to ``version``, and check the result.

    This is one transaction: a failed migration leaves the database unchanged. Tables of another
    program stay as they are, if they have other names (PostgreSQL; a SQLite file is refused).
    ``create``: whether to create the tables in a database without any.

    Raises:
        StudyError: the database is newer than this srbench, has tables of another program with our
            names, does not have the expected tables after a migration, or has none and must have.
    """
    try:
        opened = engine.connect().execution_options(srbench_write=True)
        with opened as connection, _tables_may_be_rebuilt(connection), connection.begin():
            lock_schema(connection)
            _require_visible_schema(connection)
            there = set(inspect(connection).get_table_names()) & set(expected.tables)
            if there and not _has_schema(connection):
                raise StudyError(
                    "the database already holds tables of another program with the names of "
                    f"ours ({', '.join(sorted(there)[:3])}); use another database"
                )
            if not there:
                if not create:
                    raise StudyError(
                        "the database holds no study; expected the one that the study was served "
                        "with"
                    )
                expected.create_all(connection)
                connection.execute(meta.insert().values(key="schema", value=str(version)))
            if _migrate(connection, version, migrations):
                _narrow_rights(engine)
            _check_columns(connection, expected)
    except SQLAlchemyError as error:
        raise database_error(error) from error


def _require_visible_schema(connection: Connection) -> None:
    """Refuse a PostgreSQL user who may use no schema, to whom the database looks empty."""
    if connection.dialect.name != "postgresql":
        return
    found = connection.exec_driver_sql("SELECT current_schema(), current_user").one()
    if found[0] is None:
        raise StudyError(
            f"the database user {found[1]} may use no schema of this database, so its tables are "
            f"not visible; its owner can run: GRANT USAGE ON SCHEMA public TO {found[1]}"
        )


def _has_schema(connection: Connection) -> bool:
    """Whether `meta` is ours: the version of the tables is in it."""
    found = inspect(connection)
    if "meta" not in found.get_table_names():
        return False
    if not {"key", "value"} <= {column["name"] for column in found.get_columns("meta")}:
        return False
    return (
        connection.execute(select(meta.c.value).where(meta.c.key == "schema")).first() is not None
    )


@contextmanager
def _tables_may_be_rebuilt(connection: Connection) -> Iterator[None]:
    """Turn off SQLite's foreign keys: rebuilding a table must not delete rows that refer to it.

    This setting can be changed only outside of transactions.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def lock_schema(connection: Connection) -> None:
    """Lock the setup of the database for one server until the transaction ends."""
    if connection.dialect.name == "postgresql":
        # Two servers that start at the same time would both find no tables.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7227301)")


def _narrow_rights(engine: Engine) -> None:
    """Restrict the rights of a SQLite file of older versions, which everyone could read."""
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file:
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.chmod(file + ending, 0o600)


def _migrate(connection: Connection, version: int, migrations: Mapping[int, Migration]) -> bool:
    """Migrate the tables; returns whether anything had to be done."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar()
    if found is None or not found.isdigit():
        raise StudyError(
            "the database contains other tables; use a separate database for the study"
        )
    stored = int(found)
    if stored > version:
        raise StudyError(
            f"the database has schema {stored}, this srbench knows {version}; update srbench"
        )
    for step in range(stored, version):
        if step not in migrations:
            raise StudyError(
                f"no migration from schema {step} to {step + 1}; use the older srbench"
            )
        migrations[step](connection)
        connection.execute(meta.update().where(meta.c.key == "schema").values(value=str(step + 1)))
    if stored < version and connection.dialect.name == "sqlite":
        loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if loose:
            raise StudyError(
                f"the database's table '{loose[0][0]}' has rows that refer to missing rows; "
                "restore a copy"
            )
    return stored < version


def _check_columns(connection: Connection, expected: MetaData) -> None:
    inspector = inspect(connection)
    present = set(inspector.get_table_names())
    for table in expected.sorted_tables:
        if table.name not in present:
            raise StudyError(f"the database lacks the table '{table.name}'; restore a copy")
        found = {column["name"] for column in inspector.get_columns(table.name)}
        wanted = {column.name for column in table.columns}
        if found != wanted:
            raise StudyError(
                f"the database's table '{table.name}' has columns {sorted(found)}, "
                f"expected {sorted(wanted)}; restore a copy"
            )
