"""The device of a training process and its rank in ``torchrun``."""

from __future__ import annotations

import gc
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..models.device import pick_device


@dataclass(frozen=True)
class TrainingProcess:
    """A process that trains: on ``device``, the ``rank``-th of ``count`` processes.

    Each process draws its part of every batch, and gradients are averaged. Only process 0 writes.
    """

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process validates, logs and saves."""
        return self.rank == 0

    def part(self, batch: int) -> slice:
        """This process's part of a batch, whose size is a multiple of ``count``."""
        each = batch // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def distribute(self, network: nn.Module) -> nn.Module:
        """``network``, or with several processes one whose backward pass averages gradients.

        Batch normalisation uses the whole batch on GPUs. On CPUs, for which torch has no such
        layer, it uses the process's own part.
        """
        if self.count == 1:
            return network
        if self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        with warnings.catch_warnings():  # older torch does not know the newer name
            warnings.filterwarnings("ignore", message=".*broadcast_buffers", category=FutureWarning)
            return DistributedDataParallel(network, broadcast_buffers=False)

    def mean(self, numbers: dict[str, float]) -> dict[str, float]:
        """Means over the processes of numbers by name."""
        if self.count == 1:
            return numbers
        total = torch.tensor(list(numbers.values()), device=self.device)
        torch.distributed.all_reduce(total)
        return dict(zip(numbers, (total / self.count).tolist(), strict=True))

    def wait(self) -> None:
        """Wait until every process has reached this call."""
        self.mean({"": 0.0})


@contextmanager
def training_process(device: str) -> Iterator[TrainingProcess]:
    """The place of this process, joined with the others if ``torchrun`` started it.

    ``device`` is ``auto``, ``cpu``, ``cuda`` and so on; with torchrun every process takes the GPU
    of its own number.

    Raises:
        SrbenchError: the device does not exist.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield TrainingProcess(torch.device(pick_device(device)))
        return
    if device in ("auto", "cuda") and torch.cuda.is_available():
        # Never `cuda` alone, which is GPU 0: every process would take memory there.
        device = f"cuda:{os.environ['LOCAL_RANK']}"
    place = TrainingProcess(torch.device(pick_device(device)), int(os.environ["RANK"]), count)
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    # DistributedDataParallel imports this module, whose default arguments keep the group of that
    # moment for ever: imported here, before there is a group, they keep none. Threads of a group
    # that is never freed can abort the process while the interpreter ends.
    importlib.import_module("torch.distributed.nn")
    torch.distributed.init_process_group("nccl" if place.device.type == "cuda" else "gloo")
    try:
        yield place
    finally:
        gc.collect()  # networks of DistributedDataParallel are cycles, and they hold the group
        torch.distributed.destroy_process_group()
