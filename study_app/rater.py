"""The rater's way. Every run asks the database where the rater stands and shows that screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from srbench.errors import StudyError
from srbench.study.manifest import stimulus_path
from srbench.study.playlists import Trial
from srbench.study.presets import SECONDS_PER_VOTE
from srbench.study.session import Screen, parse_submission, window_needed
from srbench.study.store import Session, Study
from srbench.study.texts import FALLBACK, Texts, load_texts
from study_app.components import CHROME_HEIGHT, display_check, rating_screen

TOKEN = "r"
LANGUAGE = "lang"
_LONGEST_PARTICIPANT = 200


def rater_page(study: Study) -> None:
    """Show the screen that this rater stands at."""
    texts = _texts(study)
    token = st.query_params.get(TOKEN) or st.session_state.get("token")
    session = study.store.resume(token) if token else None
    if token is None or session is None:
        st.session_state.pop("token", None)
        _entrance(study, texts, link_was_wrong=bool(token))
        return
    st.session_state["token"] = token
    if st.query_params.get(TOKEN) != token:
        st.query_params[TOKEN] = token  # the back button took it away
    screen = study.store.screen(session)
    if screen.kind != "finished" and study.store.state() != "open":
        _card(texts["paused_title"], texts["paused"])
        return
    if screen.kind == "trial":
        _rate(study, session, screen, texts)
        return
    {
        "consent": _consent,
        "questionnaire": _questionnaire,
        "display": _display,
        "instructions": _instructions,
        "ready": _ready,
        "break": _break,
        "debrief": _debrief,
        "finished": _finished,
    }[screen.kind](study, session, screen, texts)


# --- entering ---------------------------------------------------------------------------------


def _texts(study: Study) -> Texts:
    catalogue = load_texts(study.folder)
    asked = st.query_params.get(LANGUAGE) or (st.context.locale or "").split("-")[0]
    language = asked if asked in catalogue else FALLBACK
    st.session_state["language"] = language
    return catalogue[language]


def _choose_language(study: Study) -> None:
    catalogue = load_texts(study.folder)
    names = {code: words["language"] for code, words in catalogue.items()}
    now = st.session_state["language"]
    chosen = st.segmented_control(
        "Language",
        list(names),
        format_func=names.__getitem__,
        default=now,
        label_visibility="collapsed",
        key=f"language-{now}",
    )
    if chosen and chosen != now:
        st.query_params[LANGUAGE] = chosen
        st.rerun()


def _entrance(study: Study, texts: Texts, *, link_was_wrong: bool) -> None:
    rules = study.manifest.rules
    participant = None
    if rules.participant_parameter:
        participant = st.query_params.get(rules.participant_parameter, "")[:_LONGEST_PARTICIPANT]
    _choose_language(study)
    st.title(texts["code_title"])
    if link_was_wrong:
        st.warning(texts["no_link"])
    if study.store.state() != "open":
        st.write(texts["full"])
        return
    with st.form("enter", border=False):
        code = None
        if rules.access == "code":
            code = st.text_input(texts["code_label"], max_chars=40, autocomplete="off")
        if not st.form_submit_button(texts["code_enter"]):
            return
    try:
        _, token = study.store.enter(code=code, participant=participant)
    except StudyError:
        known = study.store.state() == "open"
        st.error(texts["code_unknown"] if known else texts["full"])
        return
    language = st.query_params.get(LANGUAGE)
    st.query_params.from_dict({TOKEN: token} | ({LANGUAGE: language} if language else {}))
    st.session_state["token"] = token
    st.rerun()


# --- screens between --------------------------------------------------------------------------


def _card(title: str, text: str) -> None:
    st.title(title)
    for line in text.strip().splitlines():
        st.write(line)


def _go_on(
    study: Study,
    session: Session,
    screen: Screen,
    label: str,
    answers: dict[str, Any] | None = None,
) -> None:
    if st.button(label, type="primary", key=f"go-{screen.step}") and screen.step:
        study.store.confirm(session, screen.step, answers)
        st.rerun()


def _consent(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    _choose_language(study)
    consent = study.manifest.consent
    _card(
        texts["consent_title"],
        consent.get(st.session_state["language"]) or consent[FALLBACK],
    )
    _go_on(study, session, screen, texts["consent_agree"])


def _questionnaire(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    if not study.manifest.questionnaire:
        study.store.confirm(session, "questionnaire")
        st.rerun()
    st.title(texts["questionnaire_title"])
    st.caption(texts["questionnaire_note"])
    language = st.session_state["language"]
    answers: dict[str, Any] = {}
    for question in study.manifest.questionnaire:
        options = question.options.get(language) or question.options[FALLBACK]
        chosen = st.selectbox(
            question.label.get(language) or question.label[FALLBACK],
            range(len(options)),
            index=None,
            format_func=options.__getitem__,
            placeholder=texts["no_answer"],
            key=f"question-{question.id}",
        )
        if chosen is not None:
            # Stored in one language, so that answers can be counted.
            answers[question.id] = question.options[FALLBACK][chosen]
    _go_on(study, session, screen, texts["go_on"], answers)


def _display(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    st.title(texts["display_title"])
    width, height = window_needed(study.manifest, study.store.playlist(session))
    result = display_check(
        key="display-check",
        data={
            "width": width,
            "height": height,
            "chrome": CHROME_HEIGHT,
            "texts": {
                "need": texts["display_need"],
                "have": texts["display_have"],
                "ok": texts["display_ok"],
                "small": texts["display_small"],
                "go_on": texts["go_on"],
            },
        },
        on_done_change=lambda: None,
    )
    measured = result.done
    if isinstance(measured, dict):
        numbers = {k: v for k, v in measured.items() if type(v) in (int, float)}
        study.store.confirm(session, "display", numbers)
        st.rerun()


def _instructions(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    _card(texts["instructions_title"], texts["instructions"])
    _personal_link(texts)
    _go_on(study, session, screen, texts["instructions_go"])


def _ready(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    _card(texts["ready_title"], texts["ready"])
    if feedback := _feedback(study, session, texts):
        st.info(feedback["text"])
    _go_on(study, session, screen, texts["ready_go"])


def _break(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    _card(texts["break_title"], texts["break_text"])
    _personal_link(texts)
    _go_on(study, session, screen, texts["break_go"])


def _debrief(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    _card(texts["debrief_title"], texts["debrief"])
    _go_on(study, session, screen, texts["debrief_go"])


def _finished(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    _card(texts["finished_title"], texts["finished"])
    code = session.completion_code or ""
    st.write(texts["completion_code"])
    st.code(code, language=None)
    if study.manifest.rules.return_url:
        st.link_button(
            texts["return_link"], study.manifest.rules.return_url.replace("{code}", code)
        )
    with st.expander(texts["withdraw"]):
        if st.button(texts["withdraw_sure"], key="withdraw"):
            study.store.erase(session.rater)
            st.session_state.pop("token", None)
            st.query_params.clear()
            st.success(texts["withdrawn"])
            st.stop()


def _personal_link(texts: Texts) -> None:
    with st.container(border=True):
        st.markdown(f"**{texts['link_title']}**")
        st.caption(texts["link_note"])


# --- rating -----------------------------------------------------------------------------------


def _rate(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """Mount the rating screen. Its votes arrive in the callbacks, before the next run asks the
    database where the rater stands."""
    assert screen.trial is not None
    playlist = study.store.playlist(session)
    trial = screen.trial
    following = playlist[trial.number + 1] if trial.number + 1 < len(playlist) else None

    def on_vote() -> None:
        _vote(study, session, texts)

    def on_undo() -> None:
        _undo(study, session)

    message = st.session_state.pop("rating-message", {})
    # Streamlit passes on only what differs from the run before, but the screen waits for every
    # answer, also for the same one again.
    answer = st.session_state["rating-answer"] = st.session_state.get("rating-answer", 0) + 1
    rating_screen(
        key="rating",
        data={
            "answer": answer,
            "trial": trial.number,
            "attempt": screen.attempt,
            "picture": _picture(study, trial),
            "next": _picture(study, following) if following else None,
            "magnification": study.manifest.rules.magnification,
            "minimum_ms": study.manifest.rules.minimum_ms,
            "undo": _last_vote(screen),
            "progress": _progress(playlist, trial, texts),
            "feedback": _feedback(study, session, texts) if trial.phase == "training" else None,
            "texts": {
                "grades": [texts[f"grade_{grade}"] for grade in range(1, 6)],
                "question": texts["question_of_quality"],
                **{
                    name: texts[name]
                    for name in (
                        "undo", "picture", "too_small", "zoomed", "loading",
                        "load_failed", "not_saved", "go_on",
                    )
                },
            },
            **message,
        },
        on_vote_change=on_vote,
        on_undo_change=on_undo,
    )  # fmt: skip


def _vote(study: Study, session: Session, texts: Texts) -> None:
    submission = parse_submission(st.session_state["rating"].get("vote"))
    if submission is None:
        st.session_state["rating-message"] = {"refused": texts["refused"]}
        return
    try:
        outcome = study.store.vote(session, submission)
    except StudyError:
        # The component sends it again until it is stored.
        st.session_state["rating-message"] = {"problem": texts["not_saved"]}
        return
    if outcome.verdict == "refused":
        st.session_state["rating-message"] = {"refused": texts["refused"]}
    elif outcome.verdict == "accepted":
        trial = study.store.playlist(session)[submission.trial]
        st.session_state["feedback-for"] = trial.number if trial.phase == "training" else None


def _undo(study: Study, session: Session) -> None:
    message = st.session_state["rating"].get("undo")
    if isinstance(message, dict):
        trial, attempt = message.get("trial"), message.get("attempt")
        if type(trial) is int and type(attempt) is int:
            study.store.undo(session, trial, attempt)
            st.session_state["feedback-for"] = None


def _feedback(study: Study, session: Session, texts: Texts) -> dict[str, Any] | None:
    """What to say of the practice picture just rated; known to the page only after the vote."""
    number = st.session_state.get("feedback-for")
    if number is None:
        return None
    expected = study.store.playlist(session)[number].expected
    text = texts["feedback_high"] if expected == 5 else texts["feedback_low"]
    return {"trial": number, "text": text}


def _picture(study: Study, trial: Trial) -> dict[str, Any]:
    """Address and size of a trial's picture. Streamlit's media store serves it under a hash, and
    only while it is on this rater's screen or next."""
    from streamlit.runtime import get_instance

    stimulus = study.manifest.by_id[trial.stimulus]
    url = get_instance().media_file_mgr.add(
        str(stimulus_path(study.folder, stimulus.id)),
        "image/png",
        f"stimulus.{trial.number % 3}",
    )
    return {
        "key": stimulus.id,
        "url": url,
        "width": stimulus.width,
        "height": stimulus.height,
    }


def _last_vote(screen: Screen) -> dict[str, int] | None:
    return screen.undo and {"trial": screen.undo[0], "attempt": screen.undo[1]}


def _progress(playlist: Sequence[Trial], trial: Trial, texts: Texts) -> dict[str, Any]:
    practice = sum(t.phase == "training" for t in playlist)
    if trial.phase == "training":
        done, total = trial.number, practice
        text = texts["practice"].format(done=done + 1, total=total)
    else:
        done, total = trial.number - practice, len(playlist) - practice
        minutes = max(1, round((total - done) * SECONDS_PER_VOTE / 60))
        text = texts["progress_time"].format(done=done + 1, total=total, minutes=minutes)
    return {"done": done, "total": total, "text": text}
