"""What has been computed, keyed by the content that it was computed from.

A line of JSON per result, appended as soon as the result exists: an interrupted run loses at
most the line that was being written, which is skipped when read. No clock and no file date.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def content_key(*parts: object) -> str:
    """SHA-256 over the parts as JSON, hexadecimal."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Cache:
    """A mapping from content keys to small JSON values, kept in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    entry = json.loads(line)
                    self._values[entry["key"]] = entry["value"]
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # the line that an interruption cut short

    def get(self, key: str) -> Any | None:
        """The value of a key, or None."""
        return self._values.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep a value, on the disk at once."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        # The leading line end closes a line that an interruption cut short.
        with self._path.open("ab") as file:
            file.write(b"\n" + json.dumps({"key": key, "value": value}).encode())
