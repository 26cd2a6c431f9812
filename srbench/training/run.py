"""``srbench train``: from a recipe and photographs to a checkpoint with its card."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

import torch
from filelock import FileLock, Timeout
from torch import nn

from .. import __version__
from ..data.folder import Dataset
from ..errors import CheckpointError, ConfigError, TrainingError
from ..files import cannot_write, remove_unfinished
from ..methods.resolve import checkpoint_file
from ..metrics.lpips_network import Lpips
from ..models.cards import Card, read_card
from ..models.checkpoints import is_complete, load_checkpoint, save_checkpoint
from ..models.device import lacks_memory
from ..models.weights_catalogue import LPIPS_BACKBONES, mending_command, weights_path
from ..observer import Observer
from .best import Best
from .content import content_losses, discriminator_maps, require_weights
from .guard import Stopped
from .log import TensorboardLog, require_tensorboard
from .photographs import Photographs, read_photographs
from .processes import TrainingProcess
from .recipe import Recipe
from .trainer import Trainer, TrainingProgress, read_state
from .validation import PROTOCOL, Validation


@dataclass(frozen=True)
class Trained:
    """The result of a training."""

    checkpoint: Path
    card: Card


def run_folder(out: Path) -> Path:
    """The folder with state, logs and samples of the training of the checkpoint ``out``."""
    return out.with_name(out.stem + ".run")


def planned_steps(out: Path, recipe: Recipe) -> int | None:
    """The last planned number of steps of the run for ``out``; None without a run.

    Raises:
        CheckpointError: as :func:`~srbench.training.trainer.read_state`.
    """
    state = run_folder(out) / "state.pt"
    if not state.is_file():
        return None
    begun = read_state(state, recipe, torch.device("cpu"))["recipe"]
    return Recipe.model_validate_json(begun).steps


def finished(out: Path, recipe: Recipe) -> Card | None:
    """The card of the checkpoint ``out``, if a training by ``recipe`` was finished.

    Raises:
        CheckpointError: ``out`` was trained by another recipe.
    """
    if not is_complete(out):
        return None
    card = read_card(out)
    if card.recipe != recipe.model_dump(mode="json"):
        raise CheckpointError(
            f"{out} was trained with another recipe (another --steps?); choose another --out, or "
            f"delete it and {run_folder(out)}"
        )
    return card


def require_same_photographs(
    reused: Sequence[tuple[Path, Card]], photographs: Photographs | None
) -> None:
    """Check that networks that are compared were trained on the same photographs.

    Args:
        reused: checkpoints of an earlier call, with their cards.
        photographs: those of this call; None if it trains none.

    Raises:
        CheckpointError: one was trained on others.
    """
    if not reused:
        return
    now = reused[0][1].data if photographs is None else str(photographs)
    for checkpoint, card in reused:
        if card.data != now:
            raise CheckpointError(
                f"{checkpoint} was trained on other photographs ({card.data}) than the other "
                f"networks ({now}); choose another --out, or delete it and {run_folder(checkpoint)}"
            )


def train(
    recipe: Recipe,
    photographs: Sequence[Path] | Photographs,
    out: Path,
    *,
    weights: Path,
    guarded: Sequence[Dataset],
    place: TrainingProcess,
    resume: bool = False,
    validate_every: int = 1000,
    tensorboard: bool = False,
    observer: Observer | None = None,
    report: Callable[[TrainingProgress], None] = lambda progress: None,
) -> Trained:
    """Train a network; write its best weights to ``out`` (safetensors) and their card.

    Some of the photographs are held out for validation (:func:`read_photographs`); the card names
    them. The best weights are those of the validation with the highest PSNR, or, where there is a
    discriminator, with the lowest LPIPS, without a grid or a shift of the colours
    (:class:`~srbench.training.best.Best`). The run's state, logs and sample crops are kept in
    :func:`run_folder`. If the run is stopped, the weights of its last sound state are written there
    as ``last-sound.safetensors``.

    Args:
        recipe: what to train and how.
        photographs: folders and tar files, or photographs that were already read.
        out: the checkpoint to write.
        weights: folder of backbone weights and of the checkpoint that the recipe starts from.
        guarded: data sets that no training photograph may show.
        place: the device and process of the training.
        resume: continue an interrupted run, or a finished one if the recipe has more steps.
        validate_every: steps between two validations.
        tensorboard: write a log for TensorBoard too.

    Raises:
        ConfigError: ``out`` is not the name of a safetensors file.
        TrainingError: too few or unusable photographs, a training photograph that shows a
            benchmark image, too little memory, or another training is writing there.
        ResultsError: the run's folder cannot be written to.
        Stopped: the run diverges or collapses.
        MissingWeights: weights for a loss, or for the start of the generator, are missing.
        CheckpointError: there is nothing to resume, or it was begun with another recipe, other
            photographs or other weights of a loss, or has more steps behind it.
    """
    if out.suffix != ".safetensors":  # other files get this name with other suffixes
        raise ConfigError(f"the checkpoint is {out}, expected a name that ends in .safetensors")
    observer = observer if observer and place.writes else Observer()
    if tensorboard:
        require_tensorboard()
    folder = run_folder(out)
    state = folder / "state.pt"
    if state.exists() and not resume:
        raise CheckpointError(
            f"{state} exists from an earlier run; add --resume to continue it, or delete "
            f"{folder} to start again"
        )
    if resume:
        read_state(state, recipe, torch.device("cpu"))  # before minutes of reading photographs
    scale = recipe.architecture.scale
    with _alone_in(folder, place), _out_of_memory_told(recipe, place.device):
        require_weights(recipe.content, weights)
        maps, judged = discriminator_maps(recipe, weights, place.device)
        generator, start = _generator(recipe, weights)
        if not isinstance(photographs, Photographs):
            leaks = folder / "leaks.csv" if place.writes else None
            photographs = read_photographs(
                photographs, scale, guarded, place.device, observer, leaks
            )
        content, notes = content_losses(recipe.content, weights, photographs.training, place.device)
        notes += [*judged, *start]
        held_out = [name for name, _ in photographs.held_out]
        given = (str(photographs), *notes)
        trainer = Trainer(recipe, generator, photographs.training, content, place, given, maps)
        if resume:
            trainer.resume(state)
            notes = [*notes, *trainer.changes]

        def card(metrics: Mapping[str, float]) -> Card:
            return _card(trainer, metrics, notes, str(photographs), held_out)

        lpips = None
        if recipe.adversarial > 0 and validate_every < recipe.steps:  # otherwise there is no choice
            lpips = _lpips(weights, place.device, observer)
        samples = folder / "samples" if place.writes else None
        originals = [(str(PurePath(n).with_suffix("")), hr) for n, hr in photographs.held_out]
        scores = Validation("validation", originals, scale, place.device, samples, lpips)
        best_path = folder / "best.safetensors"
        if not resume:
            best_path.unlink(missing_ok=True)
        best = Best(best_path, adversarial=recipe.adversarial > 0)

        def validate(network: nn.Module, step: int) -> Mapping[str, float]:
            reached = scores(network, step)
            best.offer(network, card(reached))
            return reached

        board = None
        if tensorboard and place.writes:
            board = TensorboardLog(folder / "tensorboard", trainer.step)

        def tell(progress: TrainingProgress) -> None:
            if board:
                board.add(progress.step, progress.values)
            report(progress)

        observer.begin("training", recipe.steps)
        try:
            trainer.run(folder, validate=validate, validate_every=validate_every, report=tell)
        except Stopped as error:
            if not (place.writes and state.exists()):
                place.wait()  # torchrun ends them all when one fails, also the one that writes
                raise
            trainer.resume(state)
            sound = folder / "last-sound.safetensors"
            save_checkpoint(sound, trainer.average, card({}), half=True)
            place.wait()
            raise Stopped(
                f"{error}; the last good weights, of step {trainer.step} are in {sound}"
            ) from error
        if not place.writes:
            return Trained(out, card({}))
        if not is_complete(best_path):  # the run was complete before, its best is gone
            validate(trainer.average, trainer.step)
        network, reached = load_checkpoint(best_path)
        # The best validation may be from before the plan was extended.
        changes = [change for change in trainer.changes if change not in reached.notes]
        reached = reached.model_copy(
            update={
                "recipe": recipe.model_dump(mode="json"),
                "notes": [*reached.notes, *changes],
            }
        )
        save_checkpoint(out, network, reached, half=True)
        return Trained(out, reached)


def _card(
    trainer: Trainer,
    metrics: Mapping[str, float],
    notes: list[str],
    data: str,
    held_out: list[str],
) -> Card:
    recipe = trainer.recipe
    if metrics:
        notes = [*notes, f"metrics: means by protocol {PROTOCOL}, LR with the replicate border"]
    return Card(
        name=recipe.name,
        architecture=recipe.architecture,
        steps=trainer.step,
        recipe=recipe.model_dump(mode="json"),
        data=data,
        held_out=held_out,
        metrics=dict(metrics),
        notes=notes,
        trained_on_metric="lpips_alex" if "lpips" in recipe.content else None,
        versions={
            "srbench": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    )


def _generator(recipe: Recipe, weights: Path) -> tuple[nn.Module, list[str]]:
    """The initial network, and a note about its origin."""
    torch.manual_seed(recipe.seed)
    if recipe.start_from is None:
        return recipe.architecture.build(), []
    path = Path(recipe.start_from)
    if path.suffix != ".safetensors":
        path = checkpoint_file(recipe.start_from, recipe.architecture.scale, weights)
    if not path.is_file():
        raise CheckpointError(
            f"start_from is {path}, which does not exist; expected one of our methods or a "
            "checkpoint with its card in the same folder"
        )
    network, card = load_checkpoint(path)
    if card.architecture != recipe.architecture:
        raise CheckpointError(
            f"{path} cannot start this training: it is {card.architecture}, expected "
            f"{recipe.architecture}"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return network, [f"generator from {path.name} ({card.name}, SHA-256 {digest[:16]})"]


def _lpips(weights: Path, device: torch.device, observer: Observer) -> Lpips | None:
    backbone = LPIPS_BACKBONES["alex"]
    if weights_path(backbone, weights).is_file():
        return Lpips("alex", weights, str(device))
    observer.note(
        "the last weights will be used instead of the best: LPIPS needs weights to compare them; "
        "run "
        f"`{mending_command(backbone)}`"
    )
    return None


@contextmanager
def _alone_in(folder: Path, place: TrainingProcess) -> Iterator[None]:
    """Lock a run's folder against other trainings, and remove unfinished files of a killed one."""
    if not place.writes:
        yield
        return
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise TrainingError(
            f"another training is writing to {folder}; wait for it, or choose another --out"
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        remove_unfinished(folder)
        yield
    finally:
        lock.release()
        with suppress(OSError):  # a run that never began leaves no folder
            (folder / ".lock").unlink()
            folder.rmdir()


@contextmanager
def _out_of_memory_told(recipe: Recipe, device: torch.device) -> Iterator[None]:
    """Turn out-of-memory errors in the block into a one-line error."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        largest = max(recipe.stages, key=lambda stage: stage.batch * stage.crop**2)
        raise TrainingError(
            f"{device} has not enough memory for the photographs and batches of {largest.batch} "
            f"crops of {largest.crop}x{largest.crop}; close other programs, or give a recipe "
            "file with a smaller batch or crop (--config FILE)"
        ) from error
