"""A served study and a real browser."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from driver import PASSWORD, PATIENCE_MS, Rater
from study_servers import free_port, start_app, strolling_clock

from srbench.data import open_dataset
from srbench.imaging import crop_to_multiple, imresize, write_png
from srbench.study.keys import hash_password
from srbench.study.making import new_study
from srbench.study.store import Study, open_study


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts an app or a browser is slow."""
    for item in items:
        if {"serve", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def make_results(root: Path, size: tuple[int, int] = (120, 163)) -> None:
    """Results of two methods on four cut-outs of (height, width); odd widths on purpose."""
    sample = open_dataset("sample", None)
    height, width = size
    for name in sample.ids[:4]:
        hr = sample.read(name)[60 : 60 + height, 80 : 80 + width]
        whole = crop_to_multiple(hr, 4)
        lr = imresize(whole, 1 / 4)
        versions = {
            "HR": whole,
            "nearest": lr.repeat(4, 0).repeat(4, 1),
            "bicubic": imresize(lr, 4),
        }
        for method, image in versions.items():
            # One column less, so that widths are odd and centring falls on half pixels.
            write_png(root / f"images/Five/x4/{method}/{name}.png", image[:, :-1])


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Path:
    """A study of 12 main trials after 4 for practice; for copying."""
    root = tmp_path_factory.mktemp("app")
    make_results(root / "results")
    small = open_dataset("sample", None)
    for number, name in enumerate(small.ids[:2]):
        write_png(root / f"data/Practice/HR/p{number}.png", small.read(name)[200:300, 200:320])
    new_study(
        root / "results",
        root / "study",
        calibration="Practice",
        data_root=root / "data",
        raters=60,
        retests=0,
    )
    return root / "study"


@pytest.fixture
def folder(made_once, tmp_path) -> Path:
    """A study of one's own."""
    shutil.copytree(made_once, tmp_path / "study")
    return tmp_path / "study"


@dataclass
class Server:
    """A running app. ``kill`` is SIGKILL; ``start`` begins again on the same port."""

    folder: Path
    port: int
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = start_app(self.folder, self.port, **self.environment)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Server]]:
    """Starts the app on a study's folder."""
    running: list[Server] = []

    def start(folder: Path, **environment: str) -> Server:
        server = Server(folder, free_port(), environment)
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        server.kill()


@pytest.fixture(scope="session")
def server(serve, made_once, tmp_path_factory) -> Server:
    """One app that many raters share, as in a real study."""
    folder = tmp_path_factory.mktemp("served") / "study"
    shutil.copytree(made_once, folder)
    return serve(folder, SRBENCH_ADMIN_PASSWORD_HASH=hash_password(PASSWORD))


@pytest.fixture
def own_server(serve, folder) -> Iterator[Server]:
    """An app and a study of one's own, to be stopped, starved and changed."""
    server = serve(folder, SRBENCH_ADMIN_PASSWORD_HASH=hash_password(PASSWORD))
    yield server
    server.kill()


@pytest.fixture
def own_study(own_server) -> Iterator[Study]:
    """The study of one's own, beside its server."""
    study = open_study(own_server.folder, clock=strolling_clock())
    yield study
    study.store.close()


@pytest.fixture(scope="session")
def served_study(server):
    """The shared study, beside its server."""
    study = open_study(server.folder, clock=strolling_clock())
    yield study
    study.store.close()


@pytest.fixture(scope="session")
def next_code():
    """Raters take the codes one by one."""
    return itertools.count()


@pytest.fixture
def new_rater(server, served_study, new_page, next_code):
    """A new rater with a browser of the given device ratio and window."""

    def make(ratio: float = 1, size: tuple[int, int] = (1280, 720), **options) -> Rater:
        page = new_page(ratio, size, **options)
        return Rater(page, server.url, served_study, next(next_code))

    return make


@pytest.fixture(scope="session")
def contexts(browser):
    """Browser profiles by their screen; a profile of one's own would load the app afresh."""
    opened: dict[object, object] = {}

    def context(ratio: float, size: tuple[int, int], options: dict[str, str]):
        which = (ratio, size, *sorted(options.items()))
        if which not in opened:
            opened[which] = browser.new_context(
                viewport={"width": size[0], "height": size[1]}, device_scale_factor=ratio, **options
            )
            opened[which].set_default_timeout(PATIENCE_MS)
        return opened[which]

    return context


@pytest.fixture
def new_context(browser):
    """Opens browser profiles of one's own, without cookies of other raters."""
    opened = []

    def make(**options: str):
        opened.append(browser.new_context(**options))
        opened[-1].set_default_timeout(PATIENCE_MS)
        return opened[-1]

    yield make
    for context in opened:
        context.close()


@pytest.fixture
def new_page(contexts):
    """Opens pages."""
    pages = []

    def make(ratio: float = 1, size: tuple[int, int] = (1280, 720), **options: str):
        pages.append(contexts(ratio, size, options).new_page())
        return pages[-1]

    yield make
    for page in pages:
        page.close()
