"""How well a metric predicts MOS (ITU-T P.1401): correlations, error, bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..metrics.table import Known
from .cells import IMAGE, Floats, Ints, codes, codes_of
from .mapping import Mapping, fit_mapping
from .weighted import pearson, tau_parts, weighted_ranks

MEASURES = ["plcc", "srocc", "krocc", "rmse"]
FEWEST, LARGEST_TAU = 3, 5000
FEWEST_IMAGES = 3  # with one the interval would have no width
_FEW = f"fewer than {FEWEST_IMAGES} independent images: no intervals"


@dataclass(frozen=True)
class Points:
    """The points that are correlated, and the bootstrap resamples.

    ``x`` metric and ``y`` MOS of shape (points,); ``image`` the number of each point's image;
    ``draws`` (resamples, images) how often each image is drawn.
    """

    x: Floats
    y: Floats
    image: Ints
    draws: Floats


def metric_vs_mos(
    matched: pd.DataFrame,
    resamples: int,
    rng: np.random.Generator,
    level: float = 0.95,
    known: Known | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table metric_vs_mos.csv, and the best metric compared with each other metric.

    If ``matched`` names the contents of images, contents are resampled instead of images. Level
    ``stimulus`` correlates single images; level ``method`` correlates method means over the images
    that all methods share. PLCC and RMSE are taken after a monotone mapping of the metric
    (`fit_mapping`), SROCC and KROCC before it, with their sign. Intervals ``*_low``, ``*_high``:
    percentiles over resamples of images with all their methods, the mapping held fixed; none with
    fewer than three images (or contents). ``note`` says why a number is missing; ``better``
    (``higher``, ``lower`` or empty) and ``label`` come from ``known``.

    The second table: ``level, best, other, srocc_difference, ci_low, ci_high, differs, note``, with
    differences of the SROCC in its `direction` over the same resamples. The intervals hold for all
    comparisons of a level together (Bonferroni). They do not correct for the selection of the best
    metric on the same data. Measured with two equally good metrics, 5 methods and 3 to 30 images: 0
    to 8 % differ; with two images, which have no interval, it was 15 %.

    Source: ITU-T P.1401 (2020): PLCC, RMSE with N - d degrees of freedom.
    """
    rows: list[dict[str, object]] = []
    drawn: dict[tuple[str, str], Floats] = {}
    images, names = codes_of(matched, IMAGE)
    matched = matched.reset_index(drop=True)
    of_image = np.arange(len(names))
    if "content" in matched:
        of_image[images] = codes(matched["content"])[0]
    count = int(of_image.max()) + 1
    draws = rng.multinomial(count, np.full(count, 1 / count), resamples).astype(float)
    draws = draws[:, of_image]
    known = known or Known()
    for (metric, protocol), part in matched.groupby(["metric", "protocol"], sort=True):
        image: Ints = images[part.index]
        x, y = (_settled(part[column].to_numpy(dtype=float)) for column in ("value", "mos"))
        head = {"metric": metric, "protocol": protocol}
        for name in ("stimulus", "method"):
            if name == "stimulus":
                row, replicates, used = _stimulus_level(Points(x, y, image, draws), level)
            else:
                row, replicates, used = _method_level(part, image, draws, level)
            if len(np.unique(of_image[used])) < FEWEST_IMAGES:
                row, replicates = _without_intervals(row), np.full(resamples, np.nan)
            facts = known.under(str(metric), str(protocol))
            told = {"better": facts.better or "", "label": facts.with_protocol}
            rows.append({**head, "level": name, **row, **told})
            drawn[name, f"{metric} ({protocol})"] = replicates
    first = ["metric", "protocol", "level", "n", *MEASURES, "mapping"]
    table = pd.DataFrame(rows)
    table = table[[*first, *[c for c in table.columns if c not in first]]]
    return table, _comparison(table, drawn, level)


def direction(better: str, srocc: float) -> int:
    """The sign of the rank correlation of a metric that agrees with the raters: 1 or -1.

    A PSNR that falls as MOS rises disagrees, however strong the correlation. A metric whose better
    direction is unknown is assumed to agree.
    """
    if better == "higher":
        return 1
    return -1 if better == "lower" or srocc < 0 else 1


def _summary(
    point: Floats, replicates: Floats, mapping: str, n: int, level: float
) -> dict[str, object]:
    """One row from the four measures and their replicates (4, resamples)."""
    row: dict[str, object] = {
        "n": n,
        **dict(zip(MEASURES, map(float, point), strict=True)),
        "mapping": mapping,
    }
    for name, values in zip(MEASURES, replicates, strict=True):
        row[f"{name}_low"], row[f"{name}_high"] = _percentiles(values, level)
    row["note"] = "the mapping that fits best is flat: no PLCC" if np.isnan(point[0]) else ""
    return row


def _without_intervals(row: dict[str, object]) -> dict[str, object]:
    ends = {f"{name}_{end}": np.nan for name in MEASURES for end in ("low", "high")}
    return {**row, **ends, "note": "; ".join(filter(None, [str(row["note"]), _FEW]))}


def _percentiles(values: Floats, level: float) -> tuple[float, float]:
    """Both ends of the central share ``level`` of the values, without NaN."""
    known = values[~np.isnan(values)]
    if not known.size:
        return float("nan"), float("nan")
    low, high = np.percentile(known, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _settled(values: Floats) -> Floats:
    """Make values equal that differ only by rounding errors: nine digits of the largest."""
    largest = float(np.nanmax(np.abs(values)))
    return values if largest == 0 else np.round(values / largest, 9) * largest


def _refused(n: int, why: str, resamples: int) -> tuple[dict[str, object], Floats]:
    row: dict[str, object] = {"n": n, **dict.fromkeys(MEASURES, np.nan), "mapping": "none"}
    row.update({f"{name}_{end}": np.nan for name in MEASURES for end in ("low", "high")})
    row["note"] = why
    return row, np.full(resamples, np.nan)


def _why_not(x: Floats, y: Floats) -> str:
    if x.size < FEWEST:
        return f"only {x.size} points: no correlation"
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return f"every {'value' if np.ptp(x) == 0 else 'MOS'} is the same: no correlation"
    return ""


def _stimulus_level(points: Points, level: float) -> tuple[dict[str, object], Floats, Ints]:
    """One row, the SROCC in every resample, and the images of the points."""
    x, y = points.x, points.y
    why = _why_not(x, y)
    if why:
        return *_refused(x.size, why, len(points.draws)), points.image
    mapping = fit_mapping(x, y)
    order = np.argsort(points.image, kind="stable")
    image = points.image[order]
    x, y, mapped = x[order], y[order], mapping(x[order])
    point = _measure_weighted(x, y, mapped, mapping, np.ones((1, x.size)))
    chunks = max(1, len(points.draws) * x.size // 4_000_000)
    replicates = np.concatenate(
        [
            _measure_weighted(x, y, mapped, mapping, part[:, image])
            for part in np.array_split(points.draws, chunks)
        ],
        axis=1,
    )
    concordant, untied_x, untied_y = (
        tau_parts(x, y, image, points.draws.shape[1])
        if x.size <= LARGEST_TAU
        else (None, None, None)
    )
    if concordant is not None and untied_x is not None and untied_y is not None:
        one = np.ones((1, points.draws.shape[1]))
        point[2] = _tau(one, concordant, untied_x, untied_y)
        replicates[2] = _tau(points.draws, concordant, untied_x, untied_y)
    else:
        from scipy.stats import kendalltau

        point[2] = kendalltau(x, y).statistic
    row = _summary(point[:, 0], replicates, mapping.name, x.size, level)
    if x.size > LARGEST_TAU:
        more = f"no KROCC interval beyond {LARGEST_TAU} stimuli"
        row["note"] = f"{row['note']}; {more}" if row["note"] else more
    return row, replicates[1], points.image


def _tau(draws: Floats, concordant: Floats, untied_x: Floats, untied_y: Floats) -> Floats:
    def total(parts: Floats) -> Floats:
        return ((draws @ parts) * draws).sum(1)

    with np.errstate(invalid="ignore", divide="ignore"):
        return total(concordant) / np.sqrt(total(untied_x) * total(untied_y))


def _measure_weighted(
    x: Floats, y: Floats, mapped: Floats, mapping: Mapping, weights: Floats
) -> Floats:
    """PLCC, SROCC, (KROCC left empty) and RMSE for each row of ``weights``: (4, rows)."""
    n = weights.sum(1)
    out = np.full((4, len(weights)), np.nan)
    out[0] = pearson(mapped[None], y[None], weights)
    out[1] = pearson(weighted_ranks(x, weights), weighted_ranks(y, weights), weights)
    free = np.maximum(n - mapping.parameters, 1)
    out[3] = np.where(n > 0, np.sqrt((weights * (mapped - y) ** 2).sum(1) / free), np.nan)
    return out


def _method_level(
    part: pd.DataFrame, image: Ints, draws: Floats, level: float
) -> tuple[dict[str, object], Floats, Ints]:
    """One row, the SROCC in every resample, and the images that all methods share."""
    method, methods = codes(part["method"])
    shape = (len(methods), draws.shape[1])
    x, y = np.full(shape, np.nan), np.full(shape, np.nan)
    x[method, image], y[method, image] = part["value"].to_numpy(), part["mos"].to_numpy()
    shared = ~np.isnan(x).any(0)
    used = np.flatnonzero(shared)
    if not used.size:
        return *_refused(len(methods), "no image is shared by all methods", len(draws)), used
    x, y = x[:, shared], y[:, shared]
    mean_x, mean_y = _settled(x.mean(1)), _settled(y.mean(1))
    why = _why_not(mean_x, mean_y)
    if why:
        return *_refused(len(methods), why, len(draws)), used
    mapping = fit_mapping(mean_x, mean_y)
    weights = draws[:, shared]
    with np.errstate(invalid="ignore"):  # a resample without any shared image: NaN
        weights = weights / weights.sum(1, keepdims=True)
    point = _measure_rows(mean_x[None], mean_y[None], mapping)
    replicates = _measure_rows(_settled(weights @ x.T), _settled(weights @ y.T), mapping)
    row = _summary(point[:, 0], replicates, mapping.name, len(methods), level)
    return row, replicates[1], used


def _measure_rows(x: Floats, y: Floats, mapping: Mapping) -> Floats:
    """The four measures for each row of (rows, methods): (4, rows)."""
    mapped = mapping(x)
    above_x, above_y = np.sign(x[:, :, None] - x[:, None]), np.sign(y[:, :, None] - y[:, None])
    even = np.ones_like(x)
    out = np.empty((4, len(x)))
    out[0] = pearson(mapped, y, even)
    out[1] = pearson(above_x.sum(2), above_y.sum(2), even)
    with np.errstate(invalid="ignore"):
        out[2] = (above_x * above_y).sum((1, 2)) / np.sqrt(
            (above_x**2).sum((1, 2)) * (above_y**2).sum((1, 2))
        )
    free = max(x.shape[1] - mapping.parameters, 1)
    out[3] = np.sqrt(((mapped - y) ** 2).sum(1) / free)
    return out


def _comparison(
    table: pd.DataFrame, drawn: dict[tuple[str, str], Floats], level: float
) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for name in ("stimulus", "method"):
        part = table[(table["level"] == name) & table["srocc"].notna()]
        if len(part) < 2:
            continue
        labels = part["metric"] + " (" + part["protocol"] + ")"
        signs = [direction(b, r) for b, r in zip(part["better"], part["srocc"], strict=True)]
        strength = np.array(signs) * part["srocc"].to_numpy()
        top = int(np.argmax(strength))
        together = 1 - (1 - level) / (len(part) - 1)
        for i, label in enumerate(labels):
            if i == top:
                continue
            gaps = signs[top] * drawn[name, labels.iloc[top]] - signs[i] * drawn[name, label]
            low, high = _percentiles(gaps, together)
            rows.append(
                {
                    "level": name,
                    "best": labels.iloc[top],
                    "other": label,
                    "srocc_difference": float(strength[top] - strength[i]),
                    "ci_low": low,
                    "ci_high": high,
                    "differs": low > 0,
                    "note": _FEW if np.isnan(low) else "",
                }
            )
    columns = ["level", "best", "other", "srocc_difference", "ci_low", "ci_high", "differs", "note"]
    return pd.DataFrame(rows, columns=pd.Index(columns))
