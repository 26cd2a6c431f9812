"""Compact letter display: methods that share a letter do not differ significantly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_letters

MOST_GROUPS = 1000
LONGEST = 6  # letters of one method; with more, runs of letters are shortened to 'a–d'


def compact_letters(
    methods: Sequence[str], different: Iterable[tuple[str, str]]
) -> dict[str, str] | None:
    """Letters for methods given best first; every pair in ``different`` shares none.

    Letters run a to z, A to Z, (53), (54) ... If a method needs more than six letters, runs of four
    or more are written 'a–d' for all methods. None if more than a thousand letters are needed,
    which happens if the differences follow no order.

    Source: insert and absorb, Piepho 2004, J. Comput. Graph. Stat. 13(2).
    """
    place = {method: i for i, method in enumerate(methods)}
    groups = {(1 << len(methods)) - 1}  # sets of methods as bit masks
    # Sorted pairs keep the number of intermediate groups small.
    for a, b in sorted(sorted((place[a], place[b])) for a, b in different):
        one, other = 1 << a, 1 << b
        parted = {group for group in groups if group & one and group & other}
        groups -= parted
        halves = {half for group in parted for half in (group & ~one, group & ~other) if half}
        everybody = groups | halves
        groups |= {
            half
            for half in halves
            if not any(half & group == half and half != group for group in everybody)
        }
        if len(groups) > MOST_GROUPS:
            return None
    members = [[i for i in range(len(methods)) if group >> i & 1] for group in groups]
    own: dict[str, list[int]] = {method: [] for method in methods}
    for letter, group in enumerate(sorted(members)):
        for i in group:
            own[methods[i]].append(letter)
    whole = {method: "".join(map(_letter, indices)) for method, indices in own.items()}
    if max(map(len, whole.values()), default=0) <= LONGEST:
        return whole
    return {method: _runs(indices) for method, indices in own.items()}


def _runs(indices: list[int]) -> str:
    """Letters in order; four or more consecutive ones as 'a–d'."""
    shown: list[str] = []
    start = 0
    for end in range(1, len(indices) + 1):
        if end < len(indices) and indices[end] == indices[end - 1] + 1:
            continue
        run = [_letter(i) for i in indices[start:end]]
        shown += [f"{run[0]}–{run[-1]}"] if len(run) > 3 else run
        start = end
    return "".join(shown)


def _letter(i: int) -> str:
    return ascii_letters[i] if i < len(ascii_letters) else f"({i + 1})"
