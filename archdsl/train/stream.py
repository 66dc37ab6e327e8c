"""Batches that are read by other processes while the network learns.

In: a source, the numbers of the examples of each batch. Out: their images, in order, on the way to the device. What is
done to them is left to `archdsl.train.feed`.
"""

from __future__ import annotations

import signal
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from archdsl.train.dataset import Source
from archdsl.train.errors import TrainError

__all__ = ["streamed"]


class _Batches(Dataset[Any]):
    """A batch by its number; a mistake is given back as its words, since an exception loses them on its way."""

    def __init__(self, source: Source, batches: Sequence[torch.Tensor], epoch: int | None) -> None:
        self._source = source
        self._batches = batches
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> torch.Tensor | tuple[str, str]:
        try:
            return self._source.take(self._batches[number], self._epoch)
        except TrainError as error:
            return error.message, error.hint


@contextmanager
def _held_back() -> Iterator[None]:
    """Hold the signals that end a run back; a process that begins within it does so for good.

    A worker would otherwise hear them until `_deaf` is called in it, and torch says that a dead worker is an error.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _deaf(worker: int) -> None:
    """A worker does not hear the signals that end a run: the process that it works for does, and ends it in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)


def streamed(
    source: Source, batches: Sequence[torch.Tensor], epoch: int | None, workers: int, *, pinned: bool
) -> Generator[torch.Tensor, None, None]:
    """The images of each batch, from so many processes, two batches ahead each; from this one where there are none.

    Raises `TrainError` for a file that cannot be read.
    """
    with warnings.catch_warnings():
        # As many as the user says.
        warnings.filterwarnings("ignore", message="This DataLoader will create")
        loader: DataLoader[Any] = DataLoader(
            _Batches(source, batches, epoch),
            batch_size=None,
            num_workers=workers,
            worker_init_fn=_deaf if workers else None,
            pin_memory=pinned,
            generator=torch.Generator(),
        )
        with _held_back():
            batches_read = iter(loader)
    while True:
        try:
            found = next(batches_read)
        except StopIteration:
            return
        except RuntimeError as error:  # how torch says that a worker is gone: killed for memory, perhaps
            raise TrainError(f"a process that reads images has ended: {error}", "--workers 0") from None
        if not isinstance(found, torch.Tensor):
            raise TrainError(*found)
        yield found
