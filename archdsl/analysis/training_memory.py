"""Bytes of a step of training, followed through its forward pass, its backward pass and its optimizer.

In: a graph, a batch size, an optimizer. Out: a `TrainingEstimate`, in bytes of float32. What each op keeps is its own
rule; what a device and its libraries take besides is left out, and the estimate says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from archdsl.analysis.counts import Counts
from archdsl.analysis.facts import FLOAT32, Fact, facts
from archdsl.graph import Graph, Node, Port
from archdsl.ops.base import Shape

__all__ = ["NOT_CONTAINED", "OPTIMIZERS", "OptimizerMemory", "TrainingEstimate", "estimate_training"]


class OptimizerMemory(NamedTuple):
    """Values that an optimizer keeps for each parameter, and that it takes for a moment, in the largest tensor.

    The second is that of an optimizer which steps one tensor after the other, as on the CPU. A GPU takes as much for
    all tensors together, and `fused=True`, which `archdsl train` has on the CPU, takes none.
    """

    state: int
    passing: int


OPTIMIZERS: Final[Mapping[str, OptimizerMemory]] = MappingProxyType(
    {
        "sgd": OptimizerMemory(0, 0),
        "sgd-momentum": OptimizerMemory(1, 0),
        "adagrad": OptimizerMemory(1, 1),
        "rmsprop": OptimizerMemory(1, 1),
        "adam": OptimizerMemory(2, 2),
        "adamw": OptimizerMemory(2, 2),
        "nadam": OptimizerMemory(2, 2),
        "radam": OptimizerMemory(2, 2),
        "adamax": OptimizerMemory(2, 1),
        "adadelta": OptimizerMemory(2, 2),
    }
)
"""PyTorch's optimizer of that name, at its defaults."""

NOT_CONTAINED: Final = (
    "the second set of weights of `ema` or `lookahead`; what the device, its libraries and the allocator take besides"
)
"""What the estimate for training leaves out, in words."""

_BLOCK: Final = 16
"""Channels in a block, where a convolution works on copies in blocks: oneDNN's with AVX-512."""


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """Bytes of float32 at the fullest moment of a step; `total` is the sum of the four parts.

    - `weights`: parameters and buffers.
    - `optimizer_state`: what the optimizer keeps a parameter.
    - `gradients`: those of the parameters that are there at that moment.
    - `activations`: the input, what the layers keep for the backward pass (outputs, masks, indices), the gradients that
      pass between them, and what is needed for a moment only. What exists in training only is among them.
    - `moment`: when that is: `forward`, `backward` or `optimizer`.
    """

    batch: int
    optimizer: str
    weights: int
    gradients: int
    optimizer_state: int
    activations: int
    moment: str

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer_state + self.activations


def estimate_training(graph: Graph, counts: Counts, *, batch: int, optimizer: str) -> TrainingEstimate:
    """The most bytes that are alive in a step of training, as PyTorch's autograd keeps and frees them.

    >>> estimate_training(vgg16, counts, batch=1, optimizer="adam").optimizer_state     # two values a parameter
    1106860352

    - `batch`: images in a step.
    - `optimizer`: one of `OPTIMIZERS`.

    The first step, before the optimizer has its state, takes no more. The gradients of weights are gone when a step
    begins. Raises `ValueError` for a batch below one or an optimizer that is not known.
    """
    if batch < 1:
        raise ValueError(f"a batch has at least one image, not {batch}")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"the optimizer `{optimizer}` is not known: {', '.join(OPTIMIZERS)}")
    params = counts.total.params + counts.training.params
    buffers = counts.total.buffers + counts.training.buffers
    needed = OPTIMIZERS[optimizer]
    fullest = _Step(graph, batch).fullest(needed.passing)
    return TrainingEstimate(
        batch=batch,
        optimizer=optimizer,
        weights=(params + buffers) * FLOAT32,
        gradients=fullest.gradients,
        optimizer_state=needed.state * params * FLOAT32,
        activations=fullest.activations,
        moment=fullest.name,
    )


class _Moment(NamedTuple):
    gradients: int
    activations: int
    name: str


class _Tensor:
    """Memory with the number of those who hold it."""

    __slots__ = ("bytes", "holders")

    def __init__(self, size: int) -> None:
        self.bytes = size
        self.holders = 1


class _Step:
    """One step: what is alive while the layers run in the order of the text, and back."""

    def __init__(self, graph: Graph, batch: int) -> None:
        self._graph = graph
        self._batch = batch
        self._facts = facts(graph)
        self._live = 0
        self._gradients = 0
        self._fullest = _Moment(0, 0, "forward")
        self._phase = "forward"
        self._made: dict[Port, _Tensor] = {}
        self._kept: list[list[_Tensor]] = [[] for _ in graph.nodes]
        self._coming: dict[Port, _Tensor] = {}
        self._learns = self._learning()

    def fullest(self, passing: int) -> _Moment:
        """The moment at which most is alive; `passing` is what the optimizer takes of the largest weight."""
        self._forward()
        self._loss()
        self._backward()
        self._phase = "optimizer"
        self._note(passing * FLOAT32 * max((fact.largest for fact in self._facts), default=0))
        return self._fullest

    def _learning(self) -> list[bool]:
        """For every node, whether a gradient comes to it: something before it, or itself, has weights."""
        found: list[bool] = []
        for node, fact in zip(self._graph.nodes, self._facts, strict=True):
            found.append(fact.params > 0 or any(found[port.node] for port in node.inputs))
        return found

    # ------------------------------------------------------------ what is alive

    def _new(self, size: int) -> _Tensor:
        self._live += size
        self._note()
        return _Tensor(size)

    def _of(self, shape: Shape) -> int:
        return FLOAT32 * self._batch * math.prod(shape)

    def _hold(self, tensor: _Tensor) -> _Tensor:
        tensor.holders += 1
        return tensor

    def _drop(self, tensor: _Tensor) -> None:
        tensor.holders -= 1
        if not tensor.holders:
            self._live -= tensor.bytes

    def _note(self, passing: int = 0) -> None:
        """Compare with the fullest moment so far; `passing` is needed at this moment only."""
        if self._live + passing + self._gradients > self._fullest.activations + self._fullest.gradients:
            self._fullest = _Moment(self._gradients, self._live + passing, self._phase)

    # ------------------------------------------------------------ forward

    def _forward(self) -> None:
        readers = Counter(port for node in self._graph.nodes for port in node.inputs)
        # Whoever trains holds the inputs and the outputs to the end of the step.
        readers.update(output.port for output in self._graph.outputs)
        readers.update(Port(node.key, 0) for node in self._graph.inputs)
        for node, fact in zip(self._graph.nodes, self._facts, strict=True):
            self._run(node, fact)
            for port in node.inputs:
                readers[port] -= 1
                if not readers[port]:
                    self._drop(self._made[port])
            for index in range(len(node.shapes)):
                if not readers[Port(node.key, index)]:
                    self._drop(self._made[Port(node.key, index)])

    def _run(self, node: Node, fact: Fact) -> None:
        kept = fact.kept
        for index, shape in enumerate(node.shapes):
            whole = self._hold(self._made[node.inputs[0]]) if kept.view else self._new(self._of(shape))
            self._made[Port(node.key, index)] = whole
        if kept.blocked:
            self._note(self._blocks(node.shape))
        if not self._learns[node.key]:
            return
        own = self._kept[node.key]
        if kept.more:
            own.append(self._new(kept.more * self._batch))
        if kept.inputs:
            own += [self._hold(self._made[port]) for port in node.inputs]
        if kept.output:
            own += [self._hold(self._made[Port(node.key, index)]) for index in range(len(node.shapes))]

    def _blocks(self, shape: Shape) -> int:
        return self._of((*shape[:-1], -(-shape[-1] // _BLOCK) * _BLOCK))

    # ------------------------------------------------------------ backward

    def _loss(self) -> None:
        """Of each output, the logarithm of its softmax, kept, then the gradients of both."""
        ports = [output.port for output in self._graph.outputs]
        probabilities = [self._new(self._of(self._graph.shape(port))) for port in ports]
        self._phase = "backward"
        for port, probability in zip(ports, probabilities, strict=True):
            gradient = self._new(probability.bytes)
            self._note(probability.bytes)
            self._drop(probability)
            self._give(port, gradient)

    def _give(self, port: Port, gradient: _Tensor) -> None:
        """Hand a gradient on; a second one is added to the first, in place where nobody else holds it."""
        before = self._coming.get(port)
        if not self._learns[port.node]:
            self._drop(gradient)
        elif before is None:
            self._coming[port] = gradient
        else:
            if before.holders > 1:
                self._coming[port] = self._new(before.bytes)
                self._drop(before)
            self._drop(gradient)

    def _backward(self) -> None:
        shared: set[int] = set()
        for node, fact in zip(reversed(self._graph.nodes), reversed(self._facts), strict=True):
            if node.op is None or not self._learns[node.key]:
                continue
            leaving = [self._coming.pop(Port(node.key, index), None) for index in range(len(node.shapes))]
            came = [gradient for gradient in leaving if gradient is not None]
            entering = []
            for port, shape in zip(node.inputs, node.input_shapes, strict=True):
                if self._learns[port.node]:
                    passed = fact.kept.passes and came
                    entering.append((port, self._hold(came[0]) if passed else self._new(self._of(shape))))
            owner = node.key if node.shared is None else node.shared
            if owner not in shared:
                shared.add(owner)
                self._gradients += fact.params * FLOAT32
            self._note(self._copies(node) if fact.kept.blocked else 0)
            for gradient in came:
                self._drop(gradient)
            for port, gradient in entering:
                self._give(port, gradient)
            for tensor in self._kept[node.key]:
                self._drop(tensor)

    def _copies(self, node: Node) -> int:
        """The gradients of what leaves and enters, in blocks."""
        enters = self._blocks(node.input_shapes[0]) if self._learns[node.inputs[0].node] else 0
        return self._blocks(node.shape) + enters
