"""Many browsers rating at once on one or more app servers: is every vote stored once, and how
long from the key press until the next picture stands?

    python benchmarks/study_load.py STUDY_DIR --browsers 8 --votes 20 [--servers 2] [--database URL]

STUDY_DIR is a study with unused access codes; its votes stay in it. Prints one JSON object.
Browsers share one Chromium (a context each), think 3 to 6 s between votes, and are dealt to the
servers in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
import time
import urllib.request
from collections import Counter
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, async_playwright

from srbench.study.keys import read_codes
from srbench.study.ratings import ratings_rows
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission
from srbench.study.store import Study, open_study
from study_app.serve import serve_command, serve_environment

FLAGS = [
    "--force-color-profile=srgb", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip

# Resolves with the milliseconds from the key press until the next picture stands on the screen.
PRESS = """key => new Promise(done => {
  const find = root => root.querySelector('.stage') ??
    [...root.querySelectorAll('*')].map(e => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
  const stage = find(document), trial = stage.dataset.trial, start = performance.now();
  const look = () => {
    const now = find(document);
    if (!now) return done(null);
    if (now.dataset.trial !== trial && ['waiting', 'ready'].includes(now.dataset.state))
      return requestAnimationFrame(() => done(performance.now() - start));
    requestAnimationFrame(look);
  };
  window.dispatchEvent(new KeyboardEvent('keydown', {key}));
  look();
})"""


def start_server(folder: Path, database: str | None) -> tuple[subprocess.Popen[bytes], str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = str(Path(__file__).resolve().parent.parent)
    environment = serve_environment({**os.environ, "PYTHONPATH": root}, database=database)
    command = serve_command(folder.resolve(), port=port, address="127.0.0.1")
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
            return process, url
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the app did not start")


async def rate(
    browser: Browser, study: Study, url: str, code: str, votes: int
) -> tuple[str, list[tuple[int, int]], list[float]]:
    """One rater: what was voted, as the page acknowledged it, and how long each took."""
    store = study.store
    session, token = await asyncio.to_thread(store.enter, code=code)
    for step in OPENING_STEPS:
        await asyncio.to_thread(store.confirm, session, step)
    playlist = store.playlist(session)
    first = sum(trial.phase == "training" for trial in playlist)
    for trial in playlist[:first]:
        vote = perfect_submission(study.manifest, trial, 3, 900)
        await asyncio.to_thread(store.vote, session, vote)
    await asyncio.to_thread(store.confirm, session, "block-1")
    context = await browser.new_context(viewport={"width": 1366, "height": 768})
    page = await context.new_page()
    page.set_default_timeout(120_000)
    await page.goto(f"{url}/?r={token}")
    cast, waits = [], []
    last = min(first + votes, len(playlist) - 1)
    for number in range(first, last):
        await page.locator(f'.stage[data-state="ready"][data-trial="{number}.1"]').wait_for()
        await asyncio.sleep(random.uniform(3, 6) - 0.6)
        score = random.randint(1, 5)
        waited = await page.evaluate(PRESS, str(score))
        cast.append((number, score))
        if waited is None:
            break  # a break screen
        waits.append(waited / 1000)
    await context.close()
    return session.rater, cast, waits


async def run(options: argparse.Namespace) -> dict[str, object]:
    study = open_study(options.study, options.database)
    servers = [start_server(options.study, options.database) for _ in range(options.servers)]
    executable = os.environ.get("SRBENCH_CHROMIUM") or shutil.which("chromium")
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
            codes = read_codes(options.study)[options.first_code :][: options.browsers]
            results = await asyncio.gather(
                *(
                    rate(browser, study, servers[i % len(servers)][1], code, options.votes)
                    for i, code in enumerate(codes)
                )
            )
            await browser.close()
    finally:
        for process, _ in servers:
            process.kill()
    stored = {
        (row["rater"], row["trial"], row["score"])
        for row in ratings_rows(study.store)
        if row["phase"] != "training"
    }
    raters = {rater for rater, _, _ in results}
    cast = {(rater, trial, score) for rater, votes, _ in results for trial, score in votes}
    waits = np.array([wait for _, _, many in results for wait in many])
    per_trial = Counter((r, t) for r, t, _ in stored if r in raters)
    return {
        "browsers": options.browsers,
        "servers": options.servers,
        "database": study.store.engine.dialect.name,
        "votes_cast": len(cast),
        "votes_missing": len(cast - stored),
        "votes_never_cast": len({v for v in stored if v[0] in raters} - cast),
        "trials_with_several_votes": sum(count > 1 for count in per_trial.values()),
        "seconds_median": round(float(np.median(waits)), 3),
        "seconds_95_percent": round(float(np.quantile(waits, 0.95)), 3),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--browsers", type=int, default=8)
    parser.add_argument("--votes", type=int, default=20)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--database")
    parser.add_argument("--first-code", type=int, default=0, help="skip codes used before")
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
