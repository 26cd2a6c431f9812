"""A folder that appears complete, or not at all."""

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
    """An empty folder that becomes ``target`` when the block ends well.

    When the block raises, or ``target`` came into being meanwhile, nothing of it stays.

    Raises:
        DatasetError: ``target`` already exists.
        ResultsError: it cannot be written, for lack of space or permission.
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
