"""Monotone mapping of a metric onto the MOS scale (ITU-T P.1401, VQEG)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from .cells import Floats

FEWEST_CURVED = 8
SHARPEST = 0.1  # in standard deviations of the metric: a sharper rise is a step, not a mapping


@dataclass(frozen=True)
class Mapping:
    """A fitted curve from metric to MOS: ``name`` is cubic, logistic or linear."""

    name: str
    centre: float
    width: float
    coefficients: Floats

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return len(self.coefficients)

    def __call__(self, x: Floats) -> Floats:
        z = (x - self.centre) / self.width
        if self.name == "logistic":
            return _logistic(z, *self.coefficients)
        return np.asarray(np.polyval(self.coefficients, z), dtype=float)


def fit_mapping(x: Floats, y: Floats) -> Mapping:
    """The least-squares mapping of metric ``x`` to MOS ``y``, neither of them constant.

    A third-order polynomial where it is monotone over the data; otherwise VQEG's four-parameter
    logistic, unless it fits as a mere step between two values; otherwise, and with fewer than
    eight points, a straight line.
    """
    centre, width = float(x.mean()), float(x.std())
    z = (x - centre) / width
    line = Mapping("linear", centre, width, np.polyfit(z, y, 1))
    if x.size < FEWEST_CURVED or np.unique(x).size < 5:
        return line
    cubic = Mapping("cubic", centre, width, np.polyfit(z, y, 3))
    rate = cubic.coefficients[:3] * np.array([3.0, 2.0, 1.0])
    across = np.linspace(float(z.min()), float(z.max()), 201)
    slope = rate[0] * across**2 + rate[1] * across + rate[2]
    if bool(np.all(slope >= 0)) or bool(np.all(slope <= 0)):
        return cubic
    top, bottom = (y.max(), y.min()) if line.coefficients[0] > 0 else (y.min(), y.max())
    start = [float(top), float(bottom), 0.0, 1.0]
    from scipy import optimize  # slow to import and rarely needed

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optimize.OptimizeWarning)
            found = optimize.curve_fit(_logistic, z, y, start, maxfev=4000)[0]
    except RuntimeError:
        return line
    logistic = Mapping("logistic", centre, width, np.asarray(found, dtype=float))
    if abs(found[3]) < SHARPEST:
        return line
    fits_better = ((logistic(x) - y) ** 2).sum() < ((line(x) - y) ** 2).sum()
    return logistic if np.isfinite(logistic(x)).all() and fits_better else line


def _logistic(z: Floats, top: float, bottom: float, middle: float, steepness: float) -> Floats:
    rise = np.clip(-(z - middle) / (abs(steepness) + 1e-9), -500, 500)
    return bottom + (top - bottom) / (1 + np.exp(rise))
