"""A drawing as polygons, lines and texts, which every format can be written from.

In: nothing. Out: frozen types, in points, x to the right and y down from the top left of the page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["Label", "Line", "Point", "Polygon", "Sheet", "arrow", "moved", "reach", "text_width"]

Point = tuple[float, float]

_LETTER: Final = 0.68
"""Wider than nearly every letter of the fonts is, of the size."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled area; without a `fill` its border alone. `curved` as in `Line`."""

    points: tuple[Point, ...]
    fill: str | None
    stroke: str
    curved: bool = False
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Straight from point to point, or `curved`: a chain of cubic Bézier curves, one point and three for each."""

    points: tuple[Point, ...]
    stroke: str
    curved: bool = False
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text, its middle at `x`, its letters standing on `y`; `size` is the font's."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    bold: bool = False

    @property
    def left(self) -> float:
        """Where it begins at the most."""
        return self.x - text_width(self.text, self.size) / 2

    @property
    def right(self) -> float:
        """Where it ends at the most."""
        return self.x + text_width(self.text, self.size) / 2

    def meets(self, other: Label) -> bool:
        """Whether two texts of one size cover each other."""
        return abs(self.y - other.y) < self.size * 1.15 and self.left < other.right and other.left < self.right

    def ground(self, fill: str) -> Polygon:
        """What hides the lines behind it."""
        half = (self.right - self.left) / 2 * 0.95
        left, right = self.x - half, self.x + half
        top, bottom = self.y - self.size * 0.8, self.y + self.size * 0.25
        return Polygon(((left, top), (right, top), (right, bottom), (left, bottom)), fill, fill, thin=True)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page with what is on it, from the back to the front; `name` is what it shows.

    - `pen`: how much broader than usual lines are, for a sheet that will be made smaller.
    """

    name: str
    width: float
    height: float
    fill: str
    shapes: tuple[Polygon | Line | Label, ...]
    pen: float = 1.0

    def stroke(self, shape: Polygon | Line) -> float:
        """Points that a line is broad."""
        return (0.4 if shape.thin else 0.8) * self.pen


def text_width(text: str, size: float) -> float:
    """Points that a text takes at the most."""
    return len(text) * size * _LETTER


def arrow(tip: Point, toward: Point, fill: str, length: float) -> Polygon:
    """The head of an arrow at `tip`, which points away from `toward`."""
    x, y = tip[0] - toward[0], tip[1] - toward[1]
    far = (x * x + y * y) ** 0.5 or 1.0
    x, y = x / far * length, y / far * length
    return Polygon(
        (tip, (tip[0] - x - y * 0.35, tip[1] - y + x * 0.35), (tip[0] - x + y * 0.35, tip[1] - y - x * 0.35)),
        fill,
        fill,
        thin=True,
    )


def reach(shape: Polygon | Line | Label) -> float:
    """How far to the right something goes."""
    return shape.right if isinstance(shape, Label) else max(x for x, _ in shape.points)


def moved(shape: Polygon | Line | Label, x: float, y: float) -> Polygon | Line | Label:
    """The same further right and down."""
    if isinstance(shape, Label):
        return replace(shape, x=shape.x + x, y=shape.y + y)
    return replace(shape, points=tuple((a + x, b + y) for a, b in shape.points))
