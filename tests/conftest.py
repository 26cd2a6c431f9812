"""What several tests need."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


def _shared_folder() -> Path | None:
    checkout = Path(__file__).resolve().parents[1]
    candidates = [checkout.parent / "shared", checkout.parents[1] / "shared"]
    if os.environ.get("SRBENCH_SHARED"):
        candidates.insert(0, Path(os.environ["SRBENCH_SHARED"]))
    return next((folder for folder in candidates if (folder / "data").is_dir()), None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's folder of real images, weights and ratings."""
    folder = _shared_folder()
    if folder is None:
        pytest.skip("the folder of real images (../shared or SRBENCH_SHARED) is not here")
    return folder


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_cli(capfd, monkeypatch) -> Callable[..., Ran]:
    """Runs ``srbench`` with arguments, in this process."""
    from srbench.cli import main

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["srbench", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capfd.readouterr()
        code = exit_.value.code
        assert isinstance(code, int)
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def refused(run_cli) -> Callable[..., str]:
    """Runs ``srbench`` with arguments that it must refuse, in one line and with exit code 2."""

    def run(*arguments: object) -> str:
        ran = run_cli(*arguments)
        lines = [line for line in ran.err.splitlines() if line.startswith("srbench: ")]
        assert ran.code == 2, ran
        assert len(lines) == 1, ran.err
        assert "Traceback" not in ran.err
        return lines[0]

    return run
