"""Unpack the images of an untrusted archive."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ..errors import DownloadError
from .folder import is_image_name

_CHUNK = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits for an archive: total bytes, bytes in one member, number of members.

    The largest set we know, DIV2K's training images, is 3.3 GiB in 800 files of up to 8 MiB.
    """

    total: int = 8 * 2**30
    member: int = 128 * 2**20
    members: int = 20_000


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    kind: str  # "file", "folder", or the name of another kind
    read: IO[bytes] | None  # None unless it is a file


def unpack_images(
    archive: Path,
    inside: str,
    target: Path,
    *,
    rename: tuple[str, str] | None = None,
    limits: Limits | None = None,
) -> list[Path]:
    """Write the images directly in the folder ``inside`` of a zip or tar to ``target``.

    ``inside`` is ``""`` for the archive's top. ``rename`` replaces a prefix of the file names.
    Other files are ignored, but every member is checked: an absolute path, a path with ``..``, a
    link, a device, or a member above the limits makes the archive unsafe. The actual bytes are
    counted, not the sizes in the headers.

    Raises:
        DownloadError: the archive is unsafe, damaged, of another kind, or has no image in
            ``inside``.
    """
    bounds = limits or Limits()
    folder = PurePosixPath(inside)
    written: list[Path] = []
    total = count = 0
    try:
        for member in _members(archive, bounds):
            path = _safe_path(archive, member)
            count, total = count + 1, total + member.size
            if count > bounds.members or total > bounds.total or member.size > bounds.member:
                raise _too_large(archive, member.name, bounds)
            if member.read is None or path.parent != folder or not is_image_name(path.name):
                continue
            name = path.name
            if rename and name.startswith(rename[0]):
                name = rename[1] + name.removeprefix(rename[0])
            if (target / name).exists():
                raise DownloadError(f"{archive.name} holds '{path}' twice")
            _copy(archive, member, target / name, bounds)
            written.append(target / name)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        gzip.BadGzipFile,
        EOFError,
        RuntimeError,  # zipfile's error for encrypted members and unknown compressions
        ValueError,
    ) as error:
        raise DownloadError(f"{archive.name} is damaged ({error})") from error
    if not written:
        raise DownloadError(f"{archive.name} holds no image in its folder '{inside}'")
    return written


def _members(archive: Path, bounds: Limits) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        return _zip_members(archive)
    with archive.open("rb") as stream:
        magic = stream.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return _tar_members(archive, cast(IO[bytes], gzip.open(archive)), bounds)
    if magic.startswith(b"BZh"):
        return _tar_members(archive, cast(IO[bytes], bz2.open(archive)), bounds)
    if magic.startswith(b"\xfd7zXZ\x00"):
        return _tar_members(archive, cast(IO[bytes], lzma.open(archive)), bounds)
    return _tar_members(archive, archive.open("rb"), bounds)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as bundle:
        for info in bundle.infolist():
            mode = info.external_attr >> 16
            if stat.S_ISLNK(mode):
                yield _Member(info.filename, info.file_size, "link", None)
            elif info.is_dir():
                yield _Member(info.filename, 0, "folder", None)
            else:
                with bundle.open(info) as data:
                    yield _Member(info.filename, info.file_size, "file", data)


def _tar_members(archive: Path, stream: IO[bytes], bounds: Limits) -> Iterator[_Member]:
    guarded = cast(IO[bytes], _Guarded(archive, stream, bounds))
    with stream, tarfile.open(fileobj=guarded, mode="r:") as bundle:
        for info in bundle:
            if info.isreg() and not info.issparse():
                yield _Member(info.name, info.size, "file", bundle.extractfile(info))
            elif info.isdir():
                yield _Member(info.name, 0, "folder", None)
            else:
                kind = "link" if info.issym() or info.islnk() else "device or sparse file"
                yield _Member(info.name, info.size, kind, None)


class _Guarded:
    """A decompressed stream with limits on each read and on the total.

    Needed because tarfile reads extended headers completely, at their claimed size, before we see a
    member.
    """

    def __init__(self, archive: Path, stream: IO[bytes], bounds: Limits) -> None:
        self.archive, self.stream, self.bounds = archive, stream, bounds

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.bounds.member or self.tell() + size > self._end():
            raise _too_large(self.archive, "a header", self.bounds)
        return self.stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        if whence != 0 or position > self._end():
            raise _too_large(self.archive, "a member", self.bounds)
        return self.stream.seek(position)

    def tell(self) -> int:
        return self.stream.tell()

    def _end(self) -> int:
        # Space for each member's header and padding, and tarfile's final blocks.
        return self.bounds.total + 2048 * self.bounds.members + tarfile.RECORDSIZE


def _safe_path(archive: Path, member: _Member) -> PurePosixPath:
    path = PurePosixPath(member.name)
    escapes = path.is_absolute() or ".." in path.parts or "\\" in member.name
    drive = len(member.name) > 1 and member.name[1] == ":"
    if escapes or drive or "\0" in member.name:
        raise DownloadError(f"{archive.name} is unsafe: '{member.name}' leads out of its folder")
    if member.kind not in ("file", "folder"):
        raise DownloadError(f"{archive.name} is unsafe: '{member.name}' is a {member.kind}")
    return path


def _copy(archive: Path, member: _Member, target: Path, bounds: Limits) -> None:
    assert member.read is not None
    copied = 0
    with target.open("xb") as out:
        while chunk := member.read.read(_CHUNK):
            copied += len(chunk)
            if copied > min(member.size, bounds.member):
                raise _too_large(archive, member.name, bounds)
            out.write(chunk)
    if copied != member.size:
        raise DownloadError(f"{archive.name} is damaged ('{member.name}' is cut short)")


def _too_large(archive: Path, what: str, bounds: Limits) -> DownloadError:
    return DownloadError(
        f"{archive.name} is refused: '{what}' takes it beyond {bounds.members} files, "
        f"{_mib(bounds.member)} in one or {_mib(bounds.total)} in all"
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:g} MiB"
