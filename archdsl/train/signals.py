"""Ctrl-C and SIGTERM: the step is finished, then the run ends in good order.

In: signals of the process. Out: a flag that the loop reads between steps. A second signal ends the process at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Stop", "at_once", "stop_on_signals"]


@dataclass
class Stop:
    """Whether somebody asked for an end, and by which signal; `exit_status` is what a shell expects then."""

    signal: int | None = None

    @property
    def asked(self) -> bool:
        return self.signal is not None

    @property
    def exit_status(self) -> int:
        return 0 if self.signal is None else 128 + self.signal


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Within it, SIGINT and SIGTERM set the flag; only the main thread hears them."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hear(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        restore()

    for number in before:
        signal.signal(number, hear)
    try:
        yield stop
    finally:
        restore()


@contextmanager
def at_once() -> Iterator[None]:
    """Within it, Ctrl-C ends the process as SIGTERM does: for loading torch, where an exception aborts or gets lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
