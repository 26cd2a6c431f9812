"""Connections to a study's database: a SQLite file, or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError

from ..errors import StudyError
from ..files import expanded

DATABASE_FILE = "study.db"
_BUSY_SECONDS = 30
# A server that freezes or loses its connection in a transaction holds its locks until PostgreSQL
# ends its session; other servers wait a little longer than that. Our transactions take
# milliseconds; a statement of an import of a million votes takes seconds.
_IDLE_SECONDS = 10
_LOCK_SECONDS = 15
_STATEMENT_SECONDS = 60
# Give up a lost connection to the database after 25 s; TCP alone would wait for hours.
_LIBPQ = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def open_engine(folder: Path, database: str | None) -> Engine:
    """An engine for the study's own SQLite file, or for a database by SQLAlchemy URL.

    Raises:
        StudyError: the URL is not valid or its driver is not installed.
    """
    try:
        url = make_url(database or f"sqlite:///{folder / DATABASE_FILE}")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ArgumentError(f"it names {url.get_backend_name()}")
        if url.get_backend_name() == "sqlite":
            file = _sqlite_file(url)
            _make_private(file)
            engine = create_engine(url.set(database=file), pool_size=10, max_overflow=20)
            return _watched(_sqlite(engine), file)
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
        return _postgresql(engine)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise StudyError(
            f"the database URL is not usable ({error}); expected postgresql://user@host/name "
            "or sqlite:///file"
        ) from error
    except ImportError as error:
        raise StudyError(
            "the driver for that database is missing; run pip install '.[postgres]'"
        ) from error


def require_database(database: str) -> None:
    """Refuse the URL of a missing SQLite file, because opening it would create it.

    Raises:
        StudyError: there is no such file.
    """
    with suppress(ArgumentError):  # `open_engine` reports it
        url = make_url(database)
        if url.get_backend_name() == "sqlite" and not os.path.exists(_sqlite_file(url)):
            raise StudyError(
                f"there is no database {url.database}; expected the one that the study was served "
                "with"
            )


def _sqlite_file(url: URL) -> str:
    """The absolute path of the file, which stays the same if the program changes its folder.

    Raises:
        ArgumentError: the URL names no file, or has parameters such as ``mode=ro``. SQLite reads
            them only from a ``file:`` URL, and a study needs its own settings.
    """
    if not url.database or url.database == ":memory:":
        raise ArgumentError("it names no file, and a study is not kept in memory")
    if url.query or url.database.startswith("file:"):
        after = url.render_as_string().partition("?")[2]
        raise ArgumentError(
            f"a SQLite file takes no parameters, this one has {after or 'file:'}; leave them out"
        )
    return os.path.abspath(expanded(url.database))


def _make_private(file: str) -> None:
    """Create a SQLite file that only its owner can read; its log gets the same rights."""
    with suppress(OSError):  # it exists already, or SQLite will give a better error
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _sqlite(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def _settings(connection, _record):  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # we send BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        # Check this before the next line, which changes the file permanently.
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        names = [name for (name,) in cursor.fetchall()]
        if names and not _holds_a_study(cursor):
            raise StudyError(
                f"the database holds other tables ({', '.join(sorted(names)[:3])}); use a "
                "separate database for the study"
            )
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # an acknowledged vote survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # overwrite the data of erased raters
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection):  # pyright: ignore[reportUnusedFunction]
        # A writer takes its lock at the start, because a later lock can fail without waiting.
        writes = connection.get_execution_options().get("srbench_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _watched(engine: Engine, file: str) -> Engine:
    """Notice that a SQLite file was removed or replaced while it is open.

    Its connections would continue to write into the removed file, and these votes would be lost; a
    new connection would create an empty file.
    """

    @event.listens_for(engine, "do_connect")
    def _require_file(*_):  # pyright: ignore[reportUnusedFunction]
        if not os.path.exists(file):
            raise sqlite3.OperationalError("unable to open database file: it is not there")

    @event.listens_for(engine, "connect")
    def _remember(_connection, record):  # pyright: ignore[reportUnusedFunction]
        record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def _compare(_connection, record, _proxy):  # pyright: ignore[reportUnusedFunction]
        if record.info.get("file") != _identity(file):
            raise DisconnectionError("the file was removed or replaced")

    return engine


def _identity(file: str) -> tuple[int, int] | None:
    with suppress(OSError):
        found = os.stat(file)
        return found.st_dev, found.st_ino
    return None


def _postgresql(engine: Engine) -> Engine:
    # `insert`: before SQLAlchemy's own first question, which fails with other encodings.
    @event.listens_for(engine, "connect", insert=True)
    def _patience(connection, _record):  # pyright: ignore[reportUnusedFunction]
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StudyError(
                f"the database has the encoding {encoding}, which cannot hold every text, expected "
                "UTF8; make one with: createdb --encoding UTF8 --template template0 NAME"
            )
        # Not by libpq's `options`, which PgBouncer refuses.
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
        cursor.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
        cursor.execute(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'")
        cursor.close()
        connection.commit()  # otherwise the first rollback would undo them

    return engine


def _holds_a_study(cursor: sqlite3.Cursor) -> bool:
    """Whether the tables of a SQLite file are ours; other programs have a table `meta` too."""
    try:
        cursor.execute("SELECT value FROM meta WHERE key = 'schema'")
    except sqlite3.OperationalError:
        return False
    return cursor.fetchone() is not None


def database_error(error: Exception) -> StudyError:
    """A database failure in one line: the driver's message and the usual remedy."""
    original = getattr(error, "orig", None) or error
    cause = str(original).strip().splitlines()
    remedy = (
        "check that its folder is writable and its disk has free space, and that no other program "
        "locks it; if it is on a read-only disk, copy it to another one first"
    )
    if type(original).__module__.startswith("psycopg"):
        remedy = (
            "check that it runs, the address, name, user and password in its URL, and that this "
            "user has the right to make tables and write to them"
        )
    return StudyError(
        f"the study's database does not work as expected ({cause[0] if cause else error}); {remedy}"
    )
