"""How good a network is on images that it did not learn from.

In: a module, batches, the loss. Out: a `Score`. Which weights it has is left to the callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from archdsl.elaborate.recipe_learning import Criterion
from archdsl.train.feed import Batch
from archdsl.train.learner import outputs
from archdsl.train.machine import Machine
from archdsl.train.objective import guesses, losses

__all__ = ["Score", "evaluate"]

_TOP: Final = 5


@dataclass(frozen=True)
class Score:
    """The mean loss over `images`, the share that is right, and that which is right among the first five guesses.

    The last is None where there are five classes or fewer.
    """

    loss: float
    accuracy: float
    top5: float | None
    images: int


@torch.no_grad()
def evaluate(
    made: nn.Module,
    batches: Iterable[Batch],
    criterion: Criterion,
    machine: Machine,
    stop: Callable[[], bool] = lambda: False,
) -> Score | None:
    """The score of the main output, or None where `stop` asked for an end."""
    made.eval()
    total, right, among, seen, classes = 0.0, 0.0, 0.0, 0.0, 0
    stopped = False
    for batch in batches:
        stopped = stop()
        if stopped:
            break
        with machine.explained(len(batch)), machine.autocast():
            output = outputs(made(batch.images))[0]
        output = output.float()
        classes = output.shape[1]
        total += float(losses(criterion, output, batch.labels).sum())
        ranked = output.topk(min(_TOP, classes), dim=1).indices == batch.labels[:, None]
        right += int((guesses(criterion, output) == batch.labels).sum())
        among += int(ranked.any(1).sum())
        seen += len(batch)
    classes = machine.team.told(classes)
    stops, total, right, among, seen = machine.team.added([stopped, total, right, among, seen], machine.device)
    if stops:
        return None
    return Score(total / seen, right / seen, among / seen if classes > _TOP else None, int(seen))
