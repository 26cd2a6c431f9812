"""One file over HTTP, through pooch: progress, resumed after a break, checked by its hash."""

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
"""Called with the host, bytes so far and bytes in all, None where the server does not tell."""

_CHUNK = 2**14  # what a break loses at most


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

    A download that breaks off is taken up where it stopped, at once and again in a later call,
    if the server can do that and its file has not changed meanwhile. One that is already in the
    folder whole is not asked for again. ``known_hash`` is ``md5:...`` or ``sha256:...``, None if
    the caller checks the file; ``timeout`` is in seconds, for each answer of the server.

    Raises:
        DownloadError: the server cannot be reached, refuses, sends more than ``max_bytes``, or
            sends another file than the hash promises. The message is the reason alone.
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    import pooch
    import requests

    # pooch tells of every download on stderr; what the user sees is the caller's business.
    pooch.get_logger().setLevel(logging.WARNING)
    base = PurePosixPath(urlsplit(url).path).name or "download"
    fname = f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{base}"
    # Any: pooch's own protocol for downloaders does not match what it documents and calls.
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
    except OSError as error:  # after requests' own, which are of this kind too
        raise cannot_write(folder, error) from error
    return Path(path)


@dataclass(frozen=True)
class _Resuming:
    """A pooch downloader that keeps what it has in ``part`` and asks for the rest."""

    part: Path
    max_bytes: int
    timeout: float
    progress: DownloadProgress | None

    @property
    def tag(self) -> Path:
        """Beside the part: the server's name for this version of the file."""
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
                # As long as something arrives it is worth going on; nothing twice is a dead end.
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

        # Compressed transfer would make byte ranges mean something else.
        headers = {"Accept-Encoding": "identity"}
        have = self._size()
        if have and self.tag.exists():
            headers |= {"Range": f"bytes={have}-", "If-Range": self.tag.read_text()}
        with requests.get(url, headers=headers, stream=True, timeout=self.timeout) as answer:
            if have and answer.status_code == 416:  # the part is not of this file
                self.part.unlink()
                return self._go_on(url)
            answer.raise_for_status()
            resumed = answer.status_code == 206
            if not resumed:
                have = 0
                self._remember(answer.headers)
            # Of a file that is compressed for the journey only the compressed length is known.
            encoded = answer.headers.get("Content-Encoding", "identity") != "identity"
            length = None if encoded else answer.headers.get("Content-Length")
            total = have + int(length) if length else None
            self._write(answer, have, total, urlsplit(url).hostname or url)

    def _remember(self, headers: Any) -> None:
        # A weak ETag does not promise equal bytes, so it cannot vouch for a continuation.
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
