"""The rating screen in a real Chromium: exact pixels, one vote for the picture seen."""

from __future__ import annotations

import io
import re
import threading

import numpy as np
import pytest
from driver import go_on, rate, to_main, to_practice, wait_ready
from PIL import Image
from sqlalchemy import func, select

from srbench.imaging import read_image
from srbench.study import schema
from srbench.study.manifest import load_manifest, stimulus_path
from srbench.study.ratings import ratings_rows


def stored(store):
    return [(row["trial"], row["score"]) for row in ratings_rows(store)]


def playlist_of(store):
    with store.read() as connection:
        return connection.execute(
            select(schema.trials).order_by(schema.trials.c.session_id, schema.trials.c.trial)
        ).all()


def screenshot(page):
    return np.asarray(Image.open(io.BytesIO(page.screenshot(scale="device"))).convert("RGB"))


def find_picture(screen, picture):
    """Where the picture stands on the screenshot, exactly; None if it does not."""
    height, width = picture.shape[:2]
    rows, columns = np.where((screen != 128).any(axis=2))
    rows_of_picture = (screen[:, :, :] == picture[0, 0]).all(axis=2)
    for top, left in np.argwhere(rows_of_picture):
        part = screen[top : top + height, left : left + width]
        if part.shape == picture.shape and np.array_equal(part, picture):
            return int(top), int(left)
    return None


@pytest.mark.parametrize("ratio", [1, 1.25, 1.5, 2])
def test_the_screen_equals_the_png_in_every_pixel(server, folder, store, new_page, ratio):
    page = new_page(ratio, size=(1001, 601))
    to_main(page, server)
    trials = [t for t in playlist_of(store) if t.phase == "main"]
    for trial in trials[:3]:
        wait_ready(page, f"{trial.trial}.1")
        picture = read_image(stimulus_path(folder, trial.stimulus))
        screen = screenshot(page)
        place = find_picture(screen, picture)
        assert place is not None
        # Centred to the pixel, on neutral mid-grey.
        assert abs(place[1] - (screen.shape[1] - picture.shape[1]) // 2) <= 1
        top, left = place
        ring = screen[top - 2 : top + picture.shape[0] + 2, left - 2 : left + picture.shape[1] + 2]
        ring = ring.copy()
        ring[2:-2, 2:-2] = 128
        assert (ring == 128).all()
        rate(page, "3")
    rows = [row for row in ratings_rows(store) if row["phase"] == "main"]
    assert [row["stimulus"] for row in rows] == [t.stimulus for t in trials[:3]]
    assert {row["pixel_ratio"] for row in rows} == {ratio}


def test_magnification_repeats_pixels_exactly(serve, tmp_path, made_once, new_page):
    from srbench.study.making import new_study
    from srbench.study.store import open_study

    root = made_once.parent
    made = new_study(
        root / "results", tmp_path / "big", calibration="Practice", data_root=root / "data",
        magnification=2, raters=1,
    )  # fmt: skip
    server = serve(made.folder)
    page = new_page(1.5)
    to_practice(page, server)
    first = playlist_of(open_study(made.folder).store)[0]
    picture = read_image(stimulus_path(made.folder, first.stimulus)).repeat(2, 0).repeat(2, 1)
    assert find_picture(screenshot(page), picture) is not None


@pytest.mark.parametrize("pause", [0, 50, 150, 300, 450, 600])
def test_a_second_key_soon_after_the_first_is_no_vote(server, store, new_page, pause):
    page = new_page()
    to_practice(page, server)
    for _ in range(4):
        rate(page, "3")
    go_on(page, "Start")
    wait_ready(page)
    seen = playlist_of(store)[4].stimulus
    page.evaluate(
        """pause => {
          const press = key => window.dispatchEvent(new KeyboardEvent('keydown', {key}));
          press('2');
          setTimeout(() => press('5'), pause);
        }""",
        pause,
    )
    wait_ready(page, "5.1")
    page.wait_for_timeout(800)
    rows = [row for row in ratings_rows(store) if row["phase"] == "main"]
    assert [(row["stimulus"], row["score"]) for row in rows] == [(seen, 2)]


def test_a_held_key_and_a_double_click_are_one_vote(server, store, new_page):
    page = new_page()
    to_main(page, server)
    page.evaluate(
        """() => {
          const press = repeat =>
            window.dispatchEvent(new KeyboardEvent('keydown', {key: '4', repeat}));
          press(false);
          for (let i = 1; i < 60; i++) setTimeout(() => press(true), 30 * i);
        }"""
    )
    wait_ready(page, "5.1")
    page.wait_for_timeout(1900)
    assert [v for v in stored(store) if v[0] >= 4] == [(4, 4)]
    page.get_by_role("button", name="2 Poor").dblclick()
    wait_ready(page, "6.1")
    page.wait_for_timeout(700)
    assert [v for v in stored(store) if v[0] >= 4] == [(4, 4), (5, 2)]


def test_keys_do_nothing_until_the_picture_stands(server, store, new_page):
    page = new_page()
    to_main(page, server)
    held = threading.Event()
    page.context.route("**/media/**", lambda route: (held.wait(2), route.continue_()))
    for _ in range(2):  # the next picture is decoded already; the one after it is held up
        page.keyboard.press("3")
        page.wait_for_timeout(900)
    page.locator('.stage[data-state="loading"]').wait_for(timeout=3000)
    for key in "12345":
        page.keyboard.press(key)
    held.set()
    wait_ready(page)
    count = len(stored(store))
    page.wait_for_timeout(500)
    assert len(stored(store)) == count == 6


def test_undo_takes_one_vote_back_by_key_and_button(server, store, new_page):
    page = new_page()
    to_main(page, server)
    assert page.get_by_role("button", name="Undo").count() == 0
    rate(page, "1")
    wait_ready(page, "5.1")
    page.keyboard.press("Backspace")
    wait_ready(page, "4.2")
    assert page.get_by_role("button", name="Undo").count() == 0
    page.keyboard.press("Backspace")
    rate(page, "5")
    wait_ready(page, "5.1")
    page.get_by_role("button", name="Undo").click()
    wait_ready(page, "4.3")
    rate(page, "2")
    wait_ready(page, "5.1")
    assert [v for v in stored(store) if v[0] >= 4] == [(4, 2)]
    with store.read() as connection:
        votes = connection.execute(
            select(func.count()).where(schema.votes.c.trial == 4)
        ).scalar_one()
    assert votes == 3


def test_a_window_too_small_is_refused_before_and_during_rating(server, store, new_page):
    page = new_page(size=(800, 190))
    from driver import enter

    from srbench.study.keys import read_codes

    enter(page, server, read_codes(server.folder)[0])
    go_on(page, "I have read this")
    go_on(page, "Go on")
    page.get_by_text("too small for the pictures").wait_for()
    check = page.locator(".check .go")
    assert check.is_disabled()
    page.set_viewport_size({"width": 800, "height": 600})
    page.get_by_text("large enough").wait_for()
    check.click()
    go_on(page, "Start practice")
    wait_ready(page)
    page.set_viewport_size({"width": 800, "height": 190})
    page.get_by_text("too small for this picture").wait_for()
    page.keyboard.press("3")
    page.wait_for_timeout(500)
    assert stored(store) == []
    assert not page.locator("canvas").is_visible()
    page.set_viewport_size({"width": 800, "height": 600})
    wait_ready(page)
    rate(page, "3")
    assert len(stored(store)) == 1


def test_a_zoom_change_stops_the_vote_until_it_is_set_back_or_accepted(server, store, new_page):
    page = new_page()
    to_main(page, server)
    devtools = page.context.new_cdp_session(page)

    def zoom(ratio):
        devtools.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1280, "height": 720, "deviceScaleFactor": ratio, "mobile": False},
        )
        page.evaluate("window.dispatchEvent(new Event('resize'))")

    zoom(1.25)
    page.get_by_text("zoom or the screen has changed").wait_for()
    page.keyboard.press("3")
    page.wait_for_timeout(400)
    assert len(stored(store)) == 4
    zoom(1)
    wait_ready(page, "4.1")
    zoom(1.25)
    page.locator(".card .go").click()
    wait_ready(page, "4.1")
    rate(page, "3")
    wait_ready(page, "5.1")
    assert ratings_rows(store)[-1]["pixel_ratio"] == 1.25


def test_the_page_gives_no_clue_to_method_content_or_data_set(server, folder, new_page):
    page = new_page()
    seen = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda p: seen.append(str(p))))
    to_main(page, server)
    html = page.evaluate(
        """() => {
          const all = root => root.innerHTML + [...root.querySelectorAll('*')]
            .filter(e => e.shadowRoot).map(e => all(e.shadowRoot)).join('');
          return all(document.documentElement);
        }"""
    )
    manifest = load_manifest(folder)
    words = {w for s in manifest.stimuli for w in (s.method, s.dataset, s.image)} - {"HR"}
    told = html + "\n".join(seen)
    assert len(seen) > 20
    for word in words:
        assert not re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", told, re.IGNORECASE), word
    assert "images/" not in told
    assert not re.search(r"\bHR\b", told)


def test_the_keyboard_alone_is_enough(server, store, new_page):
    page = new_page()
    to_practice(page, server)
    page.keyboard.press("3")
    page.locator('.stage[data-state="feedback"]').wait_for()
    page.keyboard.press("Enter")
    wait_ready(page, "1.1")
    assert page.get_by_role("group", name="How good is the quality").count() == 1
    assert page.get_by_role("img", name="Picture to be rated").count() == 1
    for _ in range(3):
        page.keyboard.press("Tab")
    focused = page.evaluate(
        """() => { let e = document.activeElement;
          while (e && e.shadowRoot) e = e.shadowRoot.activeElement; return e?.className + e?.dataset.score; }"""
    )
    assert focused
    assert len(stored(store)) == 1


def test_practice_tells_the_right_grade_after_the_vote_only(server, store, new_page):
    page = new_page()
    to_practice(page, server)
    first = playlist_of(store)[0]
    assert page.get_by_text("most people give it").count() == 0
    page.keyboard.press("3")
    page.get_by_text(f"most people give it {first.expected}").wait_for()


def test_korean_is_spoken_to_those_who_choose_it(server, new_page):
    page = new_page(locale="ko-KR")
    page.goto(server.url)
    page.get_by_role("heading", name="환영합니다").wait_for()
    page.get_by_text("English").click()
    page.get_by_role("heading", name="Welcome").wait_for()


@pytest.mark.parametrize("size", [(1366, 641), (3840, 2160)])
def test_nothing_overlaps_on_a_laptop_and_a_large_screen(server, new_page, size):
    page = new_page(size=size)
    to_main(page, server)
    boxes = {
        name: page.locator(f".stage {name}").first.bounding_box()
        for name in (".where", "canvas", ".grades")
    }
    assert boxes[".where"]["y"] + boxes[".where"]["height"] <= boxes["canvas"]["y"]
    assert boxes["canvas"]["y"] + boxes["canvas"]["height"] <= boxes[".grades"]["y"]
    widths = {round(b.bounding_box()["width"]) for b in page.locator(".grades button").all()}
    assert max(widths) - min(widths) <= 1
    assert boxes[".grades"]["y"] + boxes[".grades"]["height"] <= size[1]
