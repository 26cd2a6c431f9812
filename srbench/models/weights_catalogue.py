"""Which backbone weights there are and where they lie; imports no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import platformdirs

from ..errors import unknown_name
from ..files import expanded, home_needed

LPIPS_BACKBONES: Mapping[str, str] = MappingProxyType(
    {"alex": "alexnet-features", "squeeze": "squeezenet1_1-features", "vgg": "vgg16-features"}
)
"""The weights that each LPIPS network needs."""


@dataclass(frozen=True)
class BackboneWeights:
    """An entry of the catalogue."""

    name: str
    purpose: str
    published_file: str | None
    """torchvision's file, or None; its name ends with the first digits of its SHA-256."""


CATALOGUE: Mapping[str, BackboneWeights] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            BackboneWeights("alexnet-features", "LPIPS alex", "alexnet-owt-7be5be79.pth"),
            BackboneWeights(
                "squeezenet1_1-features", "LPIPS squeeze", "squeezenet1_1-b8a52dc0.pth"
            ),
            BackboneWeights("vgg16-features", "LPIPS vgg", "vgg16-397923af.pth"),
            BackboneWeights("vgg19-features", "VGG losses", "vgg19-dcbb9e9d.pth"),
            BackboneWeights(
                "vgg19-normalised-conv1_1-to-conv3_1", "VGG losses up to phi_2,2", None
            ),
        )
    }
)


@dataclass(frozen=True)
class WeightsStatus:
    """An entry of the catalogue, and whether its file is in a folder."""

    entry: BackboneWeights
    path: Path
    present: bool


def get_entry(name: str) -> BackboneWeights:
    """The catalogue's entry. Raises UnknownName with the nearest name."""
    if name not in CATALOGUE:
        raise unknown_name("backbone weights", name, CATALOGUE)
    return CATALOGUE[name]


def weights_folder(override: Path | str | None = None) -> Path:
    """Where weights lie: ``override`` (``--weights``), SRBENCH_WEIGHTS, or a cache folder.

    Raises:
        ConfigError: the user has no home folder to find it in.
    """
    given = override or os.environ.get("SRBENCH_WEIGHTS")
    if given:
        return expanded(given)
    with home_needed("give --weights or SRBENCH_WEIGHTS"):
        return platformdirs.user_cache_path("srbench") / "weights"


def list_weights(folder: Path) -> list[WeightsStatus]:
    """Every entry of the catalogue with its state in ``folder``; only file names are looked at."""
    paths = {name: weights_path(name, folder) for name in CATALOGUE}
    return [WeightsStatus(CATALOGUE[name], path, path.is_file()) for name, path in paths.items()]


def mending_command(name: str) -> str:
    """The command that supplies these weights."""
    if get_entry(name).published_file is None:
        return f"srbench weights import {name} FILE"
    return f"srbench weights fetch {name}"


def weights_path(name: str, folder: Path) -> Path:
    """Where these weights lie in ``folder``, whether they are there or not."""
    return folder / f"{name}.safetensors"
