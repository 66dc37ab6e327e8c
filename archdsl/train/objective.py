"""What a run makes small: the loss of the main output and of the weighted ones beside it.

In: a checked graph, the terms of a loss. Out: the graph that gives what the loss takes, and the loss of a batch.
Gradients are left to `archdsl.train.loop`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch.nn import functional

from archdsl.elaborate.recipe_learning import Auxiliary, BinaryCrossEntropy, Criterion, CrossEntropy
from archdsl.graph import Graph, Output
from archdsl.ops.base import show_shape
from archdsl.train.errors import TrainError

__all__ = ["Objective", "class_count", "guesses", "logits", "losses", "objective", "output_count"]

_SMALLEST_WINS: Final = ("rbf", "softmin")
_DONE_BY_LOSS: Final[Mapping[type[Criterion], tuple[str, ...]]] = {
    CrossEntropy: ("softmax", "log_softmax"),
    BinaryCrossEntropy: ("sigmoid",),
}


def logits(graph: Graph, criterion: Criterion) -> Graph:
    """The network without what the loss does itself: `softmax` for cross entropy, `sigmoid` for the binary one.

    Its weights have the same names and shapes.
    """
    done = _DONE_BY_LOSS.get(type(criterion), ())

    def before(output: Output) -> Output:
        node = graph.nodes[output.port.node]
        return output._replace(port=node.inputs[0]) if node.kind in done else output

    return replace(graph, outputs=tuple(map(before, graph.outputs)))


def losses(criterion: Criterion, output: torch.Tensor, labels: torch.Tensor, *, smoothed: bool = False) -> torch.Tensor:
    """The loss (N,) of every image: output (N, classes), labels (N,); labels are smoothed in training alone.

    For the binary cross entropy and the squared error the target is 1 at the label and 0 elsewhere, and the mean is
    taken over the outputs; a single output is the probability of label 1.
    """
    if isinstance(criterion, CrossEntropy):
        smoothing = criterion.label_smoothing if smoothed else 0.0
        return functional.cross_entropy(output, labels, reduction="none", label_smoothing=smoothing)
    classes = output.shape[1]
    target = labels[:, None] if classes == 1 else functional.one_hot(labels, classes)
    if isinstance(criterion, BinaryCrossEntropy):
        found = functional.binary_cross_entropy_with_logits(output, target.to(output.dtype), reduction="none")
    else:
        found = functional.mse_loss(output, target.to(output.dtype), reduction="none")
    return found.mean(1)


def guesses(criterion: Criterion, output: torch.Tensor) -> torch.Tensor:
    """The label (N,) that each row of an output (N, classes) is nearest to."""
    if output.shape[1] > 1:
        return output.argmax(1)
    border = 0.0 if isinstance(criterion, BinaryCrossEntropy) else 0.5
    return (output[:, 0] > border).long()


def output_count(graph: Graph) -> int:
    """How many numbers a network gives for an image: 10 for `input 8x8x1` and `fc 10`.

    Raises `TrainError` where it takes more than one image, or gives an image back, or a sequence.
    """
    aside = "archdsl compile writes the module in PyTorch, for a loop of your own"
    if len(graph.inputs) != 1:
        names = " and ".join(f"`{name}`" for name in (node.label or graph.names[node.key] for node in graph.inputs))
        message = f"the network has {len(graph.inputs)} inputs, {names}, and is given one image at a time here"
        raise TrainError(message, aside)
    main = graph.outputs[0]
    shape = graph.shape(main.port)
    if len(shape) != 1:
        message = f"the output `{main.name}` is {show_shape(shape)}, and the loss takes one number a class"
        raise TrainError(message, f"an image has one label: end the network in gap or fc; or {aside}")
    return shape[0]


def class_count(criterion: Criterion, outputs: int) -> int:
    """How many classes so many outputs tell apart: one output is a yes or no, except for cross entropy."""
    return 2 if outputs == 1 and not isinstance(criterion, CrossEntropy) else outputs


@dataclass(frozen=True)
class Objective:
    """The loss of the main output, plus `weights` times that of the others, in the order of the outputs."""

    criterion: Criterion
    weights: tuple[float, ...]

    def __call__(
        self,
        outputs: Sequence[torch.Tensor],
        labels: torch.Tensor,
        others: torch.Tensor | None = None,
        shares: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The mean over a batch: outputs (N, classes) each, labels (N,).

        Of an image that is mixed, `shares` (N,) counts its own label, the rest that of `others` (N,).
        """
        found = [self._one(output, labels, others, shares) for output in outputs]
        first, *rest = (
            loss if weight == 1 else weight * loss for weight, loss in zip(self.weights, found, strict=True)
        )
        return sum(rest, start=first)

    def _one(
        self, output: torch.Tensor, labels: torch.Tensor, others: torch.Tensor | None, shares: torch.Tensor | None
    ) -> torch.Tensor:
        """The mean loss of one output."""
        if others is None or shares is None:
            if isinstance(self.criterion, CrossEntropy):
                # The same mean, by one kernel less in a step that may take a millisecond.
                return functional.cross_entropy(output, labels, label_smoothing=self.criterion.label_smoothing)
            return losses(self.criterion, output, labels, smoothed=True).mean()
        own, other = (losses(self.criterion, output, given, smoothed=True) for given in (labels, others))
        return (shares * own + (1 - shares) * other).mean()


def objective(graph: Graph, criterion: Criterion, auxiliaries: Sequence[Auxiliary]) -> Objective:
    """The loss of a network. Raises `TrainError` for an output that is no row of classes, or that no term weighs."""
    output_count(graph)
    given = {auxiliary.output: auxiliary.weight for auxiliary in auxiliaries}
    weights = []
    for position, output in enumerate(graph.outputs):
        kind = graph.nodes[output.port.node].kind
        if kind in _SMALLEST_WINS:
            raise TrainError(
                f"`{kind}` gives the right class the smallest number, and the loss wants the largest",
                "end the network in fc",
            )
        shape = graph.shape(output.port)
        main = graph.outputs[0]
        if shape != graph.shape(main.port) and len(shape) == 1:
            raise TrainError(
                f"the output `{output.name}` is {show_shape(shape)}, and `{main.name}` is "
                f"{show_shape(graph.shape(main.port))}: they are to tell the same classes apart",
                f"end `{output.name}` in fc {graph.shape(main.port)[-1]}",
            )
        if len(shape) != 1:
            raise TrainError(
                f"the output `{output.name}` is {show_shape(shape)}, and the loss takes one number a class",
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
