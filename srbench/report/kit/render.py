"""A table as data, and the same table as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Literal

from ...csv_cells import guard
from ...files import write_text

# LaTeX, in points. A page's width is A4's without margins of 2 cm, or both columns of a paper.
_PAGE, _COLUMN = 480, 240
_LONG = 48  # lines beyond which the table is broken over pages
_WORDY = 40  # letters beyond which a column's text is broken over lines
_SIZES = (("small", 9, 6), ("footnotesize", 8, 3), ("scriptsize", 7, 2))  # letters, column gap


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
    mark = {} if table.simulated is None else {"simulated": str(table.simulated)}
    writer.writerow([*(guard(h.key) for h in table.headings), *mark])
    for row in table.rows:
        writer.writerow([*(_csv_value(c.value) for c in row), *mark.values()])
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
    '"': "''", "`": r"\textasciigrave{}",
    # After the end of a row, a bracket would be a distance and an asterisk a command's variant.
    "[": "{[}", "]": "{]}", "*": "{*}",
    "\u200b": "{}",
}  # fmt: skip


def _tex(text: str) -> str:
    # Two hyphens or apostrophes in a row would be set as one sign.
    apart = re.sub(r"([-'])(?=\1)", "\\1\u200b", " ".join(text.split()))
    return "".join(_TEX.get(c, c) for c in apart)


def to_latex(table: Table) -> str:
    """LaTeX for ``booktabs`` (and ``longtable`` beyond a page), best bold, second underlined.

    It fits a text width of 480 pt, as far as widths can be told without setting them: in smaller
    letters, else turned, else in parts, each with the leading columns.
    """
    if table.may_turn and _width(table, *_SIZES[1][1:]) > _PAGE:
        table = _turned(table)
    size, letters, gap = next((s for s in _SIZES if _width(table, *s[1:]) <= _PAGE), _SIZES[-1])
    parts = _parts(table, letters, gap)
    long = sum(len(part.rows) + 3 for part in parts) > _LONG
    caption = f"\\caption{{{_tex(table.title)}. {_tex(table.caption)}}}\\label{{tab:{table.stem}}}"
    set_in = f"\\{size}\\setlength{{\\tabcolsep}}{{{gap}pt}}"
    notes = "".join(f"\\par\\footnotesize {_tex(note)}\n" for note in table.notes)
    first = f"% \\usepackage{{booktabs{', longtable' if long else ''}}}; text width: {_PAGE} pt\n"
    if long:
        made = _longtable(parts[0], caption)
        for part in parts[1:]:  # longtable counts each of them
            again = f"Table~\\ref{{tab:{table.stem}}}, continued"
            begin = f"\\multicolumn{{{len(part.headings)}}}{{l}}{{{again}}}"
            made += "\\addtocounter{table}{-1}\n" + _longtable(part, begin)
        return f"{first}{{{set_in}\n{made}{notes}}}\n"
    place = "table*" if len(parts) > 1 or _width(table, letters, gap) > _COLUMN else "table"
    made = "\\par\\medskip\n".join(_tabular(part) for part in parts)
    return (
        f"{first}\\begin{{{place}}}\n\\centering\n{set_in}\n{caption}\n{made}{notes}"
        f"\\end{{{place}}}\n"
    )


def _tabular(table: Table) -> str:
    return (
        f"\\begin{{tabular}}{{{_tex_spec(table)}}}\n\\toprule\n{_tex_head(table.headings)}\n"
        f"\\midrule\n{_tex_body(table)}\n\\bottomrule\n\\end{{tabular}}\n"
    )


def _longtable(table: Table, begin: str) -> str:
    head = _tex_head(table.headings)
    return (
        f"\\begin{{longtable}}{{{_tex_spec(table)}}}\n{begin}\\\\\n\\toprule\n{head}\n\\midrule\n"
        f"\\endfirsthead\n\\toprule\n{head}\n\\midrule\n\\endhead\n\\bottomrule\n\\endfoot\n"
        f"{_tex_body(table)}\n\\end{{longtable}}\n"
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


def _parts(table: Table, letters: int, gap: int) -> list[Table]:
    """The table in as few parts as fit a page: the leading columns and a share of the others."""
    runs = [
        [i for i, _ in run]
        for _, run in groupby(
            list(enumerate(table.headings))[table.lead :], lambda h: h[1].over or h[0]
        )
    ]
    parts = [table]
    for count in range(2, len(runs) + 1):
        if all(_width(part, letters, gap) <= _PAGE for part in parts):
            break
        ends = [len(runs) * i // count for i in range(count + 1)]
        shares = [runs[start:end] for start, end in pairwise(ends)]
        parts = [_columns(table, [i for run in share for i in run]) for share in shares]
    return parts


def _columns(table: Table, chosen: list[int]) -> Table:
    kept = [*range(table.lead), *chosen]
    return replace(
        table,
        headings=tuple(table.headings[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )


def _width(table: Table, letters: int, gap: int) -> float:
    """About how wide the table is in letters of that many points, rather more than less."""
    widths = [
        min(max(map(_em, [h.label, *(row[i].text for row in table.rows)])) * letters, 0.3 * _PAGE)
        for i, h in enumerate(table.headings)
    ]
    return sum(widths) + 2 * gap * len(widths)


def _em(text: str) -> float:
    """The width of a line in Computer Modern, in multiples of the letters' size."""
    return sum(
        1.05 if c in "MWmw@%&—∞" else 0.78 if c.isupper() or c > "~" else
        0.35 if c in "fijlt.,:;'!|()[] -" else 0.54
        for c in text
    )  # fmt: skip


def _letters(table: Table, column: int) -> int:
    return max((len(row[column].text) for row in table.rows), default=0)


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
