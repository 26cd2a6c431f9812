"""The rater's page. Every run reads the rater's current screen from the database and shows it."""

from __future__ import annotations

import re
import sys
import time

import streamlit as st

from srbench.errors import BegunAlready, StudyError
from srbench.study.recruiting import (
    LONGEST_PARTICIPANT,
    TYPED,
    kept_in_address,
    participant_of,
)
from srbench.study.store import Study
from srbench.study.texts import Texts, direction, texts_of
from srbench.wording import printable
from study_app import cards, rating
from study_app.components import device_memory, page_language

TOKEN = "r"
LANGUAGE = "lang"
_RETRY_SECONDS = 3.0

# Streamlit aligns texts to the left. Texts that are not translated keep their own direction.
_FROM_THE_RIGHT = """<style>
[data-testid="stMain"] :is(h1, h2, p, label) { text-align: start; unicode-bidi: plaintext; }
[data-testid="stMain"] label { width: 100%; }
[data-testid="stMain"] .st-key-completion-code h2 { text-align: right; }
[data-testid="stExpander"] summary :is(svg, [data-testid="stIconMaterial"]) { scale: -1 1; }
[data-testid="stButtonGroup"] { direction: ltr; }
</style>"""

_CARDS = {
    "consent": cards.consent,
    "questionnaire": cards.questionnaire,
    "display": cards.display,
    "instructions": cards.instructions,
    "ready": cards.ready,
    "break": cards.pause,
    "debrief": cards.debrief,
    "finished": cards.finished,
}


def rater_page(study: Study) -> None:
    """Show the rater's current screen.

    While the database is not available, show the last picture again, or a short message; the page
    retries automatically.
    """
    texts = _texts(study)
    language = st.session_state["language"]
    page_language(key="language", data={"language": language, "direction": direction(language)})
    if direction(language) == "rtl":
        st.html(_FROM_THE_RIGHT)
    cards.say_when_disconnected(texts)
    try:
        _present_screen(study, texts)
    except StudyError as error:
        print(printable(f"srbench: {error}"), file=sys.stderr)
        if not rating.show_again(study, texts):
            st.info(cards.plain(texts["trouble"]))
            _try_again(time.monotonic())


@st.fragment(run_every=_RETRY_SECONDS)
def _try_again(since: float) -> None:
    # A fragment first runs with the page and then on its own.
    if time.monotonic() - since > _RETRY_SECONDS / 2:
        st.rerun()


def _present_screen(study: Study, texts: Texts) -> None:
    token = _in_address(TOKEN) or st.session_state.get("token")
    session = study.store.resume(token) if token else None
    if token is None or session is None:
        rating.leave()
        st.session_state.pop("token", None)
        _entrance(study, texts, link_was_wrong=bool(token))
        return
    st.session_state["token"] = token
    if st.query_params.get(TOKEN) != token:
        st.query_params[TOKEN] = token  # the browser's back button removed it
    rating.belong_to(session)
    screen = study.store.screen(session)
    # A rater who has finished gets the completion code even after the study is closed.
    paused = screen.kind not in ("debrief", "finished") and study.store.state() != "open"
    rating.leave()
    if paused:
        cards.show(texts["paused_title"], texts["paused"])
        cards.withdrawal(study, session, texts)
    elif screen.untold:
        rating.show_stored(study, session, screen, texts)
    elif screen.kind == "trial":
        rating.show_trial(study, session, screen, texts)
    elif screen.kind == "ready" and rating.feedback_waits():
        rating.show_last_feedback(study, session, screen, texts)
    else:
        if screen.kind == "consent":
            _choose_language(study)
        _CARDS[screen.kind](study, session, screen, texts)
        cards.withdrawal(study, session, texts)
        _keep_on_device(study, token)


def _in_address(name: str) -> str:
    """The last value of an address parameter, whose name may have another case."""
    given = [value for key, value in cards.address_parameters() if key.casefold() == name]
    return given[-1] if given else ""


def _device_name(study: Study) -> str:
    return f"srbench-{study.manifest.study_id}"


def _keep_on_device(study: Study, token: str) -> None:
    """Store the personal link's token in the browser.

    A recruiting site's participant id is not secret, so it cannot resume a session without this
    token.
    """
    rules = study.manifest.rules
    if rules.participant_parameter or rules.participant_typed:
        device_memory(key=f"device-{token}", data={"name": _device_name(study), "token": token})


def _texts(study: Study) -> Texts:
    offered = texts_of(study.manifest)
    wanted = (_in_address(LANGUAGE), st.context.locale or "")
    codes = [re.split("[-_]", each.strip().casefold())[0] for each in wanted]
    language = next((code for code in codes if code in offered), next(iter(offered)))
    st.session_state["language"] = language
    return offered[language]


def _choose_language(study: Study) -> None:
    names = {code: words["language"] for code, words in texts_of(study.manifest).items()}
    if len(names) < 2:
        return
    now = st.session_state["language"]
    chosen = st.segmented_control(
        "Language",
        list(names),
        format_func=lambda code: cards.plain(names[code]),
        default=now,
        label_visibility="collapsed",
        key=f"language-{now}",
    )
    if chosen and chosen != now:
        st.query_params[LANGUAGE] = chosen
        st.rerun()


def _entrance(study: Study, texts: Texts, *, link_was_wrong: bool) -> None:
    rules = study.manifest.rules
    needs_code = rules.access == "code"
    asks_for_id = rules.participant_typed
    given = cards.address_parameters()
    participant = None
    if rules.participant_parameter:
        participant = participant_of(given, rules.participant_parameter)
    _choose_language(study)
    st.title(cards.plain(texts["code_title"]))
    if st.session_state.pop("withdrawn", False):
        st.success(cards.plain(texts["withdrawn"]))
        return
    if link_was_wrong:
        st.warning(cards.plain(texts["no_link"]))
    if study.store.state() != "open":
        st.write(cards.plain(texts["full"]))
        return
    if rules.participant_parameter and participant is None and not asks_for_id:
        st.warning(cards.plain(texts["link_again"]))
        return
    if rules.session_parameter and participant_of(given, rules.session_parameter) is None:
        st.warning(cards.plain(texts["link_again"]))
        return
    st.write(cards.plain(texts["code_note" if needs_code else "open_note"]))
    with st.form("enter", border=False):
        code = None
        if needs_code:
            label, shown = cards.labelled(texts["code_label"])
            code = st.text_input(label, max_chars=40, autocomplete="off", label_visibility=shown)
        if asks_for_id and participant is None:
            label, shown = cards.labelled(texts["participant_label"])
            typed = st.text_input(
                label, max_chars=LONGEST_PARTICIPANT, autocomplete="off", label_visibility=shown
            )
            name = rules.participant_parameter or TYPED
            given = [pair for pair in given if pair[0].casefold() != name.casefold()]
            given.append((name, typed))
            participant = participant_of(given, name)
        if not st.form_submit_button(cards.plain(texts["code_enter"]), type="primary"):
            return
    if asks_for_id and participant is None:
        st.error(cards.plain(texts["participant_missing"]))
        return
    device = st.context.cookies.get(_device_name(study))
    try:
        # Raters do not always type an id in the same case.
        known_as = participant.casefold() if participant and asks_for_id else participant
        _, token = study.store.enter(code=code, participant=known_as, device=device)
    except BegunAlready:
        st.info(cards.plain(texts["begun_already"]))
        return
    except StudyError:
        known = study.store.state() == "open"
        st.error(cards.plain(texts["code_unknown" if known else "full"]))
        return
    language = _in_address(LANGUAGE)
    kept = kept_in_address(rules, given) | ({LANGUAGE: language} if language else {})
    st.query_params.from_dict({TOKEN: token} | kept)
    st.session_state["token"] = token
    st.rerun()
