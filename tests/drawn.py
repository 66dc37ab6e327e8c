"""An SVG of a network read back: boxes, nodes with their layers, edges, texts, each with its place on the page.

In: the bytes that Graphviz wrote. Out: frozen types in points, x to the right and y down from the top left of the page.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import ImageFont

import archdsl
from archdsl.graph import Graph

__all__ = ["PROGRAMS", "Box", "Cluster", "Drawn", "Edge", "Node", "Place", "Text", "measure", "program", "read"]

_REFERENCE = (Path(__file__).parent / "lang" / "14-programs.md").read_text(encoding="utf-8")
_TEXTS = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```arch[^\n]*\n(.*?)```", _REFERENCE, re.DOTALL | re.MULTILINE))
PROGRAMS = tuple(title for title, text in _TEXTS.items() if "choice<" not in text)
"""Headings of the programs of the language reference, each with a first one that is a network."""

_SVG = "{http://www.w3.org/2000/svg}"
_FONTS = ("Helvetica", "Arial", "LiberationSans", "DejaVuSans")
"""What systems put in the place of Helvetica, which the pictures name."""

Place = tuple[float, float]


@cache
def program(title: str) -> Graph:
    """The first program under a heading of the language reference."""
    return archdsl.loads(_TEXTS[title]).graph


@dataclass(frozen=True)
class Box:
    """A rectangle: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: Box, slack: float = 0.5) -> bool:
        """Whether the other one is inside."""
        return (
            self.left - slack <= other.left
            and other.right <= self.right + slack
            and self.top - slack <= other.top
            and other.bottom <= self.bottom + slack
        )

    def meets(self, other: Box, depth: float = 1.0) -> bool:
        """Whether the two cover each other by more than that many points in both directions."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > depth
            and min(self.bottom, other.bottom) - max(self.top, other.top) > depth
        )

    def away(self, place: Place) -> float:
        """How far a point is from here; 0 inside."""
        x, y = place
        return max(self.left - x, x - self.right, self.top - y, y - self.bottom, 0.0)


@dataclass(frozen=True)
class Text:
    """One text with the room it takes, measured with the font's own widths."""

    text: str
    bold: bool
    box: Box


@dataclass(frozen=True)
class Node:
    """`cells` are the filled rectangles, each with the texts that begin in it; `rest` the texts outside of them."""

    name: str
    box: Box
    cells: tuple[tuple[Box, tuple[Text, ...]], ...]
    rest: tuple[Text, ...]


@dataclass(frozen=True)
class Cluster:
    """A block; `texts` are its title."""

    box: Box
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Edge:
    """`line` is the curve as points, `tip` the point of its arrow, or its end where it has none."""

    tail: str
    head: str
    line: tuple[Place, ...]
    tip: Place
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Drawn:
    """A whole picture; `texts` are those of the heading."""

    page: Box
    shapes: tuple[Box, ...]
    texts: tuple[Text, ...]
    clusters: tuple[Cluster, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def all_texts(self) -> Iterator[Text]:
        """Every text of the picture."""
        yield from self.texts
        for cluster in self.clusters:
            yield from cluster.texts
        for node in self.nodes:
            for _, texts in node.cells:
                yield from texts
            yield from node.rest
        for edge in self.edges:
            yield from edge.texts


def read(svg: bytes) -> Drawn:
    """Read what Graphviz wrote."""
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    graph = root.find(f"{_SVG}g")
    assert graph is not None
    shift = re.search(r"translate\((-?[\d.]+) (-?[\d.]+)\)", graph.attrib["transform"])
    assert shift is not None
    reader = _Reader(float(shift[1]), float(shift[2]))
    groups = {
        kind: [g for g in graph.iter(f"{_SVG}g") if g.get("class") == kind] for kind in ("cluster", "node", "edge")
    }
    headings = [graph, *(g for g in groups["node"] if _title(g) == "heading")]
    shapes = [reader.box(e) for e in graph.iter() if e.tag in _SHAPES]
    return Drawn(
        Box(0, 0, width, height),
        tuple(shapes),
        tuple(text for g in headings for text in reader.texts(g)),
        tuple(Cluster(reader.box(g[1]), reader.texts(g)) for g in groups["cluster"]),
        tuple(reader.node(g) for g in groups["node"] if g not in headings),
        tuple(map(reader.edge, groups["edge"])),
    )


def measure(text: str, x: float, y: float, size: float, *, bold: bool = False, centred: bool = True) -> Text:
    """A text whose letters stand on `y`, with its middle or its beginning at `x`."""
    wide = _font(bold).getlength(text) * size / 100
    left = x - wide / 2 if centred else x
    # Capitals reach 0.73 of the size above the line they stand on, tails 0.24 below it.
    return Text(text.strip(), bold, Box(left, y - 0.76 * size, left + wide, y + 0.24 * size))


_SHAPES = (f"{_SVG}polygon", f"{_SVG}path", f"{_SVG}ellipse", f"{_SVG}polyline")


@dataclass(frozen=True)
class _Reader:
    x: float
    y: float

    def points(self, element: ElementTree.Element) -> list[Place]:
        if element.tag == f"{_SVG}ellipse":
            x, y, wide, high = (float(element.attrib[name]) for name in ("cx", "cy", "rx", "ry"))
            return [(x - wide + self.x, y - high + self.y), (x + wide + self.x, y + high + self.y)]
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", element.get("points") or element.attrib["d"])]
        return [(x + self.x, y + self.y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]

    def box(self, element: ElementTree.Element) -> Box:
        return _around(self.points(element))

    def texts(self, group: ElementTree.Element) -> tuple[Text, ...]:
        found = []
        for element in group.findall(f"{_SVG}text"):
            text = "".join(element.itertext()).replace("\N{NO-BREAK SPACE}", " ")
            x, y, size = (float(element.attrib[name]) for name in ("x", "y", "font-size"))
            bold, centred = element.get("font-weight") == "bold", element.get("text-anchor") == "middle"
            found.append(measure(text, x + self.x, y + self.y, size, bold=bold, centred=centred))
        return tuple(found)

    def node(self, group: ElementTree.Element) -> Node:
        shapes = [element for element in group if element.tag in _SHAPES]
        filled = [self.box(element) for element in shapes if element.get("fill") != "none"]
        texts = self.texts(group)
        inside = [
            (box, tuple(text for text in texts if box.away((text.box.left + 0.1, text.box.bottom)) == 0))
            for box in filled
        ]
        rest = tuple(text for text in texts if not any(text in own for _, own in inside))
        whole = _around([place for element in shapes for place in self.points(element)] or _corners(texts))
        return Node(_title(group), whole, tuple(inside) if texts else (), rest)

    def edge(self, group: ElementTree.Element) -> Edge:
        tail, _, head = _title(group).partition("->")
        path = group.find(f"{_SVG}path")
        assert path is not None
        line = _curve(self.points(path))
        arrow = group.find(f"{_SVG}polygon")
        tip = self.points(arrow)[1] if arrow is not None else line[-1]
        return Edge(tail, head, line, tip, self.texts(group))


def _title(group: ElementTree.Element) -> str:
    title = group.find(f"{_SVG}title")
    assert title is not None
    assert title.text is not None
    return re.sub(r":[nesw](?=->|$)", "", title.text)


def _around(points: Sequence[Place]) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Box(min(xs), min(ys), max(xs), max(ys))


def _corners(texts: Sequence[Text]) -> list[Place]:
    return [place for text in texts for place in ((text.box.left, text.box.top), (text.box.right, text.box.bottom))]


def _curve(points: Sequence[Place]) -> tuple[Place, ...]:
    """Points on a chain of cubic Bézier curves."""
    found = [points[0]]
    for at in range(0, len(points) - 3, 3):
        a, b, c, d = points[at : at + 4]
        for step in range(1, 9):
            t = step / 8
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            found.append(
                (
                    sum(w * p[0] for w, p in zip(weights, (a, b, c, d), strict=True)),
                    sum(w * p[1] for w, p in zip(weights, (a, b, c, d), strict=True)),
                )
            )
    return tuple(found)


@cache
def _font(bold: bool) -> ImageFont.FreeTypeFont:
    for name in _FONTS:
        for ending in ("-Bold.ttf", "_Bold.ttf", "bd.ttf") if bold else (".ttf", "-Regular.ttf"):
            try:
                return ImageFont.truetype(name + ending, 100)
            except OSError:
                continue
    raise AssertionError(f"none of {', '.join(_FONTS)} is on this machine, so no text can be measured")
