"""The report of a pair study: every file, the right words, nothing of another study beside it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import opened, printed_pages, require_readable
from printed import require_printable
from simulated_answers import simulate_answers
from simulated_ratings import simulate

from srbench.report.analysis import write_study_analysis
from srbench.report.pairs.charts import draw_pair_study
from srbench.report.pairs.words import pair_leads
from srbench.stats.analyze_pairs import analyze_pairs
from srbench.stats.pair_claims import pair_claims

QUALITY = {"nearest": -2.0, "srresnet-mse": 0.4, "srgan-vgg54": 0.6, "HR": 2.0}


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    made = simulate_answers(np.random.default_rng(5), 8, {"Set5": 3, "Set14": 4}, QUALITY, tie=-1.0)
    return made.assign(simulated=True)


@pytest.fixture(scope="module")
def scores(answers) -> pd.DataFrame:
    rows = [
        {"dataset": dataset, "image": image, "method": method, "scale": 4, "protocol": "matlab",
         "metric": metric, "value": sign * value + len(image) / 100}
        for dataset, image in sorted(set(zip(answers["dataset"], answers["image"], strict=True)))
        for method, value in (("nearest", 20.0), ("srresnet-mse", 25.0), ("srgan-vgg54", 23.0))
        for metric, sign in (("psnr_y", 1), ("lpips_alex", -1))
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def written(answers, scores, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pairs")
    write_study_analysis(answers, out, scores, resamples=200)
    return out


def test_every_promised_file_with_its_columns(written):
    columns = {
        "scale": "dataset,method,n_answers,n_raters,n_images,score,ci_low,ci_high,jod,win_rate",
        "pairs": "dataset,method_a,method_b,n,wins_a,wins_b,same,win_rate_a,ci_low,ci_high",
        "pairwise": "dataset,method_a,method_b,mos_difference,ci_low,ci_high,test,statistic,p,"
        "p_holm,effect_size,significant",
        "raters": "rater,n",
        "metric_vs_pairs": "metric,protocol,n_pairs,agreement,ci_low,ci_high",
    }
    for name, promised in columns.items():
        header = (written / f"{name}.csv").read_text(encoding="utf-8").split("\n")[0]
        assert header.startswith(promised), name
    assert set(pd.read_csv(written / "pairwise.csv")["procedure"]) == {"pair"}
    numbers = json.loads((written / "reliability.json").read_text())
    assert 0 < numbers["krippendorff_alpha_nominal"] < 1
    assert numbers["retest_n"] == 0
    for stem in ("pair_scale", "pair_tests", "pair_rates", "pair_metrics"):
        assert {f.suffix for f in (written / "tables").glob(f"{stem}.*")} >= {".csv", ".md"}
    latex = {path.stem for path in (written / "tables").glob("*.tex")}
    assert latex == {"pair_scale", "pair_metrics"}
    figures = {f.stem for f in (written / "figures").glob("*.png")}
    assert figures >= {"scale_Set5", "scale_all", "wins_Set14", "preferences_Set5"}
    page = (written / "analysis.html").read_text(encoding="utf-8")
    assert "SRGAN-VGG54" in page
    assert "Simulated" in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_same_answers_give_the_same_bytes(answers, scores, written, tmp_path):
    again = answers.sample(frac=1, random_state=2)
    write_study_analysis(again, tmp_path, scores, resamples=200)
    for path in sorted(written.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(written)).read_bytes(), path.name


def test_the_words_say_no_more_than_the_tests(answers):
    tables = analyze_pairs(answers)
    head = tables["pairwise"]
    head = head[(head["test"] == "bradley-terry-crossed") & (head["dataset"] == "all")]
    close = head[head["method_a"].str.startswith("sr") & head["method_b"].str.startswith("sr")]
    assert not close["significant"].iloc[0]
    lead = pair_leads(tables)[-1]
    best = tables["scale"].set_index(["dataset", "method"])["score"]["all"].drop("HR").idxmax()
    best = {"srgan-vgg54": "SRGAN-VGG54", "srresnet-mse": "SRResNet-MSE"}[best]
    assert lead.detail.startswith(f"{best} is highest")
    assert "no significant difference from SR" in lead.detail
    assert (lead.about, lead.verdict) == ("7 images", "no version is best")
    told = pair_claims(tables).set_index(["dataset", "topic"])["claim"]["all", "differences"]
    assert f"{int(head['significant'].sum())} of 6 differences" in told


def test_a_page_without_original_ties_or_second_data_set():
    made = simulate_answers(np.random.default_rng(6), 12, {"Set5": 8}, {"a": 1.0, "b": -1.0})
    tables = analyze_pairs(made)
    assert set(tables["scale"]["dataset"]) == {"Set5"}
    (lead,) = pair_leads(tables)
    assert (lead.about, lead.verdict) == (
        "8 images",
        "a is preferred to every other reconstruction",
    )
    few = analyze_pairs(made[made["rater"] == "r00"])
    assert "one rater or one image does not represent others" in pair_leads(few)[0].verdict
    assert len(list(draw_pair_study(tables))) == 3


@pytest.mark.slow
def test_the_page_is_readable_on_a_phone_and_a_laptop(browser, written):
    for width in (360, 1366):
        with opened(browser, written / "analysis.html", width) as page:
            assert "Set5" in page.locator(".leads").inner_text()
            require_readable(page)
            if width == 1366:
                assert printed_pages(page) <= 8


@pytest.mark.slow
def test_sixty_methods_have_their_figures_and_page(tmp_path):
    quality = {f"method-with-a-long-name-{i:02d}": i / 20 for i in range(60)}
    made = simulate_answers(np.random.default_rng(7), 2, {"Set5": 2}, quality)
    write_study_analysis(made, tmp_path, resamples=100)
    assert (tmp_path / "analysis.html").is_file()
    for drawn in islice(draw_pair_study(analyze_pairs(made, resamples=20)), 2):
        require_printable(drawn.figure)


def test_the_command_tells_the_kind_by_the_columns(answers, tmp_path, run_cli, refused):
    answers.to_csv(tmp_path / "answers.csv", index=False, sep=";")
    out = tmp_path / "analysis"
    ran = run_cli("study", "analyze", "--ratings", tmp_path / "answers.csv", "--out", out)
    assert ran.code == 0, ran.err
    assert (out / "scale.csv").is_file()
    assert not (out / "mos.csv").exists()
    ratings = simulate(np.random.default_rng(0), 3, {"Set5": 2}, {"nearest": 1.5, "HR": 4.5})
    ratings.to_csv(tmp_path / "ratings.csv", index=False)
    said = refused("study", "analyze", "--ratings", tmp_path / "ratings.csv", "--out", out)
    assert "holds the analysis of pair comparisons" in said
    answers.drop(columns="answer").to_csv(tmp_path / "half.csv", index=False)
    said = refused("study", "analyze", "--ratings", tmp_path / "half.csv", "--out", tmp_path / "x")
    assert "half.csv: columns missing: answer" in said


def test_names_from_strangers_cannot_leave_their_cells(tmp_path):
    made = simulate_answers(
        np.random.default_rng(8), 3, {"Set5": 2}, {"=cmd()": 0.0, "<script>": 1.0}
    )
    write_study_analysis(made, tmp_path, resamples=100)
    assert "<script>&" not in (tmp_path / "analysis.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in (tmp_path / "analysis.html").read_text(encoding="utf-8")
    for path in tmp_path.rglob("*.csv"):
        cells = [
            c for line in path.read_text(encoding="utf-8").split("\n") for c in line.split(",")
        ]
        assert not any(cell.startswith(("=", '"=')) for cell in cells), path.name
