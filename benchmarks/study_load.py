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
