"""A picture laid out, with as many blocks open as can be read.

In: a graph, a wish and the paper's column. Out: a `Laid` picture: DOT in which everything has its place, and its size.
What a plan shows is decided in `plan`, where its columns break in `columns`; here the two are tried until they fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from archdsl.draw.columns import COLUMN, PAGE, arrange
from archdsl.draw.dot import PAD, Direction, Writer
from archdsl.draw.fold import Group, grouped, looks
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
_KINDS: Final = 24
"""How many levels and kinds of blocks are tried: of a thousand each would take a plan."""
_TRIES: Final = 4
_GROWTH: Final = 12.0
_SLACK: Final = 4.0
"""How often titles are broken into more lines; points that a column may grow for none to be, and room for rounding."""

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
    best: _Tried | None = None
    for wide in (width,) if width is not None else (COLUMN, PAGE[0]):

        def measure(plan: Plan, wide: float = wide) -> _Tried:
            scale = arrange(plan, width=wide).scale
            if scale < _HOPEFUL * _NEEDED:
                return _Tried(scale, plan)
            made = _lay(plan, theme, direction, wide, watch)
            return _Tried(made.scale, plan, made)

        found = _chosen(graph, wish, measure)
        if best is None or found.scale > best.scale:
            best = found
        if best.scale >= _NEEDED:
            break
    assert best is not None
    return best.laid or _lay(best.plan, theme, direction, width or PAGE[0], watch)


def legible(graph: Graph, wish: Wish, *, width: float | None) -> Plan:
    """The same for formats that somebody else lays out, by an estimate."""
    if _given(wish, width):
        return make_plan(graph, wish)
    return _chosen(graph, wish, lambda plan: _Tried(arrange(plan, width=width or COLUMN).scale, plan)).plan


@dataclass(frozen=True, slots=True)
class _Tried:
    """A plan, by how much it must be made smaller, and its layout where it was worth one."""

    scale: float
    plan: Plan
    laid: Laid | None = None


def _chosen(graph: Graph, wish: Wish, measure: Callable[[Plan], _Tried]) -> _Tried:
    """What shows most and can be read, or what is largest."""
    best: _Tried | None = None
    for less in _closing(graph, wish):
        found = measure(make_plan(graph, less))
        if found.scale >= _NEEDED:
            return found if less.depth is None else _opened(graph, less, found, measure)
        if best is None or found.scale >= best.scale:
            best = found
    assert best is not None
    return best


def _opened(graph: Graph, wish: Wish, found: _Tried, measure: Callable[[Plan], _Tried]) -> _Tried:
    """The same with the first block of every kind open that fits as well, in the order of the text."""
    assert wish.depth is not None
    for kind in _kinds(graph)[:_KINDS]:
        more = replace(wish, opened=wish.opened | {kind})
        plan = make_plan(graph, more)
        if plan == found.plan:
            continue
        tried = measure(plan)
        if tried.scale >= _NEEDED:
            wish, found = more, tried
    return found


def _kinds(graph: Graph) -> list[int]:
    """Kinds of blocks in the order of the text, what is inside of one before the next."""
    root = grouped(graph)
    kinds = looks(graph, root)
    found: dict[int, None] = {}
    pending = [root]
    while pending:
        group = pending.pop()
        if group.frame.kind == "block":
            found.setdefault(kinds[id(group)])
        pending += [part for part in reversed(group.parts) if isinstance(part, Group)]
    return list(found)


def _given(wish: Wish, width: float | None) -> bool:
    """Whether the wish says what is open; a table shows every layer."""
    return wish.depth is not None or bool(wish.expand) or not wish.fold or (wish.table and width is None)


def _closing(graph: Graph, wish: Wish) -> Iterator[Wish]:
    """All blocks open; then of like ones the first alone, from the innermost level out; then fewer and fewer levels."""
    yield wish
    blocks = [[frame for frame in node.frame.path() if frame.kind == "block"] for node in graph.nodes]
    levels = min(max(map(len, blocks), default=0), _LEVELS)
    for level in range(levels, 0, -1):
        yield replace(wish, once=level)
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
    heading = lay_out(writer.heading())
    found: list[Layout] = []
    for index in range(columns.count):
        found.append(_column(writer, index, heading.width / columns.count))
        watch(nodes, steps, index + 1)
    places = side_by_side(heading, found, turns)
    scale = min(1.0, width / (places.width + 2 * PAD), PAGE[1] / (places.height + 2 * PAD))
    return Laid(writer, places, scale)


def _column(writer: Writer, index: int, least: float) -> Layout:
    """One column; its titles are broken into lines until no edge goes through them, else their boxes are made wider.

    Boxes that are narrower than their column are made wider first, as far as it hardly grows, or up to `least` points.
    """
    plain = straighten(lay_out(writer.column(index)))
    made, narrow = set_titles(plain, writer.wide)
    if narrow:
        for name, title in narrow.items():
            left, _, right, _ = map(float, plain.boxes[name].attributes["bb"].split(","))
            writer.set_wide(name, title.wide, right - left + title.wide - title.room + _SLACK)
        wider = straighten(lay_out(writer.column(index)))
        if wider.width < max(plain.width + _GROWTH, least):
            made, narrow = set_titles(wider, writer.wide)
        else:
            for name in narrow:
                del writer.wide[name]
    for _ in range(_TRIES):
        if not narrow:
            break
        for name, title in narrow.items():
            if title.room < 0.98 * writer.rooms.get(name, math.inf):
                writer.rooms[name] = title.room
            else:
                writer.set_wide(name, title.wide)
        made, narrow = set_titles(straighten(lay_out(writer.column(index))), writer.wide)
    return made
