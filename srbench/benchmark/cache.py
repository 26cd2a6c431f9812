"""The cache of results, keyed by the content of their inputs.

One line of JSON per result, appended at once: an interrupted run loses at most the line that was
being written, which is skipped when read. Keys use neither times nor file dates.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def content_key(*parts: object) -> str:
    """SHA-256 of the parts as JSON, in hexadecimal."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Cache:
    """A mapping from content keys to small JSON values, stored in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        if path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    entry = json.loads(line)
                    self._values[entry["key"]] = entry["value"]
                except (ValueError, KeyError, TypeError, RecursionError):
                    continue  # an incomplete line from an interrupted run

    def get(self, key: str) -> Any | None:
        """The value of a key, or None."""
        return self._values.get(key)

    def number(self, key: str) -> float | None:
        """The number of a key; None without one, or if another version stored something else."""
        value = self.get(key)
        return value if isinstance(value, (int, float)) else None

    def put(self, key: str, value: Any) -> None:
        """Store a value, on disk at once."""
        if self._values.get(key) == value:
            return
        self._values[key] = value
        # The leading line end completes a line from an interrupted run.
        with self._path.open("ab") as file:
            file.write(b"\n" + json.dumps({"key": key, "value": value}).encode())
