"""Processes that train one network together: who is who, and what they tell each other.

In: the environment that `torchrun` sets. Out: a `Team`, of one process where there is no other. What each of them does
is left to the loop, the feed and the learner.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import torch
from torch import distributed
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

from archdsl.train.errors import Abandoned, SaidElsewhere, TrainError

__all__ = ["ALONE", "Team", "joined", "restarts"]

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

    def share(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give all the values of the chief's tensors, in place."""
        for tensor in tensors if self.size > 1 else ():
            whole = tensor.contiguous()
            distributed.broadcast(whole, src=0)
            tensor.copy_(whole)

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            distributed.barrier()

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """Within it, a `TrainError` of one ends all: each that has something new to say raises its own.

        The others raise `SaidElsewhere`. So nobody waits for one that is gone, and what all say is said once.
        """
        if self.size == 1:
            yield
            return
        own: TrainError | None = None
        try:
            yield
        except TrainError as error:
            own = error
        said: list[Any] = [None] * self.size
        distributed.all_gather_object(said, None if own is None else own.message)
        if own is not None and said.index(own.message) == self.rank:
            raise own
        if any(words is not None for words in said):
            raise SaidElsewhere


ALONE: Final = Team()


@contextmanager
def joined(*, cuda: bool) -> Iterator[Team]:
    """The team that `torchrun` started this process for, while it lasts; a team of one without `torchrun`.

    GPUs talk through NCCL, CPUs through gloo. Raises `Abandoned` where another process is gone.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    rank, place = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    if cuda:
        there = torch.cuda.device_count()
        if place >= there:
            hint = f"as many processes as GPUs: --nproc-per-node {there}; or --device cpu"
            raise TrainError(f"process {place} of this machine has no GPU of its own: torch sees {there}", hint)
        torch.cuda.set_device(place)
    distributed.init_process_group(
        "nccl" if cuda else "gloo",
        store=_meeting(rank, size),
        rank=rank,
        world_size=size,
        # NCCL would guess it at the first barrier.
        device_id=torch.device("cuda", place) if cuda else None,
    )
    try:
        with warnings.catch_warnings():
            # A kernel over one channel lies in memory in two ways at once, and either is as fast.
            warnings.filterwarnings("ignore", message="find_unused_parameters=True was specified")
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
            yield Team(rank, size, place)
    except TrainError:
        # The others learn of it when this process is gone.
        raise
    except RuntimeError as error:
        # Of gloo the words alone say that another process is gone.
        if not (isinstance(error, distributed.DistError) or "/gloo/" in str(error)):
            raise
        hint = "what ended it stands in its own words; the same command goes on from the last checkpoint"
        raise Abandoned("another process of the team has ended", hint) from None
    except BaseException:
        distributed.destroy_process_group()
        raise
    else:
        distributed.destroy_process_group()


def _meeting(rank: int, size: int) -> PrefixStore | TCPStore:
    """Where the processes find each other.

    A store of torchrun's outlives the processes, and would give those of a restart the addresses of the dead ones.
    """
    kept = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = TCPStore(address, port, size, is_master=rank == 0 and not kept)
    return PrefixStore(f"restart {restarts()}", store) if kept else store


def restarts() -> int:
    """How often torchrun has begun anew after a process that ended."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
