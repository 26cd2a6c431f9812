"""Wide tables fit on a LaTeX page without losing content."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from srbench.report.benchmark.results import read_results
from srbench.report.benchmark.significance import significance
from srbench.report.benchmark.write import printed_tables
from srbench.report.kit.render import Cell, Heading, Table, text_cell, to_latex

PAGE = 480  # pt


def methods_across(count: int, *, may_turn: bool = True) -> Table:
    """PSNR and SSIM, ours and the paper's, of two data sets, with a column for each method."""
    lead = [Heading(k, k, numeric=False) for k in ("dataset", "scale", "measure", "source")]
    rows: list[tuple[Cell, ...]] = []
    for dataset in ("Set5", "Set14"):
        for measure in ("PSNR", "SSIM"):
            for source in ("ours", "paper"):
                keys = map(text_cell, (dataset, "×4", measure, source))
                values = [Cell(f"{len(rows)}.{i:02}", float(i), "best") for i in range(count)]
                rows.append((*keys, *values))
    columns = [Heading(f"m{i}", f"SRResNet-VGG{i}") for i in range(count)]
    headings = (*lead, *columns)
    return Table("wide", "Wide", "All of it.", headings, tuple(rows), ("a note",), 2, may_turn)


def values_of(latex: str) -> list[str]:
    return sorted(re.findall(r"\\textbf\{([\d.]+)\}", latex))


def test_a_narrow_table_stays_as_it_is():
    latex = to_latex(methods_across(2))
    assert r"\begin{tabular}{llllrr}" in latex
    assert r"\small" in latex


@pytest.mark.parametrize("may_turn", [True, False])
def test_a_wide_table_keeps_every_value_once(may_turn):
    table = methods_across(24, may_turn=may_turn)
    expected = sorted(cell.text for row in table.rows for cell in row[4:])
    assert values_of(to_latex(table)) == expected


def test_turned_methods_are_rows_and_their_group_stays_together():
    latex = to_latex(methods_across(24))
    assert r"\multicolumn{2}{c}{PSNR} & \multicolumn{2}{c}{SSIM}" in latex
    row = next(line for line in latex.splitlines() if line.startswith(r"Set14 & $\times$4 & SRR"))
    found = [float(value) for value in values_of(row)]
    assert found == [4.0, 5.0, 6.0, 7.0]  # the first method's column, rows 4 to 7


def test_a_table_longer_than_a_page_goes_on_in_another_and_repeats_its_head():
    table = methods_across(3, may_turn=False)
    latex = to_latex(replace(table, rows=table.rows * 12))  # 96 rows in blocks of 4
    tables = latex.split(r"\begin{table}")[1:] or latex.split(r"\begin{table*}")[1:]
    assert [part.count(r"\textbf{") for part in tables] == [120, 120, 48]
    assert all("SRResNet-VGG2" in part for part in tables)
    assert latex.count(r"\label{tab:wide}") == 1
    assert latex.count("Wide, continued") == latex.count(r"\addtocounter{table}{-1}") == 2


@pytest.mark.parametrize(
    "name", ["[1pt]", "*", "*[3]", "[", "a--b", "---", "''x''", "?`", "{x}", "x\\\\[9pt]", "%", "&"]
)
def test_no_name_is_a_command_wherever_it_stands(name):
    """After the end of a row LaTeX interprets `*` and a distance in brackets."""
    table = methods_across(2)
    named = [(text_cell(name), *row[1:]) for row in table.rows]
    latex = to_latex(replace(table, rows=tuple(named), title=name, notes=(name,)))
    bare = re.sub(r"\\(text[a-z]+|[&%$#_{}])(\{\})?", "", latex)  # escaped signs are text
    assert not re.search(r"(\\\\|rule)\s*[\[*]", bare)
    body = latex.partition("\\midrule")[2].partition("\\bottomrule")[0]
    assert "--" not in body
    assert "?`" not in latex


def test_what_pdflatex_cannot_set_is_said_in_the_file():
    table = methods_across(2)
    assert to_latex(table).startswith("% \\usepackage{booktabs,adjustbox}\n\\begin")
    greek = to_latex(replace(table, notes=("SRGAN-β, Δ, μ ≤ 5, cafe\u0301",)))
    assert r"SRGAN-$\beta$, $\Delta$, $\mu$ $\leq$ 5, café" in greek
    assert "XeLaTeX" not in greek
    korean = to_latex(replace(table, notes=("한글 방법",)))
    assert "% pdfLaTeX does not have these characters: 글방법한\n% Use XeLaTeX" in korean


def compiled(folder: Path, options: str, tables: Sequence[Table]) -> str:
    """The log of an article with these tables."""
    inputs: list[str] = []
    for i, table in enumerate(tables):
        (folder / f"{i}.tex").write_text(to_latex(table), encoding="utf-8")
        inputs.append(rf"\input{{{i}.tex}}\clearpage")
    (folder / "page.tex").write_text(
        rf"\documentclass[a4paper{options}]{{article}}\usepackage[T1]{{fontenc}}"
        r"\usepackage{booktabs,adjustbox}\begin{document}" + "".join(inputs) + r"\end{document}"
    )
    said = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout[-3000:]
    return said.stdout


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_every_table_of_a_report_fits_an_article(tmp_path):
    """14 methods, some with names that LaTeX would read as commands, or as long as a line."""
    renamed = {
        "imdn": r"a_b%c&d#e$f [l]* <m>|",
        "srcnn": r"^g~h\{i} 'j' \"k\" -- ?`",
        "pcarn-m": "SRGAN with a perceptual loss of five layers and β = 0.5",
        "espcn": "Réseau-Ångström-Łódź",
    }
    for name in ("run.json", "scores.csv", "timings.csv"):
        shutil.copy(Path(__file__).parents[2] / "results/paper" / name, tmp_path)
    for name in ("scores.csv", "timings.csv"):
        frame = pd.read_csv(tmp_path / name)
        frame = frame[frame["dataset"] == "Set5"]
        frame["method"] = [renamed.get(m.lower(), m) for m in frame["method"]]
        frame.to_csv(tmp_path / name, index=False)
    results = read_results(tmp_path)
    assert set(renamed.values()) <= set(results.methods())
    tests = significance(results.scores, results.known)
    for latex in ("paper", "all"):
        tables = [t for _, t in printed_tables(results, tests, compare="", latex=latex)]
        for options in ("", ",twocolumn"):
            log = compiled(tmp_path, options, tables)
            assert "Overfull \\hbox" not in log
            assert "Float too large" not in log
    long = methods_across(3, may_turn=False)
    compiled(tmp_path, "", [replace(long, rows=long.rows * 600)])  # more parts than LaTeX can hold


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
@pytest.mark.parametrize("rows", [1, 30])
@pytest.mark.parametrize("may_turn", [True, False])
def test_latex_sets_a_wide_table_within_the_page(tmp_path, may_turn, rows):
    table = methods_across(24, may_turn=may_turn)
    table = replace(table, rows=table.rows if may_turn else table.rows * rows)
    (tmp_path / "table.tex").write_text(to_latex(table), encoding="utf-8")
    (tmp_path / "page.tex").write_text(
        r"\documentclass[a4paper]{article}\usepackage{booktabs,adjustbox}"
        rf"\usepackage[textwidth={PAGE}pt]{{geometry}}"
        r"\begin{document}\input{table.tex}\end{document}"
    )
    said = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout
    assert "Overfull \\hbox" not in said.stdout
