"""A second set of weights that goes after the ones that learn, and is tested and kept in their place.

In: a module, the plan, how many steps there will be. Out: that set, moved on with each step. Learning is left to
`archdsl.train.learner`.
"""

from __future__ import annotations

import copy
import math
from typing import Any, ClassVar

import torch
from torch import nn

from archdsl.elaborate.recipe_settings import Lookahead
from archdsl.train.errors import TrainError
from archdsl.train.plan import Plan

__all__ = ["Follower", "RunningAverage", "SlowWeights", "following"]


def following(made: nn.Module, plan: Plan, steps: int) -> Follower | None:
    """The second set that a plan asks for, at its first weights, or None; the whole run has `steps` steps.

    Raises `TrainError` where it asks for two, or for one that the run is too short for.
    """
    if plan.ema is not None and plan.lookahead is not None:
        raise TrainError("`ema` and `lookahead` both say which weights are tested", "leave out one of them")
    if plan.ema is not None:
        return RunningAverage(made, plan.ema)
    if plan.lookahead is not None:
        if plan.lookahead.k > steps:
            message = f"`lookahead` moves its weights every {plan.lookahead.k} steps, and the run has {steps}"
            raise TrainError(message, "more epochs, or a smaller k")
        return SlowWeights(made, plan.lookahead, steps)
    return None


class Follower:
    """A second set of weights; `kind` is what its tensors in a checkpoint are called by."""

    kind: ClassVar[str]

    def __init__(self, made: nn.Module) -> None:
        self.module = copy.deepcopy(made).requires_grad_(False)

    def follow(self, learning: nn.Module, done: int) -> None:
        """Go on after so many steps of the learning ones, which may be moved too."""
        raise NotImplementedError  # abstract: each kind has its own


class RunningAverage(Follower):
    """`ema 0.99`: with each step it keeps 99% of itself; means and variances of norms are those of the others."""

    kind = "average"

    def __init__(self, made: nn.Module, decay: float) -> None:
        super().__init__(made)
        self._decay = decay

    @torch.no_grad()
    def follow(self, learning: nn.Module, done: int) -> None:
        # All of them by one call, which a GPU needs a kernel or two for.
        torch._foreach_lerp_(list(self.module.parameters()), list(learning.parameters()), 1 - self._decay)
        for copied, buffer in zip(self.module.buffers(), learning.buffers(), strict=True):
            copied.copy_(buffer)


class SlowWeights(Follower):
    """`lookahead k=5 alpha=0.5`: every five steps the slow weights go half the way to the fast ones that learn.

    Then the fast ones begin again there. The optimizer keeps what it remembers, and statistics of norms go along.
    Zhang, Lucas, Hinton & Ba, "Lookahead optimizer: k steps forward, 1 step back", 2019, arXiv:1907.08610; with
    `power` as Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, arXiv:2404.00498, has it.
    """

    kind = "slow"

    def __init__(self, made: nn.Module, said: Lookahead, steps: int) -> None:
        super().__init__(made)
        self._said = said
        self._steps = steps

    @torch.no_grad()
    def follow(self, learning: nn.Module, done: int) -> None:
        if done % self._said.k:
            return
        slow, fast = _numbers(self.module), _numbers(learning)
        torch._foreach_lerp_(slow, fast, share(self._said, done / self._steps))
        torch._foreach_copy_(fast, slow)
        for copied, buffer in zip(self.module.buffers(), learning.buffers(), strict=True):
            if not buffer.is_floating_point():
                copied.copy_(buffer)


def share(said: Lookahead, progress: float) -> float:
    """How much of the way the slow weights go after this share of the run: from 1 down to `alpha`.

    >>> share(Lookahead(k=5, alpha=0.2, power=3), 0.5)
    0.9
    """
    return 1 - (1 - said.alpha) * math.pow(progress, said.power)


def _numbers(made: nn.Module) -> list[Any]:
    """The tensors that can be somewhere between two values: weights, and means and variances."""
    return [tensor for tensor in (*made.parameters(), *made.buffers()) if tensor.is_floating_point()]
