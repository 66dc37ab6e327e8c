"""The device that a test runs on: the CPU in `make test`, the first NVIDIA GPU in `make cuda`.

In: nothing. Out: what `pytest.mark.parametrize("device", …)` takes, and machines on a device that compute exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from archdsl.train.machine import Machine

__all__ = ["CUDA", "DEVICES", "exact", "machine_on"]

CUDA = pytest.param("cuda", marks=pytest.mark.cuda)
DEVICES = ("cpu", CUDA)


def machine_on(device: str, **more: Any) -> Machine:
    """A machine that gives the same bits every time: on the CPU all do, on a GPU those that are told to."""
    return Machine(torch.device(device), deterministic=device == "cuda", **more)


@contextmanager
def exact() -> Iterator[None]:
    """Within it, a GPU computes float32 as float32: convolutions would have 10 bits of mantissa otherwise."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
