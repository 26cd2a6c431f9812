"""Would any conclusion change if raters were screened or weighted."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from .bias_model import BiasModel
from .cells import Cells, Floats
from .intervals import block_difference
from .left_out import WITH_ALL
from .significance import Pairs, holm


def conclusions(
    block: Cells, family: Pairs | None, alpha: float, weights: Floats | None = None
) -> dict[tuple[str, str], int]:
    """What the headline test with Holm says of each pair: 1 better, -1 worse, 0 no difference.

    Pairs that cannot be tested are left out.
    """
    pairs = list(family) if family is not None else list(combinations(block.methods, 2))
    pairs = [pair for pair in pairs if set(pair) <= set(block.methods)]
    found = [block_difference(block, a, b, weights) for a, b in pairs]
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
    """The headline test of one data set again, without flagged raters and after the bias model.

    ``flagged`` names the raters flagged by each rule. ``whole`` is the data set with the votes that
    the study's rules leave out, if there are any: the first row after the headline's own.

    Columns ``dataset, variant, raters, pairs, significant, changed, changed_pairs, note``. The bias
    model weighs raters by 1 / inconsistency^2, capped at ten times the median weight so that no
    rater speaks for all; a rater's bias cancels in a difference by itself. Raters who are not in
    the model are left out.
    """
    base = conclusions(block, family, alpha)
    rows = [_row(name, "all raters", len(block.raters), base, base, "")]
    if whole is not None:
        again = conclusions(whole, family, alpha)
        rows.append(_row(name, WITH_ALL, len(whole.raters), again, base, _moved(block, whole)))
    for rule, names in flagged.items():
        keep = [i for i, rater in enumerate(block.raters) if rater not in set(names)]
        variant = f"without raters flagged by {rule}"
        if len(keep) == len(block.raters):
            rows.append(_row(name, variant, len(keep), base, base, "nobody was flagged"))
        elif keep:
            fewer = conclusions(block.of_raters(np.array(keep)), family, alpha)
            rows.append(_row(name, variant, len(keep), fewer, base, ""))
        else:
            rows.append(_row(name, variant, 0, None, base, "everybody was flagged"))
    variant = "bias model: raters weighted by consistency"
    if model is None:
        rows.append(_row(name, variant, len(block.raters), None, base, "too few raters to fit it"))
        return pd.DataFrame(rows)
    place = {rater: i for i, rater in enumerate(model.raters)}
    own = np.array([place[rater] for rater in block.raters])
    weight = 1 / (model.inconsistency[own] ** 2 + 1e-8)
    known = ~np.isnan(weight)
    if not known.any():
        rows.append(_row(name, variant, 0, None, base, "no rater here fits it"))
        return pd.DataFrame(rows)
    weight = np.minimum(weight, 10 * np.median(weight[known]))[known]
    again = conclusions(block.of_raters(np.flatnonzero(known)), family, alpha, weight)
    rows.append(_row(name, variant, int(known.sum()), again, base, ""))
    return pd.DataFrame(rows)


def _moved(block: Cells, whole: Cells) -> str:
    """By how much MOS changes at most."""
    there = [whole.methods.index(method) for method in block.methods]
    before, after = (np.nanmean(cells.scores, axis=(1, 2)) for cells in (block, whole))
    moved = np.abs(after[there] - before)
    return f"MOS moves by {moved.max():.2f} at most ({block.methods[int(moved.argmax())]})"


def _row(
    name: str,
    variant: str,
    raters: int,
    found: dict[tuple[str, str], int] | None,
    base: dict[tuple[str, str], int],
    note: str,
) -> dict[str, object]:
    again = base if found is None else found
    changed = [pair for pair, verdict in base.items() if verdict != again.get(pair, 0)]
    return {
        "dataset": name,
        "variant": variant,
        "raters": raters,
        "pairs": len(base),
        "significant": sum(map(abs, found.values())) if found is not None else np.nan,
        "changed": len(changed) if found is not None else np.nan,
        "changed_pairs": "; ".join(f"{a} / {b}" for a, b in changed),
        "note": note,
    }
