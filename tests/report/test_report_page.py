"""report.html: self-contained, escaped, repeatable, and working in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from srbench.errors import ImageError, ResultsError
from srbench.report import write_report
from srbench.report.benchmark.headline import headline
from srbench.report.benchmark.results import read_results

HOSTILE = "<img src=x onerror=alert(1)> & \"q\" 'a' </script> $x_1$ {{ 7*7 }}"


class Reader(HTMLParser):
    """Collects tags, their attributes, and what opens and never closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def page_of(folder) -> str:
    write_report(folder)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_everything_of_the_contract_is_written(make_folder):
    folder = make_folder(run={"versions": {"srbench": "0.1.0"}})
    paths = write_report(folder)
    names = {p.relative_to(folder).as_posix() for p in paths}
    for stem in ("summary", "table1", "table2", "significance"):
        assert {f"tables/{stem}.{kind}" for kind in ("csv", "md", "tex")} <= names
    for stem in ("plane_x4", "distributions_Photos_x4", "speed_cpu_x4", "crops_Photos_x4_coffee"):
        assert {f"figures/{stem}.{kind}" for kind in ("png", "pdf")} <= names
    assert "report.html" in names
    assert all(p.is_file() for p in paths)
    assert not list(folder.rglob("*.tmp"))


@pytest.mark.slow
def test_the_same_folder_gives_the_same_bytes(make_folder):
    folder = make_folder()
    first = {p: p.read_bytes() for p in write_report(folder)}
    assert {p: p.read_bytes() for p in write_report(folder)} == first


@pytest.mark.slow
def test_figures_of_an_earlier_report_go_and_other_files_stay(make_folder):
    folder = make_folder()
    (folder / "figures").mkdir()
    stale, own = folder / "figures" / "crops_Old_x4_a.png", folder / "figures" / "mine.png"
    for path in (stale, own):
        path.write_bytes(b"")
    write_report(folder)
    assert not stale.exists()
    assert own.exists()


def test_the_page_asks_the_network_for_nothing(reported_folder):
    html = (reported_folder / "report.html").read_text(encoding="utf-8")
    reader = Reader(html)
    for tag, attributes in reader.tags:
        assert tag not in ("iframe", "object", "embed", "base")
        for name in ("src", "href", "srcset", "poster", "data", "action"):
            value = attributes.get(name)
            assert not value or value.startswith(("data:", "#")), (tag, name, value)
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"@import|url\(", html)
    assert "default-src 'none'" in html
    assert len(html.encode()) < 15_000_000


def test_the_page_is_well_formed(reported_folder):
    reader = Reader((reported_folder / "report.html").read_text(encoding="utf-8"))
    assert (reader.wrong, reader.open) == ([], [])
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all("alt" in a for t, a in reader.tags if t == "img")


def test_hostile_names_are_text(make_folder):
    missing = {"method": HOSTILE + "2", "dataset": None, "reason": HOSTILE, "command": HOSTILE}
    run = {"methods": {"x4": {HOSTILE: {HOSTILE: HOSTILE}}}, "missing": [missing]}
    folder = make_folder(rename={"bicubic": HOSTILE, "nearest": "a<b>"}, run=run)
    html = page_of(folder)
    assert "<img src=x" not in html
    assert "49" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", html.split("</main>")[0])[:3000]
    assert "&lt;img src=x" in html
    assert "a&lt;b&gt;" in html
    reader = Reader(html)
    assert (reader.wrong, reader.open) == ([], [])
    data = re.search(r'id="viewer-data">(.*?)</script>', html, re.DOTALL)
    assert data
    names = {layer["name"] for view in json.loads(data[1]) for layer in view["layers"]}
    assert "a<b>" in names


def test_the_first_sentence_says_who_leads(make_folder):
    text = headline(read_results(make_folder()))
    assert text.startswith("Of 3 methods on 2 images at ×4, in PSNR (MATLAB) SRGAN-LPIPS leads on")
    assert "SRGAN-LPIPS (trained on this metric) leads on" in text
    assert text.endswith(".")


def test_one_method_alone_is_no_ranking(make_folder):
    folder = make_folder(methods=("bicubic",))
    text = headline(read_results(folder))
    assert text.startswith("bicubic alone was measured, on 2 images at ×4: PSNR ")
    assert "No tests: a comparison needs two methods" in page_of(folder)


def test_one_image_gives_a_whole_report(make_folder):
    html = page_of(make_folder(images=("coffee",)))
    assert "one image has no interval" in html
    assert "with 1 image the smallest possible p is 1.0000" in html


def test_without_images_the_page_has_no_viewer(make_folder):
    html = page_of(make_folder(pictures=False))
    assert 'id="viewer-data"' not in html
    assert "<h2>Scores</h2>" in html


def test_a_damaged_image_is_named(make_folder):
    folder = make_folder()
    path = folder / "images" / "Photos" / "x4" / "bicubic" / "coffee.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageError, match=r"coffee\.png"):
        write_report(folder)


def test_a_folder_without_scores_says_what_to_do(tmp_path):
    with pytest.raises(ResultsError, match="srbench run-all"):
        write_report(tmp_path)


def test_importing_the_room_imports_nothing_heavy():
    code = (
        "import sys, srbench.report, srbench.report.kit.style; "
        "heavy = {'torch', 'matplotlib', 'scipy', 'pandas', 'jinja2'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    arguments = [
        "--force-color-profile=srgb", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync",
    ]  # fmt: skip
    with api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=chromium, args=arguments)
        yield found
        found.close()


@pytest.fixture
def opened(browser, reported_folder):
    """The page in a browser of a phone's width and twofold pixels; it must run without a fault."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    context.set_default_timeout(120_000)  # a busy machine is no fault of the page
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto((reported_folder / "report.html").as_uri())
    yield page
    context.close()
    assert faults == []


def test_tables_sort_by_mouse_and_keyboard_with_the_missing_last(opened):
    heads = opened.locator("#summary thead tr:last-child th")
    column = [h.strip() for h in heads.all_inner_texts()].index("PSNR ↑")
    head = heads.nth(column)

    def read():
        return opened.locator(f"#summary tbody td:nth-child({column + 1})").all_inner_texts()

    before = read()
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    rising = read()
    numbers = sorted((v for v in before if v != "—"), key=float)
    assert rising == [*numbers, "—", "—"]
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert read() == [*numbers[::-1], "—", "—"]
    head.get_by_role("button").press("Enter")
    assert read() == before


def test_the_page_fits_a_phone(opened):
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_viewer_divides_at_exact_pixels_flickers_and_switches(opened):
    stage = opened.locator(".stage")
    width = stage.evaluate("e => e.getBoundingClientRect().width * devicePixelRatio")
    natural = opened.locator(".stage img").first.evaluate("e => e.naturalWidth")
    assert width / natural == pytest.approx(round(width / natural), abs=1e-6)
    right = opened.locator('[data-role="right-image"]')
    opened.locator('[data-role="divide"]').fill("30")
    assert right.evaluate("e => e.style.clipPath") == "inset(0px 0px 0px 30%)"
    opened.get_by_role("button", name="Switch side").click()
    first = right.evaluate("e => e.style.clipPath")
    opened.get_by_role("button", name="Switch side").click()
    second = right.evaluate("e => e.style.clipPath")
    assert {first, second} == {"inset(0px 0px 0px 100%)", "inset(0px 0px 0px 0%)"}
    flicker = opened.get_by_role("button", name="Flicker")
    flicker.click()
    assert flicker.get_attribute("aria-pressed") == "true"
    flicker.click()
    assert right.evaluate("e => e.style.clipPath") == "inset(0px 0px 0px 30%)"
    opened.locator('[data-role="left"]').select_option(label="HR")
    assert "HR" in opened.locator('[data-role="left-scores"]').inner_text()


def test_a_figure_enlarges_and_escape_closes_it(opened):
    opened.locator(".enlarge").first.click()
    assert opened.locator("dialog").is_visible()
    opened.keyboard.press("Escape")
    assert not opened.locator("dialog").is_visible()
