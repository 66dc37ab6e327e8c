"""The learning rate of every step.

In: a schedule, where the run is, the losses of its tests. Out: a number. Nothing is remembered from step to step, so a
run can go on anywhere.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from archdsl.elaborate.recipe_learning import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    Plateau,
    Polynomial,
    Schedule,
    Step,
    Table,
    Triangular,
)

__all__ = ["learning_rate", "stale"]


def learning_rate(
    schedule: Schedule, first: float | None, *, step: int, per_epoch: int, epochs: int, losses: Sequence[float] = ()
) -> float:
    """The learning rate of a step, which counts from 0 over the whole run.

    >>> learning_rate(Step(at=(2,), factor=0.1), 0.5, step=20, per_epoch=10, epochs=4)
    0.05

    - `first`: the optimizer's; None where a table says it from the first epoch on.
    - `per_epoch`: steps of an epoch.
    - `losses`: of the tests so far, for `plateau`.
    """
    epoch, progress = step // per_epoch, step / (per_epoch * epochs)
    if isinstance(schedule, Plateau):
        assert first is not None, "every optimizer has a learning rate unless a table says it"
        rate = first * math.pow(schedule.factor, _falls(schedule.patience, losses))
    else:
        rate = _rate(schedule, first, epoch, progress)
    rising = schedule.warmup * per_epoch
    return rate * min(1.0, (step + 1) / rising) if rising > 0 else rate


def _falls(patience: int, losses: Sequence[float]) -> int:
    """How often the test loss has not been better for `patience` epochs, each time counted from the last."""
    best, waited, falls = math.inf, 0, 0
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited >= patience:
            falls, waited = falls + 1, 0
    return falls


def stale(losses: Sequence[float]) -> int:
    """For how many epochs the test loss has not been better."""
    return 0 if not losses else len(losses) - 1 - losses.index(min(losses))


def _rate(schedule: Schedule, first: float | None, epoch: int, progress: float) -> float:
    if isinstance(schedule, Table):
        place = bisect_right([start for start, _ in schedule.rates], epoch + 1)
        if place:
            return schedule.rates[place - 1][1]
        assert first is not None, "a table that begins later stands beside a learning rate"
        return first
    assert first is not None, "every optimizer has a learning rate unless a table says it"
    match schedule:
        case Constant():
            return first
        case Step(at=at, factor=factor):
            return first * math.pow(factor, bisect_right(at, epoch))
        case Exponential(every=every, factor=factor):
            return first * math.pow(factor, epoch // every)
        case Cosine(final=final):
            return first * (final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2)
        case Linear(final=final):
            return first * (1 - (1 - final) * progress)
        case Polynomial(final=final, power=power):
            return first * (final + (1 - final) * math.pow(1 - progress, power))
        case Triangular(peak=peak, start=start, final=final):
            if progress < peak:
                return first * (start + (1 - start) * progress / peak)
            return first * (1 - (1 - final) * (progress - peak) / (1 - peak))
    raise AssertionError(f"{schedule.name} is not a formula of the step")
