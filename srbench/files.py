"""Name files, and write them atomically."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import ConfigError, ResultsError, WrongType
from .wording import one_line

_LONGEST_NAME = 255
_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp")


def safe_stem(text: str) -> str:
    """A file stem from ``text`` with letters, digits, '.', '_' and '-'; unique for each text."""
    clean = re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip(".")[:80]
    if clean == text:
        return clean
    return f"{clean}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"


@contextmanager
def home_needed(instead: str) -> Iterator[None]:
    """Turn a missing home folder into a one-line error that says what to give ``instead``.

    Raises:
        ConfigError: the block needs a home folder.
    """
    try:
        yield
    except RuntimeError as error:  # raised by pathlib and platformdirs
        raise ConfigError(f"no home folder is known; set HOME, or {instead}") from error


def expanded(path: Path | str) -> Path:
    """``path`` with a leading ~ resolved.

    Raises:
        ConfigError: there is no such home folder, or the path is not valid.
        WrongType: it is not a path.
    """
    if not isinstance(path, (str, Path)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise WrongType(f"{one_line(repr(path))} is a {type(path).__name__}, expected a path")
    if not str(path) or "\0" in str(path):
        raise ConfigError(f"{str(path)!r} cannot be a path; give the name of a file or folder")
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in Path(path).parts):
        raise ConfigError(
            f"the path {one_line(str(path), 60)} has a name of more than {_LONGEST_NAME} bytes, "
            "which no file system accepts"
        )
    with home_needed(f"write out {path} without ~"):
        return Path(path).expanduser()


def place_from(variable: str, given: Path | str | None) -> Path | None:
    """The folder from an option, else from an environment variable, else None.

    Raises:
        ConfigError: it is a file, or cannot be a path.
    """
    source = ""
    if given is None or given == "":
        given, source = os.environ.get(variable), f"{variable}: "
        if not given:
            return None
    path = expanded(given)
    if path.is_file():
        raise ConfigError(f"{source}{path} is a file, expected the name of a folder")
    return path


def resolved(path: Path) -> Path:
    """The absolute path without links and dots; unchanged if links form a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # Python 3.11 and 3.12 raise the latter
        return path.absolute()


@contextmanager
def same_folder() -> Iterator[None]:
    """Run a user's code, and return to the current folder if the code left it."""
    before = os.getcwd()
    try:
        yield
    finally:
        with suppress(OSError):
            os.chdir(before)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, not TOML, or nested too deeply.
    """
    return _parsed(tomllib.loads, path)


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises as `read_toml`."""
    return _parsed(json.loads, path)


def _parsed(parse: Callable[[str], Any], path: Path) -> Any:
    text = path.read_text(encoding="utf-8-sig")  # with or without the mark of Windows' editors
    try:
        return parse(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def cannot_write(target: Path, error: OSError) -> ResultsError:
    """The error for a file or folder that cannot be written."""
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        for place in (target, *target.parents):
            if place.is_file():
                return ResultsError(f"cannot write {target}: {place} is a file, not a folder")
    if error.errno == errno.EISDIR:
        return ResultsError(f"cannot write {target}: it is a folder, expected the name of a file")
    if error.errno == errno.ENOSPC:
        return ResultsError(
            f"no space left on the disk while writing {target}; free some and run again"
        )
    if error.errno == errno.ENAMETOOLONG:
        return ResultsError(f"cannot write {target}: {error.strerror}; choose a shorter name")
    return ResultsError(
        f"cannot write {target}: {error.strerror or error}; choose a folder you may write to"
    )


def require_replaceable(target: Path, ours: str, what: str) -> None:
    """Refuse to write over a file of another kind, such as one that is being read.

    Args:
        target: the file to write; it may exist.
        ours: what an earlier output of this kind contains near its beginning or end. An empty file
            is replaced too: nothing is lost, and programs reserve a name with one (``mktemp``).
        what: this kind in words, such as ``a table of scores``.

    Raises:
        ResultsError: ``target`` is there, is not empty and does not contain ``ours``, or it is a
            device or pipe.
    """
    _refuse_stream(target)
    if not target.is_file():
        return
    try:
        with target.open("rb") as file:
            content = file.read(1024)
            file.seek(max(file.tell(), target.stat().st_size - 2**16))  # a ZIP's list of files
            content += file.read()
    except OSError as error:
        raise cannot_write(target, error) from error
    if content and ours.encode() not in content:
        raise ResultsError(
            f"{target} exists and is not {what}, so it is not replaced; choose another name"
        )


_FOLDERS = {
    "a results folder": ("run.json", "scores.csv"),
    "a study": ("manifest.json", "stimuli"),
    "an analysis": ("reliability.json", "analysis.html"),
}


def require_folder_for(kind: str, folder: Path) -> None:
    """Refuse to write ``kind`` of results into a folder that contains another kind.

    ``kind`` is ``a results folder``, ``a study`` or ``an analysis``: their files have common names.

    Raises:
        ResultsError: the folder contains another kind.
    """
    for other, marks in _FOLDERS.items():
        if other != kind and all((folder / mark).exists() for mark in marks):
            raise ResultsError(
                f"{folder} is {other} (it contains {' and '.join(marks)}), expected {kind} or a "
                "new folder; choose another --out"
            )


# Files that file managers leave in folders which look empty.
_OF_FILE_MANAGERS = {".DS_Store", "Thumbs.db", "desktop.ini", ".directory"}


def is_unused(folder: Path) -> bool:
    """Whether a new folder can be made here: nothing is there, or an empty folder.

    A folder that holds only files of file managers (.DS_Store, Thumbs.db) is empty.
    """
    if not folder.is_dir():
        return not folder.exists()
    return {path.name for path in folder.iterdir()} <= _OF_FILE_MANAGERS


def put_folder(made: Path, target: Path) -> None:
    """Rename the folder ``made`` to ``target``, which is unused (`is_unused`).

    Raises:
        OSError: ``target`` is in use, or cannot be written.
    """
    if target.is_dir():
        for name in _OF_FILE_MANAGERS:
            (target / name).unlink(missing_ok=True)
        target.rmdir()
    os.replace(made, target)


def _refuse_stream(target: Path) -> None:
    """Refuse a device or pipe: a file would replace it for all programs."""
    folder = resolved(target.parent)
    # /dev/stdout is a link to a regular file if the shell redirects the output into one.
    system = folder == Path("/dev") or folder.is_relative_to("/proc")
    try:
        there = target.exists()
    except OSError as error:  # the name is too long
        raise cannot_write(target, error) from error
    if there and (system or not (target.is_file() or target.is_dir())):
        raise ResultsError(f"cannot write {target}: it is not a regular file; choose another name")


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path next to ``target`` that becomes ``target`` when the block succeeds.

    The block writes to this path. If it raises, the temporary file is removed and an older
    ``target`` is unchanged. The folder is created if needed.

    Raises:
        ResultsError: the file cannot be written, or the disk is full.
    """
    # Not named after the target, whose name may already have the maximum length.
    target = Path(target)  # Python callers may give a text
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")  # as _TEMPORARY
    _refuse_stream(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.errno is None:  # from a library, not from the system
            raise
        raise cannot_write(target, error) from error
    finally:
        with suppress(OSError):  # errors of the disk were reported above
            temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove temporary files of `atomic_path` in ``folder`` or below from killed processes.

    Use it only if no other process is writing to the folder.
    """
    for path in folder.rglob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write ``content`` to ``target``, atomically; raises as `atomic_path`."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, text: str) -> None:
    """Write ``text`` to ``target`` as UTF-8, atomically; raises as `atomic_path`."""
    write_bytes(target, text.encode("utf-8"))
