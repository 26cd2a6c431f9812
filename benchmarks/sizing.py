"""The cost of a run per megapixel (methods, metrics, files), for docs/how-to/sizing.md.

    python benchmarks/sizing.py --data DATA [--weights WEIGHTS]

CPU seconds of all threads per megapixel of the original, on Set5 `baby`
(0.26 megapixels) and on a mosaic of it (2.4); and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from srbench.data.folder import open_dataset
from srbench.imaging import crop_to_multiple, encode_png, imresize, read_image, write_png
from srbench.methods import load_method
from srbench.metrics import PROTOCOLS, Lpips, get_protocol
from srbench.models.weights_catalogue import LPIPS_BACKBONES, weights_folder, weights_path

METHODS = ("nearest", "bicubic", "espcn", "srresnet-mse")


def cost(call: Callable[[], object], megapixels: float) -> float:
    """CPU seconds per megapixel, the minimum of three runs (two for a large image)."""
    times: list[float] = []
    for _ in range(3 if megapixels < 1 else 2):
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return min(times) / megapixels


def measure(hr: np.ndarray, weights: Path) -> dict[str, float]:
    """The cost of each part on one original, by name."""
    megapixels = hr.shape[0] * hr.shape[1] / 1e6
    lr = imresize(hr, 0.25)
    costs: dict[str, float] = {}
    sr = hr
    for name in METHODS:
        method = load_method(name, weights=weights)
        method.prepare()
        costs[name] = cost(lambda method=method: method.upscale(lr), megapixels)
        if name == "bicubic":
            sr = method.upscale(lr)
    for name in PROTOCOLS:
        reference = get_protocol(name).prepare(hr, 4)
        reference.score(sr)  # the original's part is computed at the first use
        each = cost(lambda r=reference: r.score(sr), megapixels)
        alone = cost(lambda name=name: get_protocol(name).prepare(hr, 4).score(sr), megapixels)
        costs[f"{name}, the original, once"] = max(alone - each, 0.0)
        costs[f"{name}, each SR image"] = each
    for net, backbone in LPIPS_BACKBONES.items():
        if weights_path(backbone, weights).is_file():
            lpips = Lpips(net, weights)
            features = lpips.prepare(hr)
            costs[f"LPIPS {net}, the original, once"] = cost(
                lambda m=lpips: m.prepare(hr), megapixels
            )
            costs[f"LPIPS {net}, each SR image"] = cost(
                lambda m=lpips, f=features: m.distance(f, sr), megapixels
            )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hr.png"
        write_png(path, hr)
        costs["reading and shrinking the original"] = cost(
            lambda: imresize(crop_to_multiple(read_image(path), 4), 0.25), megapixels
        )
    costs["PNG of each SR image"] = cost(lambda: encode_png(sr), megapixels)
    return costs


def main() -> None:
    """Measure and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    baby = crop_to_multiple(open_dataset("Set5", given.data).read("baby"), 4)
    small = measure(baby, weights_folder(given.weights))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    large = measure(np.tile(baby, (3, 3, 1)), weights_folder(given.weights))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("| CPU seconds per megapixel of the original | 0.26 MP | 2.4 MP |")
    print("|---|---|---|")
    for name, value in small.items():
        print(f"| {name} | {value:.3g} | {large[name]:.3g} |")
    print(
        f"\nmemory at most: {before / 1024:.0f} MB after 0.26 MP, {after / 1024:.0f} MB after 2.4"
    )


if __name__ == "__main__":
    main()
