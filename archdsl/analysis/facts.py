"""What each layer says about itself, asked once for every op with the same arguments and the same input sizes.

In: a graph. Out: one `Fact` a node, the very same object where layers are alike, so that repeats cost nothing.
Adding up over the network is left to the other files of this room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from archdsl.graph import Graph, Node
from archdsl.ops.base import Kept, Op, Reach, Shape, Weight, show_shape

__all__ = ["FLOAT32", "Fact", "facts", "training_only"]

FLOAT32: Final = 4
"""Bytes of one value."""


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One kind of layer: an op with its arguments and the sizes that enter. Numbers are for one example.

    - `params`: trainable values; `buffers`: state that is not trained (batch norm's running statistics);
      bookkeeping counters are in neither.
    - `macs`: multiply-accumulates of convolutions and matrix products, bias not counted.
    - `work`: all other arithmetic, in operations.
    - `connections`: what LeNet's paper calls so: the inputs that each unit reads, and its bias.
    - `elements`: values in all outputs together.
    - `largest`: values in its largest weight.
    - `kept`: what PyTorch keeps of it for the backward pass.
    - `broadcast`: for each input, whether it is stretched over the output (a gate of C over HxWxC).
    """

    call: str
    params: int
    buffers: int
    macs: int
    work: int
    connections: int
    elements: int
    reach: Reach | None
    weighted: bool
    largest: int
    kept: Kept
    broadcast: tuple[bool, ...]


_known: WeakKeyDictionary[Graph, Sequence[Fact]] = WeakKeyDictionary()


def facts(graph: Graph) -> Sequence[Fact]:
    """A fact for every node, in the order of `graph.nodes`.

    >>> facts(alexnet)[1].params          # conv 11x11/4 96 on 227x227x3: 11*11*3*96 + 96
    34944
    """
    found = _known.get(graph)
    if found is None:
        asked: dict[tuple[Op, tuple[Shape, ...]], Fact] = {}
        made: list[Fact] = []
        for node in graph.nodes:
            if node.op is None:
                made.append(_input(node))
                continue
            key = (node.op, node.input_shapes)
            fact = asked.get(key)
            if fact is None:
                fact = asked[key] = _ask(node.op, node.input_shapes, node.shapes)
            made.append(fact)
        found = _known[graph] = tuple(made)
    return found


def training_only(graph: Graph) -> frozenset[int]:
    """The nodes that no output needs but the ones marked `training`: GoogLeNet's auxiliary heads."""
    extra = [output.port.node for output in graph.outputs if output.training]
    if not extra:
        return frozenset()
    kept = graph.reaching([output.port.node for output in graph.outputs if not output.training])
    return graph.reaching(extra) - kept


def _input(node: Node) -> Fact:
    return Fact(f"input {show_shape(node.shape)}", 0, 0, 0, 0, 0, math.prod(node.shape), None, False, 0, Kept(), ())


def _ask(op: Op, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Fact:
    weights = op.weights(*inputs)
    macs = op.macs(inputs, outputs)
    reach = op.reach(*inputs)
    return Fact(
        call=op.call(),
        params=sum(weight.size for weight in weights if weight.kind == "parameter"),
        buffers=sum(weight.size for weight in weights if weight.kind == "buffer"),
        macs=macs,
        work=op.work(inputs, outputs),
        connections=_connections(op, macs, reach, weights, outputs[0]),
        elements=sum(math.prod(shape) for shape in outputs),
        reach=reach,
        weighted=op.weighted,
        largest=max((weight.size for weight in weights if weight.kind == "parameter"), default=0),
        kept=op.keeps(inputs, outputs),
        broadcast=_broadcast(inputs, outputs[0]) if len(inputs) > 1 and not macs else (False,) * len(inputs),
    )


def _connections(op: Op, macs: int, reach: Reach | None, weights: tuple[Weight, ...], output: Shape) -> int:
    """A unit without MACs still reads its window (2x2 inputs and a bias are the 5 of LeNet's S2) or all its weights."""
    units = math.prod(output)
    reads = macs
    if not macs and weights:
        if reach is not None and reach.kernel:
            reads = math.prod(reach.kernel) * units
        elif op.weighted:
            reads = sum(weight.size for weight in weights if weight.kind != "counter") * math.prod(output[:-1])
    return reads + units if reads and any(weight.name == "bias" for weight in weights) else reads


def _broadcast(inputs: tuple[Shape, ...], output: Shape) -> tuple[bool, ...]:
    """Of an op without MACs. It is elementwise where its output has the broadcast size, which a `concat` never has."""
    rank = len(output)
    if any(len(shape) > rank for shape in inputs):
        return (False,) * len(inputs)
    lined = [(1,) * (rank - len(shape)) + shape for shape in inputs]
    if tuple(map(max, *lined)) != output:
        return (False,) * len(inputs)
    return tuple(len(shape) < rank or full != output for shape, full in zip(inputs, lined, strict=True))
