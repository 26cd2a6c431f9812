"""Options that several commands share, and what options of one kind are checked by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def a_device(name: str) -> str:
    """For --device: what no device can be called is refused before any work."""
    from .config import require_device_name

    return require_device_name(name)


def a_file(path: Path | None) -> Path | None:
    """For an option that names a file, there or not: a folder is refused before any work."""
    if path and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder, expected the name of a file")
    return path


def a_folder(path: Path | None) -> Path | None:
    """For an option that names a folder, there or not: a file is refused before any work."""
    if path and path.is_file():
        raise typer.BadParameter(f"{path} is a file, expected the name of a folder")
    return path


DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", callback=a_folder, help="Root of the data sets (default: $SRBENCH_DATA)."
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights", callback=a_folder, help="Folder of weights (default: $SRBENCH_WEIGHTS)."
    ),
]
DeviceOption = Annotated[
    str, typer.Option(callback=a_device, help="auto, cpu, cuda, cuda:1, mps or xpu.")
]
