"""The frames of a network as a tree, and which of them can be modules of their own.

In: a checked graph. Out: `Tree`, whose places hold nodes and places in the order of the text; a place whose nodes do
not follow each other, or that runs partly in training only, is dissolved. What becomes of the others is left to
`structure`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from archdsl.graph import Frame, Graph, Node, Port

__all__ = ["Place", "Tree", "Use", "named"]

_DEEPEST: Final = 40
"""Classes inside classes; what is nested deeper is written out flat."""

Use = Literal["always", "training", "never"]


@dataclass(eq=False)
class Place:
    """A frame with what it holds. `nodes` are all layers inside, at any depth, in order."""

    frame: Frame
    parent: Place | None
    depth: int
    part: str = ""
    title: str = ""
    children: list[Place | Node] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    dissolved: bool = False
    nameless: bool = False
    """Whether it is dissolved without a trace in the names of what it holds."""
    pinned: bool = False
    """Whether another place uses its weights."""

    def path(self) -> list[Place]:
        """From below the root to here, without the dissolved."""
        found: list[Place] = []
        place: Place | None = self
        while place is not None and place.parent is not None:
            if not place.dissolved:
                found.append(place)
            place = place.parent
        return found[::-1]

    def inner(self) -> Iterator[Place]:
        """Every place inside, each after the one around it."""
        pending: list[Place] = [self]
        while pending:
            place = pending.pop()
            inside = [child for child in place.children if isinstance(child, Place)]
            yield from inside
            pending += inside


class Tree:
    """Every frame as a `Place`, and what is known about every node."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._always = graph.reaching([o.port.node for o in graph.outputs if not o.training])
        self._training = graph.reaching([o.port.node for o in graph.outputs if o.training]) - self._always
        self._parts: dict[int, str] = {}
        self._places: dict[int, Place] = {}
        self._home: dict[int, Place] = {}
        self._rank = {node.key: rank for rank, node in enumerate(graph.layers)}
        self._last_reader: dict[Port, int] = {}
        for node in graph.nodes:
            if self.use(node) != "never":
                self._last_reader.update(dict.fromkeys(node.inputs, node.key))
        self._last_reader.update((output.port, len(graph)) for output in graph.outputs)
        self.root = self._build()
        self._name(self.root)
        for place in self.root.inner():
            self._name(place)
            place.dissolved = place.depth > _DEEPEST or not self._coherent(place)
        self._dissolve_wrapped()

    def use(self, node: Node) -> Use:
        """When a node runs."""
        if node.key in self._always:
            return "always"
        return "training" if node.key in self._training else "never"

    def place_use(self, place: Place) -> Use:
        """When a place runs: never where none of its layers does."""
        return next((self.use(node) for node in place.nodes if self.use(node) != "never"), "never")

    def part(self, node: Node) -> str:
        """The last part of a node's name."""
        return self._parts[node.key]

    def home(self, node: Node) -> Place:
        """The innermost place around a node, dissolved or not."""
        return self._home[node.key]

    def owner(self, node: Node) -> int:
        """The key of the node whose weights this one uses; its own where it is the first."""
        while node.shared is not None and node.shared != node.key:
            node = self._graph.nodes[node.shared]
        return node.key

    def face(self, place: Place) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
        """The tensors that a place reads from outside, and those of its own that are read outside.

        What enters stands in the order of the block's names for it, else of its use.
        """
        inside = {node.key for node in place.nodes}
        running = [node for node in place.nodes if self.use(node) != "never"]
        entering = dict.fromkeys(port for node in running for port in node.inputs if port.node not in inside)
        made = (Port(node.key, index) for node in running for index in range(len(node.shapes)))
        last = place.nodes[-1].key
        order = list(named(place))
        ordered = sorted(entering, key=lambda port: order.index(port) if port in order else len(order))
        return tuple(ordered), tuple(port for port in made if self.last_reader(port) > last)

    def last_reader(self, port: Port) -> int:
        """The key of the last running node that reads a tensor; the number of nodes for a result, -1 for none."""
        return self._last_reader.get(port, -1)

    def dissolve_all(self) -> None:
        """Leave no place but the root."""
        for place in self.root.inner():
            place.dissolved = True

    def _dissolve_wrapped(self) -> None:
        """Dissolve a block that is all that matters in the block around it, as in `residual<…> -> relu`.

        Only where every block of its name stands so: one that is used on its own is a class anyway.
        """
        weighted = {n.key for n in self._graph.layers if n.op is not None and n.op.weights(*n.input_shapes)}
        found: dict[str, list[Place]] = {}
        kept: set[str] = set()
        for place in self.root.inner():
            around = place.parent
            if place.frame.kind != "block" or place.dissolved or around is None:
                continue
            beside = [child for child in around.children if child is not place]
            alone = all(isinstance(child, Node) and child.key not in weighted for child in beside)
            if alone and beside and around.frame.kind == "block" and not around.dissolved:
                found.setdefault(place.frame.name, []).append(place)
            else:
                kept.add(place.frame.name)
        for name, places in found.items():
            for place in places:
                if name not in kept:
                    place.dissolved = place.nameless = True

    def _build(self) -> Place:
        root: Place | None = None
        for node in self._graph.layers:
            place = self._place(node.frame)
            if root is None:
                root = next(iter(self._places.values()))
            place.children.append(node)
            self._home[node.key] = place
            around: Place | None = place
            while around is not None:
                around.nodes.append(node)
                around = around.parent
        if root is None:
            frame = self._graph.nodes[0].frame if self._graph.nodes else Frame("network", self._graph.name)
            root = Place(frame, None, 0)
        return root

    def _place(self, frame: Frame) -> Place:
        """The place of a frame; those around it are made first, and each knows what it holds in order."""
        missing: list[Frame] = []
        around: Frame | None = frame
        while around is not None and id(around) not in self._places:
            missing.append(around)
            around = around.parent
        for entry in reversed(missing):
            parent = self._places[id(entry.parent)] if entry.parent is not None else None
            place = Place(entry, parent, parent.depth + 1 if parent else 0, title=entry.name)
            if parent is not None:
                parent.children.append(place)
                if entry.kind == "repeat":
                    place.title = f"{parent.title}_layer"
            self._places[id(entry)] = place
        return self._places[id(frame)]

    def _name(self, place: Place) -> None:
        """Name what a place holds as `Graph.names` does: by label, else by op or block, numbered if there are several.

        All turns of a repeat have one name.
        """
        labels = {label for label in map(_label, place.children) if label}
        bases = {_identity(child): _base(child) for child in place.children if not _label(child)}
        counts = Counter(bases.values())
        numbers: Counter[str] = Counter()
        parts: dict[object, str] = {}
        for identity, base in bases.items():
            numbers[base] += 1
            part = base if counts[base] == 1 else f"{base}{numbers[base]}"
            while part in labels:
                part += "_"
            parts[identity] = part
        for child in place.children:
            part = _label(child) or parts[_identity(child)]
            if isinstance(child, Node):
                self._parts[child.key] = part
            else:
                child.part = part

    def _coherent(self, place: Place) -> bool:
        """Whether the layers inside follow each other, read something from outside, and run at the same times."""
        first, last = self._rank[place.nodes[0].key], self._rank[place.nodes[-1].key]
        uses = {self.use(node) for node in place.nodes} - {"never"}
        return last - first + 1 == len(place.nodes) and len(uses) == 1 and bool(self.face(place)[0])


def named(place: Place) -> dict[Port, str]:
    """The names that a block has for what enters, the first for what enters twice."""
    found: dict[Port, str] = {}
    for name, port in place.frame.tensors:
        found.setdefault(port, name)
    return found


def _label(child: Place | Node) -> str | None:
    return child.label if isinstance(child, Node) else child.frame.label


def _base(child: Place | Node) -> str:
    return child.kind if isinstance(child, Node) else child.frame.name or child.frame.kind


def _identity(child: Place | Node) -> object:
    """Equal for the turns of one repeat, which are one thing to the place around them."""
    if isinstance(child, Place) and child.frame.kind == "repeat":
        return ("repeat", child.frame.site)
    return child.key if isinstance(child, Node) else id(child)
