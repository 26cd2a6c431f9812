"""Compact letter display: methods that share a letter do not differ significantly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def compact_letters(methods: Sequence[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Letters for methods given best first; every pair in ``different`` shares none.

    Source: insert and absorb, Piepho 2004, J. Comput. Graph. Stat. 13(2).
    """
    groups: list[set[str]] = [set(methods)]
    for a, b in different:
        split: list[set[str]] = []
        for group in groups:
            split += [group - {a}, group - {b}] if {a, b} <= group else [group]
        unique = {frozenset(group) for group in split if group}
        groups = [set(group) for group in unique if not any(group < other for other in unique)]
    place = {method: i for i, method in enumerate(methods)}
    groups.sort(key=lambda group: sorted(place[method] for method in group))
    return {
        method: "".join(_letter(i) for i, group in enumerate(groups) if method in group)
        for method in methods
    }


def _letter(i: int) -> str:
    return chr(ord("a") + i) if i < 26 else f"({i + 1})"
