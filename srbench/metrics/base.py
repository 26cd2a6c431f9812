"""The interface of metrics: facts about their numbers, and their computation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from copy import copy
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, cast, get_args

from ..errors import MetricError
from ..imaging.luma import Image
from ..imaging.resize import Border
from ..wording import one_line

Better = Literal["higher", "lower"]
Needs = Literal["original", "lr", "nothing"]
Numbers = Sequence[float] | float
IMPORTED = "imported"
"""The protocol of imported numbers."""


@dataclass(frozen=True)
class Facts:
    """The facts about one number: the names of its columns and its interpretation.

    They are plain values, so that run.json can store them and a report can show a metric that is
    not installed.

    >>> from srbench import Facts
    >>> facts = Facts("mae", "grey levels", better="lower", label="MAE")
    >>> facts.with_protocol + " " + facts.arrow
    'MAE (grey levels) ↓'
    """

    name: str
    """The ``metric`` column of scores.csv: ``psnr_y``."""
    protocol: str
    """The ``protocol`` column. Only numbers of one protocol can be compared."""
    better: Better | None = None
    """The better direction; None if unknown, and then no value is marked as best."""
    label: str = ""
    """The printed name, without the protocol; by default ``name``."""
    variant: str = ""
    """Distinguishes metrics with one label and protocol, such as LPIPS' network."""
    decimals: int = 4
    unit: str = ""
    range: tuple[float | None, float | None] = (None, None)
    """The smallest and the largest possible value, or None."""
    needs: Needs = "original"
    """The reference of an SR image: its original, the LR image, or nothing."""
    fingerprint: str = ""
    """Part of the cache key; it must change if the same pixels may give another number."""
    word: str = ""
    """The word that selects it, if not ``name``: ``psnr`` selects ``psnr_y`` of every chosen
    protocol.
    """
    protocol_label: str = ""
    """The printed protocol; by default ``protocol``."""
    about: str = ""
    """One or two sentences about the protocol, for readers of the page."""

    @property
    def key(self) -> tuple[str, str]:
        """(protocol, metric), as in scores.csv."""
        return self.protocol, self.name

    @property
    def full_label(self) -> str:
        """``PSNR``, ``LPIPS (AlexNet)``."""
        return f"{self.short_label} ({self.variant})" if self.variant else self.short_label

    @property
    def short_label(self) -> str:
        """``PSNR``, ``LPIPS``: on one line and shortened if needed."""
        return one_line(self.label or self.name)

    @property
    def axis_label(self) -> str:
        """``PSNR (dB)``, ``LPIPS (AlexNet)``."""
        return f"{self.full_label} ({self.unit})" if self.unit else self.full_label

    @property
    def arrow(self) -> str:
        """An arrow in the better direction; empty if unknown."""
        return {"higher": "↑", "lower": "↓", None: ""}[self.better]

    @property
    def under(self) -> str:
        """The printed protocol."""
        return one_line(self.protocol_label or self.protocol)

    @property
    def with_protocol(self) -> str:
        """``PSNR (MATLAB)``, ``LPIPS (AlexNet)``."""
        within = self.variant or self.under
        return f"{self.short_label} ({within})" if within else self.short_label

    def record(self) -> dict[str, Any]:
        """The facts that differ from their defaults, for JSON."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def read_facts(records: object) -> tuple[Facts, ...]:
    """Read the facts of :meth:`Facts.record` from JSON, which may have been edited.

    Invalid records are ignored, because the numbers in scores.csv do not need them.
    """
    entries = cast("list[Any]", records) if isinstance(records, list) else []
    return tuple(_read(cast("dict[str, Any]", e)) for e in entries if _is_record(e))


def _is_record(entry: Any) -> bool:
    return isinstance(entry, dict) and all(
        isinstance(cast("dict[str, Any]", entry).get(name), str) for name in ("name", "protocol")
    )


def _read(entry: dict[str, Any]) -> Facts:
    known: dict[str, Any] = {
        field.name: entry[field.name]
        for field in fields(Facts)
        if field.type == "str" and isinstance(entry.get(field.name), str)
    }
    if entry.get("better") in get_args(Better):
        known["better"] = entry["better"]
    if entry.get("needs") in get_args(Needs):
        known["needs"] = entry["needs"]
    decimals: Any = entry.get("decimals")
    if isinstance(decimals, int) and 0 <= decimals <= 12:
        known["decimals"] = decimals
    ends: Any = entry.get("range")
    if isinstance(ends, (list, tuple)) and len(cast("list[Any]", ends)) == 2:
        known["range"] = tuple(cast("list[Any]", ends))
    return Facts(**known)


class Score(NamedTuple):
    """One row of scores.csv."""

    dataset: str
    image: str
    method: str
    scale: int
    protocol: str
    metric: str
    value: float


class Original:
    """The reference of SR images.

    Args:
        hr: the original, uint8 of shape (H, W) or (H, W, 3), cropped to a multiple of the scale;
            None if the data set has none.
        scale: the magnification.
        lr: the low-resolution input, ``scale`` times smaller, if a metric needs it.
        border: the border rule of the LR image, and for downscaling SR images.
    """

    def __init__(
        self, hr: Image | None, scale: int, lr: Image | None = None, border: Border = "symmetric"
    ) -> None:
        self._hr, self.scale, self.lr = hr, scale, lr
        self.border: Border = border

    @property
    def hr(self) -> Image:
        """The original.

        Raises:
            MetricError: there is none; then only metrics with ``needs`` ``lr`` or ``nothing`` are
                used.
        """
        if self._hr is None:
            raise MetricError(
                "a metric needs the original, and there is none; a metric that needs none must "
                "have needs='nothing' or needs='lr' in its facts"
            )
        return self._hr

    @property
    def there(self) -> bool:
        """Whether there is an original."""
        return self._hr is not None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the original, or of the LR image times the scale."""
        if self._hr is None:
            assert self.lr is not None, "one of the two is always there"
            return self.lr.shape[0] * self.scale, self.lr.shape[1] * self.scale
        return self._hr.shape[0], self._hr.shape[1]


@dataclass(frozen=True)
class MissingMetric:
    """A requested number that cannot be computed on this machine."""

    name: str
    reason: str
    command: str | None


class Metric(ABC):
    """A metric of SR images, used by other code only through this interface.

    A subclass sets ``facts``, one for each of its numbers, and defines :meth:`prepare`. A metric
    that needs only two arrays can be a plain function of ``(sr, hr)`` instead.

    >>> import numpy as np, srbench
    >>> class Mae(srbench.Metric):
    ...     facts = (srbench.Facts("mae", "grey levels", better="lower", decimals=1),)
    ...     def prepare(self, original):
    ...         hr = original.hr.astype(float)  # once for many SR images
    ...         return lambda sr: float(np.abs(sr - hr).mean())
    >>> hr = np.full((16, 16), 100, dtype=np.uint8)
    >>> srbench.score(hr + 3, hr, scale=4, metrics=[Mae()])
    {'mae': 3.0}
    """

    facts: tuple[Facts, ...]

    uses_device = False
    """Whether :meth:`load` uses a device."""

    parallel = False
    """Whether several threads (and processes, if it uses no device) may prepare and score at once,
    on one core each, with the same numbers. If not, and for a user's metric, images are scored one
    after another.
    """

    @property
    def needs(self) -> Needs:
        """The references that :meth:`prepare` uses."""
        needs = {facts.needs for facts in self.facts}
        return "lr" if "lr" in needs else "original" if "original" in needs else "nothing"

    @property
    def needs_original(self) -> bool:
        """Whether one of its numbers needs the original."""
        return any(facts.needs == "original" for facts in self.facts)

    printed = ""
    """For a user's metric: the first line that it printed while scoring."""
    notice = ""
    """A notice to show once when the metric is used, such as a licence."""

    def least(self, scale: int) -> int:
        """The smallest height and width of an original, before cropping to the scale."""
        return scale

    def missing(self, weights: Path) -> MissingMetric | None:
        """What it lacks on this machine, such as network weights; the metric is then left out."""
        return None

    def identified(self, weights: Path) -> Self:
        """The metric with the identity of its weights, if they may vary, in its facts."""
        return self

    def load(self, weights: Path, device: str) -> Self:
        """The metric with its networks in memory, on ``device``.

        Raises:
            SrbenchError: something that it needs is missing or fails.
        """
        return self

    @abstractmethod
    def prepare(self, original: Original) -> Callable[[Image], Numbers]:
        """Compute everything that depends only on the original.

        Returns:
            A function from an SR image, uint8 of the original's height and width, (H, W) or (H, W,
            3), to its numbers in the order of ``facts`` (or to a single number). NaN is shown as
            missing.

        Raises:
            SrbenchError: the metric cannot compare an image. The function may raise it too.
        """

    def only(self, keep: Collection[Facts]) -> Self:
        """The same metric with only these numbers."""
        part = copy(self)
        part.facts = tuple(facts for facts in self.facts if facts in keep)
        return part
