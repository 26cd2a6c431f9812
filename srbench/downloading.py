"""Download one file over HTTP with pooch: progress, resuming, and a check of its hash."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from .errors import DownloadError
from .files import cannot_write

DownloadProgress = Callable[[str, int, int | None], None]
"""Called with the host, bytes so far and total bytes (None if the server does not state them)."""

_CHUNK = 2**14  # an interruption loses at most this


def download(
    url: str,
    folder: Path,
    *,
    known_hash: str | None,
    max_bytes: int,
    timeout: float = 20.0,
    progress: DownloadProgress | None = None,
) -> Path:
    """Fetch ``url`` into ``folder`` and return the file.

    An interrupted download is resumed, at once and again in a later call, if the server supports
    this and its file has not changed. A complete file in the folder is not downloaded again.
    ``known_hash`` is ``md5:...`` or ``sha256:...``, or None if the caller checks the file;
    ``timeout`` is in seconds for each response of the server.

    Raises:
        DownloadError: the server cannot be reached, refuses, sends more than ``max_bytes``, or
            sends a file with another hash. The message contains only the reason.
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    import pooch
    import requests

    # pooch logs every download to stderr; the caller decides about output.
    pooch.get_logger().setLevel(logging.WARNING)
    base = PurePosixPath(urlsplit(url).path).name or "download"
    fname = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{base}"
    # Any: pooch's typed protocol for downloaders does not match its documentation and calls.
    resuming: Any = _Resuming(folder / f"{fname}.part", max_bytes, timeout, progress)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = pooch.retrieve(url, known_hash, fname=fname, path=folder, downloader=resuming)
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else "error"
        raise DownloadError(f"the server answers {code}") from error
    except requests.Timeout as error:
        raise DownloadError("no answer in time") from error
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        broke = resuming.part.exists()
        raise DownloadError("the connection broke" if broke else "no connection") from error
    except requests.RequestException as error:
        raise DownloadError(f"the transfer failed ({type(error).__name__})") from error
    except ValueError as error:
        raise DownloadError("its checksum is not the expected one") from error
    except OSError as error:  # after requests' errors, which are also of this type
        raise cannot_write(folder, error) from error
    return Path(path)


@dataclass(frozen=True)
class _Resuming:
    """A pooch downloader that keeps received data in ``part`` and requests the rest."""

    part: Path
    max_bytes: int
    timeout: float
    progress: DownloadProgress | None

    @property
    def tag(self) -> Path:
        """The file next to the part with the server's ETag of this version."""
        return self.part.with_name(self.part.name + ".tag")

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        import requests

        attempts_without_gain = 0
        while True:
            before = self._size()
            try:
                self._go_on(url)
                break
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                # Continue as long as data arrive; give up after two attempts without data.
                gained = self._size() > before and self.tag.exists()
                attempts_without_gain = 0 if gained else attempts_without_gain + 1
                if self._size() == 0 or attempts_without_gain > 1:
                    raise
                time.sleep(0.2)
        self.tag.unlink(missing_ok=True)
        shutil.move(self.part, str(output_file))

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _go_on(self, url: str) -> None:
        import requests

        # With compressed transfer, byte ranges would refer to compressed data.
        headers = {"Accept-Encoding": "identity"}
        have = self._size()
        if have and self.tag.exists():
            headers |= {"Range": f"bytes={have}-", "If-Range": self.tag.read_text()}
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout) as answer:
            if have and answer.status_code == 416:  # the part belongs to another version
                self.part.unlink()
                return self._go_on(url)
            answer.raise_for_status()
            resumed = answer.status_code == 206
            if not resumed:
                have = 0
                self._remember(answer.headers)
            # With compressed transfer, only the compressed length is known.
            encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
            length = None if encoded else answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            self._write(answer, have, total, urlsplit(url).hostname or url)

    def _remember(self, headers: Any) -> None:
        # A weak ETag does not guarantee equal bytes, so it cannot be used to resume.
        etag = headers.get("ETag", "")
        tag = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified")
        with contextlib.suppress(FileNotFoundError):
            self.tag.unlink()
        if tag and headers.get("Accept-Ranges") != "none":
            self.tag.write_text(tag)

    def _write(self, answer: Any, have: int, total: int | None, host: str) -> None:
        import requests

        if total is not None and total > self.max_bytes:
            raise DownloadError(f"it is {total >> 20} MiB, more than {self.max_bytes >> 20} MiB")
        with self.part.open("ab" if have else "wb") as out:
            for chunk in answer.iter_content(_CHUNK):
                have += len(chunk)
                if have > self.max_bytes:
                    raise DownloadError(f"it is more than {self.max_bytes >> 20} MiB")
                out.write(chunk)
                if self.progress:
                    self.progress(host, have, total)
        if total is not None and have != total:
            raise requests.ConnectionError("the transfer broke off")
