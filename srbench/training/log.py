"""The logs of a training: mean losses over steps."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import torch

from ..csv_cells import guard
from ..errors import TrainingError
from ..files import atomic_path


class Means:
    """Means of tensors by name, collected without synchronising with the device."""

    def __init__(self) -> None:
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def add(self, values: Mapping[str, torch.Tensor]) -> None:
        """One more step."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach()
        self._count += 1

    def take(self) -> dict[str, float]:
        """The means since the last call."""
        means = {name: float(total) / self._count for name, total in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


class CsvLog:
    """A CSV file ``step,name,value``, one row per number.

    Rows after ``step`` are removed, because a resumed run writes them again.
    """

    def __init__(self, path: Path, step: int) -> None:
        rows = [["step", "name", "value"]]
        if step > 0 and path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                # A killed process may leave an incomplete last row.
                whole = (row for row in csv.reader(file) if len(row) == 3)
                rows += [row for row in whole if row[0].isdigit() and int(row[0]) <= step]
        with atomic_path(path) as temporary, temporary.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        self._path = path

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Append the numbers of one step."""
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows([step, guard(name), f"{value:.6g}"] for name, value in numbers.items())


class TensorboardLog:
    """The same numbers for TensorBoard, in ``folder``; entries after ``step`` are dropped.

    Raises:
        TrainingError: the package is not installed.
    """

    def __init__(self, folder: Path, step: int) -> None:
        require_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(folder, purge_step=step + 1)

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Append the numbers of one step."""
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()


def require_tensorboard() -> None:
    """Check that TensorBoard's package is installed.

    Raises:
        TrainingError: it is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise TrainingError(
            "the TensorBoard log needs the package tensorboard, which is not installed; run "
            "pip install '.[tensorboard]', or leave out --tensorboard: log.csv is always written"
        )
