"""Find training photographs that show a benchmark image, by content instead of names.

Method: every picture is reduced, and its corners get descriptors. Similar corners of two pictures
vote for a displacement. If enough agree, the two pictures are aligned and correlated. This works
after JPEG compression, cropping, mirroring, rotation and resizing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..cores import cores
from ..csv_cells import csv_text
from ..files import write_text
from ..imaging.luma import Image
from .folder import Dataset
from .landmarks import Landmarks, Plane, landmarks, luma, reduced
from .pixels import pixel_sha256
from .recorded import sightings

_S = TypeVar("_S")
_T = TypeVar("_T")
Relation = Literal["same", "contains", "part of", "overlaps"]

_STEPS = tuple(2.0 ** (k / 4) for k in range(-4, 5))
_ALIKE = 0.85  # the lowest correlation of matching corners
_VOTES = 3  # corners that must agree
_CORRELATION = 0.8  # the lowest correlation of the overlap, without coarse shading
_MANY, _FEW_CORRELATION = 6, 0.9  # with fewer corners, a higher correlation is required
_TRIES = 8  # hypotheses tried per training picture


@dataclass(frozen=True)
class Leak:
    """A training picture that shows a benchmark image, or a part of one.

    ``relation`` reads "<training> <relation> <dataset>/<image>". ``correlation``: of the overlap,
    reduced and without its coarse shading; 1 is equality. ``scale``: object size in the training
    picture divided by that in the benchmark image. ``mirrored`` is applied to the benchmark image
    before ``quarter_turns`` (counter-clockwise). ``covered``: the visible share of the benchmark
    image.
    """

    training: str
    dataset: str
    image: str
    relation: Relation
    correlation: float
    scale: float
    mirrored: bool
    quarter_turns: int
    covered: float

    def __str__(self) -> str:
        relation = {"same": "is the same as", "part of": "is part of"}.get(
            self.relation, self.relation
        )
        changes = [
            f"x{self.scale:.2f} in size" if abs(self.scale - 1) > 0.03 else "",
            "mirrored" if self.mirrored else "",
            f"turned by {90 * self.quarter_turns} degrees" if self.quarter_turns else "",
        ]
        also = ", ".join(change for change in changes if change)
        return (
            f"{self.training} {relation} {self.dataset}/{self.image}"
            f" ({also + ', ' if also else ''}correlation {self.correlation:.3f})"
        )


@dataclass(frozen=True)
class _Variant:
    """One benchmark image in one orientation and reduction."""

    owner: int
    factor: float
    mirrored: bool
    turns: int
    marks: Landmarks


@dataclass(frozen=True)
class _Index:
    """All corners of all variants for one reduction of a training picture."""

    variants: Sequence[_Variant]
    described: NDArray[np.float32]
    at: NDArray[np.float32]
    variant: NDArray[np.int32]


def find_leaks(
    training_images: Iterable[tuple[str, Image]],
    benchmark: Sequence[Dataset],
    *,
    recorded: bool = False,
) -> list[Leak]:
    """Find training pictures that equal, contain, or are crops of an image of the benchmark.

    ``training_images`` yields (name, uint8 of shape (H, W) or (H, W, 3)); each is kept only while a
    core processes it. ``recorded`` also searches for complete recorded images of the catalogue
    (:mod:`srbench.data.recorded`), whose files are not needed. The result has one leak per pair,
    sorted by training name, data set and image.

    Measured on the 119 images of Set5, Set14 and BSD100: all are found inside larger pictures,
    also after JPEG at quality 30 and at twice the size, 118 at 0.7 times, 105 at half the size.
    Of crops with a side of 192 pixels all are found, of 128 pixels 117, of 96 pixels 89; identical
    pixels are found at any size. Mirrored and rotated pictures are searched only at the original
    size. A crop without corners (sky) is not found. It takes about 0.05 s per picture on one core;
    all cores are used.

    Raises:
        ImageError: a benchmark image cannot be read.
    """
    from threadpoolctl import threadpool_limits

    # The products are small: a second thread gains little on an idle machine, and on a busy one
    # waiting for it takes a hundred times as long as the computation.
    with threadpool_limits(limits=1, user_api="blas"), _Workers() as workers:
        return _find(training_images, benchmark, recorded, workers)


class _Workers:
    """A thread for each core; NumPy, SciPy and Pillow release the interpreter's lock.

    Results keep the order of the inputs, and few inputs are in memory.
    """

    def __enter__(self) -> Self:
        self._count = cores()
        self._pool = ThreadPoolExecutor(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def map(self, job: Callable[[_S], _T], work: Iterable[_S]) -> Iterator[_T]:
        waiting: deque[Future[_T]] = deque()
        for piece in work:
            waiting.append(self._pool.submit(job, piece))
            if len(waiting) > 2 * self._count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _find(
    training_images: Iterable[tuple[str, Image]],
    benchmark: Sequence[Dataset],
    recorded: bool,
    workers: _Workers,
) -> list[Leak]:
    names = [(dataset.name, image_id) for dataset in benchmark for image_id in dataset.ids]
    if not names and not recorded:
        return []
    originals = [dataset.read(image_id) for dataset in benchmark for image_id in dataset.ids]
    by_hash: dict[str, list[int]] = {}
    for owner, image in enumerate(originals):
        by_hash.setdefault(pixel_sha256(image), []).append(owner)
    whole, fine = _index(originals, 4.0, workers), _index(originals, 2.0, workers)

    def search(training: tuple[str, Image]) -> list[Leak]:
        name, image = training
        found: dict[tuple[str, str], Leak] = {}
        for sight in sightings(image) if recorded else ():
            found[sight.dataset, sight.image] = Leak(
                name, sight.dataset, sight.image, "same", sight.correlation, sight.scale,
                sight.mirrored, sight.quarter_turns, 1.0,
            )  # fmt: skip
        for owner in by_hash.get(pixel_sha256(image), []) if names else ():
            found[names[owner]] = Leak(name, *names[owner], "same", 1.0, 1.0, False, 0, 1.0)
        grey = luma(image)
        # Small pictures have too few corners at a quarter of their size.
        small = min(image.shape[:2]) < 320
        searches = [(2.0, fine), (4.0, whole)] if small else [(4.0, whole), (8.0, whole)]
        for factor, index in searches:
            plane = reduced(grey, factor)
            if plane is not None and names:
                for owner, leak in _search(name, landmarks(plane), factor, index, names):
                    key = names[owner]
                    if key not in found or found[key].correlation < leak.correlation:
                        found[key] = leak
        return list(found.values())

    leaks = [leak for found in workers.map(search, training_images) for leak in found]
    return sorted(leaks, key=lambda leak: (leak.training, leak.dataset, leak.image))


def _index(originals: Sequence[Image], factor: float, workers: _Workers) -> _Index:
    per_image = workers.map(lambda item: _variants(item[0], item[1], factor), enumerate(originals))
    variants = [variant for found in per_image for variant in found]
    return _Index(
        variants,
        np.concatenate([v.marks.described for v in variants] or [np.zeros((0, 64), np.float32)]),
        np.concatenate([v.marks.at for v in variants] or [np.zeros((0, 2), np.float32)]),
        np.repeat(np.arange(len(variants), dtype=np.int32), [len(v.marks.at) for v in variants]),
    )


def _variants(owner: int, image: Image, factor: float) -> list[_Variant]:
    found: list[_Variant] = []
    grey = luma(image)
    # At a quarter all sizes are searched; at half, for small pictures, only the original size.
    for step in _STEPS if factor == 4.0 else (1.0,):
        plane = reduced(grey, factor * step)
        if plane is None:
            continue
        for mirrored in (False, True) if step == 1.0 else (False,):
            for turns in range(4) if step == 1.0 else (0,):
                seen = plane[:, ::-1] if mirrored else plane
                marks = landmarks(np.ascontiguousarray(np.rot90(seen, turns)))
                found.append(_Variant(owner, factor * step, mirrored, turns, marks))
    return found


def _search(
    name: str, marks: Landmarks, factor: float, index: _Index, names: Sequence[tuple[str, str]]
) -> Iterator[tuple[int, Leak]]:
    mine, theirs = _alike(marks.described, index.described)
    for which, a, b in _agreeing(marks.at[mine], index.at[theirs], index.variant[theirs]):
        variant = index.variants[which]
        correlation, scale, seen, own = _overlay(marks.plane, variant.marks.plane, a, b)
        if correlation < (_CORRELATION if len(a) >= _MANY else _FEW_CORRELATION):
            continue
        relation: Relation = "overlaps"
        if seen > 0.93:
            relation = "same" if own > 0.93 else "contains"
        elif own > 0.93:
            relation = "part of"
        yield (
            variant.owner,
            Leak(
                name,
                *names[variant.owner],
                relation=relation,
                correlation=round(correlation, 4),
                scale=round(scale * factor / variant.factor, 3),
                mirrored=variant.mirrored,
                quarter_turns=variant.turns,
                covered=round(seen, 3),
            ),
        )


def _alike(
    mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the pairs of descriptors that correlate, computed in blocks that fit the cache."""
    rows, columns = [], []
    for start in range(0, len(theirs), 4096):
        block = theirs[start : start + 4096].T
        for first in range(0, len(mine), 128):
            flat = np.flatnonzero(mine[first : first + 128] @ block > _ALIKE)
            rows.append(flat // block.shape[1] + first)
            columns.append(flat % block.shape[1] + start)
    empty = np.zeros(0, np.intp)
    return np.concatenate(rows or [empty]), np.concatenate(columns or [empty])


def _agreeing(
    mine: NDArray[np.float32], theirs: NDArray[np.float32], variant: NDArray[np.int32]
) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.float32]]]:
    """The variants for which the most corners agree on a displacement, with those corners."""
    if not len(mine):
        return
    shift = mine - theirs
    tried: set[int] = set()
    ranked: list[tuple[int, int, NDArray[np.intp]]] = []
    # Displacements are counted in cells of 5 pixels, on four shifted grids so that none is split.
    for down, right in ((0.0, 0.0), (2.5, 0.0), (0.0, 2.5), (2.5, 2.5)):
        cell = np.floor((shift + np.array([down, right])) / 5).astype(np.int64) + 2**15
        key = (variant.astype(np.int64) << 32) + (cell[:, 0] << 16) + cell[:, 1]
        order = np.argsort(key, kind="stable")
        starts = np.flatnonzero(np.diff(key[order], prepend=-1))
        counts = np.diff(starts, append=len(order))
        for k in np.flatnonzero(counts >= _VOTES):
            members = order[starts[k] : starts[k] + counts[k]]
            ranked.append((int(counts[k]), int(variant[members[0]]), members))
    for _, which, members in sorted(ranked, key=lambda entry: -entry[0]):
        if which not in tried:
            tried.add(which)
            yield which, mine[members], theirs[members]
        if len(tried) == _TRIES:
            return


def _overlay(
    plane: Plane, other: Plane, mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> tuple[float, float, float, float]:
    """Align ``plane`` with ``other``: correlation, scale, and the overlapping shares of both."""
    best = (-1.0, 1.0, 0.0, 0.0)
    shift = np.median(mine - theirs, axis=0)
    for scale, offset in [(1.0, shift), *_fitted(mine, theirs)]:
        result = _correlation(plane, other, scale, offset)
        if result[0] > best[0]:
            best = (result[0], scale, result[1], result[2])
    return best


def _fitted(
    mine: NDArray[np.float32], theirs: NDArray[np.float32]
) -> list[tuple[float, NDArray[np.float64]]]:
    """Scale and offset with mine = scale theirs + offset, by least squares, if well spread."""
    a = mine - mine.mean(axis=0, dtype=np.float64)
    b = theirs - theirs.mean(axis=0, dtype=np.float64)
    spread = float((b * b).sum())
    if spread < 200:
        return []
    scale = float((a * b).sum()) / spread
    if not 0.85 < scale < 1.18:
        return []
    return [(scale, mine.mean(axis=0, dtype=np.float64) - scale * theirs.mean(axis=0))]


def _correlation(
    plane: Plane, other: Plane, scale: float, offset: NDArray[np.floating]
) -> tuple[float, float, float]:
    from scipy.ndimage import gaussian_filter, map_coordinates

    rows = scale * np.arange(other.shape[0]) + offset[0]
    columns = scale * np.arange(other.shape[1]) + offset[1]
    row_in = (rows >= 0) & (rows <= plane.shape[0] - 1)
    column_in = (columns >= 0) & (columns <= plane.shape[1] - 1)
    if row_in.sum() < 20 or column_in.sum() < 20:
        return -1.0, 0.0, 0.0
    grid = np.meshgrid(rows[row_in], columns[column_in], indexing="ij")
    seen = map_coordinates(plane, grid, order=1)
    beneath = other[np.ix_(row_in, column_in)]
    # Otherwise two pictures with sky above a horizon would correlate well.
    seen, beneath = (p - gaussian_filter(p, 4) for p in (seen, beneath))
    seen, beneath = seen - seen.mean(), beneath - beneath.mean()
    strength = float(np.sqrt((seen**2).sum() * (beneath**2).sum()))
    correlation = float((seen * beneath).sum()) / strength if strength > 1e-3 else -1.0
    area = float(seen.size)
    return correlation, area / other.size, area * scale**2 / plane.size


def write_leaks(file: Path, leaks: Sequence[Leak]) -> None:
    """Write every leak as one row of a CSV with the fields of :class:`Leak`.

    Raises:
        ResultsError: the file cannot be written.
    """
    header = [field.name for field in fields(Leak)]
    write_text(file, csv_text([header, *(astuple(leak) for leak in leaks)]))
