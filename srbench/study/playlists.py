"""Who sees what in which order: seeded, balanced over raters, and checked before it is stored.

A rater sees whole contents (all versions of an image), so that differences between versions and
the hidden reference are always within one rater. Which contents, in a long study: those with the
fewest raters so far, so that the numbers of votes never differ by more than one. In which order:
random, but never two versions of one content in a row where that can be avoided, and a retest
at least ``retest_gap`` trials after its first showing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from ..errors import StudyError
from .manifest import Anchor, Manifest

Phase = Literal["training", "main", "retest", "gold"]
Content = tuple[str, str]
_TRIES = 500


@dataclass(frozen=True)
class Trial:
    """One showing. ``number`` counts from 0 over the whole session; block 0 is the calibration,
    main blocks count from 1. ``expected`` is the right grade of an anchor, else None."""

    number: int
    stimulus: str
    phase: Phase
    block: int
    repetition: int = 1
    expected: int | None = None


def make_playlist(
    manifest: Manifest, rater_number: int, loads: Mapping[Content, int]
) -> tuple[Trial, ...]:
    """The trials of one rater: calibration first, then main, gold and retests mixed.

    Args:
        rater_number: counts sessions from 0; with the study's seed it fixes all randomness.
        loads: raters per content so far (missing means 0).

    Raises:
        StudyError: the retests cannot be kept apart in so few trials.
    """
    rng = np.random.default_rng([manifest.seed, rater_number])
    rules = manifest.rules
    chosen = choose_contents(manifest, loads, rng)
    main = [stimulus for content in chosen for stimulus in manifest.contents[content]]
    retests = _choose_retests(manifest, chosen, rng)
    gold = {anchor.stimulus: anchor.expected for anchor in manifest.gold}

    order = order_trials(
        [(stimulus, manifest.by_id[stimulus].content) for stimulus in [*main, *gold]],
        retests,
        gap=rules.retest_gap,
        rng=rng,
    )
    trials = [
        Trial(number, anchor.stimulus, "training", 0, expected=anchor.expected)
        for number, anchor in enumerate(_order_calibration(manifest, rng))
    ]
    blocks = block_numbers(len(order), rules.block_trials)
    shown: Counter[str] = Counter()
    for stimulus, block in zip(order, blocks, strict=True):
        shown[stimulus] += 1
        repetition = shown[stimulus]
        phase: Phase = "gold" if stimulus in gold else "main" if repetition == 1 else "retest"
        trials.append(
            Trial(len(trials), stimulus, phase, block, repetition, expected=gold.get(stimulus))
        )
    playlist = tuple(trials)
    check_playlist(manifest, playlist)
    return playlist


def choose_contents(
    manifest: Manifest, loads: Mapping[Content, int], rng: np.random.Generator
) -> list[Content]:
    """The contents of one rater: the least rated ones, in random order, within ``per_rater``.

    A content is taken only from the lowest level of load there is, so that, starting from equal
    loads, no two contents ever differ by more than one rater. A rater may therefore get a few
    trials fewer than ``per_rater``.
    """
    contents = manifest.contents
    if manifest.rules.per_rater is None:
        return list(contents)
    room = manifest.rules.per_rater
    waiting = [list(contents)[i] for i in rng.permutation(len(contents))]
    waiting.sort(key=lambda content: loads.get(content, 0))
    chosen: list[Content] = []
    passed_level: int | None = None
    for content in waiting:
        level = loads.get(content, 0)
        if passed_level is not None and level > passed_level:
            break
        if len(contents[content]) <= room:
            chosen.append(content)
            room -= len(contents[content])
        else:
            passed_level = level
    return chosen


def order_trials(
    items: Sequence[tuple[str, Content]],
    retests: Sequence[str],
    *,
    gap: int,
    rng: np.random.Generator,
) -> list[str]:
    """A random order of (stimulus, content) items, the stimuli in ``retests`` occurring twice.

    Drawn step by step in proportion to what is left, as a plain shuffle would be, but leaving
    out every step after which equal contents could no longer be kept apart.

    Raises:
        StudyError: no order with retests ``gap`` trials apart was found.
    """
    content_of = dict(items)
    left = Counter(content for _, content in items)
    left.update(content_of[stimulus] for stimulus in retests)
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
    """Block of each of ``trials`` trials, from 1; blocks differ by at most one trial in length."""
    blocks = max(1, -(-trials // block_trials))
    return [1 + position * blocks // trials for position in range(trials)]


def check_playlist(manifest: Manifest, playlist: Sequence[Trial]) -> None:
    """Whether a playlist keeps the promises of this module.

    Raises:
        StudyError: it does not; nothing may be stored then.
    """
    if [trial.number for trial in playlist] != list(range(len(playlist))):
        raise StudyError("a playlist's trials are not numbered 0, 1, 2, ...")
    first: dict[str, int] = {}
    for trial in playlist:
        if trial.phase == "retest":
            distance = trial.number - first[trial.stimulus]
            if distance < manifest.rules.retest_gap:
                raise StudyError(f"a retest stands {distance} trials after its first showing")
        elif trial.phase != "training":
            if trial.stimulus in first:
                raise StudyError("a playlist shows a stimulus twice without calling it a retest")
            first[trial.stimulus] = trial.number
    rated = [manifest.by_id[t.stimulus].content for t in playlist if t.phase != "training"]
    limit = -(-len(rated) // 2)
    if max(Counter(rated).values(), default=0) <= limit and rows_of_equals(rated):
        raise StudyError("a playlist shows two versions of one image in a row")


def rows_of_equals(sequence: Sequence[object]) -> int:
    """How often an element equals the one before it."""
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
        # A content that fills more than half of the rest (the one just shown: half) must come
        # now, or two of its versions would meet later.
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
    items: Sequence[tuple[str, Content]],
    retests: Sequence[str],
    gap: int,
    rng: np.random.Generator,
) -> list[str] | None:
    """Put each content's stimuli into its slots, retests first; None when they do not fit."""
    free = {content: list(positions) for content, positions in slots.items()}
    placed: dict[int, str] = {}
    content_of = dict(items)
    for stimulus in retests:
        open_slots = free[content_of[stimulus]]
        pairs = [(a, b) for a in open_slots for b in open_slots if b - a >= gap]
        if not pairs:
            return None
        for position in pairs[int(rng.integers(len(pairs)))]:
            placed[position] = stimulus
            open_slots.remove(position)
    for content, positions in free.items():
        rest = [s for s, c in items if c == content and s not in retests]
        for position, index in zip(positions, rng.permutation(len(rest)), strict=True):
            placed[position] = rest[index]
    return [placed[position] for position in sorted(placed)]


def _choose_retests(
    manifest: Manifest, chosen: Sequence[Content], rng: np.random.Generator
) -> list[str]:
    """Stimuli to show twice: one of each content before a second of any."""
    queues = {c: list(rng.permutation(manifest.contents[c])) for c in chosen}
    retests: list[str] = []
    while len(retests) < manifest.rules.retests and any(queues.values()):
        for index in rng.permutation(len(chosen)):
            queue = queues[chosen[index]]
            if queue and len(retests) < manifest.rules.retests:
                retests.append(str(queue.pop()))
    return retests


def _order_calibration(manifest: Manifest, rng: np.random.Generator) -> Iterator[Anchor]:
    """Both anchors of an image one after the other (that is how the grades are learnt), images
    and the order within a pair at random."""
    pairs: dict[Content, list[int]] = {}
    for index, anchor in enumerate(manifest.calibration):
        pairs.setdefault(manifest.by_id[anchor.stimulus].content, []).append(index)
    contents = list(pairs)
    for which in rng.permutation(len(contents)):
        pair = pairs[contents[which]]
        for index in rng.permutation(len(pair)):
            yield manifest.calibration[pair[index]]
