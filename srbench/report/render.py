"""A table as data, and the same table as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

from ..cells_guard import guard
from ..files import write_text

_LONG = 40  # rows beyond which LaTeX breaks the table over pages
_MANY = 12  # columns beyond which LaTeX sets it small and tight
_WORDY = 40  # letters beyond which LaTeX breaks a column's text over lines


@dataclass(frozen=True)
class Heading:
    """A column: its key in CSV, its label, and a label shared with its neighbours."""

    key: str
    label: str
    over: str = ""
    numeric: bool = True


Mark = Literal["", "best", "second"]


@dataclass(frozen=True)
class Cell:
    """One entry: the text shown, the value behind it (None where missing), and its rank."""

    text: str
    value: float | str | None
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """A finished table. Rows with the same first ``group`` cells belong together."""

    stem: str
    title: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    group: int = 1

    def blocks(self) -> list[list[tuple[Cell, ...]]]:
        """The rows in runs that belong together."""
        return [
            list(rows)
            for _, rows in groupby(self.rows, lambda r: [c.text for c in r[: self.group]])
        ]


def text_cell(text: str) -> Cell:
    """A cell that holds a name."""
    return Cell(text, text)


def write_table(table: Table, folder: Path) -> list[Path]:
    """Write ``stem``.csv, .md and .tex into ``folder``; the three paths."""
    made = {"csv": to_csv(table), "md": to_markdown(table), "tex": to_latex(table)}
    paths = [folder / f"{table.stem}.{kind}" for kind in made]
    for path, text in zip(paths, made.values(), strict=True):
        write_text(path, text)
    return paths


def to_csv(table: Table) -> str:
    """The values: 6 decimals at most, ``inf`` for infinity, empty where missing.

    No name is written so that a spreadsheet would run it as a formula.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([guard(h.key) for h in table.headings])
    for row in table.rows:
        writer.writerow([_csv_value(c.value) for c in row])
    return buffer.getvalue()


def _csv_value(value: float | str | None) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, int):
        return str(value)
    # Small p values need digits that six decimals would drop.
    return f"{value:.6g}" if 0 < abs(value) < 0.001 else repr(round(float(value), 6))


def to_markdown(table: Table) -> str:
    """GitHub's Markdown: best in bold, second underlined, names escaped."""
    heads = [_md(f"{h.over} {h.label}".strip()) for h in table.headings]
    rule = ["---:" if h.numeric else ":---" for h in table.headings]
    lines = [f"# {_md(table.title)}", "", _md(table.caption), ""]
    lines += [f"| {' | '.join(heads)} |", f"| {' | '.join(rule)} |"]
    lines += [f"| {' | '.join(_md_cell(c) for c in row)} |" for row in table.rows]
    lines += [""] + [f"- {_md(note)}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _md_cell(cell: Cell) -> str:
    text = _md(cell.text)
    return {"best": f"**{text}**", "second": f"<u>{text}</u>", "": text}[cell.mark]


def _md(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#$~])", r"\\\1", " ".join(text.split()))


_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "∞": r"$\infty$", "−": r"$-$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "—": "---",
    "×": r"$\times$", "†": r"\textsuperscript{\dag}", "…": r"\ldots{}", "<": r"\textless{}",
    "←": r"$\leftarrow$", "→": r"$\rightarrow$", "≥": r"$\geq$", "α": r"$\alpha$",
    "χ": r"$\chi$", "²": r"\textsuperscript{2}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': "''",
}  # fmt: skip


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in " ".join(text.split()))


def to_latex(table: Table) -> str:
    """LaTeX for ``booktabs`` (and ``longtable`` beyond a page), best bold, second underlined."""
    longest = [max((len(row[i].text) for row in table.rows), default=0)
               for i in range(len(table.headings))]  # fmt: skip
    spec = "".join(
        "r" if h.numeric else r"p{.3\linewidth}" if letters > _WORDY else "l"
        for h, letters in zip(table.headings, longest, strict=True)
    )
    size = r"\small"
    if len(table.headings) > _MANY:
        size = r"\footnotesize\setlength{\tabcolsep}{3pt}"
    long = len(table.rows) > _LONG
    caption = f"{_tex(table.title)}. {_tex(table.caption)}"
    head = _tex_head(table.headings)
    body = "\n\\midrule\n".join(
        "\n".join(" & ".join(_tex_cell(c) for c in row) + r" \\" for row in block)
        for block in table.blocks()
    )
    notes = "".join(f"\\par\\footnotesize {_tex(note)}\n" for note in table.notes)
    label = f"\\label{{tab:{table.stem}}}"
    needs = "booktabs, longtable" if long else "booktabs"
    first = f"% \\usepackage{{{needs}}}\n"
    if long:
        return (
            f"{first}{{{size}\n\\begin{{longtable}}{{{spec}}}\n\\caption{{{caption}}}{label}\\\\\n"
            f"\\toprule\n{head}\n\\midrule\n\\endhead\n\\bottomrule\n\\endlastfoot\n{body}\n"
            f"\\end{{longtable}}\n{notes}}}\n"
        )
    # Many columns need the width of both of a paper's columns.
    place = "table*" if len(table.headings) > 8 else "table"
    return (
        f"{first}\\begin{{{place}}}\n\\centering\n{size}\n\\caption{{{caption}}}{label}\n"
        f"\\begin{{tabular}}{{{spec}}}\n\\toprule\n{head}\n\\midrule\n{body}\n\\bottomrule\n"
        f"\\end{{tabular}}\n{notes}\\end{{{place}}}\n"
    )


def _tex_head(headings: tuple[Heading, ...]) -> str:
    lines = " & ".join(_tex(h.label) for h in headings) + r" \\"
    if not any(h.over for h in headings):
        return lines
    over: list[str] = []
    rules: list[str] = []
    column = 1
    for name, run in groupby(headings, lambda h: h.over):
        width = len(list(run))
        over.append(
            f"\\multicolumn{{{width}}}{{c}}{{{_tex(name)}}}" if name else "& " * (width - 1)
        )
        if name:
            rules.append(f"\\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return f"{' & '.join(over)} \\\\\n{''.join(rules)}\n{lines}"


def _tex_cell(cell: Cell) -> str:
    text = _tex(cell.text)
    return {
        "best": f"\\textbf{{{text}}}",
        "second": f"\\underline{{{text}}}",
        "": text,
    }[cell.mark]
