"""Fixtures for several test modules."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import settings

# The time of an example depends on the machine, so it has no limit.
settings.register_profile("srbench", deadline=None)
settings.load_profile("srbench")

# Several processes share the cores (pytest-xdist), so each one and its children use one core.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _shared_folder() -> Path | None:
    checkout = Path(__file__).resolve().parents[1]
    candidates = [checkout.parent / "shared", checkout.parent.parent / "shared"]
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
    """The result of a command."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium or $SRBENCH_CHROMIUM, one for all tests: Playwright runs only once."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    executable = os.environ.get("SRBENCH_CHROMIUM") or shutil.which("chromium")
    if not executable:
        pytest.skip("needs Chromium (chromium on the path, or SRBENCH_CHROMIUM)")
    from study_app.driving import CHROMIUM_FLAGS

    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


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
    """Runs ``srbench`` with arguments that it must refuse with one line and exit code 2."""

    def run(*arguments: object) -> str:
        ran = run_cli(*arguments)
        lines = [line for line in ran.err.splitlines() if line.startswith("srbench: ")]
        assert ran.code == 2, ran
        assert len(lines) == 1, ran.err
        assert "Traceback" not in ran.err
        return lines[0]

    return run


@pytest.fixture(scope="session")
def spare_databases() -> list[str]:
    """Databases that were emptied after a test, because creating one copies a thousand files."""
    return []


@pytest.fixture
def new_database(postgres, spare_databases) -> Iterator[Callable[[], str]]:
    """Gives empty databases on a real PostgreSQL server."""
    import psycopg

    given: list[str] = []

    def make() -> str:
        if not spare_databases:
            name = f"study{secrets.token_hex(4)}"
            with psycopg.connect(postgres, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            spare_databases.append(postgres.replace("/postgres?", f"/{name}?"))
        given.append(spare_databases.pop())
        return given[-1]

    yield make
    for url in given:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        spare_databases.append(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server for the tests."""
    pytest.importorskip("psycopg", reason="needs psycopg (pip install '.[postgres]')")
    from study_servers import postgresql

    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgresql(durable=False))
        except LookupError as error:
            pytest.skip(str(error))
        yield url


@dataclass
class WebServer:
    """The files of a web server, where each response breaks off, and the requests."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)
    etag: str | None = '"v1"'
    knows_ranges: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    """A web server on this machine."""
    state = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            body = state.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            start = 0
            if wanted and state.knows_ranges and self.headers.get("If-Range") == state.etag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            if state.etag:
                self.send_header("ETag", state.etag)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            stop = state.break_after.pop(0) if state.break_after else len(body)
            with suppress(ConnectionError):  # the client has closed the connection
                self.wfile.write(body[start : start + stop])

        def log_message(self, format: str, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{httpd.server_port}"
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()
