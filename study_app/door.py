"""The lock of the researcher's page: after each wrong password it stays shut for longer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from threading import Lock

from srbench.study.keys import check_password

_LONGEST_SECONDS = 60.0


@dataclass(frozen=True)
class Try:
    """Whether the password was right, whether it was looked at, and else the seconds to wait."""

    open: bool
    tried: bool = True
    wait: float = 0.0


class Door:
    """One for the whole server: behind a proxy all have the same address."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wrong = 0
        self._opens_at = 0.0

    def try_password(self, password: str, stored: str, now: float) -> Try:
        """Look at one password; ``now`` in seconds of a clock that never goes back."""
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
