"""The rating screen: one or two pictures and the answers.

The contents are sent to the component in study_app/viewer; its votes arrive in callbacks, before
the next run reads the rater's current screen from the database.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import streamlit as st

from srbench.errors import StudyError
from srbench.study.manifest import stimulus_path
from srbench.study.playlists import Trial
from srbench.study.procedure import GAP, Procedure
from srbench.study.session import BELOW, Screen, Session, chrome_height, parse_submission
from srbench.study.store import Study
from srbench.study.texts import Texts
from study_app.components import rating_screen

# Keys of st.session_state: the page's session; the practice trial with feedback to show; the
# message about a vote that was not stored; the number of messages sent to this page; what it shows;
# whether it cannot fetch pictures; the component's state.
_SESSION, _FEEDBACK, _MESSAGE, _ANSWERS = "session", "feedback-for", "rating-message", "answers"
_SHOWN, _SEND_PICTURES, _COMPONENT = "shown", "send-pictures", "rating-"
_WORDS = (
    "undo", "picture", "too_small", "zoomed", "pinched", "colours_changed", "see_both", "space",
    "loading", "load_failed", "not_saved", "go_on",
)  # fmt: skip

_WORDY = 10  # longest answer (letters) of which five fit in a row on a phone


def show_trial(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """Show the current trial's pictures and preload the next trial's."""
    assert screen.trial is not None
    trial, playlist = screen.trial, study.store.playlist(session)
    following = playlist[trial.number + 1] if trial.number + 1 < len(playlist) else None
    told = _feedback(study, playlist, texts) if trial.phase == "training" else None
    undo = screen.undo and {"trial": screen.undo[0], "attempt": screen.undo[1]}
    shown = {"trial": trial.number, "attempt": screen.attempt, "undo": undo, "feedback": told}
    st.session_state[_SHOWN] = (session, trial, following, shown)
    _mount(study, session, texts, trial, following, shown)


def show_again(study: Study, texts: Texts) -> bool:
    """Show the last rating screen again while the database does not respond.

    Its votes are sent until they are stored. False if no picture was on screen.
    """
    if _SHOWN not in st.session_state:
        return False
    st.session_state.setdefault(_MESSAGE, {"problem": texts["trouble"]})
    session, trial, following, shown = st.session_state[_SHOWN]
    _mount(study, session, texts, trial, following, shown)
    return True


def leave() -> None:
    """Record that no picture is on screen."""
    st.session_state.pop(_SHOWN, None)


def belong_to(session: Session) -> None:
    """Assign the page to this session and clear the state of any other session."""
    if st.session_state.get(_SESSION) != session.nonce:
        for known in (_FEEDBACK, _MESSAGE, _SHOWN):
            st.session_state.pop(known, None)
        st.session_state[_SESSION] = session.nonce


def feedback_waits() -> bool:
    """Whether the right answer of a practice trial must still be shown."""
    return st.session_state.get(_FEEDBACK) is not None


def show_last_feedback(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """Show the last practice trial again with its right answer; ``screen`` is the next card."""
    assert screen.undo is not None  # the vote that can still be undone on the card
    playlist = study.store.playlist(session)
    number, attempt = screen.undo
    shown = {"trial": number, "attempt": attempt, "feedback": _feedback(study, playlist, texts)}
    _mount(study, session, texts, playlist[number], None, shown)


def show_stored(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """Show a trial again whose stored answer differs from the pressed one.

    The screen shows the stored answer, with Undo if that is still possible.
    """
    assert screen.untold is not None
    number, attempt, score = screen.untold.trial, screen.untold.attempt, screen.untold.score
    undo = {"trial": number, "attempt": attempt} if screen.undo == (number, attempt) else None
    text = texts["stored_undo" if undo else "stored_already"]
    told = {
        "text": text.format(grade=_in_words(study.manifest.asks, score, texts)),
        "stored": score,
    }
    shown = {"trial": number, "attempt": attempt, "undo": undo, "told": told}
    _mount(study, session, texts, study.store.playlist(session)[number], None, shown)


def _mount(
    study: Study,
    session: Session,
    texts: Texts,
    trial: Trial,
    following: Trial | None,
    shown: dict[str, Any],
) -> None:
    rules, asks = study.manifest.rules, study.manifest.asks
    playlist = study.store.playlist(session)
    # Streamlit sends only data that differ from the previous run, but the screen waits for every
    # answer, also for an identical one.
    answer = st.session_state[_ANSWERS] = st.session_state.get(_ANSWERS, 0) + 1
    rating_screen(
        key=_COMPONENT + session.nonce,
        data={
            **shown,
            "session": session.nonce,
            "answer": answer,
            "pictures": _pictures(study, trial),
            "next": _pictures(study, following) if following else [],
            **geometry(study, playlist, texts),
            "minimum_ms": rules.minimum_ms,
            "progress": _progress(playlist, trial, asks.seconds, texts),
            "answers": [
                {"score": answer, "text": _in_words(asks, answer, texts), "key": key}
                for answer, key in asks.keys.items()
            ],
            "choose": asks.swaps,
            "names": [texts[name] for name in asks.names],
            "named": asks.named,
            "texts": {
                "question": texts[asks.question],
                **{name: texts[name] for name in _WORDS},
            },
            **st.session_state.pop(_MESSAGE, {}),
        },
        on_vote_change=lambda: _vote(study, session, texts),
        on_undo_change=lambda: _undo(study, session, texts),
        on_read_change=lambda: _read(study, session, texts),
        on_missing_change=_send_pictures,
    )


def geometry(study: Study, playlist: Sequence[Trial], texts: Texts) -> dict[str, Any]:
    """The data for exact.js: the layout, the largest pictures of a playlist, and the smallest
    number of device pixels per picture pixel.
    """
    shown = [study.manifest.by_id[trial.stimulus] for trial in playlist]
    asks = study.manifest.asks
    words = [texts[name] for name in asks.answers.values()]
    return {
        "layout": {
            "pictures": asks.pictures,
            "mode": asks.mode,
            "gap": GAP,
            "above": chrome_height(study.manifest) - BELOW,
            "below": BELOW,
            "wordy": len(words) > 3 and max(map(len, words)) > _WORDY,
        },
        "largest": {"width": max(s.width for s in shown), "height": max(s.height for s in shown)},
        "magnification": study.manifest.rules.magnification,
    }


def _vote(study: Study, session: Session, texts: Texts) -> None:
    sent = _sent(session, "vote")
    if sent is None:
        return
    submission = parse_submission(sent)
    if submission is None:
        st.session_state[_MESSAGE] = {"refused": texts["refused"]}
        return
    try:
        outcome = study.store.vote(session, submission)
    except StudyError:
        # The component repeats it until it is stored.
        st.session_state[_MESSAGE] = {"problem": texts["not_saved"]}
        return
    if outcome.verdict == "refused":
        st.session_state[_MESSAGE] = {"refused": texts["refused"]}
    elif outcome.verdict == "accepted":
        trial = study.store.playlist(session)[submission.trial]
        st.session_state[_FEEDBACK] = trial.number if trial.phase == "training" else None


def _read(study: Study, session: Session, texts: Texts) -> None:
    """The rater has read the stored answer and continues."""
    st.session_state.pop(_FEEDBACK, None)
    trial = _sent(session, "read")
    if type(trial) is int and abs(trial) < 2**31:
        try:
            study.store.told(session, trial)
        except StudyError:
            st.session_state[_MESSAGE] = {"problem": texts["trouble"]}


def _sent(session: Session, name: str) -> object:
    """The message of the session's component.

    None if the page changed to another session at that moment and the component no longer exists.
    """
    return st.session_state.get(_COMPONENT + session.nonce, {}).get(name)


def _undo(study: Study, session: Session, texts: Texts) -> None:
    message = _sent(session, "undo")
    if isinstance(message, dict) and message.get("session") == session.nonce:
        trial, attempt = message.get("trial"), message.get("attempt")
        if type(trial) is int and type(attempt) is int:
            try:
                study.store.undo(session, trial, attempt)
            except StudyError:
                st.session_state[_MESSAGE] = {"problem": texts["not_undone"]}
            else:
                st.session_state[_FEEDBACK] = None


def _send_pictures() -> None:
    # A proxy may request the pictures from another server, for example after a failure, which does
    # not have them. Then they are sent in the page's data instead.
    st.session_state[_SEND_PICTURES] = True


def _in_words(asks: Procedure, answer: int, texts: Texts) -> str:
    """The text of an answer's button; grades with their number."""
    words = texts[asks.answers[answer]]
    return f"{answer} {words}" if asks.keys[answer] == str(answer) else words


def _feedback(study: Study, playlist: Sequence[Trial], texts: Texts) -> dict[str, Any] | None:
    """The feedback on the practice trial just rated; the page gets it only after the vote."""
    number = st.session_state.get(_FEEDBACK)
    if number is None:
        return None
    expected = playlist[number].expected
    assert expected is not None  # every practice trial has one
    return {"trial": number, "text": texts[study.manifest.asks.feedback[expected]]}


def _pictures(study: Study, trial: Trial) -> list[dict[str, Any]]:
    """A trial's pictures in display order."""
    return [
        _picture(study, stimulus, f"{trial.number % 3}.{place}")
        for place, stimulus in enumerate(trial.stimuli)
    ]


def _picture(study: Study, name: str, place: str) -> dict[str, Any]:
    """Address and size of a picture.

    Streamlit's media store serves it under a hash until another picture takes its ``place``, that
    is while it is on this rater's screen or next.
    """
    from streamlit.runtime import get_instance

    stimulus = study.manifest.by_id[name]
    path = stimulus_path(study.folder, stimulus.id)
    if st.session_state.get(_SEND_PICTURES):
        url = "data:image/png;base64," + b64encode(path.read_bytes()).decode()
    else:
        files = get_instance().media_file_mgr
        url = files.add(str(path), "image/png", f"stimulus.{place}")
    return {
        "key": stimulus.id,
        "url": url,
        "width": stimulus.width,
        "height": stimulus.height,
    }


def _progress(
    playlist: Sequence[Trial], trial: Trial, seconds: float, texts: Texts
) -> dict[str, Any]:
    practice = sum(t.phase == "training" for t in playlist)
    if trial.phase == "training":
        done, total = trial.number, practice
        text = texts["practice"].format(done=done + 1, total=total)
    else:
        done, total = trial.number - practice, len(playlist) - practice
        minutes = max(1, round((total - done) * seconds / 60))
        text = texts["progress_time"].format(done=done + 1, total=total, minutes=minutes)
    return {"done": done, "total": total, "text": text}
