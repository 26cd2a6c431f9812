"""``srbench doctor``: check that the installation is complete and reproduces known values."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import numpy as np

from .. import __version__
from ..benchmark.arrays import score
from ..data.catalogue import SAMPLE, catalogue
from ..data.folder import Dataset, auto_datasets, dataset_folder, open_dataset
from ..data.verify import verify
from ..errors import SrbenchError
from ..imaging import Border, crop_to_multiple, imresize
from ..imaging.luma import Image
from ..methods import load_method
from ..methods.resolve import NETWORKS, checkpoint_file
from ..metrics.protocols import PROTOCOLS
from ..models.weights_catalogue import list_weights, mending_command
from ..wording import counted

_PACKAGES = ("torch", "torchvision", "lpips", "numpy", "scipy", "scikit-image", "pandas", "pillow")

_SAMPLE_BICUBIC = {
    # Bicubic x4, symmetric border, of scikit-image's astronaut, recorded when all published
    # reference values were reproduced; `matlab` equals scikit-image's SSIM.
    "matlab": (26.8347, 0.8417),
    "basicsr": (26.8382, 0.8427),
    "ledig2017": (26.7297, 0.8879),
}

_SAMPLE_OTHERS = {
    # The same image, recorded when RGB scores equalled scikit-image's and Set14's baboon had
    # BasicSR's NIQE.
    "psnr_rgb": (25.3367, 0.001),
    "ssim_rgb": (0.8139, 0.0001),
    "lr_psnr": (36.0923, 0.001),
    "niqe": (6.9671, 0.002),
}

_SET5_BICUBIC = {
    # Means over Set5, x4, replicate border; ledig2017 has the values of the SRGAN paper.
    "matlab": (28.418, 0.8101),
    "basicsr": (28.430, 0.8111),
    "ledig2017": (28.4261, 0.8211),
}


@dataclass(frozen=True)
class Check:
    """One line of output: ok, not installed (not an error), or wrong."""

    state: Literal["ok", "absent", "bad"]
    text: str

    @property
    def good(self) -> bool:
        """Whether the check found no problem."""
        return self.state != "bad"


def examine(root: Path, weights: Path) -> Iterator[Check]:
    """Check versions, devices, weights, data sets and known scores, one line at a time."""
    yield from _versions()
    yield from _devices()
    yield from _weights(weights)
    yield from _checkpoints(weights)
    yield from _datasets(root)
    yield from _golden(root)


def _versions() -> Iterator[Check]:
    yield Check("ok", f"srbench {__version__}, Python {platform.python_version()}")
    for package in _PACKAGES:
        try:
            yield Check("ok", f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Check(
                "bad", f"{package} is not installed; run pip install . in srbench's checkout"
            )


def _devices() -> Iterator[Check]:
    import torch

    yield Check("ok", f"device cpu, {counted(torch.get_num_threads(), 'thread')}")
    for index in range(torch.cuda.device_count()):
        yield Check("ok", f"device cuda:{index}, {torch.cuda.get_device_name(index)}")


def _weights(folder: Path) -> Iterator[Check]:
    from ..models.weights import load_published

    for status in list_weights(folder):
        name = status.entry.name
        if not status.present:
            yield Check("absent", f"weights {name}; to install them: {mending_command(name)}")
            continue
        try:
            load_published(name, folder)
        except SrbenchError as error:
            yield Check("bad", f"weights {name}: {error}")
        else:
            yield Check("ok", f"weights {name}")


def _checkpoints(weights: Path) -> Iterator[Check]:
    for scale in (4, 2):
        for name in NETWORKS:
            try:
                path = checkpoint_file(name, scale, weights)
            except SrbenchError:
                continue
            try:
                load_method(name, scale=scale, weights=weights).upscale(np.zeros((8, 8), np.uint8))
            except SrbenchError as error:
                yield Check("bad", f"checkpoint {path.name}: {error}")
            else:
                yield Check("ok", f"checkpoint {path.name}")


def _datasets(root: Path) -> Iterator[Check]:
    for name in catalogue():
        try:
            if name != SAMPLE and dataset_folder(name, root) is None:
                yield Check("absent", f"data set {name}; to get it: srbench data fetch {name}")
                continue
            findings = verify(open_dataset(name, root))
        except SrbenchError as error:
            yield Check("bad", f"data set {name}: {error}")
            continue
        bad = [finding for finding in findings if not finding.good]
        if bad:
            yield Check(
                "bad",
                f"data set {name}: {len(bad)} of {counted(len(findings), 'image')} differ "
                f"from the recorded pixels, the first is {bad[0].image} ({bad[0].status}); "
                f"see: srbench data verify {name}",
            )
        else:
            yield Check("ok", f"data set {name}, {counted(len(findings), 'image')}")


def _golden(root: Path) -> Iterator[Check]:
    sample = open_dataset("sample", None)
    yield from _compare(sample, ["astronaut"], "symmetric", _SAMPLE_BICUBIC)
    yield from _others(sample.read("astronaut"))
    if "Set5" in auto_datasets(root):
        dataset = open_dataset("Set5", root)
        yield from _compare(dataset, dataset.ids, "replicate", _SET5_BICUBIC)
    else:
        yield Check("absent", "the published values on Set5 need the data set")


def _others(hr: Image) -> Iterator[Check]:
    """Metrics without a luma protocol."""
    hr = crop_to_multiple(hr, 4)
    sr = imresize(imresize(hr, Fraction(1, 4)), 4)
    found = score(sr, hr, scale=4, metrics=list(_SAMPLE_OTHERS))
    for name, (expected, tolerance) in _SAMPLE_OTHERS.items():
        yield Check(
            "ok" if abs(found[name] - expected) <= tolerance else "bad",
            f"bicubic x4 on sample/astronaut, {name}: expected {expected:.4f}, "
            f"found {found[name]:.4f}",
        )


def _compare(
    dataset: Dataset,
    images: Sequence[str],
    border: Border,
    expected: Mapping[str, tuple[float, float]],
) -> Iterator[Check]:
    bicubic = load_method("bicubic", border=border)
    pairs = []
    for image in images:
        hr = crop_to_multiple(dataset.read(image), 4)
        pairs.append((bicubic.upscale(imresize(hr, Fraction(1, 4), border=border)), hr))
    for name, (psnr, ssim) in expected.items():
        scores = [PROTOCOLS[name].prepare(hr, 4).score(sr) for sr, hr in pairs]
        found_psnr = float(np.mean([score["psnr_y"] for score in scores]))
        found_ssim = float(np.mean([score["ssim_y"] for score in scores]))
        close = abs(found_psnr - psnr) <= 0.001 and abs(found_ssim - ssim) <= 0.0001
        what = dataset.name if len(images) > 1 else f"{dataset.name}/{images[0]}"
        yield Check(
            "ok" if close else "bad",
            f"bicubic x4 on {what}, {name}: expected {psnr:.4f} dB / {ssim:.4f}, "
            f"found {found_psnr:.4f} dB / {found_ssim:.4f}",
        )
