"""Start the app with the settings for a study: no usage statistics, file watching or menus."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from srbench.errors import StudyError
from srbench.study.keys import CODES_FILE, PASSWORD_VARIABLE, is_password_hash

if TYPE_CHECKING:
    from srbench.study.store import Study


# Ctrl C and SIGTERM end the process at once without a traceback, also during startup. Later the web
# server closes first and then sends itself the signal again. Otherwise uvicorn would wait for every
# connection and Python for every thread, such as one that waits for the database; not waiting loses
# no votes. uvicorn refuses longer messages (edge.LONGEST_MESSAGE) before they are in memory.
_STREAMLIT = """import os, signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *_: os._exit(0))
import uvicorn
class Config(uvicorn.Config):
    def __init__(self, *arguments, **options):
        ours = {"timeout_graceful_shutdown": 3, "ws_max_size": 2**20}
        super().__init__(*arguments, **{**options, **ours})
uvicorn.Config = Config
from streamlit.web.cli import main
main(prog_name="streamlit")"""


def serve_command(folder: Path, *, port: int = 8501, address: str | None = None) -> list[str]:
    """The command that runs a study's app."""
    settings = {
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        # A proxy that gets no response from a frozen server for longer uses another one.
        "server.websocketPingInterval": "5",
        "server.maxUploadSize": "1",  # MiB; all uploads are refused, see edge.py
        "browser.gatherUsageStats": "false",
        # Without an address, Streamlit asks a web service for this machine's address at startup.
        "browser.serverAddress": "localhost",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.level": "warning",
        "logger.enableRich": "false",  # rich writes to stdout, which is discarded
        "theme.light.primaryColor": "#2f5d8a",
        "theme.dark.primaryColor": "#3f74a8",
    }
    if address:
        settings["server.address"] = address
    app = Path(__file__).with_name("edge.py")
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [
        sys.executable,
        "-c",
        _STREAMLIT,
        "run",
        str(app),
        *flags,
        "--",
        "--study",
        str(folder),
    ]


def serve_environment(
    environment: Mapping[str, str], *, database: str | None = None
) -> dict[str, str]:
    """The environment for `serve_command`; a database's password stays out of the process list."""
    return {**environment, **({"SRBENCH_STUDY_DATABASE": database} if database else {})}


def serve(
    folder: Path,
    *,
    port: int = 8501,
    address: str | None = None,
    public: bool = False,
    database: str | None = None,
    say: Callable[[str], None],
) -> int:
    """Run the server of a study's app until it is stopped.

    The server replaces this process, so that any end of the process, including SIGKILL, ends the
    server and frees the port. On Windows, which cannot replace processes, it waits for the server
    and returns its exit code. The folder and the database are first opened here, so that errors
    appear here. ``say`` gets the lines for the researcher. ``public``: for raters from outside.

    Raises:
        StudyError: the folder has no complete study, the database cannot be used or written to,
            the port is in use, or a public study does not name who runs it.
    """
    from srbench.study.store import open_study

    study = open_study(folder, database)
    study.store.require_writable()
    study.store.close()
    if public and not (study.manifest.institution and study.manifest.contact):
        raise StudyError(
            f"{folder} does not state who runs the study; make it again with --institution and "
            "--contact to serve it with --public"
        )
    given = os.environ.get(PASSWORD_VARIABLE, "")
    if given and not is_password_hash(given):
        raise StudyError(
            f"{PASSWORD_VARIABLE} does not contain the hash of a password, so the researcher's "
            "page could not be opened; set it to the line that this prints: srbench study password"
        )
    _require_free(port, address)
    for line in _welcome(study, port, address):
        say(line)
    command = serve_command(folder.resolve(), port=port, address=address)
    environment = serve_environment(os.environ, database=database)
    # Discard Streamlit's greeting on stdout; errors go to stderr.
    sys.stdout.flush()
    if os.name == "nt":  # its execve returns to the prompt at once and does not quote arguments
        with suppress(KeyboardInterrupt):  # the server gets the signal too
            return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode
        return 0
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execve(command[0], command, environment)


def _welcome(study: Study, port: int, address: str | None) -> list[str]:
    url = f"http://{address or 'localhost'}:{port}"
    if study.manifest.rules.access == "open":
        entering = "open to anyone with the link"
    else:
        entering = f"each with a code from {study.folder / CODES_FILE}"
    researcher = f"{url}/admin"
    if not os.environ.get(PASSWORD_VARIABLE):
        researcher = "off until there is a password; see: srbench study password"
    return [
        f"raters: {url} ({entering})",
        f"researcher: {researcher}",
        "stop with Ctrl C; every vote given is stored, and raters can continue where they stopped",
    ]


def _require_free(port: int, address: str | None) -> None:
    if not 1 <= port <= 65535:
        raise StudyError(f"the port is {port}, expected a number from 1 to 65535")
    with socket.socket() as probe:
        if os.name != "nt":  # there the option would allow a port that is in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address or "0.0.0.0", port))
        except (OSError, OverflowError) as error:
            reason = f"({error})"
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                tool = "netstat -ano" if os.name == "nt" else f"lsof -i :{port}"
                reason = f"because another program uses it ('{tool}' shows which)"
            raise StudyError(
                f"port {port} cannot be used {reason}; choose another with --port"
            ) from error
