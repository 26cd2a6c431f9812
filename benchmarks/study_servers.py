"""Temporary servers for a study: the app and PostgreSQL. Tests use them too."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from study_app.serve import serve_command, serve_environment

ROOT = Path(__file__).resolve().parent.parent


def strolling_clock() -> Callable[[], datetime]:
    """A clock for fast simulated rating: each call is two seconds later than the previous one,
    starting ten minutes ago.
    """
    looks = itertools.count()
    start = datetime.now(UTC) - timedelta(minutes=10)
    return lambda: start + timedelta(seconds=2 * next(looks))


def free_port() -> int:
    """A free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(
    folder: Path, port: int, database: str | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """Start the app on a study's folder and wait until it answers."""
    process = subprocess.Popen(
        serve_command(folder.resolve(), port=port, address="127.0.0.1"),
        env=serve_environment(
            {**os.environ, "PYTHONPATH": str(ROOT), **environment}, database=database
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_app(port)
    except BaseException:
        process.kill()
        raise
    return process


def wait_for_app(port: int) -> None:
    """Wait until the app answers, at most two minutes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the app did not start")


@contextmanager
def served(folder: Path, database: str | None = None) -> Iterator[str]:
    """The app on a study's folder; its address."""
    port = free_port()
    process = start_app(folder, port, database)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@contextmanager
def postgresql(*, durable: bool = True) -> Iterator[str]:
    """The URL of a PostgreSQL server without network, run by an unprivileged user.

    ``durable``: whether it waits for its disk, as by default.

    Raises:
        LookupError: PostgreSQL, or a suitable user, is not on this machine.
    """
    programs, user = _postgresql_programs(), _unprivileged_user()
    root = Path(tempfile.mkdtemp(prefix="pg"))
    if user:
        shutil.chown(root, user)

    def run(*command: str) -> None:
        # Otherwise the server inherits stdout and keeps a pipe open.
        subprocess.run(
            command, user=user, cwd=root, check=True, timeout=60, stdout=subprocess.DEVNULL
        )

    data, log = str(root / "data"), str(root / "log")
    options = f"-c listen_addresses='' -c unix_socket_directories='{root}'"
    options += "" if durable else " -c fsync=off"
    try:
        run(f"{programs}/initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync")
        run(f"{programs}/pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={root}"
        finally:
            run(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def restart_postgresql(url: str, how: str) -> None:
    """Stop a server of `postgresql` and start it again; ``how``: "fast" or, as after a power cut,
    "immediate"."""
    root = Path(url.rpartition("host=")[2])
    command = [f"{_postgresql_programs()}/pg_ctl", "-D", str(root / "data"), "-w", "-m", how]
    subprocess.run(
        [*command, "-l", str(root / "log"), "restart"],
        user=_unprivileged_user(), cwd=root, check=True, timeout=60, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _postgresql_programs() -> Path:
    places = [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if all((place / name).is_file() for name in ("initdb", "pg_ctl", "postgres")):
            return place
    raise LookupError("needs PostgreSQL's initdb and postgres")


def _unprivileged_user() -> str | None:
    """The user for the server, because initdb refuses the superuser."""
    if os.geteuid() != 0:
        return None
    import pwd  # Windows has none

    names = {user.pw_name for user in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise LookupError("needs an unprivileged user to run PostgreSQL as")
