"""Which blocks are the same block again.

In: a checked graph. Out: its nodes as a tree of blocks and iterations, which of them look the same, and runs of those
that are alike. Alike means the same ops with the same arguments, wired alike inside and to what came before; channels
may grow, as in a DenseNet, and rates of dropout, as in an EfficientNet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from archdsl.graph import Frame, Graph, Node

__all__ = ["Group", "grouped", "looks", "runs"]


@dataclass(slots=True, eq=False)
class Group:
    """One frame with what it holds, in the order of the text; `nodes` also holds those of the groups in it."""

    frame: Frame
    parts: list[Group | int] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)

    @property
    def inside(self) -> Group:
        """The block that is all there is in an iteration; else the group itself."""
        found = self
        while found.frame.kind == "repeat" and len(found.parts) == 1 and isinstance(only := found.parts[0], Group):
            if only.frame.kind == "repeat" and only.frame.count > 1:
                break
            found = only
        return found

    @property
    def wraps(self) -> bool:
        """Whether it is a block called with chains, which are drawn in it: `residual<conv 3x3+1 64 -> bn | id>`."""
        return self.frame.kind == "block" and ("->" in self.frame.call or "|" in self.frame.call)


def grouped(graph: Graph) -> Group:
    """The tree of a graph: the network, the blocks and iterations in it, the nodes in those."""
    root = Group(Frame("network", graph.name))
    found: dict[int, Group] = {}
    for node in graph.nodes:
        path = node.frame.path()
        root.nodes.append(node.key)
        above = root
        for frame in path[1:]:
            group = found.get(id(frame))
            if group is None:
                group = found[id(frame)] = Group(frame)
                above.parts.append(group)
            group.nodes.append(node.key)
            above = group
        above.parts.append(node.key)
    return root


def looks(graph: Graph, root: Group) -> dict[int, int]:
    """For every group, by its identity, a number that it shares with those that a reader takes for the same.

    They have one name, the same layers of their own, and blocks inside that look the same; how often something is
    repeated and all arguments may differ, since the call of a block says that.
    """
    found: dict[int, int] = {}
    known: dict[object, int] = {}
    pending = [(root, False)]
    while pending:
        group, ready = pending.pop()
        inner = [part for part in group.parts if isinstance(part, Group)]
        if not ready:
            pending.append((group, True))
            pending += [(part, False) for part in inner]
            continue
        own = Counter(graph.nodes[part].kind for part in group.parts if isinstance(part, int))
        blocks = Counter(found[id(part)] for part in inner if part.frame.kind == "block")
        turns = frozenset(found[id(part)] for part in inner if part.frame.kind == "repeat")
        look = (group.frame.name, frozenset(own.items()), frozenset(blocks.items()), turns)
        found[id(group)] = known.setdefault(look, len(known))
    return found


def runs(
    graph: Graph, parts: Sequence[Group | int], *, exact: bool = False
) -> Iterator[tuple[Group | int, list[Group]]]:
    """Each part with those after it that are the same again; `exact` where the channels that enter must be, too."""
    at = 0
    while at < len(parts):
        first = parts[at]
        at += 1
        others: list[Group] = []
        if isinstance(first, Group):
            run = _Run(graph, first, exact)
            while at < len(parts) and isinstance(other := parts[at], Group) and run.takes(other):
                others.append(other)
                at += 1
        yield first, others


_Slot = tuple[int, int, int]
"""Where a tensor from outside comes from: how many iterations back (0 for none of them), the place or key, the port."""


class _Run:
    """Iterations that are alike, as far as they are known."""

    def __init__(self, graph: Graph, first: Group, exact: bool) -> None:
        self.graph = graph
        self.exact = exact
        self.first = first
        self.place: dict[int, tuple[int, int]] = {}
        self.length = 0
        self.looks: list[object] = []
        self.slots: list[_Slot] = []
        self.slid: set[int] = set()
        """Which of them came from one further on before the run, and so must come from inside of it later."""
        self._ready = False

    def takes(self, other: Group) -> bool:
        """Whether this group continues the run; it is a part of it from then on."""
        mine, its = self.first.frame, other.frame
        if (mine.kind, mine.name, mine.label) != (its.kind, its.name, its.label):
            return False
        if mine.kind == "repeat" and mine.site != its.site:
            return False
        if len(self.first.nodes) != len(other.nodes):
            return False
        if not self._ready:
            self._ready = True
            self.looks, self.slots = self._read(self.first)
            self._join(self.first)
        looks, slots = self._read(other)
        if looks != self.looks:
            return False
        slid = set()
        for index, (before, now) in enumerate(zip(self.slots, slots, strict=True)):
            if self._slides(before, now):
                slid.add(index)
            elif not self._continues(index, before, now):
                return False
        if its.kind == "block" and not any(back == 1 for back, _, _ in slots):
            return False  # beside the other, not after it
        self.slots = slots
        self.slid |= slid
        self._join(other)
        return True

    def _continues(self, index: int, before: _Slot, now: _Slot) -> bool:
        """The same source, the same place as many iterations back, or the first time that it is so many back."""
        same = before == now and not (before[0] == 0 and index in self.slid)
        return same or (before[0] == 0 and now[0] == self.length)

    def _slides(self, before: _Slot, now: _Slot) -> bool:
        """Whether the second iteration reads what stood one further on before the run, as the first one did.

        NASNet's cells read the last two: the first cell of a run A and B, the second one B and the first.
        """
        return self.length == 1 and before[0] == now[0] == 0 and before != now and now in self.slots

    def _join(self, group: Group) -> None:
        self.place.update((key, (self.length, position)) for position, key in enumerate(group.nodes))
        self.length += 1

    def _read(self, group: Group) -> tuple[list[object], list[_Slot]]:
        inside = {key: position for position, key in enumerate(group.nodes)}
        looks: list[object] = []
        slots: list[_Slot] = []
        for key in group.nodes:
            node = self.graph.nodes[key]
            wires: list[tuple[int, int] | None] = []
            for port in node.inputs:
                position = inside.get(port.node)
                wires.append(None if position is None else (position, port.index))
                if position is not None:
                    continue
                iteration, place = self.place.get(port.node, (self.length, port.node))
                slots.append((self.length - iteration, place, port.index))
            sizes = node.input_shapes if self.exact else _spatial(node)
            own = (_kind(node), node.label, sizes, self._weights(node, inside))
            looks.append((own, _trace(node, group), tuple(wires)))
        return looks, slots

    @staticmethod
    def _weights(node: Node, inside: dict[int, int]) -> tuple[bool, int]:
        """Whose weights it uses: its own, those of a place inside, or those of a node elsewhere."""
        if node.shared is None:
            return False, -1
        return (True, inside[node.shared]) if node.shared in inside else (False, node.shared)


def _kind(node: Node) -> object:
    """What must be the same of two layers: all of the op, but for the rate at which it drops."""
    return node.op.name if node.op is not None and node.op.style == "dropout" else node.op


def _spatial(node: Node) -> tuple[tuple[int, ...], ...]:
    return tuple(shape[:-1] for shape in node.shapes)


def _trace(node: Node, group: Group) -> tuple[tuple[str, str | None, int], ...]:
    """The blocks and iterations between the group and the node; what they are called with, the ops inside tell."""
    path = node.frame.path()
    inner = path[path.index(group.frame) + 1 :]
    return tuple((frame.name, frame.label, frame.index) for frame in inner)
