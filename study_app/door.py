"""The password check of the researcher's page; each wrong password doubles the delay."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from threading import Lock

from srbench.study.keys import check_password

_LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Try:
    """Whether the password was right and whether it was checked; otherwise the seconds to wait."""

    open: bool
    tried: bool = True
    wait: float = 0.0


class Door:
    """One check for the whole server, because behind a proxy all clients have the same address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wrong = 0
        self._opens_at = 0.0

    def try_password(self, password: str, stored: str, now: float) -> Try:
        """Check one password; ``now`` in seconds of a monotonic clock."""
        with self._lock:
            if now < self._opens_at:
                return Try(False, tried=False, wait=self._opens_at - now)
            if check_password(password, stored):
                self._wrong = 0
                return Try(True)
            self._wrong += 1
            wait = min(_LONGEST_SECONDS, 2.0 ** (self._wrong - 1))
            self._opens_at = now + wait
        print(
            f"srbench: wrong password for the researcher's page ({self._wrong} in a row); "
            f"the next try is possible in {wait:.0f} s",
            file=sys.stderr,
        )
        return Try(False, wait=wait)


DOOR = Door()
