"""A layout by Graphviz as a sheet, for formats that it does not write itself.

In: the JSON in which it says what it draws. Out: a sheet. Layout is left to `archdsl.draw.render`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from archdsl.draw.sheet import Label, Line, Point, Polygon, Sheet

__all__ = ["trace"]

_PAD: Final = 7.2
"""Points around everything."""
_BOLD: Final = 1


def trace(layout: bytes, name: str, fill: str) -> Sheet:
    """Everything that is drawn, boxes first, then edges, then nodes."""
    found = json.loads(layout)
    left, bottom, right, top = map(float, found["bb"].split(","))
    tracer = _Tracer(left - _PAD, top + _PAD)
    objects = found.get("objects", [])
    boxes = [made for made in objects if "nodes" in made or "subgraphs" in made]
    nodes = [made for made in objects if "nodes" not in made and "subgraphs" not in made]
    shapes: list[Polygon | Line | Label] = []
    for made in (found, *boxes, *found.get("edges", []), *nodes):
        for part in ("_draw_", "_ldraw_", "_hdraw_"):
            # The first thing that the graph draws is the page.
            if part == "_draw_" and made is found:
                continue
            shapes += tracer.shapes(made.get(part, ()))
    return Sheet(name, right - left + 2 * _PAD, top - bottom + 2 * _PAD, fill, tuple(shapes))


class _Tracer:
    """Points from the top left, y down."""

    def __init__(self, left: float, top: float) -> None:
        self.left = left
        self.top = top

    def _points(self, operation: dict[str, Any]) -> tuple[Point, ...]:
        return tuple((x - self.left, self.top - y) for x, y in operation["points"])

    def shapes(self, operations: list[dict[str, Any]]) -> Iterator[Polygon | Line | Label]:
        """The operations of one object, which set pens and fonts for those after them."""
        pen = fill = "#000000"
        size, bold = 10.0, False
        for operation in operations:
            kind = operation["op"]
            if kind == "c":
                pen = operation["color"]
            elif kind == "C":
                fill = operation["color"]
            elif kind == "F":
                size = operation["size"]
            elif kind == "t":
                bold = bool(operation["fontchar"] & _BOLD)
            elif kind in "PB":  # in this JSON capitals are filled, in xdot `B` is not
                # A colour with eight digits is a pen that is not seen.
                yield Polygon(self._points(operation), fill, pen if len(pen) == 7 else fill, curved=kind == "B")
            elif kind == "p":
                yield Polygon(self._points(operation), None, pen)
            elif kind in "Lb":
                yield Line(self._points(operation), pen, curved=kind == "b")
            elif kind in "Ee":
                x, y, wide, high = operation["rect"]
                x, y = x - self.left, self.top - y
                corners = ((x - wide, y), (x, y - high), (x + wide, y), (x, y + high))
                yield Polygon(corners, fill if kind == "E" else None, pen)
            elif kind == "T" and operation["text"].strip():
                # Backslashes are still doubled, as labels have them.
                text = operation["text"].replace("\\\\", "\\").replace("\N{NO-BREAK SPACE}", " ")
                x, y = operation["pt"]
                half = operation["width"] / 2
                x += {"l": half, "c": 0.0, "r": -half}[operation["align"]]
                yield Label(x - self.left, self.top - y, text, size, pen, bold)
