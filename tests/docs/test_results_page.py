"""The numbers on the page of the reproduction are those of the tables that it stands beside."""

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

RESULTS = Path(__file__).resolve().parents[2] / "results"
PAGE = (RESULTS / "README.md").read_text(encoding="utf-8")
FOURFOLD, TWOFOLD = PAGE.split("## Twofold")
MEASURES = {
    "PSNR (dB)": ("ledig2017", "psnr_y"),
    "SSIM": ("ledig2017", "ssim_y"),
    "LPIPS alex": ("lpips-v0.1", "lpips_alex"),
    "LPIPS squeeze": ("lpips-v0.1", "lpips_squeeze"),
    "NIQE": ("niqe-basicsr", "niqe"),
    "LR-PSNR (dB)": ("consistency", "lr_psnr"),
}
PAPER = {"PSNR (dB)": "psnr_y_db", "SSIM": "ssim_y"}


def rows_of(text):
    """The rows of the page's one table of scores, by heading; what follows `paper` is doubled."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")]
    heads = [f"paper {heads[i - 1]}" if h == "paper" else h for i, h in enumerate(heads)]
    for line in lines[2:]:
        yield dict(
            zip(heads, (cell.strip(" †") for cell in line.strip("|").split("|")), strict=True)
        )


def of(row):
    return row["data set"], row["method"]


def means(folder):
    found = defaultdict(list)
    with (RESULTS / folder / "scores.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["dataset"], row["method"], row["protocol"], row["metric"]
            found[key].append(float(row["value"]))
    return {key: sum(values) / len(values) for key, values in found.items()}


@pytest.mark.parametrize(("text", "folder"), [(FOURFOLD, "paper"), (TWOFOLD, "paper-x2")])
def test_the_page_shows_the_scores_and_leaves_none_out(text, folder):
    scores, shown = means(folder), set()
    for row in rows_of(text):
        for heading, key in MEASURES.items():
            if heading not in row:  # the twofold run is older than these metrics
                continue
            decimals = len(row[heading].partition(".")[2])
            value = scores[row["data set"], row["method"], *key]
            assert row[heading] == f"{value:.{decimals}f}", (
                row["data set"],
                row["method"],
                heading,
            )
        shown.add((row["data set"], row["method"]))
    assert shown == {key[:2] for key in scores}


def test_the_paper_s_numbers_are_the_paper_s():
    reference = RESULTS.parent / "srbench/reference/ledig2017_objective.csv"
    with reference.open(encoding="utf-8", newline="") as file:
        paper = {(r["dataset"], r["method"].lower()): r for r in csv.DictReader(file)}
    for row in rows_of(FOURFOLD):
        printed = paper.get(of(row), {})
        for heading, column in PAPER.items():
            value = printed.get(column)
            decimals = len(row[heading].partition(".")[2])
            expected = f"{float(value):.{decimals}f}" if value else "—"
            assert row[f"paper {heading}"] == expected, (*of(row), heading)


def test_simulated_opinions_say_so():
    assert re.search(r"ours in `paper/study` are \*\*simulated\*\*", PAGE)
