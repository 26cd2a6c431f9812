"""report.html: self-contained, escaped, repeatable, and working in a browser."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest

from srbench.errors import ImageError, ResultsError
from srbench.report import write_report
from srbench.report.benchmark.headline import dataset_leads, headline
from srbench.report.benchmark.page import render_images
from srbench.report.benchmark.results import read_results
from srbench.report.benchmark.short_table import table_data
from srbench.report.benchmark.significance import significance
from srbench.report.benchmark.tables import AGAINST_NOTE, significance_table

COLUMNS = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
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
    assert "images.html" not in names
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
            assert not value or value.startswith(("data:", "#", "images.html")), (tag, name, value)
        assert not any(name.startswith("on") for name in attributes)
    assert not re.search(r"@import|url\(", html)
    assert "default-src 'none'" in html
    assert len(html.encode()) < 10_000_000


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
    label = {"name": "own", "protocol": "x", "label": "<script>1", "better": "lower"}
    scores = (folder / "scores.csv").read_text("utf-8")
    (folder / "scores.csv").write_text(scores.replace("lpips-v0.1,lpips_alex", "x,own"))
    (folder / "run.json").write_text(json.dumps(run | {"metrics": [label]}))
    html = page_of(folder)
    captions = (folder / "figures/captions.md").read_text("utf-8")
    assert "&lt;script&gt;1" in captions
    assert "<" not in captions
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


def test_the_heading_says_who_leads_by_how_much_and_whether_it_is_significant(make_folder):
    results = read_results(make_folder())
    assert headline(results).startswith("3 methods on Photos, ×4; Photos: best PSNR ")
    (photos,) = dataset_leads(results, significance(results.scores))
    psnr, lpips = photos.leads
    assert (photos.images, psnr.names, lpips.names) == (2, ("SRGAN-LPIPS",), ("SRGAN-LPIPS†",))
    assert "dB ahead of bicubic, not testable: 2 images cannot reach 5 %" in psnr.ahead


def test_a_lead_is_called_significant_only_where_its_test_is(make_folder):
    def lead(gap: float, images: int):
        rows = [
            ("Set5", f"{i:02}", method, 4, "matlab", "psnr_y", 30 + i / 10 + more)
            for i in range(images)
            for method, more in (("bicubic", 0.0), ("mine", gap if i % 2 or gap > 1 else -gap / 2))
        ]
        results = read_results(
            make_folder(scores=pd.DataFrame(rows, columns=COLUMNS), pictures=False, timed=False)
        )
        return dataset_leads(results, significance(results.scores))[0].leads[0].ahead

    assert lead(2.0, 12) == "2.00 dB ahead of bicubic, significant (p = 0.0005)"
    assert "ahead of bicubic, not significant (p = " in lead(0.1, 8)
    assert "not testable: 5 images" in lead(2.0, 5)


def test_a_lead_in_the_mean_against_the_rank_test_is_told(make_folder):
    """One image decides the mean; on all others bicubic is better."""
    rows = [
        ("Set5", f"{i:02}", method, 4, "matlab", "psnr_y", value)
        for i in range(12)
        for method, value in (("bicubic", 30.0), ("mine", 90.0 if i == 0 else 29 + i / 100))
    ]
    scores = pd.DataFrame(rows, columns=COLUMNS)
    results = read_results(make_folder(scores=scores, pictures=False, timed=False))
    tests = significance(results.scores)
    assert (
        dataset_leads(results, tests)[0]
        .leads[0]
        .ahead.startswith("4.14 dB ahead of bicubic, but the rank test favours bicubic (p = 0.0")
    )
    assert AGAINST_NOTE in significance_table(tests, {}).notes


def test_a_lead_over_fewer_images_than_the_data_set_has_says_so(make_folder, small_scores):
    scores = small_scores[0][small_scores[0]["scale"] == 4]
    scores = scores[(scores["metric"] == "psnr_y") | (scores["image"] == "coffee")]
    folder = make_folder(scores=scores)
    psnr, lpips = dataset_leads(read_results(folder))[0].leads
    assert (psnr.images, lpips.images) == (2, 1)
    page = page_of(folder)
    assert page.count("<small>over 1 image</small>") == 1
    told = "mean over fewer images than the column Images says (nearest 1 of 2, bicubic 1 of 2"
    assert f"<li>LPIPS (AlexNet) on Photos ×4: {told}" in page


def test_two_versions_of_a_metric_are_two_metrics(make_folder, run_cli):
    """A user changed its version and ran it again into the same folder."""
    rows = [
        ("Set5", image, method, 4, version, "mine", value + (version == "2"))
        for version in ("1", "2")
        for image in "ab"
        for method, value in (("bicubic", 0.5), ("nearest", 0.25))
    ]
    run = {"metrics": [{"name": "mine", "protocol": v, "better": "lower"} for v in ("1", "2")]}
    folder = make_folder(scores=pd.DataFrame(rows, columns=COLUMNS), run=run, pictures=False)
    results = read_results(folder)
    assert "best mine (1) 0.2500 nearest · best mine (2) 1.2500 nearest" in headline(results)
    said = run_cli("report", "--out", folder, "--table", "csv").out.splitlines()
    assert said[0] == "dataset,method,mine:1,mine:2"
    assert said[1:] == ["Set5,nearest,0.25,1.25", "Set5,bicubic,0.5,1.5"]
    data = table_data(results)
    assert [metric["id"] for metric in data["metrics"]] == ["mine:1", "mine:2"]
    assert data["places"][0]["cells"]["nearest"]["mine:2:"][0] == "1.2500"
    with pytest.raises(ResultsError, match="under several protocols; name mine:1 or mine:2"):
        results.distributions("Set5", metrics="mine")
    assert results.number("mine:2").protocol == "2"


def test_a_method_scored_on_fewer_images_does_not_lead(make_folder, small_scores):
    scores = small_scores[0][small_scores[0]["scale"] == 4]
    best = (scores["method"] == "srgan-lpips") & (scores["image"] == "coffee")
    leads = dataset_leads(read_results(make_folder(scores=scores[~best])))
    assert [lead.names for lead in leads[0].leads] == [("bicubic",), ("bicubic",)]


def test_one_method_alone_is_no_ranking(make_folder):
    folder = make_folder(methods=("bicubic",))
    text = headline(read_results(folder))
    assert text.startswith("bicubic on Photos, ×4; Photos: best PSNR ")
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


def test_every_image_is_on_a_page_of_its_own_when_asked_for(make_folder, reported_folder):
    assert 'href="images.html"' in (reported_folder / "report.html").read_text(encoding="utf-8")
    folder = make_folder()
    html = render_images(read_results(folder))
    data = re.search(r'id="viewer-data">(.*?)</script>', html, re.DOTALL)
    assert data
    shown = json.loads(data[1])
    assert [entry["title"] for entry in shown] == ["Photos astronaut ×4", "Photos coffee ×4"]
    assert [layer["name"] for layer in shown[0]["layers"]][-1] == "HR (original)"
    for entry in shown:
        assert all((folder / layer["source"]).is_file() for layer in entry["layers"])


def test_declared_comparisons_alone_are_tested_and_printed(make_folder, refused, run_cli):
    folder = make_folder(pictures=False)
    said = run_cli("report", "--out", folder, "--compare", "srgan-lpips:*")
    assert said.code == 0, said.err
    rows = pd.read_csv(folder / "tables" / "significance.csv")
    pairs = set(zip(rows["method_a"], rows["method_b"], strict=True))
    assert pairs == {("srgan-lpips", "bicubic"), ("srgan-lpips", "nearest")}
    latex = (folder / "tables" / "significance.tex").read_text(encoding="utf-8")
    assert "Declared comparisons" in latex
    assert "'x:bicubic' names no method" in refused(
        "report", "--out", folder, "--compare", "x:bicubic"
    )


def test_the_short_table_is_printed_and_what_it_lacks_is_refused(make_folder, refused, run_cli):
    folder = make_folder(pictures=False)
    asked = ("report", "--out", folder, "--table", "csv", "--methods", "SRGAN-LPIPS,bicubic")
    said = run_cli(*asked, "--metrics", "psnr,lpips")
    rows = [line.split(",") for line in said.out.splitlines()]
    assert rows[0] == ["dataset", "method", "psnr_y", "lpips_alex"]
    assert [row[:2] for row in rows[1:]] == [["Photos", "bicubic"], ["Photos", "srgan-lpips"]]
    assert "did you mean 'bicubic'" in refused(*asked[:4], "csv", "--methods", "bicubi")
    assert "--table is 'xls', expected tex, md or csv" in refused(*asked[:4], "xls")
    for unused in (("--images", "all"), ("--compare", "bicubic:*"), ("--latex", "all")):
        assert f"{unused[0]} is for the page" in refused(*asked[:5], *unused)
    assert "--datasets contains no name" in refused(*asked[:5], "--datasets", ",")
    assert "--protocol chooses what a short table shows" in refused(
        *asked[:3], "--protocol", "matlab"
    )
    assert not (folder / "report.html").exists()


def test_no_two_columns_of_the_short_table_have_one_heading(make_folder, run_cli):
    folder = make_folder(pictures=False)
    with (folder / "scores.csv").open("a") as file:
        file.write("Photos,coffee,bicubic,4,rgb,psnr_rgb,26.5\n")
    said = run_cli("report", "--out", folder, "--table", "md").out
    heads = next(line for line in said.splitlines() if "Method" in line).split(" | ")
    assert "PSNR ↑" in heads
    assert "PSNR (RGB) ↑" in "".join(heads)
    assert len(set(heads)) == len(heads)
