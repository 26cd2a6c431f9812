"""The recipe of a training as a strict typed model, read by ``srbench train --config``."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import ConfigError
from ..models.cards import Architecture
from ..models.discriminator import DiscriminatorName
from .optimisers import OptimiserName

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Content = Literal["mse", "luma", "colour", "grid", "grid_excess", "vgg22", "vgg54", "lpips"]
PIXEL_LOSSES = frozenset[Content]({"mse", "luma", "colour", "grid", "grid_excess"})
"""The content losses that compare pixels; the others compare a network's features."""


class Stage(BaseModel):
    """A stage of training with one crop and batch size.

    The learning rate rises linearly over ``warmup`` steps, then falls from ``rate`` to
    ``final_rate`` along a half cosine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(gt=0)
    crop: int = Field(gt=0)
    batch: int = Field(default=16, gt=0)
    rate: float = Field(gt=0, allow_inf_nan=False)
    final_rate: float = Field(ge=0, allow_inf_nan=False)
    warmup: int = Field(default=0, ge=0)

    def rate_at(self, step: int) -> float:
        """Learning rate of step 0..steps-1 of this stage."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.final_rate + (self.rate - self.final_rate) * (1 + math.cos(math.pi * done)) / 2


class Recipe(BaseModel):
    """One training run.

    ``content`` maps each content loss to its weight, above zero; their sum, plus ``adversarial``
    times the adversarial loss, plus ``total_variation`` times the total variation, is what the
    generator minimises. A discriminator is trained, with Adam, when ``adversarial`` is above zero:
    the ``paper``'s, three small ones that judge ``patches`` at three sizes, or these and three
    that judge ``features`` of VGG19; its rate is the generator's times ``discriminator_rate``.
    ``start_from`` is the method whose checkpoint the generator starts from, or a safetensors file
    with its card in the same folder; with
    ``frozen_statistics`` its batch normalisation keeps that network's means and variances.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    architecture: Architecture = Architecture()
    content: dict[Content, Weight] = Field(default={"mse": 1.0}, min_length=1)
    adversarial: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    discriminator: DiscriminatorName = "paper"
    discriminator_rate: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    total_variation: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    start_from: str | None = None
    frozen_statistics: bool = False
    stages: list[Stage] = Field(min_length=1)
    optimiser: OptimiserName = "adam"
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    ema: float = Field(default=0.999, ge=0, lt=1)
    precision: Literal["fp32", "bf16"] = "bf16"
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _statistics_come_from_somewhere(self) -> Recipe:
        if self.frozen_statistics and self.start_from is None:
            raise ValueError("frozen_statistics needs start_from: there are no statistics to keep")
        return self

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def lasting(self, steps: int) -> Recipe:
        """The same recipe with ``steps`` steps in total, each stage in proportion.

        Raises:
            ConfigError: there are fewer steps than stages.
        """
        if steps < len(self.stages):
            raise ConfigError(
                f"{steps} steps, expected at least one for each of the {len(self.stages)} stages"
            )
        shares = [max(1, round(stage.steps * steps / self.steps)) for stage in self.stages]
        shares[0] += max(0, steps - sum(shares))
        while sum(shares) > steps:  # rounded up
            shares[shares.index(max(shares))] -= 1
        stages = [
            stage.model_copy(update={"steps": share, "warmup": min(stage.warmup, share // 10)})
            for stage, share in zip(self.stages, shares, strict=True)
        ]
        return self.model_copy(update={"stages": stages})

    def timeless(self) -> Recipe:
        """The recipe without its duration: equal for two that differ only in ``--steps``."""
        stages = [stage.model_copy(update={"steps": 1, "warmup": 0}) for stage in self.stages]
        return self.model_copy(update={"stages": stages})

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """The stage that step 0..steps-1 of the run belongs to, and the step within it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise ValueError("the step is after the end of the run")
