"""A table as data, and the same table as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from ...csv_cells import guard
from ...files import write_text

LONG = 40  # rows of a LaTeX table that fit on a page with three notes; others follow in another one
_WIDE = 85  # letters in a line of a page in small print; wider tables are turned if allowed
_FLOATS = 10  # after so many parts of a table LaTeX must print them: its queue is short
ONE_COLUMN = 6  # table columns that fit into one column of a two-column paper
_NOTE = 90  # letters of a note in a line
_WORDY = 40  # text columns with more letters are broken into lines


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
    """One entry: the printed text, its value (None if missing), and its rank."""

    text: str
    value: float | str | None
    mark: Mark = ""


@dataclass(frozen=True)
class Table:
    """A finished table. Rows with the same first ``group`` cells form a block.

    ``may_turn``: LaTeX may turn the columns after the leading text into rows of their block if
    there are too many for a page. ``simulated``, if not None, is the last column of the CSV, so
    that every file states whether raters were simulated.
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
        """The number of text columns before the first number."""
        return next((i for i, h in enumerate(self.headings) if h.numeric), len(self.headings))

    def blocks(self) -> list[list[tuple[Cell, ...]]]:
        """The blocks of rows."""
        return [
            list(rows)
            for _, rows in groupby(self.rows, lambda r: [c.text for c in r[: self.group]])
        ]


def text_cell(text: str) -> Cell:
    """A cell with a name."""
    return Cell(text, text)


def write_table(table: Table, folder: Path, *, latex: Table | bool = True) -> list[Path]:
    """Write ``stem``.csv, .md and .tex into ``folder``; returns the paths.

    ``latex`` is the table for LaTeX, if it is another one, or whether there is any.
    """
    made = {"csv": to_csv(table), "md": to_markdown(table)}
    if latex:
        made["tex"] = to_latex(table if latex is True else latex)
    else:  # from an earlier report
        (folder / f"{table.stem}.tex").unlink(missing_ok=True)
    paths = [folder / f"{table.stem}.{kind}" for kind in made]
    for path, text in zip(paths, made.values(), strict=True):
        write_text(path, text)
    return paths


def latex_form(
    table: Table,
    latex: str,
    printed: Collection[str],
    briefly: Mapping[str, Callable[[Table], Table]],
) -> Table | bool:
    """The argument ``latex`` of `write_table`.

    Args:
        table: a table.
        latex: ``all``: every table as it is; ``paper``: only those that a paper prints.
        printed: the stems of the tables that a paper prints.
        briefly: makes the short form for a paper, by stem.
    """
    if latex == "all" or table.stem not in printed:
        return latex == "all"
    return briefly[table.stem](table) if table.stem in briefly else True


def to_csv(table: Table) -> str:
    """The values: at most 6 decimals, ``inf`` for infinity, empty if missing.

    Names are escaped against spreadsheets' formulas.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    mark = {} if table.simulated is None else {"simulated": str(table.simulated)}
    writer.writerow([*(guard(h.key) for h in table.headings), *mark])
    for row in table.rows:
        writer.writerow([*(csv_value(c.value) for c in row), *mark.values()])
    return buffer.getvalue()


def csv_value(value: float | str | None) -> str:
    """A value in the format of `to_csv`, before quoting."""
    if value is None or value != value:
        return ""
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, int):
        return str(value)
    # Small p-values need more than six decimals.
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
    """Escape text for GitHub's Markdown."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#$~])", r"\\\1", " ".join(text.split()))


_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho "
    "varsigma sigma tau upsilon phi chi psi omega"
)
# LaTeX replacements of characters.
LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "∞": r"$\infty$", "−": r"$-$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "—": "---",
    "×": r"$\times$", "†": r"\textsuperscript{\dag}", "‡": r"\textsuperscript{\ddag}",
    "…": r"\ldots{}", "<": r"\textless{}",
    "←": r"$\leftarrow$", "→": r"$\rightarrow$", "≥": r"$\geq$", "≤": r"$\leq$",
    "≈": r"$\approx$", "²": r"\textsuperscript{2}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': "''", "`": r"\textasciigrave{}",
    # At the start of a row, LaTeX reads a bracket as a distance and an asterisk as an option.
    "[": "{[}", "]": "{]}", "*": "{*}",
    "\u200b": "{}",
    **{chr(0x3B1 + i): f"$\\{name}$" for i, name in enumerate(_GREEK.split())},
    "ο": "o", "Γ": r"$\Gamma$", "Δ": r"$\Delta$", "Θ": r"$\Theta$", "Λ": r"$\Lambda$",
    "Ξ": r"$\Xi$", "Π": r"$\Pi$", "Σ": r"$\Sigma$", "Φ": r"$\Phi$", "Ψ": r"$\Psi$",
    "Ω": r"$\Omega$",
}  # fmt: skip
# All other characters that pdfLaTeX has: letters with accents, and punctuation.
_SET = re.compile("[\x00-\x7e\xa0-\u0125\u0128-\u0137\u0139-\u013e\u0141-\u0148\u014a-\u0165"
                  "\u0168-\u017e\u0218-\u021b‐‑‒–—―‘’‚“”„‡•‰‹›⁄€™]")  # fmt: skip


def tex(text: str) -> str:
    """Escape text for LaTeX, letters and their accents as one character."""
    text = unicodedata.normalize("NFC", text)
    # LaTeX joins two hyphens or apostrophes into one character.
    apart = re.sub(r"([-'])(?=\1)", "\\1\u200b", " ".join(text.split()))
    escaped = "".join(LATEX.get(c, c) for c in apart)
    return re.sub(r"(?:(?<=[ (])|^)'(?=\w)", "`", escaped)  # an opening quotation mark


def to_latex(table: Table) -> str:
    """LaTeX for ``booktabs`` and ``adjustbox``, best bold, second underlined.

    ``adjustbox`` shrinks tables that are wider than the text. Rows that do not fit on a page follow
    in further tables with the same number.
    """
    if table.may_turn and _across(table) > _WIDE:
        table = turned(table)
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
        if (i + 1) % _FLOATS == 0 and part is not parts[-1]:
            made.append("\\clearpage\n")
    return _needs("".join(made)) + "\n".join(made)


def _needs(latex: str) -> str:
    """Comments that say which packages, and which engine, a table needs."""
    said = "% \\usepackage{booktabs,adjustbox}\n"
    if other := "".join(sorted(set(_SET.sub("", latex)))):
        return said + (
            f"% pdfLaTeX does not have these characters: {other}\n"
            "% Use XeLaTeX or LuaLaTeX with \\usepackage{fontspec} and a font that has them.\n"
        )
    return said if latex.isascii() else said + "% \\usepackage[T1]{fontenc}\n"


def _across(table: Table) -> int:
    """The width of a table in letters, with a gap of two between columns."""
    return sum(2 + max(_letters(table, i), len(h.label)) for i, h in enumerate(table.headings))


def _page_long(table: Table) -> list[Table]:
    """The table in parts that fit on a page, cut between blocks if possible."""
    below = sum(1 + len(note) // _NOTE for note in table.notes)
    long = max(LONG // 2, LONG - max(0, below - 3))
    parts: list[list[tuple[Cell, ...]]] = [[]]
    for block in table.blocks():
        if parts[-1] and len(parts[-1]) + len(block) > long:
            parts.append([])
        for row in block:
            if len(parts[-1]) == long:
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


def turned(table: Table) -> Table:
    """The same cells with each block transposed."""
    group, lead = table.group, table.lead
    kinds = list(dict.fromkeys(tuple(c.text for c in row[group:lead]) for row in table.rows))
    across = tuple(Heading("/".join(kind), kind[-1], " ".join(kind[:-1]).strip()) for kind in kinds)
    rows: list[tuple[Cell, ...]] = []
    for block in table.blocks():
        by_kind = {tuple(c.text for c in row[group:lead]): row for row in block}
        for i, heading in enumerate(table.headings[lead:], start=lead):
            cells = [by_kind[k][i] if k in by_kind else Cell("—", None) for k in kinds]
            rows.append((*block[0][:group], text_cell(heading.label), *cells))
    headings = (*table.headings[:group], Heading("method", "Method", numeric=False), *across)
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
