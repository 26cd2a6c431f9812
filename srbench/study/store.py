"""The study's store: raters enter, return and withdraw (`answering` has their other actions).

All state is in the database; every call is one short transaction.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sqlalchemy import Connection, delete, func, insert, select, update

from ..data.naming import has_control, tidy
from ..errors import BegunAlready, StudyError
from ..files import expanded
from ..wording import one_line
from . import keys
from .answering import Answering
from .answering import VoteOutcome as VoteOutcome
from .balance import raters_per_item, raters_per_unit
from .connecting import open_engine, require_database
from .database import Clock, utc_now
from .database import StudyState as StudyState
from .manifest import Manifest, load_manifest
from .playlists import make_playlist
from .procedure import Item
from .rows import read_meta, read_session, require_session, session_of, timestamp, trial_row
from .schema import (
    invites,
    meta,
    sessions,
    steps,
    tokens,
    tombstones,
    trials,
    votes,
)
from .scrub import scrub
from .session import Session

# After this time without a vote, a rater no longer counts when contents are assigned.
ABANDONED_AFTER = timedelta(days=3)


@dataclass(frozen=True)
class Erasure:
    """A removed rater, with the number of votes. ``left``: which removed rows remain in the
    database's files, and why; empty if none do.
    """

    rater: str
    votes: int
    left: str = ""


class Store(Answering):
    """A study's database, with entering, returning and withdrawing."""

    def enter(
        self,
        *,
        code: str | None = None,
        participant: str | None = None,
        device: str | None = None,
    ) -> tuple[Session, str]:
        """Begin or resume a session, and get a token for the personal link.

        The same code always leads to the same session. A participant id of a recruiting site is not
        secret: it can begin one session, and resumes it only together with a token stored on the
        ``device``.

        Raises:
            StudyError: the code is unknown, a code is needed, or the study is not open.
            BegunAlready: the participant's session exists, and the device has no token for it.
        """
        token = keys.new_token()
        participant_hash = keys.hash_participant(self._key, participant) if participant else None
        with self.write() as connection:
            self._lock_meta(connection)
            code_hash = None
            session_id = None
            if self.manifest.rules.access == "code":
                code_hash = keys.hash_code(self._key, code or "")
                row = connection.execute(
                    select(invites).where(invites.c.code_hash == code_hash)
                ).one_or_none()
                if row is None or (row.used_at is not None and row.session_id is None):
                    raise StudyError("this access code is not known; check the spelling")
                session_id = row.session_id
            if session_id is None and participant_hash is not None:
                session_id = connection.execute(
                    select(sessions.c.id).where(sessions.c.participant_hash == participant_hash)
                ).scalar()
                if session_id is not None and session_id != self._led_to(connection, device):
                    raise BegunAlready(
                        "this participant has already started; continue with the personal link, "
                        "or in "
                        "the browser in which it was begun"
                    )
            if session_id is None:
                session = self._begin(connection, participant_hash=participant_hash)
                session_id = session.id
            if code_hash is not None:
                connection.execute(
                    update(invites)
                    .where(invites.c.code_hash == code_hash)
                    .values(used_at=self.now(), session_id=session_id)
                )
            connection.execute(
                insert(tokens).values(token_hash=keys.hash_token(token), session_id=session_id)
            )
            return read_session(connection, session_id), token

    def _led_to(self, connection: Connection, token: str | None) -> int | None:
        """The id of the session of a token."""
        return connection.execute(
            select(tokens.c.session_id).where(tokens.c.token_hash == keys.hash_token(token or ""))
        ).scalar()

    def begin_simulated(self, rater: str) -> Session:
        """A session of a simulated rater, permanently marked as such in every row.

        A session that an interrupted call left without votes is reused.
        """
        with self.write() as connection:
            self._lock_meta(connection)
            voted = select(votes.c.session_id).where(votes.c.session_id == sessions.c.id).exists()
            begun = connection.execute(
                select(sessions)
                .where(sessions.c.rater == rater, sessions.c.simulated, ~sessions.c.imported)
                .where(~voted)
            ).first()
            if begun is not None:
                return session_of(begun)
            return self._begin(connection, rater=rater, simulated=True)

    def simulated_voters(self) -> set[str]:
        """The names of simulated raters who have voted."""
        with self.read() as connection:
            return set(
                connection.execute(
                    select(sessions.c.rater)
                    .join(votes, votes.c.session_id == sessions.c.id)
                    .where(sessions.c.simulated)
                    .distinct()
                ).scalars()
            )

    def link(self, session: Session) -> str:
        """A new token for a session's personal link; older tokens stay valid."""
        token = keys.new_token()
        with self.write() as connection:
            require_session(connection, session)
            connection.execute(
                insert(tokens).values(token_hash=keys.hash_token(token), session_id=session.id)
            )
        return token

    def resume(self, token: str) -> Session | None:
        """The session of a personal link; None if there is none or it was withdrawn."""
        with self.read() as connection:
            row = connection.execute(
                select(sessions)
                .join(tokens, tokens.c.session_id == sessions.c.id)
                .where(tokens.c.token_hash == keys.hash_token(token))
            ).one_or_none()
            return None if row is None else session_of(row)

    def _begin(
        self,
        connection: Connection,
        *,
        rater: str | None = None,
        simulated: bool = False,
        participant_hash: str | None = None,
    ) -> Session:
        if read_meta(connection, "state") != "open":
            raise StudyError("the study takes no new raters at the moment")
        number = int(read_meta(connection, "sessions") or 0)
        connection.execute(
            update(meta).where(meta.c.key == "sessions").values(value=str(number + 1))
        )
        shown = self._shown(connection, simulated=simulated)
        loads = raters_per_unit(self.manifest, shown)
        playlist = make_playlist(self.manifest, number, loads, shown)
        name = rater or "r-" + keys.new_code(8).lower()
        taken = connection.execute(select(sessions.c.id).where(sessions.c.rater == name)).scalar()
        erased = connection.execute(
            select(tombstones.c.rater).where(tombstones.c.rater == name)
        ).scalar()
        if taken is not None or erased is not None:
            raise StudyError(f"a rater '{name}' exists already; choose another seed (--seed)")
        row = connection.execute(
            insert(sessions)
            .values(
                nonce=keys.new_nonce(),
                rater=name,
                number=number,
                simulated=simulated,
                imported=False,
                participant_hash=participant_hash,
                created_at=self.now(),
            )
            .returning(sessions)
        ).one()
        connection.execute(insert(trials), [trial_row(row.id, trial) for trial in playlist])
        return session_of(row)

    def _shown(self, connection: Connection, *, simulated: bool) -> dict[Item, int]:
        if self.manifest.rules.per_rater is None and not self.manifest.asks.swaps:
            return {}
        abandoned = timestamp(self._clock() - ABANDONED_AFTER)
        return raters_per_item(connection, since=abandoned, simulated=simulated)

    def rater_of(self, *, code: str | None = None, link: str | None = None) -> str:
        """The opaque name of the rater with this access code or personal link.

        Raises:
            StudyError: there is no such rater, or the rater was erased.
        """
        with self.read() as connection:
            if link is not None:
                pasted, given = tidy(link), []
                with suppress(ValueError):  # it is not an address
                    given = parse_qsl(urlsplit(pasted).query)
                token = next((value for name, value in given if name.casefold() == "r"), pasted)
                session_id = self._led_to(connection, token)
                if session_id is None:
                    raise StudyError("this personal link belongs to no rater, or to an erased one")
            else:
                code_hash = keys.hash_code(self._key, code or "")
                row = connection.execute(
                    select(invites).where(invites.c.code_hash == code_hash)
                ).one_or_none()
                if row is None:
                    raise StudyError("this access code is not known; check the spelling")
                session_id = row.session_id
                if session_id is None:
                    was = "was erased already" if row.used_at else "has not begun"
                    raise StudyError(f"the rater of this access code {was}")
            return read_session(connection, session_id).rater

    def erase(self, rater: str) -> Erasure:
        """Remove a rater who withdraws: votes, answers, playlist and links, including removed rows
        in the database's files. A tombstone keeps the rater's opaque name and the counts.

        Raises:
            StudyError: there is no such rater, or the rater was already erased.
        """
        if not isinstance(rater, str) or has_control(rater):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise StudyError(
                f"no rater {one_line(repr(rater), 60)} in this study; see: srbench study status"
            )
        with self.write() as connection:
            row = connection.execute(
                select(sessions).where(sessions.c.rater == rater)
            ).one_or_none()
            removed = 0 if row is None else self._remove(connection, session_of(row))
            erased_at = connection.execute(
                select(tombstones.c.erased_at).where(tombstones.c.rater == rater)
            ).scalar()
        if row is None and erased_at is None:
            raise StudyError(f"no rater '{rater}' in this study; see: srbench study status")
        left = scrub(self.engine)  # repeated for data that an earlier call could not clear
        if row is None:
            raise StudyError(f"rater '{rater}' was erased on {erased_at}. {left}".strip())
        self._playlists.pop(row.nonce, None)
        return Erasure(rater, removed, left)

    def _remove(self, connection: Connection, session: Session) -> int:
        """Delete a session's rows and add a tombstone; returns the number of deleted votes."""
        require_session(connection, session, lock=True)
        counts = [
            connection.execute(
                select(func.count()).select_from(table).where(table.c.session_id == session.id)
            ).scalar_one()
            for table in (votes, steps)
        ]
        connection.execute(
            insert(tombstones).values(
                rater=session.rater,
                simulated=session.simulated,
                votes=counts[0],
                answers=counts[1],
                erased_at=self.now(),
            )
        )
        connection.execute(delete(sessions).where(sessions.c.id == session.id))
        return counts[0]


@dataclass(frozen=True)
class Study:
    """An open study: its folder, manifest and database."""

    folder: Path
    manifest: Manifest
    store: Store


def open_study(
    folder: Path | str,
    database: str | None = None,
    *,
    existing: bool = False,
    clock: Clock = utc_now,
) -> Study:
    """Open a study's folder and its database (default: SQLite in the folder).

    ``existing``: a ``database`` that is given must hold the study; else its tables are made.

    Raises:
        StudyError: the folder has no complete study, or the database cannot be used.
    """
    folder = expanded(folder)
    manifest = load_manifest(folder)
    if existing and database:
        require_database(database)
    engine = open_engine(folder, database)
    key, codes = keys.read_key(folder), keys.read_codes(folder)
    create = not (existing and database)
    store = Store(engine, manifest, key, codes=codes, clock=clock, create=create)
    return Study(folder.absolute(), manifest, store)
