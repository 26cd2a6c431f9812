"""The three protocols against published numbers, other libraries and bad input."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import srbench.metrics
from srbench import score
from srbench.errors import SizeMismatch, UnknownName
from srbench.imaging import crop_to_multiple, imresize, read_image, studio_luma
from srbench.imaging.luma import Image
from srbench.metrics import PROTOCOLS, get_protocol
from srbench.metrics.psnr import psnr
from srbench.metrics.ssim import SsimReference

PROTOCOL_NAMES = ["matlab", "basicsr", "ledig2017"]

# scale, set, then nearest and bicubic under matlab, nearest and bicubic under basicsr.
GOLDEN = """
4 Set5   26.250/0.7372 28.418/0.8101 26.258/0.7380 28.430/0.8111
4 Set14  24.643/0.6528 25.993/0.7023 24.740/0.6553 26.091/0.7048
4 BSD100 25.033/0.6293 25.957/0.6672 25.038/0.6299 25.962/0.6681
2 Set5   30.839/0.8991 33.640/0.9292 30.857/0.9001 33.674/0.9303
2 Set14  28.483/0.8448 30.220/0.8683 28.584/0.8464 30.326/0.8699
2 BSD100 28.413/0.8244 29.548/0.8425 28.422/0.8251 29.561/0.8434
"""


@pytest.fixture(scope="module")
def pair() -> tuple[Image, Image]:
    """A photograph whose size is no multiple of 4, and its bicubic reconstruction at x4."""
    hr = np.ascontiguousarray(data.astronaut()[:122, 150:361])
    return imresize(imresize(crop_to_multiple(hr, 4), 1 / 4), 4), hr


def original(shared: Path, dataset: str, image: str) -> Image:
    return read_image(next((shared / "data" / dataset / "HR").glob(f"{image}.*")))


def reconstruction(shared: Path, dataset: str, image: str, scale: int, method: str) -> Image:
    if method == "IMDN":
        return read_image(shared / "peers" / "IMDN" / dataset / f"{image}.png")
    folder = shared / "data" / dataset / "LR_matlab_replicate" / f"x{scale}"
    lr = read_image(next(folder.glob(f"{image}*")))
    if method == "bicubic":
        return imresize(lr, scale, border="replicate")
    return lr.repeat(scale, axis=0).repeat(scale, axis=1)


def images_of(shared: Path, dataset: str) -> list[str]:
    return sorted(file.stem for file in (shared / "data" / dataset / "HR").iterdir())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(line, marks=pytest.mark.slow) if "BSD100" in line else line
        for line in GOLDEN.split("\n")[1:-1]
    ],
)
def test_nearest_and_bicubic_read_the_golden_means(shared: Path, line: str) -> None:
    scale_text, dataset, *cells = line.split()
    scale = int(scale_text)
    sums = np.zeros((2, 2, 2))  # protocol, method, metric
    names = images_of(shared, dataset)
    for name in names:
        hr = original(shared, dataset, name)
        for p, protocol in enumerate(("matlab", "basicsr")):
            reference = get_protocol(protocol).prepare(hr, scale)
            for m, method in enumerate(("nearest", "bicubic")):
                sr = reconstruction(shared, dataset, name, scale, method)
                sums[p, m] += list(reference.score(sr).values())
    expected = np.array([[float(x) for x in c.split("/")] for c in cells]).reshape(2, 2, 2)
    difference = np.abs(sums / len(names) - expected)
    # The bar is 0.001 dB and 0.0001; the table itself is rounded to those digits.
    assert difference[..., 0].max() < 0.001
    assert difference[..., 1].max() < 0.0001


@pytest.mark.parametrize(
    ("dataset", "decibels", "similarity"), [("Set5", 32.210, 0.8948), ("Set14", 28.582, 0.7811)]
)
def test_basicsr_reads_what_the_imdn_paper_printed(
    shared: Path, dataset: str, decibels: float, similarity: float
) -> None:
    rows = [
        score(
            reconstruction(shared, dataset, name, 4, "IMDN"),
            original(shared, dataset, name),
            scale=4,
            protocol="basicsr",
        )
        for name in images_of(shared, dataset)
    ]
    assert np.mean([row["psnr_y"] for row in rows]) == pytest.approx(decibels, abs=0.001)
    assert np.mean([row["ssim_y"] for row in rows]) == pytest.approx(similarity, abs=0.0001)


def test_ledig2017_reads_what_the_daala_tools_print_for_every_image(shared: Path) -> None:
    with (shared / "reference" / "ledig2017_golden.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 57
    for row in rows:
        sr = reconstruction(shared, row["dataset"], row["image"], 4, row["method"])
        hr = original(shared, row["dataset"], row["image"])
        found = score(sr, hr, scale=4, protocol="ledig2017")
        assert found["psnr_y"] == pytest.approx(float(row["psnr_y_db"]), abs=0.0002), row
        assert found["ssim_y"] == pytest.approx(float(row["ssim_y"]), abs=0.000002), row


@pytest.mark.slow
def test_ledig2017_reads_the_srgan_papers_rows_on_bsd100(shared: Path) -> None:
    expected = {"nearest": (25.0179, 0.6606), "bicubic": (25.9367, 0.6935)}
    rows: dict[str, list[list[float]]] = {method: [] for method in expected}
    for name in images_of(shared, "BSD100"):
        reference = get_protocol("ledig2017").prepare(original(shared, "BSD100", name), 4)
        for method, found in rows.items():
            sr = reconstruction(shared, "BSD100", name, 4, method)
            found.append(list(reference.score(sr).values()))
    for method, (decibels, similarity) in expected.items():
        mean = np.mean(rows[method], axis=0)
        assert mean[0] == pytest.approx(decibels, abs=0.0001)
        assert mean[1] == pytest.approx(similarity, abs=0.0001)


def skimage_scores(sr: np.ndarray, hr: np.ndarray) -> dict[str, float]:
    """By scikit-image, whose SSIM with these settings is the mean over the valid area."""
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return {
        "psnr_y": peak_signal_noise_ratio(hr, sr, data_range=255),
        "ssim_y": structural_similarity(hr, sr, data_range=255, **window),
    }


@pytest.mark.parametrize(("protocol", "rounded"), [("matlab", True), ("basicsr", False)])
@pytest.mark.parametrize("dataset", ["Set5", "Set14"])
def test_every_single_image_agrees_with_scikit_image(
    shared: Path, dataset: str, protocol: str, rounded: bool
) -> None:
    for name in images_of(shared, dataset):
        hr = crop_to_multiple(original(shared, dataset, name), 4)
        sr = reconstruction(shared, dataset, name, 4, "bicubic")
        found = score(sr, hr, scale=4, protocol=protocol)
        planes = [sr, hr]
        if hr.ndim == 3 or protocol == "basicsr":
            rgb = [p if p.ndim == 3 else np.stack([p] * 3, axis=2) for p in planes]
            planes = [studio_luma(p, rounded=rounded) for p in rgb]
        planes = [p[4:-4, 4:-4].astype(np.float64) for p in planes]
        assert found == pytest.approx(skimage_scores(*planes), abs=1e-6), name


@pytest.mark.parametrize("shape", [(27, 29), (60, 700), (700, 60), (65, 321)])
def test_ssim_of_any_shape_agrees_with_scikit_image(shape: tuple[int, int]) -> None:
    # Shapes around the sizes of the tiles in which sums are formed.
    rng = np.random.default_rng(7)
    hr = rng.integers(0, 256, shape, dtype=np.uint8)
    sr = np.clip(hr + rng.normal(0, 20, shape), 0, 255).astype(np.uint8)
    planes = [p[1:-1, 1:-1].astype(np.float64) for p in (sr, hr)]
    assert score(sr, hr, scale=1) == pytest.approx(skimage_scores(*planes), abs=1e-9)


@pytest.mark.parametrize("protocol", PROTOCOL_NAMES)
@pytest.mark.parametrize("grey", [False, True])
def test_identical_images_score_infinity_and_one(protocol: str, grey: bool) -> None:
    hr = data.camera()[:96, :100] if grey else data.astronaut()[:96, :100]
    found = score(hr, hr, scale=4, protocol=protocol)
    assert found["psnr_y"] == math.inf
    assert found["ssim_y"] == pytest.approx(1, abs=1e-12)


def test_flat_identical_images_score_one() -> None:
    for protocol in PROTOCOL_NAMES:
        for level in (0, 255):
            flat = np.full((40, 40, 3), level, dtype=np.uint8)
            assert score(flat, flat, scale=4, protocol=protocol)["ssim_y"] == pytest.approx(1)


@pytest.mark.parametrize("protocol", PROTOCOL_NAMES)
def test_a_reference_scores_many_as_each_alone(pair: tuple[Image, Image], protocol: str) -> None:
    sr, hr = pair
    reference = PROTOCOLS[protocol].prepare(hr, 4)
    for image in (sr, 255 - sr, sr):
        assert reference.score(image) == score(image, hr, scale=4, protocol=protocol)


@pytest.mark.parametrize("protocol", PROTOCOL_NAMES)
def test_the_border_does_not_count(pair: tuple[Image, Image], protocol: str) -> None:
    sr, hr = pair
    other = sr.copy()
    other[:4], other[-4:], other[:, :4], other[:, -4:] = 0, 255, 0, 255
    assert score(other, hr, scale=4, protocol=protocol) == score(sr, hr, scale=4, protocol=protocol)


def test_matlab_compares_a_grey_pair_as_it_is_and_a_mixed_pair_as_luma() -> None:
    hr = data.camera()[100:196, 180:276]
    sr = imresize(imresize(hr, 1 / 4), 4)
    rgb = [np.stack([image] * 3, axis=2) for image in (sr, hr)]
    reference = get_protocol("matlab").prepare(hr, 4)
    as_luma = score(*rgb, scale=4)
    assert reference.score(sr) == pytest.approx(
        skimage_scores(*(p[4:-4, 4:-4].astype(float) for p in (sr, hr)))
    )
    assert reference.score(rgb[0]) == as_luma
    assert score(sr, rgb[1], scale=4) == as_luma
    assert as_luma["psnr_y"] > reference.score(sr)["psnr_y"] + 1  # luma spans 219 levels of 255


@pytest.mark.parametrize("protocol", ["basicsr", "ledig2017"])
def test_other_protocols_take_grey_as_rgb(protocol: str) -> None:
    hr = data.camera()[:96, :96]
    sr = imresize(imresize(hr, 1 / 4), 4)
    rgb = [np.stack([image] * 3, axis=2) for image in (sr, hr)]
    assert score(sr, hr, scale=4, protocol=protocol) == score(*rgb, scale=4, protocol=protocol)


def test_an_unknown_protocol_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'basicsr'"):
        get_protocol("BasicSR")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sr: sr[:-4], "is 208x116, expected 208x120"),
        (lambda sr: sr[::4, ::4], "size of the low-resolution input"),
        (lambda sr: np.pad(sr, ((0, 2), (0, 3), (0, 0))), "crop it at the bottom and right"),
        (lambda sr: sr.swapaxes(0, 1), "is rotated by 90 degrees"),
        (lambda sr: sr[..., :2], r"expected \(H, W\) or \(H, W, 3\)"),
        (lambda sr: sr[None, None], r"expected \(H, W\) or \(H, W, 3\)"),
    ],
)
def test_mismatched_sizes_are_refused_not_resized(
    pair: tuple[Image, Image], change: Callable[[Image], Image], message: str
) -> None:
    sr, hr = pair
    with pytest.raises(SizeMismatch, match=message):
        score(change(sr), hr, scale=4)


def test_floats_are_refused(pair: tuple[Image, Image]) -> None:
    sr, hr = pair
    with pytest.raises(TypeError, match="float64, expected uint8"):
        score(sr.astype(np.float64), hr, scale=4)


@pytest.mark.parametrize("scale", [0, -4])
def test_a_scale_below_one_is_refused(pair: tuple[Image, Image], scale: int) -> None:
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        score(*pair, scale=scale)


@pytest.mark.parametrize(
    ("protocol", "size", "scale", "least"),
    [("matlab", 18, 4, "20x20"), ("basicsr", 12, 1, "13x13"), ("ledig2017", 8, 4, "12x12")],
)
def test_images_too_small_for_crop_and_window_are_refused(
    protocol: str, size: int, scale: int, least: str
) -> None:
    small = np.zeros((size, 100, 3), dtype=np.uint8)
    with pytest.raises(SizeMismatch, match=f"at least {least}"):
        score(small, small, scale=scale, protocol=protocol)
    enough = np.zeros((int(least.split("x")[0]), 100, 3), dtype=np.uint8)
    assert score(enough, enough, scale=scale, protocol=protocol)["psnr_y"] == math.inf


def test_an_image_smaller_than_one_block_is_refused() -> None:
    tiny = np.zeros((3, 3), dtype=np.uint8)
    with pytest.raises(SizeMismatch, match="smaller than one x4 pixel block"):
        score(tiny, tiny, scale=4)


def test_protocols_cannot_be_changed() -> None:
    assert list(PROTOCOLS) == PROTOCOL_NAMES
    with pytest.raises(TypeError):
        PROTOCOLS["matlab"] = PROTOCOLS["basicsr"]  # type: ignore[index]  # what is refused
    with pytest.raises(AttributeError):
        PROTOCOLS["matlab"].keeps_grey = False  # type: ignore[misc]  # what is refused


def test_planes_of_different_shapes_are_refused() -> None:
    sr, hr = np.zeros((20, 30)), np.zeros((20, 31))
    for metric in (lambda: psnr(sr, hr), lambda: SsimReference(hr).score(sr)):
        with pytest.raises(SizeMismatch, match=r"shape \(20, 30\), expected \(20, 31\)"):
            metric()


def test_psnr_and_ssim_need_no_torch() -> None:
    code = "import sys, srbench.metrics.psnr; sys.exit('torch' in sys.modules)"
    folder = Path(srbench.metrics.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=folder).returncode == 0
