"""Ctrl-C and SIGTERM end a command alike, wherever they meet it."""

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
"""Seconds until an interruption that was lost is sent again."""


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM raises KeyboardInterrupt in the main thread, as Ctrl-C does, and none is lost.

    Schedulers and ``timeout`` send SIGTERM; unheard, it would leave temporary files behind.
    """
    if threading.current_thread() is not threading.main_thread():  # nobody else may set handlers
        yield
        return
    told, handler = sys.unraisablehook, signal.getsignal(signal.SIGTERM)

    def send_again(lost: UnraisableHookArgs) -> None:
        # Python prints and forgets what is raised while it frees an object.
        if issubclass(lost.exc_type, KeyboardInterrupt):
            # By SIGTERM, whose handler is ours: a command in the background ignores SIGINT.
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
