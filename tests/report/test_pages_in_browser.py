"""report.html in Chromium: read, sorted, chosen from, compared and printed."""

from __future__ import annotations

import pytest
from pages import WIDTHS, opened, printed_pages, require_keyboard, require_readable

from srbench.report import short_table_text

pytestmark = pytest.mark.slow


def test_the_report_is_readable_at_every_width_in_light_and_dark(browser, reported_folder):
    path = reported_folder / "report.html"
    for i, width in enumerate(WIDTHS):
        with opened(browser, path, width, color_scheme=("light", "dark")[i % 2]) as page:
            require_readable(page)


def test_the_first_screen_of_a_laptop_answers_and_the_keyboard_goes_everywhere(
    browser, reported_folder
):
    with opened(browser, reported_folder / "report.html", 1366) as page:
        leads = page.locator(".leads")
        assert leads.bounding_box()["y"] + leads.bounding_box()["height"] < 600
        assert "ahead of" in leads.inner_text()
        require_keyboard(page)


def test_a_report_prints_on_few_pages_without_what_is_folded(browser, reported_folder):
    with opened(browser, reported_folder / "report.html", 1366) as page:
        assert printed_pages(page) <= 6
        page.emulate_media(media="print")
        folded = page.locator("details:not([open]) > summary")
        assert folded.count() >= 3
        told = folded.first.evaluate("e => getComputedStyle(e, '::after').content")
        assert "not printed" in told
        assert not page.locator("#made table").is_visible()  # hashes
        assert not page.locator("#compare").is_visible()


def test_the_numbers_need_no_script(browser, reported_folder):
    path = reported_folder / "report.html"
    with opened(browser, path, 1366, java_script_enabled=False) as page:
        assert "ahead of" in page.locator(".leads").inner_text()
        assert page.locator(".short tbody td.number").count() >= 9
        assert not page.locator(".choose").is_visible()
        assert "needs JavaScript" in page.locator("#compare noscript").inner_text()


def test_tables_sort_by_mouse_and_keyboard_with_the_missing_last(browser, reported_folder):
    with opened(browser, reported_folder / "report.html", 390) as page:
        page.locator("#scores details summary").click()
        table = page.locator("#scores details table")
        heads = table.locator("thead tr:last-child th")
        column = [h.strip() for h in heads.all_inner_texts()].index("PSNR ↑")
        head = heads.nth(column)

        def read():
            return table.locator(f"tbody td:nth-child({column + 1})").all_inner_texts()

        before = read()
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        numbers = sorted((v for v in before if v != "—"), key=float)
        assert read() == [*numbers, "—", "—"]
        head.get_by_role("button").press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert read() == [*numbers[::-1], "—", "—"]
        head.get_by_role("button").press("Enter")
        assert read() == before


def test_the_short_table_shows_what_is_chosen_and_copies_what_the_command_prints(
    browser, reported_folder
):
    with opened(browser, reported_folder / "report.html", 1366) as page:
        choose = page.locator(".choose")
        copied = choose.get_by_label("The copied text")
        table = page.locator(".short table")

        def check(**chosen):
            for form, name in (("tex", "LaTeX"), ("md", "Markdown"), ("csv", "CSV")):
                choose.get_by_role("button", name=f"Copy {name}").click()
                assert copied.input_value() == short_table_text(reported_folder, form, **chosen)

        untouched = table.inner_text()
        check()
        choose.get_by_label("Ledig 2017").check()
        choose.get_by_label("nearest").uncheck()
        choose.get_by_label("SSIM").uncheck()
        check(protocol="ledig2017", methods=["bicubic", "srgan-lpips"], metrics=["psnr", "lpips"])
        assert "nearest" not in table.inner_text()
        choose.get_by_label("MATLAB").check()
        choose.get_by_label("nearest").check()
        choose.get_by_label("SSIM").check()
        assert table.inner_text() == untouched


def test_pictures_are_compared_at_exact_pixels_by_mouse_and_keys(browser, reported_folder):
    for name in ("report.html", "images.html"):
        with opened(browser, reported_folder / name, 390, device_scale_factor=2) as page:
            stage = page.locator(".stage")
            scale = "e => e.getBoundingClientRect().width * devicePixelRatio"
            left = page.locator('[data-role="left-image"]')
            right = page.locator('[data-role="right-image"]')
            page.wait_for_function(
                """() => {
                  const wide = document.querySelector('.stage').getBoundingClientRect().width;
                  const own = document.querySelector('.stage img').naturalWidth;
                  return own && wide >= own;
                }"""
            )
            times = stage.evaluate(scale) / left.evaluate("e => e.naturalWidth")
            assert times == pytest.approx(round(times), abs=1e-6)
            assert times >= 2
            page.locator('[data-role="divide"]').fill("30")
            assert right.evaluate("e => e.style.clipPath") == "inset(0px 0px 0px 30%)"
            assert "HR" in page.locator('[data-role="right-scores"]').inner_text()
            before = page.locator('[data-role="left-scores"]').inner_text()
            stage.focus()
            page.keyboard.press("ArrowLeft")
            assert page.locator('[data-role="left-scores"]').inner_text() != before
            page.keyboard.press("ArrowRight")
            assert page.locator('[data-role="left-scores"]').inner_text() == before
            cuts = set()
            for _ in range(2):
                page.keyboard.press("Space")
                cuts.add(right.evaluate("e => e.style.clipPath"))
            assert cuts == {"inset(0px 0px 0px 100%)", "inset(0px 0px 0px 0%)"}
            page.keyboard.press("h")
            page.locator('[data-role="original-image"]').wait_for()
            page.keyboard.press("h")
            page.locator('[data-role="original-image"]').wait_for(state="hidden")
            flicker = page.get_by_role("button", name="Flicker")
            flicker.click()
            assert flicker.get_attribute("aria-pressed") == "true"
            flicker.click()
            assert right.evaluate("e => e.style.clipPath") == "inset(0px 0px 0px 30%)"


def test_a_figure_enlarges_and_escape_closes_it(browser, reported_folder):
    with opened(browser, reported_folder / "report.html", 390) as page:
        page.locator(".enlarge").first.click()
        assert page.locator("dialog").is_visible()
        page.keyboard.press("Escape")
        assert not page.locator("dialog").is_visible()
