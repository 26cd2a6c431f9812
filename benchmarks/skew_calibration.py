"""Methods that fail on some images: compare the crossed interval with skew-corrected ones.

Image-by-method effects of one method are skewed (exponential, a tail of failures). Compares the
crossed interval of a MOS with Johnson's skew-corrected one, Hall's transformation and the
bootstrap-t over images. Run ``python benchmarks/skew_calibration.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from srbench.stats.intervals import crossed_mean, t_quantile

Floats = NDArray[np.float64]
Ends = tuple[float, float]


def johnson(table: Floats) -> Ends:
    """The crossed interval moved by the skewness of image means (Johnson 1978)."""
    found, image = crossed_mean(table), table.mean(0)
    n, gap = image.size, image - image.mean()
    shift = float((gap**3).mean() / (6 * n * max(float(gap.var()), 1e-9)))
    low, high = found.interval()
    return low + shift, high + shift


def hall(table: Floats) -> Ends:
    """Hall's (1992) monotone transformation of the crossed t, by the skewness of image means."""
    found, image = crossed_mean(table), table.mean(0)
    n, gap = image.size, image - image.mean()
    skew = float((gap**3).mean() / max(float(gap.var()), 1e-9) ** 1.5)
    half, error = float(t_quantile(0.95, found.df)), float(np.sqrt(found.variance))
    a = skew / np.sqrt(n)
    if abs(a) < 1e-6:
        return found.mean - half * error, found.mean + half * error

    def back(x: float) -> float:
        return (3 / a) * (np.cbrt(1 + a * (x - a / 6)) - 1)

    return found.mean - error * back(half), found.mean - error * back(-half)


def bootstrap_t(table: Floats, rng: np.random.Generator, times: int = 300) -> Ends:
    """Student's statistic of image means in resamples of images, with the crossed deviation."""
    found, image = crossed_mean(table), table.mean(0)
    n = image.size
    drawn = image[rng.integers(n, size=(times, n))]
    with np.errstate(invalid="ignore", divide="ignore"):
        t = (drawn.mean(1) - image.mean()) / (drawn.std(1, ddof=1) / np.sqrt(n))
    low, high = np.nanpercentile(t[np.isfinite(t)], [2.5, 97.5])
    error = float(np.sqrt(found.variance))
    return found.mean - high * error, found.mean - low * error


def votes(rng: np.random.Generator, images: int, kind: str, raters: int = 26) -> Floats:
    """One method, (raters, images) grades. Skewed: images lose an exponential number of grades;
    failing: one image in ten loses two grades."""
    effect = {
        "normal": rng.normal(-0.6, 0.4, images),
        "skewed": -rng.exponential(0.8, images),
        "failing": rng.normal(0, 0.2, images) - 2 * (rng.random(images) < 0.1),
    }[kind]
    latent = 4.0 + effect + rng.normal(0, 0.3, (raters, 1))
    spread = rng.uniform(0.4, 0.9, (raters, 1))
    return np.clip(np.rint(latent + spread * rng.normal(size=(raters, images))), 1, 5)


def main() -> None:
    """Print coverage and mean width in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    given = parser.parse_args()
    ways: dict[str, Callable[[Floats, np.random.Generator], Ends]] = {
        "crossed": lambda table, _: crossed_mean(table).interval(),
        "Johnson": lambda table, _: johnson(table),
        "Hall": lambda table, _: hall(table),
        "bootstrap-t": bootstrap_t,
    }
    print("| images | effects | " + " | ".join(f"{way} (width)" for way in ways) + " |")
    print("|---|---|" + "---|" * len(ways))
    for kind in ("normal", "skewed", "failing"):
        truth = float(np.mean([votes(np.random.default_rng(k), 4000, kind, 100).mean()
                               for k in range(20)]))  # fmt: skip
        for images in (5, 14, 100):
            rng = np.random.default_rng([images, len(kind)])
            hits, width = np.zeros(len(ways)), np.zeros(len(ways))
            for _ in range(given.runs):
                table = votes(rng, images, kind)
                for place, way in enumerate(ways.values()):
                    low, high = way(table, rng)
                    hits[place] += low <= truth <= high
                    width[place] += high - low
            cells = [f"{100 * h / given.runs:.1f} ({w / given.runs:.2f})"
                     for h, w in zip(hits, width, strict=True)]  # fmt: skip
            print(f"| {images} | {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
