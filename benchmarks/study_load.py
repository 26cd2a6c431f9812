"""Many browsers rating at once on one or more app servers: is every vote stored once, and how
long from the key press until the next picture stands?

    python benchmarks/study_load.py STUDY_DIR --browsers 8 --votes 20 [--servers 2]
        [--database URL | --postgresql] [--seed N]

The raters are simulated ones, marked as such in STUDY_DIR's database, where their votes stay.
Practice is put into the store; from the first picture that counts on they rate in the browser,
looking at each picture for 3 to 6 s. They come one after the other, are dealt to the servers in
turn, share one Chromium (a profile each), and begin to vote when all are there: browsers that load
the app on the server's own machine are no rater's experience. ``--postgresql`` starts a server of
its own in a temporary folder. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, Page

from srbench.study.ratings import ratings_rows
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import Enlisted, enlist, perfect_submission
from srbench.study.store import Store, Study, open_study
from study_app.driving import Press, go_on_until, open_browser, open_profile, vote
from study_app.serve import serve_command, serve_environment

FIRST_SCREEN = '.stage[data-state="ready"]'


@contextmanager
def served(folder: Path, database: str | None) -> Iterator[str]:
    """An app server; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = str(Path(__file__).resolve().parent.parent)
    environment = serve_environment({**os.environ, "PYTHONPATH": root}, database=database)
    command = serve_command(folder.resolve(), port=port, address="127.0.0.1")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise SystemExit("the app did not start")
        yield url
    finally:
        process.kill()
        process.wait()


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server with an empty database, safe settings, no network; its URL."""
    places = [Path(p) for p in os.environ["PATH"].split(os.pathsep)]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    programs = next(p for p in places if (p / "initdb").exists() and (p / "pg_ctl").exists())
    root = Path(tempfile.mkdtemp(prefix="pg"))
    user = None
    if os.geteuid() == 0:  # initdb refuses the superuser
        user = next(u.pw_name for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
        shutil.chown(root, user)

    def run(*command: str) -> None:
        subprocess.run(command, user=user, cwd=root, check=True, stdout=subprocess.DEVNULL)

    data, log = str(root / "data"), str(root / "log")
    run(f"{programs}/initdb", "-D", data, "-U", "tester", "-A", "trust")
    options = f"-c listen_addresses='' -c unix_socket_directories='{root}'"
    run(f"{programs}/pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
    try:
        yield f"postgresql://tester@/postgres?host={root}"
    finally:
        run(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(root, ignore_errors=True)


def practise(store: Store, rater: Enlisted) -> None:
    """Everything before the first picture that counts."""
    for step in OPENING_STEPS:
        store.confirm(rater.session, step)
    for planned in rater.votes:
        if planned.trial.phase == "training":
            submission = perfect_submission(
                store.manifest, planned.trial, planned.score, planned.response_ms
            )
            store.vote(rater.session, submission)
    store.confirm(rater.session, "block-1")


async def enter(browser: Browser, study: Study, url: str, rater: Enlisted) -> Page:
    """A page at the rater's first picture that counts; in a profile of its own, since pages
    behind another one are drawn once a second."""
    token = study.store.link(rater.session)
    page = await (await open_profile(browser)).new_page()
    await page.goto(f"{url}/?r={token}", wait_until="commit")
    await go_on_until(page, FIRST_SCREEN)
    return page


async def rate(study: Study, page: Page, rater: Enlisted, votes: int) -> list[Press]:
    """One rater's votes, as the page lived them."""
    presses: list[Press] = []
    shortest = study.manifest.rules.minimum_ms
    planned = [one for one in rater.votes if one.trial.phase != "training"]
    for one in planned[:votes]:
        slow = replace(one, response_ms=round(1000 * random.uniform(3, 6)))
        presses.append(await vote(page, slow, minimum_ms=shortest))
    await page.context.close()
    return presses


async def rate_all(
    study: Study, urls: list[str], raters: list[Enlisted], votes: int
) -> list[list[Press]]:
    """All raters at once."""
    async with open_browser() as browser:
        pages = [
            await enter(browser, study, urls[i % len(urls)], rater)
            for i, rater in enumerate(raters)
        ]
        return await asyncio.gather(
            *(rate(study, page, rater, votes) for page, rater in zip(pages, raters, strict=True))
        )


def compare(study: Study, raters: list[Enlisted], presses: list[list[Press]]) -> dict[str, int]:
    """What was pressed against what is stored."""
    names = {rater.session.rater for rater in raters}
    rows = [r for r in ratings_rows(study.store) if r["rater"] in names]
    rows = [row for row in rows if row["phase"] != "training"]
    stored = {(row["rater"], row["trial"], row["score"], row["stimulus"]) for row in rows}
    cast = {
        (rater.session.rater, press.trial, press.score, rater.votes[press.trial].trial.stimulus)
        for rater, theirs in zip(raters, presses, strict=True)
        for press in theirs
    }
    per_trial = Counter((row["rater"], row["trial"]) for row in rows)
    return {
        "votes_cast": len(cast),
        "fewest_votes_of_a_rater": min(len(theirs) for theirs in presses),
        "votes_lost": len(cast - stored),
        "votes_never_cast_or_for_a_wrong_trial": len(stored - cast),
        "trials_with_several_votes": sum(count > 1 for count in per_trial.values()),
    }


def measure(options: argparse.Namespace, database: str | None) -> dict[str, object]:
    """The whole measurement."""
    study = open_study(options.study, database)
    raters = list(enlist(study.store, options.browsers, options.seed))
    for rater in raters:
        practise(study.store, rater)
    load = os.getloadavg()[0]
    with ExitStack() as servers:
        urls = [
            servers.enter_context(served(options.study, database)) for _ in range(options.servers)
        ]
        presses = asyncio.run(rate_all(study, urls, raters, options.votes))
    counted = [press for theirs in presses for press in theirs if press.picture]
    waits = np.array([press.seconds for press in counted])
    server_share = np.array([press.server_seconds for press in counted])
    return {
        "browsers": options.browsers,
        "servers": options.servers,
        "database": study.store.engine.dialect.name,
        **compare(study, raters, presses),
        "next_picture_median_s": round(float(np.median(waits)), 3),
        "next_picture_95_percent_s": round(float(np.quantile(waits, 0.95)), 3),
        "server_share_median_s": round(float(np.median(server_share)), 3),
        "server_share_95_percent_s": round(float(np.quantile(server_share, 0.95)), 3),
        "load_average_before": round(load, 1),
        "load_average_after": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("--browsers", type=int, default=8)
    parser.add_argument("--votes", type=int, default=20)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--database")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    with postgresql() if options.postgresql else nullcontext(options.database) as database:
        json.dump(measure(options, database), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
