"""A study's database: transactions, the state of the study and its access codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from threading import Lock
from typing import Literal, cast, get_args

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StudyError
from . import keys
from .connecting import database_error
from .manifest import Manifest
from .numbers import require_whole
from .rows import read_meta, timestamp
from .schema import invites, lock_schema, meta, prepare_schema

StudyState = Literal["open", "paused", "closed"]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


class Database:
    """A study's database, checked to belong to the study. Safe to share between threads."""

    def __init__(
        self,
        engine: Engine,
        manifest: Manifest,
        key: bytes,
        *,
        codes: Sequence[str] = (),
        clock: Clock = utc_now,
        create: bool = True,
    ) -> None:
        """Open the database and create missing tables; a new database gets the access ``codes``.

        Raises:
            StudyError: the database belongs to another study, is newer than this srbench, does not
                respond, or has no study without ``create``.
        """
        self.engine = engine
        self.manifest = manifest
        self._key = key
        self._clock = clock
        # SQLite's writers poll for the lock and may wait for seconds, so the threads of this
        # process use a lock of their own.
        self._turn = Lock() if engine.dialect.name == "sqlite" else nullcontext()
        prepare_schema(engine, create=create)
        with self.write() as connection:
            lock_schema(connection)
            stored = read_meta(connection, "fingerprint")
            if stored is None:
                for name, value in [
                    ("fingerprint", manifest.fingerprint),
                    ("state", "open"),
                    ("sessions", "0"),
                ]:
                    connection.execute(insert(meta).values(key=name, value=value))
                self._add_codes(connection, codes)
            elif stored != manifest.fingerprint:
                raise StudyError(
                    f"the database belongs to study {stored[:12]}, this is "
                    f"{manifest.study_id}; use a separate database for each study"
                )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One atomic transaction."""
        with self._transaction(writes=True) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._turn if writes else nullcontext():
                opened = self.engine.connect().execution_options(srbench_write=writes)
                with opened as connection, connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise database_error(error) from error

    def require_writable(self) -> None:
        """Check that votes could be stored, by a change that changes nothing.

        Raises:
            StudyError: the database cannot be written to.
        """
        with self.write() as connection:
            connection.execute(update(meta).where(meta.c.key == "state").values(value=meta.c.value))

    def now(self) -> str:
        """The current time in its stored form."""
        return timestamp(self._clock())

    @property
    def address(self) -> str:
        """The URL of the database without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    def state(self) -> StudyState:
        """The state of the study: ``open``, ``paused`` or ``closed``."""
        with self.read() as connection:
            return cast(StudyState, read_meta(connection, "state"))

    def set_state(self, state: StudyState) -> None:
        """Open, pause or close the study; raters can continue after a pause.

        Raises:
            StudyError: there is no such state.
        """
        if state not in get_args(StudyState):
            raise StudyError(f"the state is {state!r:.60}, expected open, paused or closed")
        with self.write() as connection:
            connection.execute(update(meta).where(meta.c.key == "state").values(value=state))

    def invite(self, count: int) -> list[str]:
        """Make ``count`` access codes, one per rater. Only their hashes are stored, so the caller
        must save the codes.
        """
        require_whole(count=count)
        if count < 0:
            raise StudyError(f"{count} access codes asked for; expected 0 or more")
        codes = [keys.new_code() for _ in range(count)]
        with self.write() as connection:
            self._add_codes(connection, codes)
        return codes

    def _add_codes(self, connection: Connection, codes: Sequence[str]) -> None:
        now = self.now()
        rows = [{"code_hash": keys.hash_code(self._key, c), "created_at": now} for c in codes]
        if rows:
            connection.execute(insert(invites), rows)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _lock_meta(self, connection: Connection) -> None:
        if connection.dialect.name != "sqlite":
            connection.execute(select(meta).where(meta.c.key == "sessions").with_for_update())
