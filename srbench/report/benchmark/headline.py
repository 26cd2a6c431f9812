"""The heading of the page: a short title and, per data set, the best method and its lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...metrics.base import Facts
from ...wording import counted
from ..kit.frames import format_p
from ..kit.style import display_name, format_value, method_order, trained_mark
from .results import Results, incomplete, means, select, without_reference
from .significance import LEVEL, out_of_reach


@dataclass(frozen=True)
class Lead:
    """The best method in one metric on one data set; several if their printed values are equal.

    ``ahead``: the lead over the second best and whether it is significant; empty without a second
    method or without tests. ``images``: the number of images that the means are over.
    """

    label: str
    names: tuple[str, ...]
    value: str
    images: int
    ahead: str = ""

    def __str__(self) -> str:
        return f"best {self.label} {self.value} {' = '.join(self.names)}"


@dataclass(frozen=True)
class DatasetLeads:
    """The leads on one data set, and its number of images."""

    where: str
    images: int
    leads: tuple[Lead, ...]


def title(results: Results) -> str:
    """``11 methods on Set5, Set14 and BSD100, ×4``."""
    scores = without_reference(results.scores)
    methods = sorted(set(scores["method"]), key=method_order)
    who = display_name(methods[0]) if len(methods) == 1 else counted(len(methods), "method")
    names = list(dict.fromkeys(display_name(name) for name, _, _ in results.groups()))
    where = listed(names) if len(names) <= 4 else counted(len(names), "data set")
    scales = " and ".join(f"×{s}" for s in sorted(set(scores["scale"])))
    return f"{who} on {where}, {scales}"


def headline(results: Results) -> str:
    """Title and leads as plain text on one line."""
    lines = [
        f"{each.where}: {' · '.join(map(str, each.leads))}"
        for each in dataset_leads(results)
        if each.leads
    ]
    return "; ".join([title(results), *lines])


def dataset_leads(results: Results, tests: pd.DataFrame | None = None) -> list[DatasetLeads]:
    """The best method in PSNR, LPIPS etc. on each data set.

    Only methods scored on all of its images are ranked. ``tests`` are the paired tests of
    `srbench.report.benchmark.significance.significance`.
    """
    several = len(set(results.scores["scale"])) > 1
    found: list[DatasetLeads] = []
    for dataset, scale, scores in results.groups():
        here = without_reference(scores)
        where = display_name(dataset) + (f" ×{scale}" if several else "")
        leads = [
            lead
            for facts in headline_numbers(results)
            if (lead := _lead(results, here, facts, tests, dataset, scale))
        ]
        found.append(DatasetLeads(where, len(set(scores["image"])), tuple(leads)))
    return found


def headline_numbers(results: Results) -> list[Facts]:
    """The metrics in the heading: without SSIM, which usually agrees with PSNR."""
    ranked = [facts for facts in results.numbers() if facts.better is not None]
    return [facts for facts in ranked if facts.word != "ssim"] or ranked


def _lead(
    results: Results,
    scores: pd.DataFrame,
    facts: Facts,
    tests: pd.DataFrame | None,
    dataset: str,
    scale: int,
) -> Lead | None:
    own = select(scores, metric=facts.name, protocol=facts.protocol)
    unranked = incomplete(own)
    found = {
        method: value
        for method, value in means(own).items()
        if not np.isnan(value) and method not in unranked
    }
    if not found:
        return None
    # Values that print the same are equal: the best method is decided by the printed number.
    shown = {method: round(value, facts.decimals) for method, value in found.items()}
    values = sorted(set(shown.values()), reverse=facts.better == "higher")
    first = sorted((m for m, v in shown.items() if v == values[0]), key=method_order)
    unit = f" {facts.unit}" if facts.unit and np.isfinite(values[0]) else ""
    names = [display_name(m) + trained_mark(results.run, m, scale, facts.name) for m in first]
    ahead = ""
    if tests is not None and len(first) == 1 and len(values) > 1:
        second = min((m for m, v in shown.items() if v == values[1]), key=method_order)
        family = select(
            tests, dataset=dataset, scale=scale, metric=facts.name, protocol=facts.protocol
        )
        ahead = _ahead(family, first[0], second, facts)
    value = format_value(values[0], facts.decimals) + unit
    images = own.dropna(subset="value")["image"].nunique()
    return Lead(facts.short_label, tuple(names), value, images, ahead)


def _ahead(family: pd.DataFrame, first: str, second: str, facts: Facts) -> str:
    """``0.45 dB ahead of SRResNet-VGG22, significant (p = 0.0012)``."""
    pair = family[
        (family["method_a"].isin([first, second])) & (family["method_b"].isin([first, second]))
    ]
    if pair.empty:
        return ""
    row = pair.iloc[0]
    gap = abs(float(row["mean_difference"]))
    if not np.isfinite(gap):
        return ""
    unit = f" {facts.unit}" if facts.unit else ""
    text = f"{format_value(gap, facts.decimals)}{unit} ahead of {display_name(second)}, "
    if row["significant"]:
        p = format_p(row["p_holm"])
        p = f"p {p if p.startswith('<') else f'= {p}'}".replace("<", "< ")
        if row["mean_difference"] * row["effect_size"] < 0:
            return f"{text}but the rank test favours {display_name(second)} ({p})"
        return f"{text}significant ({p})"
    if out_of_reach(int(row["n"]), 1):
        return f"{text}not testable: {counted(int(row['n']), 'image')} cannot reach {LEVEL}"
    return f"{text}not significant (p = {format_p(row['p_holm'])})"


def listed(items: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
