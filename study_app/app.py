"""Run a study: ``streamlit run study_app/edge.py -- --study DIR [--database URL]``.

``srbench study serve DIR`` runs this script for each page, with the settings that a study needs.
SRBENCH_STUDY_DATABASE can also set the database, which hides a password in it from other users.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

import streamlit as st

# Streamlit adds this file's folder to the path, not its parent.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from srbench.errors import SrbenchError
from srbench.study.store import Study, open_study
from srbench.wording import printable
from study_app.admin import admin_page
from study_app.rater import rater_page

# Hide Streamlit's header, menu, footer and English hints, and keep the chosen language readable in
# dark mode.
_PLAIN = """<style>
[data-testid="stHeader"], [data-testid="stToolbar"], [data-testid="stDecoration"],
[data-testid="stStatusWidget"], [data-testid="InputInstructions"],
footer { display: none !important; }
[data-testid="stBaseButton-segmented_controlActive"],
[data-testid="stButtonGroup"] [aria-checked="true"] { color: inherit !important; }
[data-testid="stMainBlockContainer"] { padding-top: 2rem; padding-bottom: 2rem; }
h1, h2, h3 { hyphens: auto; }
html:lang(ko) * { word-break: keep-all !important; }
@media (max-width: 600px) { h1 { font-size: 1.75rem !important; } }
</style>"""


@st.cache_resource(show_spinner=False)
def _open(folder: str, database: str | None) -> Study:
    study = open_study(folder, database)
    # Streamlit runs a full garbage collection after every run, that is after every vote, and stops
    # all threads for it. Objects that exist now are permanent; excluding them makes it ten times
    # faster.
    gc.collect()
    gc.freeze()
    return study


def main() -> None:
    """The app: raters at /, the researcher at /admin."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--study", default=os.environ.get("SRBENCH_STUDY"))
    parser.add_argument("--database", default=os.environ.get("SRBENCH_STUDY_DATABASE"))
    options, _ = parser.parse_known_args()
    if not options.study:
        st.error("No study was named: streamlit run study_app/edge.py -- --study DIR")
        return
    try:
        study = _open(options.study, options.database)
    except SrbenchError as error:
        print(printable(f"srbench: {error}"), file=sys.stderr)
        st.error("The study cannot be opened; its operator finds the reason in the log.")
        return
    title = study.manifest.title
    st.set_page_config(page_title=title, layout="centered")
    st.html(_PLAIN)

    def rate() -> None:
        rater_page(study)

    def admin() -> None:
        admin_page(study)

    pages = [
        st.Page(rate, title=title, url_path="rate", default=True),
        st.Page(admin, title=f"Study: {title}", url_path="admin"),
    ]
    st.navigation(pages, position="hidden").run()


main()
