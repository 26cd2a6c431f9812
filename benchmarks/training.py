"""The training step of SRResNet: ours against a plain fp32 eager step with the same batch.

    python benchmarks/training.py [--device cuda] [--rounds N]

The plain step is that of public trainers: contiguous fp32 tensors, torch's PReLU and 9x9
convolution, torch's default Adam, and a ready batch. Ours is the complete ``Trainer.train_step``:
cropping the batch, bfloat16, the guarded update, the moving average. Both are measured alternately
in one run. Prints milliseconds, their ratio, and ours as a fraction of the device's own bfloat16
convolution rate; exit code 1 if the ratio is below the bar (2.2; 3 on a GPU).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from srbench.data.folder import open_dataset
from srbench.data.training import TrainingSet
from srbench.models.layers import PReLU, WideTail
from srbench.models.srresnet import SRResNet
from srbench.training import TrainingProcess, losses, recipe_for
from srbench.training.recipe import Stage
from srbench.training.trainer import Trainer

BATCH, CROP = 16, 96


def our_step(device: torch.device) -> Callable[[], object]:
    """The trainer's step on the sample photographs."""
    sample = open_dataset("sample", None)
    data = TrainingSet((sample.read(image) for image in sample.ids), 4, device)
    stage = Stage(steps=100_000, crop=CROP, batch=BATCH, rate=1e-4, final_rate=1e-4)
    recipe = recipe_for("srresnet-mse", 4, "paper").model_copy(update={"stages": [stage]})
    torch.manual_seed(0)
    network = recipe.architecture.build()
    return Trainer(recipe, network, data, {"mse": losses.mse}, TrainingProcess(device)).train_step


def plain_network() -> nn.Module:
    """SRResNet from torch's layers only, with the same parameters."""
    network = SRResNet(4)
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, PReLU):
                setattr(module, name, nn.PReLU())
            elif isinstance(child, WideTail):
                setattr(module, name, nn.Conv2d(64, 3, 9, padding=4))
    return network


def plain_step(device: torch.device) -> Callable[[], object]:
    """A public trainer's step on a ready batch."""
    torch.manual_seed(0)
    network = plain_network().to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    lr = torch.rand(BATCH, 3, CROP // 4, CROP // 4, device=device)
    hr = torch.rand(BATCH, 3, CROP, CROP, device=device) * 2 - 1

    def step() -> None:
        optimiser.zero_grad()
        F.mse_loss(network(lr), hr).backward()
        optimiser.step()

    return step


def step_flops() -> int:
    """Floating-point operations of a step's convolutions, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        plain_step(torch.device("meta"))()
    return counter.get_total_flops()


def convolution(
    device: torch.device, kind: torch.dtype = torch.bfloat16
) -> tuple[Callable[[], object], int]:
    """A channels-last 3x3 convolution of 64 channels, and its operations: the machine's limit."""
    side = 96 if device.type == "cpu" else 384
    conv = nn.Conv2d(64, 64, 3, padding=1).to(device, kind)
    conv.requires_grad_(False).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # stubs
    image = torch.rand(BATCH, 64, side, side, device=device, dtype=kind)
    image = image.contiguous(memory_format=torch.channels_last)
    return lambda: conv(image), 2 * 64 * 64 * 9 * BATCH * side**2


def seconds(
    calls: list[Callable[[], object]], rounds: int, device: torch.device
) -> list[list[float]]:
    """Times of each call in every round, alternately, so that other load affects all equally."""

    def timed(call: Callable[[], object]) -> float:
        begun = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    for call in calls:
        timed(call)
        timed(call)
    times = [[timed(call) for call in calls] for _ in range(rounds)]
    return [list(column) for column in zip(*times, strict=True)]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=12)
    given = parser.parse_args()
    device = torch.device(given.device)
    conv, conv_flops = convolution(device)
    calls = [plain_step(device), our_step(device), conv]
    plain, ours, bare = seconds(calls, given.rounds, device)
    rate, best = step_flops() / min(ours), conv_flops / min(bare)
    ratio = statistics.median(p / o for p, o in zip(plain, ours, strict=True))
    print(f"batch {BATCH} of {CROP}x{CROP} on {device}, {torch.get_num_threads()} threads")
    print(f"plain fp32 eager  {min(plain) * 1e3:.1f} ms (fastest of {given.rounds})")
    print(f"srbench           {min(ours) * 1e3:.1f} ms, {rate / 1e9:.0f} GFLOP/s")
    print(
        f"bf16 convolution  {best / 1e9:.0f} GFLOP/s, of which the step reaches {rate / best:.0%}"
    )
    print(f"ratio {ratio:.2f} (median of rounds), {min(plain) / min(ours):.2f} (fastest)")
    bar = 3.0 if device.type == "cuda" else 2.2
    print(f"bar {bar}: {'met' if ratio >= bar else 'MISSED'}")
    return 0 if ratio >= bar else 1


if __name__ == "__main__":
    sys.exit(main())
