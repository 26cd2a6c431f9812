"""The study's database: sessions, playlists, votes. The only truth; every call is one short
transaction, and a vote is acknowledged only after it is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ..errors import BegunAlready, StudyError
from . import keys
from .balance import raters_per_item, raters_per_unit
from .manifest import Manifest, load_manifest
from .playlists import Trial, make_playlist
from .procedure import Item
from .rows import (
    read_grade,
    read_meta,
    read_playlist,
    read_progress,
    read_session,
    read_stimuli,
    read_untold,
    require_session,
    session_of,
    short_answers,
    timestamp,
    trial_row,
    vote_row,
)
from .schema import (
    database_error,
    invites,
    lock_schema,
    meta,
    open_engine,
    prepare_schema,
    retractions,
    sessions,
    steps,
    tokens,
    tombstones,
    trials,
    votes,
)
from .scrub import scrub
from .session import (
    Screen,
    Session,
    SessionProgress,
    Submission,
    Verdict,
    can_undo,
    judge,
    next_screen,
)

StudyState = Literal["open", "paused", "closed"]
Clock = Callable[[], datetime]
# A rater who has not voted for so long is not waited for when contents are shared out.
ABANDONED_AFTER = timedelta(days=3)


@dataclass(frozen=True)
class VoteOutcome:
    """What became of a submission; ``reason`` says why it was not accepted. ``stored``: the grade
    that counts for its trial, where it is another one."""

    verdict: Verdict
    reason: str = ""
    stored: int | None = None


def utc_now() -> datetime:
    """The time, as the edge of the program hands it in."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Erasure:
    """A rater who was removed, with how many votes. ``left``: what could not be cleared at once of
    removed rows in the database's files, and why; empty when all is gone."""

    rater: str
    votes: int
    left: str = ""


class Store:
    """A study's database. Safe to share between threads; no state but a cache of playlists,
    which never change.

    The cache is keyed by the session's nonce, which no other session ever has, and decides
    nothing: whatever is written is held against the session and the trial as the database has
    them, inside the same transaction.
    """

    def __init__(
        self,
        engine: Engine,
        manifest: Manifest,
        key: bytes,
        *,
        codes: Sequence[str] = (),
        clock: Clock = utc_now,
    ) -> None:
        """Open, and make the tables if need be; a new database is given the access ``codes``.

        Raises:
            StudyError: the database is another study's, newer than this srbench, or silent.
        """
        self.engine = engine
        self.manifest = manifest
        self._key = key
        self._clock = clock
        self._playlists: dict[str, tuple[Trial, ...]] = {}
        self._playlists_lock = Lock()
        # SQLite's writers exclude each other by asking again and again, and some wait for seconds;
        # those of this process take turns instead.
        self._turn = Lock() if engine.dialect.name == "sqlite" else nullcontext()
        prepare_schema(engine)
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
                    f"{manifest.study_id}; give each study a database of its own"
                )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading."""
        with self._transaction(writes=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of it, or nothing."""
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

    def now(self) -> str:
        """The time, as it is stored."""
        return timestamp(self._clock())

    @property
    def address(self) -> str:
        """Where the database is: its URL without the password."""
        return self.engine.url.render_as_string(hide_password=True)

    # --- the study as a whole -------------------------------------------------------------

    def state(self) -> StudyState:
        """Whether the study takes votes: ``open``, ``paused`` or ``closed``."""
        with self.read() as connection:
            return cast(StudyState, read_meta(connection, "state"))

    def set_state(self, state: StudyState) -> None:
        """Open, pause or close the study; a pause keeps everyone's place."""
        with self.write() as connection:
            connection.execute(update(meta).where(meta.c.key == "state").values(value=state))

    def invite(self, count: int) -> list[str]:
        """Make ``count`` access codes, each for one rater. Only their hashes are stored: this is
        the one time to write them down."""
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
        """Give all connections back."""
        self.engine.dispose()

    # --- entering -------------------------------------------------------------------------

    def enter(
        self,
        *,
        code: str | None = None,
        participant: str | None = None,
        device: str | None = None,
    ) -> tuple[Session, str]:
        """Begin, or come back, and get a token for the personal link.

        The same code always leads to the same session. A participant id of a recruiting site is
        no secret: it lets one session begin, and leads back to it only together with a token that
        the ``device`` kept.

        Raises:
            StudyError: the code is unknown, a code is needed, or the study is not open.
            BegunAlready: the participant's session is there, and nothing shows whose it is.
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
                        "this participant has begun already; go on by the personal link, or in "
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
        """Id of the session that a token leads to."""
        return connection.execute(
            select(tokens.c.session_id).where(tokens.c.token_hash == keys.hash_token(token or ""))
        ).scalar()

    def begin_simulated(self, rater: str) -> Session:
        """A session of a simulated rater; marked as such in every row for good.

        One that was begun before and has no vote, as an interruption leaves it, is taken up.
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
        """A new token for a session's personal link; the older ones stay good."""
        token = keys.new_token()
        with self.write() as connection:
            require_session(connection, session)
            connection.execute(
                insert(tokens).values(token_hash=keys.hash_token(token), session_id=session.id)
            )
        return token

    def resume(self, token: str) -> Session | None:
        """The session of a personal link; None when there is none, or it was withdrawn."""
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
            raise StudyError(f"a rater '{name}' exists already; choose another seed")
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

    # --- one session ----------------------------------------------------------------------

    def playlist(self, session: Session) -> tuple[Trial, ...]:
        """The rater's trials, as stored before the first one was shown."""
        with self._playlists_lock:
            known = self._playlists.get(session.nonce)
        if known is not None:
            return known
        with self.read() as connection:
            require_session(connection, session)
            return self._playlist(connection, session)

    def screen(self, session: Session) -> Screen:
        """Where the rater stands.

        Raises:
            SessionGone: the rater was erased; the same of all that follow.
        """
        with self.read() as connection:
            require_session(connection, session)
            playlist = self._playlist(connection, session)
            screen = next_screen(playlist, read_progress(connection, session.id))
            return replace(screen, untold=read_untold(connection, session.id))

    def told(self, session: Session, trial: int) -> None:
        """The rater has read which grade is stored for a trial where another one was pressed."""
        with self.write() as connection:
            require_session(connection, session, lock=True)
            self._set_untold(connection, session, None, instead_of=trial)

    def _set_untold(
        self,
        connection: Connection,
        session: Session,
        trial: int | None,
        *,
        instead_of: int | None = None,
    ) -> None:
        change = update(sessions).where(sessions.c.id == session.id).values(untold=trial)
        if instead_of is not None:
            change = change.where(sessions.c.untold == instead_of)
        connection.execute(change)

    def confirm(
        self, session: Session, step: str, answers: Mapping[str, Any] | None = None
    ) -> Screen:
        """Go on from a screen that is no trial. Confirming anything but the present step
        changes nothing. Answers are stored as they are, cut to 2,000 characters each."""
        with self.write() as connection:
            return self.confirm_within(connection, session, step, answers)

    def confirm_within(
        self,
        connection: Connection,
        session: Session,
        step: str,
        answers: Mapping[str, Any] | None = None,
    ) -> Screen:
        """:meth:`confirm` inside a transaction of the caller."""
        require_session(connection, session, lock=True)
        playlist = self._playlist(connection, session)
        progress = read_progress(connection, session.id)
        screen = next_screen(playlist, progress)
        if screen.step != step:
            return screen
        connection.execute(
            insert(steps).values(
                session_id=session.id,
                step=step,
                done_at=self.now(),
                answers=short_answers(answers) if answers else None,
            )
        )
        if step == "debrief":
            connection.execute(
                update(sessions)
                .where(sessions.c.id == session.id)
                .values(
                    finished_at=self.now(),
                    completion_code=self.manifest.rules.completion_code or keys.new_code(8),
                )
            )
        return next_screen(playlist, SessionProgress(progress.steps | {step}, progress.last))

    def vote(self, session: Session, submission: Submission) -> VoteOutcome:
        """Store a vote if it is for the trial on screen, and for the picture that this session's
        stored playlist shows there. Repeating it, or sending one for a trial that has passed,
        changes nothing; where its grade is not the stored one, the outcome names that.

        Raises:
            StudyError: the database could not store it; the rater's place is unchanged.
        """
        with self.write() as connection:
            return self.vote_within(connection, session, submission)

    def vote_within(
        self,
        connection: Connection,
        session: Session,
        submission: Submission,
        *,
        rated_at: str | None = None,
    ) -> VoteOutcome:
        """:meth:`vote` inside a transaction of the caller."""
        require_session(connection, session, lock=True)
        if read_meta(connection, "state") != "open":
            return VoteOutcome("refused", "the study is paused or closed")
        if submission.session not in (None, session.nonce):
            return VoteOutcome("refused", "from a page of another session")
        playlist = self._playlist(connection, session)
        progress = read_progress(connection, session.id)
        now = rated_at or self.now()
        stored = None
        if 0 <= submission.trial < len(playlist):
            stored = read_grade(connection, session.id, submission.trial)
        grade = stored.score if stored else None
        verdict, reason = judge(
            playlist,
            progress,
            self.manifest,
            submission,
            stored=grade,
            waited_ms=_milliseconds(progress.changed_at, now),
        )
        if verdict == "accepted":
            # The playlist above may come from the cache; this does not.
            if submission.stimuli != read_stimuli(connection, session.id, submission.trial):
                return VoteOutcome("refused", "not the picture of this session's trial")
            connection.execute(insert(votes).values(vote_row(session, submission, now)))
        if verdict != "differs":
            return VoteOutcome(verdict, reason)
        # Kept until the rater has read it: this page may be gone before it hears the answer.
        self._set_untold(connection, session, submission.trial)
        return VoteOutcome(verdict, reason, grade)

    def undo(self, session: Session, trial: int, attempt: int) -> bool:
        """Take back the last vote, named by its trial and attempt, by adding a retraction.

        False, and nothing changed, when that is not the last vote or it is too late.
        """
        with self.write() as connection:
            require_session(connection, session, lock=True)
            if read_meta(connection, "state") != "open":
                return False
            progress = read_progress(connection, session.id)
            last = progress.last
            if last is None or (last.trial, last.attempt) != (trial, attempt):
                return False
            if not can_undo(self._playlist(connection, session), progress):
                return False
            self._set_untold(connection, session, None, instead_of=trial)
            connection.execute(
                insert(retractions).values(
                    session_id=session.id,
                    trial=trial,
                    attempt=attempt,
                    retracted_at=self.now(),
                )
            )
            return True

    def rater_of(self, *, code: str | None = None, link: str | None = None) -> str:
        """The opaque name of a rater who is known by an access code or a personal link.

        Raises:
            StudyError: nobody is, or no longer.
        """
        with self.read() as connection:
            if link is not None:
                token = parse_qs(urlsplit(link).query).get("r", [link.strip()])[0]
                session_id = self._led_to(connection, token)
                if session_id is None:
                    raise StudyError("this personal link leads to no rater, or to one erased")
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
        """Remove a rater who withdraws: votes, answers, playlist, links, also from what the
        database keeps of removed rows. A tombstone keeps the rater's opaque name and the counts.

        Raises:
            StudyError: there is no such rater, or no longer.
        """
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
        left = scrub(self.engine)  # also again, for what an earlier try left
        if row is None:
            raise StudyError(f"rater '{rater}' was erased on {erased_at}. {left}".strip())
        with self._playlists_lock:
            self._playlists.pop(row.nonce, None)
        return Erasure(rater, removed, left)

    def _remove(self, connection: Connection, session: Session) -> int:
        """Take a session's rows away and leave a tombstone; the number of votes there were."""
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

    def _playlist(self, connection: Connection, session: Session) -> tuple[Trial, ...]:
        """The playlist of a session that is there."""
        with self._playlists_lock:
            known = self._playlists.get(session.nonce)
        if known is None:
            known = read_playlist(connection, session.id)
            with self._playlists_lock:
                self._playlists[session.nonce] = known
        return known

    def _lock_meta(self, connection: Connection) -> None:
        if connection.dialect.name != "sqlite":
            connection.execute(select(meta).where(meta.c.key == "sessions").with_for_update())


def _milliseconds(since: str | None, now: str) -> float | None:
    """Between two stored times; None where they tell nothing, as when the clock was put back."""
    if since is None or now < since:
        return None
    return (datetime.fromisoformat(now) - datetime.fromisoformat(since)) / timedelta(milliseconds=1)


@dataclass(frozen=True)
class Study:
    """An opened study: its folder, its design, its database."""

    folder: Path
    manifest: Manifest
    store: Store


def open_study(folder: Path | str, database: str | None = None, *, clock: Clock = utc_now) -> Study:
    """Open a study's folder and its database (default: SQLite in the folder).

    Raises:
        StudyError: the folder holds no whole study, or the database cannot be used.
    """
    folder = Path(folder)
    manifest = load_manifest(folder)
    engine = open_engine(folder, database)
    key, codes = keys.read_key(folder), keys.read_codes(folder)
    return Study(folder, manifest, Store(engine, manifest, key, codes=codes, clock=clock))
