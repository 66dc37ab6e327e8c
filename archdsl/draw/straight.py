"""Edges that Graphviz bends around the room of their own size, where a shortcut passes outside of their box.

In: a column as it was laid out. Out: the same with those edges straight and the sizes beside them, where that is free.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from archdsl.draw.placing import Layout, Spot, point
from archdsl.draw.titles import Lines, line_of

__all__ = ["straighten"]

_BENT: Final = 4.0
"""Points from the straight line from which on an edge is bent."""
_HIGH: Final = 10.0
_BESIDE: Final = 2.0
"""Points that a size is high, and that it keeps from lines."""
_ARROW: Final = 6.0
"""Points from the end of a line to the tip of its arrow."""


def straighten(layout: Layout) -> Layout:
    """Every edge with a size from a node to the one right below, where there is room for its size beside it."""
    bent = [number for number, edge in layout.edges.items() if "lp" in edge.attributes and _is_bent(layout, number)]
    if not bent:
        return layout
    edges = dict(layout.edges)
    lines, sides = Lines(layout.edges), _sides(layout)
    for number in bent:
        edge, (tail, head) = edges[number], layout.ends[number]
        label, y = point(edge.attributes["lp"])
        bottom, top = y - _HIGH / 2, y + _HIGH / 2
        x, middle = point(layout.nodes[tail].attributes["pos"])
        half = label - min(across for across, _ in line_of(edge))  # the size begins where the bend is
        taken = [*lines.crossings(bottom, top, but=number), *sides.crossings(bottom, top)]
        if any(low < x + 2 * half and x - _BESIDE < high for low, high in taken):
            continue
        start = middle - layout.sizes[tail][1] / 2
        tip = point(layout.nodes[head].attributes["pos"])[1] + layout.sizes[head][1] / 2
        way = " ".join(f"{x:.2f},{start + (tip + _ARROW - start) * share / 3:.2f}" for share in range(4))
        edges[number] = Spot({"pos": f"e,{x:.2f},{tip:.2f} {way}", "lp": f"{x + half:.2f},{y:g}"})
    return replace(layout, edges=edges)


def _sides(layout: Layout) -> Lines:
    """The sides of boxes, on which no size may stand."""
    found = Lines({})
    for spot in layout.boxes.values():
        left, bottom, right, top = map(float, spot.attributes["bb"].split(","))
        for x in (left, right):
            found.add((x, bottom), (x, top))
    return found


def _is_bent(layout: Layout, number: str) -> bool:
    """Whether it leads from one node down to the next, and not straight."""
    edge = layout.edges[number]
    tail, head = (point(layout.nodes[name].attributes["pos"]) for name in layout.ends[number])
    if abs(tail[0] - head[0]) > 1 or tail[1] < head[1] or not edge.attributes["pos"].startswith("e,"):
        return False
    if all(abs(x - tail[0]) <= _BENT for x, _ in line_of(edge)):
        return False
    for name, (wide, _) in layout.sizes.items():
        x, y = point(layout.nodes[name].attributes["pos"])
        if head[1] < y < tail[1] and abs(x - tail[0]) < wide / 2 + _BENT:
            return False
    return True
