"""What a run makes small: the loss of the main output and of the weighted ones beside it.

In: a checked graph, the terms of a loss. Out: the graph that gives what the loss takes, and the loss of a batch.
Gradients are left to `archdsl.train.loop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_learning import Auxiliary, Criterion, CrossEntropy
from archdsl.graph import Graph, Output
from archdsl.ops.base import show_shape
from archdsl.train.errors import TrainError

__all__ = ["Objective", "logits", "losses", "objective"]

_SMALLEST_WINS: Final = ("rbf", "softmin")


def logits(graph: Graph) -> Graph:
    """The network without the `softmax` at its outputs, since cross entropy takes what stands before it.

    Its weights have the same names and shapes.
    """

    def before(output: Output) -> Output:
        node = graph.nodes[output.port.node]
        return replace(output, port=node.inputs[0]) if node.kind in ("softmax", "log_softmax") else output

    return replace(graph, outputs=tuple(map(before, graph.outputs)))


def losses(criterion: Criterion, output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss (N,) of every image in a test: output (N, classes), labels (N,); labels are not smoothed."""
    return functional.cross_entropy(output, labels, reduction="none")


@dataclass(frozen=True)
class Objective:
    """Cross entropy of the main output, plus `weights` times that of the others, in the order of the outputs."""

    criterion: CrossEntropy
    weights: tuple[float, ...]

    def __call__(self, outputs: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """The mean over a batch: outputs (N, classes) each, labels (N,)."""
        total = torch.zeros((), device=labels.device)
        for weight, output in zip(self.weights, outputs, strict=True):
            smoothing = self.criterion.label_smoothing
            total = total + weight * functional.cross_entropy(output, labels, label_smoothing=smoothing)
        return total


def objective(graph: Graph, criterion: CrossEntropy, auxiliaries: Sequence[Auxiliary]) -> Objective:
    """The loss of a network. Raises `TrainError` for an output that is no row of classes, or that no term weighs."""
    given = {auxiliary.output: auxiliary.weight for auxiliary in auxiliaries}
    weights = []
    for position, output in enumerate(graph.outputs):
        kind = graph.nodes[output.port.node].kind
        if kind in _SMALLEST_WINS:
            raise TrainError(
                f"`{kind}` gives the right class the smallest number, and cross entropy the largest",
                "end the network in fc",
            )
        shape = graph.shape(output.port)
        if len(shape) != 1:
            raise TrainError(
                f"the output `{output.name}` is {show_shape(shape)}, and cross entropy takes one number a class",
                "end the network in gap or fc",
            )
        weight = given.pop(output.name, None) if position else 1.0
        if weight is None:
            raise TrainError(
                f"the loss does not say how much the output `{output.name}` counts",
                f"train {{ loss cross_entropy + 0.3 {output.name} }}",
            )
        weights.append(weight)
    if given:
        raise TrainError(f"the network has no output `{next(iter(given))}` beside its main one")
    return Objective(criterion, tuple(weights))
