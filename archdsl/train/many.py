"""The same done to many files, on all cores, with a bar on a terminal.

In: things, what is done to one. Out: the results in order. What is done is left to the callers.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final, TypeVar

__all__ = ["each"]

T = TypeVar("T")
U = TypeVar("U")

_AT_ONCE: Final = 1024
"""So many wait for their turn, so that a million files take no memory, and Ctrl-C is heard soon."""


def each(call: Callable[[T], U], things: Sequence[T], what: str) -> list[U]:
    """`call` of each, by threads: Pillow and the disk let others go on. `what` stands before the bar."""
    with closing(_results(call, things)) as results:
        if not sys.stderr.isatty():
            return list(results)
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        return list(track(results, what, len(things), console=console, transient=True))


def _results(call: Callable[[T], U], things: Sequence[T]) -> Generator[U, None, None]:
    with ThreadPoolExecutor(max(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(things), _AT_ONCE):
            yield from pool.map(call, things[start : start + _AT_ONCE])
