"""Read a CSV from another program: detect its kind and find its header.

Encodings: UTF-8 with or without byte order mark, UTF-16 with it. Separators: comma, semicolon, tab
or vertical bar, whichever gives a header with the needed columns. Lines above the header (blank
lines, comments, titles, Excel's ``sep=;``) are skipped. For a package of `srbench study package`,
its table of ratings is read.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import RatingsError
from .files import expanded

_SEPARATORS = ",;\t|"
_LINES_ABOVE = 50  # number of lines in which the header is searched
_PACKED = re.compile(r"data/study-[0-9A-Za-z]+_data\.csv")  # the ratings of a package
# What zipfile raises for a damaged archive. The last two: an encrypted archive, and a compression
# that zipfile does not know.
UNREADABLE_ARCHIVE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError,
    NotImplementedError,
)  # fmt: skip
_SAVE = "save its table as CSV in UTF-8"
_BEGINNINGS = (
    (b"SQLite format 3\0", "an SQLite database", "give the study's folder, or `study export` it"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (xls)", _SAVE),
    (b"\x1f\x8b", "compressed by gzip", "unpack it"),
    (b"BZh", "compressed by bzip2", "unpack it"),
    (b"\xfd7zXZ\0", "compressed by xz", "unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"PAR1", "a Parquet table", _SAVE),
    (b"ARROW1", "a Feather table", _SAVE),
    (b"\x89HDF", "an HDF5 file", _SAVE),
    (b"%PDF", "a PDF", _SAVE),
    (b"\x89PNG", "a PNG image", "give a table"),
    (b"\xff\xd8\xff", "a JPEG image", "give a table"),
    (b"$FL2", "an SPSS file", _SAVE),
    (b"<stata_dta>", "a Stata file", _SAVE),
    (codecs.BOM_UTF32_LE, "UTF-32 text", "save it as CSV in UTF-8"),
    (codecs.BOM_UTF32_BE, "UTF-32 text", "save it as CSV in UTF-8"),
)


@dataclass(frozen=True)
class CsvText:
    """``text`` from the header on, its ``separator``, the ``header``'s names without outer blanks,
    and the ``line`` of the file (from 1) with the header.
    """

    text: str
    separator: str
    header: tuple[str, ...]
    line: int


def read_csv_text(path: Path, needed: Sequence[str]) -> CsvText:
    """The text of a table with the ``needed`` columns, without regard to case.

    The header is the first line that names them all. Without such a line it is the first line that
    is neither blank nor a comment, so that the caller can report missing columns.

    Raises:
        RatingsError: the file cannot be read, is empty, or is of another kind, which the message
            states.
    """
    path = expanded(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise RatingsError(f"cannot read {path}: it does not exist") from error
    except OSError as error:
        raise RatingsError(f"cannot read {path}: {error.strerror}") from error
    _require_as_packed(path, content)
    content = _of_package(path.name, content)
    _refuse_other_kinds(path.name, content)
    text = _decoded(path.name, content)
    _refuse_other_texts(path.name, text, needed)
    lines = re.split(r"\r\n|\r|\n", text[:200_000], maxsplit=_LINES_ABOVE)[:_LINES_ABOVE]
    first: CsvText | None = None
    hidden = False
    at = 0
    for number, line in enumerate(lines, 1):
        cells = {mark: _cells(line, mark) for mark in _SEPARATORS}
        for mark, names in cells.items():
            if set(needed) <= {name.casefold() for name in names}:
                return CsvText(text[at:], mark, names, number)
        blank = not line.strip(_SEPARATORS + " \"'") or re.fullmatch(r"sep=.", line.strip())
        commented = _cells(line.lstrip("# "), ",") if line.startswith("#") else ()
        hidden |= set(needed) <= {name.casefold() for name in commented}
        if first is None and not blank and not line.startswith("#"):
            mark = max(_SEPARATORS, key=lambda mark: len(cells[mark]))
            first = CsvText(text[at:], mark, cells[mark], number)
        at += len(line)
        at += 2 if text.startswith("\r\n", at) else 1
    if hidden:
        raise RatingsError(f"the header of {path.name} starts with #; remove it")
    if first is None:
        raise RatingsError(f"{path.name} is empty; expected the columns {', '.join(needed)}")
    return first


def read_rows(path: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of such a table, each with its line in the file; columns are spelt as in ``needed``.

    Empty rows, which spreadsheets leave, and blanks around a cell's text are left out.

    Raises:
        RatingsError: as `read_csv_text`, a column is missing or occurs twice, or a row has another
            number of cells than the header. The message follows the file's name.
    """
    try:
        found = read_csv_text(path, needed)
    except RatingsError as error:
        raise RatingsError(f"cannot be read as a CSV table ({error})") from error
    spelt = {name.casefold(): name for name in needed}
    header = [spelt.get(name.casefold(), name) for name in found.header]
    if absent := [name for name in needed if name not in header]:
        there = ", ".join(name for name in header if name)
        raise RatingsError(
            f"lacks the column '{absent[0]}'; it has {there}, expected {', '.join(needed)}"
        )
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise RatingsError(f"has two columns '{twice[0]}'; remove one")
    # newline="": keep line ends within quotes
    reader = csv.reader(
        io.StringIO(found.text, newline=""), delimiter=found.separator, skipinitialspace=True
    )
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        next(reader)
        for row in reader:
            line = found.line - 1 + reader.line_num
            if any(row):
                if len(row) != len(header):
                    raise RatingsError(
                        f"has {len(row)} cells in line {line}, expected {len(header)} as in the "
                        "header"
                    )
                rows.append((line, dict(zip(header, map(str.strip, row), strict=True))))
    except csv.Error as error:
        raise RatingsError(f"cannot be read as a CSV table ({error})") from error
    return rows


def _of_package(name: str, content: bytes) -> bytes:
    """The ratings of a package of `srbench study package`; other content unchanged.

    Raises:
        RatingsError: the package is damaged, or its ratings were changed after it was made.
    """
    if not content.startswith(b"PK\x03\x04"):
        return content
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except UNREADABLE_ARCHIVE:
        return content  # refused like any other archive
    with archive:
        names = archive.namelist()
        tables = [inside for inside in names if _PACKED.fullmatch(inside)]
        if "dataset_description.json" not in names or not tables:
            return content
        try:
            table = archive.read(tables[0])
            recorded = _recorded(archive.read("metadata.json"))
        except (*UNREADABLE_ARCHIVE, KeyError, ValueError, TypeError, RecursionError) as error:
            raise RatingsError(
                f"{name} is a damaged package ({' '.join(str(error).split())}); get it again"
            ) from error
    if recorded.get(tables[0]) != hashlib.sha256(table).hexdigest() or tables[1:]:
        raise _changed(f"{name}: {tables[-1]}")
    return table


def _require_as_packed(path: Path, content: bytes) -> None:
    """Refuse a table in the folder of an unpacked package that was changed.

    Other line ends, which programs for archives and versions write, are no change.
    """
    root = path.absolute().parent.parent
    try:
        if not (root / "dataset_description.json").is_file():
            return
        recorded = _recorded((root / "metadata.json").read_bytes())
    except (OSError, KeyError, ValueError, TypeError, RecursionError):
        return  # the folder of another program
    hashes = {hashlib.sha256(one).hexdigest() for one in (content, content.replace(b"\r\n", b"\n"))}
    inside = f"{path.absolute().parent.name}/{path.name}"
    if recorded.get(inside, min(hashes)) not in hashes:
        raise _changed(str(path))


def _changed(what: str) -> RatingsError:
    return RatingsError(
        f"{what} was changed after the package was made (metadata.json records another SHA-256); "
        "get the package again, or give a copy of the table outside of it"
    )


def _recorded(metadata: bytes) -> dict[str, str]:
    """The SHA-256 of every file of a package, from its Croissant metadata."""
    files = json.loads(metadata)["distribution"]
    return {str(file["@id"]): str(file["sha256"]) for file in files}


def _cells(line: str, separator: str) -> tuple[str, ...]:
    try:
        row = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return (line,)
    return tuple(cell.strip() for cell in row)


def _refuse_other_kinds(name: str, content: bytes) -> None:
    """Refuse files that are not text, by their first bytes."""
    if content.startswith(b"PK\x03\x04"):
        raise RatingsError(f"{name} {_archive(content)}")
    for beginning, what, remedy in _BEGINNINGS:
        if content.startswith(beginning):
            raise RatingsError(f"{name} is {what}, not a CSV; {remedy}")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    if b"\0" in content[:1000]:
        raise RatingsError(
            f"{name} is not UTF-8 text: it holds zero bytes, as UTF-16 without byte order mark or "
            "a binary file does; save it as CSV in UTF-8"
        )


def _archive(content: bytes) -> str:
    """What a ZIP file is, by the files in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            inside = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return "is a damaged ZIP archive, not a CSV; create it again"
    if any(part.startswith("xl/") for part in inside):
        return f"is an Excel workbook (xlsx), not a CSV; {_SAVE}"
    if "content.xml" in inside:
        return f"is an OpenDocument file (ods), not a CSV; {_SAVE}"
    shown = ", ".join(inside[:3]) + (", ..." if len(inside) > 3 else "")
    return f"is a ZIP archive ({shown or 'empty'}), not a CSV; unpack it"


def _decoded(name: str, content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise RatingsError(
                f"{name} begins as UTF-16 text but is damaged; save it as CSV in UTF-8"
            ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RatingsError(
            f"{name} is not UTF-8 text (byte 0x{content[error.start]:02X} in line {line}); "
            "save it as CSV in UTF-8"
        ) from error


def _refuse_other_texts(name: str, text: str, needed: Sequence[str]) -> None:
    """Refuse JSON, markup and sureal's data sets, which are text but not CSV."""
    start = text[:2000].lstrip()
    row = f"the columns {','.join(needed)}"
    if "rater" in needed:
        row = "one row per vote under rater,dataset,image,method,score"
    if re.search(r"^\s*['\"]?dis_videos\b", text, re.MULTILINE) or re.match(r"[{[<]", start):
        if "dis_videos" in text:
            raise RatingsError(
                f"{name} is a data set of sureal, not a CSV; expected {row}: each score in the "
                "`os` of a dis_videos entry becomes a row"
            )
        what = "XML or HTML" if start[0] == "<" else "JSON"
        raise RatingsError(f"{name} is {what}, not a CSV; expected {row}")
