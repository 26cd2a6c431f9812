"""The recipes of our networks: those of the papers, and shorter ones for a laptop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from ..errors import ConfigError, unknown_name
from ..files import read_toml
from ..methods.resolve import NETWORKS
from ..models.cards import Architecture
from .recipe import Content, Recipe, Stage

RecipePreset = Literal["paper", "laptop", "quick"]
TV_CROPS = (88, 128, 168)
PRESETS: tuple[RecipePreset, ...] = ("paper", "laptop", "quick")

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

_FROM_NOTHING = ("srcnn", "espcn", "srresnet-mse")
_LAPTOP_CONTENT: dict[str, dict[Content, float]] = {
    # Features alone do not penalise colour shifts and fine patterns, and a few thousand steps
    # (the paper has hundreds of thousands) do not correct them. The smaller weights give the
    # discriminator enough influence (docs/explanation/training.md).
    "srresnet-vgg22": {"vgg22": 1.0, "mse": 0.3},
    "srresnet-vgg54": {"vgg54": 0.1, "mse": 0.3, "grid": 50.0},
    "srgan-vgg22": {"vgg22": 1.0, "colour": 8.0, "grid": 50.0},
    "srgan-vgg54": {"vgg54": 0.1, "colour": 8.0, "grid": 50.0},
    "srgan-mse": {"mse": 0.4, "colour": 8.0, "grid": 50.0},
    "srgan-lpips": {"lpips": 0.05, "mse": 0.4, "colour": 8.0, "grid": 50.0},
    "srgan-tv": {"mse": 0.4, "vgg22": 0.6, "colour": 8.0, "grid": 50.0},
}


def recipe_for(name: str, scale: int, preset: str) -> Recipe:
    """The recipe of one of our networks.

    ``paper`` is Ledig et al., section 3.2 (srgan-tv: :func:`tv_recipe`, crop 128). ``laptop`` takes
    some hours on a CPU and is the last part of the training of the shipped checkpoints (their cards
    describe all of it). ``quick`` takes minutes, to test that everything works.

    Raises:
        UnknownName: there is no such network or preset.
    """
    if name not in NETWORKS:
        raise unknown_name("network", name, NETWORKS)
    if preset not in PRESETS:
        raise unknown_name("training preset", preset, PRESETS)
    if name == "srgan-tv" and preset == "paper":
        return tv_recipe(scale, 128, total_variation=True).model_copy(update={"name": name})
    network = _network(name)
    recipe = Recipe(
        name=name,
        architecture=Architecture.model_validate({"network": network, "scale": scale}),
        content=_CONTENT[name],
        adversarial=1e-3 if name.startswith("srgan") else 0.0,
        total_variation=2e-8 if name in ("srresnet-vgg22", "srgan-tv") else 0.0,
        start_from=None if name in _FROM_NOTHING else "srresnet-mse",
        stages=_paper_stages(name),
        precision="bf16" if network == "srresnet" else "fp32",
        ema=0.999 if network == "srresnet" else 0.9995,
    )
    if preset == "paper":
        return recipe
    recipe = recipe.model_copy(update=_laptop(name))
    return recipe if preset == "laptop" else _quick(recipe)


def _quick(recipe: Recipe) -> Recipe:
    """A few minutes, and crops that also fit photographs of 96 pixels."""
    stage = recipe.stages[0].model_copy(update={"crop": 96})
    steps = 60 if recipe.start_from else 600
    return recipe.model_copy(update={"stages": [stage]}).lasting(steps)


def _laptop(name: str) -> dict[str, object]:
    """The changes of the laptop recipe of a network relative to the paper's."""
    if name in _FROM_NOTHING:
        # With small crops a network learns borders that whole images do not have: in the same time,
        # crops of 192 reach 0.25 dB more than crops of 96 or 48. Muon reaches 0.3 dB more than
        # Adam.
        if name == "srresnet-mse":
            steps, crop, batch, rate = 20_000, 192, 4, 1e-3
        else:
            steps, crop, batch, rate = 40_000, 96, 16, 3e-3
        stage = Stage(steps=steps, crop=crop, batch=batch, rate=rate, final_rate=1e-6, warmup=100)
        return {"optimiser": "muon", "stages": [stage], "ema": 0.999}
    if name.startswith("srgan"):
        stage = Stage(steps=8_000, crop=96, batch=5, rate=1e-4, final_rate=2e-6, warmup=100)
        changes: dict[str, object] = {
            "discriminator": "patches",
            "discriminator_rate": 2.0,
            "adversarial": 3e-3,
            "ema": 0.995,
        }
    else:
        stage = Stage(steps=2_000, crop=192, batch=2, rate=2e-4, final_rate=1e-6, warmup=100)
        changes = {"ema": 0.99}
    changes |= {"frozen_statistics": True, "stages": [stage]}
    if name in _LAPTOP_CONTENT:
        changes["content"] = _LAPTOP_CONTENT[name]
    if name == "srresnet-vgg22":
        changes["total_variation"] = 2e-6
    return changes


def tv_recipe(scale: int, crop: int, *, total_variation: bool) -> Recipe:
    """One network of paper B's matrix: MSE + VGG + 1e-3 adversarial, and total variation or not.

    The paper gives the losses, the crops and Adam's rate of 1e-3. It gives no number of updates
    (here as many as the SRGAN paper's first stage), no batch size (16, that paper's), no layer of
    VGG (phi_2,2), no start (random weights) and no weight of the total variation (2e-8, that
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


def tv_laptop_recipe(scale: int, crop: int, *, total_variation: bool) -> Recipe:
    """The same network as far as a CPU trains it: from srresnet-mse, two crops a batch.

    All networks see the same photographs in the same order, with one seed, so that the matrix
    compares crops and total variation. It does not show how good a network can become.
    """
    recipe = tv_recipe(scale, crop, total_variation=total_variation)
    stage = Stage(steps=1_500, crop=crop, batch=2, rate=1e-4, final_rate=1e-6, warmup=50)
    changes = {"start_from": "srresnet-mse", "frozen_statistics": True, "stages": [stage]}
    return recipe.model_copy(update={**changes, "ema": 0.995})


MATRICES: dict[str, Callable[..., Recipe]] = {
    "tv-div2k": tv_recipe,
    "tv-laptop": tv_laptop_recipe,
}
"""The two ways to train paper B's matrix: its own schedule, and what a CPU does in hours."""


def read_recipe(path: Path, name: str, scale: int | None) -> Recipe:
    """A recipe from a TOML file, for the network and the scale of the command line.

    Without ``scale`` the file's counts, or 4. A file that ``start_from`` names is searched for in
    the folder of
    the recipe.

    Raises:
        ConfigError: the file is missing, is not TOML, has a wrong value, or is for another
            network or scale.
        UnknownName: there is no such network, or the file has an unknown key.
    """
    if name not in NETWORKS:
        raise unknown_name("network", name, NETWORKS)
    try:
        values = read_toml(path)
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; expected a preset ({', '.join((*PRESETS, *MATRICES))}) "
            "or a TOML file"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    values = {"name": name, **values}
    start = values.get("start_from")
    if isinstance(start, str) and start.endswith(".safetensors"):
        values["start_from"] = str(path.parent / start)
    architecture = values.get("architecture", {})
    if isinstance(architecture, dict):
        ours = {"network": _network(name), "scale": scale or 4}
        values["architecture"] = {**ours, **architecture}
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        # An unknown key explains a missing one, so report it first.
        first = max(error.errors(), key=lambda e: e["type"] == "extra_forbidden")
        if not first["loc"]:  # of the recipe as a whole
            raise ConfigError(f"{path}: {first['msg'].removeprefix('Value error, ')}") from None
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise unknown_name(f"key in {path}:", where, Recipe.model_fields) from None
        raise ConfigError(f"{path}: {where} is {first['input']!r}; {first['msg']}") from None
    made = recipe.architecture
    for what, found, expected in (
        ("name", recipe.name, name),
        ("architecture.network", made.network, _network(name)),
        ("architecture.scale", made.scale, scale or made.scale),
    ):
        if found != expected:
            raise ConfigError(
                f"{path}: {what} is {found!r}, but the command trains {expected!r}; leave it out, "
                "or change the command"
            )
    return recipe


def _network(name: str) -> str:
    """The kind of network that a method of that name is."""
    return name if name in ("srcnn", "espcn") else "srresnet"


def _paper_stages(name: str) -> list[Stage]:
    if name in _FROM_NOTHING:
        crop, rate = {"srcnn": (48, 1e-3), "espcn": (96, 2e-3)}.get(name, (96, 1e-4))
        final = rate if name == "srresnet-mse" else 1e-6
        return [Stage(steps=1_000_000, crop=crop, rate=rate, final_rate=final)]
    return [
        Stage(steps=100_000, crop=96, rate=1e-4, final_rate=1e-4),
        Stage(steps=100_000, crop=96, rate=1e-5, final_rate=1e-5),
    ]
