"""The one sentence that stands first on the page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...metrics.base import Facts
from ...wording import counted
from ..kit.style import (
    display_name,
    format_value,
    method_order,
    trained_mark,
)
from .results import (
    Results,
    means,
    select,
    without_reference,
)


def headline(results: Results) -> str:
    """Which method leads in PSNR, in LPIPS and so on, on every data set, in one sentence."""
    scores = without_reference(results.scores)
    methods = len(set(scores["method"]))
    images = set(zip(scores["dataset"], scores["scale"], scores["image"], strict=True))
    scales = " and ".join(f"×{s}" for s in sorted(set(scores["scale"])))
    count = counted(len(images), "image")
    if methods == 1:
        name = display_name(next(iter(scores["method"])))
        told = _alone(results, scores)
        return f"{name} alone was measured, on {count} at {scales}{told}."
    clauses: list[str] = []
    for facts in results.numbers():
        # SSIM nearly always repeats what PSNR says.
        if facts.better is None or facts.word == "ssim":
            continue
        own = select(scores, metric=facts.name, protocol=facts.protocol)
        name = facts.short_label if facts.variant else facts.with_protocol
        if leaders := _leaders(results, own, facts):
            clauses.append(f"in {name} {leaders}")
    if not clauses:
        return f"{methods} methods were measured on {count} at {scales}."
    return f"Of {methods} methods on {count} at {scales}, {'; '.join(clauses)}."


def _alone(results: Results, scores: pd.DataFrame) -> str:
    facts = results.numbers()[0]
    own = select(scores, metric=facts.name, protocol=facts.protocol)
    unit = f" {facts.unit}" if facts.unit else ""
    parts = [
        f"{format_value(value, facts.decimals)}{unit} on {display_name(dataset)}"
        for dataset, scale, _ in results.groups()
        for value in means(select(own, dataset=dataset, scale=scale)).values()
    ]
    return (
        f": {facts.short_label} {', '.join(parts)} ({facts.variant or facts.under})"
        if parts
        else ""
    )


def _leaders(results: Results, scores: pd.DataFrame, facts: Facts) -> str:
    """'A leads on Set5 (32.21 dB) and Set14 (28.58 dB), B on BSD100 (...)'."""
    several = len(set(results.scores["scale"])) > 1
    won: dict[str, list[str]] = {}
    for dataset, scale, _ in results.groups():
        found = means(select(scores, dataset=dataset, scale=scale))
        found = {m: v for m, v in found.items() if not np.isnan(v)}
        if not found:
            continue
        # What reads the same is equal: the winner is named by the number that is shown.
        shown = {m: round(v, facts.decimals) for m, v in found.items()}
        best = max(shown.values()) if facts.better == "higher" else min(shown.values())
        names = sorted((m for m, v in shown.items() if v == best), key=method_order)
        text = format_value(best, facts.decimals)
        unit = f" {facts.unit}" if facts.unit and np.isfinite(best) else ""
        where = display_name(dataset) + (f" ×{scale}" if several else "")
        trained = [m for m in names if trained_mark(results.run, m, scale, facts.name)]
        key = " and ".join(
            display_name(m) + (" (trained on this metric)" if m in trained else "") for m in names
        )
        won.setdefault(key, []).append(f"{where} ({text}{unit})")
    verbs = ["lead" if " and " in key else "leads" for key in won]
    return ", ".join(
        f"{key} {verb + ' ' if i == 0 else ''}on {_listed(places)}"
        for i, ((key, places), verb) in enumerate(zip(won.items(), verbs, strict=True))
    )


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
