"""A rater's session: the current screen, votes and undo.

A vote is acknowledged only after it is on disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, insert, update

from . import keys
from .database import Database
from .playlists import Trial
from .rows import (
    read_grade,
    read_meta,
    read_playlist,
    read_progress,
    read_stimuli,
    read_untold,
    require_session,
    short_answers,
    vote_row,
)
from .schema import retractions, sessions, steps, votes
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


@dataclass(frozen=True)
class VoteOutcome:
    """The result of a submission. ``reason``: why it was not accepted. ``stored``: the grade that
    counts for its trial, if it differs.
    """

    verdict: Verdict
    reason: str = ""
    stored: int | None = None


class Answering(Database):
    """The actions of raters. The only state is a cache of playlists, which never change.

    The key of the cache is the session's unique nonce. Every write checks the session and the trial
    against the database in the same transaction and does not rely on the cache.
    """

    @cached_property
    def _playlists(self) -> dict[str, tuple[Trial, ...]]:
        return {}

    def playlist(self, session: Session) -> tuple[Trial, ...]:
        """The rater's trials, as stored before the first one was shown."""
        known = self._playlists.get(session.nonce)
        if known is not None:
            return known
        with self.read() as connection:
            require_session(connection, session)
            return self._playlist(connection, session)

    def screen(self, session: Session) -> Screen:
        """The rater's current screen.

        Raises:
            SessionGone: the rater was erased. The methods below raise it too.
        """
        with self.read() as connection:
            require_session(connection, session)
            playlist = self._playlist(connection, session)
            screen = next_screen(playlist, read_progress(connection, session.id))
            return replace(screen, untold=read_untold(connection, session.id))

    def told(self, session: Session, trial: int) -> None:
        """Record that the rater saw the stored grade of a trial, having pressed another one."""
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
        """Continue from a screen that is not a trial. Only the current step can be confirmed; other
        steps are ignored. Answers are stored unchanged, up to 2,000 characters each.
        """
        with self.write() as connection:
            return self.confirm_within(connection, session, step, answers)

    def confirm_within(
        self,
        connection: Connection,
        session: Session,
        step: str,
        answers: Mapping[str, Any] | None = None,
    ) -> Screen:
        """:meth:`confirm` within the caller's transaction."""
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
        """Store a vote if its trial is on screen and its picture is that of the stored playlist. A
        repeated vote, or a vote for an earlier trial, changes nothing; if its grade differs from
        the stored one, the outcome contains the stored grade.

        Raises:
            StudyError: the database could not store it; the session is unchanged.
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
        """:meth:`vote` within the caller's transaction."""
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
            # The playlist above may come from the cache; this check uses the database.
            if submission.stimuli != read_stimuli(connection, session.id, submission.trial):
                return VoteOutcome("refused", "not the picture of this session's trial")
            connection.execute(insert(votes).values(vote_row(session, submission, now)))
        if verdict != "differs":
            return VoteOutcome(verdict, reason)
        # Stored until the rater has read it: the page may close before it gets the answer.
        self._set_untold(connection, session, submission.trial)
        return VoteOutcome(verdict, reason, grade)

    def undo(self, session: Session, trial: int, attempt: int) -> bool:
        """Take back the last vote, named by its trial and attempt, by adding a retraction.

        False without any change if it is not the last vote, or if it is too late.
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

    def _playlist(self, connection: Connection, session: Session) -> tuple[Trial, ...]:
        """The playlist of an existing session."""
        known = self._playlists.get(session.nonce)
        if known is None:
            known = read_playlist(connection, session.id)
            self._playlists[session.nonce] = known
        return known


def _milliseconds(since: str | None, now: str) -> float | None:
    """Milliseconds between two stored times; None if unusable, for example after a clock change."""
    if since is None or now < since:
        return None
    return (datetime.fromisoformat(now) - datetime.fromisoformat(since)) / timedelta(milliseconds=1)
