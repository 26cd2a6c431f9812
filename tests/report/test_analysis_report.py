"""The files and the page of `srbench study analyze`."""

from __future__ import annotations

import csv
import itertools
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import WIDTHS, opened, printed_pages, require_keyboard, require_readable
from printed import require_printable
from simulated_ratings import PAPER_METHODS, simulate

import srbench
from srbench.csv_cells import guard, unguard
from srbench.errors import RatingsError, ResultsError
from srbench.report.kit.render import Table, to_latex
from srbench.report.study.figures import draw_analysis
from srbench.report.study.leads import StudyLead, study_leads
from srbench.report.study.mos_charts import LONGEST_LETTERS
from srbench.report.study.tables import all_tables
from srbench.report.study.text import headline
from srbench.report.study.write import write_analysis
from srbench.stats import analyze, read_ratings

METHODS = {
    "nearest": 1.3,
    "bicubic": 1.9,
    "SRResNet-MSE": 3.0,
    "srgan-vgg54": 3.7,
    "<b>odd & name": 2.5,
    "HR": 4.4,
}


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    votes = simulate(rng, 8, {"Set5": 5, "Set14": 6}, METHODS, drop=0.05)
    again = votes.iloc[:30].assign(phase="retest")
    training = votes.iloc[40:60].assign(phase="training")
    votes = pd.concat([votes.assign(phase="main"), again, training])
    return votes.assign(simulated=True).reset_index(drop=True)


@pytest.fixture(scope="module")
def scores(ratings) -> pd.DataFrame:
    rng = np.random.default_rng(6)
    mean = ratings.groupby(["dataset", "image", "method"])["score"].mean().reset_index()
    mean = mean[mean["method"] != "HR"]
    mean["method"] = mean["method"].str.lower()
    rows = [
        mean.assign(
            scale=4,
            protocol=protocol,
            metric=metric,
            value=start + slope * mean["score"] + rng.normal(0, noise, len(mean)),
        )
        for metric, protocol, start, slope, noise in (
            ("psnr_y", "matlab", 24, 0.8, 1.5),
            ("lpips_alex", "lpips-v0.1", 0.6, -0.1, 0.03),
        )
    ]
    return pd.concat(rows, ignore_index=True).drop(columns="score")


@pytest.fixture(scope="module")
def written(ratings, scores, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("analysis")
    paths = write_analysis(ratings, out, scores, resamples=300)
    assert all(path.is_file() for path in paths)
    assert len(set(paths)) == len(paths)
    return out


def columns(path: Path) -> list[str]:
    return list(pd.read_csv(path).columns)


def test_files_and_columns_are_those_promised(written):
    promised = {
        "mos.csv": "dataset,method,n_ratings,n_raters,n_images,mos,sd,ci_low,ci_high,ci_method,"
        "dmos,mean_rank",
        "stimuli.csv": "dataset,image,method,n,mos,sd,ci_low,ci_high,mos_bias_corrected,"
        "se_bias_corrected",
        "pairwise.csv": "dataset,method_a,method_b,mos_difference,ci_low,ci_high,test,statistic,p,"
        "p_holm,effect_size,significant",
        "raters.csv": "rater,n,bias,inconsistency,bias_ci_low,bias_ci_high,inconsistency_ci_low,"
        "inconsistency_ci_high,bt500_rejected,correlation_with_others",
        "metric_vs_mos.csv": "metric,protocol,level,n,plcc,srocc,krocc,rmse,mapping",
    }
    for name, expected in promised.items():
        assert set(expected.split(",")) <= set(columns(written / name)), name
    mos = pd.read_csv(written / "mos.csv")
    assert set(mos["ci_method"]) == {"crossed", "bootstrap", "student", "binomial"}
    assert set(mos["dataset"]) == {"Set5", "Set14", "all"}
    numbers = json.loads((written / "reliability.json").read_text())
    assert {
        "icc_a1",
        "icc_ak",
        "krippendorff_alpha_ordinal",
        "sos_a",
        "retest_n",
        "retest_mean_difference",
        "retest_p",
        "retest_agreement",
    } <= set(numbers)
    assert numbers["retest_n"] == 30
    assert numbers["retest_agreement"] == 1
    for stem in ("mos", "mos_table2", "mos_pairs", "mos_reliability", "mos_metrics"):
        for kind in ("csv", "md"):
            assert (written / "tables" / f"{stem}.{kind}").stat().st_size > 0
    latex = {path.stem for path in (written / "tables").glob("*.tex")}
    assert latex == {"mos", "mos_table2", "mos_metrics"}


def test_declared_comparisons_are_printed_and_every_table_on_request(ratings, tmp_path):
    few = ratings[ratings["dataset"] == "Set5"]
    write_analysis(few, tmp_path, family=[("srgan-vgg54", "bicubic")], resamples=100)
    printed = (tmp_path / "tables" / "mos_pairs.tex").read_text()
    assert printed.count("bicubic") == 1  # the declared comparison only, by the headline test
    assert "Wilcoxon" not in printed
    shown = (tmp_path / "tables" / "mos_pairs.md").read_text().splitlines()
    (other,) = [row for row in shown if "bicubic" in row and "nearest" in row]
    assert "| no |" not in other  # not tested, which is not "no difference"
    assert not (tmp_path / "tables" / "mos_raters.tex").exists()
    write_analysis(few, tmp_path, resamples=100, latex="all")
    stems = {path.stem for path in (tmp_path / "tables").glob("*.md")}
    assert {path.stem for path in (tmp_path / "tables").glob("*.tex")} == stems
    write_analysis(few, tmp_path, resamples=100)  # files of an earlier call are removed
    assert not (tmp_path / "tables" / "mos_raters.tex").exists()


def test_every_figure_is_png_and_pdf(written):
    stems = {path.stem for path in (written / "figures").glob("*.png")}
    assert stems == {path.stem for path in (written / "figures").glob("*.pdf")}
    for name in ("mos", "ranks", "differences"):
        assert {f"{name}_Set5", f"{name}_Set14", f"{name}_all"} <= stems
    assert {"votes_Set5", "votes_Set14", "raters", "sos", "metric_vs_mos"} <= stems


def test_the_page_asks_the_network_for_nothing_and_escapes_names(written):
    page = (written / "analysis.html").read_text()
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "<b>odd" not in page
    assert "&lt;b&gt;odd &amp; name" in page
    assert page.index("<h1>") < page.index("<h2>")


def test_simulated_ratings_are_marked_everywhere(written):
    page = (written / "analysis.html").read_text()
    assert "votes were made by a program" in page
    assert re.search(r"<h1>[^<]* simulated raters", page)
    for name in ("mos", "stimuli", "pairwise", "raters", "metric_vs_mos"):
        assert pd.read_csv(written / f"{name}.csv")["simulated"].all()
    assert json.loads((written / "reliability.json").read_text())["simulated"] is True
    for kind in ("md", "tex"):
        for path in (written / "tables").glob(f"*.{kind}"):
            assert "simulated raters" in path.read_text().lower(), path.name
    for path in (written / "tables").glob("*.csv"):
        header, *rows = path.read_text().splitlines()
        assert header.endswith(",simulated"), path.name
        assert all(row.endswith(",True") for row in rows), path.name


def test_what_stays_out_is_listed_with_its_reason(written):
    page = (written / "analysis.html").read_text()
    assert "votes of phase training" in page
    assert "votes of phase retest" in page


def test_published_mos_stands_beside_ours(written):
    table = pd.read_csv(written / "tables" / "mos_table2.csv").set_index("method")
    assert table.loc["srgan-vgg54", "Set14_paper"] == 3.72
    assert table.loc["nearest", "Set5_paper"] == 1.28
    mos = pd.read_csv(written / "mos.csv").query("dataset == 'Set5' and ci_method == 'crossed'")
    ours = mos.set_index("method").loc["nearest", "mos"]
    assert table.loc["nearest", "Set5_ours"] == pytest.approx(ours, abs=1e-6)
    assert "BSD100_paper" in table
    assert "BSD100_ours" not in table


@pytest.mark.slow
def test_the_same_ratings_in_another_order_give_the_same_bytes(ratings, scores, written, tmp_path):
    shuffled = ratings.sample(frac=1, random_state=0)
    write_analysis(shuffled, tmp_path, scores, resamples=300)
    names = {path.relative_to(written) for path in written.rglob("*") if path.is_file()}
    assert names == {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    differ = [n for n in sorted(names) if (written / n).read_bytes() != (tmp_path / n).read_bytes()]
    assert differ == []


def test_bad_input_leaves_nothing_behind(ratings, scores, tmp_path):
    with pytest.raises(RatingsError):
        write_analysis(ratings.drop(columns="score"), tmp_path / "out")
    with pytest.raises(ResultsError, match="no rated stimulus has a score"):
        write_analysis(ratings, tmp_path / "out", scores.assign(image="none"))
    two = pd.concat([scores, scores.assign(scale=2)])
    with pytest.raises(ResultsError, match="scales 2, 4"):
        write_analysis(ratings, tmp_path / "out", two)
    with pytest.raises(ResultsError, match="lack the columns value"):
        write_analysis(ratings, tmp_path / "out", scores.drop(columns="value"))
    assert not (tmp_path / "out").exists()
    assert len(analyze(ratings.assign(scale="4"), two, resamples=50)["metric_vs_mos"]) == 4


@pytest.mark.slow
def test_names_that_look_like_formulas_survive_and_are_never_written_as_one(tmp_path):
    votes = simulate(np.random.default_rng(0), 4, {"-set": 3}, {"@srgan": 3.0, "HR": 4.4})
    votes["rater"] = "=1+" + votes["rater"]
    votes["image"] = "+" + votes["image"]
    guarded = votes.copy()
    for name in ("rater", "dataset", "image", "method"):
        guarded[name] = [guard(text) for text in votes[name]]
    guarded.to_csv(tmp_path / "ratings.csv", index=False)
    read = read_ratings(tmp_path / "ratings.csv")
    for name in ("rater", "dataset", "image", "method"):
        assert list(read[name]) == list(votes[name])
    paths = write_analysis(read, tmp_path / "out", resamples=20)
    for path in paths:
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                cells = [cell for row in csv.reader(file) for cell in row]
            texts = [cell for cell in cells if not re.fullmatch(r"-?[\d.e+-]+|-?inf", cell)]
            assert not any(text.startswith(("=", "+", "-", "@")) for text in texts), path.name
    raters = pd.read_csv(tmp_path / "out" / "raters.csv")["rater"]
    assert {unguard(text) for text in raters} == set(votes["rater"])


@pytest.mark.parametrize("case", ["one method", "one vote", "flat"])
def test_thin_studies_have_a_page_too_and_stale_figures_go(case, tmp_path):
    rng = np.random.default_rng(0)
    pair = {name: PAPER_METHODS[name] for name in ("srgan-mse", "HR")}
    votes = {
        "one method": simulate(rng, 4, {"sample": 3}, {"srgan-mse": 3.4}),
        "one vote": simulate(rng, 1, {"sample": 1}, {"HR": 4.4}),
        "flat": simulate(rng, 3, {"sample": 2}, pair).assign(score=5),
    }[case]
    (tmp_path / "figures").mkdir()
    stale, own = tmp_path / "figures" / "metric_old_x.png", tmp_path / "figures" / "holiday.png"
    stale.touch()
    own.touch()
    write_analysis(votes, tmp_path, resamples=20)
    assert own.exists()
    assert not stale.exists()
    page = (tmp_path / "analysis.html").read_text()
    said = re.sub(r"data:[^\"]*|<script>.*</script>|<style>.*</style>", "", page, flags=re.S)
    assert not re.search(r"\bnan\b", said.lower())
    assert "simulated" not in said


@pytest.mark.parametrize("count", [2, 27, pytest.param(60, marks=pytest.mark.slow)])
def test_the_figures_of_any_number_of_methods_hold_all_they_show(count):
    names = {f"method{i:03d}": 1.5 + 3 * i / (count - 1) for i in range(count)}
    tables = analyze(simulate(np.random.default_rng(0), 9, {"D": 5}, names), resamples=50)
    drawn = {figure.stem: figure for figure in draw_analysis(tables)}
    assert {"mos_D", "votes_D", "ranks_D", "differences_D"} <= set(drawn)
    letters = tables["letters"].loc[tables["letters"]["dataset"] == "D", "letters"]
    shown = len(letters) and letters.str.len().max() <= LONGEST_LETTERS
    assert ("Letters: methods that share one" in drawn["mos_D"].caption) == bool(shown)
    assert len(letters) or tables["notes"]["note"].str.contains("no letters for D").any()
    for stem in ("mos_D", "votes_D", "ranks_D", "differences_D"):
        figure = drawn[stem].figure
        require_printable(figure)
        texts = [text for axes in figure.axes for text in axes.texts]
        assert stem != "mos_D" or len(texts) == (count if shown else 0)
        for axes in figure.axes:
            across = sorted(
                (mark.get_window_extent() for mark in axes.get_xticklabels()), key=lambda b: b.x0
            )
            gaps = [right.x0 - left.x1 for left, right in itertools.pairwise(across)]
            assert min(gaps, default=0) > -1, stem


@pytest.mark.slow
def test_the_page_is_readable_at_every_width_by_keyboard_and_on_few_sheets(browser, written):
    path = written / "analysis.html"
    for width, scheme in zip(WIDTHS, ("dark", "light", "dark", "light"), strict=True):
        with opened(browser, path, width, color_scheme=scheme) as page:
            if width == 1366:
                assert "no version is best" in page.locator(".leads").inner_text()
                require_keyboard(page)
                assert printed_pages(page) <= 8
            require_readable(page)


def lead_of(methods: dict[str, float], raters: int = 12, images: int = 8) -> StudyLead:
    votes = simulate(np.random.default_rng(3), raters, {"Set5": images}, methods)
    return study_leads(analyze(votes, resamples=50))[0]


def test_a_version_is_called_best_only_where_its_lead_over_every_other_is_significant():
    clear = lead_of({"nearest": 1.3, "bicubic": 2.0, "srgan-mse": 3.9, "HR": 4.5})
    assert clear.verdict.startswith("best MOS ")
    assert clear.verdict.endswith(" SRGAN-MSE")
    assert " ahead of bicubic, significant (p " in clear.detail
    close = lead_of({"nearest": 1.3, "bicubic": 3.0, "srgan-mse": 3.05, "HR": 4.5})
    assert close.verdict == "no version is best"
    assert ", not significant (p = " in close.detail
    alone = lead_of({"nearest": 1.3, "bicubic": 3.0}, raters=1)
    assert alone.verdict == "no version is best: one rater does not represent others"


def test_versions_that_read_the_same_are_tied():
    votes = [
        (f"r{r}", "Set5", f"i{i}", method, grade)
        for r in range(6)
        for i in range(4)
        for method, grade in (("a", 3 + (r + i) % 2), ("b", 3 + (r + i + 1) % 2), ("c", 1 + i % 2))
    ]
    frame = pd.DataFrame(votes, columns=["rater", "dataset", "image", "method", "score"])
    lead = study_leads(analyze(frame, resamples=50))[0]
    assert lead.verdict == "no version is best"
    assert lead.detail.startswith("a and b tied at MOS 3.50; 95 % ")


def test_the_page_names_the_versions_of_srbench_and_what_it_was_made_with(written):
    html = (written / "analysis.html").read_text(encoding="utf-8")
    assert f"srbench {srbench.__version__}" in html
    assert "not installed" not in html


def test_a_metric_has_one_panel_whatever_its_protocols_and_the_best_stands_first(ratings, scores):
    other = scores[scores["metric"] == "psnr_y"].assign(protocol="basicsr")
    tables = analyze(ratings, pd.concat([scores, other]), resamples=20)
    figure = {drawn.stem: drawn for drawn in draw_analysis(tables)}["metric_vs_mos"].figure
    require_printable(figure)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    rows = tables["metric_vs_mos"]
    rows = rows[(rows["level"] == "stimulus") & (rows["label"].isin(titles))]
    assert rows["metric"].is_unique
    assert set(rows["metric"]) == set(tables["metric_vs_mos"].dropna(subset=["srocc"])["metric"])
    strength = rows.set_index("label")["srocc"].abs().round(3)[titles]
    assert strength.is_monotonic_decreasing


def test_tables_are_rectangular_and_hold_what_plain_latex_can_set(ratings, scores):
    for table in all_tables(analyze(ratings, scores, resamples=50)):
        assert isinstance(table, Table)
        assert {len(row) for row in table.rows} <= {len(table.headings)}
        assert {c for c in to_latex(table) if ord(c) > 0xFF} == set()


def test_metrics_that_tie_lead_together(ratings, scores):
    double = scores.assign(protocol=scores["protocol"] + "-again")
    claims = analyze(ratings, pd.concat([scores, double]), resamples=50)["claims"]
    said = claims.loc[claims["topic"] == "metrics, stimulus", "claim"].item()
    assert "lpips_alex (lpips-v0.1) and lpips_alex (lpips-v0.1-again) follow the raters" in said


def test_conclusions_over_all_data_sets_say_what_they_are_about(ratings):
    every = {
        key: table for key, table in analyze(ratings).items() if isinstance(table, pd.DataFrame)
    }
    some = ratings[~((ratings["dataset"] == "Set14") & (ratings["method"] == "srgan-vgg54"))]
    fewer = {key: table for key, table in analyze(some).items() if isinstance(table, pd.DataFrame)}
    assert headline(every).startswith("SRGAN-VGG54 is rated best")
    assert headline(fewer).startswith(
        "Of the versions shown in all data sets, none is shown to be best: SRResNet-MSE has"
    )

    def best(tables):
        claims = tables["claims"]
        return claims[(claims["dataset"] == "all") & (claims["topic"] == "best")]["claim"].iloc[0]

    assert best(every).startswith("Over all data sets, srgan-vgg54")
    assert best(fewer).startswith(
        "Over all data sets (only versions shown in all of them), no reconstruction is shown"
    )
