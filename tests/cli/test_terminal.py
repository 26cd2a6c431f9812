"""Output on different terminals, and commands that are interrupted."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from skimage import data

from srbench.benchmark.results import ResultsFolder, Score, write_scores
from srbench.cli.console import ConsoleObserver, print_table
from srbench.files import atomic_path, remove_unfinished
from srbench.imaging import write_png
from srbench.wording import counted

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A results folder called mine, in the current folder, whose name is not ASCII."""
    place = tmp_path / "Größe 사진"
    place.mkdir()
    write_scores(
        place / "mine/scores.csv", [Score("Sät", "a", "bicubic", 4, "matlab", "psnr_y", 28)]
    )
    write_png(place / "pictures/kätzchen.png", data.chelsea()[:64, :64].copy())
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    return place / "mine"


def srbench(*arguments, **options):
    command = [sys.executable, "-m", "srbench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=120, **options)


def test_things_are_counted_as_people_write_it():
    assert [counted(n, "vote") for n in (0, 1, 2, 29_328)] == [
        "0 votes", "1 vote", "2 votes", "29,328 votes",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp949"])
def test_an_encoding_without_the_letters_stops_nothing(results, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    up = ("upscale", "pictures", "--method", "nearest", "--out", "größer")
    ran = srbench(*up, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert (results.parent / "größer/kätzchen.png").is_file()
    score = ("score", "--hr", "pictures", "--sr", "pictures", "--scale", 4)  # arrows, infinity
    ran = srbench(*score, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert b"PSNR" in ran.stdout


def shown(terminal, **console):
    text = io.StringIO()
    with ConsoleObserver(Console(file=text, force_terminal=terminal, **console)) as observer:
        observer.begin("upscaling [x4]", 1)
        observer.step_done("a")
        observer.begin("tables, figures and page", 0)
        observer.part_done("figures/[a]")
    return text.getvalue()


def test_a_terminal_without_a_cursor_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    lines = shown(True).splitlines()
    assert lines[0] == "upscaling [x4]: 1 image"
    assert lines[1].startswith("  1 of 1 image, ")
    assert lines[2:] == ["tables, figures and page"]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("terminal", [False, True])
def test_the_time_left_follows_from_all_pixels_so_far(terminal, monkeypatch):
    """Images are often done several at a time, and those of one data set may be larger."""
    clock, text = Clock(), io.StringIO()
    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=text, force_terminal=terminal, width=120, get_time=clock)

    def told():
        if not terminal:
            return text.getvalue().splitlines()[-1]
        with console.capture() as shown:
            console.print(observer._live.get_renderable())
        return shown.get()

    with ConsoleObserver(console, unit="SR image") as observer:
        observer.begin("scoring", 200, 20_000 + 180 * 10_000)
        clock.now += 1
        observer.step_done("Set5/baby", 4, 400)
        assert ("left" in told()) == terminal, "a line within the first two seconds says little"
        clock.now += 3
        observer.step_done("Set5/bird", 16, 19_600)
        assert "of 200" in told() or "/200" in told()
        assert "5.0/s, 6 min left" in told()  # 1.1 % of the pixels in 4 s
        clock.now += 180
        observer.step_done("DIV2K/0801", 90, 900_000)
        assert "0.6/s, 2 min left" not in told()
        assert "0.6/s, 3 min left" in told()
        clock.now += 180
        observer.step_done("DIV2K/0900", 90, 900_000)
        assert "0.5/s, 0 s left" in told()


def test_a_bar_shows_names_in_brackets_as_they_are(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    text = shown(True, width=100, color_system=None)
    assert "upscaling [x4]" in text
    assert "tables, figures and page (figures/[a] done)" in text


def test_a_name_to_be_typed_again_is_never_cut(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    row = (
        "squeezenet1_1-features",
        "LPIPS squeeze",
        "srbench weights fetch it",
    )
    print_table(("weights", "for", "state"), [row], "")
    assert "squeezenet1_1-features" in capsys.readouterr().out.splitlines()[1]


@pytest.mark.parametrize(
    "command", [("--version",), ("weights", "list"), ("study", "texts"), ("doctor", "--help")]
)
def test_a_reader_that_goes_is_met_in_silence(tmp_path, command):
    environment = {**os.environ, "SRBENCH_WEIGHTS": str(tmp_path)}
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "srbench", *command],
        stdout=write, stderr=subprocess.PIPE, env=environment, timeout=120,
    )  # fmt: skip
    os.close(write)
    assert (process.returncode, process.stderr) == (141, b"")


INTERRUPTED = """
import os, signal, sys, time
from srbench import files
from srbench.cli import main
def meet(target, content):
    with files.atomic_path(target) as temporary:
        temporary.write_bytes(content)
        print("writing", flush=True)
        {first}
        while True:
            time.sleep(0.01)
import srbench.imaging.files
srbench.imaging.files.write_bytes = meet
sys.argv = ["srbench", "upscale", "pictures", "--method", "nearest", "--out", "out"]
main()
"""


def interrupted(how, first="pass"):
    """A command that gets the signal ``how`` while it writes a file; SIGTERM in the background."""
    program = INTERRUPTED.format(first=first)
    # A job in the background (``&``) inherits that Ctrl-C is ignored.
    ctrl_c = signal.SIG_DFL if how is signal.SIGINT else signal.SIG_IGN
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, ctrl_c),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "writing\n"
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_interrupts_a_command_leaves_nothing_half_written(results, how):
    code, err = interrupted(how)
    assert code == 130
    assert err.splitlines()[-1].startswith("srbench: interrupted; finished results are kept")
    assert "Traceback" not in err
    assert list((results.parent / "out").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_that_meets_a_destructor_is_not_lost(results, how):
    deaf = "type('Deaf', (), {'__del__': lambda self: signal.pause()})()"
    code, err = interrupted(how, deaf)
    assert code == 130
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_what_a_killed_process_left_goes_and_nothing_else(tmp_path):
    with atomic_path(tmp_path / "figures/a.png") as temporary:
        temporary.write_bytes(b"half")
    kept = [tmp_path / "figures" / name for name in ("a.png", ".notes.tmp", "0123.tmp")]
    for path in (*kept, temporary):
        path.write_bytes(b"")
    with ResultsFolder(tmp_path).locked():
        assert sorted((tmp_path / "figures").iterdir()) == sorted(kept)
    remove_unfinished(tmp_path / "none")  # the file need not exist


def test_every_step_says_what_it_does(run_cli, results, tmp_path):
    assert run_cli("report", "--out", "mine").err.splitlines()[0] == "tables, figures and page"
    planned = run_cli("study", "plan", "--images", "5", "--raters", "1,5")
    assert "simulating studies" in planned.err
