"""Columns that were laid out one by one, put side by side on one page.

In: the layouts that Graphviz made of each column and of the heading. Out: the place of everything on the page, as
attributes of DOT.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

__all__ = ["Layout", "Places", "Point", "Spot", "Turn", "point", "side_by_side"]

_GUTTER: Final = 26.0
_ABOVE: Final = 9.0
"""Points between two columns, and between the columns and the lines that lead around them."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """What Graphviz said of one node, box or edge: attributes of DOT that hold places."""

    attributes: dict[str, str]

    def moved(self, x: float, y: float) -> Spot:
        """The same elsewhere."""
        found = dict(self.attributes)
        for name in {"pos", "lp", "bb"} & found.keys():
            found[name] = _moved(found[name], x, y)
        return Spot(found)


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture that was laid out; its lower left corner is at 0, 0."""

    width: float
    height: float
    nodes: dict[str, Spot]
    boxes: dict[str, Spot]
    edges: dict[str, Spot]
    ends: dict[str, tuple[str, str]]
    """The nodes that each edge joins."""
    sizes: dict[str, tuple[float, float]]
    """How wide and high nodes are."""


@dataclass(frozen=True, slots=True)
class Turn:
    """An edge from one column into another one further right, by its number."""

    number: str
    tail: int
    head: int


@dataclass(slots=True)
class Places:
    """Where everything is; `page` is the whole, as DOT has it."""

    page: str
    width: float
    height: float
    _nodes: dict[str, Spot] = field(default_factory=dict)
    _boxes: dict[str, Spot] = field(default_factory=dict)
    _edges: dict[str, Spot] = field(default_factory=dict)

    def node(self, name: str) -> dict[str, str]:
        """The attributes of a node's place."""
        return self._nodes[name].attributes

    def box(self, name: str) -> dict[str, str]:
        """Those of a box and its title."""
        return self._boxes[name].attributes

    def edge(self, number: str) -> dict[str, str]:
        """Those of an edge and its label."""
        return self._edges[number].attributes


def side_by_side(heading: Layout, columns: Sequence[Layout], turns: Sequence[Turn]) -> Places:
    """The heading in the middle, the columns under it from one line down, with lines between them."""
    width = sum(column.width for column in columns) + _GUTTER * (len(columns) - 1)
    page = max(width, heading.width)
    highest = max(column.height for column in columns)
    top = highest + (2 if turns else 1) * _ABOVE
    below = 2 * _ABOVE if turns else 0.0
    places = Places(f"0,{-below:g},{page:g},{top + heading.height:g}", page, top + heading.height + below)
    places._nodes["heading"] = Spot({"pos": f"{page / 2:g},{top + heading.height / 2:g}"})
    lefts: list[float] = []
    x = (page - width) / 2
    for column in columns:
        lefts.append(x)
        y = highest - column.height
        for old, new in ((column.nodes, places._nodes), (column.boxes, places._boxes), (column.edges, places._edges)):
            new.update((name, spot.moved(x, y)) for name, spot in old.items())
        x += column.width + _GUTTER
    for index, turn in enumerate(turns):
        foot = point(places.node(f"foot {turn.number}")["pos"])
        head = point(places.node(f"top {turn.number}")["pos"])
        beside = lefts[turn.tail] + columns[turn.tail].width + _GUTTER / 2 + 3 * index * (len(turns) > len(columns))
        below = highest - columns[turn.tail].height - _ABOVE
        above = highest + _ABOVE
        way = [foot, (foot[0], below), (beside, below), (beside, above), (head[0], above), head]
        places._edges[f"{turn.number} turn"] = Spot({"pos": _straight(way)})
    return places


def _straight(way: Sequence[Point]) -> str:
    """Straight lines as Graphviz wants curves: both handles of each on the line."""
    found = [way[0]]
    for a, b in pairwise(way):
        found += [a, b, b]
    return " ".join(f"{x:g},{y:g}" for x, y in found)


def point(text: str) -> Point:
    """
    >>> point("10.5,20")
    (10.5, 20.0)
    """
    x, y = map(float, text.split(","))
    return x, y


def _moved(text: str, x: float, y: float) -> str:
    """`e,10,20 1,2 3,4`, or `0,0,10,20`: pairs of numbers, separated by a blank or a comma."""
    turn = 0

    def move(match: re.Match[str]) -> str:
        nonlocal turn
        turn += 1
        return f"{float(match[0]) + (x if turn % 2 else y):.2f}"

    return re.sub(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?", move, text)
