"""Backbone weights: load, import and fetch them.

Each is one small safetensors file, ``<folder>/<name>.safetensors``, with torchvision's names of the
convolutional part. Others publish them; they are not part of this package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ..downloading import DownloadProgress, download
from ..errors import CheckpointError, DownloadError, MissingWeights
from ..files import write_bytes
from .backbones import expected_shapes
from .tensor_files import read_tensors
from .weights_catalogue import OtherSource, get_entry, mending_command, weights_path

TORCHVISION_URL = "https://download.pytorch.org/models/"

_MAX_BYTES = 2**30  # the largest, VGG19, is 548 MiB


def load_weights(name: str, folder: Path) -> dict[str, Tensor]:
    """The backbone's tensors, float32, with torchvision's names (``features.0.weight``).

    Raises:
        UnknownName: the catalogue has no such entry.
        MissingWeights: the file is missing; the message contains the command that supplies it.
        CheckpointError: the file is damaged or has another architecture.
    """
    get_entry(name)
    path = weights_path(name, folder)
    if not path.is_file():
        commands = dict.fromkeys([mending_command(name), f"srbench weights import {name} FILE"])
        raise MissingWeights(
            f"{name} is not in {folder}; run " + " or ".join(f"`{c}`" for c in commands)
        )
    return _convolutional_part(name, read_tensors(path), path)


def load_published(name: str, folder: Path) -> dict[str, Tensor]:
    """As `load_weights`, for scores: other values than the published ones are refused, if known.

    Raises:
        CheckpointError: the file is damaged, of another architecture, or has other values.
        SrbenchError: as `load_weights`.
    """
    weights = load_weights(name, folder)
    _refuse_others(name, weights, weights_path(name, folder))
    return weights


def import_weights(name: str, file: Path, folder: Path) -> Path:
    """Import the weights from a local file: safetensors, or a ``.pth`` of torchvision.

    Only the convolutional part is kept, in float32 (float16 and the like are converted). A ``.pth``
    is opened with ``weights_only``, so a pickle with code is refused.

    Returns:
        The path of the new ``<folder>/<name>.safetensors``.

    Raises:
        UnknownName: the catalogue has no such entry.
        CheckpointError: the file is missing, damaged or unsafe, or differs from the published
            weights in architecture or values.
        ResultsError: the folder cannot be written to.
    """
    get_entry(name)
    weights = _convolutional_part(name, read_tensors(file), file)
    _refuse_others(name, weights, file)
    return _save(name, weights, folder, source=file.name)


def unproven(name: str, file: Path, folder: Path) -> str:
    """A note if nothing shows that ``file``, imported into ``folder``, has the published values."""
    entry = get_entry(name)
    if entry.features_sha256 is not None or entry.published_file is None:
        return ""
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() == entry.sha256:
            return ""
    if other_source(name, load_weights(name, folder)):
        return ""
    return (
        f"{file.name} has the shape of {name}, but is not torchvision's {entry.published_file}: "
        "whether it has the published values is not known"
    )


def fetch_weights(
    name: str,
    folder: Path,
    *,
    base_url: str = TORCHVISION_URL,
    progress: DownloadProgress | None = None,
) -> Path:
    """Download torchvision's published file, check its SHA-256, keep its convolutional part.

    An interrupted download is continued. Nothing is downloaded if the weights already exist.

    Returns:
        The path of ``<folder>/<name>.safetensors``.

    Raises:
        UnknownName: the catalogue has no such entry.
        DownloadError: there is no published file, no connection, or a wrong file.
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    entry = get_entry(name)
    target = weights_path(name, folder)
    if target.is_file():
        return target
    if entry.published_file is None:
        raise DownloadError(f"{name} is not published anywhere; run `{mending_command(name)}`")
    file = entry.published_file
    url = base_url.rstrip("/") + "/" + file
    try:
        fetched = download(url, folder, known_hash=None, max_bytes=_MAX_BYTES, progress=progress)
    except DownloadError as error:
        raise DownloadError(
            f"cannot fetch {url} ({error}); run the command again to continue, or get the file "
            f"elsewhere and run `srbench weights import {name} {file}`"
        ) from error
    with fetched.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != entry.sha256:
        fetched.unlink()
        raise DownloadError(
            f"{url} has SHA-256 {found}, expected {entry.sha256}; "
            "it is damaged or not the published file and was removed; run the command again"
        )
    weights = _convolutional_part(name, read_tensors(fetched), Path(file))
    _refuse_others(name, weights, Path(file))
    path = _save(name, weights, folder, source=f"torchvision {file}")
    fetched.unlink()
    return path


def other_source(name: str, weights: Mapping[str, Tensor]) -> OtherSource | None:
    """The entry's other source of these tensors; None if there is none."""
    others = get_entry(name).others
    if not others:
        return None
    digest = features_sha256(weights)
    return next((source for source in others if source.features_sha256 == digest), None)


def features_sha256(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, shapes and float32 values of named tensors, in the order of names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.to("cpu", torch.float32).contiguous().numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def _refuse_others(name: str, weights: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors with the right shapes but other values than the published ones, if known."""
    expected = get_entry(name).features_sha256
    if expected is not None and features_sha256(weights) != expected:
        raise CheckpointError(
            f"{path} has the shape of {name}, but not its published values: scores computed with "
            "it cannot be compared with published ones; get the published file: "
            f"{mending_command(name)}"
        )


def _convolutional_part(name: str, tensors: Mapping[str, object], path: Path) -> dict[str, Tensor]:
    """``features.*`` of ``tensors`` in float32, which must match the architecture exactly."""
    expected = expected_shapes(name)
    found = {k: t for k, t in tensors.items() if str(k).startswith("features.")}
    missing = [key for key in expected if key not in found]
    surplus = [key for key in found if key not in expected]
    if missing or surplus:
        what = f"lacks {missing[0]}" if missing else f"has {surplus[0]}"
        raise CheckpointError(f"{path} {what}; it is not {name}")
    part: dict[str, Tensor] = {}
    for key, shape in expected.items():
        tensor = found[key]
        if not isinstance(tensor, Tensor) or tuple(tensor.shape) != shape:
            has = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
            raise CheckpointError(f"{path}: {key} is {has}, expected {shape}; it is not {name}")
        if not tensor.is_floating_point():
            raise CheckpointError(f"{path}: {key} is {tensor.dtype}, expected floating point")
        part[key] = tensor.detach().float().contiguous()
    return part


def _save(name: str, weights: dict[str, Tensor], folder: Path, *, source: str) -> Path:
    path = folder / f"{name}.safetensors"
    # Not `save_file`, which raises its own exception for a full disk.
    write_bytes(path, save(weights, metadata={"source": source}))
    return path
