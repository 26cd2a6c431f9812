"""The rater's screens without pictures to rate: cards with one button to continue.

Each function takes the study, the session, the current screen and the texts, and confirms its step
in the database when the rater continues.
"""

from __future__ import annotations

import re
import sys
from typing import Any, Literal

import streamlit as st

from srbench.study.manifest import Question
from srbench.study.presets import minutes
from srbench.study.recruiting import return_address
from srbench.study.session import Screen, Session
from srbench.study.store import Study
from srbench.study.texts import Texts
from srbench.wording import printable
from study_app.components import display_check
from study_app.rating import geometry

_LONGEST_ANSWER = 500
# What has a meaning in Markdown, some of it only at the beginning of a line.
_MARKDOWN = re.compile(r"[\\`*_\[\]<>~|$]|&(?=#?\w+;)|^[#+=-]", re.MULTILINE)
# What Streamlit replaces in spite of backslashes: arrows and similar signs, and its own pictures.
_REPLACED = re.compile(r"(?<!\S)[<>~-](?=(?:[>=-]|->)(?!\S))|:(?=(?:streamlit|material[/_]\w+):)")
_UNSEEN = "\u2060"  # a character without width, at which lines do not break


def show(title: str, text: str) -> None:
    """Show a title and a text, with one paragraph per line."""
    st.title(plain(title))
    _write(text)


def _write(text: str) -> None:
    for line in text.strip().splitlines():
        st.write(plain(line))


def _bold(text: str) -> None:
    st.markdown(f"**{plain(text.strip())}**")


def plain(text: str) -> str:
    """A text for Streamlit's Markdown that is shown exactly as it is."""
    text = re.sub(r"(?m)^[ \t]+", "", text)  # four blanks would make it code
    text = _REPLACED.sub(rf"\g<0>{_UNSEEN}", text)
    text = _MARKDOWN.sub(r"\\\g<0>", text)
    text = re.sub(r":\S+", lambda word: word[0].replace(":", "\\:"), text)
    return re.sub(r"(?m)^(\d+)([.)])", r"\1\\\2", text)


def labelled(text: str) -> tuple[str, Literal["visible", "collapsed"]]:
    """The label of an input field, and whether the field shows it.

    Screen readers read a label with the backslashes of `plain`. A text that needs them is therefore
    written above the field, which keeps it as it is for screen readers only.
    """
    if plain(text) == text:
        return text, "visible"
    st.markdown(plain(text))
    return text, "collapsed"


def address_parameters() -> list[tuple[str, str]]:
    """The parameters of the page's address: names and values."""
    names = st.query_params.keys()
    return [(name, value) for name in names for value in st.query_params.get_all(name)]


def say_when_disconnected(texts: Texts) -> None:
    """Replace Streamlit's dialog for developers, which would also darken the picture being rated.

    The page shows this text by CSS, because the server cannot be reached.
    """
    quoted = "".join(f"\\{ord(letter):x} " for letter in texts["connection_lost"])
    st.html(f"""<style>
[data-testid="stDialog"] {{ display: none !important; }}
body:has([data-testid="stDialog"])::after {{
  content: "{quoted}"; position: fixed; inset: 0 0 auto 0; z-index: 1000001; padding: 6px 12px;
  background: #cfcfcf; color: #000; font: 14px/20px system-ui, sans-serif; text-align: center;
}}
</style>""")


def consent(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The consent: what the rater does, what is stored, and the agreement."""
    st.title(plain(texts["consent_title"]))
    manifest, playlist = study.manifest, study.store.playlist(session)
    if manifest.institution and manifest.contact:
        names = {"institution": manifest.institution, "contact": manifest.contact}
        _write(texts["consent_by"].format(**names))
    _write(texts["consent"])
    if manifest.rules.participant_parameter or manifest.rules.participant_typed:
        _write(texts["consent_participant"])
    practice = sum(trial.phase == "training" for trial in playlist)
    rest = len(playlist) - practice
    whole = minutes(practice, rest, manifest.rules.block_trials, manifest.asks.seconds)
    length = {"total": rest, "practice": practice, "minutes": max(1, round(whole))}
    _bold(texts["consent_length"].format(**length))
    said = {"language": st.session_state["language"]}
    _go_on(study, session, screen, texts["consent_agree"], said)


def questionnaire(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The study's questions, if it has any."""
    questions = study.manifest.questionnaire
    if not questions:
        study.store.confirm(session, "questionnaire")
        st.rerun()
    st.title(plain(texts["questionnaire_title"]))
    st.caption(plain(texts["questionnaire_note"]))
    asked = [(question.id, _answer(question, session, texts)) for question in questions]
    answers = {name: answer for name, answer in asked if answer}
    _go_on(study, session, screen, texts["go_on"], answers)


def _answer(question: Question, session: Session, texts: Texts) -> str | None:
    first = next(iter(question.label))
    language = st.session_state["language"]
    language = language if language in question.label else first
    label, shown = labelled(question.label[language])
    key = _key(session, f"question-{question.id}")
    if not question.options:
        return st.text_input(
            label, max_chars=_LONGEST_ANSWER, key=key, autocomplete="off", label_visibility=shown
        ).strip()
    options = question.options[language]
    chosen = st.selectbox(
        label,
        range(len(options)),
        index=None,
        format_func=options.__getitem__,
        placeholder=texts["no_answer"],
        key=key,
        label_visibility=shown,
    )
    # Stored in the first language, so that equal answers are stored as equal.
    return None if chosen is None else question.options[first][chosen]


def display(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The display check: whether the largest picture of this rater's playlist fits the window."""
    st.title(plain(texts["display_title"]))
    result = display_check(
        key=_key(session, "display-check"),
        data={
            **geometry(study, study.store.playlist(session), texts),
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


def instructions(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The instructions and the personal link."""
    show(texts["instructions_title"], texts["instructions"])
    _personal_link(texts)
    _go_on(study, session, screen, texts["instructions_go"])


def ready(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The card between practice and study."""
    show(texts["ready_title"], texts["ready"])
    _go_on(study, session, screen, texts["ready_go"])


def pause(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """A break between two blocks."""
    show(texts["break_title"], texts["break_text"])
    _personal_link(texts)
    _go_on(study, session, screen, texts["break_go"])
    _take_back(study, session, screen, texts)


def debrief(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The debriefing: the purpose of the study."""
    show(texts["debrief_title"], texts["debrief"])
    _go_on(study, session, screen, texts["debrief_go"])
    _take_back(study, session, screen, texts)


def finished(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """The end: completion code, link back to the recruiting site, and withdrawal."""
    show(texts["finished_title"], texts["finished"])
    code = session.completion_code or ""
    _write(texts["completion_code"])
    # Streamlit's box for code would first load a highlighter of 1.5 MB.
    with st.container(key="completion-code"):
        st.header(plain(code), anchor=False)
    if address := return_address(study.manifest.rules, code, address_parameters()):
        st.link_button(plain(texts["return_link"]), address, type="primary")


def withdrawal(study: Study, session: Session, texts: Texts) -> None:
    """The button at the bottom of every card that removes all data of the rater."""
    with st.expander(plain(texts["withdraw"])):
        if st.button(plain(texts["withdraw_sure"]), key=_key(session, "withdraw")):
            erased = study.store.erase(session.rater)
            if erased.left:
                line = f"srbench: {erased.rater} withdrew; {erased.left}"
                print(printable(line), file=sys.stderr)
            st.session_state.pop("token", None)
            st.query_params.clear()
            st.session_state["withdrawn"] = True
            st.rerun()


def _go_on(
    study: Study,
    session: Session,
    screen: Screen,
    label: str,
    answers: dict[str, Any] | None = None,
) -> None:
    pressed = st.button(plain(label), type="primary", key=_key(session, f"go-{screen.step}"))
    if pressed and screen.step:
        study.store.confirm(session, screen.step, answers)
        st.rerun()


def _take_back(study: Study, session: Session, screen: Screen, texts: Texts) -> None:
    """Undo the vote before this card."""
    key = _key(session, f"undo-{screen.step}")
    if screen.undo and st.button(plain(texts["undo_last"]), type="tertiary", key=key):
        study.store.undo(session, *screen.undo)
        st.rerun()


def _key(session: Session, name: str) -> str:
    """A widget's key, unique to the session, so that an input never acts on another session, even
    if the page changes its session at that moment.
    """
    return f"{name}-{session.nonce}"


def _personal_link(texts: Texts) -> None:
    with st.container(border=True):
        _bold(texts["link_title"])
        st.caption(plain(texts["link_note"]))
