"""The experiment file (TOML) as a strict typed model, and the shipped presets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .errors import ConfigError, SrbenchError, unknown_name
from .files import expanded, read_toml

_PRESETS = Path(__file__).parent / "presets"
_DEVICE = re.compile(r"auto|(cpu|cuda|mps|xpu)(:[0-9]+)?")


def require_device_name(device: str) -> str:
    """Return ``device`` if it is a valid device name.

    :func:`srbench.models.device.pick_device` checks whether the device exists. This check does not
    import torch, so typing errors are found even if nothing has to be computed.

    Raises:
        UnknownName: no device has this name.
    """
    if not _DEVICE.fullmatch(str(device)):
        raise unknown_name("device", device, ["auto", "cpu", "cuda", "cuda:1", "mps", "xpu"])
    return device


def _is_choice(choice: object) -> object:
    if choice is None or isinstance(choice, (bool, int, float, bytes, list, tuple, dict)):
        raise ValueError(f"{choice!r} is not a name")
    return choice


Choice = Annotated[Any, AfterValidator(_is_choice)]
"""A name, or in Python an object."""


class Crop(BaseModel):
    """A region for the comparison figure, instead of the automatic choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    image: str
    box: tuple[int, int, int, int]
    """left, top, width, height in pixels of the original."""


class Experiment(BaseModel):
    """What ``srbench run-all`` runs. Command-line options override single entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    datasets: tuple[str, ...] = Field(default=("auto",), min_length=1)
    """Names of data sets; ``auto`` means Set5, Set14 and BSD100 where present, else the sample."""
    methods: tuple[Choice, ...] = Field(default=("shipped",), min_length=1)
    """Names, ``NAME=FOLDER`` or ``NAME=FILE``; ``shipped`` means all that can run here.
    In Python also objects with ``upscale``."""
    as_is: bool = False
    """Take known sets that are not the recorded ones, under the name ``<Name>-as-is``."""
    patterns: tuple[str, ...] = ()
    """How files in the folders of ``NAME=FOLDER`` are named: ``{}_x4_SR``, ``NAME={}_x4_SR``."""
    scale: Literal[2, 3, 4, 8] = 4
    border: Literal["symmetric", "replicate"] = "symmetric"
    lr: str = "made"
    """``made``: LR images are computed from the originals; ``given``: they come with each data set
    (``LR/x4`` next to ``HR``); or the name of their folder, if there are several."""
    protocols: tuple[Literal["matlab", "basicsr", "ledig2017"], ...] = Field(
        default=("matlab", "basicsr", "ledig2017"), min_length=1
    )
    lpips: tuple[Literal["alex", "squeeze", "vgg"], ...] = ("alex",)
    metrics: tuple[Choice, ...] = Field(default=("psnr", "ssim", "lpips"), min_length=1)
    """Words as :func:`srbench.metrics.find_metrics` takes them: ``psnr`` and ``ssim`` of every
    one of ``protocols``, ``lpips`` of every one of ``lpips``, ``niqe``, ``NAME=FILE.py:function``.
    In Python also functions and metrics."""
    device: Annotated[str, AfterValidator(require_device_name)] = "auto"
    crops: tuple[Crop, ...] = ()

    def __init__(self, /, _origin: str = "Experiment", **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _told(error, _origin) from None


def listed(chosen: object) -> tuple[object, ...]:
    """A list of one or several items; a comma-separated text is split as on the command line."""
    if isinstance(chosen, str):
        return tuple(name.strip() for name in chosen.split(",") if name.strip())
    if isinstance(chosen, (list, tuple, set)):
        return tuple(cast("list[object]", chosen))
    return (chosen,)


def presets() -> list[str]:
    """Names of the presets that ship with srbench."""
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


def read_experiment(source: str | None) -> Experiment:
    """The experiment of a preset or a TOML file; the defaults for None.

    Raises:
        ConfigError: the file is missing, is not TOML, or has a wrong value.
        UnknownName: there is no such preset, or the file has an unknown key or device.
    """
    if source is None:
        return Experiment()
    path = _PRESETS / f"{source}.toml"
    if not path.is_file():
        path = expanded(source)
        if path.suffix != ".toml" and not path.is_file():
            raise unknown_name("preset", source, presets())
    try:
        values = read_toml(path)
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; expected a preset or a TOML file") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return parse_experiment(values, str(path))


def parse_experiment(values: dict[str, object], origin: str) -> Experiment:
    """An experiment from plain values; ``origin`` is the name of their source in messages.

    Raises:
        ConfigError: a wrong value.
        UnknownName: an unknown key or device, with the nearest valid one.
    """
    return Experiment(_origin=origin, **values)


def _told(error: ValidationError, origin: str) -> SrbenchError:
    """Pydantic's error as one of ours, in one line."""
    # An unknown key explains a missing one, so report it first.
    first = max(error.errors(), key=lambda e: e["type"] == "extra_forbidden")
    where = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        known = Crop.model_fields if where == "crops" else Experiment.model_fields
        return unknown_name(f"key in {origin}:", str(first["loc"][-1]), known)
    if first["type"] == "too_short":
        return ConfigError(f"{origin}: {where} is empty; name at least one")
    if first["type"] == "missing":
        return ConfigError(f"{origin}: an entry of {where} lacks {first['loc'][-1]}")
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        named = re.findall(r"'([^']+)'", first.get("ctx", {}).get("expected", ""))
        if named:  # names, not numbers
            return unknown_name(f"value of {where} in {origin}:", first["input"], named)
    return ConfigError(f"{origin}: {where} is {first['input']!r}; {_plain(first['msg'])}")


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ").replace("a valid tuple", "a list")
    return message[:1].lower() + message[1:]
