"""A rater's hands: going through the app in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page

from srbench.study.keys import read_codes


def go_on(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def enter(page: Page, server, code: str) -> None:
    page.goto(server.url)
    page.get_by_label("Access code").fill(code)
    go_on(page, "Enter")


def to_practice(page: Page, server, index: int = 0) -> None:
    """Up to the first practice picture standing ready."""
    enter(page, server, read_codes(server.folder)[index])
    go_on(page, "I have read this")
    go_on(page, "Go on")
    page.get_by_text("large enough").wait_for()
    go_on(page, "Go on")
    go_on(page, "Start practice")
    wait_ready(page)


def wait_ready(page: Page, trial: str | None = None) -> str:
    """Wait until a picture takes votes; its "trial.attempt"."""
    which = f'[data-trial="{trial}"]' if trial else ""
    stage = page.locator(f'.stage[data-state="ready"]{which}')
    stage.wait_for()
    return stage.get_attribute("data-trial") or ""


def rate(page: Page, key: str) -> None:
    """Vote on the picture that stands, and wait for the next screen."""
    trial = wait_ready(page)
    page.keyboard.press(key)
    page.wait_for_function(
        """trial => {
          const find = (root) => root.querySelector('.stage') ??
            [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
          const stage = find(document);
          return !stage || stage.dataset.state === 'feedback' || stage.dataset.trial !== trial;
        }""",
        arg=trial,
    )
    card = page.locator('.stage[data-state="feedback"] .go')
    if card.count():
        card.click()


def to_main(page: Page, server, index: int = 0) -> None:
    """Through practice, up to the first main picture."""
    to_practice(page, server, index)
    for _ in range(4):
        rate(page, "3")
    go_on(page, "Start")
    wait_ready(page)
