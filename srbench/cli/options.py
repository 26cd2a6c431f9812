"""Options shared by several commands, and their checks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import ConfigError


def a_device(name: str) -> str:
    """Check --device: refuse an impossible name before any work."""
    from ..config import require_device_name

    return require_device_name(name)


def a_file(path: Path | None) -> Path | None:
    """For an option that names a file, which may exist: a folder is refused before any work."""
    if path and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder, expected the name of a file")
    return path


def a_csv(path: Path | None) -> Path | None:
    """For an option that names a CSV file to write: the name of another kind is refused."""
    if a_file(path) and path and path.suffix.lower() not in ("", ".csv", ".txt"):
        raise typer.BadParameter(f"{path} is not the name of a CSV file; expected NAME.csv")
    return path


def a_folder(path: Path | None) -> Path | None:
    """For an option that names a folder, which may exist: a file is refused before any work."""
    if path and path.is_file():
        raise typer.BadParameter(f"{path} is a file, expected the name of a folder")
    return path


def names_of(text: str | None) -> tuple[str, ...] | None:
    """The names of a comma-separated list; None without a list."""
    if text is None:
        return None
    return tuple(name.strip() for name in text.split(",") if name.strip())


def names_in(texts: list[str] | None) -> list[str]:
    """The names of a repeatable option, each with one or several comma-separated names."""
    return [name for text in texts or () for name in names_of(text) or ()]


def chosen_metrics(text: str | None, *, without: str | None = None) -> tuple[str, ...] | None:
    """The words of --metrics; ``without`` is the metric that another option leaves out."""
    words = names_of(text)
    if words is not None and not words:
        raise ConfigError("--metrics names no metric; expected some such as psnr,ssim")
    named = [word for word in words or () if without and word.lower().startswith(without)]
    if named:
        raise ConfigError(f"--metrics asks for {named[0]}, --no-{without} leaves it out; give one")
    return words


def numbers_of(what: str, text: str) -> list[int]:
    """The whole numbers of a comma-separated list; ``what`` is its name in the message."""
    try:
        return list(dict.fromkeys(int(number) for number in text.split(",")))
    except ValueError:
        raise ConfigError(f"{what} is '{text}', expected whole numbers such as 5,14,100") from None


def require_one_of(option: str, given: str, known: tuple[str, ...]) -> None:
    """Refuse a value that an option does not accept.

    Raises:
        ConfigError: the value is not in ``known``.
    """
    if given not in known:
        raise ConfigError(f"{option} is '{given}', expected {', '.join(known[:-1])} or {known[-1]}")


DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", callback=a_folder, help="Root of the data sets (default: $SRBENCH_DATA)."
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        "--weights", callback=a_folder, help="Folder of weights (default: $SRBENCH_WEIGHTS)."
    ),
]
MetricsOption = Annotated[
    str | None,
    typer.Option(help="Comma-separated: psnr, ssim, lpips, piq:NAME, NAME=FILE.py:function, ..."),
]
DeviceOption = Annotated[
    str, typer.Option(callback=a_device, help="auto, cpu, cuda, cuda:1, mps or xpu.")
]

ProcedureOption = Annotated[
    Literal["acr", "pair", "dcr"],
    typer.Option(help="acr: grades; pair: the better of two; dcr: degradation from HR."),
]
CompareOption = Annotated[
    str, typer.Option(help="Declared comparisons: A:B,C:* (default: all).", metavar="PAIRS")
]
