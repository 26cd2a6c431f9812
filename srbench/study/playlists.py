"""Playlists: the trials of each rater and their order, seeded, balanced over raters and checked.

A rater gets complete units: all versions of an image, so that comparisons of versions and of the
hidden reference are within one rater; or single pairs. In a study with more units than one rater
can rate, a rater gets the units with the fewest raters so far, so the numbers of votes differ by at
most one. The order is random, but avoids the same content twice in a row, and puts a retest at
least ``retest_gap`` trials after its first trial. The left or first picture of a pair is balanced
over the raters of that pair and, where this leaves a choice, over the methods within a rater. A
retest swaps the two pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeVar

import numpy as np

from ..errors import StudyError
from .manifest import Anchor, Manifest
from .procedure import Item, Unit

Phase = Literal["training", "main", "retest", "gold"]
Content = tuple[str, str]
_Asked = TypeVar("_Asked", bound=Hashable)
_TRIES = 500


@dataclass(frozen=True)
class Trial:
    """One trial. ``number`` counts from 0 over the session; block 0 is the calibration, main blocks
    count from 1. ``expected`` is the right answer for an anchor, else None. ``second`` is the
    picture on the right of ``stimulus`` or after it, if there is one.
    """

    number: int
    stimulus: str
    phase: Phase
    block: int
    repetition: int = 1
    expected: int | None = None
    second: str | None = None

    @property
    def stimuli(self) -> Item:
        """The pictures in display order (left or first one first)."""
        return (self.stimulus,) if self.second is None else (self.stimulus, self.second)


def make_playlist(
    manifest: Manifest,
    rater_number: int,
    loads: Mapping[Unit, int],
    shown: Mapping[Item, int] | None = None,
) -> tuple[Trial, ...]:
    """The trials of one rater: calibration first, then main, gold and retests mixed.

    Args:
        rater_number: counts sessions from 0; with the study's seed it fixes all randomness.
        loads: raters per unit so far (missing means 0).
        shown: raters per item in this order of its pictures so far (missing means 0).

    Raises:
        StudyError: there are too few trials to keep the retests apart.
    """
    rng = np.random.default_rng([manifest.seed, rater_number])
    rules, asks = manifest.rules, manifest.asks
    chosen = choose_units(manifest, loads, rng)
    main = [item for unit in chosen for item in manifest.units[unit]]
    retests = _choose_retests(manifest, chosen, rng)
    grades = {
        anchor.stimulus: anchor.expected for anchor in (*manifest.gold, *manifest.calibration)
    }
    gold = asks.anchored(manifest, [anchor.stimulus for anchor in manifest.gold])
    order = order_trials(
        [(item, manifest.by_id[item[0]].content) for item in [*main, *gold]],
        retests,
        gap=rules.retest_gap,
        rng=rng,
    )
    practice = asks.anchored(manifest, [a.stimulus for a in _order_calibration(manifest, rng)])
    stands = _sides(manifest, main, [*gold, *practice], shown or {}, rng) if asks.swaps else {}

    def trial(number: int, item: Item, phase: Phase, block: int, repetition: int = 1) -> Trial:
        placed = stands.get(item, item)
        if phase == "retest" and asks.swaps:
            placed = placed[::-1]
        anchored = phase in ("training", "gold")
        return Trial(
            number, placed[0], phase, block, repetition,
            expected=asks.expected(placed, grades) if anchored else None,
            second=placed[1] if placed[1:] else None,
        )  # fmt: skip

    trials = [trial(number, item, "training", 0) for number, item in enumerate(practice)]
    blocks = block_numbers(len(order), rules.block_trials)
    times: Counter[Item] = Counter()
    for item, block in zip(order, blocks, strict=True):
        times[item] += 1
        phase: Phase = "gold" if item in gold else "main" if times[item] == 1 else "retest"
        trials.append(trial(len(trials), item, phase, block, times[item]))
    playlist = tuple(trials)
    check_playlist(manifest, playlist)
    return playlist


def choose_units(
    manifest: Manifest, loads: Mapping[Unit, int], rng: np.random.Generator
) -> list[Unit]:
    """The units of one rater: the least rated ones, in random order, within ``per_rater`` trials.

    Only units with the lowest load are taken, so that units that start with equal loads never
    differ by more than one rater. A rater may therefore get slightly fewer trials than
    ``per_rater``.
    """
    units = manifest.units
    if manifest.rules.per_rater is None:
        return list(units)
    room = manifest.rules.per_rater
    waiting = [list(units)[i] for i in rng.permutation(len(units))]
    waiting.sort(key=lambda unit: loads.get(unit, 0))
    chosen: list[Unit] = []
    passed_level: int | None = None
    for unit in waiting:
        level = loads.get(unit, 0)
        if passed_level is not None and level > passed_level:
            break
        if len(units[unit]) <= room:
            chosen.append(unit)
            room -= len(units[unit])
        else:
            passed_level = level
    return chosen


def order_trials(
    items: Sequence[tuple[_Asked, Content]],
    retests: Sequence[_Asked],
    *,
    gap: int,
    rng: np.random.Generator,
) -> list[_Asked]:
    """A random order of (item, content), the items in ``retests`` occurring twice.

    Each step draws a content in proportion to its remaining trials, as a shuffle would, but
    excludes choices after which equal contents would have to follow each other.

    Raises:
        StudyError: no order with retests ``gap`` trials apart was found.
    """
    content_of = dict(items)
    left = Counter(content for _, content in items)
    left.update(content_of[item] for item in retests)
    for _ in range(_TRIES):
        slots: dict[Content, list[int]] = {}
        for position, content in enumerate(_spread(left, rng)):
            slots.setdefault(content, []).append(position)
        order = _fill(slots, items, retests, gap, rng)
        if order is not None:
            return order
    raise StudyError(
        f"{len(retests)} retests cannot be kept {gap} trials apart among "
        f"{left.total()} trials; ask for fewer retests or show more images"
    )


def block_numbers(trials: int, block_trials: int) -> list[int]:
    """The block of each of ``trials`` trials, from 1; block lengths differ by at most one trial."""
    blocks = max(1, -(-trials // block_trials))
    return [1 + position * blocks // trials for position in range(trials)]


def check_playlist(manifest: Manifest, playlist: Sequence[Trial]) -> None:
    """Check a playlist against the rules at the top of this module.

    Raises:
        StudyError: it breaks a rule and must not be stored."""
    if [trial.number for trial in playlist] != list(range(len(playlist))):
        raise StudyError("a playlist's trials are not numbered 0, 1, 2, ...")
    first: dict[frozenset[str], Trial] = {}
    for trial in playlist:
        item = frozenset(trial.stimuli)
        if trial.phase == "retest":
            distance = trial.number - first[item].number
            if distance < manifest.rules.retest_gap:
                raise StudyError(f"a retest is {distance} trials after its first trial")
            if manifest.asks.swaps and trial.stimuli != first[item].stimuli[::-1]:
                raise StudyError("a retest shows a pair without swapping its sides")
        elif trial.phase != "training":
            if item in first:
                raise StudyError("a playlist shows a stimulus twice without marking it as a retest")
            first[item] = trial
    rated = [manifest.by_id[t.stimulus].content for t in playlist if t.phase != "training"]
    limit = -(-len(rated) // 2)
    if max(Counter(rated).values(), default=0) <= limit and rows_of_equals(rated):
        raise StudyError("a playlist shows one image twice in a row")


def rows_of_equals(sequence: Sequence[object]) -> int:
    """The number of elements that equal their predecessor."""
    return sum(a == b for a, b in pairwise(sequence))


def _spread(counts: Mapping[Content, int], rng: np.random.Generator) -> list[Content]:
    contents = list(counts)
    left = np.array([counts[content] for content in contents], dtype=np.int64)
    last = -1
    order: list[Content] = []
    for remaining in range(int(left.sum()), 0, -1):
        weights = left.astype(np.float64)
        if last >= 0 and weights.sum() > weights[last]:
            weights[last] = 0
        # A content with more than half of the remaining trials (half, if it was just shown) must
        # come now; otherwise two of its versions would follow each other later.
        crowded = np.flatnonzero(2 * left > remaining)
        if crowded.size and weights[crowded[0]] > 0:
            pick = int(crowded[0])
        else:
            pick = int(rng.choice(len(contents), p=weights / weights.sum()))
        left[pick] -= 1
        last = pick
        order.append(contents[pick])
    return order


def _fill(
    slots: Mapping[Content, list[int]],
    items: Sequence[tuple[_Asked, Content]],
    retests: Sequence[_Asked],
    gap: int,
    rng: np.random.Generator,
) -> list[_Asked] | None:
    """Put each content's items into its slots, retests first; None if they do not fit."""
    free = {content: list(positions) for content, positions in slots.items()}
    placed: dict[int, _Asked] = {}
    content_of = dict(items)
    of_content: dict[Content, list[_Asked]] = {}
    for item, content in items:
        if item not in retests:
            of_content.setdefault(content, []).append(item)
    for item in retests:
        open_slots = free[content_of[item]]
        pairs = [(a, b) for a in open_slots for b in open_slots if b - a >= gap]
        if not pairs:
            return None
        for position in pairs[int(rng.integers(len(pairs)))]:
            placed[position] = item
            open_slots.remove(position)
    for content, positions in free.items():
        rest = of_content.get(content, [])
        for position, index in zip(positions, rng.permutation(len(rest)), strict=True):
            placed[position] = rest[index]
    return [placed[position] for position in sorted(placed)]


def _choose_retests(
    manifest: Manifest, chosen: Sequence[Unit], rng: np.random.Generator
) -> list[Item]:
    """The items to repeat: one from each content before a second from any."""
    of_content: dict[Content, list[Item]] = {}
    for unit in chosen:
        of_content.setdefault((unit[0], unit[1]), []).extend(manifest.units[unit])
    contents = list(of_content)
    queues = {c: [items[i] for i in rng.permutation(len(items))] for c, items in of_content.items()}
    retests: list[Item] = []
    while len(retests) < manifest.rules.retests and any(queues.values()):
        for index in rng.permutation(len(contents)):
            queue = queues[contents[index]]
            if queue and len(retests) < manifest.rules.retests:
                retests.append(queue.pop())
    return retests


def _sides(
    manifest: Manifest,
    main: Sequence[Item],
    anchored: Sequence[Item],
    shown: Mapping[Item, int],
    rng: np.random.Generator,
) -> dict[Item, Item]:
    """The display order of each pair: the order that fewer raters had so far.

    If both were equally frequent, each method should come first in about half of the rater's pairs.
    """
    lead: Counter[str] = Counter()  # per method: times first minus times second
    placed: dict[Item, Item] = {}
    items = [*main, *anchored]
    balance = {item: shown.get(item, 0) - shown.get(item[::-1], 0) for item in items}
    # Start with pairs whose order is determined, so that the others can balance them.
    order = sorted(rng.permutation(len(items)), key=lambda i: balance[items[i]] == 0)
    for index in order:
        item = items[index]
        first, second = (manifest.by_id[stimulus].method for stimulus in item)
        ahead = balance[item] or lead[first] - lead[second]
        swap = ahead > 0 or (ahead == 0 and rng.random() < 0.5)
        placed[item] = item[::-1] if swap else item
        front, back = (second, first) if swap else (first, second)
        lead[front] += 1
        lead[back] -= 1
    return placed


def _order_calibration(manifest: Manifest, rng: np.random.Generator) -> Iterator[Anchor]:
    """The calibration trials: both anchors of an image follow each other, to teach the grades.

    The order of images, and within each pair, is random.
    """
    pairs: dict[Content, list[int]] = {}
    for index, anchor in enumerate(manifest.calibration):
        pairs.setdefault(manifest.by_id[anchor.stimulus].content, []).append(index)
    contents = list(pairs)
    for which in rng.permutation(len(contents)):
        pair = pairs[contents[which]]
        for index in rng.permutation(len(pair)):
            yield manifest.calibration[pair[index]]
