"""A network as a row of feature maps, with what leads around them.

In: a graph and a wish. Out: a frozen `Strip`: the longest way through the network as volumes, ways of other inputs
beside it, everything else as arcs. Where the volumes stand is left to `archdsl.draw.volumes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from archdsl.analysis.facts import facts
from archdsl.draw.columns import arrange
from archdsl.draw.label import words
from archdsl.draw.picture import Box, Cell, Piece, Plan
from archdsl.draw.plan import ALL, Wish, make_plan
from archdsl.draw.text import arguments, size, typeset
from archdsl.graph import Graph
from archdsl.ops.base import Shape, Style

__all__ = ["Arc", "Leaving", "Strip", "Volume", "make_strip"]

_MOST: Final = 40
"""Volumes beside each other; where there were more, blocks are one volume."""


@dataclass(frozen=True, slots=True)
class Volume:
    """One feature map: the layers that make it, its size, and the window that they lay on the map before.

    - `style`: the kind of its first layer; None for a block.
    - `kernel`: along the axes of what it reads, empty where there is no window.
    - `times`: how many like ones it stands for.
    - `lane`: 0 on the longest way, then one for every other input.
    - `level`: how often the size has been halved, of a network that doubles it again; else 0.
    """

    text: str
    shape: Shape
    reads: Shape
    kernel: tuple[int, ...]
    style: Style | None
    times: int
    lane: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Arc:
    """What leads from one volume to another, not to the next; `text` says what is on the way."""

    tail: int
    head: int
    text: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A named output and the volume that it leaves."""

    text: str
    tail: int


@dataclass(frozen=True, slots=True)
class Strip:
    """A whole picture; `steps` lead from a volume to the next of its lane, or from the end of a lane into another.

    - `repeats`: the first and last volume of what is open and stands for several turns, and for how many.
    """

    name: str
    title: str
    volumes: tuple[Volume, ...]
    steps: tuple[tuple[int, int], ...]
    arcs: tuple[Arc, ...]
    exits: tuple[Leaving, ...]
    repeats: tuple[tuple[int, int, int], ...] = ()


def make_strip(graph: Graph, wish: Wish = ALL) -> Strip:
    """Decide what is a volume.

    `make_strip(vgg16)` has 22: the input, 13 convolutions, 5 poolings, 3 fully connected layers. Unless the wish says
    how far blocks are opened, they are as far as at most 40 volumes allow, and closed ones bear their repeats.
    """
    return _Stripper(graph, _chosen(graph, wish)).strip()


def _chosen(graph: Graph, wish: Wish) -> Plan:
    if wish != replace(wish, depth=None, fold=True, expand=frozenset()):
        return make_plan(graph, wish)
    if len(graph) < 20 * _MOST and _fits(whole := make_plan(graph, replace(wish, fold=False))):
        return whole
    levels = max((sum(f.kind == "block" for f in node.frame.path()) for node in graph.nodes), default=0)
    plan = make_plan(graph, replace(wish, depth=1))
    for depth in range(min(levels, 8), 1, -1):
        found = make_plan(graph, replace(wish, depth=depth))
        if _fits(found) and not _repeated(found.page):
            return found
    return plan


def _fits(plan: Plan) -> bool:
    """Whether the volumes are few, and what would be seen as arcs alone is little."""
    way = _way(plan)
    beside: set[int] = set()
    reached = set(way)
    for edge in sorted(plan.edges, key=lambda edge: edge.port):
        if edge.tail in reached and edge.head not in reached:
            reached.add(edge.head)
            beside.add(edge.head)
    hidden = sum(piece.id in beside for piece in plan.pieces() if piece.cells)
    return len(way) <= _MOST and hidden * 3 <= len(way)


def _repeated(page: Box) -> bool:
    """Whether a box is open that stands for several, which a row of volumes cannot say."""
    pending: list[Box | Piece] = [page]
    while pending:
        part = pending.pop()
        if isinstance(part, Box):
            if part.times > 1:
                return True
            pending += part.parts
    return False


def _way(plan: Plan) -> list[int]:
    """The pieces of the longest way, from an input to the main output, forks left out."""
    spine = arrange(plan, break_up=False).spine
    after = dict(spine)
    heads = set(after.values())
    real = {piece.id for piece in plan.pieces() if piece.cells}
    key = next((tail for tail in after if tail not in heads), plan.exits[0].tail if plan.exits else min(real))
    found = [key]
    while key in after:
        key = after[key]
        found.append(key)
    return [key for key in found if key in real]


class _Stripper:
    """One run over one plan."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph = graph
        self.plan = plan
        self.pieces = {piece.id: piece for piece in plan.pieces() if piece.cells}
        self.after: dict[int, list[int]] = {key: [] for key in self.pieces}
        self.before: dict[int, list[int]] = {key: [] for key in self.pieces}
        above = {edge.head: edge.tail for edge in plan.edges if edge.head not in self.pieces}
        for edge in plan.edges:
            if edge.head in self.pieces:
                tail = edge.tail
                while tail not in self.pieces:
                    tail = above[tail]
                self.after[tail].append(edge.head)
                self.before[edge.head].append(tail)

    def strip(self) -> Strip:
        lanes = list(self._lanes())
        place = {key: at for at, (key, _) in enumerate((key, lane) for lane in lanes for key in lane)}
        volumes = tuple(self._volume(key, lane) for lane, keys in enumerate(lanes) for key in keys)
        steps: list[tuple[int, int]] = []
        for keys in lanes:
            for tail, head in pairwise(keys):
                if head in self.after[tail]:
                    steps.append((place[tail], place[head]))
            if keys is not lanes[0]:
                steps += [
                    (place[keys[-1]], place[head]) for head in dict.fromkeys(self.after[keys[-1]]) if head in place
                ]
        arcs = list(dict.fromkeys(self._arcs(place, set(steps))))
        exits = list(self._exits(place))
        return Strip(
            self.plan.name,
            self.plan.title,
            _levelled(self.graph, self.plan, volumes, arcs),
            tuple(steps),
            tuple(arcs),
            tuple(exits),
            tuple(self._repeats(place)),
        )

    def _lanes(self) -> Iterator[list[int]]:
        way = _way(self.plan)
        placed = set(way)
        yield way
        for node in self.graph.inputs:
            lane: list[int] = []
            key: int | None = node.key
            while key is not None and key not in placed:
                lane.append(key)
                placed.add(key)
                key = next(iter(self.after.get(key, ())), None)
            if lane:
                yield lane

    def _volume(self, key: int, lane: int) -> Volume:
        piece = self.pieces[key]
        first, last = piece.cells[0], piece.cells[-1]
        node = self.graph.nodes[first.key]
        reach = facts(self.graph)[first.key].reach if first.style is not None else None
        kernel = tuple(reach.kernel) if reach is not None and max(reach.kernel, default=1) > 1 else ()
        reads = node.input_shapes[0] if node.input_shapes else node.shape
        shape = self.graph.nodes[last.last].shape
        text = _brief(first)
        return Volume(
            text if first.label is None else f"{first.label}: {text}",
            shape,
            reads,
            kernel if len(kernel) == len(reads) - 1 else (),
            first.style,
            piece.times,
            lane,
        )

    # ------------------------------------------------------------ what leads around

    def _repeats(self, place: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        pending: list[Box | Piece] = [self.plan.page]
        while pending:
            part = pending.pop()
            if isinstance(part, Piece):
                continue
            pending += part.parts
            inside = [place[piece.id] for piece, _ in part.pieces() if piece.id in place]
            if part.times > 1 and inside:
                yield min(inside), max(inside), part.times

    def _arcs(self, place: dict[int, int], steps: set[tuple[int, int]]) -> Iterator[Arc]:
        for tail in place:
            for head in self.after[tail]:
                if head in place and (place[tail], place[head]) not in steps:
                    yield Arc(place[tail], place[head], "")
        for part in self._parts(place):
            text = self._called(part)
            tails = sorted({place[key] for inner in part for key in self.before[inner] if key in place})
            heads = sorted({place[key] for inner in part for key in self.after[inner] if key in place})
            for tail in tails:
                for head in heads:
                    if tail != head:
                        yield Arc(tail, head, text)

    def _parts(self, place: dict[int, int]) -> Iterator[list[int]]:
        """What is on no lane, in pieces that hang together."""
        seen = set(place)
        for key in self.pieces:
            if key in seen:
                continue
            part, pending = [], [key]
            seen.add(key)
            while pending:
                inner = pending.pop()
                part.append(inner)
                for other in (*self.before[inner], *self.after[inner]):
                    if other not in seen:
                        seen.add(other)
                        pending.append(other)
            yield sorted(part)

    def _called(self, part: Sequence[int]) -> str:
        cells = [cell for key in part for cell in self.pieces[key].cells]
        return _brief(cells[0]) if len(part) == 1 else f"{len(cells)} layers"

    def _exits(self, place: dict[int, int]) -> Iterator[Leaving]:
        part_of = {key: part for part in self._parts(place) for key in part}
        for leaving in self.plan.exits:
            text = f"{leaving.name} {size(leaving.shape)}" + (" (in training only)" if leaving.training else "")
            tail = leaving.tail
            if tail not in place:
                part = part_of[tail]
                text = f"{self._called(part)} → {text}"
                tails = [key for inner in part for key in self.before[inner] if key in place]
                if not tails:
                    continue
                tail = max(tails, key=place.__getitem__)
            yield Leaving(text, place[tail])


def _brief(cell: Cell) -> str:
    """A call without its named arguments: `conv 3×3 64`, `bottleneck<64>`."""
    if cell.style is not None:
        return " ".join(word for word in words(cell.text) if "=" not in word)
    name, given = arguments(typeset(cell.text))
    bare = [argument for argument in given if "=" not in argument]
    return f"{name}<{', '.join(bare)}>" if bare else name


def _levelled(graph: Graph, plan: Plan, volumes: Sequence[Volume], arcs: Sequence[Arc]) -> tuple[Volume, ...]:
    """With levels, where the network makes maps larger again and joins them with what they were before."""
    cells = [cell for piece in plan.pieces() for cell in piece.cells]
    reaches = [facts(graph)[cell.key].reach for cell in cells if cell.style is not None]
    larger = any(step < 1 for reach in reaches if reach is not None for step in reach.stride)
    if not larger or not arcs or any(volume.lane for volume in volumes):
        return tuple(volumes)
    most = max(
        math.prod(volume.shape[:-1]) ** (1 / (len(volume.shape) - 1)) for volume in volumes if len(volume.shape) > 1
    )
    made, level = [], 0
    for volume in volumes:
        if len(volume.shape) > 1:
            side = math.prod(volume.shape[:-1]) ** (1 / (len(volume.shape) - 1))
            # Without padding a map loses a few lines at every layer, which is no level of its own.
            level = round(math.log2(most / side) - 0.25)
        made.append(replace(volume, level=max(level, 0)))
    # Where a map is made much smaller at once there is no level between.
    rank = {level: at for at, level in enumerate(sorted({volume.level for volume in made}))}
    return tuple(replace(volume, level=rank[volume.level]) for volume in made)
