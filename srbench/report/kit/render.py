"""A table as data, and the same table as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from ...csv_cells import guard
from ...files import write_text

LONG = 40  # rows of one LaTeX table: the rest follow in another table, as a page holds no more
_MANY = 12  # columns beyond which a table that may turn does
ONE_COLUMN = 6  # columns that fit one column of a two-column paper
_WORDY = 40  # letters beyond which a column's text is broken over lines


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
    """A finished table. Rows with the same first ``group`` cells belong together.

    ``may_turn`` says that the columns after the leading text may as well be rows of their group,
    which LaTeX does where they are too many for a page. ``simulated``, where it is not None, is the
    last column of the CSV: what raters gave says in every form whether they were people.
    """

    stem: str
    title: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    group: int = 1
    may_turn: bool = False
    simulated: bool | None = None

    @property
    def lead(self) -> int:
        """How many columns of text stand before the first number."""
        return next((i for i, h in enumerate(self.headings) if h.numeric), len(self.headings))

    def blocks(self) -> list[list[tuple[Cell, ...]]]:
        """The rows in runs that belong together."""
        return [
            list(rows)
            for _, rows in groupby(self.rows, lambda r: [c.text for c in r[: self.group]])
        ]


def text_cell(text: str) -> Cell:
    """A cell that holds a name."""
    return Cell(text, text)


def write_table(table: Table, folder: Path, *, latex: bool = True) -> list[Path]:
    """Write ``stem``.csv, .md and, where ``latex``, .tex into ``folder``; the paths."""
    made = {"csv": to_csv(table), "md": to_markdown(table)}
    if latex:
        made["tex"] = to_latex(table)
    else:  # of an earlier report
        (folder / f"{table.stem}.tex").unlink(missing_ok=True)
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
    mark = {} if table.simulated is None else {"simulated": str(table.simulated)}
    writer.writerow([*(guard(h.key) for h in table.headings), *mark])
    for row in table.rows:
        writer.writerow([*(csv_value(c.value) for c in row), *mark.values()])
    return buffer.getvalue()


def csv_value(value: float | str | None) -> str:
    """A value as `to_csv` writes it, before quoting."""
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
    heads = [md(f"{h.over} {h.label}".strip()) for h in table.headings]
    rule = ["---:" if h.numeric else ":---" for h in table.headings]
    lines = [f"# {md(table.title)}", "", md(table.caption), ""]
    lines += [f"| {' | '.join(heads)} |", f"| {' | '.join(rule)} |"]
    lines += [f"| {' | '.join(_md_cell(c) for c in row)} |" for row in table.rows]
    lines += [""] + [f"- {md(note)}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _md_cell(cell: Cell) -> str:
    text = md(cell.text)
    return {"best": f"**{text}**", "second": f"<u>{text}</u>", "": text}[cell.mark]


def md(text: str) -> str:
    """Text as GitHub's Markdown shows it: no character of it is markup."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#$~])", r"\\\1", " ".join(text.split()))


# What LaTeX needs in place of a character; the page's script copies by the same table.
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "∞": r"$\infty$", "−": r"$-$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "—": "---",
    "×": r"$\times$", "†": r"\textsuperscript{\dag}", "…": r"\ldots{}", "<": r"\textless{}",
    "←": r"$\leftarrow$", "→": r"$\rightarrow$", "≥": r"$\geq$", "α": r"$\alpha$",
    "χ": r"$\chi$", "²": r"\textsuperscript{2}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': "''", "`": r"\textasciigrave{}",
    # After the end of a row, a bracket would be a distance and an asterisk a command's variant.
    "[": "{[}", "]": "{]}", "*": "{*}",
    "\u200b": "{}",
}  # fmt: skip


def tex(text: str) -> str:
    """Text as LaTeX sets it: no character of it is a command."""
    # Two hyphens or apostrophes in a row would be set as one sign.
    apart = re.sub(r"([-'])(?=\1)", "\\1\u200b", " ".join(text.split()))
    return "".join(LATEX.get(c, c) for c in apart)


def to_latex(table: Table) -> str:
    """LaTeX for ``booktabs`` and ``adjustbox``, best bold, second underlined.

    No table is wider than the text: ``adjustbox`` shrinks the one that would be. More rows than a
    page holds follow in further tables under the same number.
    """
    if table.may_turn and len(table.headings) > _MANY:
        table = _turned(table)
    place = "table" if len(table.headings) <= ONE_COLUMN else "table*"
    caption = f"{tex(table.title)}. {tex(table.caption)}"
    notes = "".join(f"\\par\\footnotesize\\raggedright {tex(note)}\n" for note in table.notes)
    parts = _page_long(table)
    made: list[str] = []
    for i, part in enumerate(parts):
        begin = f"\\caption{{{caption}}}\\label{{tab:{table.stem}}}"
        if i:
            begin = f"\\addtocounter{{table}}{{-1}}\\caption{{{tex(table.title)}, continued}}"
        made.append(
            f"\\begin{{{place}}}\n\\centering\\small\n{begin}\n"
            "\\begin{adjustbox}{max width=\\linewidth}\n"
            f"{_tabular(part)}\\end{{adjustbox}}\n{notes if part is parts[-1] else ''}"
            f"\\end{{{place}}}\n"
        )
    return "% \\usepackage{booktabs,adjustbox}\n" + "\n".join(made)


def _page_long(table: Table) -> list[Table]:
    """The table in parts that a page holds, cut between its blocks where one ends in time."""
    parts: list[list[tuple[Cell, ...]]] = [[]]
    for block in table.blocks():
        if parts[-1] and len(parts[-1]) + len(block) > LONG:
            parts.append([])
        for row in block:
            if len(parts[-1]) == LONG:
                parts.append([])
            parts[-1].append(row)
    return [replace(table, rows=tuple(rows)) for rows in parts]


def _tabular(table: Table) -> str:
    return (
        f"\\begin{{tabular}}{{{_tex_spec(table)}}}\n\\toprule\n{_tex_head(table.headings)}\n"
        f"\\midrule\n{_tex_body(table)}\n\\bottomrule\n\\end{{tabular}}\n"
    )


def _tex_spec(table: Table) -> str:
    return "".join(
        "r" if h.numeric else r"p{.3\linewidth}" if _letters(table, i) > _WORDY else "l"
        for i, h in enumerate(table.headings)
    )


def _tex_body(table: Table) -> str:
    return "\n\\midrule\n".join(
        "\n".join(" & ".join(_tex_cell(c) for c in row) + r" \\" for row in block)
        for block in table.blocks()
    )


def _turned(table: Table) -> Table:
    """The same cells with the columns as rows of their group, and the group's rows as columns."""
    group, lead = table.group, table.lead
    kinds = list(dict.fromkeys(tuple(c.text for c in row[group:lead]) for row in table.rows))
    across = tuple(Heading("/".join(kind), kind[-1], " ".join(kind[:-1]).strip()) for kind in kinds)
    rows: list[tuple[Cell, ...]] = []
    for block in table.blocks():
        by_kind = {tuple(c.text for c in row[group:lead]): row for row in block}
        for i, heading in enumerate(table.headings[lead:], start=lead):
            cells = [by_kind[k][i] if k in by_kind else Cell("—", None) for k in kinds]
            rows.append((*block[0][:group], text_cell(heading.label), *cells))
    headings = (*table.headings[:group], Heading("of", "", numeric=False), *across)
    return replace(table, headings=headings, rows=tuple(rows))


def _letters(table: Table, column: int) -> int:
    return max((len(row[column].text) for row in table.rows), default=0)


def _tex_head(headings: tuple[Heading, ...]) -> str:
    lines = " & ".join(tex(h.label) for h in headings) + r" \\"
    if not any(h.over for h in headings):
        return lines
    over: list[str] = []
    rules: list[str] = []
    column = 1
    for name, run in groupby(headings, lambda h: h.over):
        width = len(list(run))
        over.append(f"\\multicolumn{{{width}}}{{c}}{{{tex(name)}}}" if name else "& " * (width - 1))
        if name:
            rules.append(f"\\cmidrule(lr){{{column}-{column + width - 1}}}")
        column += width
    return f"{' & '.join(over)} \\\\\n{''.join(rules)}\n{lines}"


def _tex_cell(cell: Cell) -> str:
    text = tex(cell.text)
    return {
        "best": f"\\textbf{{{text}}}",
        "second": f"\\underline{{{text}}}",
        "": text,
    }[cell.mark]
