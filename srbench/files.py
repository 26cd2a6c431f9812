"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ResultsError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path beside ``target`` that becomes ``target`` when the block ends well.

    The block writes to the path it is given. When it raises, nothing of it stays and an older
    ``target`` is untouched. The folder is made if need be.

    Raises:
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ResultsError(
                f"no space left on the disk while writing {target}; free some and run again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise ResultsError(
                f"cannot write {target}: {error.strerror}; choose a folder you may write to"
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True) if temporary.parent.is_dir() else None


def write_text(target: Path, text: str) -> None:
    """Write ``text`` to ``target`` as UTF-8 with LF line ends, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
