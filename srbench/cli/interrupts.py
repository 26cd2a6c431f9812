"""Ctrl-C and SIGTERM end a command in the same way at any point."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_SOON = 0.05
"""Seconds until a lost interruption is sent again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt in the main thread, like Ctrl-C, and lose neither.

    Schedulers and ``timeout`` send SIGTERM; by default it would leave temporary files behind.
    """
    # Only the main thread may set handlers.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    told, handler = sys.unraisablehook, signal.getsignal(signal.SIGTERM)

    def send_again(lost: UnraisableHookArgs) -> None:
        # Python prints, but does not raise, exceptions that occur while it frees an object.
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # Send SIGTERM, because a command in the background ignores SIGINT.
            threading.Timer(_SOON, _thread.interrupt_main, [signal.SIGTERM]).start()
        else:
            told(lost)

    sys.unraisablehook = send_again
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        sys.unraisablehook = told
        signal.signal(signal.SIGTERM, signal.SIG_DFL if handler is None else handler)
