"""Where the titles of boxes stand, so that no line goes through them.

In: a column as Graphviz laid it out. Out: the same with titles moved along the top of their boxes, and how much room
there is for those that fit nowhere. How a title is broken into lines is left to `archdsl.draw.label`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from archdsl.draw.placing import Layout, Point, Spot

__all__ = ["Lines", "Narrow", "line_of", "set_titles"]

_CLEAR: Final = 4.0
_EDGE: Final = 7.0
"""Points between a title and a line, and between a title and the sides of its box."""
_BAND: Final = 24.0
"""Points: lines are looked for in bands of this height, not on the whole page for every title."""
_STEPS: Final = 8

_Range = tuple[float, float]


class Lines:
    """Straight pieces of edges, found by how high they are; each with the number of its edge."""

    def __init__(self, edges: Mapping[str, Spot]) -> None:
        self.bands: dict[int, list[tuple[str, Point, Point]]] = {}
        for number, edge in edges.items():
            for start, end in pairwise(line_of(edge)):
                self.add(start, end, number)

    def add(self, start: Point, end: Point, number: str = "") -> None:
        """One more piece."""
        low, high = sorted((start[1], end[1]))
        for band in range(int(low // _BAND), int(high // _BAND) + 1):
            self.bands.setdefault(band, []).append((number, start, end))

    def crossings(self, bottom: float, top: float, but: str | None = None) -> Iterator[_Range]:
        """From where to where lines are between two heights, those of one edge left out."""
        for band in range(int(bottom // _BAND), int(top // _BAND) + 1):
            for number, (x, y), (u, v) in self.bands.get(band, ()):
                low, high = sorted((y, v))
                if number == but or high < bottom or low > top:
                    continue
                if v == y:
                    yield min(x, u), max(x, u)
                    continue
                ends = [x + (u - x) * (min(max(height, low), high) - y) / (v - y) for height in (bottom, top)]
                yield min(ends), max(ends)


@dataclass(frozen=True, slots=True)
class Narrow:
    """A title that fits nowhere: points that it is wide, and the widest room over its box."""

    wide: float
    room: float


def set_titles(layout: Layout, wide: Mapping[str, float]) -> tuple[Layout, dict[str, Narrow]]:
    """The column with its titles as far right as lines allow, and those for which no room is enough.

    - `wide`: how wide the texts of some titles are, which stand at the right of wider labels.
    """
    edges = Lines(layout.edges)
    boxes = dict(layout.boxes)
    narrow: dict[str, Narrow] = {}
    for name, spot in layout.boxes.items():
        if "lp" not in spot.attributes:
            continue
        left, _, right, _ = map(float, spot.attributes["bb"].split(","))
        _, y = map(float, spot.attributes["lp"].split(","))
        whole, high = (72 * float(spot.attributes[side]) for side in ("lwidth", "lheight"))
        own = wide.get(name, whole)
        bottom, top = y - high / 2, y + high / 2
        crossed = sorted(edges.crossings(bottom, top))
        free = list(_free(crossed, left + _EDGE, right - _EDGE))
        fitting = [end for start, end in free if end - start >= own]
        if fitting:
            boxes[name] = Spot({**spot.attributes, "lp": f"{fitting[-1] - whole / 2:.2f},{y:g}"})
        else:
            narrow[name] = Narrow(own, max(end - start for start, end in free))
    return replace(layout, boxes=boxes), narrow


def _free(crossed: Sequence[_Range], left: float, right: float) -> Iterator[_Range]:
    """What is left between two sides, from the left to the right; at least one range, which may be empty."""
    at = left
    for start, end in crossed:
        if start > right:
            break
        if start - _CLEAR > at:
            yield at, start - _CLEAR
        at = max(at, end + _CLEAR)
    yield at, max(at, right)


def line_of(edge: Spot) -> Iterator[Point]:
    """Points on an edge: `s,` or `e,` before the tip of an arrow, then a chain of cubic Bézier curves."""
    text = edge.attributes["pos"]
    tips = {found[1]: (float(found[2]), float(found[3])) for found in re.finditer(r"([se]),([^, ]+),([^, ]+)", text)}
    points = [(float(x), float(y)) for x, y in (part.split(",") for part in text.split() if part[0] not in "se")]
    if "s" in tips:
        yield tips["s"]
    yield points[0]
    for at in range(0, len(points) - 3, 3):
        for step in range(1, _STEPS + 1):
            t = step / _STEPS
            shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            curve = points[at : at + 4]
            yield (
                sum(share * x for share, (x, _) in zip(shares, curve, strict=True)),
                sum(share * y for share, (_, y) in zip(shares, curve, strict=True)),
            )
    if "e" in tips:
        yield tips["e"]
