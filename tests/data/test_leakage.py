"""Finding benchmark images in training photographs, and only them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from types import MappingProxyType

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.data import Dataset, find_leaks, open_dataset
from srbench.data.pixels import Image

SAMPLE = open_dataset("sample", None)
# Benchmark: four sample images. The fifth is the background into which they are pasted.
BENCHMARK = Dataset(
    "sample", MappingProxyType({i: p for i, p in SAMPLE.images.items() if i != "motorcycle_left"})
)
GROUND = SAMPLE.read("motorcycle_left")


def jpeg(image: Image, quality: int) -> Image:
    out = io.BytesIO()
    PillowImage.fromarray(image).save(out, "JPEG", quality=quality)
    return np.asarray(PillowImage.open(out))


def resized(image: Image, factor: float) -> Image:
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    return np.asarray(PillowImage.fromarray(image).resize(size, PillowImage.Resampling.BICUBIC))


def embedded(image: Image, down: int = 37, right: int = 61) -> Image:
    height, width = image.shape[0] + 101, image.shape[1] + 143
    large = np.array(PillowImage.fromarray(GROUND).resize((width, height)))
    large[down : down + image.shape[0], right : right + image.shape[1]] = image
    return large


def small(image: Image) -> Image:
    """The middle 320x280 of an image, to keep the tests quick."""
    top, left = (image.shape[0] - 280) // 2, (image.shape[1] - 320) // 2
    return image[top : top + 280, left : left + 320]


CHANGES = {
    "exact": lambda i: i,
    "jpeg 75": lambda i: jpeg(i, 75),
    "jpeg 30": lambda i: jpeg(i, 30),
    "grey": lambda i: np.asarray(PillowImage.fromarray(i).convert("L")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_picture_that_contains_a_benchmark_image_is_found(change):
    training = ((i, CHANGES[change](embedded(SAMPLE.read(i)))) for i in BENCHMARK.ids)
    leaks = find_leaks(training, [BENCHMARK])
    assert [(leak.training, leak.image) for leak in leaks] == [(i, i) for i in BENCHMARK.ids]
    assert {leak.relation for leak in leaks} == {"contains"}
    assert all(leak.scale == pytest.approx(1, abs=0.02) for leak in leaks)
    assert all(leak.covered > 0.95 for leak in leaks)


def test_a_crop_of_a_benchmark_image_is_found():
    training = ((i, jpeg(small(SAMPLE.read(i)), 75)) for i in BENCHMARK.ids)
    leaks = find_leaks(training, [BENCHMARK])
    assert [(leak.training, leak.image) for leak in leaks] == [(i, i) for i in BENCHMARK.ids]
    assert {leak.relation for leak in leaks} == {"part of"}


@pytest.mark.parametrize("factor", [0.71, 1.4, 2.0])
def test_a_resized_benchmark_image_is_found_with_its_scale(factor):
    training = ((i, embedded(resized(SAMPLE.read(i), factor))) for i in BENCHMARK.ids)
    leaks = find_leaks(training, [BENCHMARK])
    assert [(leak.training, leak.image) for leak in leaks] == [(i, i) for i in BENCHMARK.ids]
    assert all(leak.scale == pytest.approx(factor, rel=0.04) for leak in leaks)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_a_mirrored_or_turned_benchmark_image_is_found(mirrored, turns):
    image = SAMPLE.read("chelsea")
    changed = np.rot90(image[:, ::-1] if mirrored else image, turns)
    (leak,) = find_leaks([("x", embedded(changed))], [BENCHMARK])
    assert (leak.image, leak.mirrored, leak.quarter_turns) == ("chelsea", mirrored, turns)


def test_equal_pixels_are_found_however_small_or_flat(tmp_path):
    flat = np.full((9, 12), 77, np.uint8)
    PillowImage.fromarray(flat).save(tmp_path / "flat.png")
    tiny = Dataset("tiny", MappingProxyType({"flat": tmp_path / "flat.png"}))
    (leak,) = find_leaks([("x", flat)], [tiny])
    assert (leak.relation, leak.dataset, leak.image) == ("same", "tiny", "flat")
    assert str(leak) == "x is the same as tiny/flat (correlation 1.000)"
    assert find_leaks([("x", flat + 1)], [tiny]) == []


def test_other_pictures_are_no_leaks():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (400, 400), dtype=np.uint8)
    stripes = np.tile(np.repeat(np.array([0, 255], np.uint8), 8), (400, 25))
    board = np.kron(np.indices((30, 30)).sum(axis=0) % 2 * 255, np.ones((16, 16))).astype(np.uint8)
    others = [("ground", GROUND), ("noise", noise), ("stripes", stripes), ("board", board)]
    assert find_leaks(others, [BENCHMARK]) == []


def test_no_benchmark_and_no_training_pictures_are_no_leaks():
    assert find_leaks([("x", GROUND)], []) == []
    assert find_leaks([], [BENCHMARK]) == []


def test_the_known_kinship_of_set5_and_set14_is_found(shared):
    set5, set14 = (open_dataset(name, shared / "data") for name in ("Set5", "Set14"))
    leaks = find_leaks(((i, set14.read(i)) for i in set14.ids), [set5])
    found = {(leak.training, leak.image): leak.relation for leak in leaks}
    assert found == {("face", "head"): "same", ("monarch", "butterfly"): "contains"}


@pytest.mark.slow
def test_the_training_photographs_are_clean(shared):
    """Every twentieth photograph, to save time; we searched all 590 when this was written."""
    benchmark = [open_dataset(name, shared / "data") for name in ("Set5", "Set14", "BSD100")]

    def photographs() -> Iterator[tuple[str, Image]]:
        with tarfile.open(shared / "data" / "train" / "A_mixed.tar") as bundle:
            for member in list(bundle)[::20]:
                stream = bundle.extractfile(member)
                assert stream is not None
                yield member.name, np.asarray(PillowImage.open(stream).convert("RGB"))

    assert find_leaks(photographs(), benchmark) == []
