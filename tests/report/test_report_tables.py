"""Tables against values worked out by hand."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from rich.console import Console

from srbench.benchmark.results import Score
from srbench.errors import ResultsError
from srbench.report.benchmark.charts import distributions, plane
from srbench.report.benchmark.paper_tables import table1, table2
from srbench.report.benchmark.results import read_results
from srbench.report.benchmark.short_table import short_table
from srbench.report.benchmark.significance import significance
from srbench.report.benchmark.tables import leading_tests, significance_table, summary_table
from srbench.report.benchmark.terminal import scores_table
from srbench.report.kit.frames import mark_best
from srbench.report.kit.render import (
    Cell,
    Heading,
    Table,
    to_csv,
    to_latex,
    to_markdown,
    write_table,
)


def score_rows(
    values: dict[tuple[str, str], list[float]], *, dataset: str = "Set5", scale: int = 4
):
    """values maps (method, metric) to one score per image."""
    columns = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
    rows = [
        (dataset, f"{i:03}", method, scale, "lpips-v0.1" if "lpips" in metric else p, metric, v)
        for (method, metric), scores in values.items()
        for i, v in enumerate(scores)
        for p in (("",) if "lpips" in metric else ("matlab", "ledig2017"))
    ]
    return pd.DataFrame(rows, columns=columns)


def as_dicts(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def cell(table: Table, key: str, **where: str) -> Cell:
    keys = [h.key for h in table.headings]
    for row in table.rows:
        if all(str(row[keys.index(k)].value) == v for k, v in where.items()):
            return row[keys.index(key)]
    raise AssertionError(f"no row with {where}")


@pytest.fixture
def by_hand(make_folder):
    scores = score_rows(
        {
            ("nearest", "psnr_y"): [26.0, 27.0],
            ("bicubic", "psnr_y"): [28.0, 29.0],
            ("SRGAN-LPIPS", "psnr_y"): [27.0, 28.0],
            ("nearest", "lpips_alex"): [0.5, 0.3],
            ("bicubic", "lpips_alex"): [0.3, 0.2],
            ("SRGAN-LPIPS", "lpips_alex"): [0.1, 0.11],
        }
    )
    run = {
        "missing": [
            {"method": "srgan-vgg54", "dataset": None, "reason": "no checkpoint here",
             "command": "srbench train srgan-vgg54"},
        ]
    }  # fmt: skip
    return read_results(make_folder(scores=scores, run=run, pictures=False))


def test_the_summary_holds_means_and_marks_the_better_direction(by_hand):
    table = summary_table(by_hand)
    psnr = {
        m: cell(table, "psnr_y:matlab", method=m) for m in ("nearest", "bicubic", "srgan-lpips")
    }
    assert [c.text for c in psnr.values()] == ["26.50", "28.50", "27.50"]
    assert [c.mark for c in psnr.values()] == ["", "best", "second"]
    lpips = cell(table, "lpips_alex:lpips-v0.1", method="srgan-lpips")
    assert (lpips.text, lpips.mark) == ("0.1050†", "best")
    assert cell(table, "lpips_alex:lpips-v0.1", method="bicubic").mark == "second"
    assert any("trained on this metric" in note for note in table.notes)


def test_what_is_missing_is_a_dash_with_the_reason_and_the_command(by_hand):
    table = summary_table(by_hand)
    assert cell(table, "psnr_y:matlab", method="srgan-vgg54").text == "—"
    text = to_markdown(table)
    assert "no checkpoint here" in text
    assert "srbench train srgan" in text
    assert {r["method"]: r["psnr_y:matlab"] for r in as_dicts(table)} == {
        "nearest": "26.5", "bicubic": "28.5", "srgan-lpips": "27.5", "srgan-vgg54": "",
    }  # fmt: skip


def test_a_metric_that_could_not_be_computed_keeps_its_column(make_folder):
    run = {
        "missing": [
            {"method": None, "dataset": None, "metric": "lpips_vgg",
             "reason": "no weights", "command": "srbench weights fetch vgg16-features"}
        ]
    }  # fmt: skip
    table = summary_table(read_results(make_folder(run=run)))
    assert cell(table, "lpips_vgg:lpips-v0.1", method="bicubic").text == "—"
    assert any("weights fetch vgg16-features" in n for n in table.notes)


def test_equal_readings_share_their_mark():
    assert mark_best(["32.21", "32.21", "30.00", None], "higher") == ["best", "best", "second", ""]
    assert mark_best(["0.2", "0.1"], "lower") == ["second", "best"]
    assert mark_best(["∞", "30.00"], "higher") == ["best", "second"]
    assert mark_best(["32.21", None], "higher") == ["", ""]
    assert mark_best(["1", "2"], None) == ["", ""]


def test_table_2_stands_beside_the_paper(make_folder):
    scores = score_rows(
        {("nearest", "psnr_y"): [26.26], ("bicubic", "psnr_y"): [28.43], ("IMDN", "psnr_y"): [32.1]}
    )
    results = read_results(make_folder(scores=scores, pictures=False))
    table = table2(results)
    where = {"dataset": "Set5", "measure": "psnr_y"}
    assert cell(table, "bicubic", source="ours", **where).text == "28.43"
    assert cell(table, "bicubic", source="paper", **where).text == "28.43"
    assert cell(table, "srresnet-mse", source="paper", **where).mark == "best"
    assert cell(table, "srresnet-mse", source="ours", **where).text == "—"
    assert cell(table, "IMDN", source="ours", **where).mark == "best"
    assert cell(table, "HR", source="ours", **where).text == "∞"
    assert (
        cell(table, "srgan-vgg54", source="paper", dataset="BSD100", measure="mos").text == "3.56"
    )
    assert cell(table, "HR", source="paper", dataset="BSD100", measure="mos").mark == ""
    assert any("not part of this run" in n for n in table.notes)


def test_table_1_holds_the_loss_variants_only(make_folder):
    scores = score_rows({("bicubic", "psnr_y"): [28.0], ("SRGAN-MSE", "psnr_y"): [30.5]})
    table = table1(read_results(make_folder(scores=scores, pictures=False)))
    assert [h.key for h in table.headings[4:]] == [
        "srresnet-mse", "srresnet-vgg22", "srresnet-vgg54",
        "srgan-mse", "srgan-vgg22", "srgan-vgg54",
    ]  # fmt: skip
    where = {"dataset": "Set14", "measure": "mos", "source": "paper"}
    assert cell(table, "srgan-vgg54", **where).text == "3.72"
    assert cell(table, "srgan-vgg54", **where).mark == "best"


def test_the_papers_numbers_stand_only_beside_its_own_scale(make_folder):
    scores = score_rows({("bicubic", "psnr_y"): [33.6]}, scale=2)
    table = table2(read_results(make_folder(scores=scores, pictures=False)))
    sources = {(str(r[1].value), str(r[3].value)) for r in table.rows}
    assert sources == {("2", "ours")}


def test_every_scale_is_shown(make_folder):
    table = summary_table(read_results(make_folder(scales=(2, 4))))
    assert {row[1].text for row in table.rows} == {"×2", "×4"}


def test_infinity_is_shown_as_its_sign_and_written_as_inf(make_folder):
    inf = float("inf")
    scores = score_rows({("a", "psnr_y"): [inf, 30.0], ("b", "psnr_y"): [20.0, 30.0]})
    table = summary_table(read_results(make_folder(scores=scores, pictures=False)))
    assert cell(table, "psnr_y:matlab", method="a").text == "∞"
    assert cell(table, "psnr_y:matlab", method="a").mark == "best"
    assert as_dicts(table)[0]["psnr_y:matlab"] == "inf"
    assert r"\textbf{$\infty$}" in to_latex(table)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [(0.25649, "0.256"), (1.0, "1.00"), (22.04, "22.0"), (99.97, "100"), (448.3, "448")],
)
def test_speed_has_three_digits(make_folder, rate, shown):
    folder = make_folder(methods=("bicubic",))
    timings = pd.read_csv(folder / "timings.csv").assign(megapixels_per_second=rate)
    timings.to_csv(folder / "timings.csv", index=False)
    (row,) = summary_table(read_results(folder)).rows
    assert shown in [cell.text for cell in row]


def test_a_mean_over_fewer_images_is_pointed_out(make_folder):
    scores = score_rows({("a", "psnr_y"): [30.0, 31.0], ("b", "psnr_y"): [20.0]})
    table = summary_table(read_results(make_folder(scores=scores, pictures=False)))
    assert any("mean over 1 of 2 images" in note for note in table.notes)


def test_a_metric_without_a_stated_direction_is_told(make_folder):
    scores = score_rows({("a", "mine"): [1.0, 2.0], ("b", "mine"): [0.5, 0.75]})
    table = summary_table(read_results(make_folder(scores=scores, pictures=False)))
    assert "**" not in to_markdown(table)
    told = "mine (MATLAB): the better direction is not stated, so no value is marked as best"
    assert told in table.notes


def test_few_images_are_told_their_smallest_p(make_folder):
    table = significance_table(significance(read_results(make_folder()).scores), {})
    note = " ".join(table.notes)
    assert "with 2 images the smallest possible p is 0.5000" in note
    assert "no difference can be significant" in note


def test_hostile_names_are_escaped_everywhere(make_folder, tmp_path):
    name = r"a|b & c_% $x$ <script>{\x}# ~^ `*"
    table = summary_table(read_results(make_folder(rename={"bicubic": name}, pictures=False)))
    latex, markdown = to_latex(table), to_markdown(table)
    assert r"a\textbar{}b \& c\_\%" in latex
    assert "<script>" not in latex
    assert "<script>" not in markdown
    assert r"a\|b" in markdown
    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1
    assert name in {row["method"] for row in as_dicts(table)}


def test_latex_pairs_headings_and_breaks_long_tables():
    heads = (Heading("a", "A", numeric=False), Heading("b", "B", "over"), Heading("c", "C", "over"))
    row = (Cell("x", "x"), Cell("1", 1.0, "best"), Cell("—", None))
    short = to_latex(Table("t", "T", "cap", heads, (row,)))
    assert r"\multicolumn{2}{c}{over}" in short
    assert r"\cmidrule(lr){2-3}" in short
    assert r"x & \textbf{1} & --- \\" in short
    assert short.count("{") == short.count("}")
    assert to_latex(Table("t", "T", "cap", heads, (row,) * 50)).count(r"\begin{tabular}{lrr}") == 2


def test_files_are_written_with_lf_and_read_back(tmp_path, by_hand):
    paths = write_table(summary_table(by_hand), tmp_path / "tables")
    assert [p.name for p in paths] == ["summary.csv", "summary.md", "summary.tex"]
    assert all(b"\r" not in p.read_bytes() for p in paths)
    assert len(pd.read_csv(paths[0])) == 4


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "scores.csv").unlink(), "srbench run-all"),
        (lambda f: (f / "scores.csv").write_text(""), "cannot be read"),
        (lambda f: (f / "scores.csv").write_text("dataset,image\n"), "lacks the column 'method'"),
        (lambda f: (f / "run.json").write_text("{"), "not valid JSON"),
        (lambda f: (f / "run.json").write_text("[]"), "no JSON object"),
        (lambda f: (f / "run.json").write_text('{"crops": [{"box": 1}]}'), "left, top"),
        (
            lambda f: (f / "scores.csv").write_text(
                "dataset,image,method,scale,protocol,metric,value\nS,i,m,4,matlab,psnr_y,high\n"
            ),
            "not a number",
        ),
        (
            lambda f: (f / "scores.csv").write_text(
                "dataset,image,method,scale,protocol,metric,value\n" + "S,i,m,4,p,psnr_y,1\n" * 2
            ),
            "two values",
        ),
    ],
)
def test_a_damaged_folder_is_named(make_folder, damage, message):
    folder = make_folder(pictures=False)
    damage(folder)
    with pytest.raises(ResultsError, match=message):
        read_results(folder)


def test_names_that_look_like_numbers_or_nothing_stay_names(make_folder):
    scores = score_rows({("NA", "psnr_y"): [1.0], ("007", "psnr_y"): [2.0]})
    assert read_results(make_folder(scores=scores, pictures=False)).methods() == ["007", "NA"]


def test_means_over_fewer_images_are_not_ranked(make_folder, small_scores):
    """bicubic lacks the image on which it is worse, and would be the best."""
    scores = small_scores[0]
    scores = scores[scores["method"].isin(["nearest", "bicubic", "srgan-lpips"])]
    psnr = scores.query("scale == 4 and metric == 'psnr_y' and protocol == 'matlab'").copy()
    images = sorted(set(psnr["image"]))
    psnr["value"] = psnr["value"].where(psnr["method"] != "bicubic", 90.0)
    folder = make_folder(scores=psnr[(psnr["method"] != "bicubic") | (psnr["image"] == images[0])])
    results = read_results(folder)
    assert "best PSNR" in repr(results)
    assert "bicubic" not in repr(results)
    for text in (to_markdown(summary_table(results)), to_markdown(short_table(results))):
        assert "| 90.00‡ |" in text  # neither bold nor underlined
        assert text.count("**") == 2
        assert "- ‡ mean over fewer images: not ranked" in text
    ledig = psnr[(psnr["method"] != "bicubic") | (psnr["image"] == images[0])]
    paper = read_results(make_folder(scores=ledig.assign(protocol="ledig2017")))
    assert "| 90.00‡ |" in to_markdown(table2(paper))
    # Figures and terminal have the same mark; the leaders are tested without it.
    figure = distributions(results, "Photos", 4)
    assert figure is not None
    assert "bicubic‡" in [label.get_text() for label in figure.axes[0].get_yticklabels()]
    lpips = psnr.assign(metric="lpips_alex", protocol="lpips-v0.1", value=0.5)
    both = read_results(make_folder(scores=pd.concat([psnr, lpips.iloc[1:]])))
    figure = plane(both, 4)
    assert figure is not None
    assert len([text for text in figure.axes[0].texts if "‡" in text.get_text()]) == 1
    tests = leading_tests(results, significance(results.scores))
    assert set(tests["method_a"]) | set(tests["method_b"]) == {"nearest", "srgan-lpips"}
    rows = [Score(*row) for row in results.scores.itertuples(index=False, name=None)]
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(scores_table(rows, {}))
    printed = console.export_text()
    assert "90.00‡" in printed
    assert "‡ mean over fewer images" in printed
    others = psnr[(psnr["image"] == images[0]) == (psnr["method"] == "bicubic")]
    assert "**" not in to_markdown(short_table(read_results(make_folder(scores=others))))
    assert r"90.00\textsuperscript{\ddag}" in to_latex(short_table(results))
