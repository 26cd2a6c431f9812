"""Writes docs/reference/commands.md and docs/reference/python.md from the code.

    python docs/make_reference.py

`tests/docs` fails while the committed pages are not what this writes.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, get_origin

import typer

import srbench
from srbench.cli import app

HERE = Path(__file__).parent / "reference"
ROOMS = (
    "imaging", "data", "metrics", "models.cards", "models.checkpoints", "methods", "config",
    "benchmark", "training", "study", "stats", "report", "report.study.write", "experiments",
    "experiments.depth", "experiments.evolution", "experiments.simulated", "observer", "errors",
)  # fmt: skip
_NO_EXPORTS = {
    "models.cards": ("Architecture", "Card", "read_card"),
    "models.checkpoints": ("load_checkpoint", "save_checkpoint"),
    "config": ("Crop", "Experiment", "parse_experiment", "presets", "read_experiment"),
    "report.study.write": ("write_analysis",),
    "experiments.depth": ("Depth", "depth_study"),
    "experiments.evolution": ("draw_evolution",),
    "experiments.simulated": ("SimulatedStudy", "simulate_study"),
    "observer": ("Observer",),
    "errors": (
        "SrbenchError", "CheckpointError", "ConfigError", "DatasetError", "DownloadError",
        "ImageError", "MetricError", "MissingWeights", "RatingsError", "ResultsError",
        "SizeMismatch", "StudyError", "TrainingError", "UnknownName", "WrongType", "WrongValue",
    ),
}  # fmt: skip
_SECTIONS = ("Args:", "Raises:", "Returns:", "Source:", "Yields:")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name."""

    def walk(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield prefix, command
            return
        for name, each in inner.items():
            yield from walk(f"{prefix} {name}", each)

    yield from walk("srbench", typer.main.get_command(app))


def commands_page() -> str:
    """The page of all commands and their options."""
    lines = [
        "# Commands",
        "",
        "Made by `docs/make_reference.py`; do not edit. `srbench COMMAND --help` shows the same.",
        "",
        "Exit codes: 0 done; 2 wrong input (a one-line message says what and how to fix it); "
        "1 internal error; 130 interrupted; 141 the output was closed (`| head`).",
        "",
    ]
    for name, command in sorted(commands()):
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        usage = [name, *(_argument(p) for p in arguments), "[OPTIONS]" if options else ""]
        lines += [f"## {name}", "", inspect.cleandoc(command.help or ""), ""]
        lines += ["```text", " ".join(filter(None, usage)), "```", ""]
        shown = [p for p in arguments if getattr(p, "help", None)] + options
        if shown:
            lines += ["| | default | |", "|---|---|---|"]
            lines += [_row(p) for p in shown]
            lines.append("")
    return "\n".join(lines)


def _argument(param: Any) -> str:
    return param.metavar or param.name.upper()


def _row(param: Any) -> str:
    name = _argument(param) if param.param_type_name == "argument" else ", ".join(param.opts)
    if param.required:
        default = "required"
    elif param.default is None or param.default is False:
        default = ""
    else:
        default = f"`{param.default}`"
    return f"| `{name}` | {default} | {' '.join((param.help or '').split())} |"


def python_page() -> str:
    """The page of the Python API, from the docstrings."""
    lines = [
        "# Python",
        "",
        "Made by `docs/make_reference.py` from the docstrings; do not edit.",
        "",
        "Images are uint8 arrays of shape (H, W) or (H, W, 3), tables are pandas frames. Errors "
        "that the caller can cause are children of `srbench.errors.SrbenchError`.",
        "",
        "## srbench",
        "",
        _doc(srbench),
        "",
    ]
    for name in srbench.__all__:
        lines += _entry(f"srbench.{name}", getattr(srbench, name))
    for room in ROOMS:
        module = import_module(f"srbench.{room}")
        lines += [f"## srbench.{room}", "", _doc(module), ""]
        for name in sorted(_NO_EXPORTS.get(room, getattr(module, "__all__", ()))):
            thing = getattr(module, name)
            if getattr(srbench, name, None) is not thing and callable(thing):
                lines += _entry(f"srbench.{room}.{name}", thing)
    return "\n".join(lines)


def _entry(name: str, thing: Any) -> list[str]:
    lines = [f"### {name}", ""]
    signature = _signature(thing)
    if signature and len(signature) < 1200:
        lines += ["```python", _wrapped(name.rpartition(".")[2] + signature), "```", ""]
    if get_origin(thing) is None:  # else typing's own words
        lines += [_doc(thing), ""]
    if inspect.isclass(thing):
        for part, member in vars(thing).items():
            shown = inspect.isfunction(member) or isinstance(member, (property, cached_property))
            if not part.startswith("_") and shown and inspect.getdoc(member):
                first = " ".join(_doc(member).split("\n\n")[0].split())
                lines.append(f"- `{part}`: {first}")
        if lines[-1].startswith("- "):
            lines.append("")
    return lines


def _signature(thing: Any) -> str:
    """How it is called; of a type's other name, what it stands for; "" of what is not called."""
    if get_origin(thing) is not None:
        return " = " + str(thing).replace("typing.", "").replace("'", '"')
    if getattr(thing, "_is_protocol", False):
        return ""
    if getattr(thing, "model_fields", None):
        return _fields(thing)
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    parameters = [
        # Of a tuple with names, the types are references to be looked up.
        parameter.replace(annotation=getattr(kind, "__forward_arg__", kind))
        for parameter in signature.parameters.values()
        for kind in [parameter.annotation]
    ]
    text = str(signature.replace(parameters=parameters))
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    return re.sub(r"<[^<>]*(<[^<>]*>)?[^<>]* at 0x[0-9a-f]+>", "...", text)


def _fields(model: Any) -> str:
    """The signature of a typed model as its source has it: pydantic's own shows its validators."""
    parts = ["*"]
    for name, field in model.model_fields.items():
        kind = re.sub(r"Annotated\[([^,]+), .*\]", r"\1", model.__annotations__[name])
        default = "" if field.is_required() else f" = {field.get_default()!r}"
        parts.append(f"{name}: {kind}{default}")
    return f"({', '.join(parts)})"


def _wrapped(call: str) -> str:
    if len(call) <= 88:
        return call
    head, _, rest = call.partition("(")
    inside, _, tail = rest.rpartition(")")
    depth, parts, start = 0, [], 0
    for i, letter in enumerate(inside):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append(inside[start:i].strip())
            start = i + 1
    parts.append(inside[start:].strip())
    return "\n".join([f"{head}(", *(f"    {part}," for part in parts), f"){tail}"])


def _doc(thing: Any) -> str:
    """A docstring as Markdown: the sections as lists."""
    text = inspect.getdoc(thing) or ""
    text = re.sub(r":\w+:`~?\.?([^`]+)`", r"`\1`", text).replace("``", "`")
    lines: list[str] = []
    section = example = False
    for line in text.splitlines():
        if line.startswith(">>> ") and not example:
            lines += ["", "```python"]
            example, section = True, False
        if example and line.strip():
            lines.append(line)
            continue
        if example:
            lines += ["```", ""]
            example = False
        if line.strip() in _SECTIONS and not line.startswith(" "):
            lines += ["", f"**{line.strip().rstrip(':')}**", ""]
            section = True
        elif section and line.startswith("    ") and not line.startswith("     "):
            lines.append(f"- {line.strip()}")
        elif section and line.startswith("     "):
            lines.append(f"  {line.strip()}")
        else:
            section = section and not line.strip()
            lines.append(line)
    lines += ["```"] if example else []
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def main() -> None:
    """Write both pages."""
    for name, text in (("commands.md", commands_page()), ("python.md", python_page())):
        (HERE / name).write_text(text.rstrip() + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
