"""Sensitivity: whether conclusions change if raters are screened or weighted, or methods pooled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .bias_model import BiasModel
from .cells import Cells, Floats
from .intervals import CrossedMean, block_difference
from .left_out import WITH_ALL
from .pooled_model import pooled_differences
from .significance import Pairs, holm


def conclusions(
    block: Cells, family: Pairs | None, alpha: float, weights: Floats | None = None
) -> dict[tuple[str, str], int]:
    """The result of the headline test with Holm for each pair: 1 better, -1 worse, 0 neither.

    Pairs that cannot be tested are left out.
    """
    pairs = _pairs(block, family)
    return _verdicts(pairs, [block_difference(block, a, b, weights) for a, b in pairs], alpha)


def _pairs(block: Cells, family: Pairs | None) -> list[tuple[str, str]]:
    pairs = list(family) if family is not None else list(combinations(block.methods, 2))
    return [pair for pair in pairs if set(pair) <= set(block.methods)]


def _verdicts(
    pairs: Pairs, found: Sequence[CrossedMean], alpha: float
) -> dict[tuple[str, str], int]:
    adjusted = holm(np.array([mean.test()[1] for mean in found]))
    return {
        pair: int(np.sign(mean.mean)) if p < alpha else 0
        for pair, mean, p in zip(pairs, found, adjusted, strict=True)
        if not np.isnan(p)
    }


def sensitivity_table(
    name: str,
    block: Cells,
    flagged: Mapping[str, list[str]],
    model: BiasModel | None,
    family: Pairs | None = None,
    alpha: float = 0.05,
    whole: Cells | None = None,
) -> pd.DataFrame:
    """The headline test of one data set repeated without flagged raters and with other models.

    ``flagged`` gives the raters flagged by each rule. ``whole`` is the data set including the votes
    that the study's rules leave out, if any; it gives the first row after the headline's row.

    Columns ``dataset, variant, raters, pairs, significant, changed, changed_pairs, mos_change,
    mos_changed_method, note``; ``mos_change`` is the largest change of a method's MOS. The bias
    model weights raters by 1 / inconsistency^2, at most ten times the median weight so that no
    single rater dominates; a rater's bias cancels in differences. Raters who are not in the model
    are left out. The pooled model is `pooled_differences`.
    """
    base, mos = conclusions(block, family, alpha), _mos(block)

    def row(variant: str, raters: int, note: str = "", **other: Any) -> dict[str, object]:
        return _row(name, variant, raters, base, mos, note=note, **other)

    rows = [row("all raters", len(block.raters), found=base, again=mos)]
    if whole is not None:
        again, moved = conclusions(whole, family, alpha), _mos(whole)
        rows.append(
            row(WITH_ALL, len(whole.raters), _moved(block, whole), found=again, again=moved)
        )
    for rule, names in flagged.items():
        keep = [i for i, rater in enumerate(block.raters) if rater not in set(names)]
        variant = f"without raters flagged by {rule}"
        if len(keep) == len(block.raters):
            rows.append(row(variant, len(keep), "no rater was flagged", found=base, again=mos))
        elif keep:
            fewer = block.of_raters(np.array(keep))
            rows.append(
                row(
                    variant,
                    len(keep),
                    found=conclusions(fewer, family, alpha),
                    again=_mos(fewer),
                )
            )
        else:
            rows.append(row(variant, 0, "everybody was flagged"))
    rows.append(_by_consistency(block, model, family, alpha, row))
    variant, pairs = "pooled mixed model of all methods", _pairs(block, family)
    pooled = pooled_differences(block, pairs)
    if pooled is None:
        why = "votes are missing, units differ in size, differences do not vary, or there is one "
        why += "rater, image or method"
        rows.append(row(variant, len(block.raters), f"not computed: {why}"))
    else:
        found = _verdicts(pairs, pooled, alpha)
        note = "too lenient where methods differ in how much they vary"
        rows.append(row(variant, len(block.raters), note, found=found, again=mos))
    return pd.DataFrame(rows)


def _by_consistency(
    block: Cells,
    model: BiasModel | None,
    family: Pairs | None,
    alpha: float,
    row: Callable[..., dict[str, object]],
) -> dict[str, object]:
    variant = "bias model: raters weighted by consistency"
    if model is None:
        return row(variant, len(block.raters), "too few raters to fit it")
    place = {rater: i for i, rater in enumerate(model.raters)}
    own = np.array([place[rater] for rater in block.raters])
    weight = 1 / (model.inconsistency[own] ** 2 + 1e-8)
    known = ~np.isnan(weight)
    if not known.any():
        return row(variant, 0, "no rater here fits it")
    weight = np.minimum(weight, 10 * np.median(weight[known]))[known]
    fewer = block.of_raters(np.flatnonzero(known))
    found = conclusions(fewer, family, alpha, weight)
    return row(variant, int(known.sum()), found=found, again=_mos(fewer, weight))


def _mos(block: Cells, weights: Floats | None = None) -> dict[str, float]:
    """The MOS of every method, NaN where none of these raters rated it."""
    share = np.ones(len(block.raters)) if weights is None else weights
    found: dict[str, float] = {}
    for method in block.methods:
        table = block.of(method)
        weight = (~np.isnan(table)) * share[:, None]
        total = float(weight.sum())
        found[method] = float((weight * np.nan_to_num(table)).sum()) / total if total else np.nan
    return found


def _moved(block: Cells, whole: Cells) -> str:
    """The largest change of a MOS."""
    there = [whole.methods.index(method) for method in block.methods]
    before, after = (np.nanmean(cells.scores, axis=(1, 2)) for cells in (block, whole))
    moved = np.abs(after[there] - before)
    return f"MOS moves by {moved.max():.2f} at most ({block.methods[int(moved.argmax())]})"


def _row(
    name: str,
    variant: str,
    raters: int,
    base: dict[tuple[str, str], int],
    mos: dict[str, float],
    found: dict[tuple[str, str], int] | None = None,
    again: dict[str, float] | None = None,
    note: str = "",
) -> dict[str, object]:
    verdicts = base if found is None else found
    changed = [pair for pair, verdict in base.items() if verdict != verdicts.get(pair, 0)]
    moved = {m: again[m] - mos[m] for m in mos if again and not np.isnan(again[m])}
    most = max(moved, key=lambda m: abs(moved[m])) if moved else ""
    return {
        "dataset": name,
        "variant": variant,
        "raters": raters,
        "pairs": len(base),
        "significant": sum(map(abs, found.values())) if found is not None else np.nan,
        "changed": len(changed) if found is not None else np.nan,
        "changed_pairs": "; ".join(f"{a} / {b}" for a, b in changed),
        "mos_change": moved.get(most, np.nan),
        "mos_changed_method": most if moved.get(most) else "",
        "note": note,
    }
