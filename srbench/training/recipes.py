"""The recipes of our networks: the papers' own, and what a laptop can do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ..errors import ConfigError, unknown_name
from ..methods.resolve import NETWORKS
from ..models.checkpoints import Architecture
from .recipe import Content, Recipe, Stage

Preset = Literal["paper", "laptop", "quick"]
TV_MATRIX = "tv-div2k"
TV_CROPS = (88, 128, 168)
PRESETS: tuple[Preset, ...] = ("paper", "laptop", "quick")

_CONTENT: dict[str, dict[Content, float]] = {
    "srcnn": {"luma": 1.0},
    "espcn": {"luma": 1.0},
    "srresnet-mse": {"mse": 1.0},
    "srresnet-vgg22": {"vgg22": 1.0},
    "srresnet-vgg54": {"vgg54": 1.0},
    "srgan-mse": {"mse": 1.0},
    "srgan-vgg22": {"vgg22": 1.0},
    "srgan-vgg54": {"vgg54": 1.0},
    "srgan-lpips": {"lpips": 1.0},
    "srgan-tv": {"mse": 1.0, "vgg22": 1.0},
}


def recipe_for(name: str, scale: int, preset: str) -> Recipe:
    """The recipe of one of our networks.

    ``paper`` is Ledig et al., section 3.2 (srgan-tv: :func:`tv_recipe`, crop 128). ``laptop``
    trains on smaller crops at a larger rate that decays over the run: what a CPU does best in
    hours. ``quick`` is the same for minutes, to see that everything works.

    Raises:
        UnknownName: there is no such network or preset.
    """
    if name not in NETWORKS:
        raise unknown_name("network", name, NETWORKS)
    if preset not in PRESETS:
        raise unknown_name("training preset", preset, PRESETS)
    if name == "srgan-tv" and preset == "paper":
        return tv_recipe(scale, 128, total_variation=True).model_copy(update={"name": name})
    network = name if name in ("srcnn", "espcn") else "srresnet"
    architecture = Architecture.model_validate({"network": network, "scale": scale})
    if network != "srresnet":
        return Recipe(
            name=name,
            architecture=architecture,
            content=_CONTENT[name],
            precision="fp32",
            ema=0.9995,
            stages=_baseline_stages(network, preset),
        )
    adversarial = name.startswith("srgan")
    return Recipe(
        name=name,
        architecture=architecture,
        content=_CONTENT[name],
        adversarial=1e-3 if adversarial else 0.0,
        total_variation=2e-8 if name in ("srresnet-vgg22", "srgan-tv") else 0.0,
        start_from=None if name == "srresnet-mse" else "srresnet-mse",
        stages=_adversarial_stages(preset) if name != "srresnet-mse" else _content_stages(preset),
    )


def tv_recipe(scale: int, crop: int, *, total_variation: bool) -> Recipe:
    """One network of paper B's matrix: MSE + VGG + 1e-3 adversarial, and total variation or not.

    The paper gives the losses, the crops and Adam's rate of 1e-3. It gives no number of updates
    (here as many as the SRGAN paper's first stage), no batch size (16, that paper's), no layer of
    VGG (phi_2,2), no start (from nothing) and no weight of the total variation (2e-8, that
    paper's).
    """
    return Recipe(
        name=f"srgan-crop{crop}" + ("-tv" if total_variation else ""),
        architecture=Architecture.model_validate({"scale": scale}),
        content=_CONTENT["srgan-tv"],
        adversarial=1e-3,
        total_variation=2e-8 if total_variation else 0.0,
        stages=[Stage(steps=100_000, crop=crop, rate=1e-3, final_rate=1e-3)],
    )


def read_recipe(path: Path, name: str, scale: int) -> Recipe:
    """A recipe from a TOML file; the name and the scale come from the command line.

    Raises:
        ConfigError: the file is missing, is not TOML, or has a wrong value.
        UnknownName: there is no such network, or the file has an unknown key.
    """
    if name not in NETWORKS:
        raise unknown_name("network", name, NETWORKS)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; expected a preset ({', '.join(PRESETS)}, {TV_MATRIX}) "
            "or a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    values = {"name": name, **values}
    values["architecture"] = {"scale": scale, **values.get("architecture", {})}
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        # An unknown key explains a missing one, so it is told first.
        first = max(error.errors(), key=lambda e: e["type"] == "extra_forbidden")
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise unknown_name(f"key in {path}:", where, Recipe.model_fields) from None
        raise ConfigError(f"{path}: {where} is {first['input']!r}; {first['msg']}") from None


def _content_stages(preset: str) -> list[Stage]:
    if preset == "paper":
        return [Stage(steps=1_000_000, crop=96, rate=1e-4, final_rate=1e-4)]
    if preset == "laptop":
        return [
            Stage(steps=40_000, crop=48, rate=3e-3, final_rate=1.5e-4, warmup=200),
            Stage(steps=8_000, crop=96, rate=3e-4, final_rate=1e-6, warmup=20),
        ]
    return [Stage(steps=600, crop=48, rate=2e-3, final_rate=1e-5, warmup=50)]


def _adversarial_stages(preset: str) -> list[Stage]:
    if preset == "paper":
        return [
            Stage(steps=100_000, crop=96, rate=1e-4, final_rate=1e-4),
            Stage(steps=100_000, crop=96, rate=1e-5, final_rate=1e-5),
        ]
    steps = 12_000 if preset == "laptop" else 60
    return [Stage(steps=steps, crop=96, batch=16, rate=1e-4, final_rate=1e-5)]


def _baseline_stages(network: str, preset: str) -> list[Stage]:
    steps = {"paper": 1_000_000, "laptop": 60_000, "quick": 1_000}[preset]
    crop = 96 if network == "espcn" else 48
    rate = 2e-3 if network == "espcn" else 1e-3
    return [Stage(steps=steps, crop=crop, rate=rate, final_rate=1e-6, warmup=100)]
