"""The checked network: what every later room reads and none writes.

In: nodes and outputs from elaboration, correct by construction. Out: nodes in the order of the text, their names, and
the graph as networkx sees it. Counts and pictures are left to `archdsl.analysis` and `archdsl.draw`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from archdsl.diagnostics import Span
from archdsl.ops.base import Op, Shape, show_shape

if TYPE_CHECKING:
    import networkx

__all__ = ["Frame", "Graph", "Node", "Output", "Port"]


class Port(NamedTuple):
    """One tensor: the node that makes it, and which of that node's outputs it is."""

    node: int
    index: int = 0  # type: ignore[assignment]  # hides tuple.index, which means nothing for a port


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One instance of something that has an inside: the place in the text's structure where a node was made.

    `kind` is `network` (the root), `block` (a call, `name` is the block's), or `repeat` (one iteration of `x n`;
    `index` counts from 0, `count` is n, and iterations of one repeat follow each other under one `parent`).
    `call` is the call as written with its values, `bottleneck<64, s=2>`; `label` the `@name` behind it.
    """

    kind: Literal["network", "block", "repeat"]
    name: str
    parent: Frame | None = None
    call: str = ""
    label: str | None = None
    index: int = 0
    count: int = 1
    site: int = 0
    """Which repeat or call of the text this is: equal for all iterations of one repeat instance, and only for them."""
    arguments: tuple[tuple[str, int | float], ...] = ()
    """The numbers that a block was called with, by the names of its parameters."""
    tensors: tuple[tuple[str, Port], ...] = ()
    """What entered a block of several tensors, by the names that the text gives them."""
    defaulted: frozenset[str] = frozenset()
    """Parameters of a block that have the value of their default, given or not."""

    def path(self) -> tuple[Frame, ...]:
        """From the root to here."""
        found: list[Frame] = []
        frame: Frame | None = self
        while frame is not None:
            found.append(frame)
            frame = frame.parent
        return tuple(reversed(found))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One layer, or one input of the network (then `op` is None and `inputs` is empty).

    `shared` is the key of the node whose weights this one uses, where a shared tower is used again.
    """

    key: int
    op: Op | None
    inputs: tuple[Port, ...]
    input_shapes: tuple[Shape, ...]
    shapes: tuple[Shape, ...]
    frame: Frame
    label: str | None
    span: Span
    shared: int | None = None

    @property
    def shape(self) -> Shape:
        """The size of the first output."""
        return self.shapes[0]

    @property
    def kind(self) -> str:
        """The op's word in the language, or `input`."""
        return self.op.name if self.op is not None else "input"

    @property
    def call(self) -> str:
        """The op with its arguments as a text would have it."""
        return self.op.call() if self.op is not None else f"input {show_shape(self.shape)}"


class Output(NamedTuple):
    """A named result; `training` ones exist while the network is trained and not afterwards."""

    name: str
    port: Port
    training: bool = False


@dataclass(frozen=True, eq=False)
class Graph:
    """A network that is right: every size is known, every edge joins tensors that fit.

    Nodes are keyed 0, 1, 2, … in the order of the text, and every edge goes from a smaller key to a larger one, so
    going through `nodes` visits each after everything that it needs.
    """

    name: str
    title: str
    variant: str | None
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    source_text: str = field(default="", repr=False)
    tensor_labels: Mapping[Port, str] = field(default_factory=dict, repr=False)
    """The labels of several tensors that come out of one place, `split 2 @a @b`."""

    @property
    def own_name(self) -> str:
        """The variant's name, or the architecture's: `resnet50`."""
        return self.variant or self.name

    @property
    def full_name(self) -> str:
        """Both, where there is a variant: `resnet:resnet50`."""
        return f"{self.name}:{self.variant}" if self.variant else self.name

    @cached_property
    def inputs(self) -> tuple[Node, ...]:
        """The inputs of the network, in the order of the text."""
        return tuple(node for node in self.nodes if node.op is None)

    @property
    def layers(self) -> Iterator[Node]:
        """Every node but the inputs."""
        return (node for node in self.nodes if node.op is not None)

    def __len__(self) -> int:
        return len(self.nodes)

    def shape(self, port: Port) -> Shape:
        """The size of a tensor."""
        return self.nodes[port.node].shapes[port.index]

    def op_of(self, key: int) -> Op:
        """The op of a layer. Raises `ValueError` for an input."""
        op = self.nodes[key].op
        if op is None:
            raise ValueError(f"node {key} is an input of the network")
        return op

    @cached_property
    def consumers(self) -> Sequence[tuple[int, ...]]:
        """For every node, the keys of the nodes that read it, once for each edge."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for port in node.inputs:
                found[port.node].append(node.key)
        return [tuple(keys) for keys in found]

    @cached_property
    def names(self) -> Sequence[str]:
        """A name for every node, unique, parts joined by dots: `stage1.0.bottleneck.conv1`.

        A part is the label where there is one, else the op or block, numbered from 1 where its frame holds several. The
        layers to which turns that stand side by side give one label are `c`, `c_2`, `c_3`, …
        """
        return [self._namer.of(node) for node in self.nodes]

    def path(self, frame: Frame) -> str:
        """The name of a block or of a turn of a repeat: what its layers' names begin with, `stage1.bottleneck2.0`."""
        return self._namer.prefix(frame).removesuffix(".")

    @cached_property
    def _namer(self) -> _Names:
        namer = _Names()
        for node in self.nodes:
            namer.register(node)
        return namer

    def to_networkx(self) -> networkx.MultiDiGraph[int]:
        """The graph for the algorithms of networkx: inputs and layers, and an edge for each tensor between two.

        >>> networkx.immediate_dominators(archdsl.load("zoo:resnet18").graph.to_networkx(), 0)

        Nodes are keys, with the `node`; edges hold which output of the one is which input of the other, `output` and
        `input`.
        """
        import networkx

        made: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
        made.add_nodes_from((node.key, {"node": node}) for node in self.nodes)
        made.add_edges_from(
            (port.node, node.key, {"output": port.index, "input": position})
            for node in self.nodes
            for position, port in enumerate(node.inputs)
        )
        return made

    def reaching(self, keys: Sequence[int]) -> frozenset[int]:
        """The nodes that these depend on, themselves included."""
        found = set(keys)
        for node in reversed(self.nodes):
            if node.key in found:
                found.update(port.node for port in node.inputs)
        return frozenset(found)


class _Names:
    """Counts what every frame holds, then numbers what it holds several of.

    All turns of a repeat are one thing to their parent, whose parts are `0`, `1`, …; a repeated block or layer is not
    named again inside its turn: `bottleneck.0.conv1`, `fc.1`.
    """

    def __init__(self) -> None:
        self._parts: dict[object, tuple[int, str, int]] = {}
        self._counts: defaultdict[tuple[int, str], int] = defaultdict(int)
        self._labels: defaultdict[int, set[str]] = defaultdict(set)
        self._prefixes: dict[int, str] = {}

    def register(self, node: Node) -> None:
        """Count a node, and the frames around it where they are new."""
        for frame in reversed(self._unnamed(node.frame, self._parts)):
            assert frame.parent is not None
            self._count(_key(frame), id(frame.parent), frame.name, frame.label)
            self._parts.setdefault(id(frame), self._parts[_key(frame)])
        self._count(("node", node.key), id(node.frame), node.kind, node.label)

    def _unnamed(self, frame: Frame | None, known: dict[object, Any] | dict[int, str]) -> list[Frame]:
        """The frames from here outwards that are not known yet, the root left out."""
        found: list[Frame] = []
        while frame is not None and frame.parent is not None and id(frame) not in known:
            found.append(frame)
            frame = frame.parent
        return found

    def _count(self, key: object, parent: int, base: str, label: str | None) -> None:
        if key in self._parts:
            return
        if label is not None:
            self._labels[parent].add(label)
            base = f"@{label}"
        self._counts[parent, base] += 1
        self._parts[key] = (parent, base, self._counts[parent, base])

    def _part(self, key: object) -> str:
        parent, base, number = self._parts[key]
        if base[0] != "@":
            plain = base if self._counts[parent, base] == 1 else f"{base}{number}"
        elif number == 1:
            return base[1:]
        else:
            plain = f"{base[1:]}_{number}"
        while plain in self._labels[parent]:
            plain += "_"
        return plain

    def prefix(self, frame: Frame) -> str:
        """What the names of a frame's layers begin with, its last dot included; nothing for the network."""
        for inner in reversed(self._unnamed(frame, self._prefixes)):
            assert inner.parent is not None
            before = self._prefixes.get(id(inner.parent), "")
            if inner.kind == "repeat":
                self._prefixes[id(inner)] = f"{before}{self._part(_key(inner))}.{inner.index}."
            elif _repeated(inner.parent, inner.name) and inner.label is None:
                self._prefixes[id(inner)] = before
            else:
                self._prefixes[id(inner)] = f"{before}{self._part(_key(inner))}."
        return self._prefixes.get(id(frame), "")

    def of(self, node: Node) -> str:
        """The whole name of a node that has been registered, as all others have."""
        prefix = self.prefix(node.frame)
        if node.label is None and _repeated(node.frame, node.kind):
            return prefix.removesuffix(".")
        return prefix + self._part(("node", node.key))


def _key(frame: Frame) -> object:
    """What a frame is to its parent: the turns of one repeat are one thing."""
    return (id(frame.parent), frame.site) if frame.kind == "repeat" else ("frame", id(frame))


def _repeated(frame: Frame, name: str) -> bool:
    """Whether a frame is a turn of a repeat whose whole body is the thing of that name."""
    return frame.kind == "repeat" and frame.name == name
