"""A network as a table's rows see it: layers in the order of the text, and every stretch of them that a row may mean.

In: a checked graph. Out: `Subject` with its `Layer`s, and `Stretch`es (a layer, a block, neighbours) with what is
counted of them. Which row means which stretch is left to `align.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from archdsl.analysis.facts import Fact, facts, training_only
from archdsl.graph import Graph, Node
from archdsl.ops.base import Shape, Style

__all__ = ["Block", "Layer", "Parts", "Stretch", "Subject"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What conventions add up differently; sums of it are taken over a stretch.

    - `weights`, `biases`: of convolutions and fully connected layers; `norms`: trained values of all other layers;
      `buffers`: running statistics.
    - `dense`: the weights as if no convolution had groups.
    - `macs`, `work`: as `archdsl.analysis` counts them; `dense_macs`: as if no convolution had groups;
      `conv_macs`: without the fully connected layers; `bias_adds`: biases, once at each position of an image.
    """

    weights: int = 0
    biases: int = 0
    norms: int = 0
    buffers: int = 0
    dense: int = 0
    macs: int = 0
    dense_macs: int = 0
    conv_macs: int = 0
    work: int = 0
    connections: int = 0
    bias_adds: int = 0

    def __add__(self, other: Parts) -> Parts:
        return Parts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    def __sub__(self, other: Parts) -> Parts:
        return Parts(*(getattr(self, name) - getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer or input of the network, in the words of tables."""

    node: Node
    name: str
    style: Style
    parts: Parts
    weighted: bool
    training: bool
    kernel: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    padding: tuple[int, ...] | None

    @property
    def kind(self) -> str:
        return self.node.kind

    @property
    def output(self) -> Shape:
        return self.node.shape

    @property
    def input(self) -> Shape:
        return self.node.input_shapes[0] if self.node.input_shapes else self.node.shape

    @property
    def key(self) -> bool:
        """Whether any table would list it: convolutions, pools, fully connected layers."""
        return self.weighted or self.style == "pooling"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block of the text, or a turn of a repeat: `start` to `stop` of the layers, and what people call it."""

    start: int
    stop: int
    words: frozenset[str]
    """The block's name and label, in lower case."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Layers `start` to `stop` (excluded) of a subject, as one row may mean them; `block` where it is exactly one."""

    start: int
    stop: int
    block: Block | None = None


class Subject:
    """A network, ready to be compared.

    >>> Subject(alexnet).layers[1].name
    'conv1'
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        extra = training_only(graph)
        self.layers: Sequence[Layer] = [
            _layer(node, graph.names[node.key], fact, node.shared is None, node.key in extra)
            for node, fact in zip(graph.nodes, facts(graph), strict=True)
        ]
        sums = [Parts()]
        for layer in self.layers:
            sums.append(sums[-1] + layer.parts if not layer.training else sums[-1])
        self._sums = sums
        self._depths: dict[tuple[int, int], int] = {}
        self.heads = Parts()
        for layer in self.layers:
            if layer.training:
                self.heads += layer.parts

    @property
    def name(self) -> str:
        return self.graph.own_name

    @property
    def total(self) -> Parts:
        """Of the whole network without its training-only heads."""
        return self._sums[-1]

    def parts(self, stretch: Stretch) -> Parts:
        """Sums over a stretch, training-only layers left out."""
        return self._sums[stretch.stop] - self._sums[stretch.start]

    def input(self, stretch: Stretch) -> Shape:
        """What enters the first layer."""
        return self.layers[stretch.start].input

    def output(self, stretch: Stretch) -> Shape:
        """What leaves the last layer that is kept after training."""
        kept = [at for at in range(stretch.start, stretch.stop) if not self.layers[at].training]
        return self.layers[kept[-1] if kept else stretch.stop - 1].output

    def weighted(self, stretch: Stretch) -> list[Layer]:
        """The convolutions and fully connected layers in it."""
        return [layer for layer in self.layers[stretch.start : stretch.stop] if layer.weighted and not layer.training]

    def depth(self, stretch: Stretch) -> int:
        """Weight layers on the longest path through a stretch."""
        found = self._depths.get((stretch.start, stretch.stop))
        if found is None:
            found = self._depths[stretch.start, stretch.stop] = self._longest(stretch)
        return found

    def _longest(self, stretch: Stretch) -> int:
        known = facts(self.graph)
        longest: dict[int, int] = {}
        for at in range(stretch.start, stretch.stop):
            layer = self.layers[at]
            if layer.training:
                continue
            before = 0
            for port, stretched in zip(layer.node.inputs, known[at].broadcast, strict=True):
                if not stretched:
                    before = max(before, longest.get(port.node, 0))
            longest[at] = before + layer.weighted
        return max(longest.values(), default=0)

    @cached_property
    def blocks(self) -> Sequence[Block]:
        """Every block and turn of a repeat of the text; the network itself is not among them."""
        hulls: dict[int, tuple[int, int, set[str]]] = {}
        for at, layer in enumerate(self.layers):
            frame = layer.node.frame
            while frame.parent is not None:
                key = id(frame)
                words = {frame.name.lower()} | ({frame.label.lower()} if frame.label else set())
                start, _, _ = hulls.get(key, (at, at, words))
                hulls[key] = (start, at + 1, words)
                frame = frame.parent
        return [Block(start, stop, frozenset(words)) for start, stop, words in hulls.values()]

    @cached_property
    def siblings(self) -> Mapping[int, Sequence[int]]:
        """For each place where something begins, the places where it and the neighbours behind it on one level end.

        A level is the inside of one block; the things on it are its layers and the blocks in it.
        """
        levels: dict[int, list[tuple[int, int]]] = {}
        hull: dict[int, tuple[int, int]] = {}
        parents: dict[int, int] = {}
        for at, layer in enumerate(self.layers):
            frame = layer.node.frame
            levels.setdefault(id(frame), []).append((at, at + 1))
            while frame.parent is not None:
                start, _ = hull.get(id(frame), (at, at))
                hull[id(frame)] = (start, at + 1)
                parents[id(frame)] = id(frame.parent)
                frame = frame.parent
        for key, interval in hull.items():
            levels.setdefault(parents[key], []).append(interval)
        found: dict[int, set[int]] = {}
        for items in levels.values():
            ordered = _disjoint(sorted(items))
            for first, (start, _) in enumerate(ordered):
                found.setdefault(start, set()).update(stop for _, stop in ordered[first : first + NEIGHBOURS])
        return {start: sorted(stops) for start, stops in found.items()}

    def places(self, stretch: Stretch) -> tuple[str, ...]:
        """The stretch by name: its block, or its first and last layer."""
        names = [self.layers[at].name for at in (stretch.start, stretch.stop - 1)]
        if stretch.stop - stretch.start == 1:
            return (names[0],)
        common = _common(names[0], names[1])
        return (common,) if stretch.block is not None and common else (names[0], names[1])

    def turns(self, stretch: Stretch) -> int:
        """Of how many blocks one behind the other a stretch consists; 0 if it is neither that nor a block."""
        inner = [
            (block.start, block.stop)
            for block in self.blocks
            if stretch.start <= block.start and block.stop <= stretch.stop
            if (block.start, block.stop) != (stretch.start, stretch.stop)
        ]
        turns, at = 0, stretch.start
        while at < stretch.stop:
            stop = max((stop for start, stop in inner if start == at), default=0)
            if not stop:
                return int(stretch.block is not None)
            turns, at = turns + 1, stop
        return turns

    def feeds(self, at: int) -> Iterator[int]:
        """The windowed or weighted layers that read a layer, through those that do neither."""
        pending = list(self.graph.consumers[at])
        seen: set[int] = set()
        while pending:
            key = pending.pop()
            if key in seen:
                continue
            seen.add(key)
            layer = self.layers[key]
            if layer.key:
                yield key
            elif len(layer.node.inputs) == 1:
                pending.extend(self.graph.consumers[key])

    def reads(self, at: int) -> int:
        """The windowed, weighted, merging or input layer that a layer reads, through those that are none of them."""
        key = self.layers[at].node.inputs[0].node
        while True:
            layer = self.layers[key]
            if layer.key or len(layer.node.inputs) != 1:
                return key
            key = layer.node.inputs[0].node


NEIGHBOURS = 48
"""How many neighbours one row may stand for."""


def _disjoint(items: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Intervals that overlap, as those of a block and of the branches written in its call, made one."""
    made: list[tuple[int, int]] = []
    for start, stop in items:
        if made and start < made[-1][1]:
            made[-1] = (made[-1][0], max(stop, made[-1][1]))
        else:
            made.append((start, stop))
    return made


def _common(first: str, last: str) -> str:
    shared = []
    for one, other in zip(first.split("."), last.split("."), strict=False):
        if one != other:
            break
        shared.append(one)
    return ".".join(shared)


def _layer(node: Node, name: str, fact: Fact, owner: bool, training: bool) -> Layer:
    op = node.op
    if op is None:
        return Layer(node, name, "input", Parts(), False, training, None, None, None)
    kernel = stride = padding = None
    if fact.reach is not None and fact.reach.kernel:
        kernel, padding = fact.reach.kernel, fact.reach.padding
        stride = tuple(int(step) if step >= 1 else 1 for step in fact.reach.stride)
    params = fact.params if owner else 0
    named = op.weights(*node.input_shapes) if op.weighted and params else ()
    biases = sum(weight.size for weight in named if weight.kind == "parameter" and weight.name.endswith("bias"))
    weights = params - biases if op.weighted else 0
    groups = getattr(op, "groups", 1) if op.style == "convolution" else 1
    parts = Parts(
        weights=weights,
        biases=biases,
        norms=params - biases - weights,
        buffers=fact.buffers if owner else 0,
        dense=weights * groups,
        macs=fact.macs,
        dense_macs=fact.macs * groups,
        conv_macs=fact.macs if op.style == "convolution" else 0,
        work=fact.work,
        connections=fact.connections,
        bias_adds=biases * (math.prod(node.shape[:-1]) if kernel is not None else 1),
    )
    return Layer(node, name, op.style, parts, op.weighted, training, kernel, stride, padding)
