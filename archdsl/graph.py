"""The checked network: what every later room reads and none writes.

In: nodes and outputs from elaboration, correct by construction. Out: nodes in the order of the text, their names, and the
graph as networkx sees it. Counts and pictures are left to `archdsl.analysis` and `archdsl.draw`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from archdsl.diagnostics import Span
from archdsl.ops.base import Op, Shape, show_shape

if TYPE_CHECKING:
    import networkx

__all__ = ["Frame", "Graph", "Node", "Output", "Port"]


class Port(NamedTuple):
    """One tensor: the node that makes it, and which of that node's outputs it is."""

    node: int
    index: int = 0


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


@dataclass(frozen=True, slots=True)
class Output:
    """A named result; `training` ones exist while the network is trained and not afterwards."""

    name: str
    port: Port
    training: bool = False


@dataclass(frozen=True, eq=False)
class Graph:
    """A network that is right: every size is known, every edge joins tensors that fit.

    Nodes are keyed 0, 1, 2, … in the order of the text, and every edge goes from a smaller key to a larger one, so going
    through `nodes` visits each after everything that it needs.
    """

    name: str
    title: str
    variant: str | None
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    source_text: str = field(default="", repr=False)

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

        A part is the label where there is one, else the op or block, numbered from 1 where its frame holds several.
        """
        return _names(self)

    @cached_property
    def _networkx(self) -> networkx.MultiDiGraph[int]:
        """The graph for the algorithms of networkx, built when one is first needed."""
        import networkx

        made: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
        made.add_nodes_from((node.key, {"node": node}) for node in self.nodes)
        made.add_edges_from(
            (port.node, node.key, {"port": port.index, "position": position})
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

    def dominators(self) -> dict[int, int]:
        """For every node, the last one that all paths from the first input to it pass through."""
        import networkx

        return dict(networkx.immediate_dominators(self._networkx, self.inputs[0].key))


def _names(graph: Graph) -> Sequence[str]:
    """Count what each frame holds, then number what it holds several of."""
    children: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    own: dict[int, str] = {}
    order: dict[int, int] = {}
    frames: dict[int, Frame] = {}
    taken: dict[int, set[str]] = defaultdict(set)

    def visit(frame: Frame) -> None:
        while id(frame) not in frames and frame.parent is not None:
            frames[id(frame)] = frame
            if frame.label:
                taken[id(frame.parent)].add(frame.label)
            frame = frame.parent

    for node in graph.nodes:
        visit(node.frame)
        if node.label:
            taken[id(node.frame)].add(node.label)

    def claim(parent: int, base: str) -> int:
        children[parent][base] += 1
        return children[parent][base]

    pending: list[tuple[int, int, str, bool]] = []
    repeats: dict[tuple[int, int], str] = {}

    def name_frame(frame: Frame) -> None:
        chain: list[Frame] = []
        step: Frame | None = frame
        while step is not None and step.parent is not None and id(step) not in order:
            chain.append(step)
            step = step.parent
        for found in reversed(chain):
            order[id(found)] = len(order)
            assert found.parent is not None
            if found.kind == "repeat":
                group = (id(found.parent), found.site)
                if group not in repeats:
                    repeats[group] = found.label or ""
                    if not found.label:
                        number = claim(id(found.parent), found.name)
                        repeats[group] = f"{found.name}\0{number}"
                own[id(found)] = repeats[group]
            else:
                own[id(found)] = found.label or f"{found.name}\0{claim(id(found.parent), found.name)}"

    node_part: list[str] = []
    for node in graph.nodes:
        name_frame(node.frame)
        node_part.append(node.label or f"{node.kind}\0{claim(id(node.frame), node.kind)}")

    def part(parent: int, text: str) -> str:
        base, _, number = text.partition("\0")
        if not number:
            return base
        plain = base if children[parent][base] == 1 else base + number
        while plain in taken[parent]:
            plain += "_"
        return plain

    prefixes: dict[int, str] = {}

    def prefix(frame: Frame) -> str:
        chain: list[Frame] = []
        step: Frame | None = frame
        while step is not None and step.parent is not None and id(step) not in prefixes:
            chain.append(step)
            step = step.parent
        for found in reversed(chain):
            assert found.parent is not None
            before = prefixes.get(id(found.parent), "")
            text = part(id(found.parent), own[id(found)])
            if found.kind == "repeat":
                text += f".{found.index}"
            prefixes[id(found)] = f"{before}{text}."
        return prefixes.get(id(frame), "")

    del pending
    return [prefix(node.frame) + part(id(node.frame), node_part[node.key]) for node in graph.nodes]
