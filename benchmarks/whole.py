"""`run-all` against the script that a user would write: the same images, methods and metrics.

    python benchmarks/whole.py --data DATA --weights WEIGHTS [--dataset Set14]

Nearest, bicubic and SRResNet-MSE on Set14 at x4; PSNR, SSIM and LPIPS; every SR image saved as PNG.
The script uses Pillow's resize, the eager network, scikit-image's PSNR and SSIM, and calls `lpips`
for each pair. Each run is a new process, including its start; `run-all` makes no figures and no
page, like the script. The minimum of three alternating runs of each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCALE = 4
ROUNDS = 3


def script(data: Path, weights: Path, dataset: str, out: Path) -> None:
    """The script of a user."""
    import numpy as np
    import torch
    from metrics import plain_lpips
    from PIL import Image
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    from srbench.methods.resolve import checkpoint_file
    from srbench.models.checkpoints import load_checkpoint

    network = load_checkpoint(checkpoint_file("srresnet-mse", SCALE, weights))[0]
    distance = plain_lpips(weights)

    def tensor(image: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()

    def enlarged(lr: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            sr = network(tensor(lr).contiguous() / 255)[0].permute(1, 2, 0)
        return ((sr + 1) * 127.5).round().clamp(0, 255).byte().numpy()

    def luma(image: np.ndarray) -> np.ndarray:
        inner = image[SCALE:-SCALE, SCALE:-SCALE]
        return 16 + inner @ np.array([65.481, 128.553, 24.966]) / 255

    rows: list[tuple[object, ...]] = []
    for file in sorted((data / dataset / "HR").iterdir()):
        picture = Image.open(file).convert("RGB")
        width, height = (side // SCALE * SCALE for side in picture.size)
        picture = picture.crop((0, 0, width, height))
        hr = np.asarray(picture)
        small = picture.resize((width // SCALE, height // SCALE), Image.Resampling.BICUBIC)
        images = {
            "nearest": np.asarray(small.resize((width, height), Image.Resampling.NEAREST)),
            "bicubic": np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)),
            "srresnet-mse": enlarged(np.asarray(small)),
        }
        for name, sr in images.items():
            path = out / name / f"{file.stem}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(sr).save(path)
            psnr = peak_signal_noise_ratio(luma(hr), luma(sr), data_range=255)
            ssim = structural_similarity(
                luma(hr), luma(sr), data_range=255, gaussian_weights=True, sigma=1.5,
                use_sample_covariance=False,
            )  # fmt: skip
            with torch.no_grad():
                lpips = distance(tensor(hr) / 127.5 - 1, tensor(sr) / 127.5 - 1)
            rows.append((file.stem, name, psnr, ssim, float(lpips)))
    (out / "scores.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))


def ours(data: Path, weights: Path, dataset: str, out: Path) -> None:
    """The same by `run-all`."""
    from srbench.benchmark import run_all
    from srbench.config import Experiment

    experiment = Experiment(
        datasets=(dataset,), methods=("nearest", "bicubic", "srresnet-mse"),
        metrics=("psnr", "ssim", "lpips"), protocols=("basicsr",), device="cpu",
    )  # fmt: skip
    run_all(experiment, out, root=data, weights=weights, report=False)


def measured(which: str, given: argparse.Namespace) -> tuple[float, float]:
    """Wall and CPU seconds of one way in a process of its own."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable, __file__, "--data", str(given.data), "--weights", str(given.weights),
            "--dataset", given.dataset, "--way", which, "--out", out,
        ]  # fmt: skip
        before, begun = os.times(), time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall, after = time.perf_counter() - begun, os.times()
        cpu = after.children_user + after.children_system
        return wall, cpu - before.children_user - before.children_system


def main() -> None:
    """Print seconds and the ratio."""
    ways = {"script": script, "run-all": ours}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--dataset", default="Set14")
    parser.add_argument("--way", choices=ways, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        ways[given.way](given.data, given.weights, given.dataset, given.out)
        return
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            times[way].append(measured(way, given))
    wall = {way: min(seconds for seconds, _ in times[way]) for way in ways}
    for way in ways:
        cpu = min(seconds for _, seconds in times[way])
        print(f"{way} on {given.dataset}: {wall[way]:.1f} s, {cpu:.1f} s of CPU time")
    ratio = wall["script"] / wall["run-all"]
    print(f"ratio run-all, the script a user would write: {ratio:.2f} (bar 2.5)")


if __name__ == "__main__":
    main()
