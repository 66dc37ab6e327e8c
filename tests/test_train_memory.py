"""Freed memory stays with a process that trains: page faults as the kernel counts them.

In: a process of its own for each case, since what is set holds for its life. Out: nothing.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

_ROUNDS = """
import resource, torch
from archdsl.train.memory import keep_freed
keep_freed()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [torch.zeros(4 * 2**20) for _ in range(4)]  # 4 of 16 MiB
    del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
for _ in range(3):
    faults()
print(min(faults() for _ in range(10)))  # the least, since a kernel that moves pages between processors has faults too
"""
_PAGES = 4 * 16 * 2**20 // 4096
"""What a step touches: 16,384 pages of 4 KiB."""


def _faults(**settings: str) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | settings
    command = [sys.executable, "-c", _ROUNDS]
    return int(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_steps_use_the_memory_of_the_steps_before() -> None:
    assert _faults() < _PAGES / 100


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_the_environment_decides_where_it_sets_malloc_up() -> None:
    # Blocks of 128 KiB and more are mapped one by one and given back at once then (mallopt(3)); with huge pages, which
    # a kernel may use by itself, a fault brings 2 MiB.
    assert _faults(MALLOC_MMAP_THRESHOLD_="131072") >= _PAGES / 512
