"""A picture laid out, with as many blocks open as can be read.

In: a graph, a wish and the paper's column. Out: a `Laid` picture: DOT in which everything has its place, and its size.
What a plan shows is decided in `plan`, where its columns break in `columns`; here the two are tried until they fit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from archdsl.draw.columns import COLUMN, PAGE, arrange
from archdsl.draw.dot import PAD, Direction, Writer
from archdsl.draw.label import SMALL
from archdsl.draw.picture import Plan
from archdsl.draw.placing import Layout, Places, Turn, side_by_side
from archdsl.draw.plan import Wish, make_plan
from archdsl.draw.render import lay_out
from archdsl.draw.straight import straighten
from archdsl.draw.style import LEGIBLE, ThemeName
from archdsl.draw.titles import set_titles
from archdsl.graph import Graph

__all__ = ["Laid", "Watch", "laid", "legible"]

_NEEDED: Final = LEGIBLE / float(SMALL)
"""How much smaller a picture may be made."""
_HOPEFUL: Final = 0.8
"""Which share of that an estimate must reach for the picture to be laid out: it is right within a fifth."""
_LEVELS: Final = 8
"""How many levels and kinds of blocks are tried: of a thousand each would take a plan."""
_TRIES: Final = 4
"""How often titles are broken into more lines."""

Watch = Callable[[int, int, int], None]
"""Is told how many nodes are laid out, in how many steps, and how many of these are done."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A plan with the place of everything in it; `scale` is by how much it must be made smaller for the column."""

    writer: Writer
    places: Places
    scale: float


def laid(
    graph: Graph, wish: Wish, *, theme: ThemeName, direction: Direction, width: float | None, watch: Watch
) -> Laid:
    """The picture that shows most and can be read; without `--width` in one of a page's two columns.

    A wish that says what is open is followed, however large the picture becomes.
    """
    if _given(wish, width):
        return _lay(make_plan(graph, wish), theme, direction, width or PAGE[0], watch)
    if direction == "right":
        return _lay(legible(graph, wish, width=width), theme, direction, width or PAGE[0], watch)
    best: tuple[float, Plan, float] | None = None
    for wide in (width,) if width is not None else (COLUMN, PAGE[0]):
        for less in _closing(graph, wish):
            plan = make_plan(graph, less)
            scale = arrange(plan, width=wide).scale
            if scale >= _HOPEFUL * _NEEDED:
                found = _lay(plan, theme, direction, wide, watch)
                if found.scale >= _NEEDED:
                    return found
                scale = found.scale
            if best is None or scale > best[0]:
                best = scale, plan, wide
    assert best is not None
    return _lay(best[1], theme, direction, best[2], watch)


def legible(graph: Graph, wish: Wish, *, width: float | None) -> Plan:
    """The same for formats that somebody else lays out, by an estimate."""
    if _given(wish, width):
        return make_plan(graph, wish)
    best: tuple[float, Plan] | None = None
    for less in _closing(graph, wish):
        plan = make_plan(graph, less)
        scale = arrange(plan, width=width or COLUMN).scale
        if scale >= _NEEDED:
            return plan
        if best is None or scale > best[0]:
            best = scale, plan
    assert best is not None
    return best[1]


def _given(wish: Wish, width: float | None) -> bool:
    """Whether the wish says what is open; a table shows every layer."""
    return wish.depth is not None or bool(wish.expand) or not wish.fold or (wish.table and width is None)


def _closing(graph: Graph, wish: Wish) -> Iterator[Wish]:
    """All blocks open; then of like ones the first alone, from the innermost level out; then one kind after another."""
    yield wish
    blocks = [[frame for frame in node.frame.path() if frame.kind == "block"] for node in graph.nodes]
    levels = min(max(map(len, blocks), default=0), _LEVELS)
    for level in range(levels, 0, -1):
        yield replace(wish, once=level)
    # The blocks that hold least of the network first.
    shares = Counter(path[0].name for path in blocks if path)
    smallest = sorted(shares, key=lambda name: (shares[name], name))
    for number in range(max(1, len(smallest) - _LEVELS), len(smallest)):
        yield replace(wish, once=1, closed=frozenset(smallest[:number]))
    for level in range(levels, 0, -1):
        yield replace(wish, depth=level)


def _lay(plan: Plan, theme: ThemeName, direction: Direction, width: float, watch: Watch) -> Laid:
    columns = arrange(plan, break_up=direction == "down", width=width)
    writer = Writer(plan, columns, theme=theme, direction=direction)
    turns = [
        Turn(str(index), columns.of[edge.tail], columns.of[edge.head])
        for index, edge in enumerate(plan.edges)
        if columns.of[edge.tail] != columns.of[edge.head]
    ]
    nodes = sum(bool(piece.cells) for piece in plan.pieces())
    steps = columns.count + 1
    watch(nodes, steps, 0)
    found: list[Layout] = []
    for index in range(columns.count):
        found.append(_column(writer, index))
        watch(nodes, steps, index + 1)
    places = side_by_side(lay_out(writer.heading()), found, turns)
    scale = min(1.0, width / (places.width + 2 * PAD), PAGE[1] / (places.height + 2 * PAD))
    return Laid(writer, places, scale)


def _column(writer: Writer, index: int) -> Layout:
    """One column; its titles are broken into lines until no edge goes through them, else their boxes are made wider."""
    for _ in range(_TRIES):
        made, narrow = set_titles(straighten(lay_out(writer.column(index))), writer.wide)
        if not narrow:
            break
        for name, title in narrow.items():
            if title.room < 0.98 * writer.rooms.get(name, math.inf):
                writer.rooms[name] = title.room
            else:
                writer.wide[name] = title.wide
    return made
