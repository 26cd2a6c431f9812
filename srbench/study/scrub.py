"""Clear removed rows from the files of the database."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

_PATIENCE_MS = 10_000
_TABLES = ("sessions", "tokens", "invites", "steps", "trials", "votes", "retractions")


def scrub(engine: Engine) -> str:
    """Clear removed rows from the database's files; returns what is left and why, or ''.

    SQLite overwrites removed rows (`secure_delete`), so only the write-ahead log must be emptied.
    PostgreSQL keeps removed rows until its tables are rewritten. We cannot clear its write-ahead
    log or backups: see docs/how-to/retention.md.
    """
    if engine.dialect.name == "sqlite":
        return _empty_log(engine)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in _TABLES:
                connection.exec_driver_sql(f"VACUUM (FULL) {table}")
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        return (
            f"PostgreSQL could not clear the removed rows out of its files yet ({cause}); run "
            "VACUUM FULL in this database, or the same command again"
        )
    return ""


def _empty_log(engine: Engine) -> str:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE_MS}")
        # (busy, pages in the log, pages copied); busy while another connection reads or writes.
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {usual}")
    finally:
        raw.close()
    if not busy:
        return ""
    return (
        "the database's write-ahead log (study.db-wal) still holds the removed rows, because "
        "another program reads the database; end that, and run the same command again"
    )
