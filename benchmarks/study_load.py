"""Many browsers that rate at once on one or more app servers.

Checks that every vote is stored once, and measures the time from a key press to the next picture.

    python benchmarks/study_load.py STUDY_DIR --browsers 8 --votes 20 [--servers 2]
        [--database URL | --postgresql] [--seed N]

The raters are simulated and marked as such in STUDY_DIR's database, which keeps their votes.
Practice votes are written to the store; from the first main picture on, raters vote in the browser
and look at each picture for 3 to 6 s. They start one after the other, are assigned to the servers
in turn, share one Chromium (with separate profiles), and begin to vote when all are ready, because
loading the app in many browsers on the server's machine is not realistic. ``--postgresql`` starts a
server in a temporary folder. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, Page
from study_servers import postgresql, served, strolling_clock

from srbench.study.ratings import ratings_rows
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import Enlisted, enlist, perfect_submission
from srbench.study.store import Store, Study, open_study
from study_app.driving import Press, go_on_until, open_browser, open_profile, vote

FIRST_SCREEN = '.stage[data-state="ready"]'


def practise(store: Store, rater: Enlisted) -> None:
    """Do all steps before the first main picture."""
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
    """A page at the rater's first main picture, in a separate profile, because hidden pages are
    drawn only once a second.
    """
    token = study.store.link(rater.session)
    page = await (await open_profile(browser)).new_page()
    await page.goto(f"{url}/?r={token}", wait_until="commit")
    await go_on_until(page, FIRST_SCREEN)
    return page


async def rate(study: Study, page: Page, rater: Enlisted, votes: int) -> list[Press]:
    """Give one rater's votes; returns the times in the page."""
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
    """Compare pressed keys with stored votes."""
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
    study = open_study(options.study, database, clock=strolling_clock())
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
