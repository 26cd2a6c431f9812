"""One loop for both phases: only content loss (SRResNet), or with a discriminator (SRGAN)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..data.training import TrainingSet
from ..errors import CheckpointError, TrainingError
from ..files import atomic_path
from ..models.discriminator import make_discriminator
from ..models.layers import to_device
from ..models.tensor_files import read_tensors
from ..models.vgg import VggMaps
from . import losses
from .device_part import DevicePart
from .guard import Guard
from .log import CsvLog, Means
from .optimisers import Optimiser
from .processes import TrainingProcess
from .recipe import PIXEL_LOSSES, Content, Recipe, Stage

LEEWAY = 8
"""Pixels by which what the judging networks see is smaller than the crop (:func:`_unaligned`)."""
SMALLEST_CROP = 40  # what AlexNet needs, and LEEWAY

ContentLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Validate = Callable[[nn.Module, int], Mapping[str, float]]


@dataclass(frozen=True)
class TrainingProgress:
    """The results of a step: losses, D(HR) and D(SR) as probabilities, and the speed so far."""

    step: int
    steps: int
    values: Mapping[str, float]
    steps_per_second: float

    @property
    def seconds_left(self) -> float:
        """Seconds to the end of the run at the speed so far."""
        return (self.steps - self.step) / max(self.steps_per_second, 1e-9)


@dataclass
class Trainer:
    """Trains a generator by a recipe; its whole state can be saved and resumed exactly.

    Batches depend on the seed and the step alone, so a resumed run draws what an uninterrupted
    one would have drawn.

    Args:
        recipe: what to train.
        generator: the network to train, on ``device``.
        data: the training pixels, on ``device``.
        content: the recipe's content losses, by name, on ``device``.
        place: the device and process of the training.
        given: texts that must be equal in a resumed run: photographs, weights.
        maps: VGG19's maps on ``device``, for a discriminator of features.
    """

    recipe: Recipe
    generator: nn.Module
    data: TrainingSet
    content: Mapping[Content, ContentLoss]
    place: TrainingProcess
    given: Sequence[str] = ()
    maps: VggMaps | None = None
    step: int = field(default=0, init=False)
    changes: list[str] = field(default_factory=list, init=False)
    """Changes during the run, for the card: other numbers of steps."""

    def __post_init__(self) -> None:
        for stage in self.recipe.stages:
            _check_stage(stage, self.data, self.place, self.recipe)
        self.device = self.place.device
        torch.manual_seed(self.recipe.seed)
        # Normalising by the statistics of a step's few crops would let the colours drift.
        to_device(self.generator, self.device).train(not self.recipe.frozen_statistics)
        # A copy through the state dict, for the moving average of the weights.
        self.average = to_device(self.recipe.architecture.build(), self.device)
        self.average.load_state_dict(self.generator.state_dict())
        self.average.eval().requires_grad_(False)
        self._generate = self.place.distribute(self.generator)
        self.optimiser = Optimiser(self.generator, self.recipe.optimiser, self.recipe.betas)
        self._follow = torch.zeros((), device=self.device)  # share of the new in the average
        self.discriminator: nn.Module | None = None
        if self.recipe.adversarial > 0:
            discriminator = make_discriminator(self.recipe.discriminator, self.maps).train()
            to_device(discriminator, self.device)
            self.discriminator_optimiser = Optimiser(discriminator, "adam", self.recipe.betas)
            self.discriminator = discriminator
            self._discriminate = self.place.distribute(discriminator)

        capturable = self.optimiser.capturable and self.place.count == 1
        self._on_device = DevicePart(self.device_step, self.device, capture=capturable)

    def train_step(self) -> dict[str, torch.Tensor]:
        """One update of the discriminator (if any) and the generator.

        Returns tensors, so that it does not wait for a number: the losses; D(HR) and D(SR) as mean
        probabilities of being original; ``skipped``, 1 where a gradient was not finite and its
        update was left out.
        """
        stage, step_of_stage = self.recipe.stage_at(self.step)
        rate = stage.rate_at(step_of_stage)
        draw = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + self.step)
        places = self.data.draw(stage.crop, stage.batch, draw, self.place.part(stage.batch))
        offsets = torch.randint(LEEWAY, (len(places), 2), generator=draw)
        self.optimiser.set_rate(rate)
        if self.discriminator is not None:
            self.discriminator_optimiser.set_rate(rate * self.recipe.discriminator_rate)
        # At the start the average follows quickly, so that it forgets the random weights.
        self._follow.fill_(1.0 - min(self.recipe.ema, (1 + self.step) / (10 + self.step)))
        values = self._on_device(places, offsets, crop=stage.crop)
        self.step += 1
        return values

    def device_step(
        self, places: torch.Tensor, offsets: torch.Tensor, crop: int
    ) -> dict[str, torch.Tensor]:
        """The part of a step on the device, without synchronisation.

        Args:
            places: which crops, as :meth:`TrainingSet.cut` takes them.
            offsets: int64 (N, 2), what :func:`_unaligned` takes.
            crop: HR pixels.
        """
        lr, hr = self.data.cut(places, crop)
        values: dict[str, torch.Tensor] = {}
        with self._autocast():
            sr = self._generate(lr)
        sr = sr.float()
        seen_sr, seen_hr = _unaligned(offsets, sr, hr)
        if self.discriminator is not None:
            values |= self._discriminator_step(seen_sr.detach(), seen_hr)
        total = torch.zeros((), device=self.device)
        with self._autocast():
            for name, weight in self.recipe.content.items():
                pair = (sr, hr) if name in PIXEL_LOSSES else (seen_sr, seen_hr)
                values[name] = self.content[name](*pair)
                total = total + weight * values[name]
            if self.discriminator is not None:
                # Only the gradients of the generator are needed, not the discriminator's own. It
                # normalises by its running statistics, which are of originals and SR.
                self.discriminator.requires_grad_(False).eval()
                logits = [part.float() for part in self.discriminator(seen_sr)]
                values["adversarial"] = losses.adversarial(logits)
                self.discriminator.requires_grad_(True).train()
                total = total + self.recipe.adversarial * values["adversarial"]
        if self.recipe.total_variation > 0:
            values["tv"] = losses.total_variation(sr)
            total = total + self.recipe.total_variation * values["tv"]
        skipped = _update(self.optimiser, total)
        values["skipped"] = torch.maximum(values.get("skipped", skipped), skipped)
        self._update_average()
        return {"loss": total, **values}

    def _autocast(self) -> torch.autocast:
        bf16 = self.recipe.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bf16)

    def _discriminator_step(self, sr: torch.Tensor, hr: torch.Tensor) -> dict[str, torch.Tensor]:
        assert self.discriminator is not None
        # One batch of both: if each were normalised separately, they would not differ in contrast
        # and grain, and the generator would not learn these.
        with self._autocast():
            logits = self._discriminate(torch.cat([hr, sr]))
        real, fake = zip(*(part.float().chunk(2) for part in logits), strict=True)
        loss = losses.discriminator(real, fake)
        return {
            "skipped": _update(self.discriminator_optimiser, loss),
            "discriminator": loss,
            "d_hr": _mean_probability(real),
            "d_sr": _mean_probability(fake),
        }

    @torch.no_grad()
    def _update_average(self) -> None:
        for target, source in zip(
            self.average.state_dict().values(), self.generator.state_dict().values(), strict=True
        ):
            if target.is_floating_point():
                target.lerp_(source, self._follow.to(target.dtype))

    def state(self) -> dict[str, object]:
        """Everything that determines how the run continues."""
        state: dict[str, object] = {
            "recipe": self.recipe.model_dump_json(),
            "given": list(self.given),
            "changes": list(self.changes),
            "step": self.step,
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.discriminator is not None:
            state["discriminator"] = self.discriminator.state_dict()
            state["discriminator_optimiser"] = self.discriminator_optimiser.state_dict()
        return state

    def save(self, path: Path) -> None:
        """Write the state, atomically.

        Raises:
            ResultsError: it cannot be written, or the disk is full.
        """
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            try:
                torch.save(self.state(), file)
            except RuntimeError as error:
                # torch wraps the system's error (a full disk) in one of its writer.
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise

    def resume(self, path: Path) -> None:
        """Continue from a saved state.

        Raises:
            CheckpointError: as :func:`read_state`, or it was begun with other photographs or
                other weights of a loss.
        """
        state = read_state(path, self.recipe, self.device)
        self._on_device.forget()
        begun = Recipe.model_validate_json(state["recipe"])
        self.changes = [*state.get("changes", [])]
        if begun != self.recipe:
            self.changes.append(
                f"planned for {begun.steps} steps until step {state['step']}, then for "
                f"{self.recipe.steps}: the learning rate followed the longer plan"
            )
        for was, now in zip(state.get("given", self.given), self.given, strict=False):
            if was != now:
                raise CheckpointError(
                    f"{path} was started with other data ({was}; now {now}); resume with the same "
                    "data, or choose another --out"
                )
        try:
            self.step = int(state["step"])
            self.generator.load_state_dict(state["generator"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            if self.discriminator is not None:
                self.discriminator.load_state_dict(state["discriminator"])
                self.discriminator_optimiser.load_state_dict(state["discriminator_optimiser"])
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise CheckpointError(
                f"{path} is not the state of this training ({reason}); delete it to start again"
            ) from error

    def run(
        self,
        folder: Path,
        *,
        validate: Validate,
        validate_every: int,
        save_every: float = 120.0,
        log_every: int = 50,
        report: Callable[[TrainingProgress], None] = lambda progress: None,
    ) -> None:
        """Train to the recipe's end, with ``log.csv`` and ``state.pt`` in ``folder``.

        ``validate`` is called with the averaged network and the step, every ``validate_every``
        steps and at the end; what it returns goes to the log, as do the means of the losses since
        the last entry. The state is saved every ``save_every`` seconds and at every validation,
        while the run is sound.

        Raises:
            Stopped: the run has failed (see :class:`Guard`); the last sound state is kept.
        """
        log = CsvLog(folder / "log.csv", self.step) if self.place.writes else None
        guard, means = Guard(self.recipe.content), Means()
        saved = begun = time.monotonic()
        first = self.step
        while self.step < self.recipe.steps:
            means.add(self.train_step())
            done = self.step == self.recipe.steps
            validating = done or self.step % validate_every == 0
            if not validating and self.step % log_every:
                continue
            numbers = self.place.mean(means.take())
            sound = guard.look(self.step, numbers)
            if not numbers["skipped"]:
                del numbers["skipped"]
            if log is None:
                continue
            pace = (self.step - first) / (time.monotonic() - begun)
            if validating:
                numbers |= validate(self.average, self.step)
            log.add(self.step, numbers)
            report(TrainingProgress(self.step, self.recipe.steps, numbers, pace))
            if sound and (validating or time.monotonic() - saved > save_every):
                self.save(folder / "state.pt")
                saved = time.monotonic()


def read_state(path: Path, recipe: Recipe, device: torch.device) -> dict[str, Any]:
    """The state that :meth:`Trainer.save` wrote.

    Raises:
        CheckpointError: the file is missing or damaged, was written by a recipe that differs in
            more than its steps, or has more steps behind it than ``recipe``.
    """
    if not path.exists():
        raise CheckpointError(
            f"{path} does not exist; there is nothing to resume: run without --resume"
        )
    try:
        state = dict(read_tensors(path, device))
    except CheckpointError as error:
        reason = str(error).removeprefix(f"{path} ").partition(";")[0]
        raise CheckpointError(
            f"{path} is not a complete training state (it {reason}); delete it to start again"
        ) from error
    try:
        begun, step = Recipe.model_validate_json(str(state["recipe"])), int(str(state["step"]))
    except (TypeError, KeyError, ValueError):  # no dictionary, no recipe, or none of ours
        raise CheckpointError(f"{path} is not a training state; delete it to start again") from None
    if begun.timeless() != recipe.timeless():
        raise CheckpointError(
            f"{path} was written with another recipe; resume with the same recipe, or choose "
            "another --out"
        )
    if step > recipe.steps:
        raise CheckpointError(
            f"{path} has {step} steps behind it, more than the {recipe.steps} asked for; "
            "give more --steps, or choose another --out"
        )
    return state


def _unaligned(offsets: torch.Tensor, *crops: torch.Tensor) -> list[torch.Tensor]:
    """A part of each crop that is ``LEEWAY`` pixels smaller, at a random offset.

    Features and the discriminator have strides and poolings of 2 to 16 pixels. If these are aligned
    with the generator's pixel shuffle, their gradients cause a grid of period 2 or 4.
    """
    side = crops[0].shape[-1] - LEEWAY
    here = torch.arange(side, device=offsets.device)
    image = torch.arange(len(offsets), device=offsets.device)[:, None, None]
    rows, columns = (offsets[:, :1] + here)[:, :, None], (offsets[:, 1:] + here)[:, None, :]
    return [crop.permute(0, 2, 3, 1)[image, rows, columns].permute(0, 3, 1, 2) for crop in crops]


def _mean_probability(logits: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack([torch.sigmoid(part).mean() for part in logits]).mean()


def _check_stage(stage: Stage, data: TrainingSet, place: TrainingProcess, recipe: Recipe) -> None:
    if stage.crop % data.scale:
        raise TrainingError(
            f"the crop is {stage.crop} pixels, expected a multiple of the scale {data.scale}"
        )
    if data.usable(stage.crop) == 0:
        raise TrainingError(
            f"the crop is {stage.crop} pixels, but no training image is that large; "
            "use a smaller crop or larger images"
        )
    if stage.batch % place.count:
        raise TrainingError(
            f"a batch of {stage.batch} cannot be divided evenly among {place.count} processes; "
            "start another number of them"
        )
    if recipe.adversarial > 0 and (stage.crop < 64 or stage.crop % 8):
        raise TrainingError(
            f"the crop is {stage.crop} pixels; the discriminator takes multiples of 8 from 64"
        )
    if stage.crop < SMALLEST_CROP and not recipe.content.keys() <= PIXEL_LOSSES:
        raise TrainingError(
            f"the crop is {stage.crop} pixels; losses of deep features take {SMALLEST_CROP} or more"
        )


def _update(optimiser: Optimiser, loss: torch.Tensor) -> torch.Tensor:
    """One step against the gradient of ``loss``; 1 if it was left out as not finite, else 0."""
    optimiser.zero_grad()
    loss.backward()
    return optimiser.step()
