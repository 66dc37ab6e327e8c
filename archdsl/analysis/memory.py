"""Bytes: activations of a forward pass, and an estimate for training.

In: a graph, a batch size, an optimizer. Out: `Memory`, in bytes of float32. What a device and its libraries take
besides (contexts, workspaces, fragmentation) is left out, and the estimate says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from archdsl.analysis.counts import Counts
from archdsl.analysis.facts import FLOAT32, facts, training_only
from archdsl.graph import Graph

__all__ = ["NOT_CONTAINED", "OPTIMIZERS", "Memory", "TrainingEstimate", "estimate_training", "memory"]

OPTIMIZERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "sgd": 0,
        "sgd-momentum": 1,
        "adagrad": 1,
        "rmsprop": 1,
        "adam": 2,
        "adamw": 2,
        "nadam": 2,
        "radam": 2,
        "adamax": 2,
        "adadelta": 2,
    }
)
"""Values that PyTorch's optimizer of that name keeps for each parameter, at its defaults."""

NOT_CONTAINED: Final = "activation gradients, dropout masks, pooling indices, library workspaces, allocator slack"
"""What the estimate for training leaves out, in words."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of float32 for one example.

    - `weights`: parameters and buffers.
    - `activations`: every output of every layer, each counted once and as a tensor of its own: nothing is assumed
      to be done in place or to be a view. The input is not among them, nor what exists in training only.
    - `peak`: the most that is alive at one moment of inference, layers run in the order of the text and a tensor
      freed after the last layer that reads it; the input is among them.
    """

    weights: int
    activations: int
    peak: int


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """Bytes of float32 to train on a batch; `total` is the sum of the four parts.

    - `weights`: parameters and buffers. `gradients`: one value a parameter.
    - `optimizer_state`: what the optimizer keeps a parameter.
    - `activations`: the input and every output of every layer, kept for the backward pass, times the batch; heads
      that exist in training only are among them.
    """

    batch: int
    optimizer: str
    weights: int
    gradients: int
    optimizer_state: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer_state + self.activations


def memory(graph: Graph, counts: Counts) -> Memory:
    """The bytes of one forward pass.

    >>> memory(relu_on_2x2x1, counts).activations      # 4 values of 4 bytes
    16
    """
    known = facts(graph)
    extra = training_only(graph)
    # Outputs of the network outlive every layer.
    last = {output.port.node: len(graph.nodes) for output in graph.outputs if not output.training}
    for node in graph.nodes:
        if node.key not in extra:
            for port in node.inputs:
                last[port.node] = max(last.get(port.node, 0), node.key)
    freed: list[int] = [0] * (len(graph.nodes) + 1)
    activations = live = peak = 0
    for node, fact in zip(graph.nodes, known, strict=True):
        if node.key in extra:
            continue
        live += fact.elements
        peak = max(peak, live)
        if node.op is not None:
            activations += fact.elements
        freed[last.get(node.key, node.key)] += fact.elements
        live -= freed[node.key]
    weights = counts.total.params + counts.total.buffers
    return Memory(weights * FLOAT32, activations * FLOAT32, peak * FLOAT32)


def estimate_training(graph: Graph, counts: Counts, *, batch: int, optimizer: str) -> TrainingEstimate:
    """The bytes that training takes, roughly; `NOT_CONTAINED` says what is left out.

    >>> estimate_training(vgg16, counts, batch=1, optimizer="adam").optimizer_state     # two values a parameter
    1106860352

    - `batch`: images in a step.
    - `optimizer`: one of `OPTIMIZERS`.

    Raises `ValueError` for a batch below one or an optimizer that is not known.
    """
    if batch < 1:
        raise ValueError(f"a batch has at least one image, not {batch}")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"the optimizer `{optimizer}` is not known: {', '.join(OPTIMIZERS)}")
    params = counts.total.params + counts.training.params
    buffers = counts.total.buffers + counts.training.buffers
    return TrainingEstimate(
        batch=batch,
        optimizer=optimizer,
        weights=(params + buffers) * FLOAT32,
        gradients=params * FLOAT32,
        optimizer_state=OPTIMIZERS[optimizer] * params * FLOAT32,
        activations=sum(fact.elements for fact in facts(graph)) * FLOAT32 * batch,
    )
