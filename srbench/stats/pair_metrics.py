"""Metrics and pair answers: how often a metric prefers the same picture as the raters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..metrics.table import Known
from .bradley_terry import A, B
from .cells import STIMULUS, Floats
from .intervals import resample, t_quantile
from .metric_vs_mos import direction
from .pair_answers import PairBlock, pair_block
from .scores import match_scores

_CHUNK = 200  # resamples at a time


def metrics_against_pairs(
    answers: pd.DataFrame,
    scores: pd.DataFrame,
    resamples: int,
    rng: np.random.Generator,
    level: float = 0.95,
    known: Known | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The agreement of each metric with the raters about two versions of one image.

    ``answers`` are checked main answers. The first table, ``metric, protocol, n_pairs, agreement,
    ci_low, ci_high, answers, answers_low, answers_high, better, label, note``: over the pairs of
    pictures whose answers prefer one, ``agreement`` is the share on which the metric prefers the
    same as the majority; ``answers`` is the share of single preferences that it predicts. Two equal
    values count half. Pairs with the original, which has no score, are left out. A metric whose
    better direction is unknown is assumed to agree.

    The second table, ``best, other, difference, ci_low, ci_high, differs, note``: the agreement
    of the best metric minus that of each other metric over the pairs that have both, in the same
    resamples; these intervals hold for all comparisons together (Bonferroni). Intervals are the
    share +- Student's quantile, with the smaller of raters and images - 1 degrees of freedom, times
    its deviation over resamples of raters and images; one rater or one image has none. We do not
    use percentiles because a majority of resampled raters is less certain than the majority of all
    raters.

    Raises:
        ResultsError: the scores cannot be used, or none belongs to a compared picture.
    """
    block = pair_block(answers)
    unit, first = np.unique(block.image * len(block.first) + block.pair, return_index=True)
    number = np.searchsorted(unit, block.image * len(block.first) + block.pair)
    image, pair = unit // len(block.first), unit % len(block.first)
    content = block.content[first]
    panels = int(block.panel.max()) + 1
    net = np.zeros((panels, len(unit)))
    sign = (block.answer == A) * 1.0 - (block.answer == B)
    np.add.at(net, (block.panel, number), sign)
    told = np.zeros_like(net)
    np.add.at(told, (block.panel, number), np.abs(sign))
    all_net, all_told, once = net.sum(0), told.sum(0), np.ones(len(unit))
    known = known or Known()
    values = _values(answers, scores, block)
    above: dict[tuple[str, str], Floats] = {}
    for key, table in values.items():
        gap = table[image, block.first[pair]] - table[image, block.second[pair]]
        above[key] = _above(known.under(*key).better or "", gap, net)
    found = {key: _shares(all_net, all_told, once, sign) for key, sign in above.items()}
    contents = int(content.max()) + 1
    # NaN with one rater or one image, which has no interval: its deviation is not known.
    df = float(min(panels, contents) - 1)
    alone = " and ".join(
        f"one {word}" for word, n in (("rater", panels), ("image", contents)) if n == 1
    )
    draws = resample(panels, contents, resamples, rng)
    drawn: dict[tuple[str, str], list[Floats]] = {key: [] for key in above}
    keys = list(above)
    best = max(keys, key=lambda key: -1.0 if np.isnan(found[key][0]) else found[key][0])
    gaps: dict[tuple[str, str], list[Floats]] = {key: [] for key in keys if key != best}
    for start in range(0, resamples, _CHUNK):
        part = slice(start, start + _CHUNK)
        majority, said = draws.raters[part] @ net, draws.raters[part] @ told
        weight = draws.images[part][:, content]
        for key in keys:
            drawn[key].append(_shares(majority, said, weight, above[key]))
        for key in gaps:
            both = weight * ~np.isnan(above[best]) * ~np.isnan(above[key])
            gaps[key].append(
                _shares(majority, said, both, above[best])[0]
                - _shares(majority, said, both, above[key])[0]
            )
    rows: list[dict[str, object]] = []
    for key in keys:
        spread = np.nanstd(np.concatenate(drawn[key], axis=1), axis=1, ddof=1)
        facts = known.under(*key)
        decided = (all_net != 0) & ~np.isnan(above[key])
        row: dict[str, object] = {
            "metric": key[0],
            "protocol": key[1],
            "n_pairs": int(decided.sum()),
        }
        for name, value, sd in zip(("agreement", "answers"), found[key], spread, strict=True):
            half = float(t_quantile(level, df)) * float(sd)
            row[name] = float(value)
            ends = ("ci_low", "ci_high") if name == "agreement" else ("answers_low", "answers_high")
            row[ends[0]], row[ends[1]] = np.clip([value - half, value + half], 0.0, 1.0)
        row["better"], row["label"] = facts.better or "", facts.with_protocol
        row["note"] = f"{alone}: no interval" if alone else ""
        if not decided.any():
            row["note"] = "no pair of scored pictures has a majority"
        rows.append(row)
    compared: list[dict[str, object]] = []
    for key, parts in gaps.items():
        both = (~np.isnan(above[best]) & ~np.isnan(above[key])).astype(float)
        theirs, ours = (_shares(all_net, all_told, both, above[k])[0] for k in (key, best))
        gap = float(ours - theirs)
        sd = float(np.nanstd(np.concatenate(parts), ddof=1))
        half = float(t_quantile(1 - (1 - level) / len(gaps), df)) * sd
        compared.append(
            {
                "best": f"{best[0]} ({best[1]})",
                "other": f"{key[0]} ({key[1]})",
                "difference": gap,
                "ci_low": gap - half,
                "ci_high": gap + half,
                "differs": gap - half > 0,
                "note": f"{alone}: no interval" if alone else "",
            }
        )
    columns = ["best", "other", "difference", "ci_low", "ci_high", "differs", "note"]
    return pd.DataFrame(rows), pd.DataFrame(compared, columns=pd.Index(columns))


def _values(
    answers: pd.DataFrame, scores: pd.DataFrame, block: PairBlock
) -> dict[tuple[str, str], Floats]:
    """The values (images, methods) of each (metric, protocol), NaN where missing."""
    low = answers.rename(columns={"method_a": "method"})[STIMULUS]
    high = answers.rename(columns={"method_b": "method"})[STIMULUS]
    stimuli = pd.concat([low, high]).drop_duplicates().assign(mos=np.nan)
    scale = answers["scale"].iloc[0] if "scale" in answers else None
    matched = match_scores(stimuli, scores, scale)
    place = {name: i for i, name in enumerate(block.images)}
    method = {name: i for i, name in enumerate(block.methods)}
    found: dict[tuple[str, str], Floats] = {}
    for (metric, protocol), part in matched.groupby(["metric", "protocol"], sort=True):
        table = np.full((len(block.images), len(block.methods)), np.nan)
        names = part["dataset"].str.cat(part["image"], sep="/")
        table[names.map(place), part["method"].map(method)] = part["value"]
        found[str(metric), str(protocol)] = table
    return found


def _above(better: str, difference: Floats, net: Floats) -> Floats:
    """1 where the metric prefers the first, -1 the second, 0 equal, NaN unknown."""
    sign = np.sign(np.round(difference, 9))
    follows = float(np.nansum(sign * net.sum(0)))
    return direction(better, follows) * sign


def _shares(net: Floats, told: Floats, weight: Floats, above: Floats) -> Floats:
    """The share of majorities and of single preferences that ``above`` predicts: (2, ...).

    ``net`` (..., units) is the number of preferences for the first minus those for the second,
    ``told`` the number of preferences, ``weight`` how often each unit counts.
    """
    known = ~np.isnan(above)
    sign = np.where(known, above, 0.0)
    weight = weight * known
    with np.errstate(invalid="ignore", divide="ignore"):
        decided = weight * (net != 0)
        right = (decided * (1 + sign * np.sign(net)) / 2).sum(-1) / decided.sum(-1)
        single = (weight * (told + sign * net) / 2).sum(-1) / (weight * told).sum(-1)
    return np.stack([right, single])
