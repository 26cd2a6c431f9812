"""Terminal output: one line per finished step, and a live progress bar."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ..observer import Observer
from ..wording import counted, printable

if TYPE_CHECKING:
    from ..training.trainer import TrainingProgress


_FIRST_WAIT, _WAIT = 2, 10
"""Seconds between lines of progress without a bar."""


class _Console(Console):
    """A console that removes control characters from all output.

    A closed pipe (``| head``) ends the command, as in `srbench.cli.main`.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def make_console(*, stderr: bool = True) -> Console:
    """A console on standard error, so that tables on standard output can be piped."""
    return _Console(stderr=stderr, highlight=False, soft_wrap=True)


def table_console() -> Console:
    """A console on standard output for tables; wide if the output is not a terminal."""
    console = _Console(highlight=False)
    return console if console.is_terminal else _Console(highlight=False, width=200)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], footer: str) -> None:
    """Print a plain table on standard output, with a line below it."""
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True  # names that users copy
    for row in rows:
        table.add_row(*map(Text, row))  # keep brackets in names
    console = table_console()
    console.print(table)
    console.print(footer, markup=False)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="cyan")


class _Pace(ProgressColumn):
    """Images per second and the time left, both from the mean since the step began.

    Several images are often done at the same moment. rich's own estimate looks at the moments of
    the last half minute and would then jump.
    """

    def render(self, task: Task) -> Text:
        elapsed, done = task.elapsed or 0.0, task.fields["done"]
        if not task.completed or not elapsed:
            return Text("")
        pace = f"{task.completed / elapsed:.1f}/s"
        return Text(f"{pace}, {_left(elapsed, done)}", style="cyan")


def _left(elapsed: float, done: float) -> str:
    """The time left after ``elapsed`` seconds if the share ``done`` of the work is done."""
    seconds = elapsed / done - elapsed
    if seconds < 100:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 6000 else f"{seconds / 3600:.1f} h left"


class ConsoleObserver(Observer):
    """Shows the progress of a run: a live bar on a terminal, occasional plain lines elsewhere.

    ``unit`` is the singular name of the counted items.
    """

    def __init__(self, console: Console, *, unit: str = "image") -> None:
        self._console = console
        self._bars = console.is_terminal and not console.is_dumb_terminal
        self._usual = self._unit = unit
        self._live: Progress | None = None
        self._step, self._total, self._done = "", 0, 0
        self._pixels = self._pixels_done = 0
        self._begun = self._said = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def note(self, line: str) -> None:
        self._console.print(line, markup=False)

    def begin(self, step: str, images: int, pixels: int = 0, *, unit: str = "") -> None:
        self.end()
        self._unit = unit or self._usual
        self._step, self._total, self._done = step, images, 0
        self._pixels, self._pixels_done = pixels, 0
        self._begun = self._said = time.monotonic()
        if not self._bars:
            self.note(step + (f": {counted(images, self._unit)}" if images else ""))
            return
        with_count = (BarColumn(), MofNCompleteColumn(), *self._pace())
        columns = (SpinnerColumn(), TextColumn("{task.description}"))
        self._live = Progress(
            *columns,
            *(with_count if images else (TimeElapsedColumn(),)),
            console=self._console,
            transient=True,
        )
        self._live.start()
        self._live.add_task(escape(step), total=images or None, done=0.0)

    def _pace(self) -> tuple[ProgressColumn, ...]:
        return (_Pace(),)

    def step_done(self, name: str, images: int = 1, pixels: int = 0) -> None:
        self._done += images
        self._pixels_done += pixels
        done = self._pixels_done / self._pixels if self._pixels else self._done / self._total
        if self._live is not None:
            self._live.update(self._live.task_ids[0], advance=images, done=done)
            return
        now = time.monotonic()
        # The first estimate comes early, but not from the first moment alone.
        wait = _FIRST_WAIT if self._said == self._begun else _WAIT
        if now - self._said >= wait or self._done == self._total:
            self._said = now
            elapsed = max(now - self._begun, 1e-9)
            self.note(
                f"  {self._done:,} of {counted(self._total, self._unit)}, "
                f"{self._done / elapsed:.1f}/s, {_left(elapsed, done)}"
            )

    def part_done(self, name: str) -> None:
        if self._live is not None:
            bar = self._live.task_ids[0]
            self._live.update(bar, description=escape(f"{self._step} ({name} done)"))
        elif time.monotonic() - self._said >= _WAIT:
            self._said = time.monotonic()
            self.note(f"  {name} done")

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


@contextmanager
def working(step: str) -> Iterator[ConsoleObserver]:
    """Show a step without a count while the block runs."""
    with ConsoleObserver(make_console()) as observer:
        observer.begin(step, 0)
        yield observer


class TrainingDisplay(ConsoleObserver):
    """Shows a training: loss, speed and time left, and a line for every validation."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, unit="step")

    def _pace(self) -> tuple[ProgressColumn, ...]:
        # A resumed training does not start at 0, so its mean since the start is not its speed.
        return _Speed(), TimeRemainingColumn()

    def show(self, progress: TrainingProgress) -> None:
        """Show one logged step; on a terminal as a bar, elsewhere a line every ten seconds."""
        values = progress.values
        short = f"loss {values['loss']:.4g}"
        if "d_hr" in values:
            short += f"  D(HR) {values['d_hr']:.2f}  D(SR) {values['d_sr']:.2f}"
        scores = "  ".join(f"{k} {v:.4f}" for k, v in values.items() if k.endswith(("_y", "_alex")))
        if self._live is not None:
            bar = self._live.task_ids[0]
            self._live.update(bar, completed=progress.step, description=short)
        now = time.monotonic()
        if scores:
            self.note(f"  step {progress.step}  {short}  {scores}")
        elif self._live is None and now - self._said >= 10:
            self._said = now
            left = progress.seconds_left / 60
            self.note(
                f"  step {progress.step} of {progress.steps}  {short}  "
                f"{progress.steps_per_second:.1f} steps/s, {left:.0f} min left"
            )


class DownloadDisplay:
    """A bar of bytes on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, name: str) -> None:
        self._console, self._name, self._said = console, name, 0.0
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal or console.is_dumb_terminal,
        )

    def __enter__(self) -> DownloadDisplay:
        self._live.start()
        self._task = self._live.add_task(self._name, total=None)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, host: str, done: int, total: int | None) -> None:
        """Show the bytes received so far from a host."""
        self._live.update(self._task, completed=done, total=total, description=host)
        now = time.monotonic()
        if self._live.disable and now - self._said > 10:
            self._said = now
            of = f" of {total / 1e6:.0f}" if total else ""
            self._console.print(f"{self._name}: {done / 1e6:.0f}{of} MB", markup=False)
