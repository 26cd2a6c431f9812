"""The researcher's page: how many raters, how far, is anything wrong, when will it be done."""

from __future__ import annotations

import os
import time

import pandas as pd
import streamlit as st

from srbench.study.interim import interim_mos
from srbench.study.keys import append_codes, check_password
from srbench.study.ratings import ratings_csv
from srbench.study.status import Status, study_status
from srbench.study.store import Study, utc_now

PASSWORD_VARIABLE = "SRBENCH_ADMIN_PASSWORD_HASH"
_WANTED = 26
_WRONG_PASSWORD_SECONDS = 1.0


def admin_page(study: Study) -> None:
    """Off without a password's hash in the environment or the secrets; never open by default."""
    stored = _stored_hash()
    if not stored:
        st.title("Study")
        st.write(
            f"This page is off. To use it, set {PASSWORD_VARIABLE} to the hash of a password "
            "and start the study again."
        )
        return
    if st.session_state.get("admin") != stored:
        _sign_in(stored)
        return
    _overview(study)


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
        password = st.text_input("Password", type="password", max_chars=200)
        if not st.form_submit_button("Sign in"):
            return
    if check_password(password, stored):
        st.session_state["admin"] = stored
        st.rerun()
    time.sleep(_WRONG_PASSWORD_SECONDS)
    st.error("That is not the password.")


def _overview(study: Study) -> None:
    status = study_status(study.store, utc_now())
    st.title(study.manifest.title)
    wanted = int(st.number_input("Votes wanted for each stimulus", 1, 1000, _WANTED, key="wanted"))
    st.markdown(f"**{_sentence(study, status, wanted)}**")
    states = [rater.state for rater in status.raters]
    columns = st.columns(5)
    columns[0].metric("Finished", states.count("finished"))
    columns[1].metric("Rating now", states.count("active"))
    columns[2].metric("Dropped out", sum(rater.dropped_out for rater in status.raters))
    columns[3].metric("Votes", status.votes)
    columns[4].metric("Votes a minute", f"{status.votes_per_minute:.1f}")
    _controls(study, status, wanted)
    _raters(status)
    _stimuli(study, status, wanted)
    _interim(study)
    _export(study)


def _sentence(study: Study, status: Status, wanted: int) -> str:
    fewest = min(status.stimulus_votes.values(), default=0)
    most = max(status.stimulus_votes.values(), default=0)
    votes = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    missing = status.raters_missing(wanted, _share(study))
    simulated = sum(rater.simulated for rater in status.raters)
    parts = [
        f"The study is {status.state}: each stimulus has {votes} of {wanted} votes by people",
        "that is enough" if not missing else f"raters still needed: {missing}",
    ]
    if simulated:
        parts.append(f"simulated raters, whose votes are not counted here: {simulated}")
    return "; ".join(parts) + "."


def _share(study: Study) -> float:
    per_rater = study.manifest.rules.per_rater
    return 1.0 if per_rater is None else min(1.0, per_rater / len(study.manifest.main))


def _controls(study: Study, status: Status, wanted: int) -> None:
    left, middle, right = st.columns(3)
    if status.state == "open":
        if left.button("Pause", help="Raters keep their place", width="stretch"):
            study.store.set_state("paused")
            st.rerun()
    elif left.button("Open again", type="primary", width="stretch"):
        study.store.set_state("open")
        st.rerun()
    with middle.popover("Close", disabled=status.state == "closed", width="stretch"):
        st.write("No more votes are taken. You can open the study again.")
        if st.button("Close the study"):
            study.store.set_state("closed")
            st.rerun()
    with right.popover(f"Access codes ({status.codes_unused} unused)", width="stretch"):
        missing = status.raters_missing(wanted, _share(study)) - status.codes_unused
        count = st.number_input("How many", 1, 500, min(500, max(1, missing)))
        if st.button("Make codes"):
            codes = study.store.invite(int(count))
            append_codes(study.folder, codes)
            st.write("Write them down or find them in access-codes.csv; each is for one rater.")
            st.code("\n".join(codes), language=None)


def _raters(status: Status) -> None:
    st.subheader("Raters")
    if not status.raters:
        st.write("Nobody has begun yet.")
        return
    table = pd.DataFrame(
        {
            "Rater": [rater.rater for rater in status.raters],
            "State": [
                "dropped out" if rater.dropped_out else rater.state for rater in status.raters
            ],
            "Progress": [rater.done / max(1, rater.of) for rater in status.raters],
            "Votes": [f"{rater.done} of {rater.of}" for rater in status.raters],
            "Last vote (UTC)": [(r.last_vote or "")[:16].replace("T", " ") for r in status.raters],
            "Simulated": ["simulated" if rater.simulated else "" for rater in status.raters],
        }
    )
    progress = st.column_config.ProgressColumn(
        "Progress", min_value=0, max_value=1, format="percent"
    )
    st.dataframe(table, hide_index=True, column_config={"Progress": progress})


def _stimuli(study: Study, status: Status, wanted: int) -> None:
    st.subheader("Votes for each stimulus")
    by_id = study.manifest.by_id
    table = pd.DataFrame(
        [
            (by_id[s].dataset, by_id[s].image, by_id[s].method, votes, max(0, wanted - votes))
            for s, votes in status.stimulus_votes.items()
        ],
        columns=["Data set", "Image", "Method", "Votes", "Missing"],
    )
    st.dataframe(table.sort_values("Votes", kind="stable"), hide_index=True, height=240)


def _interim(study: Study) -> None:
    st.subheader("Interim results")
    st.caption("Hidden, so that nobody stops the study when the numbers happen to please.")
    if not st.toggle("Show them nevertheless", key="peek"):
        return
    st.dataframe(interim_mos(study.store).round(2), hide_index=True)
    st.caption("MOS with Student's 95 % interval over raters' means; only main trials.")


def _export(study: Study) -> None:
    st.subheader("Export")
    st.download_button(
        "Download the ratings table",
        data=lambda: ratings_csv(study.store).encode(),
        file_name=f"ratings-{study.manifest.study_id}.csv",
        mime="text/csv",
    )
