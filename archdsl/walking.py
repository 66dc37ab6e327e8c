"""The files in a folder, for commands that take one.

In: a folder. Out: its files and those of the folders in it, in order. What is done with them is left to the callers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["NETWORK", "walk"]

NETWORK = ".arch"
"""How the name of a file of networks ends."""


def walk(folder: Path, unreadable: Callable[[OSError], None]) -> Iterator[Path]:
    """The files in a folder and the folders in it, in order; hidden ones are left out, and links to folders.

    `unreadable` is told of a folder that cannot be read.
    """
    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(place) / name
