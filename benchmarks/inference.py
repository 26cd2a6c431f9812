"""SRResNet inference: our method against plain PyTorch (eager), in one run.

    python benchmarks/inference.py

Prints the fastest time of each, their ratio, ours as a fraction of the machine's own float32
convolution rate, and how the 8-bit outputs differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from training import convolution

from srbench.data.folder import open_dataset
from srbench.imaging import imresize
from srbench.methods.network import NetworkMethod
from srbench.models.checkpoints import load_checkpoint
from srbench.models.srresnet import SRResNet

ROUNDS = 40


def plain(network: SRResNet, lr: np.ndarray) -> np.ndarray:
    """The network as in public implementations: eager, contiguous, not folded."""
    x = torch.from_numpy(lr.copy()).permute(2, 0, 1)[None].contiguous().float() / 255
    with torch.inference_mode():
        first = network.head(x)
        features = network.upsample(first + network.merge(network.blocks(first)))
        y = nn.functional.conv2d(features, network.tail.weight, network.tail.bias, padding=4)
    return ((y[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()


def flops(lr: np.ndarray) -> int:
    """Floating-point operations of the plain network's convolutions."""
    network = SRResNet(4).eval().to("meta")
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.empty(1, 3, *lr.shape[:2], device="meta"))
    return counter.get_total_flops()


def fastest_seconds(calls: list[Callable[[], object]]) -> list[float]:
    """The fastest round of each call, measured alternately to reduce the effect of other load."""
    for call in calls:
        call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, own in zip(calls, times, strict=True):
            begun = time.perf_counter()
            call()
            own.append(time.perf_counter() - begun)
    return [min(own) for own in times]


def main() -> None:
    """Measure on an LR image of 120x80 pixels."""
    torch.manual_seed(0)
    network = SRResNet(4).eval()
    try:
        from srbench.methods.resolve import checkpoint_file
        from srbench.models.weights_catalogue import weights_folder

        path = checkpoint_file("srresnet-mse", 4, weights_folder())
        loaded = load_checkpoint(path)[0]
        assert isinstance(loaded, SRResNet)
        network = loaded
        print("weights: srresnet-mse")
    except Exception as error:
        print(f"weights: random ({error})")
    lr = imresize(open_dataset("sample", None).read("coffee"), 0.25)[:80, :120]
    method = NetworkMethod("srresnet", 4, "", lambda: network, "cpu")
    expected = plain(network, lr)
    difference = np.abs(method.upscale(lr).astype(int) - expected)
    limit, limit_flops = convolution(torch.device("cpu"), torch.float32)
    eager, ours, bare = fastest_seconds(
        [lambda: plain(network, lr), lambda: method.upscale(lr), limit]
    )
    print(
        f"plain eager {eager * 1e3:.0f} ms, srbench {ours * 1e3:.0f} ms: {eager / ours:.2f} times"
    )
    rate, best = flops(lr) / ours, limit_flops / bare
    print(
        f"{rate / 1e9:.0f} GFLOP/s; a float32 convolution alone {best / 1e9:.0f}: "
        f"{rate / best:.2f} of the limit"
    )
    print(f"8-bit values that differ: {np.mean(difference > 0):.4%}, by at most {difference.max()}")


if __name__ == "__main__":
    main()
