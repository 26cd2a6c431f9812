"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Root of the data sets (default: $SRBENCH_DATA).")
]
WeightsOption = Annotated[
    Path | None, typer.Option("--weights", help="Folder of weights (default: $SRBENCH_WEIGHTS).")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps ...")]
