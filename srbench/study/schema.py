"""The study's tables, their version, and the way from an older version to this one.

SQLite (one server) and PostgreSQL (several) have the same tables. Votes and retractions are only
ever added; a row leaves by a rater's withdrawal alone. A session's id is never given to another
one, and a vote names the picture that was shown, which the database holds against its trial.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

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
    create_engine,
    event,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..errors import StudyError
from .migrations import MIGRATIONS, Migration

SCHEMA_VERSION = 3
DATABASE_FILE = "study.db"
_BUSY_SECONDS = 30
# A server that is frozen, or cut off, inside a transaction holds its locks until PostgreSQL ends
# its session; others wait for them a little longer than that. Our transactions take milliseconds,
# an import of a million votes seconds a statement.
_IDLE_SECONDS = 10
_LOCK_SECONDS = 15
_STATEMENT_SECONDS = 60
# How soon a database that is cut off is given up: 25 s, where TCP by itself waits for hours.
_LIBPQ = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}

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
    # Random, and unlike the id nothing that anybody could guess: whatever a rater's page sends
    # carries it, and nothing is written in a session without it.
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
    # The trial for which another grade was pressed than is stored, until the rater was told.
    Column("untold", Integer),
    sqlite_autoincrement=True,  # else SQLite gives an erased session's id to the next one
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
    # Of two pictures the one that stands right or comes second; null where a trial has only one.
    Column("second", String(32)),
    UniqueConstraint("session_id", "trial", "stimulus"),  # what votes refer to
    UniqueConstraint("session_id", "trial", "stimulus", "second"),
)

votes = Table(
    "votes",
    metadata,
    Column("session_id", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    # What was on the rater's screen; null where it was not recorded, by srbench before schema 2.
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
    # Columns of an imported table that this one does not know.
    Column("extra", JSON),
    Column("second", String(32)),
    # How often the picture was changed where both have one place, and how long the second stood.
    Column("toggles", Integer),
    Column("second_ms", Integer),
    # What the screen did; null where it was not recorded, by srbench before schema 3.
    Column("pinch", Float),
    Column("forced_colors", Boolean),
    Column("focus_lost", Integer),
    ForeignKeyConstraint(
        ["session_id", "trial"], ["trials.session_id", "trials.trial"], ondelete="CASCADE"
    ),
    # No vote for another picture than its trial's, whatever a program believes.
    ForeignKeyConstraint(
        ["session_id", "trial", "stimulus"],
        ["trials.session_id", "trials.trial", "trials.stimulus"],
        ondelete="CASCADE",
    ),
    # Nor beside another one, or on the other side; not looked at where `second` is null.
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

# A vote counts when no retraction stands beside it: joined on this, `session_id` is null there.
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


def open_engine(folder: Path, database: str | None) -> Engine:
    """An engine for the study's own SQLite file, or for a database by SQLAlchemy URL.

    Raises:
        StudyError: the URL makes no sense or its driver is not installed.
    """
    try:
        url = make_url(database or f"sqlite:///{folder / DATABASE_FILE}")
        if url.get_backend_name() == "sqlite":
            _make_private(url.database)
            return _sqlite(create_engine(url, pool_size=10, max_overflow=20))
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        ours = _LIBPQ if url.drivername == "postgresql+psycopg" else {}
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            connect_args={name: value for name, value in ours.items() if name not in url.query},
        )
        return _postgresql(engine) if engine.dialect.name == "postgresql" else engine
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StudyError(
            f"the database URL is not usable ({error}); expected postgresql://user@host/name "
            "or sqlite:///file"
        ) from error
    except ImportError as error:
        raise StudyError(
            "the driver for that database is missing; run pip install '.[postgres]'"
        ) from error


def _make_private(database: str | None) -> None:
    """Let a new SQLite file be readable by its owner only; its log takes over the same rights."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return
    with suppress(OSError):  # it is there already, or SQLite says better what is wrong
        os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _sqlite(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _settings(connection, _record):  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged vote survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # an erased rater leaves no bytes behind
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection):  # pyright: ignore[reportUnusedFunction]
        # A writer takes its lock at the start: a lock taken later can fail without waiting.
        writes = connection.get_execution_options().get("srbench_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _patience(connection, _record):  # pyright: ignore[reportUnusedFunction]
        # Not by libpq's `options`, which PgBouncer refuses.
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
        cursor.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
        cursor.execute(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'")
        cursor.close()
        connection.commit()  # else the first rollback would take them back

    return engine


def prepare_schema(
    engine: Engine,
    *,
    version: int = SCHEMA_VERSION,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    expected: MetaData = metadata,
) -> None:
    """Make the tables, or bring older ones to ``version``; then check that all is as expected.

    One transaction: a migration that fails leaves the database as it was.

    Raises:
        StudyError: the database is newer than this srbench, belongs to something else, or a
            migration did not lead to the expected tables.
    """
    try:
        opened = engine.connect().execution_options(srbench_write=True)
        with opened as connection, _tables_may_be_rebuilt(connection), connection.begin():
            lock_schema(connection)
            if not inspect(connection).has_table("meta"):
                expected.create_all(connection)
                connection.execute(meta.insert().values(key="schema", value=str(version)))
            if _migrate(connection, version, migrations):
                _narrow_rights(engine)
            _check_columns(connection, expected)
    except SQLAlchemyError as error:
        raise database_error(error) from error


@contextmanager
def _tables_may_be_rebuilt(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making another one, and would delete all that refers to the old
    one; whether it looks at references can be said outside of transactions only."""
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


def database_error(error: Exception) -> StudyError:
    """A database failure in one line: what the driver said, and what usually helps."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()
    return StudyError(
        f"the study's database does not answer as it should ({cause[0] if cause else error}); "
        "check that it runs, that its folder can be written to and has room, and that no other "
        "program holds it; of a copy on a read-only disk make another copy first"
    )


def lock_schema(connection: Connection) -> None:
    """Let one server at a time set up the database, until the transaction ends."""
    if connection.dialect.name == "postgresql":
        # Two servers starting at once would both find no tables.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7227301)")


def _narrow_rights(engine: Engine) -> None:
    """Older versions made a SQLite file that everybody could read."""
    file = engine.url.database
    if engine.dialect.name == "sqlite" and file:
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.chmod(file + ending, 0o600)


def _migrate(connection: Connection, version: int, migrations: Mapping[int, Migration]) -> bool:
    """Bring the tables up; whether there was something to do."""
    found = connection.execute(select(meta.c.value).where(meta.c.key == "schema")).scalar()
    if found is None or not found.isdigit():
        raise StudyError("the database holds other tables; give the study one of its own")
    stored = int(found)
    if stored > version:
        raise StudyError(
            f"the database has schema {stored}, this srbench knows {version}; update srbench"
        )
    for step in range(stored, version):
        if step not in migrations:
            raise StudyError(f"no way from schema {step} to {step + 1}; use the older srbench")
        migrations[step](connection)
        connection.execute(meta.update().where(meta.c.key == "schema").values(value=str(step + 1)))
    if stored < version and connection.dialect.name == "sqlite":
        loose = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if loose:
            raise StudyError(
                f"the database's table '{loose[0][0]}' has rows without what they belong to; "
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
