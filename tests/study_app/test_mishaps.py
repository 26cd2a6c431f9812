"""Failures while voting: no acknowledged vote is lost or doubled, and the rater continues at the
right trial.
"""

from __future__ import annotations

import resource
import sqlite3
import time

import pytest

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST, Rater
from wire import Wire

from srbench.study.connecting import DATABASE_FILE
from srbench.study.simulate import perfect_submission


def test_reload_and_the_back_button_lead_back_to_the_trial(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    rater.rate(4, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.page.reload()
    rater.rate(2, FIRST + 1)
    rater.wait_ready(f"{FIRST + 2}.1")
    rater.page.go_back()
    rater.page.goto(f"{rater.url}/?r={rater.token}")
    rater.rate(5, FIRST + 2)
    rater.wait_ready(f"{FIRST + 3}.1")
    assert rater.votes() == [(FIRST, 4), (FIRST + 1, 2), (FIRST + 2, 5)]


def test_a_second_tab_neither_doubles_a_vote_nor_rates_an_unseen_picture(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    second = Rater(rater.page.context.new_page(), rater.url, rater.study, 0)
    second.page.goto(f"{rater.url}/?r={rater.token}")
    second.wait_ready(f"{FIRST}.1")
    rater.rate(1, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    second.rate(1, FIRST)  # this tab still shows the first picture
    second.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 1)]
    second.rate(3, FIRST + 1)
    second.wait_ready(f"{FIRST + 2}.1")
    rater.rate(3, FIRST + 1)
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 1), (FIRST + 1, 3)]
    second.page.close()


def test_a_locked_database_only_makes_the_rater_wait(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    locker = sqlite3.connect(
        rater.study.folder / DATABASE_FILE, isolation_level=None, check_same_thread=False
    )
    locker.execute("BEGIN IMMEDIATE")
    rater.rate(4, FIRST)
    time.sleep(3)
    assert rater.votes() == []
    locker.execute("ROLLBACK")
    rater.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 4)]
    locker.close()


def test_a_full_disk_is_said_and_the_vote_is_stored_when_there_is_room(
    own_server, own_study, new_page
):
    rater = Rater(new_page(), own_server.url, own_study, 0)
    rater.resume_at_main()
    rater.rate(2, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    # The kernel lets no file of the server grow beyond what its database's log has now.
    log = own_server.folder / f"{DATABASE_FILE}-wal"
    unlimited = resource.RLIM_INFINITY
    limits = (log.stat().st_size, unlimited)
    resource.prlimit(own_server.process.pid, resource.RLIMIT_FSIZE, limits)
    rater.page.keyboard.press("4")
    rater.see("could not be stored yet")
    assert rater.votes() == [(FIRST, 2)]
    rater.page.reload()
    rater.rate(5, FIRST + 1)  # still the same picture
    rater.see("could not be stored yet")
    resource.prlimit(own_server.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 2), (FIRST + 1, 5)]


def test_a_server_killed_in_the_middle_of_voting_loses_and_doubles_nothing(
    own_server, own_study, new_page
):
    rater = Rater(new_page(), own_server.url, own_study, 0)
    rater.resume_at_main()
    expected = []
    for trial, seconds in enumerate([0, 0.03, 0.3], start=FIRST):
        rater.rate(1 + trial % 5, trial)
        time.sleep(seconds)
        own_server.kill()
        own_server.start()
        # The page comes back by itself and sends the vote again. Should it come back as a new
        # page, it had acknowledged nothing, and the same picture is rated once more.
        ready = rater.page.locator('.stage[data-state="ready"]')
        ready.wait_for()
        score = 1 + trial % 5
        if ready.get_attribute("data-trial") == f"{trial}.1":
            score = 5
            rater.rate(score, trial)
        rater.wait_ready(f"{trial + 1}.1")
        expected.append((trial, score))
        assert rater.votes() == expected


def test_a_paused_study_says_so_and_goes_on_where_it_was(own_server, own_study, new_page):
    rater = Rater(new_page(), own_server.url, own_study, 1)
    rater.resume_at_main()
    own_study.store.set_state("paused")
    rater.page.keyboard.press("3")
    rater.see("paused at the moment")
    assert rater.votes() == []
    own_study.store.set_state("open")
    rater.page.reload()
    rater.rate(3, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 3)]
    # Who has rated all when the study is closed still gets the completion code.
    for trial in rater.playlist()[FIRST + 1 :]:
        own_study.store.vote(rater.session, perfect_submission(own_study.manifest, trial, 3, 900))
    own_study.store.set_state("closed")
    rater.page.reload()
    rater.press_button("Finish")
    rater.see("Your completion code")


def test_thirty_seconds_offline_cost_no_vote_while_others_rate_on(new_rater, server):
    wire = Wire(server.port)
    away, *others = [new_rater() for _ in range(4)]
    away.url = wire.url
    for rater in (away, *others):
        rater.resume_at_main()
    wire.cut()
    start = time.monotonic()
    away.page.keyboard.press("4")
    for trial in range(FIRST, FIRST + 3):
        for number, rater in enumerate(others):
            rater.page.keyboard.press(str(1 + (number + trial) % 5))
        for rater in others:
            rater.wait_ready(f"{trial + 1}.1")
    for number, rater in enumerate(others):
        assert rater.votes() == [(t, 1 + (number + t) % 5) for t in range(FIRST, FIRST + 3)]
    time.sleep(max(0, start + 30 - time.monotonic()))
    assert away.votes() == []
    wire.repair()
    # The vote of the picture that was seen arrives by itself, and once.
    away.rate(2, FIRST + 1)
    away.wait_ready(f"{FIRST + 2}.1")
    assert away.votes() == [(FIRST, 4), (FIRST + 1, 2)]
