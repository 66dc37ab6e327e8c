"""Batches on their way to the network: in what order, changed how, from where.

In: a `Dataset`, the plan, the device. Out: for every step its batches, on the device, each a function of (seed, epoch,
place) alone; and the batches of a test. What is learnt from them is left to `archdsl.train.learner`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import torch

from archdsl.train.augment import Draws, augmented, blended, mixes
from archdsl.train.dataset import Dataset, Examples, Source
from archdsl.train.machine import Machine
from archdsl.train.plan import Plan
from archdsl.train.randomness import order
from archdsl.train.stream import streamed

__all__ = ["TEST_BATCH", "Batch", "Feed", "pieces"]

TEST_BATCH: Final = 64
"""The fewest images that are tested at once."""


@dataclass(frozen=True)
class Batch:
    """Images (N, C, H, W) as the network takes them, and their labels (N,), on the device.

    Where images are mixed, `shares` (N,) is how much of each is its own, and `others` (N,) are the labels of the rest.
    """

    images: torch.Tensor
    labels: torch.Tensor
    others: torch.Tensor | None = None
    shares: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)


def pieces(order: torch.Tensor, size: int) -> list[torch.Tensor]:
    """The order in pieces; a last piece of one joins the one before, since batch norm cannot learn from one image."""
    made = list(torch.split(order, size))
    if len(made) > 1 and len(made[-1]) == 1:
        made[-2:] = [torch.cat(made[-2:])]
    return made


class Feed:
    """The batches of a run; sets in memory lie on the device whole, others come from other processes."""

    def __init__(self, data: Dataset, plan: Plan, machine: Machine) -> None:
        self._data = data
        self._plan = plan
        self._machine = machine
        self._train = data.train.to(machine.device) if isinstance(data.train, Examples) else data.train
        self._test = data.test.to(machine.device) if isinstance(data.test, Examples) else data.test
        self._components = torch.tensor(data.prepare.components) if data.prepare.components else None
        self._augment = plan.augment
        if plan.augment is not None and data.cuts:
            self._augment = plan.augment.replace(crop=None, resized_crop=None)
        self.per_epoch = len(pieces(torch.arange(len(data.train)), plan.step_images))

    def steps(self, epoch: int, first: int) -> Generator[list[Batch], None, None]:
        """The steps of an epoch from the one numbered `first` on; a step has several batches where they are added up.

        Both count from 0.
        """
        taken = pieces(order(self._plan.seed, epoch, len(self._data.train)), self._plan.step_images)
        steps = [pieces(step, self._plan.batch) for step in taken[first:]]
        chosen = [batch for step in steps for batch in step]
        if mixes(self._augment):
            chosen = [torch.cat([batch, batch[:1]]) for batch in chosen]
        with closing(self._images(self._train, chosen, epoch)) as images:
            for step in steps:
                yield [self._batch(batch, next(images), epoch) for batch in step]

    def _images(
        self, source: Source, batches: Sequence[torch.Tensor], epoch: int | None
    ) -> Generator[torch.Tensor, None, None]:
        device = self._machine.device
        if isinstance(source, Examples):
            for chosen in batches:
                yield source.take(chosen.to(device), epoch)
            return
        with closing(streamed(source, batches, epoch, self._machine.workers, pinned=device.type == "cuda")) as images:
            for found in images:
                yield found.to(device, non_blocking=True)

    def _batch(self, chosen: torch.Tensor, images: torch.Tensor, epoch: int) -> Batch:
        prepare, seed = self._data.prepare, self._plan.seed
        behind = torch.cat([chosen, chosen[:1]])[: len(images)]
        images = augmented(prepare.floats(images), self._augment, Draws(seed, epoch, behind), self._components)
        made = blended(prepare.normalised(images), self._augment, Draws(seed, epoch, chosen))
        labels = self._labels(self._train, chosen)
        others = labels.roll(-1) if made.shares is not None else None
        return Batch(self._machine.placed(made.images), labels, others, made.shares)

    def _labels(self, source: Source, chosen: torch.Tensor) -> torch.Tensor:
        return source.labels[chosen.to(source.labels.device)].to(self._machine.device)

    def tests(self) -> Generator[Batch, None, None]:
        """The test images in batches, in their order."""
        batches = torch.split(torch.arange(len(self._test)), max(TEST_BATCH, 2 * self._plan.batch))
        with closing(self._images(self._test, batches, None)) as images:
            for chosen in batches:
                tested = self._data.tested(next(images))
                yield Batch(self._machine.placed(tested), self._labels(self._test, chosen))
