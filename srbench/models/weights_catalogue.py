"""The catalogue of backbone weights and their paths, without importing torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import platformdirs

from ..errors import unknown_name
from ..files import home_needed, place_from

LPIPS_BACKBONES: Mapping[str, str] = MappingProxyType(
    {"alex": "alexnet-features", "squeeze": "squeezenet1_1-features", "vgg": "vgg16-features"}
)
"""The weights that each LPIPS network needs."""


@dataclass(frozen=True)
class OtherSource:
    """A file with a backbone's weights from another source than torchvision."""

    name: str
    file: str
    """Its name; a file with this name in the weights folder is used directly."""
    features_sha256: str
    """What :func:`~srbench.models.weights.features_sha256` gives for it."""
    note: str
    """The text for the card of a network that was trained with it."""


@dataclass(frozen=True)
class BackboneWeights:
    """An entry of the catalogue."""

    name: str
    purpose: str
    published_file: str | None
    """torchvision's file, or None. torchvision publishes the first eight digits of its SHA-256,
    in its name."""

    sha256: str | None
    """The full SHA-256 of that file, as recorded by several public projects; it begins with
    torchvision's digits. We could not download the file to check it ourselves.
    """

    features_sha256: str | None = None
    """What :func:`~srbench.models.weights.features_sha256` gives for its convolutional part, if
    we had a copy to verify it with (for alex, by the LPIPS values that its authors publish)."""

    others: tuple[OtherSource, ...] = ()
    """Other files with these weights."""


VGG19_CAFFE = OtherSource(
    "caffe",
    "vgg19-caffe-conv1_1-to-conv5_4.safetensors",
    "47bc3dda35d642fbe9199192f008806fb480e15016c19a6366e0b25aa89b998b",
    "of the original Caffe release, whose conv3_2 to conv5_4 were published as 8-bit integers "
    "(signal to noise 21 to 30 dB; that changes the vgg54 loss by about 2.5 %)",
)
"""VGG19 up to conv5_4, activations at the scale of the Caffe release (input 0..255)."""


CATALOGUE: Mapping[str, BackboneWeights] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            BackboneWeights(
                "alexnet-features",
                "LPIPS alex",
                "alexnet-owt-7be5be79.pth",
                "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
                "195266a4c8e96483085621ac3389a6c24f1dd0963c9ac0e001705d24ece83273",
            ),
            BackboneWeights(
                "squeezenet1_1-features",
                "LPIPS squeeze",
                "squeezenet1_1-b8a52dc0.pth",
                "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
                "e93098750a62e61ef70cc50f01c17f7eccd8b4c075997affea326c113b362a6e",
            ),
            BackboneWeights(
                "vgg16-features",
                "LPIPS vgg",
                "vgg16-397923af.pth",
                "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
            ),
            BackboneWeights(
                "vgg19-features",
                "VGG losses",
                "vgg19-dcbb9e9d.pth",
                "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
                others=(VGG19_CAFFE,),
            ),
            BackboneWeights(
                "vgg19-normalised-conv1_1-to-conv3_1",
                "VGG losses up to phi_2,2",
                None,
                None,
                "252e29db5aab65309dd5d7d7ddfc5a362128316005183e6678645d899a7e1a7d",
            ),
        )
    }
)


@dataclass(frozen=True)
class WeightsStatus:
    """An entry of the catalogue, and whether a folder has its file."""

    entry: BackboneWeights
    path: Path
    present: bool


def get_entry(name: str) -> BackboneWeights:
    """The catalogue's entry. Raises UnknownName with the nearest name."""
    if name not in CATALOGUE:
        raise unknown_name("backbone weights", name, CATALOGUE)
    return CATALOGUE[name]


def weights_fingerprint(name: str, folder: Path) -> str:
    """A hash of the entry's file in ``folder``; "" if loading proves that it has the published
    values.
    """
    if get_entry(name).features_sha256 is not None:
        return ""
    with weights_path(name, folder).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def weights_folder(override: Path | str | None = None) -> Path:
    """The folder of weights: ``override`` (``--weights``), SRBENCH_WEIGHTS, or a cache folder.

    Raises:
        ConfigError: it is a file, or the user has no home folder.
    """
    if given := place_from("SRBENCH_WEIGHTS", override):
        return given
    with home_needed("give --weights or SRBENCH_WEIGHTS"):
        return platformdirs.user_cache_path("srbench") / "weights"


def list_weights(folder: Path) -> list[WeightsStatus]:
    """All entries of the catalogue with their state in ``folder``, judging by file names."""
    paths = {name: weights_path(name, folder) for name in CATALOGUE}
    return [WeightsStatus(CATALOGUE[name], path, path.is_file()) for name, path in paths.items()]


def mending_command(name: str) -> str:
    """The command that supplies these weights."""
    if get_entry(name).published_file is None:
        return f"srbench weights import {name} FILE"
    return f"srbench weights fetch {name}"


def weights_path(name: str, folder: Path) -> Path:
    """The path of these weights in ``folder``, existing or not.

    It is ``<name>.safetensors`` or the existing file of another source.
    """
    own = folder / f"{name}.safetensors"
    others = (folder / source.file for source in get_entry(name).others)
    return next((path for path in (own, *others) if path.is_file()), own)
