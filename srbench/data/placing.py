"""Create a folder atomically."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DatasetError
from ..files import cannot_write


@contextmanager
def placed_folder(target: Path) -> Iterator[Path]:
    """An empty temporary folder that is renamed to ``target`` after the block.

    If the block raises, or ``target`` was created meanwhile, the temporary folder is removed.

    Raises:
        DatasetError: ``target`` already exists.
        ResultsError: it cannot be written (no space or no permission).
    """
    made_parent = not target.parent.exists()
    making = target.parent / f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        making.mkdir(parents=True)
        yield making
        if target.exists():
            raise DatasetError(f"{target} already exists; remove it first")
        os.rename(making, target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
        if made_parent and target.parent.is_dir() and not any(target.parent.iterdir()):
            target.parent.rmdir()
