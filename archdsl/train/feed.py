"""Batches on their way to the network: in what order, changed how, from where.

In: a `Dataset`, the plan, the device. Out: for every step its batches, on the device, each a function of (seed, epoch,
place) alone; and the batches of a test. Copies to the device are begun and not waited for. What is learnt from them is
left to `archdsl.train.learner`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import torch

from archdsl.train.augment import Draws, augmented, blended, mixes
from archdsl.train.dataset import Dataset, Examples, Source
from archdsl.train.errors import TrainError
from archdsl.train.machine import Machine
from archdsl.train.plan import Plan
from archdsl.train.randomness import order
from archdsl.train.stream import streamed

__all__ = ["TEST_BATCH", "Batch", "Feed", "epoch_steps", "pieces"]

TEST_BATCH: Final = 64
"""The fewest images that are tested at once."""


@dataclass(frozen=True)
class Batch:
    """Images (N, C, H, W) as the network takes them, and their labels (N,), on the device.

    Where images are mixed, `shares` (N,) is how much of each is its own, and `others` (N,) are the labels of the rest.
    `count` of them are learnt from, all but where a process of a team has none; `together` is that of the whole team.
    """

    images: torch.Tensor
    labels: torch.Tensor
    others: torch.Tensor | None = None
    shares: torch.Tensor | None = None
    count: int = 0
    together: int = 0

    def __len__(self) -> int:
        return self.count


class _Share(NamedTuple):
    """The examples of a process in a batch, with the one behind its last where images are mixed with those behind them.

    `counted` are learnt from; the whole batch has `together`.
    """

    read: torch.Tensor
    counted: int
    together: int


def pieces(order: torch.Tensor, size: int) -> list[torch.Tensor]:
    """The order in pieces; a last piece of one joins the one before, since batch norm cannot learn from one image."""
    if len(order) <= size:
        return [order]
    made = list(torch.split(order, size))
    if len(made) > 1 and len(made[-1]) == 1:
        made[-2:] = [torch.cat(made[-2:])]
    return made


def epoch_steps(data: Dataset, plan: Plan) -> int:
    """How many steps an epoch has."""
    return len(pieces(torch.arange(len(data.train)), plan.step_images))


class Feed:
    """The batches of a run; sets in memory lie on the device whole, others come from other processes."""

    def __init__(self, data: Dataset, plan: Plan, machine: Machine) -> None:
        self._data = data
        self._plan = plan
        self._machine = machine
        self._components = torch.tensor(data.prepare.components) if data.prepare.components else None
        self._augment = plan.augment
        if plan.augment is not None and data.cuts:
            self._augment = plan.augment.replace(crop=None, resized_crop=None)
        self._mixes = mixes(self._augment)
        self.per_epoch = epoch_steps(data, plan)

    @cached_property
    def _train(self) -> Source:
        return self._placed(self._data.train)

    @cached_property
    def _test(self) -> Source:
        return self._placed(self._data.test)

    def _placed(self, source: Source) -> Source:
        """On the device when it is first asked for: a test has no use for the images of training there."""
        if not isinstance(source, Examples):
            return source
        try:
            return source.to(self._machine.device)
        except torch.OutOfMemoryError:
            message = f"{self._machine.device} has no memory for all {len(source):,} images at once"
            hint = "--store stream reads them as they come" if source.origin else "class folders can be streamed"
            raise TrainError(message, hint) from None

    def steps(self, epoch: int, first: int) -> Generator[list[Batch], None, None]:
        """The steps of an epoch from the one numbered `first` on; a step has several batches where they are added up.

        Both count from 0.
        """
        taken = pieces(order(self._plan.seed, epoch, len(self._data.train)), self._plan.step_images)
        steps = [pieces(step, self._plan.batch) for step in taken[first:]]
        chosen = [batch for step in steps for batch in step]
        shares = [self._share(batch) for batch in chosen]
        with closing(self._images(self._train, [share.read for share in shares], epoch)) as images:
            left = iter(shares)
            for step in steps:
                yield [self._batch(next(left), next(images), epoch) for _ in step]

    def _share(self, batch: torch.Tensor) -> _Share:
        """The part of a batch that this process learns from; an image that counts nothing where there is none."""
        team = self._machine.team
        own = team.part(batch)
        counted = len(own)
        if not counted:
            own = batch[:1]
        if not self._mixes:
            return _Share(own, counted, len(batch))
        last = int((batch == own[-1]).nonzero()[0, 0]) if team.size > 1 else len(batch) - 1
        behind = batch[(last + 1) % len(batch)] if counted else batch[0]
        return _Share(torch.cat([own, behind[None]]), counted, len(batch))

    def _images(
        self, source: Source, batches: Sequence[torch.Tensor], epoch: int | None
    ) -> Generator[torch.Tensor, None, None]:
        device = self._machine.device
        if isinstance(source, Examples):
            for chosen in batches:
                yield source.take(chosen.to(device, non_blocking=True), epoch)
            return
        with closing(streamed(source, batches, epoch, self._machine.workers, pinned=device.type == "cuda")) as images:
            for found in images:
                yield found.to(device, non_blocking=True)

    def _batch(self, share: _Share, images: torch.Tensor, epoch: int) -> Batch:
        prepare, seed = self._data.prepare, self._plan.seed
        draws = Draws(seed, epoch, share.read)
        images = augmented(prepare.floats(images), self._augment, draws, self._components)
        made = blended(prepare.normalised(images), self._augment, draws)
        labels, others = self._labels(self._train, share.read), None
        if self._mixes:
            labels, others = labels[:-1], labels[1:]
        return Batch(self._machine.placed(made.images), labels, others, made.shares, share.counted, share.together)

    def _labels(self, source: Source, chosen: torch.Tensor) -> torch.Tensor:
        there = chosen.to(source.labels.device, non_blocking=True)
        return source.labels.index_select(0, there).to(self._machine.device, non_blocking=True)

    def tests(self) -> Generator[Batch, None, None]:
        """The test images in batches, in their order; of a team, this process's part of them."""
        own = self._machine.team.part(torch.arange(len(self._test)))
        batches = torch.split(own, max(TEST_BATCH, 2 * self._plan.batch)) if len(own) else ()
        with closing(self._images(self._test, batches, None)) as images:
            for chosen in batches:
                tested = self._data.tested(next(images))
                yield Batch(
                    self._machine.placed(tested),
                    self._labels(self._test, chosen),
                    count=len(chosen),
                    together=len(chosen),
                )
