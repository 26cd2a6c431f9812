"""The random numbers that daala's ``png2y4m`` dithers with, vectorised.

They come from Marsaglia's KISS99, whose three generators can jump ahead: one array operation
computes the next n states from the first n. The numbers do not depend on the image, so they are
computed once per process, in chunks, and kept.

Source: G. Marsaglia, "Random numbers for C: the END?", sci.stat.math, 20 January 1999; xiph/daala
tools/png2y4m.c for how they are drawn.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Indices = NDArray[np.intp]

_Z, _W, _JSR, _JCONG = 362436069, 521288629, 123456789, 380116160
_RANGES = {"y": 1223320000, "cb": 1479548743, "cr": 1255654969}
_DRAWS_PER_CHUNK = 1 << 18


def kiss99(start: int, count: int) -> Words:
    """``count`` outputs of KISS99 after the first ``start``, as uint32, from png2y4m's seeds."""
    z = _multiply_with_carry(_Z, 36969, start, count)
    w = _multiply_with_carry(_W, 18000, start, count)
    return (((z << np.uint32(16)) + w) ^ _congruential(start, count)) + _xorshift(start, count)


def _multiply_with_carry(seed: int, factor: int, start: int, count: int) -> Words:
    """States of ``x = factor (x & 65535) + (x >> 16)``.

    This is multiplication by ``factor`` modulo factor * 2^16 - 1, which jumps ahead by powers.
    """
    modulus = (factor << 16) - 1
    states = np.array([seed * pow(factor, start + 1, modulus) % modulus], dtype=np.uint64)
    while len(states) < count:
        leap = np.uint64(pow(factor, len(states), modulus))
        leapt = states * leap
        leapt -= leapt // np.uint64(modulus) * np.uint64(modulus)  # faster than NumPy's %
        states = np.concatenate([states, leapt])
    return states[:count].astype(np.uint32)


def _congruential(start: int, count: int) -> Words:
    """States of ``x = 69069 x + 1234567`` modulo 2^32."""

    def leap(steps: int) -> tuple[int, int]:
        power = pow(69069, steps, 69068 << 32)
        return power % 2**32, 1234567 * ((power - 1) // 69068) % 2**32

    factor, shift = leap(start + 1)
    states = np.array([(factor * _JCONG + shift) % 2**32], dtype=np.uint32)
    while len(states) < count:
        factor, shift = leap(len(states))
        states = np.concatenate([states, states * np.uint32(factor) + np.uint32(shift)])
    return states[:count]


def _xorshift(start: int, count: int) -> Words:
    """States of ``x ^= x << 17; x ^= x >> 13; x ^= x << 5``.

    The step is linear over bits: a 32x32 matrix of bits, stored as 32 columns. Its powers jump
    ahead.
    """
    columns = np.uint32(1) << np.arange(32, dtype=np.uint32)
    columns ^= columns << 17
    columns ^= columns >> 13
    columns ^= columns << 5
    states, power, steps = np.array([_JSR], dtype=np.uint32), columns, start + 1
    while steps:
        if steps & 1:
            states = _times(power, states)
        power, steps = _times(power, power), steps >> 1
    while len(states) < count:
        states = np.concatenate([states, _times(columns, states)])
        columns = _times(columns, columns)
    return states[:count]


def _times(columns: Words, vectors: Words) -> Words:
    """The bit matrix with these ``columns`` times each of ``vectors``, a byte at a time."""
    result = np.zeros_like(vectors)
    for byte in range(4):
        table = np.zeros(1, dtype=np.uint32)  # the product for every value of this byte
        for column in columns[8 * byte : 8 * byte + 8]:
            table = np.concatenate([table, table ^ column])
        result ^= table[(vectors >> np.uint32(8 * byte)) & np.uint32(255)]
    return result


class _Chunk(NamedTuple):
    offsets: NDArray[np.int16]  # (blocks, 4 pixels, RGB)
    end: int  # draws of the stream that are used after the last block


def dither_offsets(start: int, stop: int) -> NDArray[np.int16]:
    """What is added to 16-bit RGB in the 2x2 blocks ``start`` to ``stop`` of any image.

    int16 of shape (stop - start, 4, 3): pixels top-left, top-right, bottom-left, bottom-right.
    """
    parts: list[NDArray[np.int16]] = []
    index = first = 0
    while first < stop:
        offsets = _chunk(index).offsets
        parts.append(offsets[max(0, start - first) : stop - first])
        index, first = index + 1, first + len(offsets)
    return np.concatenate(parts)


@cache
def _chunk(index: int) -> _Chunk:
    """The blocks whose numbers all lie in the ``index``-th chunk of the stream.

    A block takes, for each of its pixels, two numbers for y, two for cb and two for cr, and each
    range accepts only draws below its own limit. So the position of a number depends on all earlier
    draws. We compute the end of a block for *every* possible first draw; the actual first draws
    then follow from 0, in a short loop.
    """
    start = 0 if index == 0 else _chunk(index - 1).end
    draws = kiss99(start, _DRAWS_PER_CHUNK)
    accepted = {name: draws < _limit(size) for name, size in _RANGES.items()}
    first = {name: _after(accepted[name]) for name in _RANGES}
    second = {name: place[place] for name, place in first.items()}
    pixel = second["cr"][second["cb"][second["y"]]]
    block = pixel[pixel[pixel[pixel]]]

    places, place = [0], int(block[0])
    while (after := int(block[place])) <= len(draws):
        places.append(place)
        place = after
    begins = np.array(places)

    def triangular(name: str, at: Indices) -> NDArray[np.int64]:
        values = np.stack([draws[first[name][at] - 1], draws[second[name][at] - 1]])
        values = values.astype(np.int64) % (_RANGES[name] + 1)
        return values[0] - values[1]

    yd = np.empty((len(begins), 4), dtype=np.int64)
    at = begins
    for k in range(4):
        yd[:, k] = triangular("y", at)
        at = pixel[at]
    # 4:2:0: the chroma dither of the first pixel is used for the whole block.
    cbd = triangular("cb", second["y"][begins])[:, None]
    crd = triangular("cr", second["cb"][second["y"][begins]])[:, None]
    offsets = np.stack(
        [
            divide_rounding(2 * yd + 3 * crd, 8176000),
            divide_rounding(2384 * yd + 361 * cbd + 1063 * crd, 9745792000),
            divide_rounding(2 * yd + 3 * cbd, 8176000),
        ],
        axis=-1,
    )
    return _Chunk(offsets.astype(np.int16), start + int(block[begins[-1]]))


def _limit(size: int) -> np.uint32:
    """The largest multiple of ``size`` + 1 in a word; below it all remainders have equal chance."""
    return np.uint32((2**32 - 1) // (size + 1) * (size + 1))


def _after(accepted: NDArray[np.bool_]) -> Indices:
    """For each draw, and the end, the position after the next accepted one.

    Shape (N + 2,); N + 1 means "beyond this chunk" and maps to itself.
    """
    beyond = len(accepted) + 1
    places = np.append(np.flatnonzero(accepted) + 1, beyond)
    before = np.empty(len(accepted) + 2, dtype=np.intp)
    before[0] = 0
    np.cumsum(accepted, out=before[1:-1])
    before[-1] = len(places) - 1
    return places[before]


def divide_rounding(numerator: NDArray[np.int64], divisor: int) -> NDArray[np.int64]:
    """``numerator / divisor`` rounded to whole numbers, halves away from zero."""
    return np.sign(numerator) * ((np.abs(numerator) + divisor // 2) // divisor)
