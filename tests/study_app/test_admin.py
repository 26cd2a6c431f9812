"""The researcher's page: password, contents and actions."""

from __future__ import annotations

import csv
import io
import re
import shutil
from dataclasses import replace

import pytest
from study_servers import strolling_clock

pytest.importorskip("playwright", reason="needs playwright")

from driver import PASSWORD, Rater

from srbench.study.keys import hash_password, read_codes
from srbench.study.making import new_study
from srbench.study.simulate import simulate
from srbench.study.status import study_status
from srbench.study.store import open_study, utc_now
from study_app.admin import _planned_votes, _sentence

EVIL = "<img src=x onerror='window.pwned=1'><script>window.pwned=1</script>=1+1"


def sign_in(page, url):
    page.goto(f"{url}/admin")
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("The study is").wait_for()


def download(page, name):
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name).click()
    return waiting.value.path().read_text("utf-8")


def test_without_a_password_in_the_environment_the_page_is_off(serve, folder, new_page):
    server = serve(folder)
    page = new_page()
    page.goto(f"{server.url}/admin")
    page.get_by_text("This page is off").wait_for()
    assert page.locator("input").count() == 0
    server.kill()


def test_only_the_password_opens_it_and_only_for_this_visitor(server, new_page):
    page = new_page()
    page.goto(f"{server.url}/admin")
    page.locator("input[type=password]").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Wrong password").wait_for()
    assert page.get_by_text("Export").count() == 0
    page.wait_for_timeout(1100)  # a wrong password shuts the page to everybody for a second
    sign_in(page, server.url)
    other = new_page()
    other.goto(f"{server.url}/admin")
    other.locator("input[type=password]").wait_for()
    assert other.get_by_text("Export").count() == 0


def test_it_counts_towards_the_raters_that_were_planned(made_once, tmp_path):
    root = made_once.parent
    made = new_study(
        root / "results", tmp_path / "shared-out", calibration="Practice",
        data_root=root / "data", raters=9, per_rater=6, retests=0,
    )  # fmt: skip
    fewest = made.votes_per_stimulus[0]
    assert fewest < 9

    def said(study):
        status = study_status(study.store, utc_now())
        return _sentence(study, status, _planned_votes(study))

    study = open_study(made.folder)
    assert said(study).endswith(f"has 0 of {fewest} votes; 9 more raters needed.")
    before = replace(study, manifest=study.manifest.model_copy(update={"planned": None}))
    assert "does not record how many raters were planned" in said(before)
    study.store.close()


@pytest.fixture(scope="module")
def visited(serve, made_once, tmp_path_factory):
    """A study that nobody has rated, its address; to be left open."""
    folder = tmp_path_factory.mktemp("visited") / "study"
    shutil.copytree(made_once, folder)
    server = serve(folder, SRBENCH_ADMIN_PASSWORD_HASH=hash_password(PASSWORD))
    study = open_study(folder, clock=strolling_clock())
    yield study, server.url
    study.store.close()
    server.kill()


def test_it_counts_people_shows_no_results_unasked_and_exports(visited, new_page):
    study, url = visited
    simulate(study.store, 3, seed=1)
    page = new_page()
    sign_in(page, url)
    page.get_by_text("each stimulus has 0 of 60 votes; 60 more raters needed").wait_for()
    page.get_by_text("Simulated raters, not counted above: 3").wait_for()
    page.get_by_text("Show anyway").wait_for()
    assert page.get_by_text("Of simulated raters").count() == 0
    page.get_by_text("Show anyway").click()
    page.get_by_text("Of simulated raters").wait_for()
    assert page.get_by_text("Of people", exact=True).count() == 0
    rows = list(csv.DictReader(io.StringIO(download(page, "Download the ratings table"))))
    assert len(rows) == 3 * 16
    assert {row["simulated"] for row in rows} == {"true"}
    page.get_by_role("heading", name="Payment and use").wait_for()
    decided = list(csv.DictReader(io.StringIO(download(page, "Download payment and use"))))
    assert [row["paid"] for row in decided] == ["true"] * 3
    assert all(len(row["completion_code"]) == 8 for row in decided)


def test_it_pauses_closes_opens_and_invites(visited, new_page):
    study, url = visited
    page = new_page()
    sign_in(page, url)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("The study is paused").wait_for()
    assert study.store.state() == "paused"
    page.get_by_role("button", name="Open again").click()
    page.get_by_text("The study is open").wait_for()
    before = read_codes(study.folder)
    page.get_by_role("button", name="Access codes").click()
    page.get_by_label("How many").fill("2")
    page.get_by_role("button", name="Make codes").click()
    page.get_by_text("each is for one rater").wait_for()
    new = read_codes(study.folder)[len(before) :]
    assert len(new) == 2
    study.store.enter(code=new[1])  # it is known
    page.keyboard.press("Escape")
    # Not exactly "Close": early versions of Streamlit read the arrow's name out too.
    page.get_by_role("button", name=re.compile("^Close(?! the)")).click()
    page.get_by_role("button", name="Close the study").click()
    page.get_by_text("The study is closed").wait_for()
    assert study.store.state() == "closed"
    study.store.set_state("open")


def test_html_and_formulas_in_answers_are_inert(serve, made_once, tmp_path, new_page):
    texts = tmp_path / "texts.toml"
    texts.write_text('[[questions]]\nid = "city"\nlabel.en = "Where do you live?"\n')
    root = made_once.parent
    made = new_study(
        root / "results", tmp_path / "asking", calibration="Practice", data_root=root / "data",
        raters=1, title="<b>Evil</b>", texts=texts,
    )  # fmt: skip
    server = serve(made.folder, SRBENCH_ADMIN_PASSWORD_HASH=hash_password(PASSWORD))
    study = open_study(made.folder, clock=strolling_clock())
    rater = Rater(new_page(), server.url, study, 0)
    rater.enter()
    rater.press_button("I have read this")
    rater.page.get_by_label("Where do you live?").fill(EVIL)
    rater.press_button("Continue")
    rater.see("Checking your screen")
    page = new_page()
    sign_in(page, server.url)
    rows = list(csv.DictReader(io.StringIO(download(page, "Download raters and answers"))))
    assert [row["city"] for row in rows] == [EVIL]
    for there in (page, rater.page):
        assert there.evaluate("window.pwned") is None
    server.kill()
