"""The speed of the metrics compared with scikit-image and lpips called for each pair.

    python benchmarks/metrics.py --data DATA --weights WEIGHTS [--images N]

Both score six SR images of every BSD100 original (x4), alternately, in one process. The time of the
other libraries is only that of the metric call, with luma planes or tensors ready; ours includes
everything from 8-bit pixels to the number. Quote the ratios, not the seconds.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from skimage.metrics import structural_similarity

from srbench.imaging import crop_to_multiple, imresize, read_image, studio_luma
from srbench.metrics import Lpips, get_protocol
from srbench.models.torchvision_import import import_torchvision
from srbench.models.weights import load_weights

SCALE = 4
PlainLpips = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def original_and_six_methods(original: np.ndarray) -> list[np.ndarray]:
    """The cropped original and six different images of its size."""
    hr = crop_to_multiple(original, SCALE)
    lr = imresize(hr, 1 / SCALE, border="replicate")
    nearest = lr.repeat(SCALE, 0).repeat(SCALE, 1)
    bicubic = imresize(lr, SCALE, border="replicate")
    mixtures = [bicubic * (1.0 - share) + hr * share for share in (0.2, 0.4, 0.6, 0.8)]
    return [hr, nearest, bicubic, *(np.round(m).astype(np.uint8) for m in mixtures)]


def plain_lpips(weights: Path) -> PlainLpips:
    """The authors' model, with the backbone's weights read from ``weights``."""
    import_torchvision()
    import lpips

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision renamed the argument that lpips uses
        model = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    state = load_weights("alexnet-features", weights)
    names = list(model.net.state_dict())  # slice2.3.weight
    model.net.load_state_dict({n: state["features." + n.partition(".")[2]] for n in names})
    return model


def scikit_ssim(planes: list[np.ndarray]) -> list[float]:
    hr, *srs = planes
    # scikit-image states no return type; without options it is the mean.
    plain = cast(Callable[..., float], structural_similarity)
    ssim = partial(plain, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    return [ssim(hr, sr, data_range=255) for sr in srs]


def our_psnr_and_ssim(images: list[np.ndarray]) -> list[float]:
    hr, *srs = images
    reference = get_protocol("matlab").prepare(hr, SCALE)
    return [reference.score(sr)["ssim_y"] for sr in srs]


def plain_distances(model: PlainLpips, tensors: list[torch.Tensor]) -> list[float]:
    hr, *srs = tensors
    with torch.no_grad():
        return [float(model(hr, sr)) for sr in srs]


def our_distances(model: Lpips, images: list[np.ndarray]) -> list[float]:
    hr, *srs = images
    reference = model.prepare(hr)
    return [model.distance(reference, sr) for sr in srs]


@dataclass
class Race:
    """Times and values of two ways to compute the same numbers."""

    title: str
    bar: float
    theirs: float = 0.0
    ours: float = 0.0
    difference: float = 0.0

    def run(self, theirs: Callable[[], list[float]], ours: Callable[[], list[float]]) -> None:
        start = time.perf_counter()
        expected = theirs()
        between = time.perf_counter()
        found = ours()
        self.ours += time.perf_counter() - between
        self.theirs += between - start
        self.difference = max(self.difference, float(np.abs(np.subtract(found, expected)).max()))

    def __str__(self) -> str:
        ratio = self.theirs / self.ours
        return f"{self.title:34}{ratio:7.2f}{self.bar:6.1f}{self.difference:20.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Ratios of our metrics to the usual libraries'.")
    parser.add_argument("--data", type=Path, default=os.environ.get("SRBENCH_DATA"))
    parser.add_argument("--weights", type=Path, default=os.environ.get("SRBENCH_WEIGHTS"))
    parser.add_argument("--images", type=int, default=100)
    options = parser.parse_args()
    if not options.data or not options.weights:
        parser.error("give --data and --weights, or set SRBENCH_DATA and SRBENCH_WEIGHTS")

    lpips, plain = Lpips("alex", options.weights), plain_lpips(Path(options.weights))
    ssim_race = Race("PSNR + SSIM, scikit-image's SSIM", 1.5)
    lpips_race = Race("LPIPS alex, lpips", 1.6)
    files = sorted((Path(options.data) / "BSD100" / "HR").iterdir())[: options.images]
    for file in files:
        images = original_and_six_methods(read_image(file))
        inner = np.s_[SCALE:-SCALE, SCALE:-SCALE]
        planes = [studio_luma(image, rounded=True)[inner] for image in images]
        tensors = [
            torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
            for image in images
        ]
        if file == files[0]:  # warm up
            our_distances(lpips, images)
            plain_distances(plain, tensors)
        ssim_race.run(partial(scikit_ssim, planes), partial(our_psnr_and_ssim, images))
        lpips_race.run(
            partial(plain_distances, plain, tensors), partial(our_distances, lpips, images)
        )

    print(f"{len(files)} images of BSD100, 6 methods, x{SCALE}, {torch.get_num_threads()} threads")
    print(f"{'ours against':34}{'ratio':>7}{'bar':>6}{'largest difference':>20}")
    print(ssim_race, lpips_race, sep="\n")


if __name__ == "__main__":
    main()
