"""Sentences about a table that may mean something else than its names and numbers say."""

from __future__ import annotations

import pandas as pd

from ..wording import counted
from .ratings import REFERENCE
from .units import suspected


def doubts(main: pd.DataFrame) -> list[str]:
    """The sentences for a checked table of grades or of pair comparisons, of phase main."""
    found = [suspected(main), taken_for_original(main)]
    found += [_upside_down(main)] if "method" in main else [_least_preferred(main), _named_a(main)]
    return [said for said in found if said]


def taken_for_original(table: pd.DataFrame) -> str:
    """Whether another name than HR was taken for the original, in a checked table; else ''."""
    given = table.attrs.get("original")
    if not given:
        return ""
    return f"'{given}' is taken for the original, {REFERENCE}; rename it if it is another method"


def _upside_down(main: pd.DataFrame) -> str:
    """Whether the original is the worst of all methods, as if 1 were the best grade."""
    means = main.groupby("method")["score"].mean()
    if REFERENCE not in means or means[REFERENCE] > min(means.min(), means.max() - 1):
        return ""
    return (
        "the original has the lowest MOS of all: if 1 is the best grade in this table, write "
        "6 minus the score; srbench takes 5 for the best"
    )


def _least_preferred(main: pd.DataFrame) -> str:
    """Whether the original loses most of its comparisons with every other method."""
    original = {"a": main["method_a"] == REFERENCE, "b": main["method_b"] == REFERENCE}
    other = main["method_b"].where(original["a"], main["method_a"])
    asked = (original["a"] | original["b"]) & (main["answer"] != "same")
    won = (main["answer"] == "a") == original["a"]
    rates = won[asked].groupby(other[asked]).mean()
    if rates.empty or rates.max() >= 0.25:
        return ""
    return (
        "the original loses most comparisons with every method: `answer` must name the better "
        "picture, a for method_a and b for method_b"
    )


def _named_a(main: pd.DataFrame) -> str:
    """Whether methods called a and b are in each other's column."""
    crossed = (main["method_a"].str.casefold() == "b") | (main["method_b"].str.casefold() == "a")
    if not crossed.any():
        return ""
    return (
        f"{counted(int(crossed.sum()), 'row')} with a method called a in method_b, or b in "
        "method_a: the answer a means the method in method_a, whatever its name"
    )
