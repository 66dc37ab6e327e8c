"""Random numbers as functions of the place they are used at, so that no generator has a state to keep.

In: a seed, an epoch, indices of examples. Out: orders, seeds and uniform numbers, the same on every machine. What they
are used for is left to `archdsl.train.augment` and the loop.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["order", "seed_of", "seed_torch", "uniforms"]

_GAMMA: Final = 0x9E3779B97F4A7C15
_MIX: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def seed_of(*place: object) -> int:
    """A seed for `torch.manual_seed` of its own for every place: `seed_of("order", 0, 3)`."""
    return int.from_bytes(hashlib.sha256(":".join(map(str, place)).encode()).digest()[:7], "big")


def seed_torch(seed: int, device: torch.device) -> None:
    """Set torch's own generators, those of dropout; `torch.manual_seed` takes longer than many a step."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):  # it is the generator of the current one that is set
            torch.cuda.manual_seed(seed)


def order(seed: int, epoch: int, count: int) -> torch.Tensor:
    """The order (count,) in which the examples come in an epoch."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed_of("order", seed, epoch)))


def uniforms(key: int, indices: torch.Tensor, columns: int) -> torch.Tensor:
    """Numbers (n, columns) from 0 to below 1, float32, each a function of the key, an index and a column.

    `uniforms(seed_of("flip", 0, 3), torch.tensor([7, 2]), 1)` has the number of example 7, then that of example 2: what
    else is in the batch changes nothing. It is SplitMix64 (Steele, Lea & Flood, 2014) at the place index * 64 + column
    of the stream that the key starts.
    """
    assert columns <= 64
    first = np.multiply(indices.cpu().numpy().astype(np.uint64)[:, None], np.uint64(64))
    places = np.add(first, np.arange(1, columns + 1, dtype=np.uint64))
    mixed = np.add(np.multiply(places, np.uint64(_GAMMA)), np.uint64(key))
    for bits, factor in _MIX:
        mixed = np.multiply(_folded(mixed, bits), np.uint64(factor))
    mixed = _folded(mixed, 31)
    # 24 bits fill the mantissa of a float32, so that none is rounded up to 1.
    return torch.from_numpy((mixed >> np.uint64(40)).astype(np.float32) * np.float32(2**-24))


def _folded(numbers: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    """The upper bits laid over the lower ones."""
    return np.bitwise_xor(numbers, np.right_shift(numbers, np.uint64(bits)))
