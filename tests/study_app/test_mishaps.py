"""Whatever happens in the middle of voting: nothing acknowledged is lost, nothing is doubled,
and the rater goes on at the right trial."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time

import pytest

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST, Rater

from srbench.study.schema import DATABASE_FILE
from srbench.study.store import open_study


def test_reload_and_the_back_button_lead_back_to_the_trial(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    rater.rate(4, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.page.reload()
    rater.wait_ready(f"{FIRST + 1}.1")
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
    second.rate(5, FIRST)  # this tab still shows the first picture
    second.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 1)]
    second.rate(3, FIRST + 1)
    second.wait_ready(f"{FIRST + 2}.1")
    rater.rate(2, FIRST + 1)
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 1), (FIRST + 1, 3)]


def test_a_vote_cast_while_the_connection_is_away_arrives_when_it_is_back(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    rater.wait_ready(f"{FIRST}.1")
    rater.page.context.set_offline(True)
    rater.page.wait_for_timeout(1000)
    rater.page.keyboard.press("4")
    rater.page.wait_for_timeout(5000)
    rater.page.context.set_offline(False)
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.rate(2, FIRST + 1)
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 4), (FIRST + 1, 2)]


def test_a_locked_database_only_makes_the_rater_wait(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    locker = sqlite3.connect(
        rater.study.folder / DATABASE_FILE, isolation_level=None, check_same_thread=False
    )
    locker.execute("BEGIN IMMEDIATE")
    threading.Timer(3, lambda: locker.execute("ROLLBACK")).start()
    rater.rate(4, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 4)]
    locker.close()


@pytest.fixture
def own_server(serve, made_once, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(made_once, folder)
    return serve(folder)


def test_a_server_killed_in_the_middle_of_voting_loses_and_doubles_nothing(own_server, new_page):
    study = open_study(own_server.folder)
    rater = Rater(new_page(), own_server.url, study, 0)
    rater.resume_at_main()
    rater.rate(4, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.page.keyboard.press("2")
    own_server.kill()
    time.sleep(2)
    own_server.start()
    # The page comes back by itself: either the vote had arrived, or its picture is shown again.
    stage = rater.page.locator('.stage[data-state="ready"]')
    stage.wait_for()
    rater.page.wait_for_timeout(4000)
    stage.wait_for()
    before = rater.votes()
    assert before in ([(FIRST, 4)], [(FIRST, 4), (FIRST + 1, 2)])
    following = FIRST + len(before)
    rater.rate(5, following)
    rater.wait_ready(f"{following + 1}.1")
    assert rater.votes() == [*before, (following, 5)]


def test_a_paused_study_says_so_and_goes_on_where_it_was(own_server, new_page):
    study = open_study(own_server.folder)
    rater = Rater(new_page(), own_server.url, study, 1)
    rater.resume_at_main()
    study.store.set_state("paused")
    rater.page.keyboard.press("3")
    rater.page.get_by_text("paused at the moment").wait_for()
    assert rater.votes() == []
    study.store.set_state("open")
    rater.page.reload()
    rater.rate(3, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 3)]
