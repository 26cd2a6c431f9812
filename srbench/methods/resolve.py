"""Convert names from the command line to methods."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import require_device_name
from ..data.folder import Dataset, image_files, passed_over
from ..data.known import AS_IS
from ..data.matching import match_names
from ..data.naming import dataset_key
from ..errors import (
    CheckpointError,
    ConfigError,
    DatasetError,
    MissingWeights,
    UnknownName,
    WrongType,
    unknown_name,
)
from ..file_kinds import HEAD, kind_of, may_hold_tensors
from ..files import expanded
from ..imaging import Border, get_border, require_scale
from ..models.cards import read_card
from ..wording import counted, one_line
from .base import ImageId, Method, file_sha256
from .folder import FolderMethod, check_result, other_scale_named
from .interpolation import Bicubic, Nearest
from .likeness import Unlike, unlike_notes
from .network import NetworkMethod
from .own import own_method

if TYPE_CHECKING:
    from torch import nn

INTERPOLATION = ("nearest", "bicubic")
NETWORKS = (
    "srcnn",
    "espcn",
    "srresnet-mse",
    "srresnet-vgg22",
    "srresnet-vgg54",
    "srgan-mse",
    "srgan-vgg22",
    "srgan-vgg54",
    "srgan-lpips",
    "srgan-tv",
)
METHODS = INTERPOLATION + NETWORKS
TRAINED_SCALES = (2, 4)

# Change this if inference may give other pixels from the same weights.
_INFERENCE_VERSION = "1"
_SHIPPED = Path(__file__).parents[1] / "checkpoints"


@dataclass(frozen=True)
class MissingMethod:
    """A requested method that cannot run, on one data set or (None) on all."""

    method: str
    dataset: str | None
    reason: str
    command: str | None


@dataclass(frozen=True)
class Selection:
    """The methods of a run, their data sets, and what is missing."""

    methods: tuple[Method, ...]
    missing: tuple[MissingMethod, ...]
    notes: tuple[str, ...] = ()
    """Assumptions to report, one line each."""

    def serves(self, method: Method, dataset: str) -> bool:
        """Whether the method can run on the data set."""
        return not any(m.method == method.name and m.dataset == dataset for m in self.missing)


def checkpoint_file(name: str, scale: int, weights: Path) -> Path:
    """The checkpoint of one of our networks: the user's in ``weights``, else the shipped one.

    Raises:
        MissingWeights: neither exists.
    """
    for folder in (weights, _SHIPPED):
        path = folder / f"{name}_x{scale}.safetensors"
        if path.is_file():
            return path
    gap = _no_checkpoint(name, scale)
    way = f"make one with: {gap.command}" if gap.command else "give another by NAME=FILE"
    raise MissingWeights(f"{gap.reason}; {way}")


def replaced_checkpoint(name: str, scale: int, weights: Path) -> str:
    """A note if the user's checkpoint is used instead of the shipped one; "" otherwise."""
    file = f"{name.lower().removesuffix('+')}_x{scale}.safetensors"
    if (_SHIPPED / file).is_file() and (weights / file).is_file():
        return f"{name}: the checkpoint in {weights} is used, not the shipped one"
    return ""


def _no_checkpoint(name: str, scale: int) -> MissingMethod:
    if scale not in TRAINED_SCALES:
        return MissingMethod(name, None, f"our networks are for x2 and x4, not for x{scale}", None)
    return MissingMethod(
        name,
        None,
        f"no x{scale} checkpoint of {name} is shipped or in the weights folder",
        f"srbench train {name} --scale {scale} --data FOLDER",
    )


def shipped(scale: int, weights: Path) -> list[str]:
    """Names of our methods that can run at ``scale`` on this machine."""
    found: list[str] = list(INTERPOLATION)
    for name in NETWORKS:
        try:
            checkpoint_file(name, scale, weights)
        except MissingWeights:
            continue
        found.append(name)
    return found


def load_method(
    name: str,
    *,
    scale: int = 4,
    device: str = "cpu",
    border: Border | None = None,
    weights: Path | str | None = None,
) -> Method:
    """Load one of our methods by name, or a checkpoint file by ``NAME=FILE``.

    Args:
        name: ``nearest``, ``bicubic``, one of our networks, or ``NAME=FILE``; a network's name
            followed by ``+`` (``srresnet-mse+``, ``NAME+=FILE``) is its self-ensemble, the mean
            over the eight flips and rotations.
        scale: SR size divided by LR size.
        device: ``cpu``, ``cuda``, ``auto`` etc., for networks.
        border: MATLAB's border rule, only for ``bicubic``; by default ``symmetric``.
        weights: folder of the user's own checkpoints; by default the ``SRBENCH_WEIGHTS`` folder.

    Raises:
        UnknownName: no method or device has this name.
        ValueError: the scale is not a whole number of at least 1.
        MissingWeights: its checkpoint is neither shipped nor in the weights folder.
        CheckpointError: the checkpoint is damaged, unsafe, or of another architecture or scale.
        ConfigError: a ``border`` is given for another method than bicubic.
        SrbenchError: the device does not exist, or spandrel is needed but not installed.

    >>> import numpy as np, srbench
    >>> lr = np.full((6, 8, 3), 128, dtype=np.uint8)
    >>> srbench.load_method("bicubic", scale=4).upscale(lr).shape
    (24, 32, 3)
    >>> srbench.load_method("srcnn").upscale(lr).shape  # a network, by default fourfold
    (24, 32, 3)
    """
    from ..models.weights_catalogue import weights_folder

    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise WrongType(f"{one_line(repr(name))} is a {type(name).__name__}, expected a name")
    require_scale(scale)
    require_device_name(device)
    rule = get_border("symmetric" if border is None else border)
    method = _find_method(name, scale, device, rule, weights_folder(weights))
    if border is not None and not isinstance(method, Bicubic):
        raise ConfigError(f"border is for bicubic, the method is {method.name}; leave it out")
    method.prepare()
    return method


def _find_method(name: str, scale: int, device: str, border: Border, weights: Path) -> Method:
    """A method that is loaded at its first use, so that torch is not imported before."""
    label, _, target = name.strip().partition("=")
    plain, plus = (label[:-1], "+") if label.endswith("+") else (label, "")
    if target:
        method = _file_method(_own_name(label), expanded(target), scale, device)
        return replace(method, ensemble=True) if plus else method
    key = plain.lower()
    if key in INTERPOLATION and plus:
        raise UnknownName(
            f"'{name}' would compute {key} eight times: a + after the name means the mean over "
            "flips and rotations, which changes only networks"
        )
    if key == "nearest":
        return Nearest(scale)
    if key == "bicubic":
        return Bicubic(scale, border)
    if key not in NETWORKS:
        raise unknown_name("method", name, METHODS)
    method = _our_network(key, checkpoint_file(key, scale, weights), scale, device)
    return replace(method, name=key + plus, ensemble=bool(plus))


def _our_network(name: str, path: Path, scale: int, device: str) -> NetworkMethod:
    card = read_card(path)
    if card.architecture.scale != scale:
        raise CheckpointError(
            f"{path} upscales x{card.architecture.scale}, but the run is x{scale}"
        )
    architecture = hashlib.sha256(card.architecture.model_dump_json().encode()).hexdigest()[:16]
    identity = f"srbench {_INFERENCE_VERSION} {_file_hash(path)} {architecture}"

    def load() -> nn.Module:
        from ..models.checkpoints import load_checkpoint

        return load_checkpoint(path)[0]

    return NetworkMethod(
        name, scale, identity, load, device, trained_on_metric=card.trained_on_metric
    )


def _file_method(name: str, path: Path, scale: int, device: str) -> NetworkMethod:
    if path.is_dir():
        raise CheckpointError(
            f"{name}={path} is a folder, which only run-all accepts as a method; expected a "
            ".pth or .safetensors file"
        )
    _refuse_no_tensors(name, path)
    if path.with_suffix(".json").is_file() and path.suffix == ".safetensors":
        return _our_network(name, path, scale, device)

    def load() -> nn.Module:
        from .external import load_external

        return load_external(name, path, scale)

    return NetworkMethod(name, scale, f"spandrel {_file_hash(path)}", load, device, signed=False)


def _refuse_no_tensors(name: str, path: Path) -> None:
    """Refuse a file that cannot contain tensors, judging by its content, not its name."""
    if not path.exists():
        raise CheckpointError(f"{name}={path}: there is no such file or folder")
    if not path.is_file():  # reading a pipe would block
        raise CheckpointError(f"{name}={path} is not a regular file; expected a checkpoint")
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if not may_hold_tensors(head):
        raise CheckpointError(
            f"{name}={path} is {kind_of(head)}, not a checkpoint; expected tensors saved by "
            "torch.save or safetensors, or a folder of images"
        )


def _file_hash(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


def _own_name(label: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9 ._+-]{0,62}[A-Za-z0-9_+-])?", label):
        raise UnknownName(
            f"'{label}' cannot name a method; use up to 64 letters a to z, digits, spaces, '.', "
            "'_', '+' and '-', starting with a letter or digit, and not ending in a space or '.'"
        )
    if label.lower().removesuffix("+") in (*METHODS, "hr"):
        raise UnknownName(f"'{label}' is one of our methods; give yours another name")
    return label


def select_methods(
    specs: Sequence[object],
    datasets: Sequence[Dataset],
    *,
    scale: int,
    border: Border,
    device: str,
    weights: Path,
    patterns: Sequence[str] = (),
) -> Selection:
    """All methods of a run, checked as far as possible without loading a network.

    ``patterns`` are the file names in the folders of ``NAME=FOLDER``: ``NAME=PATTERN`` for one
    method, ``PATTERN`` for all others, with ``{}`` for the original's name.

    One of our methods without a checkpoint, and a folder without a subfolder for some data set,
    are reported as missing. In Python, a method may also be an object with ``upscale(lr)``.

    Raises:
        UnknownName: an unknown or repeated name.
        DatasetError: a subfolder lacks some images of its data set, or its names do not identify
            them.
        ConfigError: a pattern is not valid, or has no folder.
        ImageError, SizeMismatch: an image in such a folder is not valid.
        CheckpointError: there is no such file, its card is damaged or it is of another scale.
    """
    methods: list[Method] = []
    missing: list[MissingMethod] = []
    notes: list[str] = []
    named = _patterns(patterns, [spec for spec in specs if isinstance(spec, str)])
    for spec in specs:
        if not isinstance(spec, str):
            methods.append(own_method(spec, scale, _own_name))
            continue
        label, _, target = spec.partition("=")
        if target and expanded(target).is_dir():
            pattern = named.get(label, named.get(""))
            method, gaps, taken = _folder_method(
                _own_name(label), expanded(target), datasets, scale, pattern
            )
            methods.append(method)
            notes += taken
            missing += gaps
            continue
        try:
            methods.append(
                _find_method(spec, scale=scale, device=device, border=border, weights=weights)
            )
        except MissingWeights:
            gap = _no_checkpoint(spec.lower().removesuffix("+"), scale)
            missing.append(replace(gap, method=spec.lower()))
    notes += [
        f"{method.name} is the mean over the eight flips and rotations of each image"
        for method in methods
        if isinstance(method, NetworkMethod) and method.ensemble
    ]
    ours = [method.name for method in methods if isinstance(method, NetworkMethod)]
    notes += [note for name in ours if (note := replaced_checkpoint(name, scale, weights))]
    names = [method.name.lower() for method in methods]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UnknownName(f"the method '{repeated[0]}' is named twice; give each its own name")
    return Selection(tuple(methods), tuple(missing), tuple(notes))


def _patterns(patterns: Sequence[str], specs: Sequence[str]) -> dict[str, str]:
    """The pattern of each method; the key "" is for methods without one."""
    parts = [spec.partition("=") for spec in specs]
    folders = [label for label, _, target in parts if target and expanded(target).is_dir()]
    named: dict[str, str] = {}
    for text in patterns:
        label, _, pattern = text.rpartition("=")
        if (label and label not in folders) or not folders:
            raise ConfigError(
                f"the pattern '{text}' needs a folder of images; give one as NAME=FOLDER"
            )
        if label in named:
            raise ConfigError(f"two patterns for {label or 'all folders'}; give one")
        named[label] = pattern
    return named


def _folder_method(
    name: str, folder: Path, datasets: Sequence[Dataset], scale: int, pattern: str | None
) -> tuple[FolderMethod, list[MissingMethod], list[str]]:
    files: dict[ImageId, Path] = {}
    gaps: list[MissingMethod] = []
    taken: dict[str, list[str]] = {}
    told: list[str] = []
    found: dict[str, Unlike] = {}
    for dataset in datasets:
        subfolder = _subfolder(folder, dataset.name)
        if subfolder is None:
            subfolder = _subfolder(folder, dataset.name.removesuffix(AS_IS))
        if subfolder is None:
            gaps.append(
                MissingMethod(
                    name, dataset.name, f"its folder has no subfolder {dataset.name}", None
                )
            )
            continue
        there = image_files(subfolder)
        matched = match_names(
            dataset.images or dataset.lr,
            there,
            subfolder,
            dataset.name,
            spare=True,
            pattern=pattern,
        )
        if matched.taken:
            taken.setdefault(matched.taken, []).append(dataset.name)
        if others := passed_over(subfolder):
            taken.setdefault(f"ignored {others}", []).append(dataset.name)
        spare = sorted(set(there.values()) - set(matched.files.values()))
        if spare:
            shown = ", ".join(path.name for path in spare[:3]) + (", ..." if spare[3:] else "")
            taken.setdefault(
                f"ignored {counted(len(spare), 'image')} without an original ({shown})", []
            ).append(dataset.name)
        if note := other_scale_named(name, (folder, subfolder), matched.files, scale):
            told.append(note)
        for image, path in matched.files.items():
            original, lr = dataset.images.get(image), dataset.lr.get(image)
            found[f"{dataset.name}/{image}"] = check_result(path, original, lr, scale)
            files[ImageId(dataset.name, image)] = path
    if not files:
        raise DatasetError(
            f"{folder} has none of the subfolders {', '.join(d.name for d in datasets)}; "
            "expected one subfolder of images per data set"
        )
    notes = [f"{name} on {', '.join(where)}: {what}" for what, where in taken.items()]
    notes += dict.fromkeys(told)
    notes += unlike_notes(name, found)
    return FolderMethod(name, scale, files), gaps, notes


def _subfolder(folder: Path, dataset: str) -> Path | None:
    """The subfolder of a data set, under any of its usual names.

    Raises:
        DatasetError: there are two of them.
    """
    key = dataset_key(dataset)
    found = [p for p in sorted(folder.iterdir()) if p.is_dir() and dataset_key(p.name) == key]
    if len(found) > 1:
        raise DatasetError(
            f"{folder} holds {' and '.join(path.name for path in found)}, which are names of one "
            "data set; remove or rename all but one"
        )
    return found[0] if found else None
