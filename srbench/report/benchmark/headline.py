"""The one sentence that stands first on the page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...wording import counted
from ..kit.style import (
    display_name,
    format_value,
    method_order,
    metric_style,
    protocol_name,
    trained_mark,
)
from .results import (
    Results,
    headline_lpips,
    headline_protocol,
    means,
    select,
    without_reference,
)


def headline(results: Results) -> str:
    """Which method leads in PSNR and in LPIPS on every data set, in one sentence."""
    scores = without_reference(results.scores)
    protocol, lpips = headline_protocol(scores), headline_lpips(scores)
    methods = len(set(scores["method"]))
    images = set(zip(scores["dataset"], scores["scale"], scores["image"], strict=True))
    scales = " and ".join(f"×{s}" for s in sorted(set(scores["scale"])))
    count = counted(len(images), "image")
    if methods == 1:
        name = display_name(next(iter(scores["method"])))
        told = _alone(results, scores, protocol)
        return f"{name} alone was measured, on {count} at {scales}{told}."
    clauses: list[str] = []
    if protocol is not None:
        psnr = select(scores, metric="psnr_y", protocol=protocol)
        leaders = _leaders(results, psnr, "psnr_y")
        clauses.append(f"in PSNR ({protocol_name(protocol)}) {leaders}")
    if lpips is not None:
        leaders = _leaders(results, select(scores, metric=lpips), lpips)
        clauses.append(f"in LPIPS {leaders}")
    if not clauses:
        return f"{methods} methods were measured on {count} at {scales}."
    return f"Of {methods} methods on {count} at {scales}, {'; '.join(clauses)}."


def _alone(results: Results, scores: pd.DataFrame, protocol: str | None) -> str:
    psnr = select(scores, metric="psnr_y", protocol=protocol)
    parts = [
        f"{format_value(value, 2)} dB on {display_name(dataset)}"
        for dataset, scale, _ in results.groups()
        for value in means(select(psnr, dataset=dataset, scale=scale)).values()
    ]
    return f": PSNR {', '.join(parts)} ({protocol_name(protocol)})" if protocol and parts else ""


def _leaders(results: Results, scores: pd.DataFrame, metric: str) -> str:
    """'A leads on Set5 (32.21 dB) and Set14 (28.58 dB), B on BSD100 (...)'."""
    style = metric_style(metric)
    several = len(set(results.scores["scale"])) > 1
    won: dict[str, list[str]] = {}
    for dataset, scale, _ in results.groups():
        found = means(select(scores, dataset=dataset, scale=scale))
        if not found:
            continue
        # What reads the same is equal: the winner is named by the number that is shown.
        shown = {m: round(v, style.decimals) for m, v in found.items()}
        best = max(shown.values()) if style.better == "higher" else min(shown.values())
        names = sorted((m for m, v in shown.items() if v == best), key=method_order)
        text = format_value(best, style.decimals)
        unit = f" {style.unit}" if style.unit and np.isfinite(best) else ""
        where = display_name(dataset) + (f" ×{scale}" if several else "")
        trained = [m for m in names if trained_mark(results.run, m, scale, metric)]
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
