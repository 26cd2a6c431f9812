"""Fetching data sets from a local server: interruptions, dead mirrors, unsafe archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.data import Source, fetch
from srbench.data.unpacking import Limits
from srbench.errors import DownloadError, ResultsError, UnknownName


def png(seed: int = 0, size: int = 64) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    out = io.BytesIO()
    PillowImage.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return out.getvalue()


def tarred(members: dict[str, bytes], extra: tarfile.TarInfo | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as bundle:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            bundle.addfile(info, io.BytesIO(data))
        if extra:
            bundle.addfile(extra)
    return out.getvalue()


def source(web_server, path: str, **more: str) -> Source:
    return Source(web_server.address + path, "Set5_HR", "this test", False, **more)


SET5 = {f"Set5_HR/{n}.png": png(k, 128) for k, n in enumerate(["baby", "bird", "woman"])}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_set_arrives_whole_verified_and_nothing_else_stays(web_server, tmp_path):
    junk = {"Set5_HR/readme.txt": b"x", "__MACOSX/Set5_HR/._baby.png": b"x", "LR/a.png": png(9)}
    web_server.files["/set5.zip"] = zipped({**SET5, **junk, "Set5_HR/.hidden.png": b"x"})
    seen: list[tuple[str, int, int | None]] = []
    got = fetch(
        "set5",
        tmp_path,
        sources=[source(web_server, "/set5.zip")],
        progress=lambda *a: seen.append(a),
    )
    assert names(tmp_path) == ["Set5"]
    assert names(tmp_path / "Set5" / "HR") == ["baby.png", "bird.png", "woman.png"]
    size = len(web_server.files["/set5.zip"])
    assert seen[-1] == ("127.0.0.1", size, size)
    assert not got.good  # noise is not Set5, and two images are missing
    statuses = {finding.image: finding.status for finding in got.findings}
    assert statuses["baby"] == "wrong image" or statuses["baby"] == "resized"
    assert statuses["head"] == "missing"


def test_what_is_there_is_verified_and_not_fetched_again(web_server, tmp_path):
    web_server.files["/a.tgz"] = tarred(SET5)
    fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    again = fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert again.source is None
    assert len(web_server.requests) == 1
    assert fetch("sample", tmp_path).good


def test_a_broken_transfer_is_taken_up_where_it_stopped(web_server, tmp_path):
    web_server.files["/a.tgz"] = tarred(SET5)
    web_server.break_after = [40_000, 50_000]
    fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert [wanted for _, wanted in web_server.requests] == [None, "bytes=32768-", "bytes=81920-"]
    assert names(tmp_path / "Set5" / "HR") == ["baby.png", "bird.png", "woman.png"]


def test_a_later_call_takes_up_what_an_earlier_one_left(web_server, tmp_path):
    web_server.files["/a.tgz"] = tarred(SET5)
    web_server.break_after = [40_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1"):
        fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert not (tmp_path / "Set5").exists()
    web_server.break_after.clear()
    asked = len(web_server.requests)
    fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert web_server.requests[asked:] == [("/a.tgz", "bytes=32768-")]
    assert names(tmp_path) == ["Set5"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(web_server, tmp_path):
    web_server.files["/a.tgz"] = tarred({"Set5_HR/old.png": png(7, 256)})
    web_server.break_after = [40_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    web_server.break_after.clear()
    web_server.files["/a.tgz"], web_server.etag = tarred(SET5), '"v2"'
    fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert names(tmp_path / "Set5" / "HR") == ["baby.png", "bird.png", "woman.png"]


def test_a_part_longer_than_the_file_is_fetched_from_the_start(web_server, tmp_path):
    web_server.files["/a.tgz"] = tarred({"Set5_HR/old.png": png(7, 512)})
    web_server.break_after = [500_000, 0, 0, 0, 0]
    with pytest.raises(DownloadError, match="the connection broke"):
        fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    web_server.break_after.clear()
    web_server.files["/a.tgz"] = tarred(SET5)
    asked = len(web_server.requests)
    fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert [wanted for _, wanted in web_server.requests[asked:]] == ["bytes=491520-", None]
    assert names(tmp_path) == ["Set5"]


def test_the_next_mirror_serves_when_one_is_dead_wrong_or_empty(web_server, tmp_path):
    web_server.files["/other.tgz"] = tarred({"elsewhere/a.png": png()})
    web_server.files["/wrong.tgz"] = web_server.files["/good.tgz"] = tarred(SET5)
    tried = [
        Source("http://127.0.0.1:9/dead.tgz", "Set5_HR", "this test", False),
        source(web_server, "/gone.tgz"),
        source(web_server, "/wrong.tgz", hash="md5:" + "0" * 32),
        source(web_server, "/other.tgz"),
        source(web_server, "/good.tgz"),
    ]
    got = fetch("Set5", tmp_path, sources=tried)
    assert got.source == web_server.address + "/good.tgz"
    assert names(tmp_path) == ["Set5"]


def test_offline_is_one_line_that_says_what_to_do(tmp_path):
    dead = Source("http://127.0.0.1:9/a.zip", "Set5_HR", "this test", False)
    with pytest.raises(DownloadError) as caught:
        fetch("Set5", tmp_path, sources=[dead, dead])
    message = str(caught.value)
    assert "\n" not in message
    assert "no connection" in message
    assert "srbench data import Set5 FOLDER" in message
    assert len(message) < 400
    assert not any(tmp_path.iterdir())


def test_names_can_be_mapped_to_the_catalogues(web_server, tmp_path):
    web_server.files["/u.zip"] = zipped({"x/img001.png": png()})
    mirror = Source(web_server.address + "/u.zip", "x", "this test", False, rename=("img", "img_"))
    got = fetch("Urban100", tmp_path, sources=[mirror])
    assert got.dataset.ids == ("img_001",)


def link(kind: bytes, name: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def zip_link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bundle:
        info = zipfile.ZipInfo("Set5_HR/baby.png")
        info.external_attr = 0o120777 << 16
        bundle.writestr(info, "/etc/passwd")
    return out.getvalue()


EVIL: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip-climbs": (lambda: zipped({"../evil.png": png(), **SET5}), "leads out"),
    "zip-climbs-deep": (lambda: zipped({"Set5_HR/../../evil.png": png()}), "leads out"),
    "zip-absolute": (lambda: zipped({"/tmp/evil.png": png(), **SET5}), "leads out"),
    "zip-backslash": (lambda: zipped({"..\\evil.png": png(), **SET5}), "leads out"),
    "zip-drive": (lambda: zipped({"C:evil.png": png(), **SET5}), "leads out"),
    "zip-link": (zip_link, "is a link"),
    "zip-bomb": (lambda: zipped({"Set5_HR/a.png": bytes(3_000_000)}), "is refused"),
    "zip-many": (lambda: zipped({f"Set5_HR/{k}.png": b"" for k in range(60)}), "is refused"),
    "tar-climbs": (lambda: tarred({"../evil.png": png(), **SET5}), "leads out"),
    "tar-absolute": (lambda: tarred({"/tmp/evil.png": png(), **SET5}), "leads out"),
    "tar-symlink": (
        lambda: tarred(SET5, link(tarfile.SYMTYPE, "Set5_HR/a.png", "/etc/passwd")),
        "is a link",
    ),
    "tar-hardlink": (
        lambda: tarred(SET5, link(tarfile.LNKTYPE, "Set5_HR/a.png", "Set5_HR/baby.png")),
        "is a link",
    ),
    "tar-device": (lambda: tarred(SET5, link(tarfile.CHRTYPE, "Set5_HR/a.png", "")), "device"),
    "tar-bomb": (lambda: tarred({"Set5_HR/a.png": bytes(3_000_000)}), "is refused"),
    "tar-bomb-aside": (lambda: tarred({"x/a.txt": bytes(3_000_000), **SET5}), "is refused"),
    "tar-header-bomb": (lambda: tarred({"x" * 3_000_000: b"", **SET5}), "is refused"),
    "twice": (lambda: tarred({"Set5_HR/a.png": png(), "./Set5_HR/a.png": png()}), "twice"),
    "two-of-one-id": (
        lambda: tarred({"Set5_HR/a.png": png(), "Set5_HR/a.jpg": png()}),
        "share the id",
    ),
    "zip-cut-short": (lambda: zipped(SET5)[:-200], "damaged"),
    "tar-cut-short": (lambda: tarred(SET5)[:-200], "damaged"),
    "no-archive": (lambda: b"<html>not here any more</html>" * 100, "damaged"),
}


@pytest.mark.parametrize("case", EVIL)
def test_an_evil_or_damaged_archive_leaves_nothing_behind(web_server, tmp_path, case):
    make, reason = EVIL[case]
    web_server.files["/evil"] = make()
    limits = Limits(total=2_000_000, member=1_000_000, members=50)
    with pytest.raises(DownloadError, match=reason) as caught:
        fetch("Set5", tmp_path / "root", sources=[source(web_server, "/evil")], limits=limits)
    assert "\n" not in str(caught.value)
    assert [str(path) for path in tmp_path.rglob("*")] == [str(tmp_path / "root")]


def test_a_file_that_never_ends_is_cut_off(web_server, tmp_path):
    web_server.files["/big.zip"] = bytes(3_000_000)
    limits = Limits(total=1_000_000)
    with pytest.raises(DownloadError, match="more than"):
        fetch("Set5", tmp_path, sources=[source(web_server, "/big.zip")], limits=limits)


def test_a_root_that_is_a_file_and_an_unknown_name_are_said_plainly(web_server, tmp_path):
    web_server.files["/a.tgz"] = tarred(SET5)
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"cannot write .*file"):
        fetch("Set5", tmp_path / "file", sources=[source(web_server, "/a.tgz")])
    with pytest.raises(UnknownName, match="did you mean 'Set5'"):
        fetch("Set6", tmp_path)


def test_nothing_is_printed(web_server, tmp_path, capfd):
    web_server.files["/a.tgz"] = tarred(SET5)
    fetch("Set5", tmp_path, sources=[source(web_server, "/a.tgz")])
    assert capfd.readouterr() == ("", "")
