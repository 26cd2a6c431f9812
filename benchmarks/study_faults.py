"""Ten browsers rate while servers, connections, pages and the database fail.

Checks that every given grade is stored once, for the picture that was on the screen.

    python benchmarks/study_faults.py [--postgresql] [--faults 33] [--raters 10] [--seed N]

SQLite has one server, PostgreSQL two. A study of 48 pictures is made in a temporary folder; every
rater has a separate browser profile and connection. Faults come one after the other: servers killed
(SIGKILL), ended and frozen (SIGSTOP), connections cut, browsers offline, pages reloaded, closed and
opened twice at the worst moment, raters erased from the command line, the database locked or
restarted. At the end, what each rater saw (checksums of the canvas) and pressed is compared with
the stored votes. Prints one JSON object; the exit code is 1 unless all counts are 0.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, BrowserContext, Error, Page
from sqlalchemy import select
from study_servers import (
    ROOT,
    free_port,
    postgresql,
    restart_postgresql,
    start_app,
    strolling_clock,
)
from wire import Wire

from srbench.data import open_dataset
from srbench.imaging import imresize, read_image, write_png
from srbench.study import connecting, schema
from srbench.study.making import new_study
from srbench.study.manifest import stimulus_path
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission
from srbench.study.store import Study, open_study
from study_app.driving import open_browser, open_profile

CONTENTS = 12
PATIENCE = 600

# The current state of the page.
LOOK = """() => {
  const find = root => root.querySelector('.stage') ??
    [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const stage = find(document);
  if (document.querySelector('.st-key-completion-code')) return {kind: 'finished'};
  if (stage) {
    const chosen = stage.querySelector('.grades .chosen');
    const [trial, attempt] = stage.dataset.trial.split('.').map(Number);
    return {kind: stage.dataset.state, trial, attempt,
      chosen: chosen && Number(chosen.dataset.score),
      undo: !stage.querySelector('.undo').hidden && !stage.querySelector('.undo').disabled};
  }
  const onward = document.querySelector('[data-testid="stBaseButton-primary"]');
  if (onward) return {kind: 'card'};
  return {kind: document.querySelector('[data-testid="stForm"]') ? 'door' : 'nothing'};
}"""

# Presses a key if the picture takes votes: which trial, and the Adler-32 of what the canvas shows.
PRESS = """score => {
  const find = root => root.querySelector('.stage') ??
    [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const stage = find(document);
  if (stage?.dataset.state !== 'ready') return null;
  const canvas = stage.querySelector('canvas');
  const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let a = 1, b = 0;
  for (const byte of bytes) { a = (a + byte) % 65521; b = (b + a) % 65521; }
  const [trial, attempt] = stage.dataset.trial.split('.').map(Number);
  window.dispatchEvent(new KeyboardEvent('keydown', {key: String(score)}));
  return {trial, attempt, seen: (b * 65536 + a) >>> 0};
}"""

CLICK = """name => {
  const find = root => root.querySelector('.stage') ??
    [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  find(document)?.querySelector(name)?.click();
}"""


@dataclass(frozen=True)
class Given:
    """One key pressed on one picture."""

    trial: int
    attempt: int
    score: int
    seen: int


@dataclass
class Hand:
    """A rater with a browser. ``believed``: the last given or shown grade of each trial."""

    profile: BrowserContext
    wire: Wire
    token: str
    rater: str
    page: Page
    given: list[Given] = field(default_factory=list)
    believed: dict[int, int] = field(default_factory=dict)
    wish: str = ""  # the fault of the page right after the next key
    told: int = 0
    done: bool = False
    diary: list[tuple[float, str]] = field(default_factory=list)

    def note(self, *what: object) -> None:
        self.diary.append((round(time.monotonic(), 2), " ".join(map(str, what))))

    @property
    def address(self) -> str:
        return f"{self.wire.url}/?r={self.token}"


def make_study(root: Path) -> Path:
    """12 cut-outs of photographs in 4 versions."""
    sample = open_dataset("sample", None)
    photographs = [sample.read(name) for name in sample.ids]
    for number in range(CONTENTS):
        photograph, step = photographs[number % len(photographs)], 60 * (number // 5)
        hr = photograph[40 + step : 136 + step, 50 + step : 170 + step]
        lr = imresize(hr, 1 / 4)
        coarse, smooth = lr.repeat(4, 0).repeat(4, 1), imresize(lr, 4)
        middle = ((smooth.astype(int) + hr) // 2).astype(np.uint8)
        versions = {"HR": hr, "nearest": coarse, "bicubic": smooth, "srgan-mse": middle}
        for method, image in versions.items():
            write_png(root / f"results/images/Cuts/x4/{method}/c{number:02d}.png", image)
    return new_study(root / "results", root / "study", raters=99, retests=0).folder


def checksum(folder: Path, stimulus: str) -> int:
    """The checksum of PRESS for the stimulus' file."""
    pixels = read_image(stimulus_path(folder, stimulus))
    opaque = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    return zlib.adler32(np.concatenate([pixels, opaque], axis=2).tobytes())


class Run:
    """The servers, the raters and the faults."""

    def __init__(self, study: Study, database: str | None, servers: int, rng: random.Random):
        self.study, self.database, self.rng = study, database, rng
        self.ports = [free_port() for _ in range(servers)]
        self.processes = [self._start(port) for port in self.ports]
        self.codes = iter(study.store.invite(200))
        self.hands: list[Hand] = []
        self.erased: list[str] = []
        self.happened: Counter[str] = Counter()

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        return start_app(self.study.folder, port, self.database)

    def close(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def begin(self) -> tuple[str, str]:
        """A rater at the first picture that counts: name and token."""
        store = self.study.store
        session, token = store.enter(code=next(self.codes))
        for step in OPENING_STEPS:
            store.confirm(session, step)
        for trial in store.playlist(session):
            if trial.phase != "training":
                break
            vote = perfect_submission(self.study.manifest, trial, 3, 900)
            assert store.vote(session, vote).verdict == "accepted"
        store.confirm(session, "block-1")
        return session.rater, token

    async def sit_down(self, browser: Browser, number: int) -> None:
        rater, token = await asyncio.to_thread(self.begin)
        profile = await open_profile(browser)
        wire = Wire(self.ports[number % len(self.ports)])
        hand = Hand(profile, wire, token, rater, await profile.new_page())
        self.hands.append(hand)
        await self.open(hand)

    async def open(self, hand: Hand) -> None:
        while True:
            with suppress(Error):
                await hand.page.goto(hand.address, wait_until="commit", timeout=15_000)
                return
            await asyncio.sleep(0.5)

    # --- a rater ------------------------------------------------------------------------------

    async def rate(self, hand: Hand) -> None:
        deadline = time.monotonic() + PATIENCE
        since = time.monotonic()
        before: object = None
        while not hand.done:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{hand.rater} does not come to an end: {before}")
            try:
                look = await hand.page.evaluate(LOOK)
                if look != before:
                    before, since = look, time.monotonic()
                if time.monotonic() - since > 45:  # as a rater would: try a reload
                    since = time.monotonic()
                    await self.open(hand)
                await self.act(hand, hand.page, look)
            except Error:
                if hand.page.is_closed():
                    raise
                await self.open(hand)

    async def act(self, hand: Hand, page: Page, look: dict[str, Any]) -> None:
        kind = look["kind"]
        if kind == "finished":
            hand.done = True
        elif kind == "card":
            with suppress(Error):
                await page.get_by_test_id("stBaseButton-primary").first.click(timeout=2000)
            await asyncio.sleep(0.3)
        elif kind == "door" and hand.rater in self.erased:
            # Erased while rating: the rater starts again.
            hand.rater, hand.token = await asyncio.to_thread(self.begin)
            hand.given, hand.believed = [], {}
            await self.open(hand)
        elif kind == "feedback":
            await self.listen(hand, page, look)
        elif kind == "ready":
            if look["undo"] and self.rng.random() < 0.08:
                hand.note("undo at", look["trial"], look["attempt"])
                await page.evaluate(CLICK, ".undo")
                await asyncio.sleep(0.4)
                return
            await asyncio.sleep(self.rng.uniform(0.1, 2.0))
            score = self.rng.randint(1, 5)
            await self.press(hand, page, score)
            wish, hand.wish = hand.wish, ""
            if wish:
                hand.note(wish)
                await asyncio.sleep(self.rng.choice([0, 0.02, 0.1, 0.3]))
                await getattr(self, wish)(hand)
        else:
            await asyncio.sleep(0.1)

    async def press(self, hand: Hand, page: Page, score: int) -> None:
        found = await page.evaluate(PRESS, score)
        if found:
            hand.given.append(Given(found["trial"], found["attempt"], score, found["seen"]))
            hand.believed[found["trial"]] = score
            hand.note("press", found["trial"], found["attempt"], score, page is hand.page)

    async def listen(self, hand: Hand, page: Page, look: dict[str, Any]) -> None:
        """Another grade is stored than the one pressed: it is believed, or taken back."""
        hand.told += 1
        hand.believed[look["trial"]] = look["chosen"]
        hand.note("told", look["trial"], look["attempt"], look["chosen"])
        await asyncio.sleep(0.3)
        await page.evaluate(CLICK, ".undo" if look["undo"] and self.rng.random() < 0.5 else ".go")
        await asyncio.sleep(0.3)

    # --- faults of a page ---------------------------------------------------------------------

    async def reload(self, hand: Hand) -> None:
        await self.open(hand)

    async def close_page(self, hand: Hand) -> None:
        old, hand.page = hand.page, await hand.profile.new_page()
        await old.close()
        await self.open(hand)

    async def second_tab(self, hand: Hand) -> None:
        """Another tab, in which the picture is rated as well."""
        page = await hand.profile.new_page()
        with suppress(Error):
            await page.goto(hand.address, wait_until="commit", timeout=15_000)
            await page.locator('.stage[data-state="ready"]').wait_for(timeout=15_000)
            # Meanwhile the first tab may have continued.
            await self.press(hand, page, self.rng.randint(1, 5))
        await page.close()

    # --- faults -------------------------------------------------------------------------------

    def one(self) -> Hand | None:
        rating = [hand for hand in self.hands if not hand.done]
        return self.rng.choice(rating) if rating else None

    async def kill_server(self, how: signal.Signals = signal.SIGKILL, away: float = 0) -> None:
        which = self.rng.randrange(len(self.ports))
        process = self.processes[which]
        process.send_signal(how)
        await asyncio.to_thread(process.wait)
        self.turn_away(which)
        await asyncio.sleep(away)
        self.processes[which] = await asyncio.to_thread(self._start, self.ports[which])

    async def end_server(self) -> None:
        await self.kill_server(signal.SIGTERM)

    async def kill_server_for_a_while(self) -> None:
        await self.kill_server(away=self.rng.uniform(2, 6))

    async def freeze_server(self) -> None:
        which = self.rng.randrange(len(self.ports))
        self.processes[which].send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.rng.uniform(2, 5))
        self.turn_away(which)  # like a proxy without a response
        await asyncio.sleep(self.rng.uniform(1, 8))
        self.processes[which].send_signal(signal.SIGCONT)

    def turn_away(self, which: int) -> None:
        """Send raters of a failed server to another one, if there is one."""
        others = [port for n, port in enumerate(self.ports) if n != which]
        for hand in self.hands:
            if others and hand.wire.target == self.ports[which]:
                hand.wire.target = self.rng.choice(others)
                hand.wire.cut()
                hand.wire.repair()

    async def cut_wire(self) -> None:
        if hand := self.one():
            hand.wire.cut()
            await asyncio.sleep(self.rng.uniform(0.5, 8))
            hand.wire.repair()

    async def cut_all_wires(self) -> None:
        for hand in self.hands:
            hand.wire.cut()
        await asyncio.sleep(self.rng.uniform(0.5, 4))
        for hand in self.hands:
            hand.wire.repair()

    async def go_offline(self) -> None:
        if hand := self.one():
            await hand.profile.set_offline(True)
            await asyncio.sleep(self.rng.uniform(0.5, 8))
            await hand.profile.set_offline(False)

    async def wish_for(self, what: str) -> None:
        if hand := self.one():
            hand.wish = what
            for _ in range(100):
                if not hand.wish or hand.done:
                    break
                await asyncio.sleep(0.1)

    async def erase_rater(self) -> None:
        if hand := self.one():
            self.erased.append(hand.rater)
            options = ["--database", self.database] if self.database else []
            command = ["erase", str(self.study.folder), "--link", hand.address, *options]
            await asyncio.to_thread(
                subprocess.run, [sys.executable, "-m", "srbench", "study", *command],
                env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip

    async def lock_database(self) -> None:
        if self.database is None:
            file = self.study.folder / connecting.DATABASE_FILE
            locker = sqlite3.connect(file, isolation_level=None, timeout=20)
            locker.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(self.rng.uniform(1, 5))
            locker.execute("ROLLBACK")
            locker.close()
            return
        how = self.rng.choice(["fast", "immediate"])
        await asyncio.to_thread(restart_postgresql, self.database, how)

    async def let_fail(self, faults: int) -> None:
        """One fault after the other, each kind in turn."""
        kinds = [
            self.kill_server, self.cut_wire, "reload", self.freeze_server, "second_tab",
            self.go_offline, self.lock_database, self.end_server, "close_page",
            self.erase_rater, self.cut_all_wires, self.kill_server_for_a_while,
        ]  # fmt: skip
        for number, kind in zip(range(faults), cycle(kinds), strict=False):
            await asyncio.sleep(self.rng.uniform(0.5, 2.5))
            name = kind if isinstance(kind, str) else kind.__name__
            self.happened[name] += 1
            print(f"{number + 1:3d} {name}", file=sys.stderr, flush=True)
            await (self.wish_for(kind) if isinstance(kind, str) else kind())

    # --- the account --------------------------------------------------------------------------

    def account(self) -> dict[str, Any]:
        """Compare given with stored votes."""
        with self.study.store.read() as connection:
            query = (
                select(schema.sessions.c.rater, schema.votes)
                .join(schema.sessions, schema.sessions.c.id == schema.votes.c.session_id)
                .join(schema.trials, schema.ITS_TRIAL)
                .outerjoin(schema.retractions, schema.ITS_RETRACTION)
                .where(schema.retractions.c.session_id.is_(None))
                .where(schema.trials.c.phase != "training")
            )
            rows = connection.execute(query).all()
        sums = {s.id: checksum(self.study.folder, s.id) for s in self.study.manifest.stimuli}
        stored = {(row.rater, row.trial): row for row in rows}
        found = Counter(lost=0, doubled=0, never_given=0, for_another_picture=0, other_grade=0)
        found["doubled"] = len(rows) - len(stored)
        given = 0
        # Raters who were erased after the last picture did not start again.
        staying = [hand for hand in self.hands if hand.rater not in self.erased]
        for hand in staying:
            given += len(hand.believed)
            keys = {(g.trial, g.attempt, g.score): g.seen for g in hand.given}
            for trial, score in hand.believed.items():
                row = stored.get((hand.rater, trial))
                if row is None:
                    found["lost"] += 1
                    continue
                if row.score != score:
                    found["other_grade"] += 1
                    print(f"trial {trial}: {row.score}, not {score}", hand.diary, file=sys.stderr)
                seen = keys.get((trial, row.attempt, row.score))
                found["never_given"] += seen is None
                found["for_another_picture"] += seen is not None and seen != sums[row.stimulus]
            mine = {trial for rater, trial in stored if rater == hand.rater}
            found["never_given"] += len(mine - hand.believed.keys())
        left = sum(row.rater in self.erased for row in rows)
        return {
            "votes_given": given,
            "votes_stored": len(rows),
            "raters_finished": sum(hand.done for hand in staying),
            "raters_erased": len(self.erased),
            "told_of_another_grade": sum(hand.told for hand in self.hands),
            **found,
            "votes_of_erased_raters": left,
        }


async def rate_through(run: Run, raters: int, faults: int) -> None:
    async with open_browser() as browser:
        for number in range(raters):
            await run.sit_down(browser, number)
        async with asyncio.TaskGroup() as tasks:
            for hand in run.hands:
                tasks.create_task(run.rate(hand))
            tasks.create_task(run.let_fail(faults))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--faults", type=int, default=33)
    parser.add_argument("--raters", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="srbench-"))
    started = time.monotonic()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root, ignore_errors=True)
        database = stack.enter_context(postgresql()) if options.postgresql else None
        study = open_study(make_study(root), database, clock=strolling_clock())
        rng = random.Random(options.seed)
        run = Run(study, database, 2 if database else 1, rng)
        stack.callback(run.close)
        asyncio.run(rate_through(run, options.raters, options.faults))
        found = run.account()
    report = {
        "database": "postgresql" if options.postgresql else "sqlite",
        "faults": sum(run.happened.values()),
        "kinds": dict(run.happened),
        **found,
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    print(json.dumps(report, indent=1))
    bad = ("lost", "doubled", "never_given", "for_another_picture", "other_grade")
    sys.exit(any(report[name] for name in (*bad, "votes_of_erased_raters")))


if __name__ == "__main__":
    main()
