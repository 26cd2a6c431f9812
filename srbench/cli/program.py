"""The program: its commands, its messages and exit codes. No heavy import before a command runs."""

from __future__ import annotations

import atexit
import errno
import gc
import itertools
import logging
import os
import re
import sys
import warnings
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from ..cores import cores
from ..errors import ConfigError, SrbenchError
from ..files import expanded
from .benchmark import doctor, import_scores, report, run_all, score, upscale
from .data import data_app, weights_app
from .experiments import depth_study, evolution
from .interrupts import interruptible
from .methods import methods
from .saying import say
from .study_votes import study_app
from .training import train

# Errors of the user's files and disks, printed with the system's message.
_REFUSALS = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENAMETOOLONG, errno.EISDIR,
    errno.ENOTDIR, errno.EDQUOT, errno.EFBIG, errno.ELOOP,
)  # fmt: skip

# Commands whose main input is an option that looks as if it could be an argument.
_INSTEAD = {
    "srbench report": "--out",
    "srbench run-all": "--config",
    "srbench depth-study": "--data",
    "srbench doctor": "--data",
    "srbench data list": "--data",
    "srbench weights list": "--weights",
    "srbench study new": "--from",
}

# Newer typer contains its own copy of click; this finds the class in both cases.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="srbench",
    help="Super-resolution benchmark: exact metrics, opinion-score studies, statistics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data_app, name="data")
app.add_typer(weights_app, name="weights")
app.add_typer(study_app, name="study")


def main() -> None:
    """Run the command line; see the exit codes in the command reference."""
    _repair_surroundings()
    # torch, pandas and matplotlib make a million permanent objects. Python would search them for
    # garbage many times, and once more at the end: a quarter of the time of a short run.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    if not sys.warnoptions:  # hide libraries' warnings for programmers
        warnings.simplefilter("ignore")
    # Hide warnings about a read-only home folder, which a run does not need.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # For an encoding without arrows, or a file name that is not text.
            stream.reconfigure(errors="replace")
    try:
        with interruptible():
            _require_current_folder()
            arguments = [_with_home(argument) for argument in sys.argv[1:]]
            _refuse_empty(arguments)
            _refuse_missing(arguments)
            code = app(args=arguments, standalone_mode=False, prog_name="srbench")
        sys.stdout.flush()  # here, where a closed pipe is not an error
    except SrbenchError as error:
        _say(str(error))
        code = 2
    except _UsageError as error:
        message = error.format_message() if isinstance(error, typer.BadParameter) else error
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "srbench"
        extra = re.fullmatch(r"Got unexpected extra argument(?:\(s\))? \((.*)\)", str(message))
        option = _INSTEAD.get(command)
        if extra and option:
            message = f"{message}; give it by an option: {command} {option} {extra[1]}"
        _say(f"{message} (see: {command} --help)")
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130  # newer typer returns this itself
    except (BrokenPipeError, SystemExit):  # typer converts the former to the latter
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        code = 141  # the exit code of a program whose pipe is closed, as by `head`
    except Exception as error:
        if os.environ.get("SRBENCH_TRACEBACK", "0") not in ("", "0"):
            raise
        if isinstance(error, OSError) and error.errno in _REFUSALS:
            place = f"{error.filename}: " if error.filename else ""
            _say(f"{place}{error.strerror}; fix this or choose another folder, and run again")
            code = 2
        else:
            _say(
                f"internal error: {type(error).__name__}: {error}; please report it with the "
                "output of the same command under SRBENCH_TRACEBACK=1"
            )
            code = 1
    if code == 130:
        more = " with --resume" if sys.argv[1:2] == ["train"] else ""
        _say(
            f"interrupted; finished results are kept: run the same command again{more} to continue"
        )
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str) -> None:
    say("srbench: " + " ".join(message.split()), error=True)


def _repair_surroundings() -> None:
    """Repair closed streams and other unusual states of a shell or a notebook."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # open until the end
    # torch does not see a container's limit: with a thread for every core of the machine, threads
    # would mostly wait.
    if cores() < (os.cpu_count() or 1):
        os.environ.setdefault("OMP_NUM_THREADS", str(cores()))
    # Figures go into files; a notebook's backend is not installed everywhere.
    os.environ["MPLBACKEND"] = "agg"


def _require_current_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise ConfigError("the current folder no longer exists; change to another one") from None


def _refuse_empty(arguments: list[str]) -> None:
    """Refuse an empty value, as of an unset shell variable, which would mean the current folder."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        option, _, value = argument.partition("=")
        if not argument.strip():
            what = before if before.startswith("--") and "=" not in before else "an argument"
        elif option.startswith("--") and "=" in argument and not value.strip():
            what = option
        else:
            continue
        raise ConfigError(f"{what} is empty; give a value, or leave it out")


def _refuse_missing(arguments: list[str]) -> None:
    """Refuse an option in the place of another option's value, which would become that value."""
    command: Any = typer.main.get_command(app)
    for place, (argument, after) in enumerate(itertools.pairwise(arguments)):
        command = getattr(command, "commands", {}).get(argument, command)
        valued = {
            name
            for option in command.params
            for name in option.opts
            if name.startswith("-") and not getattr(option, "is_flag", False)
        }
        if "--" in arguments[: place + 1]:
            return  # the following arguments are not options
        if argument in valued and (after.startswith("--") or after == "-h"):
            raise ConfigError(
                f"{argument} lacks its value: the option {after} follows; give a value, or write "
                f"{argument}={after} if that is the value"
            )


def _with_home(argument: str) -> str:
    """``argument`` with a leading ~ resolved, also after ``--option=``, where shells do not."""
    option, sign, value = "", "", argument
    if argument.startswith("--"):
        option, sign, value = argument.partition("=")
    return f"{option}{sign}{expanded(value)}" if value.startswith("~") else argument


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        print(f"srbench {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Super-resolution benchmark: exact metrics, opinion-score studies, statistics."""


# In the order of the help.
app.command("run-all")(run_all)
app.command("score")(score)
app.command("upscale")(upscale)
app.command("report")(report)
app.command("import-scores")(import_scores)
app.command("doctor")(doctor)
app.command("methods")(methods)
app.command("train")(train)
app.command("depth-study")(depth_study)
app.command("evolution")(evolution)
