"""What every metric is: facts about the numbers that it gives, and one act."""

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


@dataclass(frozen=True)
class Facts:
    """What is known of one number: what its column is called and how it is read.

    Plain values, so that run.json can keep them and a report can show a metric that is not
    installed where it is read.

    >>> from srbench import Facts
    >>> facts = Facts("mae", "grey levels", better="lower", label="MAE")
    >>> facts.with_protocol + " " + facts.arrow
    'MAE (grey levels) ↓'
    """

    name: str
    """The ``metric`` column of scores.csv: ``psnr_y``."""
    protocol: str
    """The ``protocol`` column. Numbers compare only within one."""
    better: Better | None = None
    """The better direction; None where it is not known, and then nothing is called best."""
    label: str = ""
    """The name in print, without the protocol; by default ``name``."""
    variant: str = ""
    """What tells it from others of that label under one protocol: LPIPS' network."""
    decimals: int = 4
    unit: str = ""
    range: tuple[float | None, float | None] = (None, None)
    """The least and the largest value that it can have, where there is one."""
    needs: Needs = "original"
    """What an SR image is held against: its original, the LR image, or nothing."""
    fingerprint: str = ""
    """Changes when the same pixels may give another number: part of the cache key."""
    word: str = ""
    """What selects it, if not ``name``: ``psnr`` selects ``psnr_y`` of every protocol chosen."""
    protocol_label: str = ""
    """The protocol in print; by default ``protocol``."""
    about: str = ""
    """A sentence or two: what the protocol does, for who reads the page."""

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
        """``PSNR``, ``LPIPS``: on one line and not too long, even for unusual names."""
        return one_line(self.label or self.name)

    @property
    def axis_label(self) -> str:
        """``PSNR (dB)``, ``LPIPS (AlexNet)``."""
        return f"{self.full_label} ({self.unit})" if self.unit else self.full_label

    @property
    def arrow(self) -> str:
        """Points to the better direction; empty where it is not known."""
        return {"higher": "↑", "lower": "↓", None: ""}[self.better]

    @property
    def under(self) -> str:
        """The protocol in print."""
        return one_line(self.protocol_label or self.protocol)

    @property
    def with_protocol(self) -> str:
        """``PSNR (MATLAB)``, ``LPIPS (AlexNet)``."""
        within = self.variant or self.under
        return f"{self.short_label} ({within})" if within else self.short_label

    def record(self) -> dict[str, Any]:
        """The facts that are not as they are by default, for JSON."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def read_facts(records: object) -> tuple[Facts, ...]:
    """The facts of :meth:`Facts.record` from JSON that anybody may have edited.

    What is no such record is passed over: the numbers are in scores.csv and need none.
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
    """What SR images are held against.

    Args:
        hr: the original, uint8 of shape (H, W) or (H, W, 3), cropped to a multiple of the scale;
            None where a data set has none.
        scale: the magnification.
        lr: the low-resolution input of ``scale`` times smaller size, where a metric needs it.
        border: the border rule by which the LR image was made, and SR images are shrunk again.
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
            MetricError: there is none; only metrics whose ``needs`` is ``lr`` or ``nothing`` are
                asked then.
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
    """A number that was asked for and cannot be computed here."""

    name: str
    reason: str
    command: str | None


class Metric(ABC):
    """SR images to numbers. Who uses one does not know which it is.

    A child sets ``facts``, one for each number that it gives, and defines :meth:`prepare`. What
    needs no more than two arrays may be a plain function of ``(sr, hr)``.

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
    """Whether :meth:`load` makes use of a device."""

    parallel = False
    """Whether several threads may prepare and score at once, and get the same numbers on one core
    each. Of a metric that says no, images are scored one after another."""

    @property
    def needs(self) -> Needs:
        """What :meth:`prepare` looks at."""
        needs = {facts.needs for facts in self.facts}
        return "lr" if "lr" in needs else "original" if "original" in needs else "nothing"

    @property
    def needs_original(self) -> bool:
        """Whether one of its numbers is held against the original."""
        return any(facts.needs == "original" for facts in self.facts)

    printed = ""
    """The first line that it printed while scoring, of a metric of the user's."""
    notice = ""
    """What is to be told once when it is used, such as a licence."""

    def least(self, scale: int) -> int:
        """The least height and width of an original, before it is cropped to the scale."""
        return scale

    def missing(self, weights: Path) -> MissingMetric | None:
        """What it lacks on this machine, such as network weights; it is left out then."""
        return None

    def load(self, weights: Path, device: str) -> Self:
        """The metric ready to be prepared: networks in memory, on ``device``.

        Raises:
            SrbenchError: something that it needs is not there or does not work.
        """
        return self

    @abstractmethod
    def prepare(self, original: Original) -> Callable[[Image], Numbers]:
        """Everything that depends on the original alone.

        Returns:
            From an SR image, uint8 of the original's height and width, (H, W) or (H, W, 3), to
            its numbers in the order of ``facts``; a single number may stand by itself. NaN is
            shown as missing.

        Raises:
            SrbenchError: an image is not what the metric can compare, there or in the function.
        """

    def only(self, keep: Collection[Facts]) -> Self:
        """The same metric without its other numbers."""
        part = copy(self)
        part.facts = tuple(facts for facts in self.facts if facts in keep)
        return part
