"""Starting the app as a study needs it: no statistics sent home, no file watching, no menus."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def serve_command(folder: Path, *, port: int = 8501, address: str | None = None) -> list[str]:
    """The command that runs a study's app."""
    settings = {
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "logger.level": "warning",
        "theme.light.primaryColor": "#2f5d8a",
        "theme.dark.primaryColor": "#3f74a8",
    }
    if address:
        settings["server.address"] = address
    app = Path(__file__).with_name("app.py")
    flags = [f"--{name}={value}" for name, value in settings.items()]
    return [
        sys.executable,
        "-m",
        "streamlit",
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
    folder: Path, *, port: int = 8501, address: str | None = None, database: str | None = None
) -> int:
    """Run a study's app until it is stopped; the exit code of the server.

    The folder and the database are opened once before, so that what is wrong is said here.

    Raises:
        StudyError: the folder holds no whole study, or the database cannot be used.
    """
    from srbench.study.store import open_study

    open_study(folder, database).store.close()
    command = serve_command(folder.resolve(), port=port, address=address)
    process = subprocess.Popen(command, env=serve_environment(os.environ, database=database))
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        return 0
