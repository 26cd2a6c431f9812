"""The browser components: rating screen, display check, page language and device storage."""

from __future__ import annotations

from importlib.resources import files

from streamlit.components import v2


def _source(name: str) -> str:
    return files("study_app").joinpath("viewer", name).read_text("utf-8")


rating_screen = v2.component(
    "srbench.rating_screen",
    html=_source("viewer.html"),
    css=_source("viewer.css"),
    js=_source("exact.js") + _source("viewer.js"),
)

display_check = v2.component(
    "srbench.display_check",
    html=_source("check.html"),
    css=_source("check.css"),
    js=_source("exact.js") + _source("check.js"),
)

# Sets the language of the page for browsers, screen readers and translators.
page_language = v2.component("srbench.page_language", js=_source("language.js"))

# Stores the token of a personal link in a cookie of this study.
device_memory = v2.component("srbench.device_memory", js=_source("device.js"))
