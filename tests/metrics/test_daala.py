"""The dither stream and the luma of the daala tools, against slow and literal versions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from skimage import data

from srbench.metrics.daala import DaalaSsimReference, daala_luma
from srbench.metrics.dither import _DRAWS_PER_CHUNK, dither_offsets, kiss99

WORD = 2**32 - 1


def slow_kiss99() -> Iterator[int]:
    z, w, jsr, jcong = 362436069, 521288629, 123456789, 380116160
    while True:
        z = (36969 * (z & 65535) + (z >> 16)) & WORD
        w = (18000 * (w & 65535) + (w >> 16)) & WORD
        jsr ^= (jsr << 17) & WORD
        jsr ^= jsr >> 13
        jsr ^= (jsr << 5) & WORD
        jcong = (69069 * jcong + 1234567) & WORD
        yield (((((z << 16) + w) & WORD) ^ jcong) + jsr) & WORD


def divide(x: int, y: int) -> int:
    return (abs(x) + y // 2) // y * (1 if x >= 0 else -1)


def slow_offsets() -> Iterator[list[list[int]]]:
    draws = slow_kiss99()

    def triangular(size: int) -> int:
        n = size + 1
        limit = WORD // n * n
        r1 = next(r for r in draws if r < limit)
        r2 = next(r for r in draws if r < limit)
        return r1 % n - r2 % n

    while True:
        block = [
            [triangular(size) for size in (1223320000, 1479548743, 1255654969)] for _ in range(4)
        ]
        cb, cr = block[0][1:]
        yield [
            [
                divide(2 * y + 3 * cr, 8176000),
                divide(2384 * y + 361 * cb + 1063 * cr, 9745792000),
                divide(2 * y + 3 * cb, 8176000),
            ]
            for y, _, _ in block
        ]


@pytest.mark.parametrize("start", [0, 1, 777, 4096])
def test_kiss99_is_marsaglias_from_any_start(start: int) -> None:
    expected = list(itertools.islice(slow_kiss99(), start, start + 5000))
    assert kiss99(start, 5000).tolist() == expected


def test_the_dither_is_the_tools_also_across_chunks() -> None:
    blocks = _DRAWS_PER_CHUNK // 29 + 2000  # about 29 draws to a block: reaches the second chunk
    expected = list(itertools.islice(slow_offsets(), blocks))
    assert np.array_equal(dither_offsets(0, blocks), expected)
    assert np.array_equal(dither_offsets(777, blocks - 5), expected[777 : blocks - 5])
    assert np.array_equal(dither_offsets(blocks - 9, blocks), expected[blocks - 9 :])


def slow_luma(image: np.ndarray) -> np.ndarray:
    """Pixel by pixel in Python's unbounded integers, step by step."""
    height, width = image.shape[:2]
    result = np.zeros((height, width))
    offsets = slow_offsets()
    for top, left in itertools.product(range(0, height, 2), range(0, width, 2)):
        offset = next(offsets)
        block: list[list[int]] = []
        for k, (row, column) in enumerate(itertools.product((0, 1), (0, 1))):
            inside_row, inside_column = top + row < height, left + column < width
            if inside_row and inside_column:
                pixel = image[top + row, left + column]
                block.append([int(v) * 257 + o for v, o in zip(pixel, offset[k], strict=True)])
            elif inside_row:
                block.append(block[k - 1])
            else:
                block.append(block[k - 2])
        red, green, blue = (sum(p[c] for p in block) for c in range(3))
        cb = divide(-29764 * red - 100128 * green + 129892 * blue, 304016865) + 128
        cr = divide(110236 * red - 100128 * green - 10108 * blue, 258011295) + 128
        cb, cr = (min(max(c, 0), 255) - 128 for c in (cb, cr))
        chroma = [4490222169144 * cr, -534117096223 * cb - 1334761232047 * cr, 5290866304968 * cb]
        for k, (row, column) in enumerate(itertools.product((0, 1), (0, 1))):
            if top + row < height and left + column < width:
                result[top + row, left + column] = best_luma(block[k], chroma)
    return result


def best_luma(pixel: list[int], chroma: list[int]) -> int:
    res = [(c * 9745792000 - part + 4096) >> 13 for c, part in zip(pixel, chroma, strict=True)]
    y0 = (1063 * res[0] + 3576 * res[1] + 361 * res[2]) // 1780026171875
    y0 = min(max(y0, -16), 238)

    def error(y: int) -> int:
        shown = [divide(2916394880000 * y + part, 9745792000) for part in chroma]
        return sum((c - min(max(s, 0), 65535)) ** 2 for c, s in zip(pixel, shown, strict=True))

    return 16 + min((y0, y0 + 1), key=lambda y: (error(y), y % 2))


@pytest.mark.parametrize(
    "shape", [(24, 30), (23, 30), (24, 29), (23, 29), (1, 1), (1, 7), (66, 9), (67, 8)]
)
def test_the_luma_equals_the_literal_one_at_even_and_odd_sizes(shape: tuple[int, int]) -> None:
    image = data.astronaut()[100 : 100 + shape[0], 200 : 200 + shape[1]]
    assert np.array_equal(daala_luma(image), slow_luma(image))


def test_the_luma_equals_the_literal_one_on_extreme_colours() -> None:
    corners = np.array(list(itertools.product((0, 255), repeat=3)), dtype=np.uint8)
    image = np.random.default_rng(5).choice(corners, size=(20, 20))
    assert np.array_equal(daala_luma(image), slow_luma(image))


def slow_ssim(sr: np.ndarray, hr: np.ndarray, weights: np.ndarray) -> float:
    half = len(weights) // 2
    total = result = 0.0
    for i, j in np.ndindex(hr.shape):
        rows, columns = (
            range(max(0, p - half), min(size, p + half + 1))
            for p, size in zip((i, j), hr.shape, strict=True)
        )
        window = np.outer(
            [weights[r - i + half] for r in rows], [weights[c - j + half] for c in columns]
        )
        w = window.sum()
        x, y = sr[np.ix_(rows, columns)], hr[np.ix_(rows, columns)]
        mx, my = (window * x).sum(), (window * y).sum()
        sxx, syy, sxy = (window * x * x).sum(), (window * y * y).sum(), (window * x * y).sum()
        c1, c2 = (0.01 * 255) ** 2 * w**2, (0.03 * 255) ** 2 * w**2
        result += (
            w
            * ((2 * mx * my + c1) * (2 * (w * sxy - mx * my) + c2))
            / ((mx**2 + my**2 + c1) * (w * sxx - mx**2 + w * syy - my**2 + c2))
        )
        total += w
    return result / total


def test_the_cut_window_equals_the_literal_one() -> None:
    rng = np.random.default_rng(3)
    hr = rng.integers(16, 236, (52, 41)).astype(np.float64)
    sr = np.clip(hr + rng.integers(-30, 30, hr.shape), 0, 255)
    # 52 rows: sigma is 0.3047, its half-length 1; the density at 1 is 0.00599, so 1.53 / 256.
    expected = slow_ssim(sr, hr, np.array([2.0, 252.0, 2.0]))
    assert DaalaSsimReference(hr).score(sr) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("width", "side"), [(2, [28.0]), (3, [28.0, 25.0])])
def test_the_window_of_a_long_thin_image_is_no_wider_than_the_image(width, side) -> None:
    rng = np.random.default_rng(4)
    hr = rng.integers(16, 236, (600, width)).astype(np.float64)
    sr = np.clip(hr + rng.integers(-30, 30, hr.shape), 0, 255)
    # 600 rows: sigma is 3.5156, its half-length 10; the density is 27.90 / 256 at 1, 24.71 at 2.
    weights = np.array([*side[::-1], 256 - 2 * sum(side), *side])
    assert DaalaSsimReference(hr).score(sr) == pytest.approx(slow_ssim(sr, hr, weights), abs=1e-12)
