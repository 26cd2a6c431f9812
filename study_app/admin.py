"""The researcher's page: number of raters, progress, problems and time left."""

from __future__ import annotations

import math
import os
import sys
import time

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from srbench.errors import StudyError
from srbench.study.answers import answers_csv
from srbench.study.decisions import decide, decisions_csv
from srbench.study.doubts import doubtful_votes
from srbench.study.keys import PASSWORD_VARIABLE, append_codes
from srbench.study.ratings import ratings_csv, ratings_rows
from srbench.study.status import RaterStatus, Status, study_status
from srbench.study.store import Study, utc_now
from srbench.wording import counted, printable
from study_app.cards import plain
from study_app.door import DOOR
from study_app.interim import interim_results

_REFRESH_SECONDS = 15

_PAID = {True: "yes", False: "no", None: ""}
_MEASURE = {
    "acr": "MOS of main trials with its crossed random-effects interval (95 %).",
    "dcr": "DMOS (DCR) of main trials with its crossed random-effects interval (95 %).",
    "pair": "Bradley-Terry scale of main trials in just-objectionable differences (1 JOD: "
    "preferred by 75 %) with its interval (95 %); win rate with ties as half.",
}


def admin_page(study: Study) -> None:
    """The page, which is off unless a password's hash is in the environment or the secrets."""
    stored = _stored_hash()
    if not stored:
        st.title("Study")
        st.write(
            "This page is off. To use it, make a password with `srbench study password`, put the "
            "line it prints into the server's environment, and start the study again."
        )
        return
    if st.session_state.get("admin") != stored:
        _sign_in(stored)
        return
    st.title(plain(study.manifest.title))
    _overview(study)
    try:
        _decisions(study)
        _interim(study)
        _export(study)
    except StudyError:  # the overview reports it
        st.caption("Reload this page when the database answers again.")


def _stored_hash() -> str:
    if found := os.environ.get(PASSWORD_VARIABLE):
        return found
    try:
        return str(st.secrets.get("admin_password_hash", ""))
    except FileNotFoundError:
        return ""


def _sign_in(stored: str) -> None:
    st.title("Study")
    with st.form("sign-in", border=False):
        password = st.text_input(
            "Password", type="password", max_chars=200, autocomplete="current-password"
        )
        if not st.form_submit_button("Sign in", type="primary"):
            return
    outcome = DOOR.try_password(password, stored, time.monotonic())
    if outcome.open:
        st.session_state["admin"] = stored
        st.rerun()
    st.error(
        "Wrong password."
        if outcome.tried
        else f"Wrong passwords were given. The next try is possible in {math.ceil(outcome.wait)} s."
    )


@st.fragment(run_every=_REFRESH_SECONDS)
def _overview(study: Study) -> None:
    """The parts that change while raters rate, refreshed automatically."""
    try:
        _current(study)
    except StudyError as error:
        print(printable(f"srbench: {error}"), file=sys.stderr)
        st.error(plain(str(error)))


def _current(study: Study) -> None:
    status = study_status(study.store, utc_now())
    planned = study.manifest.planned
    wanted = st.session_state.get("wanted", _planned_votes(study))
    st.markdown(f"**{_sentence(study, status, wanted)}**")
    if doubt := doubtful_votes(study.store):
        st.warning(str(doubt))
    people = [rater for rater in status.raters if not rater.simulated]
    states = [rater.state for rater in people]
    columns = st.columns(5)
    of_all = f" of {planned.raters}" if planned else ""
    columns[0].metric("Finished", f"{states.count('finished')}{of_all}")
    columns[1].metric("Rating now", states.count("active"))
    columns[2].metric("Dropped out", sum(rater.dropped_out for rater in people))
    columns[3].metric("Votes", sum(rater.done for rater in people))
    columns[4].metric("Votes per minute", f"{status.votes_per_minute:.1f}")
    if simulated := len(status.raters) - len(people):
        st.caption(f"Of people only. Simulated raters, not counted above: {simulated}.")
    _controls(study, status, wanted)
    _raters(status)
    _stimuli(study, status, wanted)


def _sentence(study: Study, status: Status, wanted: int | None) -> str:
    fewest = min(status.stimulus_votes.values(), default=0)
    most = max(status.stimulus_votes.values(), default=0)
    votes = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    sentence = f"The study is {status.state}: each {_asked(study)} has {votes}"
    if wanted is None:
        unknown = "this study does not record how many raters were planned"
        return f"{sentence} vote{'s' * (most != 1)}; {unknown}. Enter the votes needed below."
    sentence += f" of {wanted} vote{'s' * (wanted != 1)}"
    missing = _raters_needed(study, status, wanted)
    if not missing:
        return f"{sentence}; that is enough."
    if status.state == "closed":
        return f"{sentence}."
    sentence += f"; {missing} more rater{'s' * (missing > 1)} needed"
    days = status.days_left(wanted, _share(study))
    if days is None:
        return f"{sentence}."
    left = f"{days:.0f} days" if days >= 2 else f"{max(1.0, 24 * days):.0f} hours"
    return f"{sentence}, at this pace in about {left}."


def _raters_needed(study: Study, status: Status, wanted: int) -> int:
    """How many more raters are needed; as many as planned, until there are enough votes."""
    missing = status.raters_missing(wanted, _share(study))
    planned = study.manifest.planned
    if planned is None or not missing or wanted != _planned_votes(study):
        return missing
    done = sum(r.state in ("finished", "imported") and not r.simulated for r in status.raters)
    return max(missing, planned.raters - done)


def _planned_votes(study: Study) -> int | None:
    """Votes per stimulus or pair when the planned raters have finished; None: not recorded."""
    planned = study.manifest.planned
    return max(1, planned.votes) if planned else None


def _share(study: Study) -> float:
    per_rater = study.manifest.rules.per_rater
    return 1.0 if per_rater is None else min(1.0, per_rater / len(study.manifest.items))


def _controls(study: Study, status: Status, wanted: int | None) -> None:
    left, middle, right = st.columns(3)
    if status.state == "open":
        if left.button("Pause", help="Raters can continue later", width="stretch"):
            study.store.set_state("paused")
            st.rerun()
    elif left.button("Open again", type="primary", width="stretch"):
        study.store.set_state("open")
        st.rerun()
    if status.state == "closed":
        middle.button("Closed", disabled=True, width="stretch")
    else:
        _close(study, middle.popover("Close", width="stretch"))
    if study.manifest.rules.access == "open":
        right.caption("Open to anyone with the link.")
        return
    with right.popover(f"Access codes ({status.codes_unused} unused)", width="stretch"):
        needed = _raters_needed(study, status, wanted) if wanted else 0
        missing = needed - status.codes_unused
        count = st.number_input("How many", 1, 500, min(500, max(1, missing)))
        if st.button("Make codes"):
            codes = study.store.invite(int(count))
            st.code("\n".join(codes), language=None)
            try:
                append_codes(study.folder, codes)
                st.write("Also in access-codes.csv; each is for one rater.")
            except OSError:
                st.warning("Write them down now: they could not be added to access-codes.csv.")


def _close(study: Study, popover: DeltaGenerator) -> None:
    with popover:
        st.write("The study accepts no more votes. You can open it again.")
        if st.button("Close the study"):
            study.store.set_state("closed")
            st.rerun()


def _raters(status: Status) -> None:
    st.subheader("Raters")
    if not status.raters:
        st.write("No rater has started yet.")
        return
    wrong = sum(bool(rater.notice) for rater in status.raters if not rater.simulated)
    st.caption(f"{counted(wrong, 'rater')} with a notice." if wrong else "No problems found.")
    # Raters with notices come first.
    raters = sorted(status.raters, key=lambda rater: (rater.simulated, not rater.notice))
    table = pd.DataFrame(
        {
            "Rater": [rater.rater for rater in raters],
            "State": [_state(rater) for rater in raters],
            "Progress": [100 * rater.done / max(1, rater.of) for rater in raters],
            "Votes": [f"{rater.done} of {rater.of}" for rater in raters],
            "Last vote (UTC)": [(r.last_vote or "")[:16].replace("T", " ") for r in raters],
            "Notice": [rater.notice for rater in raters],
        }
    )
    progress = st.column_config.ProgressColumn("Progress", max_value=100, format="%.0f %%")
    st.dataframe(table, hide_index=True, column_config={"Progress": progress})


def _state(rater: RaterStatus) -> str:
    state = "dropped out" if rater.dropped_out else rater.state
    return f"{state} (simulated)" if rater.simulated else state


def _stimuli(study: Study, status: Status, wanted: int | None) -> None:
    what = _asked(study)
    st.subheader(f"Votes for each {what}")
    rows: list[dict[str, object]] = []
    for rated, votes in status.stimulus_votes.items():
        shown = [study.manifest.by_id[stimulus] for stimulus in rated.split()]
        methods = [stimulus.method for stimulus in shown]
        rows.append(
            {
                "Data set": shown[0].dataset,
                "Image": shown[0].image,
                **dict(zip(("Method", "Other method"), methods, strict=False)),
                "Votes": votes,
                **({"Missing": max(0, wanted - votes)} if wanted else {}),
            }
        )
    table = pd.DataFrame(rows)
    st.dataframe(table.sort_values("Votes", kind="stable"), hide_index=True, height=240)
    st.number_input(f"Votes needed for each {what}", 1, 10_000, _planned_votes(study), key="wanted")


def _asked(study: Study) -> str:
    """The name of what votes are counted for."""
    return "pair" if len(study.manifest.asks.methods) > 1 else "stimulus"


def _decisions(study: Study) -> None:
    """Payment and use of votes by the rules that were declared before the first vote."""
    st.subheader("Payment and use")
    people = [one for one in decide(study.store) if not one.simulated]
    if not people:
        st.write("No rater has started yet.")
        return
    paid = sum(one.paid is True for one in people)
    used, votes = sum(one.used for one in people), sum(one.votes for one in people)
    st.caption(
        f"By the rules that were declared when the study was made: {paid} of {len(people)} to be "
        f"paid, {used} of {votes} main votes analysed. Nothing is deleted."
    )
    table = pd.DataFrame(
        {
            "Rater": [one.rater for one in people],
            "Completion code": [one.completion_code for one in people],
            "Pay": [_PAID[one.paid] for one in people],
            "Why not": [one.why_unpaid for one in people],
            "Minutes": [one.minutes for one in people],
            "Checks right": [_of(one.gold_right, one.gold_n) for one in people],
            "Repeats same": [_of(one.retest_same, one.retest_n) for one in people],
            "Votes used": [_of(one.used, one.votes) for one in people],
            "Why others are not": [one.why_left_out for one in people],
        }
    )
    minutes = st.column_config.NumberColumn("Minutes", format="%.1f")
    st.dataframe(table, hide_index=True, column_config={"Minutes": minutes})


def _of(some: int, count: int) -> str:
    return f"{some} of {count}" if count else ""


def _interim(study: Study) -> None:
    st.subheader("Interim results")
    st.caption("Hidden, to avoid stopping early on favourable results.")
    if not st.toggle("Show anyway", key="peek"):
        return
    ratings = ratings_rows(study.store)
    for title, simulated in (("Of people", False), ("Of simulated raters", True)):
        table = interim_results(ratings, simulated=simulated)
        if len(table):
            st.markdown(f"**{title}**")
            st.dataframe(table.round(2), hide_index=True)
    st.caption(
        f"{_MEASURE[study.manifest.asks.name]} Looking at it before the end, and stopping because "
        "of it, makes every later p-value wrong."
    )


def _export(study: Study) -> None:
    st.subheader("Export")
    left, middle, right = st.columns(3)
    left.download_button(
        "Download the ratings table",
        data=lambda: ratings_csv(study.store).encode(),
        file_name=f"ratings-{study.manifest.study_id}.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )
    middle.download_button(
        "Download payment and use",
        data=lambda: decisions_csv(study.store).encode(),
        file_name=f"decisions-{study.manifest.study_id}.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )
    right.download_button(
        "Download raters and answers",
        data=lambda: answers_csv(study.store).encode(),
        file_name=f"answers-{study.manifest.study_id}.csv",
        mime="text/csv",
        on_click="ignore",
        width="stretch",
    )
