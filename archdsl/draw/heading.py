"""What stands above the volumes: the name, the title and what the colours mean.

In: texts and a theme. Out: labels and areas around 0, from 0 down. Where the middle of the page is, the sheet decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from archdsl.draw.sheet import Label, Polygon, text_width
from archdsl.draw.style import Theme

__all__ = ["make_heading"]

_CHIPS: Final = 4
_ROW: Final = 18.0
"""Words of the legend in a row at the most, and points from one row to the next."""


def make_heading(
    name: str, title: str, legend: Sequence[tuple[str, str]], theme: Theme, text: float
) -> tuple[list[Polygon | Label], float]:
    """The heading, and how far down it goes; `legend` has words and colours, `text` is how much larger all of it is."""
    made: list[Polygon | Label] = [Label(0, 12, name, 13.5, theme.text, bold=True)]
    if title:
        made.append(Label(0, 26, title, 10.5, theme.faint))
    # Rows of like length, short enough for a paper's column.
    rows = -(-len(legend) // _CHIPS)
    for row in range(rows):
        chips = legend[row * len(legend) // rows : (row + 1) * len(legend) // rows]
        wides = [text_width(style, 8.25) + 10 for style, _ in chips]
        x, y = -(sum(wides) + 4 * (len(chips) - 1)) / 2, 34 + _ROW * row
        for (style, fill), wide in zip(chips, wides, strict=True):
            made.append(Polygon(((x, y), (x + wide, y), (x + wide, y + 14), (x, y + 14)), fill, theme.border))
            made.append(Label(x + wide / 2, y + 10, style, 8.25, theme.ink))
            x += wide + 4
    return [_larger(shape, text) for shape in made], (44 + _ROW * rows) * text


def _larger(shape: Polygon | Label, times: float) -> Polygon | Label:
    if isinstance(shape, Label):
        return replace(shape, x=shape.x * times, y=shape.y * times, size=shape.size * times)
    return replace(shape, points=tuple((x * times, y * times) for x, y in shape.points))
