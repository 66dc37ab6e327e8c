"""Processes that train one network together: who is who, and what they tell each other.

In: the environment that `torchrun` sets. Out: a `Team`, of one process where there is no other. What each of them does
is left to the loop, the feed and the learner.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import torch
from torch import distributed

__all__ = ["ALONE", "Team", "joined"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Team:
    """`size` processes on any number of machines, of which this is the one numbered `rank` from 0.

    The first, the chief, reads checkpoints, and it alone writes and speaks. `place` is the number on its machine.
    """

    rank: int = 0
    size: int = 1
    place: int = 0

    @property
    def chief(self) -> bool:
        return self.rank == 0

    def part(self, chosen: torch.Tensor) -> torch.Tensor:
        """The share of a batch (n,) that is this process's: pieces of one length, the first ones longer by one."""
        return chosen if self.size == 1 else torch.tensor_split(chosen, self.size)[self.rank]

    def added(self, numbers: Sequence[float], device: torch.device) -> list[float]:
        """Numbers added up over all processes."""
        if self.size == 1:
            return list(numbers)
        total = torch.tensor(numbers, dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        return list(map(float, total))

    def told(self, value: T) -> T:
        """What the chief has, given to all."""
        if self.size == 1:
            return value
        holder: list[Any] = [value]
        distributed.broadcast_object_list(holder, src=0)
        found: T = holder[0]
        return found

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()


ALONE: Final = Team()


@contextmanager
def joined(*, cuda: bool) -> Iterator[Team]:
    """The team that `torchrun` started this process for, while it lasts; a team of one without `torchrun`.

    GPUs talk through NCCL, CPUs through gloo.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    place = int(os.environ.get("LOCAL_RANK", "0"))
    if cuda:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        with warnings.catch_warnings():
            # A kernel over one channel lies in memory in two ways at once, and either is as fast.
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
            yield Team(distributed.get_rank(), size, place)
    finally:
        distributed.destroy_process_group()
