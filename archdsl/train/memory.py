"""How the C library keeps memory while a network is trained on the CPU.

In: nothing. Out: nothing; the process is set for the rest of its life. Memory of GPUs is torch's own to keep.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

__all__ = ["keep_freed"]

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
"""Names of `mallopt` in glibc's malloc.h."""
_LARGEST: Final = {_TRIM_THRESHOLD: 2**31 - 1, _MMAP_THRESHOLD: 2**25}
"""In bytes, the most that mallopt(3) takes for each."""


def keep_freed() -> None:
    """Let freed memory stay with this process, for the next step to use.

    glibc gives much of it back to the system after every step, and gets it anew page by page: a tenth of the time of a
    network with large images and few layers. The peak stays what it was. Where the environment sets malloc up
    (MALLOC_TRIM_THRESHOLD_ and its like, GLIBC_TUNABLES) that decides; other C libraries have no such call.
    """
    if sys.platform != "linux" or any(name.startswith(("MALLOC_", "GLIBC_TUNABLES")) for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for name, value in _LARGEST.items():
            mallopt(name, value)
