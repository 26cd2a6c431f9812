"""The server towards the network: no outside requests, no frames, no uploads."""

from __future__ import annotations

import http.client
import http.server
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from study_servers import ROOT, free_port, wait_for_app

from study_app.door import Door

EVERY_KIND = (
    "/", "/admin", "/?r=guess", "/no/such/page", "/_stcore/health", "/_stcore/host-config",
    "/_stcore/script-health-check", "/media/none.png", "/component/x/y.js", "/static/none.js",
    "/app/static/x", "/_stcore/upload_file/a/b", "/../manifest.json",
)  # fmt: skip


def answer(url: str, method: str = "GET"):
    try:
        return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=20)
    except urllib.error.HTTPError as error:
        return error


@pytest.mark.parametrize("path", EVERY_KIND)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_every_answer_forbids_frames_and_tells_nobody_the_address(server, path, method):
    headers = answer(server.url + path, method).headers
    assert headers.get_all("Content-Security-Policy") == ["frame-ancestors 'none'"]
    assert headers.get_all("X-Frame-Options") == ["DENY"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_another_page_neither_frames_the_study_nor_hears_its_links(server, new_page, served_study):
    pytest.importorskip("playwright", reason="needs playwright")
    _, token = served_study.store.enter(code=served_study.store.invite(1)[0])
    page = f"""<!doctype html><script>window.heard = [];
      addEventListener('message', e => heard.push(JSON.stringify(e.data)));</script>
      <iframe src="{server.url}/?r={token}" width=900 height=700></iframe>"""

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    evil = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=evil.serve_forever, daemon=True).start()
    try:
        framing = new_page()
        blocked: list[str] = []
        framing.on("console", lambda message: blocked.append(message.text))
        framing.goto(f"http://localhost:{evil.server_port}/")
        framing.wait_for_timeout(1000)
        for _ in range(600):
            if not any("frame" in line.lower() for line in blocked):
                framing.wait_for_timeout(100)
        assert framing.evaluate("heard") == []
        assert framing.frame_locator("iframe").get_by_role("button").count() == 0
        assert any("frame" in line.lower() for line in blocked)
    finally:
        evil.shutdown()
        evil.server_close()


# A resolver that answers nothing for so long, and writes down what it was asked.
SILENT_RESOLVER = """
import os, socket, time
_look_up = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.replace(".", "").isdigit() or name in ("localhost", "None", "::", "::1"):
        return _look_up(host, *rest, **more)
    with open(os.environ["ASKED"], "a") as file:
        print(name, file=file)
    time.sleep(float(os.environ["SILENCE"]))
    raise socket.gaierror(-3, "silent")
socket.getaddrinfo = getaddrinfo
"""


@pytest.mark.slow
@pytest.mark.parametrize("address", [None, "127.0.0.1"])
def test_a_foreign_origin_is_refused_at_once_and_nobody_outside_is_asked(folder, tmp_path, address):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(textwrap.dedent(SILENT_RESOLVER))
    port, asked = free_port(), tmp_path / "asked"
    command = [sys.executable, "-m", "srbench", "study", "serve", str(folder), "--port", str(port)]
    process = subprocess.Popen(
        [*command, *(["--address", address] if address else [])],
        env={**os.environ, "PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}", "ASKED": str(asked),
             "SILENCE": "30"},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_app(port)
        check = subprocess.run(
            [sys.executable, "-c", "import socket; socket.getaddrinfo('outside.example', 80)"],
            env={"PYTHONPATH": str(tmp_path / "site"), "ASKED": str(tmp_path / "control"),
                 "SILENCE": "0"},
            stderr=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert check.returncode != 0
        assert (tmp_path / "control").read_text() == "outside.example\n"  # the trap works
        started = time.monotonic()
        for origin in ("http://evil.example", "http://192.0.2.7:8501", "null", "x", "http://"):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
                wire.sendall(
                    "GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
                    f"Origin: {origin}\r\n\r\n".encode()
                )
                assert wire.recv(100).startswith(b"HTTP/1.1 403"), origin
        assert time.monotonic() - started < 25  # one look-up is silent for 30 s
        assert not asked.exists(), asked.read_text()
    finally:
        process.terminate()
        process.wait(30)


def test_unasked_files_are_refused_and_not_held(own_server):
    def memory() -> int:
        status = Path(f"/proc/{own_server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024

    if not os.path.exists("/proc/self/status"):
        pytest.skip("needs /proc")
    before = memory()
    block = b"\1" * 2**20
    for number in range(3):
        sender = http.client.HTTPConnection("127.0.0.1", own_server.port, timeout=30)
        sender.putrequest("PUT", f"/_stcore/upload_file/session/{number}")
        sender.putheader("Content-Length", str(190 * 2**20))
        sender.endheaders()
        try:
            for _ in range(190):
                sender.send(block)
        except OSError:
            pass  # it hangs up
        sender.close()
    assert memory() - before < 30


def test_after_wrong_passwords_the_door_stays_shut_for_longer_and_longer(capfd):
    from srbench.study.keys import hash_password

    stored, door, now = hash_password("right one"), Door(), 100.0
    waits = []
    for _ in range(8):
        outcome = door.try_password("wrong", stored, now)
        assert not outcome.open
        waits.append(outcome.wait)
        early = door.try_password("right one", stored, now + outcome.wait - 0.1)
        assert (early.open, early.tried) == (False, False)
        now += outcome.wait
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    log = capfd.readouterr().err.splitlines()
    assert len(log) == 8
    assert log[2].startswith("srbench: wrong password for the researcher's page (3 in a row)")
    assert "wrong password" in log[0]
    assert "right one" not in "".join(log)
    assert door.try_password("right one", stored, now).open
    assert door.try_password("wrong", stored, now).wait == 1


def messages_of(connection, seconds: float = 60):
    """Every message until a run ends."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    received = []
    while not received or received[-1].WhichOneof("type") != "script_finished":
        received.append(ForwardMsg.FromString(connection.recv(timeout=seconds)))
    return received


def test_the_server_reads_only_what_its_pages_send(own_server, own_study):
    """Over a WebSocket without a browser; another rater's page lives on throughout."""
    websockets = pytest.importorskip("websockets.sync.client", reason="needs websockets")
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from websockets.exceptions import ConnectionClosed

    address = own_server.url.replace("http", "ws") + "/_stcore/stream"

    def opened():
        return websockets.connect(address, subprotocols=["streamlit"], max_size=None)

    _, token = own_study.store.enter(code=own_study.store.invite(1)[0])
    show = BackMsg()
    show.rerun_script.query_string = f"r={token}"
    show = show.SerializeToString()
    long = BackMsg()
    long.rerun_script.query_string = "r=" + "a" * 2**20
    with opened() as other:
        other.send(show)
        messages_of(other)
        for strange in (long.SerializeToString(), b"\xff\xff\xff", "text", b"\x0a" * 2**26):
            with opened() as one:
                with suppress(ConnectionClosed, OSError):  # it may hang up before the end
                    one.send(strange)
                with pytest.raises(ConnectionClosed):
                    one.recv(timeout=60)
        # Streamlit's own messages that would empty the caches of the whole server, install files on
        # it, or tell about its files: no answer comes, and the connection goes on.
        for ignored in (
            BackMsg(clear_cache=True),
            BackMsg(load_git_info=True),
            BackMsg(set_run_on_save=True),
        ):
            other.send(ignored.SerializeToString())
        # Python cannot read JSON of this depth; the run, with its error, does not start.
        deep = BackMsg()
        deep.rerun_script.query_string = f"r={token}"
        state = deep.rerun_script.widget_states.widgets.add()
        state.id, state.json_value = "a", "[" * 100_000
        other.send(deep.SerializeToString())
        assert "new_session" not in messages_of_one(other)
        install, file = BackMsg(), BackMsg()
        install.backend_operation_request.install_skills.SetInParent()
        file.backend_operation_request.deferred_file.file_id = "none"
        other.send(install.SerializeToString())
        other.send(file.SerializeToString())
        reply = "backend_operation_response"
        while kind_of(other.recv(timeout=60)) != reply:
            pass  # of the file, which our pages ask for
        other.send(show)
        assert reply not in [message.WhichOneof("type") for message in messages_of(other)]


def messages_of_one(connection) -> list[str]:
    """The kinds of messages until none comes for a while."""
    kinds = []
    try:
        while True:
            kinds.append(kind_of(connection.recv(timeout=2)))
    except TimeoutError:
        return kinds


def kind_of(message: bytes) -> str:
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    return ForwardMsg.FromString(message).WhichOneof("type")


def test_a_proxy_keeps_no_picture_or_export_for_others_and_sessions_are_not_counted(server):
    assert answer(server.url + "/media/none.csv").headers["Cache-Control"] == "private"
    assert answer(server.url + "/_stcore/metrics").status == 404
