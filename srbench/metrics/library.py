"""Shared code of the adapters of other libraries: pixel formats and one-line errors."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import MetricError
from ..imaging.luma import Image, to_rgb
from .base import Facts, Metric, MissingMetric, Original
from .own import guarded, number_of

if TYPE_CHECKING:
    from torch import Tensor


def imported(library: str, part: str = "") -> Any:
    """The library's module.

    Raises:
        MetricError: the extra is not installed, or importing it fails.
    """
    from ..models.torchvision_import import import_torchvision

    try:
        with guarded(library, "cannot be imported"):
            import_torchvision()
            return import_module(library + part)
    except MetricError as error:
        if isinstance(error.__cause__, ModuleNotFoundError):
            raise MetricError(
                f"the metrics {library}:NAME need {library}; run pip install '.[{library}]' in "
                "srbench's checkout"
            ) from error
        raise


def library_protocol(library: str) -> str:
    """``piq-0.8.0``."""
    return f"{library}-{version(library)}"


def as_tensor(image: Image) -> Tensor:
    """Float32 of shape (1, 3, H, W) in 0..1."""
    import torch

    pixels = np.ascontiguousarray(np.moveaxis(to_rgb(image), 2, 0))
    return torch.as_tensor(pixels)[None].to(torch.float32) / 255


class LibraryMetric(Metric):
    """A metric of another library, called on float RGB in 0..1 of shape (1, 3, H, W).

    ``create`` makes the function from (sr, hr) tensors, or only sr, to a number. It may load
    weights; if that fails, the metric is left out.
    """

    uses_device = True

    def __init__(self, facts: Facts, create: Callable[[str], Callable[..., Any]]) -> None:
        self.facts = (facts,)
        self._create = create
        self._device = "cpu"

    def missing(self, weights: Path) -> MissingMetric | None:
        try:
            self._function()
        except MetricError as error:
            return MissingMetric(self.facts[0].name, str(error), None)
        return None

    def load(self, weights: Path, device: str) -> LibraryMetric:
        loaded = LibraryMetric(self.facts[0], self._create)
        loaded._device = device
        return loaded

    def prepare(self, original: Original) -> Callable[[Image], float]:
        import torch

        name, function = self.facts[0].name, self._function()
        alone = self.facts[0].needs == "nothing"
        hr = None if alone else as_tensor(original.hr).to(self._device)

        def number(sr: Image) -> float:
            tensors = (as_tensor(sr).to(self._device), *(() if hr is None else (hr,)))
            with guarded(name), torch.inference_mode():
                value = function(*tensors)
            return number_of(name, value)

        return number

    def _function(self) -> Callable[..., Any]:
        with guarded(self.facts[0].name, "cannot be made"):
            return self._create(self._device)
