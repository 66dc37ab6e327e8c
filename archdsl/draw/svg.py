"""A sheet as SVG.

In: a sheet. Out: the bytes of a file, the same for the same sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from archdsl.draw.sheet import Label, Line, Point, Polygon, Sheet
from archdsl.draw.style import FONT
from archdsl.report.numbers import clean

__all__ = ["to_svg"]


def to_svg(sheet: Sheet, *, width: float | None = None) -> bytes:
    """The sheet in points; made smaller where it is wider than `width`."""
    scale = min(1.0, width / sheet.width) if width is not None else 1.0
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(sheet.width * scale)}pt" '
        f'height="{_n(sheet.height * scale)}pt" viewBox="0 0 {_n(sheet.width)} {_n(sheet.height)}" '
        f'font-family="{FONT}" stroke-linejoin="round" text-anchor="middle">',
        f"<title>{_text(sheet.name)}</title>",
        f'<rect width="{_n(sheet.width)}" height="{_n(sheet.height)}" fill="{sheet.fill}"/>',
        *(_shape(shape, sheet) for shape in sheet.shapes),
        "</svg>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _shape(shape: Polygon | Line | Label, sheet: Sheet) -> str:
    if isinstance(shape, Label):
        bold = ' font-weight="bold"' if shape.bold else ""
        return (
            f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}"{bold} fill="{shape.fill}">'
            f"{_text(shape.text)}</text>"
        )
    wide = _n(sheet.stroke(shape))
    way = f"M{_points(shape.points[:1])}{'C' if shape.curved else 'L'}{_points(shape.points[1:])}"
    if isinstance(shape, Polygon):
        return f'<path d="{way}Z" fill="{shape.fill or "none"}" stroke="{shape.stroke}" stroke-width="{wide}"/>'
    return f'<path d="{way}" fill="none" stroke="{shape.stroke}" stroke-width="{wide}"/>'


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    """Two digits behind the point and no zeros at the end."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.005 else "0"


def _text(text: str) -> str:
    return escape(clean(text))
