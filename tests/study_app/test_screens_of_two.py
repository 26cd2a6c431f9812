"""Pairs and degradation in a real Chromium: exact pixels, both modes, keyboard, mouse and touch."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from study_servers import ROOT, strolling_clock

pytest.importorskip("playwright", reason="needs playwright")

from driver import PASSWORD, Rater
from test_admin import sign_in
from test_rating_screen import find_picture

from srbench.imaging import read_image
from srbench.study.keys import hash_password
from srbench.study.making import new_study
from srbench.study.manifest import stimulus_path
from srbench.study.ratings import ratings_rows
from srbench.study.session import OPENING_STEPS
from srbench.study.simulate import perfect_submission
from srbench.study.store import open_study


@pytest.fixture(scope="module")
def asked(serve, made_once, tmp_path_factory):
    """Makes and serves a study of a procedure and a mode."""
    root, opened = made_once.parent, []

    def make(name, mode, **options):
        out = tmp_path_factory.mktemp(name) / "study"
        new_study(
            root / "results", out, calibration="Practice", data_root=root / "data", raters=30,
            retests=0, procedure_name=name, mode=mode, **options,
        )  # fmt: skip
        opened.append(open_study(out, clock=strolling_clock()))
        return serve(out, SRBENCH_ADMIN_PASSWORD_HASH=hash_password(PASSWORD)), opened[-1]

    yield make
    for study in opened:
        study.store.close()


@pytest.fixture(scope="module")
def pairs(asked):
    return asked("pair", "side", no_difference=True, pairs="hr")


@pytest.fixture(scope="module")
def degraded(asked):
    return asked("dcr", "place")


@pytest.fixture
def rater_of(new_page, next_code):
    """A rater of a served study who has done everything before the first trial, or all practice."""

    def make(served, practised=True, ratio=1, size=(1001, 601), **options):
        server, study = served
        rater = Rater(new_page(ratio, size, **options), server.url, study, next(next_code) % 30)
        session, rater.token = study.store.enter(code=rater.code)
        for step in OPENING_STEPS:
            study.store.confirm(session, step)
        if practised:
            for trial in study.store.playlist(session):
                if trial.phase == "training":
                    right = perfect_submission(study.manifest, trial, trial.expected, 900)
                    assert study.store.vote(session, right).verdict == "accepted"
            study.store.confirm(session, "block-1")
        rater.page.goto(f"{server.url}/?r={rater.token}")
        return rater

    return make


def pictures(rater, number):
    folder = rater.study.folder
    return [read_image(stimulus_path(folder, s)) for s in rater.playlist()[number].stimuli]


def rows(rater):
    return [r for r in ratings_rows(rater.study.store) if r["rater"] == rater.session.rater]


@pytest.mark.parametrize("ratio", [1, 1.25, 1.5, 2])
def test_both_pictures_equal_their_png_in_every_pixel(pairs, degraded, rater_of, ratio):
    rater = rater_of(pairs, ratio=ratio)
    first = rater.page.locator(".stage")
    rater.wait_ready()
    number = int(first.get_attribute("data-trial").split(".")[0])
    screen = rater.screenshot()
    left, right = pictures(rater, number)
    (top, x), (other_top, other_x) = find_picture(screen, left), find_picture(screen, right)
    assert top == other_top
    gap = screen[top : top + left.shape[0], x + left.shape[1] : other_x]
    assert 16 <= gap.shape[1] < 22
    assert (gap == 128).all()
    assert abs(x + other_x + left.shape[1] - screen.shape[1]) < 8  # in the middle

    rater = rater_of(degraded, ratio=ratio)
    rater.page.locator('.stage[data-standing="true"]').wait_for()
    number = int(rater.page.locator(".stage").get_attribute("data-trial").split(".")[0])
    original, version = pictures(rater, number)
    place = find_picture(rater.screenshot(), original)
    assert place is not None
    rater.page.keyboard.press("Space")
    screen = rater.screenshot()
    assert find_picture(screen, version) == place
    outside = screen.copy()
    outside[place[0] : place[0] + version.shape[0], place[1] : place[1] + version.shape[1]] = 128
    sides = outside[place[0] : place[0] + version.shape[0]]
    assert (sides == 128).all()


def test_pairs_by_keyboard_mouse_and_touch_with_undo_resume_and_a_second_tab(pairs, rater_of):
    rater = rater_of(pairs, practised=False, has_touch=True)
    page, playlist = rater.page, rater.playlist()
    first = sum(trial.phase == "training" for trial in playlist)
    for trial in playlist[:first]:
        rater.wait_ready(f"{trial.number}.1")
        page.keyboard.press("ArrowLeft")
        side = {1: "left", 2: "right"}[trial.expected]
        rater.see(f"The {side} picture was an original. Most people prefer it.")
        assert page.locator("canvas").count() == 2
        page.keyboard.press("Enter")
    rater.press_button("Start")
    rater.wait_ready(f"{first}.1")
    # What a screen reader hears.
    assert page.get_by_role("img", name="Left").count() == 1
    assert page.get_by_role("group", name="Which of the two looks better?").count() == 1
    heard = page.locator(".said").inner_text() + page.locator(".note").inner_text()
    assert "1 of 12" in heard
    assert "Which of the two looks better?" in heard
    page.keyboard.press("ArrowRight")
    rater.wait_ready(f"{first + 1}.1")
    page.get_by_role("img", name="Left").click()
    rater.wait_ready(f"{first + 2}.1")
    page.get_by_role("button", name="No difference").tap()
    rater.wait_ready(f"{first + 3}.1")
    page.keyboard.press("Backspace")
    rater.wait_ready(f"{first + 2}.2")
    page.reload()
    rater.wait_ready(f"{first + 2}.2")
    second = Rater(page.context.new_page(), rater.url, rater.study, 0)
    second.page.goto(page.url)
    second.wait_ready(f"{first + 2}.2")
    page.get_by_role("img", name="Right").tap()
    rater.wait_ready(f"{first + 3}.1")
    second.page.keyboard.press("ArrowLeft")
    second.see("For these pictures, Right is already stored.")
    second.page.keyboard.press("Enter")
    second.wait_ready(f"{first + 3}.1")
    second.page.close()
    page.keyboard.press("ArrowDown")
    rater.wait_ready(f"{first + 4}.1")
    given = {row["trial"]: row for row in rows(rater)}
    stood = [given[first + n]["first"] for n in range(3)]
    answers = [given[first + n]["answer"] for n in range(4)]
    other = {"a": "b", "b": "a"}
    assert answers == [other[stood[0]], stood[1], other[stood[2]], "same"]
    assert {given[first + n]["toggles"] for n in range(4)} == {0}
    # A window for one picture but not for two is refused.
    page.set_viewport_size({"width": 300, "height": 600})
    rater.see("too small")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    assert len(rows(rater)) == first + 4


def test_in_one_place_both_pictures_must_be_seen_and_the_original_is_told_as_such(
    degraded, rater_of
):
    rater = rater_of(degraded, has_touch=True)
    page, playlist = rater.page, rater.playlist()
    first = sum(trial.phase == "training" for trial in playlist)
    page.locator(f'.stage[data-standing="true"][data-trial="{first}.1"]').wait_for()
    original, version = (page.locator(".names button").nth(n) for n in range(2))
    assert original.inner_text() == "Original"
    assert original.get_attribute("aria-pressed") == "true"
    told = page.get_by_text("Please look at both pictures first.")
    for _ in range(600):  # keys are passed over until the minimum time is over
        if not told.is_visible():
            page.keyboard.press("4")
            page.wait_for_timeout(100)
    told.wait_for()
    page.keyboard.press("Space")
    rater.wait_ready(f"{first}.1")
    assert version.get_attribute("aria-pressed") == "true"
    assert page.get_by_role("img", name="Version").count() == 1
    assert page.get_by_role("img", name="Original").count() == 0
    page.keyboard.press("4")
    # By touch alone: the picture itself changes, then a button.
    page.locator(f'.stage[data-standing="true"][data-trial="{first + 1}.1"]').wait_for()
    page.get_by_role("img", name="Original").tap()
    page.get_by_role("img", name="Version").tap()
    rater.wait_ready(f"{first + 1}.1")
    assert original.get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="2 Annoying").tap()
    # By mouse alone: the names change it.
    page.locator(f'.stage[data-standing="true"][data-trial="{first + 2}.1"]').wait_for()
    version.click()
    rater.wait_ready(f"{first + 2}.1")
    page.get_by_role("button", name="5 Imperceptible").click()
    page.locator(f'.stage[data-standing="true"][data-trial="{first + 3}.1"]').wait_for()
    given = {row["trial"]: row for row in rows(rater)}
    three = [given[first + n] for n in range(3)]
    assert [row["score"] for row in three] == [4, 2, 5]
    assert [row["toggles"] for row in three] == [1, 2, 1]
    assert all(0 < row["second_ms"] < row["response_ms"] for row in three)
    assert np.all([row["method"] != "HR" for row in three])


def test_simulated_raters_answer_pairs_and_degradation_through_the_browser(
    asked, degraded, new_page
):
    served = [degraded, asked("pair", "place")]
    running = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "srbench", "study", "simulate", str(study.folder)),
                *("--raters", "1", "--careless", "1", "--seed", "7", "--through", server.url),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for server, study in served
    ]  # fmt: skip
    for (server, study), process, votes in zip(served, running, (12, 6), strict=True):
        said, complaint = process.communicate(timeout=200)
        assert process.returncode == 0, complaint
        assert f"{votes} votes, all marked as simulated" in said
        found = [row for row in ratings_rows(study.store) if row["rater"] == "sim-7-001"]
        assert len(found) == votes
        assert {row["toggles"] for row in found} == {1}
        assert all(0 < row["second_ms"] < row["response_ms"] for row in found)
        page = new_page()
        sign_in(page, server.url)
        what = "pair" if study.manifest.pairs else "stimulus"
        page.get_by_text(f"Votes for each {what}", exact=True).wait_for()
        page.get_by_text("Show anyway").click()
        page.get_by_text("Of simulated raters", exact=True).wait_for()
