"""Pinch zoom, changed colours, leaving the page, phones and other keyboards: handled or no vote,
and recorded with the vote.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST
from test_rating_screen import find_picture

from srbench.imaging import read_image
from srbench.study.manifest import stimulus_path


def test_a_phone_shows_squares_of_device_pixels_and_no_vote_while_two_fingers_zoom(new_rater):
    rater = new_rater(3, size=(390, 844), is_mobile=True, has_touch=True)
    rater.resume_at_main()
    stimulus = rater.playlist()[FIRST].stimulus
    picture = read_image(stimulus_path(rater.study.folder, stimulus)).repeat(2, 0).repeat(2, 1)
    assert find_picture(rater.screenshot(), picture) is not None
    devtools = rater.page.context.new_cdp_session(rater.page)
    devtools.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 2})
    rater.see("zoomed in with two fingers")
    assert not rater.page.locator("canvas").is_visible()
    rater.page.keyboard.press("3")
    devtools.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1})
    rater.wait_ready(f"{FIRST}.1")
    rater.page.get_by_role("button", name="4 Good").tap()
    rater.wait_ready(f"{FIRST + 1}.1")
    [row] = rater.rows()
    assert (row["score"], row["pinch"], row["drawn_width"]) == (4, 1.0, picture.shape[1])


def test_colours_that_are_changed_stop_the_vote_and_those_of_the_system_do_not_reach_it(new_rater):
    rater = new_rater(size=(1000, 600))
    rater.resume_at_main()
    page = rater.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setAutoDarkModeOverride", {"enabled": True})
    page.emulate_media(forced_colors="active", color_scheme="dark")
    page.wait_for_timeout(300)
    picture = read_image(stimulus_path(rater.study.folder, rater.playlist()[FIRST].stimulus))
    screen = rater.screenshot()
    assert find_picture(screen, picture) is not None
    assert np.unique(screen[300, :100]).tolist() == [128]
    rater.rate(2, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    page.evaluate("document.documentElement.style.filter = 'invert(1)'")
    page.keyboard.press("3")
    rater.see("Something changes the colours of this page")
    page.locator(".card .go").click()  # nothing was switched off
    rater.see("Something changes the colours of this page")
    page.evaluate("document.documentElement.style.filter = ''")
    page.locator(".card .go").click()
    rater.rate(4, FIRST + 1)
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 2), (FIRST + 1, 4)]
    assert all(row["forced_colors"] for row in rater.rows())


def test_a_page_that_was_left_is_timed_anew_and_keys_count_by_their_place(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    page = rater.page
    # The click that brings the page back is no vote.
    page.evaluate(
        """() => {
          for (const name of ['blur', 'focus', 'blur', 'focus'])
            window.dispatchEvent(new Event(name));
          window.dispatchEvent(new KeyboardEvent('keydown', {key: '5'}));
        }"""
    )
    press = "key => window.dispatchEvent(new KeyboardEvent('keydown', key))"
    keys = [("é", "Digit2"), ("٤", "Digit4"), ("End", "Numpad1"), ("5", "Digit5")]
    for trial, (key, code) in enumerate(keys, start=FIRST):
        rater.wait_ready(f"{trial}.1")
        page.evaluate(press, {"key": key, "code": code})
    rater.wait_ready(f"{FIRST + 4}.1")
    assert [score for _, score in rater.votes()] == [2, 4, 1, 5]
    assert [row["focus_lost"] for row in rater.rows()] == [2, 0, 0, 0]
