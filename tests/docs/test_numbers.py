"""The numbers of README, results/README and docs/ are those of the files that they come from.

Tables are compared cell by cell, sentences as a whole. A failure names each wrong cell with the
number that the files give.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from srbench.metrics.artefacts import LIMITS, broken_limits

CHECKOUT = Path(__file__).resolve().parents[2]
RESULTS = CHECKOUT / "results"
SETS = ("Set5", "Set14", "BSD100")
FOLDERS = {4: "paper", 2: "paper-x2"}
Row = dict[str, str]


def page(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def rows_of(file: Path) -> list[Row]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def means(folder: str) -> dict[tuple[str, ...], float]:
    """Mean scores of a run by data set, method, protocol and metric."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for row in rows_of(RESULTS / folder / "scores.csv"):
        key = row["dataset"], row["method"], row["protocol"], row["metric"]
        found[key].append(float(row["value"]))
    return {key: sum(values) / len(values) for key, values in found.items()}


SCORES = {scale: means(folder) for scale, folder in FOLDERS.items()}
PAPER = {
    (row["dataset"], row["method"].lower()): row
    for row in rows_of(CHECKOUT / "srbench/reference/ledig2017_objective.csv")
}
CARDS = [
    json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((CHECKOUT / "srbench/checkpoints").glob("*.json"))
]


def tables(text: str) -> Iterator[list[Row]]:
    """The tables of a page, each as rows by heading; equal headings get their neighbour's too."""
    for block in re.findall(r"(?:^ *\|.*\n)+", text, re.MULTILINE):
        heads, _, *lines = [
            [cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in block.splitlines()
        ]
        heads = [f"{h} {heads[i - 1]}" if heads.count(h) > 1 else h for i, h in enumerate(heads)]
        yield [dict(zip(heads, cells, strict=True)) for cells in lines]


def table_with(text: str, heading: str) -> list[Row]:
    """The only table of a page that has a column with this heading."""
    (table,) = [rows for rows in tables(text) if heading in rows[0]]
    return table


def printed(value: float | str | None, decimals: int) -> str:
    """A number as the pages print it; an em dash where there is none."""
    return f"{float(value):.{decimals}f}" if value not in (None, "") else "—"


def compare(cells: Iterable[tuple[str, str, str]]) -> None:
    """Compare cells, each as place, text of the page and text by the files."""
    checked = list(cells)
    wrong = [
        f"{place}: {shown}, files: {right}" for place, shown, right in checked if shown != right
    ]
    assert checked
    assert not wrong, "\n" + "\n".join(wrong)


MEASURES = {
    "PSNR (dB)": ("ledig2017", "psnr_y", 2),
    "SSIM": ("ledig2017", "ssim_y", 4),
    "LPIPS alex": ("lpips-v0.1", "lpips_alex", 3),
    "LPIPS squeeze": ("lpips-v0.1", "lpips_squeeze", 3),
    "NIQE": ("niqe-basicsr", "niqe", 2),
    "LR-PSNR (dB)": ("consistency", "lr_psnr", 2),
}
FOURFOLD, TWOFOLD = page("results/README.md").split("## Scale x2")


@pytest.mark.parametrize(("text", "scale"), [(FOURFOLD, 4), (TWOFOLD, 2)], ids=["x4", "x2"])
def test_the_table_of_results_shows_the_scores_and_leaves_none_out(text: str, scale: int):
    table, scores = table_with(text, "PSNR (dB)"), SCORES[scale]
    trained = {card["name"] for card in CARDS if card["trained_on_metric"]}

    def cells():
        for row in table:
            of = row["data set"], row["method"]
            for heading, (protocol, metric, decimals) in MEASURES.items():
                if heading in row:  # the twofold run is older than some metrics
                    right = printed(scores.get((*of, protocol, metric)), decimals)
                    mark = "†" if heading == "LPIPS alex" and row["method"] in trained else ""
                    yield f"{of} {heading}", row[heading], right + mark

    compare(cells())
    assert {(row["data set"], row["method"]) for row in table} == {key[:2] for key in scores}


def test_the_table_of_results_shows_the_paper_s_numbers():
    columns = {"PSNR (dB)": ("psnr_y_db", 2), "SSIM": ("ssim_y", 4)}
    compare(
        (f"{row['data set']} {row['method']} paper {heading}", row[f"paper {heading}"],
         printed(PAPER.get((row["data set"], row["method"]), {}).get(column), decimals))
        for row in table_with(FOURFOLD, "PSNR (dB)")
        for heading, (column, decimals) in columns.items()
    )  # fmt: skip


def test_the_readme_s_table_of_networks():
    networks = {
        f"{card['name']} x{card['architecture']['scale']}".removesuffix(" x4"): card
        for card in CARDS
    }

    def measured(card: Mapping[str, Any], measure: str, sets: tuple[str, ...]) -> str:
        protocol, metric, decimals = MEASURES[measure]
        scores = SCORES[card["architecture"]["scale"]]
        values = (scores.get((s, card["name"], protocol, metric)) for s in sets)
        return " / ".join(printed(value, decimals) for value in values)

    def cells():
        for row in table_with(page("README.md"), "PSNR (dB)"):
            if (card := networks.get(row[""])) is None:
                continue  # reported below
            name, scale = card["name"], card["architecture"]["scale"]

            paper = [
                PAPER.get((s, name), {}).get("psnr_y_db") if scale == 4 else None for s in SETS
            ]
            theirs = " / ".join(printed(v, 2) for v in paper) if any(paper) else "—"
            marks = "†" if card["trained_on_metric"] else ""
            marks += "‡" if broken_limits(card["metrics"]) else ""
            yield f"{row['']} PSNR", row["PSNR (dB)"], measured(card, "PSNR (dB)", SETS)
            yield f"{row['']} paper's PSNR", row["paper's PSNR"], theirs
            yield f"{row['']} LPIPS", row["LPIPS"], measured(card, "LPIPS alex", SETS[:2]) + marks

    compare(cells())
    assert {row[""] for row in table_with(page("README.md"), "PSNR (dB)")} == networks.keys()


def test_the_cards_agree_with_the_scores():
    keys = {"psnr_y": "ledig2017", "ssim_y": "ledig2017", "lpips_alex": "lpips-v0.1"}
    differences: list[str] = []
    for card in CARDS:
        name, scale = card["name"], card["architecture"]["scale"]
        for dataset in SETS:
            for metric, protocol in keys.items():
                said = card["metrics"].get(f"{dataset.lower()}_{metric}")
                found = SCORES[scale].get((dataset, name, protocol, metric))
                if said is not None and (found is None or abs(said - found) > 1e-4):
                    differences.append(f"{name} x{scale} {dataset} {metric}: {said}, {found}")
    assert differences == []


def test_bicubic_by_every_protocol():
    def bicubic(protocol: str, dataset: str) -> tuple[str, str]:
        scores = (SCORES[4][dataset, "bicubic", protocol, m] for m in ("psnr_y", "ssim_y"))
        psnr, ssim = scores
        return printed(psnr, 2), printed(ssim, 4)

    def cells():
        for row in table_with(page("README.md"), "bicubic x4 on Set5"):
            psnr, ssim = bicubic(row["protocol"].strip("`"), "Set5")
            yield f"README {row['protocol']}", row["bicubic x4 on Set5"], f"{psnr} dB / {ssim}"
        heading = "bicubic on Set5, Set14, BSD100"
        for row in table_with(page("docs/explanation/protocols.md"), heading):
            pairs = [bicubic(row["protocol"].strip("`"), dataset) for dataset in SETS]
            right = ", ".join(f"{psnr}/{ssim.removeprefix('0')}" for psnr, ssim in pairs)
            yield f"protocols.md {row['protocol']}", row[heading], right

    compare(cells())


def test_differences_from_the_paper():
    """Sentences such as "**SRCNN** is 0.2, 0.1 and 0.2 dB above the paper's"."""
    number = r"\d\.\d"
    pattern = re.compile(
        rf"\b(?P<name>[A-Z][\w-]+)\W+(?:is )?(?P<values>{number}(?:, {number})*(?: and {number})?)"
        r"(?: dB)? (?P<side>above|below|higher|lower)(?! than)"
    )

    def cells():
        for match in pattern.finditer(" ".join(FOURFOLD.split())):
            name, sign = match["name"].lower(), 1 if match["side"] in ("above", "higher") else -1
            values = re.findall(number, match["values"])
            for dataset, value in zip(SETS, values, strict=False):
                theirs = PAPER.get((dataset, name), {}).get("psnr_y_db")
                if not theirs:
                    continue
                ours = SCORES[4][dataset, name, "ledig2017", "psnr_y"]
                right = printed(sign * (ours - float(theirs)), 1)
                yield f"{match[0]!r} on {dataset}", value, right

    compare(cells())


def test_which_networks_keep_the_limits():
    limits = {f"{s}_{measure}" for s in ("set5", "set14") for measure in LIMITS}
    gans = [c for c in CARDS if c["name"].startswith("srgan") and c["architecture"]["scale"] == 4]
    keep = {
        card["name"]
        for card in gans
        if not broken_limits({name: v for name, v in card["metrics"].items() if name in limits})
    }
    text = " ".join(page("docs/explanation/training.md").split())
    said = re.search(
        r"Of our GANs for x4, (.*?) pass on Set5 and Set14.*?; (.*?) do(es)? not", text
    )
    names = {card["name"] for card in gans}
    if said is None:
        assert "our GANs for x4 pass on Set5 and Set14" in text
        assert keep == names
    else:
        assert set(re.findall(r"`([\w-]+)`", said[1])) == keep
        assert set(re.findall(r"`([\w-]+)`", said[2])) == names - keep


@pytest.mark.parametrize("name", ["results/README.md", "docs/explanation/training.md"])
def test_images_of_bsd100_that_exceed_the_limit_of_the_grid(name: str):
    text = " ".join(page(name).split())
    said = re.findall(r"BSD100 image of `?([\w-]+)`? has (\d+\.\d)", text)
    grids = {card["name"]: card["metrics"].get("bsd100_grid_max") for card in CARDS
             if card["architecture"]["scale"] == 4}  # fmt: skip
    assert {(who.lower(), value) for who, value in said} == {
        (who, printed(value, 1))
        for who, value in grids.items()
        if value is not None and who.startswith("srgan") and value > LIMITS["grid_max"]
    }


def sentences() -> Iterator[tuple[str, str]]:
    """What a page must say, made from the files."""
    photographs = sorted(int(re.findall(r"(\d+) photographs", card["data"])[0]) for card in CARDS)
    yield "README.md", f"ours saw {photographs[0]} to {photographs[-1]} photographs"

    peer = [SCORES[4][s, "PCARN-M", "lpips-v0.1", "lpips_alex"] for s in SETS[:2]]
    yield "README.md", "reach an LPIPS of " + " / ".join(printed(value, 2) for value in peer)

    for method in ("srcnn", "srresnet-mse"):
        psnr = printed(SCORES[2]["Set5", method, "matlab", "psnr_y"], 2)
        yield "results/README.md", f"{psnr} ({method})"

    depth = rows_of(RESULTS / "depth-study/depth.csv")
    blocks, (steps,) = [int(row["blocks"]) for row in depth], {row["steps"] for row in depth}
    yield (
        "results/README.md",
        f"SRResNet with {min(blocks)} to {max(blocks)} blocks, {int(steps):,} steps",
    )
    psnr = {(row["blocks"], row["long_skip"]): float(row["psnr_y"]) for row in depth}
    gains = [psnr[str(count), "True"] - psnr[str(count), "False"] for count in set(blocks)]
    yield "results/README.md", f"the long skip gains {min(gains):.2f} to {max(gains):.2f} dB"
    reached = [value for (_, skip), value in psnr.items() if skip == "True"]
    yield "results/README.md", f"differ by {max(reached) - min(reached):.2f} dB"

    for row in rows_of(RESULTS / "tv-laptop/contrasts.csv"):
        mean, low, high = (float(row[c]) for c in ("psnr_difference_db", "ci_low", "ci_high"))
        cells = f"x{row['scale']}", row["choice"], f"{mean:+.3f}", f"{low:+.3f} to {high:+.3f}"
        yield "results/README.md", f"| {' | '.join(cells)} |"

    load = table_with(page("benchmarks/study_load.md"), "browsers")
    (waits,) = [(row["median"], row["95 % median"]) for row in load if row["browsers"] == "26"]
    median, most = (printed(wait, 2) for wait in waits)
    yield "README.md", f"the next picture appeared after {median} s (95 % within {most} s)"

    coverage = table_with(page("benchmarks/rating_statistics.md"), "MOS 1.6")
    complete = [float(row[h]) for row in coverage for h in row if h not in ("images", FIFTH)]
    yield "docs/explanation/intervals.md", f"is {min(complete)} to {max(complete)} %"
    yield (
        "docs/explanation/intervals.md",
        f"It is {float(coverage[0][FIFTH]):.0f} % if five images",
    )


FIFTH = "3, each rater a fifth"


@pytest.mark.parametrize(("name", "sentence"), list(sentences()))
def test_a_sentence_says_what_the_files_say(name: str, sentence: str):
    if sentence not in " ".join(page(name).split()):
        pytest.fail(f"by the files, {name} must say: {sentence}")


def test_simulated_opinions_say_so():
    assert re.search(r"ours in `paper/study` are \*\*simulated\*\*", FOURFOLD)
