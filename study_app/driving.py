"""Simulated raters who use the real app in a real browser, screen by screen."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from srbench.errors import StudyError
from srbench.study.procedure import ACR, Procedure
from srbench.study.simulate import Enlisted, PlannedVote, SimulatedRater
from srbench.study.store import Study

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

# No colour conversion of pictures, and no background traffic of the browser.
CHROMIUM_FLAGS = [
    "--force-color-profile=srgb",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WINDOW = {"width": 1920, "height": 1080}
_AT_ONCE = 4
_PATIENCE_MS = 120_000
_FINISHED = ".st-key-completion-code"
_ONWARD = (
    '.stage[data-state="feedback"] .go, .check .go:not([disabled]), '
    '[data-testid="stBaseButton-primary"]'
)

# The times of the page's sent messages and of the last received one, by the page's clock.
_WIRE = """
window.wire = {sent: [], heard: 0};
window.WebSocket = class extends WebSocket {
  constructor(...all) {
    super(...all);
    this.addEventListener('message', () => { window.wire.heard = performance.now(); });
  }
  send(...all) { window.wire.sent.push(performance.now()); return super.send(...all); }
};
"""

# Presses a key; resolves when the next screen is shown. All times are in milliseconds.
_PRESS = """key => new Promise(done => {
  const find = root => root.querySelector('.stage') ??
    [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const trial = find(document).dataset.trial, start = performance.now();
  const finish = (picture, now) => {
    const sent = window.wire.sent.find(time => time >= start) ?? start;
    done({picture, seconds: (now - start) / 1000, server: (window.wire.heard - sent) / 1000});
  };
  const look = () => {
    const stage = find(document), state = stage?.dataset.state;
    if (!stage || state === 'feedback') return finish(false, performance.now());
    if (stage.dataset.trial !== trial && ['waiting', 'ready'].includes(state))
      return requestAnimationFrame(() => finish(true, performance.now()));
    requestAnimationFrame(look);
  };
  window.wire.sent = [];
  window.dispatchEvent(new KeyboardEvent('keydown', {key}));
  look();
})"""


@dataclass(frozen=True)
class Press:
    """The times of one vote in the page.

    Seconds from the key press to the next screen, and from the sent message to the last received
    one before that (server and network). ``picture``: whether the next screen was another picture
    to rate.
    """

    trial: int
    score: int
    seconds: float
    server_seconds: float
    picture: bool


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """Chromium: $SRBENCH_CHROMIUM, the one on the path, or Playwright's own.

    Raises:
        StudyError: Playwright or Chromium is not installed.
    """
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError as error:
        raise StudyError(
            "rating through a browser needs Playwright; run: pip install '.[browser]'"
        ) from error
    executable = os.environ.get("SRBENCH_CHROMIUM") or shutil.which("chromium")
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(
                executable_path=executable, args=CHROMIUM_FLAGS
            )
        except Error as error:
            raise StudyError(
                "Chromium does not start; name it in SRBENCH_CHROMIUM, or install it with: "
                "playwright install chromium"
            ) from error
        try:
            yield browser
        finally:
            await browser.close()


async def open_profile(browser: Browser) -> BrowserContext:
    """A browser profile whose pages record the times for `vote`."""
    profile = await browser.new_context(viewport={**_WINDOW})  # pyright: ignore[reportArgumentType]
    profile.set_default_timeout(_PATIENCE_MS)
    await profile.add_init_script(_WIRE)
    return profile


async def go_on_until(page: Page, wanted: str) -> None:
    """Press the button to continue on each card until ``wanted`` (a selector) appears."""
    from playwright.async_api import Error

    goal, onward = page.locator(wanted), page.locator(_ONWARD)
    while True:
        await goal.or_(onward).first.wait_for()
        if await goal.count():
            return
        try:
            await onward.first.click(timeout=2000)
        except Error:
            continue  # the button disappeared meanwhile
        # A second press of the same button changes nothing; the short wait avoids needless ones.
        await asyncio.sleep(0.3)


async def vote(
    page: Page, planned: PlannedVote, *, minimum_ms: int, asks: Procedure = ACR
) -> Press:
    """Wait for a trial's pictures, wait for the planned time, and press the key.

    Two pictures in one place are each shown for half of the time.
    """
    number, score = planned.trial.number, planned.score
    stands = f'.stage[data-trial="{number}.1"]'
    ready = f'{stands}[data-state="ready"]'
    shortest = minimum_ms / 1000
    if asks.mode == "place":
        await go_on_until(page, f'{stands}[data-state="waiting"][data-standing="true"]')
        half = max(shortest, planned.response_ms / 2000)
        await asyncio.sleep(half)
        await page.keyboard.press("Space")
        await page.locator(ready).wait_for()
        shortest = half
    else:
        await go_on_until(page, ready)
    await asyncio.sleep(max(0, planned.response_ms / 1000 - shortest))
    found = await page.evaluate(_PRESS, asks.keys[score])
    return Press(number, score, found["seconds"], found["server"], found["picture"])


async def take_part(
    page: Page,
    address: str,
    token: str,
    votes: Sequence[PlannedVote],
    *,
    minimum_ms: int,
    asks: Procedure = ACR,
) -> list[Press]:
    """Open the personal link and give all ``votes``."""
    await page.goto(f"{address}/?r={token}", wait_until="commit")
    return [await vote(page, planned, minimum_ms=minimum_ms, asks=asks) for planned in votes]


def drive(study: Study, enlisted: Sequence[Enlisted], address: str) -> tuple[SimulatedRater, ...]:
    """Let enlisted raters rate in a running study, four at a time.

    All except the dropouts continue to the completion code. Their sessions and votes are marked as
    simulated.

    Raises:
        StudyError: no browser, or the app at ``address`` does not answer or runs another study.
    """
    asyncio.run(_drive(study, enlisted, address.rstrip("/")))
    return tuple(rater.drawn for rater in enlisted)


async def _drive(study: Study, enlisted: Sequence[Enlisted], address: str) -> None:
    from playwright.async_api import Error

    places = asyncio.Semaphore(_AT_ONCE)
    async with open_browser() as browser:

        async def one(rater: Enlisted) -> None:
            async with places:
                profile = await open_profile(browser)
                page = await profile.new_page()
                token = study.store.link(rater.session)
                manifest = study.manifest
                await take_part(
                    page, address, token, rater.votes,
                    minimum_ms=manifest.rules.minimum_ms, asks=manifest.asks,
                )  # fmt: skip
                if rater.drawn.kind != "dropout":
                    await go_on_until(page, _FINISHED)
                await profile.close()

        try:
            await asyncio.gather(*map(one, enlisted))
        except Error as error:
            raise StudyError(
                f"the app at {address} did not show what it should "
                f"({error.message.splitlines()[0]}); is it this study, and is it running?"
            ) from error
