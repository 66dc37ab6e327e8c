"""What a picture shows: which layers stand together in one node, which blocks are boxes, what is folded.

In: a checked graph. Out: a frozen `Plan` of boxes, nodes and edges. Leaves colours, text format and layout to
`archdsl.draw.dot`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from archdsl.draw.fold import Group, grouped, looks, runs
from archdsl.draw.fork import forked
from archdsl.draw.measured import Measured
from archdsl.draw.picture import Box, Cell, Count, Edge, Exit, Figure, Heat, Piece, Plan
from archdsl.draw.text import called, headed, ranged
from archdsl.graph import Graph, Node, Output, Port
from archdsl.ops.base import Shape, Style

__all__ = ["ALL", "Wish", "make_plan"]

_ATTACHED: Final = frozenset[Style]({"normalization", "activation", "dropout"})
"""Kinds of layers that change no size and stand in the node of the layer before them, as `conv | bn | relu`."""

_CELLS: Final = 5
"""Layers in one node, so that no node grows wider than a page."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked to be shown.

    - `depth`: levels that are shown; a block at the limit is one node. None opens all.
    - `once`: the level from which on a block is one node where one like it is open before. None opens all.
    - `opened`: of which blocks below `depth` the first is open, however deep: what `looks` says of them.
    - `expand`: names or `@names` of blocks that are open however deep, with every iteration.
    - `fold`: iterations that follow each other and are alike become one box with a count.
    - `show`: numbers in every node, for one example.
    - `heat`: the number that the colours say, in place of the kind of layer.
    - `table`: every layer is a node of its own, with its sizes.
    """

    depth: int | None = None
    expand: frozenset[str] = frozenset()
    fold: bool = True
    show: tuple[Figure, ...] = ()
    heat: Count | None = None
    table: bool = False
    once: int | None = None
    opened: frozenset[int] = frozenset()


ALL: Final = Wish()


def make_plan(graph: Graph, wish: Wish = ALL) -> Plan:
    """Decide what a picture shows.

    `make_plan(resnet50)` has eight boxes: the first unit of each stage and the others folded, × 2, × 3, × 5 and × 2.
    """
    return _Planner(graph, wish).plan()


class _Planner:
    """One run over one graph."""

    def __init__(self, graph: Graph, wish: Wish) -> None:
        self.graph = graph
        self.wish = wish
        self.measured = Measured(graph)
        self.root = grouped(graph)
        self.looks = looks(graph, self.root) if wish.once is not None or wish.opened else {}
        self.stand_in = list(range(len(graph)))
        """For every node the same one an iteration of some run earlier; itself where it is not folded away."""
        self.last: dict[int, int] = {}
        """For a node of a first iteration the same one of the last."""
        self.standing: list[int] = []
        """The end of that: the node of the first iteration, which is shown in its place."""
        self.drawn: list[int] = []
        """The same, and the first node of a closed block for every node in it."""
        self.box_of: dict[int, int] = {}
        self.closed: dict[int, int] = {}
        """For every node inside a closed block, the first node of it."""
        self.known: set[int] = set()
        """What blocks that are open look like."""
        self.boxes = 0

    def plan(self) -> Plan:
        page = _Open(0, "", 1, [])
        self._open(self.root, page)
        self.standing = [self._standing(key) for key in range(len(self.graph))]
        self.drawn = [self.closed.get(key, key) for key in self.standing]
        heads = self._attach()
        whole, edges = forked(self._freeze(page, heads), self._edges(heads), len(self.graph))
        made = Plan(headed(self.graph), self.graph.title, whole, edges, tuple(self._exits(heads)))
        if self.wish.heat is None:
            return made
        most = max((cell.heat for piece in made.pieces() for cell in piece.cells), default=0)
        return replace(made, heat=Heat(self.wish.heat, most))

    # ------------------------------------------------------------ blocks and repeats

    def _open(self, root: Group, page: _Open) -> None:
        """Fill the page with boxes and nodes; what is folded away or closed points to what is drawn in its place."""
        pending = [(self._parts(root), page, 0)]
        while pending:
            parts, box, level = pending[-1]
            found = next(parts, None)
            if found is None:
                pending.pop()
                continue
            part, times = found
            if isinstance(part, int):
                box.parts.append(part)
                self.box_of[part] = box.id
                continue
            inside, title = self._named(part)
            alone = len(inside.nodes) == 1 and inside.frame.label is None
            if times == 1 and (not title or alone or (level > 0 and inside.wraps)):
                # No box of its own: an iteration that stands alone, a block of one layer, and inside a block what only
                # joins chains.
                hole = _Open(box.id, "", 1, [])
                box.parts.append(hole)
                pending.append((self._parts(inside), hole, level))
            elif self._shut(inside, title, level):
                box.parts.append(_Shut(inside.nodes[0], title, times))
                self.closed.update(dict.fromkeys(inside.nodes, inside.nodes[0]))
                self.box_of[inside.nodes[0]] = box.id
            else:
                self.boxes += 1
                made = _Open(self.boxes, title, times, [], inside.frame.label is not None)
                box.parts.append(made)
                pending.append((self._parts(inside), made, level + bool(title)))

    def _parts(self, group: Group) -> Iterator[tuple[Group | int, int]]:
        if not self.wish.fold:
            yield from ((part, 1) for part in group.parts)
            return
        exact = bool(self.wish.show) or self.wish.heat is not None or self.wish.table
        for part, others in runs(self.graph, group.parts, exact=exact):
            if isinstance(part, Group):
                if self._wanted(part):
                    yield from ((one, 1) for one in (part, *others))
                    continue
                for other in others:
                    for mine, its in zip(part.nodes, other.nodes, strict=True):
                        self.stand_in[its] = mine
                        self.last[mine] = its
            yield part, 1 + len(others)

    def _standing(self, key: int) -> int:
        while self.stand_in[key] != key:
            key = self.stand_in[key]
        return key

    def _shut(self, group: Group, title: str, level: int) -> bool:
        """Whether a block is one node."""
        wish = self.wish
        deep = wish.depth is not None and level + 1 >= wish.depth
        if title and (wish.opened if deep else wish.once is not None and level + 1 >= wish.once):
            look = self.looks[id(group)]
            deep = look in self.known or (deep and look not in wish.opened)
            self.known.add(look)
        return (
            deep and bool(title) and not any((self._wanted(group), self._holds_wanted(group), self._is_one_node(group)))
        )

    def _is_one_node(self, group: Group) -> bool:
        """Whether a block is one node when it is open, too: then its layers say more than its name."""
        if self.wish.table or not 1 < len(group.nodes) <= _CELLS:
            return False
        followers = group.nodes[1:]
        return all(
            self._follows(self.graph.nodes[key]) and self.graph.nodes[key].inputs[0].node == before
            for before, key in zip(group.nodes, followers, strict=False)
        )

    def _wanted(self, group: Group) -> bool:
        """Whether it is a block, or an iteration that is one block, which was asked to be open."""
        while group.frame.kind == "repeat" and len(group.parts) == 1 and isinstance(group.parts[0], Group):
            group = group.parts[0]
        return group.frame.kind == "block" and not self.wish.expand.isdisjoint((group.frame.name, group.frame.label))

    def _holds_wanted(self, group: Group) -> bool:
        """Whether such a block is further in, which can only be shown where those around it are open."""
        if not self.wish.expand:
            return False
        place = len(group.frame.path())
        return any(
            not self.wish.expand.isdisjoint((frame.name, frame.label))
            for key in group.nodes
            for frame in self.graph.nodes[key].frame.path()[place:]
            if frame.kind == "block"
        )

    def _named(self, group: Group) -> tuple[Group, str]:
        """What an iteration is called: a block's call, also where the iteration holds that block alone."""
        group = group.inside
        frame = group.frame
        if frame.kind != "block":
            return group, ""
        # The chains that a block is called with are drawn inside of it; written over it they would be a second picture.
        call = frame.name if group.wraps else self._called(group)
        return group, f"{frame.label}: {call}" if frame.label else call

    def _called(self, group: Group) -> str:
        """The call of a block, from the first iteration to the last."""
        place = len(group.frame.path()) - 1
        last = self.graph.nodes[self._final(group.nodes[0])].frame.path()[place]
        return called(group.frame, last)

    def _final(self, key: int) -> int:
        """The same node in the last iteration of all repeats around it."""
        while key in self.last:
            key = self.last[key]
        return key

    # ------------------------------------------------------------ nodes

    def _attach(self) -> dict[int, int]:
        """For every drawn node the first one of its piece."""
        readers: dict[int, int] = dict.fromkeys(self.drawn, 0)
        for node in self.graph.nodes:
            if self.standing[node.key] == node.key:
                for port in node.inputs:
                    readers[self.drawn[port.node]] += 1
        for output in self.graph.outputs:
            readers[self.drawn[output.port.node]] += 1

        heads: dict[int, int] = {}
        length: dict[int, int] = {}
        for key in sorted(set(self.drawn)):
            node = self.graph.nodes[key]
            head = key
            if self._follows(node):
                before = self.drawn[node.inputs[0].node]
                stays = self.box_of[before] == self.box_of[key] and self.graph.nodes[before].op is not None
                alone = readers[before] == 1 and before not in self.closed and before in heads
                if stays and alone and length[heads[before]] < _CELLS:
                    head = heads[before]
            heads[key] = head
            length[head] = length.get(head, 0) + 1
        return heads

    def _follows(self, node: Node) -> bool:
        if (
            self.wish.table
            or node.op is None
            or node.key in self.closed
            or len(node.inputs) != 1
            or len(node.shapes) != 1
        ):
            return False
        return node.op.style in _ATTACHED and node.input_shapes[0] == node.shape

    def _freeze(self, page: _Open, heads: dict[int, int]) -> Box:
        closed: dict[int, list[int]] = {}
        for key, first in self.closed.items():
            closed.setdefault(first, []).append(key)
        members: dict[int, list[int]] = {}
        for key, head in heads.items():
            members.setdefault(head, []).append(key)

        def parts(box: _Open) -> Iterator[Box | Piece]:
            for part in box.parts:
                if isinstance(part, _Shut):
                    cell = self._measured(Cell(part.title, None, part.key, part.key), closed[part.key])
                    yield Piece(part.key, self.graph.names[part.key], (cell,), times=part.times)
                elif isinstance(part, _Open):
                    if part.id == box.id:
                        yield from parts(part)
                    else:
                        yield _boxed(part, tuple(parts(part)))
                elif heads[part] == part:
                    yield Piece(part, self.graph.names[part], tuple(map(self._cell, members[part])))

        return Box(0, "", 1, tuple(parts(page)))

    def _cell(self, key: int) -> Cell:
        node = self.graph.nodes[key]
        shared = None if node.shared is None else self.graph.names[node.shared]
        style: Style = "input" if node.op is None else node.op.style
        text = ranged(node.call, self.graph.nodes[self._final(key)].call)
        return self._measured(Cell(text, style, key, key, node.label, shared), [key])

    def _measured(self, cell: Cell, keys: Sequence[int]) -> Cell:
        """With what was asked to be shown of the layers that it stands for."""
        wish, measured = self.wish, self.measured
        last = max(keys)
        return replace(
            cell,
            last=self._final(last),
            counts=tuple(
                (name, value) for name in get_args(Count) if name in wish.show if (value := measured.count(name, keys))
            ),
            field=measured.field(last, self._final(last), whole=cell.style is None) if "rf" in wish.show else "",
            heat=measured.count(wish.heat, keys) if wish.heat is not None else 0,
            rows=measured.rows(keys) if wish.table else (),
        )

    # ------------------------------------------------------------ edges

    def _exits(self, heads: dict[int, int]) -> Iterator[Exit]:
        """The outputs; those that leave one layer in the turns of a folded repeat are one."""
        found: dict[object, list[Output]] = {}
        for output in self.graph.outputs:
            port = output.port
            place = self.standing[port.node], port.index, self.graph.shape(port), output.training
            found.setdefault(place if self.standing[port.node] in self.last else output, []).append(output)
        for outputs in found.values():
            port = outputs[0].port
            yield Exit(tuple(outputs), heads[self.drawn[port.node]], self.graph.shape(port))

    def _edges(self, heads: dict[int, int]) -> tuple[Edge, ...]:
        sizes: dict[Port, list[Shape]] = {}
        for node in self.graph.nodes:
            for index, shape in enumerate(node.shapes):
                sizes.setdefault(Port(self.standing[node.key], index), []).append(shape)
        entering: dict[int, set[Shape]] = {}
        found: dict[tuple[Port, int, int, int], tuple[int, int]] = {}
        for node in self.graph.nodes:
            if self.standing[node.key] != node.key:
                continue
            head = heads[self.drawn[node.key]]
            for position, port in enumerate(node.inputs):
                tail = heads[self.drawn[port.node]]
                if tail == head:
                    continue
                entering.setdefault(head, set()).add(self.graph.shape(port))
                # A closed block reads a tensor once, however many layers inside it do.
                reader = (-1, -1) if node.key in self.closed else (node.key, position)
                found.setdefault((port, head, *reader), (tail, head))
        told: set[Port] = set()
        labelled: set[int] = set()
        edges: list[Edge] = []
        for (port, *_), (tail, head) in found.items():
            # From inside a folded box to its outside leaves the size of the last iteration, and that alone.
            stays = self.standing[port.node] == port.node
            new = tuple(sizes[port]) if stays else (self.graph.shape(port),)
            known = self.graph.nodes[port.node].op is None or port in told or set(new) <= entering.get(tail, set())
            told.add(port)
            # What joins tensors of one size says it once.
            known = known or (head in labelled and len(entering[head]) == 1)
            if not known:
                labelled.add(head)
            edges.append(Edge(port, tail, head, () if known else new))
        return tuple(edges)


@dataclass(slots=True, eq=False)
class _Open:
    """A box while it is filled. One with the id of the box around it is no box of its own."""

    id: int
    title: str
    times: int
    parts: list[int | _Open | _Shut]
    labelled: bool = False


@dataclass(frozen=True, slots=True)
class _Shut:
    key: int
    title: str
    times: int


def _boxed(box: _Open, parts: tuple[Box | Piece, ...]) -> Box | Piece:
    """A box; where it would hold one node and nothing else that node, which says more than the block's name over it.

    The name stays where it is all that is said of several layers, and where the text refers to it.
    """
    if len(parts) == 1 and isinstance(only := parts[0], Piece) and not only.caption and 1 in (only.times, box.times):
        times = only.times * box.times
        return replace(only, caption=box.title if times > 1 or box.labelled else "", times=times)
    return Box(box.id, box.title, box.times, parts)
