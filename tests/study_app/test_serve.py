"""``srbench study serve``: one process to start, and one to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from study_servers import ROOT, free_port, wait_for_app

from srbench.errors import StudyError
from study_app.serve import serve


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_stopping_the_command_stops_the_server(folder, stop):
    port = free_port()
    command = [sys.executable, "-m", "srbench", "study", "serve", str(folder)]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--address", "127.0.0.1"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
        # A test run in the background ignores SIGINT, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        said = [process.stdout.readline() for _ in range(3)]
        assert f"raters: http://127.0.0.1:{port} (each with a code from" in said[0]
        assert "off until there is a password" in said[1]
        wait_for_app(port)
        process.send_signal(stop)
        assert process.wait(60) == (-9 if stop == signal.SIGKILL else 0)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
    finally:
        process.kill()


def test_a_connection_whose_other_end_is_gone_does_not_keep_the_server_from_stopping(own_server):
    silent = [socket.create_connection(("127.0.0.1", own_server.port)) for _ in range(2)]
    silent[0].sendall(b"GET /_stcore/health HTTP/1.1\r\nHost: x\r\n\r\n")
    # A browser that went away in the middle: it never answers that the connection closes.
    silent[1].sendall(
        b"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Protocol: streamlit\r\n\r\n"
    )
    assert silent[1].recv(100).startswith(b"HTTP/1.1 101")
    own_server.process.send_signal(signal.SIGTERM)
    assert own_server.process.wait(60) == 0
    for wire in silent:
        wire.close()


def test_the_server_calls_nobody(folder, web_server):
    port = free_port()
    proxies = dict.fromkeys(["http_proxy", "https_proxy", "all_proxy"], web_server.address)
    process = subprocess.Popen(
        [sys.executable, "-m", "srbench", "study", "serve", str(folder), "--port", str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "no_proxy": "", **proxies},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for_app(port)
    finally:
        process.terminate()
        process.wait(60)
    assert web_server.requests == []


def test_a_port_in_use_is_said(folder):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            StudyError, match=f"port {port} cannot be used because another program uses it"
        ):
            serve(folder, port=port, address="127.0.0.1", say=print)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_no_machine_has_is_said(folder, port):
    with pytest.raises(StudyError, match="expected a number from 1 to 65535"):
        serve(folder, port=port, say=print)


def test_where_a_process_cannot_be_replaced_it_waits_for_the_server(folder, monkeypatch):
    ran = []

    def run(command, **options):
        ran.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr("study_app.serve.os", SimpleNamespace(**{**vars(os), "name": "nt"}))
    monkeypatch.setattr("study_app.serve.subprocess.run", run)
    assert serve(folder, port=free_port(), address="127.0.0.1", say=print) == 3
    assert ran[0][0] == sys.executable


def test_a_public_study_must_tell_who_asks(folder):
    with pytest.raises(StudyError, match="make it again with --institution and --contact"):
        serve(folder, port=free_port(), public=True, say=print)


@pytest.mark.parametrize("given", ["correct horse battery", "scrypt:12:34", "scrypt:"])
def test_a_password_in_place_of_its_hash_is_refused_and_not_shown(folder, monkeypatch, given):
    monkeypatch.setenv("SRBENCH_ADMIN_PASSWORD_HASH", given)
    with pytest.raises(StudyError, match="does not contain the hash of a password") as error:
        serve(folder, port=free_port(), say=print)
    assert given not in str(error.value)
