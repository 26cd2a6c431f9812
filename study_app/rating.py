"""The rating screen: one picture, five grades. What the page shows is sent to the component in
study_app/viewer; its votes come back in callbacks, before the next run asks the database where
the rater stands.
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

# Of st.session_state: whose page this is; the practice trial whose right grade is to be told; what
# to say of a vote that was not stored; how many messages this page was sent; what it shows; whether
# it cannot fetch pictures; the component's own state.
_SESSION, _FEEDBACK, _MESSAGE, _ANSWERS = "session", "feedback-for", "rating-message", "answers"
_SHOWN, _SEND_PICTURES, _COMPONENT = "shown", "send-pictures", "rating-"
_WORDS = (
    "undo", "picture", "too_small", "zoomed", "pinched", "colours_changed", "see_both", "space",
    "loading", "load_failed", "not_saved", "go_on",
)  # fmt: skip

_WORDY = 10  # letters of an answer that a phone's width holds five times


def show_trial(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The picture to be rated now, the next one loading behind it."""
    assert screen.trial is not None
    trial, playlist = screen.trial, study.store.playlist(session)
    following = playlist[trial.number + 1] if trial.number + 1 < len(playlist) else None
    told = _feedback(study, playlist, texts) if trial.phase == "training" else None
    undo = screen.undo and {"trial": screen.undo[0], "attempt": screen.undo[1]}
    shown = {"trial": trial.number, "attempt": screen.attempt, "undo": undo, "feedback": told}
    st.session_state[_SHOWN] = (session, trial, following, shown)
    _mount(study, session, texts, trial, following, shown)


def show_again(study: Study, texts: Texts) -> bool:
    """The screen as it stood before the database fell silent, whose votes are sent until they are
    stored; False when no picture stood there."""
    if _SHOWN not in st.session_state:
        return False
    st.session_state.setdefault(_MESSAGE, {"problem": texts["trouble"]})
    session, trial, following, shown = st.session_state[_SHOWN]
    _mount(study, session, texts, trial, following, shown)
    return True


def leave() -> None:
    """No picture stands on the screen any more."""
    st.session_state.pop(_SHOWN, None)


def belong_to(session: Session) -> None:
    """From here on the page is this session's; what it knew of another one is forgotten."""
    if st.session_state.get(_SESSION) != session.nonce:
        for known in (_FEEDBACK, _MESSAGE, _SHOWN):
            st.session_state.pop(known, None)
        st.session_state[_SESSION] = session.nonce


def feedback_waits() -> bool:
    """Whether the rater is still to be told the right grade of a practice picture."""
    return st.session_state.get(_FEEDBACK) is not None


def show_last_feedback(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The last practice picture once more, with its right grade; ``screen`` is the card after."""
    assert screen.undo is not None  # the vote that the card still lets the rater take back
    playlist = study.store.playlist(session)
    number, attempt = screen.undo
    shown = {"trial": number, "attempt": attempt, "feedback": _feedback(study, playlist, texts)}
    _mount(study, session, texts, playlist[number], None, shown)


def show_stored(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """A picture once more for which another grade was pressed than is stored: which one is, with
    Undo where that is still possible."""
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
    # Streamlit passes on only what differs from the run before, but the screen waits for every
    # answer, also for the same one again.
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
    """What exact.js needs to know: how pictures stand, the largest ones of a playlist, how many
    device pixels wide theirs are at least."""
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
        # The component sends it again until it is stored.
        st.session_state[_MESSAGE] = {"problem": texts["not_saved"]}
        return
    if outcome.verdict == "refused":
        st.session_state[_MESSAGE] = {"refused": texts["refused"]}
    elif outcome.verdict == "accepted":
        trial = study.store.playlist(session)[submission.trial]
        st.session_state[_FEEDBACK] = trial.number if trial.phase == "training" else None


def _read(study: Study, session: Session, texts: Texts) -> None:
    """The rater goes on from what was told."""
    st.session_state.pop(_FEEDBACK, None)
    trial = _sent(session, "read")
    if type(trial) is int and abs(trial) < 2**31:
        try:
            study.store.told(session, trial)
        except StudyError:
            st.session_state[_MESSAGE] = {"problem": texts["trouble"]}


def _sent(session: Session, name: str) -> object:
    """What the session's component sent; None when the page has turned to another session in the
    same moment, and its component is gone."""
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
    # A proxy may ask another server for the pictures than the one that this page talks to, for
    # instance after a failure; that one does not have them. They are sent to the page instead.
    st.session_state[_SEND_PICTURES] = True


def _in_words(asks: Procedure, answer: int, texts: Texts) -> str:
    """An answer as its button says it; grades with their number."""
    words = texts[asks.answers[answer]]
    return f"{answer} {words}" if asks.keys[answer] == str(answer) else words


def _feedback(study: Study, playlist: Sequence[Trial], texts: Texts) -> dict[str, Any] | None:
    """What to say of the practice picture just rated; known to the page only after the vote."""
    number = st.session_state.get(_FEEDBACK)
    if number is None:
        return None
    expected = playlist[number].expected
    assert expected is not None  # as of every practice trial
    return {"trial": number, "text": texts[study.manifest.asks.feedback[expected]]}


def _pictures(study: Study, trial: Trial) -> list[dict[str, Any]]:
    """A trial's pictures in the order in which they stand."""
    return [
        _picture(study, stimulus, f"{trial.number % 3}.{place}")
        for place, stimulus in enumerate(trial.stimuli)
    ]


def _picture(study: Study, name: str, place: str) -> dict[str, Any]:
    """Address and size of a picture. Streamlit's media store serves it under a hash, and only
    while it is on this rater's screen or next: until another one has its ``place``."""
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
