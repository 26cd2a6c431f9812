"""The rating screen in a real Chromium: exact pixels, and one vote per picture."""

from __future__ import annotations

import re
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
from study_servers import strolling_clock

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST, Rater
from sqlalchemy import func, select

from srbench.imaging import read_image
from srbench.study import schema
from srbench.study.making import new_study
from srbench.study.manifest import stimulus_path
from srbench.study.store import open_study
from srbench.study.texts import texts_of

GREY = 128


def find_picture(screen, picture):
    """(top, left) at which a picture stands on the screen, pixel for pixel; else None."""
    height, width = picture.shape[:2]
    for top, left in np.argwhere((screen == picture[0, 0]).all(axis=2)):
        part = screen[top : top + height, left : left + width]
        if part.shape == picture.shape and np.array_equal(part, picture):
            return int(top), int(left)
    return None


@pytest.mark.parametrize("ratio", [1, 1.25, 1.5, 2])
def test_the_screen_equals_the_png_in_every_pixel(new_rater, ratio):
    rater = new_rater(ratio, size=(1001, 601))
    rater.resume_at_main()
    for trial in rater.playlist()[FIRST : FIRST + 2]:
        rater.wait_ready(f"{trial.number}.1")
        picture = read_image(stimulus_path(rater.study.folder, trial.stimulus))
        height, width = picture.shape[:2]
        screen = rater.screenshot()
        place = find_picture(screen, picture)
        assert place is not None
        top, left = place
        assert abs(left - (screen.shape[1] - width) // 2) < 6
        frame = screen[top - 3 : top + height + 3, left - 3 : left + width + 3].copy()
        frame[3:-3, 3:-3] = GREY
        assert (frame == GREY).all()
        rater.rate(3, trial.number)
    rater.wait_ready(f"{FIRST + 2}.1")
    rows = rater.rows()
    assert [r["stimulus"] for r in rows] == [
        t.stimulus for t in rater.playlist()[FIRST : FIRST + 2]
    ]
    assert {row["pixel_ratio"] for row in rows} == {ratio}


def test_magnification_repeats_pixels_exactly(serve, tmp_path, made_once, new_page):
    root = made_once.parent
    made = new_study(
        root / "results", tmp_path / "big", calibration="Practice", data_root=root / "data",
        magnification=2, raters=1,
    )  # fmt: skip
    rater = Rater(
        new_page(1.5), serve(made.folder).url, open_study(made.folder, clock=strolling_clock()), 0
    )
    rater.resume_at_main()
    stimulus = rater.playlist()[FIRST].stimulus
    picture = read_image(stimulus_path(made.folder, stimulus)).repeat(2, 0).repeat(2, 1)
    assert find_picture(rater.screenshot(), picture) is not None


def test_a_second_key_within_600_ms_is_no_vote(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    for trial, pause in enumerate([0, 50, 150, 300, 450, 600], start=FIRST):
        rater.wait_ready(f"{trial}.1")
        rater.page.evaluate(
            """pause => {
              const press = key => window.dispatchEvent(new KeyboardEvent('keydown', {key}));
              press('2');
              setTimeout(() => press('5'), pause);
            }""",
            pause,
        )
    rater.wait_ready(f"{FIRST + 6}.1")
    assert rater.votes() == [(trial, 2) for trial in range(FIRST, FIRST + 6)]
    seen = [trial.stimulus for trial in rater.playlist()[FIRST : FIRST + 6]]
    assert [row["stimulus"] for row in rater.rows()] == seen


def test_a_held_key_and_a_double_click_are_one_vote(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    rater.page.evaluate(
        """() => {
          const press = repeat =>
            window.dispatchEvent(new KeyboardEvent('keydown', {key: '4', repeat}));
          press(false);
          for (let i = 1; i < 60; i++) setTimeout(() => press(true), 30 * i);
        }"""
    )
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.page.wait_for_timeout(1900)
    assert rater.votes() == [(FIRST, 4)]
    rater.page.get_by_role("button", name="2 Poor").dblclick()
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 4), (FIRST + 1, 2)]


def test_keys_do_nothing_until_the_picture_stands(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    held = threading.Event()
    pictures = []

    def hold(route):
        pictures.append(route)
        if held.is_set():
            route.continue_()

    rater.page.route("**/media/**", hold)
    rater.rate(3, FIRST)  # the next picture is decoded already; the one after it is held up
    rater.rate(3, FIRST + 1)
    rater.page.locator(f'.stage[data-state="loading"][data-trial="{FIRST + 2}.1"]').wait_for()
    for key in "12345":
        rater.page.keyboard.press(key)
    held.set()
    for route in pictures:
        route.continue_()
    rater.wait_ready(f"{FIRST + 2}.1")
    assert rater.votes() == [(FIRST, 3), (FIRST + 1, 3)]


def test_a_picture_that_its_address_does_not_give_comes_by_way_of_the_votes(new_rater):
    rater = new_rater()
    rater.page.route("**/media/**", lambda route: route.fulfill(status=404))
    rater.resume_at_main()
    for trial in rater.playlist()[FIRST : FIRST + 3]:
        rater.wait_ready(f"{trial.number}.1")
        picture = read_image(stimulus_path(rater.study.folder, trial.stimulus))
        assert find_picture(rater.screenshot(), picture) is not None
        rater.rate(3, trial.number)
    rater.wait_ready(f"{FIRST + 3}.1")
    assert rater.votes() == [(trial, 3) for trial in range(FIRST, FIRST + 3)]


def test_undo_takes_one_vote_back_by_key_and_by_button(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    undo = rater.page.get_by_role("button", name="Undo")
    assert undo.count() == 0  # practice is over, nothing of it is taken back
    rater.rate(1, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    rater.page.keyboard.press("Backspace")
    rater.wait_ready(f"{FIRST}.2")
    assert undo.count() == 0
    rater.page.keyboard.press("Backspace")
    rater.rate(5, FIRST, 2)
    rater.wait_ready(f"{FIRST + 1}.1")
    undo.click()
    rater.rate(2, FIRST, 3)
    rater.wait_ready(f"{FIRST + 1}.1")
    assert rater.votes() == [(FIRST, 2)]
    with rater.study.store.read() as connection:
        mine = schema.votes.c.session_id == rater.session.id
        votes = select(func.count()).where(mine, schema.votes.c.trial == FIRST)
        assert connection.execute(votes).scalar_one() == 3


def test_the_whole_way_by_hand_with_a_window_that_is_too_small_at_first(new_rater):
    rater = new_rater(size=(800, 190))
    page = rater.page
    rater.enter()
    rater.press_button("I have read this")
    rater.press_button("Continue")
    page.get_by_text("too small for the pictures").wait_for()
    assert page.locator(".check .go").is_disabled()
    page.set_viewport_size({"width": 800, "height": 600})
    page.get_by_text("large enough").wait_for()
    page.locator(".check .go").click()
    rater.press_button("Start practice")
    for number, trial in enumerate(rater.playlist()[:FIRST]):
        rater.wait_ready(f"{number}.1")
        assert page.get_by_text("Most people give it").count() == 0
        page.keyboard.press("3")
        page.get_by_text(f"Most people give it {trial.expected}").wait_for()
        assert page.locator("canvas").is_visible()
        assert page.locator(".stage").get_attribute("data-trial") == f"{number}.1"
        page.keyboard.press("Enter")
    rater.press_button("Start")
    rater.wait_ready(f"{FIRST}.1")
    page.set_viewport_size({"width": 800, "height": 190})
    page.get_by_text("too small for this picture").wait_for()
    assert not page.locator("canvas").is_visible()
    page.keyboard.press("3")
    page.wait_for_timeout(500)
    assert rater.votes() == []
    page.set_viewport_size({"width": 800, "height": 600})
    last = len(rater.playlist())
    for trial in range(FIRST, last):
        rater.rate(1 + trial % 5, trial)
    rater.press_button("Undo the last rating")
    rater.rate(1, last - 1, 2)
    rater.press_button("Finish")
    page.get_by_text("Your completion code").wait_for()
    scores = [1 + trial % 5 for trial in range(FIRST, last - 1)]
    assert rater.votes() == list(enumerate([*scores, 1], start=FIRST))
    page.get_by_text(rater.session.completion_code).wait_for()


def test_a_zoom_change_stops_the_vote_until_it_is_set_back_or_accepted(new_rater):
    rater = new_rater()
    rater.resume_at_main()
    devtools = rater.page.context.new_cdp_session(rater.page)

    def zoom(ratio):
        devtools.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": 1280, "height": 720, "deviceScaleFactor": ratio, "mobile": False},
        )
        rater.page.evaluate("window.dispatchEvent(new Event('resize'))")

    zoom(1.25)
    rater.page.get_by_text("zoom or the screen has changed").wait_for()
    rater.page.keyboard.press("3")
    rater.page.wait_for_timeout(400)
    assert rater.votes() == []
    zoom(1)
    rater.wait_ready(f"{FIRST}.1")
    zoom(1.25)
    rater.page.locator(".card .go").click()
    rater.rate(3, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    assert rater.rows()[-1]["pixel_ratio"] == 1.25


def test_the_page_asks_nobody_else_and_gives_no_clue_to_method_content_or_data_set(new_rater):
    rater = new_rater()
    page, told = rater.page, []
    page.on("request", lambda request: told.append(request.url))
    page.on("websocket", lambda s: s.on("framereceived", lambda f: told.append(str(f))))
    rater.resume_at_main()
    rater.rate(3, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    told.append(
        page.evaluate(
            """() => {
              const all = root => root.innerHTML + [...root.querySelectorAll('*')]
                .filter(e => e.shadowRoot).map(e => all(e.shadowRoot)).join('');
              return all(document.documentElement);
            }"""
        )
    )
    heard = "\n".join(told)
    assert sum("/media/" in line for line in told) >= 2
    asked = {urlsplit(line).hostname for line in told if line.startswith("http")}
    assert asked == {"127.0.0.1"}  # and nobody else
    stimuli = rater.study.manifest.stimuli
    for word in {w for s in stimuli for w in (s.method, s.dataset, s.image)}:
        whole = rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"
        assert not re.search(whole, heard), word


@pytest.mark.parametrize("size", [(1366, 641), (3840, 2160)])
def test_nothing_overlaps_on_a_laptop_and_a_large_screen(new_rater, size):
    rater = new_rater(size=size)
    rater.resume_at_main()
    page = rater.page
    where, canvas, grades = (
        page.locator(f".stage {name}").first.bounding_box()
        for name in (".where", "canvas", ".grades")
    )
    assert where["y"] + where["height"] <= canvas["y"]
    assert canvas["y"] + canvas["height"] <= grades["y"]
    assert grades["y"] + grades["height"] <= size[1]
    widths = [box.bounding_box()["width"] for box in page.locator(".grades button").all()]
    assert max(widths) - min(widths) <= 1
    assert page.get_by_role("group", name="How good is the quality").count() == 1
    assert page.get_by_role("img", name="Picture to be rated").count() == 1


def test_korean_is_spoken_to_those_whose_browser_asks_for_it(new_rater):
    rater = new_rater(locale="ko-KR")
    page, texts = rater.page, texts_of(rater.study.manifest)["ko"]
    page.goto(rater.url)
    page.get_by_role("heading", name=texts["code_title"]).wait_for()
    page.get_by_text("English").click()
    page.get_by_role("heading", name="Welcome").wait_for()
    page.get_by_text("한국어").click()
    page.get_by_label(texts["code_label"]).fill(rater.code)
    rater.press_button(texts["code_enter"])
    for title, button in [
        ("consent_title", "consent_agree"),
        ("questionnaire_title", "go_on"),
        ("display_title", "go_on"),
        ("instructions_title", "instructions_go"),
    ]:
        page.get_by_role("heading", name=texts[title]).wait_for()
        said = page.locator("[data-testid=stMain]").inner_text().replace("English", "")
        for no_word in ("Backspace", "keyboard_arrow_right"):  # a key, and a drawn sign's name
            said = said.replace(no_word, "")
        assert not re.search(r"[A-Za-z]{4,}", said), said
        rater.press_button(texts[button])
    rater.wait_ready("0.1")
    page.get_by_role("button", name=texts["grade_5"]).wait_for()


LONG_TEXTS = """
languages = ["ar"]
[ar]
language = "العربية"
code_title = "مرحبًا"
code_note = "Please enter the code."
go_on = "Weiter zur nächsten Seite"
feedback_low = "Dies war eines der Bilder mit der niedrigsten Qualität; die meisten geben ihm 1."
feedback_high = "Dies war ein Original; die meisten Teilnehmerinnen und Teilnehmer geben ihm 5."
"""


def test_long_texts_and_writing_from_the_right_fit_a_phone(serve, made_once, tmp_path, new_page):
    (tmp_path / "texts.toml").write_text(LONG_TEXTS, encoding="utf-8")
    root = made_once.parent
    made = new_study(
        root / "results", tmp_path / "far", calibration="Practice", data_root=root / "data",
        raters=1, texts=tmp_path / "texts.toml",
    )  # fmt: skip
    page = new_page(2, (360, 740))
    rater = Rater(page, serve(made.folder).url, open_study(made.folder), 0)
    page.goto(rater.url)
    page.get_by_text("Please enter the code.").wait_for()
    # What is not translated keeps its direction.
    page.wait_for_function("""() => {
      const gaps = e => { const r = document.createRange(); r.selectNodeContents(e);
        const box = r.getBoundingClientRect(); return [box.left, innerWidth - box.right]; };
      const [left, right] = gaps(document.querySelector('h1'));
      const code = [...document.querySelectorAll('p')].find(e => e.innerText.startsWith('Please'));
      const [start, end] = gaps(code);
      return right < 30 && 30 < left && start < 30 && 30 < end; }""")
    page.get_by_label("Access code").fill(rater.code)
    rater.press_button("Enter")
    for title, button in [
        ("Image-quality study", "I have read this"),
        ("A few short questions", "Weiter"),
        ("Checking your screen", "Weiter"),
        ("What to do", "Start practice"),
    ]:
        page.get_by_role("heading", name=title).wait_for()
        rater.press_button(button)
    rater.wait_ready("0.1")
    page.keyboard.press("3")
    card = page.locator('.stage[data-state="feedback"] .card')
    card.wait_for()
    outer = card.bounding_box()
    for part in (card.locator("p").first, card.locator(".go")):
        inner = part.bounding_box()
        assert outer["x"] <= inner["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] <= 360
        assert outer["y"] <= inner["y"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] <= 740
