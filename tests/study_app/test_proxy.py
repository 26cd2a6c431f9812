"""Several servers on PostgreSQL, behind the reverse proxy of docs/how-to/online-study.md."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="needs playwright")

from driver import FIRST, Rater
from sqlalchemy import text
from study_servers import ROOT, free_port, strolling_clock

from srbench.study.connecting import open_engine
from srbench.study.store import open_study

HOW_TO = ROOT / "docs" / "how-to" / "online-study.md"


@pytest.fixture
def database(new_database) -> str:
    return new_database()


@pytest.fixture
def study(folder, database):
    """The study of one's own on PostgreSQL, beside its servers."""
    opened = open_study(folder, database, clock=strolling_clock())
    yield opened
    opened.store.close()


def documented_nginx(folder: Path, port: int, servers: list[int], shunned: str) -> str:
    """The documented configuration; ports and paths changed, and no certificate. ``shunned`` is how
    long nginx keeps away from a server that failed."""
    found = re.search(r"```nginx\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
    assert found
    site = re.sub(r"\n *ssl_certificate.*", "", found[1])
    for old, new in [
        ("listen 443 ssl", f"listen 127.0.0.1:{port}"),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("server 127.0.0.1:8501", f"server 127.0.0.1:{servers[0]} fail_timeout={shunned}"),
        ("server 127.0.0.1:8502", f"server 127.0.0.1:{servers[1]} fail_timeout={shunned}"),
        ("/var/log/nginx", str(folder)),
    ]:
        assert old in site
        site = site.replace(old, new)
    own = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"user {pwd.getpwuid(os.geteuid()).pw_name};\npid {folder}/pid;\ndaemon off;\n"
        f"error_log {folder}/start.log;\nevents {{}}\nhttp {{\n{own}{site}}}\n"
    )


def unframed(headers: dict[str, str]) -> bool:
    """Whether an answer says, once each, that no other page may show it in a frame."""
    return (headers.get("content-security-policy"), headers.get("x-frame-options")) == (
        "frame-ancestors 'none'",
        "DENY",
    )


@contextmanager
def nginx(folder: Path, servers: list[int], shunned: str = "1s") -> Iterator[str]:
    """nginx before two servers; its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("needs nginx")
    folder.mkdir()
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(documented_nginx(folder, port, servers, shunned))
    command = [program, "-p", str(folder), "-e", f"{folder}/start.log", "-c", str(file)]
    process = subprocess.Popen(command)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def test_behind_nginx_a_killed_server_costs_nothing_and_may_come_back(
    serve, folder, study, database, new_page, tmp_path
):
    servers = [serve(folder, SRBENCH_STUDY_DATABASE=database) for _ in range(2)]
    with nginx(tmp_path / "nginx", [server.port for server in servers]) as url:
        rater = Rater(new_page(), url, study, 0)
        rater.resume_at_main()
        rater.rate(4, FIRST)
        rater.wait_ready(f"{FIRST + 1}.1")
        log = tmp_path / "nginx" / "study.log"
        first = next(s for s in servers if log.read_text().split()[-1].endswith(f":{s.port}"))
        first.kill()
        rater.rate(2, FIRST + 1)
        # From now on the page talks to the other server, and asks the first for pictures again.
        rater.wait_ready(f"{FIRST + 2}.1")
        first.start()
        time.sleep(1.5)
        for trial in range(FIRST + 2, FIRST + 6):
            rater.rate(5, trial)
        rater.wait_ready(f"{FIRST + 6}.1")
        assert rater.votes() == [
            (FIRST, 4), (FIRST + 1, 2), *((trial, 5) for trial in range(FIRST + 2, FIRST + 6)),
        ]  # fmt: skip
        assert rater.page.evaluate("performance.getEntriesByType('navigation').length") == 1
        for line in log.read_text().splitlines():
            upstream = r"127\.0\.0\.1:\d+(, 127\.0\.0\.1:\d+)*|-"
            assert re.fullmatch(rf"\S+ \+0000 [A-Z]+ /[^?]* \d+ ({upstream})", line), line
        assert rater.token not in log.read_text()
        assert (tmp_path / "nginx" / "study-error.log").read_text() == ""


def test_behind_nginx_raters_leave_a_frozen_server_and_what_it_still_holds_changes_nothing(
    serve, folder, study, database, new_page, tmp_path
):
    servers = [serve(folder, SRBENCH_STUDY_DATABASE=database) for _ in range(2)]
    # nginx's own 10 s, as documented.
    with nginx(tmp_path / "nginx", [server.port for server in servers], "10s") as url:
        waiting, reloading = (Rater(new_page(), url, study, number) for number in range(2))
        for rater in (waiting, reloading):
            rater.resume_at_main()
        log = tmp_path / "nginx" / "study.log"
        frozen = next(s for s in servers if log.read_text().split()[-1].endswith(f":{s.port}"))
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            for rater in (waiting, reloading):
                rater.page.keyboard.press("2")
            waiting.see("could not be stored yet")
            reloading.page.reload()
            reloading.rate(5, FIRST)  # the vote of 2 lies in the frozen server
            reloading.wait_ready(f"{FIRST + 1}.1")
            waiting.wait_ready(f"{FIRST + 1}.1")
            assert waiting.page.evaluate("performance.getEntriesByType('navigation').length") == 1
        finally:
            frozen.process.send_signal(signal.SIGCONT)
        for rater in (waiting, reloading):
            past_what_is_told(rater, f"{FIRST + 1}.1")
            rater.rate(4, FIRST + 1)
            past_what_is_told(rater, f"{FIRST + 2}.1")
        time.sleep(3)  # it has read by then what it was sent
        assert waiting.votes() == [(FIRST, 2), (FIRST + 1, 4)]
        assert reloading.votes() == [(FIRST, 5), (FIRST + 1, 4)]


@pytest.mark.parametrize(
    ("locale", "words"), [("de-DE", "paused for a moment"), ("ko-KR", "잠시 멈추었습니다")]
)
def test_while_no_server_answers_nginx_says_so_and_tries_again(
    serve, folder, new_page, tmp_path, locale, words
):
    server = serve(folder)
    server.kill()
    with nginx(tmp_path / "nginx", [server.port, free_port()]) as url:
        page = new_page(locale=locale)
        answer = page.goto(f"{url}/?r=personal")
        assert (answer.status, answer.headers["cache-control"]) == (503, "no-store")
        assert unframed(answer.headers)
        page.get_by_text(words).wait_for()
        server.start()
        page.locator("[data-testid=stAlert]").wait_for()  # this personal link is not valid
        assert page.url == f"{url}/?r=personal"
        assert all(unframed(page.request.get(url + path).headers) for path in ("/", "/media/x"))
        assert page.request.put(f"{url}/x", data="1" * 100_000).status == 413
        server.kill()


def test_a_silent_database_is_told_calmly_and_nothing_is_lost(
    serve, folder, study, database, new_page
):
    rater = Rater(new_page(), serve(folder, SRBENCH_STUDY_DATABASE=database).url, study, 0)
    rater.resume_at_main()
    rater.rate(4, FIRST)
    rater.wait_ready(f"{FIRST + 1}.1")
    with silenced(database):
        rater.page.keyboard.press("Backspace")
        rater.see("could not be undone")
        rater.page.keyboard.press("2")
        rater.see("could not be stored yet")
        assert rater.page.locator("canvas").is_visible()
    rater.wait_ready(f"{FIRST + 2}.1")
    with silenced(database):
        rater.page.reload()
        rater.see("cannot continue at the moment")
        assert rater.page.get_by_test_id("stException").count() == 0
    rater.rate(5, FIRST + 2)
    rater.wait_ready(f"{FIRST + 3}.1")
    assert rater.votes() == [(FIRST, 4), (FIRST + 1, 2), (FIRST + 2, 5)]


def past_what_is_told(rater: Rater, trial: str) -> None:
    """Wait for the trial. The vote that a frozen server reads late may be told as another grade
    than the stored one, before this trial or the next."""
    go_on = rater.page.get_by_role("button", name="Continue")
    ready = rater.page.locator(f'.stage[data-state="ready"][data-trial="{trial}"]')
    go_on.or_(ready).first.wait_for()
    if go_on.is_visible():
        go_on.click()
    rater.wait_ready(trial)


@contextmanager
def silenced(database: str) -> Iterator[None]:
    """A database that has broken every connection and takes no new one."""
    name = re.sub(r".*/(\w+)\?.*", r"\1", database)
    server = open_engine(Path(), database.replace(f"/{name}?", "/postgres?"))
    server = server.execution_options(isolation_level="AUTOCOMMIT")

    def run(command: str) -> None:
        with server.connect() as connection:
            connection.execute(text(command))

    run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    try:
        yield
    finally:
        run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        server.dispose()
