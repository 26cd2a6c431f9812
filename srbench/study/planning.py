"""Plan the numbers of raters and images by simulation from the bias and inconsistency model.

Every simulated rater rates two methods, whose true MOS differ by ``difference``, on every image.
Power is the share of simulated studies that find the difference. A rater's bias cancels in the
differences, so it is not simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import StudyError
from ..wording import counted
from .numbers import require_whole
from .procedure import Name

if TYPE_CHECKING:
    import pandas as pd

_CHUNK_CELLS = 4_000_000
_MOST_RATERS = 400
_SIMULATIONS = 2000  # the same for a table and its raters needed, so that the two agree
_ENOUGH = 80  # per cent, the power that studies usually want


@dataclass(frozen=True)
class Design:
    """A study of two methods, and the assumptions about its raters.

    ``difference``: in grades of MOS; for the procedure ``pair`` the share of raters, above 0.5, who
    prefer the better method on an average image. ``inconsistency``: SD of a vote about the rater's
    own mean; 0.6 in public studies. ``image_sd``, ``rater_sd``: SD of the difference over images
    and over raters, in grades. ``comparisons``: the number of pairs tested; each is tested at
    ``alpha / comparisons``, the strictest step of Holm's procedure. ``whole_grades``: votes are
    rounded to 1..5, as on the screen. Answers to pairs come from the same model: the rater prefers
    the picture with the higher impression, and impressions vary by the inconsistency.
    """

    raters: int
    images: int
    difference: float
    inconsistency: float = 0.6
    image_sd: float = 0.35
    rater_sd: float = 0.25
    alpha: float = 0.05
    comparisons: int = 1
    whole_grades: bool = True
    procedure: Name = "acr"


def power(design: Design, *, seed: int = 0, simulations: int = _SIMULATIONS) -> float:
    """The share of simulated studies that find the difference (two-sided, in the right direction).

    With several images the test is the crossed random-effects t of the analysis; with one image
    the paired t over raters. Standard error about sqrt(p (1-p) / simulations).

    Raises:
        StudyError: fewer than 2 raters, no image, or numbers out of range.
    """
    _check(design)
    require_whole(seed=seed, simulations=simulations)
    if simulations < 1:
        raise StudyError(f"{simulations} simulations asked for; expected 1 or more")
    if seed < 0:
        raise StudyError(f"the seed is {seed}; expected 0 or more")
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // (design.raters * design.images))
    found = done = 0
    while done < simulations:
        count = min(chunk, simulations - done)
        found += int(_detected(_differences(design, count, rng), design).sum())
        done += count
    return found / simulations


def raters_needed(
    design: Design, *, wanted: float = 0.8, seed: int = 0, simulations: int = _SIMULATIONS
) -> int | None:
    """The fewest raters with a power of at least ``wanted``; ``design.raters`` is not used.

    None if 400 raters are not enough; use more images then.
    """
    if not 0 < wanted < 1:
        raise StudyError(
            f"the wanted power is {wanted:g}, expected above 0 and below 1, such as 0.8"
        )
    low, high = 1, 2
    while power(replace(design, raters=high), seed=seed, simulations=simulations) < wanted:
        low, high = high, high * 2
        if high > _MOST_RATERS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power(replace(design, raters=middle), seed=seed, simulations=simulations) < wanted:
            low = middle
        else:
            high = middle
    return high


def power_table(
    design: Design,
    raters: Sequence[int],
    images: Sequence[int],
    *,
    seed: int = 0,
    simulations: int = _SIMULATIONS,
) -> pd.DataFrame:
    """Power over a grid of designs: columns ``raters, images, difference, power``."""
    import pandas as pd

    rows = [
        (
            r,
            i,
            design.difference,
            power(replace(design, raters=r, images=i), seed=seed, simulations=simulations),
        )
        for i in images
        for r in raters
    ]
    return pd.DataFrame(rows, columns=["raters", "images", "difference", "power"])


def planned_power(
    raters: int,
    images: int,
    share: float = 1.0,
    *,
    methods: int = 2,
    comparisons: int | None = None,
    declared: bool = False,
    procedure: Name = "acr",
    seed: int = 0,
) -> str:
    """What differences a study can find, and how to find more; each rater sees the given ``share``.

    The text assumes the strictest step of Holm's procedure over ``comparisons`` of two methods
    (default: all pairs of ``methods``; ``declared``: they were chosen). For the procedure ``pair``
    it counts only answers to one pair; the analysis also uses the other pairs.
    """
    seen = max(1, round(images * min(1.0, share)))
    if raters < 2:
        return "power: with one rater no difference can be tested; plan more with --raters"
    pairs = procedure == "pair"
    among = comparisons or methods * (methods - 1) // 2
    found = {
        difference: power(
            Design(raters, seen, difference, comparisons=max(1, among), procedure=procedure),
            seed=seed,
            simulations=500,
        )
        for difference in ((0.6, 0.65, 0.75) if pairs else (0.3, 0.5, 1.0))
    }
    least, *others = [
        (f"{d:.0%}".replace("%", " %") if pairs else f"{d:g}", round(100 * p))
        for d, p in found.items()
    ]
    what = "preference" if pairs else "MOS difference"
    text = (
        f"power: with {raters} raters on {counted(seen, 'image')} each, a {what} of {least[0]} "
        f"would be found in {least[1]} of 100 such studies"
    )
    text += "".join(f", one of {difference} in {share}" for difference, share in others)
    if among > 1:
        text += f"; each is one of {among} comparisons"
    if others[0][1] >= _ENOUGH:
        return text
    text += f". To find more: more {'images' if seen < raters else 'raters'}"
    if among > 1 and not declared:
        text += ", or only the comparisons that matter (--compare A:B,C:D)"
    return text


def _differences(design: Design, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Each rater's vote on one method minus the vote on the other: (count, raters, images)."""
    shape = (count, design.raters, design.images)
    if design.procedure == "pair":
        # The answer is the sign of the difference of two impressions: 1 or -1.
        from scipy.special import ndtri

        apart = np.sqrt(2) * design.inconsistency
        seems = (
            apart * ndtri(design.difference)
            + design.image_sd * rng.standard_normal((count, 1, design.images))
            + design.rater_sd * rng.standard_normal((count, design.raters, 1))
            + apart * rng.standard_normal(shape)
        )
        return np.sign(seems)
    shift = (
        design.difference
        + design.image_sd * rng.standard_normal((count, 1, design.images))
        + design.rater_sd * rng.standard_normal((count, design.raters, 1))
    )
    better = 3 + shift / 2 + design.inconsistency * rng.standard_normal(shape)
    worse = 3 - shift / 2 + design.inconsistency * rng.standard_normal(shape)
    if design.whole_grades:
        better, worse = (np.clip(np.rint(vote), 1, 5) for vote in (better, worse))
    return better - worse


def _detected(differences: NDArray[np.float64], design: Design) -> NDArray[np.bool_]:
    """Whether each simulated study rejects.

    A vectorised `srbench.stats.intervals.crossed_mean` for many complete tables.
    """
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    count, raters, images = differences.shape
    mean = differences.mean(axis=(1, 2))
    by_rater = differences.mean(axis=2)
    ms_raters = images * by_rater.var(axis=1, ddof=1)
    least = min(n for n in (raters, images) if n > 1) - 1.0
    if images == 1:
        variance, freedom = ms_raters / raters, np.full(count, least)
    else:
        by_image = differences.mean(axis=1)
        ms_images = raters * by_image.var(axis=1, ddof=1)
        residual = differences - by_rater[:, :, None] - by_image[:, None, :] + mean[:, None, None]
        cells = (raters - 1) * (images - 1)
        ms_residual = (residual**2).sum(axis=(1, 2)) / cells
        total = ms_raters + ms_images - ms_residual
        spread = ms_raters**2 / (raters - 1) + ms_images**2 / (images - 1) + ms_residual**2 / cells
        squares = np.stack([ms_raters, ms_images, ms_residual])
        largest = np.where(squares[:2].max(axis=0) > 0, squares[:2].argmax(axis=0), 2)
        larger = np.take_along_axis(squares, largest[None], axis=0)[0]
        with np.errstate(invalid="ignore"):  # zero variance
            freedom = total**2 / spread
        stands = (total > 0) & (freedom >= least)
        variance = np.where(stands, total, larger) / (raters * images)
        freedom = np.where(stands, freedom, least)
    flat = (np.ptp(differences, axis=(1, 2)) == 0) & (mean != 0)
    variance = np.where(flat, 1 / 6 / (raters * images), variance)
    freedom = np.where(flat, least, freedom)
    critical = -stdtrit(freedom, design.alpha / design.comparisons / 2)
    return (mean > 0) & (mean > critical * np.sqrt(variance))


def _check(design: Design) -> None:
    require_whole(raters=design.raters, images=design.images, comparisons=design.comparisons)
    if design.raters < 2 or design.images < 1 or design.comparisons < 1:
        raise StudyError("a plan needs at least 2 raters, 1 image and 1 comparison")
    if design.raters * design.images > _CHUNK_CELLS:
        raise StudyError(
            f"{design.raters:,} raters on {design.images:,} images are more than the "
            f"{_CHUNK_CELLS:,} votes that a plan can simulate; ask for fewer"
        )
    if design.procedure == "pair" and not 0.5 < design.difference < 1:
        raise StudyError(
            f"a preference of {design.difference:g} is not a share of raters above 0.5 and below 1"
        )
    if not (0 < design.alpha < 1 and 0 < design.difference <= 4 and design.inconsistency > 0):
        raise StudyError(
            "a plan needs 0 < alpha < 1, a MOS difference above 0 and at most 4, and an "
            "inconsistency above 0"
        )
