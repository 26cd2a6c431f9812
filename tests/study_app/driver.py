"""A rater who uses the app in a real browser."""

from __future__ import annotations

import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from srbench.study.keys import read_codes
from srbench.study.ratings import ratings_rows
from srbench.study.session import OPENING_STEPS, Session
from srbench.study.simulate import perfect_submission
from srbench.study.store import Study

PASSWORD = "correct horse battery"
# The first main trial: two practice images, each as nearest and HR, come before.
FIRST = 4
# Tests wait for what the page shows, however long it takes on a busy machine.
PATIENCE_MS = 90_000


class Rater:
    """One rater with a page, a code of his own, and a look into the database."""

    def __init__(self, page: Page, url: str, study: Study, index: int) -> None:
        self.page, self.url, self.study = page, url, study
        self.code = read_codes(study.folder)[index]
        self.token = ""

    # --- by the browser -------------------------------------------------------------------

    def enter(self) -> None:
        self.page.goto(self.url)
        self.page.get_by_label("Access code").wait_for()
        self.settle()
        self.page.get_by_label("Access code").fill(self.code)
        self.press_button("Enter")
        self.page.wait_for_url(re.compile(r"[?&]r="))
        self.token = parse_qs(urlsplit(self.page.url).query)["r"][0]

    def press_button(self, name: str) -> None:
        button = self.page.get_by_role("button", name=name)
        expect(button).to_have_count(1, timeout=PATIENCE_MS)
        self.settle()
        expect(button).to_have_count(1, timeout=PATIENCE_MS)
        button.click()

    def settle(self) -> None:
        """Until Streamlit's run has ended. It shows the next step's parts before it takes the last
        step's away, among them buttons of the same words.
        """
        self.page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()

    def wait_ready(self, trial: str | None = None) -> None:
        """Until a picture ("trial.attempt") takes votes."""
        which = f'[data-trial="{trial}"]' if trial else ""
        self.page.locator(f'.stage[data-state="ready"]{which}').wait_for()

    def see(self, text: str) -> Locator:
        """Where a text stands on the page, once it does."""
        place = self.page.get_by_text(text)
        place.first.wait_for()
        return place

    def rate(self, score: int, trial: int, attempt: int = 1) -> None:
        """Vote by key on a trial once it takes votes."""
        self.wait_ready(f"{trial}.{attempt}")
        self.page.keyboard.press(str(score))

    def screenshot(self) -> np.ndarray:
        """What stands on the screen, in device pixels: (H, W, 3)."""
        shot = self.page.screenshot(scale="device")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    # --- by the store ---------------------------------------------------------------------

    def resume_at_main(self) -> None:
        """Everything before the first main picture is done without the browser."""
        store = self.study.store
        session, self.token = store.enter(code=self.code)
        for step in OPENING_STEPS:
            store.confirm(session, step)
        for trial in store.playlist(session)[:FIRST]:
            store.vote(session, perfect_submission(self.study.manifest, trial, 3, 900))
        store.confirm(session, "block-1")
        self.page.goto(f"{self.url}/?r={self.token}")
        self.wait_ready(f"{FIRST}.1")

    @property
    def session(self) -> Session:
        found = self.study.store.resume(self.token)
        assert found is not None
        return found

    def playlist(self):
        return self.study.store.playlist(self.session)

    def rows(self) -> list[dict[str, Any]]:
        """The main votes stored of this rater, in order."""
        rater = self.session.rater
        rows = ratings_rows(self.study.store)
        return [r for r in rows if r["rater"] == rater and r["phase"] == "main"]

    def votes(self) -> list[tuple[int, int]]:
        """(trial, score) of the main votes stored, in order."""
        return [(row["trial"], row["score"]) for row in self.rows()]
