"""The compact letter display matches the tests for any number of methods."""

from __future__ import annotations

import random
import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srbench.stats.letters import LONGEST, compact_letters


def spelt_out(text: str) -> set[str]:
    """The letters that a shortened text stands for."""
    order = [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    order += [f"({i})" for i in range(53, 1001)]
    found = set[str]()
    for first, last in re.findall(r"(\w|\(\d+\))(?:–(\w|\(\d+\)))?", text):
        start = order.index(first)
        found |= set(order[start : order.index(last) + 1 if last else start + 1])
    return found


@pytest.mark.parametrize(("count", "near"), [(3, 1), (12, 2), (30, 9), (60, 5), (120, 40)])
def test_two_methods_share_a_letter_exactly_if_they_do_not_differ(count, near):
    rng = random.Random(count)
    methods = [f"m{i}" for i in range(count)]
    reach = [near - rng.choice((0, 0, 0, near // 3)) for _ in methods]
    different = {
        (methods[i], methods[j]) for i, j in combinations(range(count), 2) if j - i > reach[i]
    }
    letters = compact_letters(methods, different)
    assert letters is not None
    sets = {method: spelt_out(text) for method, text in letters.items()}
    for a, b in combinations(methods, 2):
        assert ((a, b) in different) == (not sets[a] & sets[b])


def test_short_texts_are_not_shortened_and_long_ones_are():
    methods = [f"m{i}" for i in range(20)]
    few = compact_letters(methods, [(methods[0], methods[-1])])
    assert few == {m: "a" if m == "m0" else "b" if m == "m19" else "ab" for m in methods}
    apart = [(a, b) for a, b in combinations(methods, 2) if int(b[1:]) - int(a[1:]) > 8]
    many = compact_letters(methods, apart)
    assert many is not None
    assert many["m10"] == "c–k"
    assert max(map(len, many.values())) <= LONGEST


def test_differences_without_any_order_have_no_letters():
    rng = random.Random(0)
    methods = [f"m{i}" for i in range(120)]
    different = [pair for pair in combinations(methods, 2) if rng.random() < 0.5]
    assert compact_letters(methods, different) is None


@given(st.integers(2, 9), st.data())
def test_any_pattern_of_differences_is_told_by_the_letters(count, data):
    methods = [f"m{i}" for i in range(count)]
    pairs = list(combinations(methods, 2))
    different = [pair for pair in pairs if data.draw(st.booleans())]
    letters = compact_letters(methods, different)
    assert letters is not None
    assert all(letters.values())
    for pair in pairs:
        share = bool(spelt_out(letters[pair[0]]) & spelt_out(letters[pair[1]]))
        assert share == (pair not in different)
