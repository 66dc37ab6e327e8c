"""What stands over the volumes: arcs from one to another, brackets over what is repeated, counts.

In: a strip and where its volumes stand. Out: lines and labels that cover no text; what is under the volumes is left to
`archdsl.draw.volumes`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archdsl.draw.sheet import Label, Line, Point, Polygon, arrow
from archdsl.draw.strip import Strip
from archdsl.draw.style import Theme

__all__ = ["COUNT", "FONT", "LINE", "Above", "Solid", "pen"]

FONT: Final = 7.5
LINE: Final = 9.0
COUNT: Final = 8.25
"""Points: the size of labels, from one line of text to the next, the size of a count."""


def pen(text: float) -> float:
    """How much broader lines are beside texts that are so much larger."""
    return max(1.0, 0.8 * text)


@dataclass(frozen=True, slots=True)
class Solid:
    """A volume on the page: the front's left top corner, its size, and how far back it goes."""

    left: float
    top: float
    wide: float
    high: float
    back: Point
    row: float
    """How far down the middle of its row is."""

    @property
    def right(self) -> float:
        return self.left + self.wide + self.back[0]

    @property
    def bottom(self) -> float:
        return self.top + self.high

    @property
    def peak(self) -> float:
        return self.top + self.back[1]

    @property
    def middle(self) -> float:
        """Where it stands, from the left."""
        return self.left + (self.wide + self.back[0]) / 2

    def face(self, across: float, down: float) -> Point:
        """A point of the face on the right: 0 to 1 from the front to the back, and from the top down."""
        return (
            self.left + self.wide + self.back[0] * across,
            self.top + self.back[1] * across + self.high * down,
        )


class Above:
    """One sheet; `text` is how many times larger than usual the texts are, `bent` whether the volumes stand in a U."""

    def __init__(self, strip: Strip, solids: Sequence[Solid], theme: Theme, text: float, *, bent: bool) -> None:
        self.strip = strip
        self.solids = solids
        self.theme = theme
        self.text = text
        self.pen = pen(text)
        self.font = FONT * text
        self.line = LINE * text
        self.bent = bent
        self.over: dict[tuple[int, int], float] = {}
        """How far up arcs and brackets go, by the first and the last volume under them."""
        self.said: list[Label] = []

    def shapes(self) -> tuple[list[Polygon | Line | Label], float]:
        """All of it, and how far up it reaches."""
        arcs, ceiling = self._arcs()
        brackets, top = self._brackets()
        return [*arcs, *brackets], min(ceiling, top)

    def _arcs(self) -> tuple[list[Polygon | Line | Label], float]:
        """The arcs, and how far up the picture reaches."""
        theme, solids = self.theme, self.solids
        ceiling = min(map(self._crown, range(len(solids)))) - 4
        made: list[Polygon | Line | Label] = []
        said: set[tuple[int, str]] = set()
        for arc in sorted(self.strip.arcs, key=lambda arc: (abs(arc.head - arc.tail), arc.tail)):
            first, last = sorted((arc.tail, arc.head))
            start, end = solids[arc.tail], solids[arc.head]
            if self.bent and start.row == end.row:
                middle, top = (start.right + end.left) / 2, self._crown(arc.head) - 8
                if top <= start.peak and self.strip.volumes[arc.tail].times > 1:
                    top = min(top, self._crown(arc.tail) - 4)
                made += self._skip(arc.tail, arc.head, top)
            else:
                top = min(map(self._crown, range(first, last + 1))) - 10 - 2.2 * min(last - first, 20)
                made += self._curve(arc.tail, arc.head, top)
                middle = (start.middle + end.middle) / 2
            if arc.text and (arc.tail, arc.text) not in said:
                said.add((arc.tail, arc.text))
                label = self._free(Label(middle, top - 3, arc.text, self.font, theme.faint))
                top = label.y - self.font
            self.over[first, last] = min(top, self.over.get((first, last), top))
            ceiling = min(ceiling, top - 2)
        made += [label.ground(theme.page) for label in self.said]
        return [*made, *self.said], ceiling

    def _free(self, label: Label) -> Label:
        """The text so far up that it covers no other one."""
        while any(label.meets(other) for other in self.said):
            label = replace(label, y=label.y - self.line)
        self.said.append(label)
        return label

    def _crown(self, at: int) -> float:
        """How far up a volume goes, with the count over it."""
        return self.solids[at].peak - (4 + COUNT * self.text if self.strip.volumes[at].times > 1 else 0)

    def _brackets(self) -> tuple[list[Polygon | Line | Label], float]:
        """Over what stands for several turns, the inner ones first; and how far up they reach."""
        made: list[Polygon | Line | Label] = []
        ceiling = math.inf
        for first, last, times in sorted(self.strip.repeats, key=lambda repeat: repeat[1] - repeat[0]):
            under = range(first, last + 1)
            arcs = [top for ends, top in self.over.items() if ends[0] in under or ends[1] in under]
            top = min([*map(self._crown, under), *arcs]) - 6
            left, right = self.solids[first].left, max(self.solids[at].right for at in under)
            label = Label((left + right) / 2, top - 3, f"× {times}", COUNT * self.text, self.theme.text, bold=True)
            count = self._free(label)
            top = count.y + 3
            made.append(Line(((left, top + 4), (left, top), (right, top), (right, top + 4)), self.theme.line))
            made += [count.ground(self.theme.page), count]
            self.over[first, last] = count.y - count.size
            ceiling = min(ceiling, count.y - count.size - 2)
        return made, ceiling

    def _skip(self, tail: int, head: int, y: float) -> Iterator[Polygon | Line]:
        """Straight across a U: over the volumes on the other side and into the one it leads to from above."""
        start, end, tip = self.solids[tail], self.solids[head], self._crown(head)
        way = [(start.right, y)] if y > start.peak else [(start.middle, self._crown(tail)), (start.middle, y)]
        way += [(end.middle, y), (end.middle, tip)]
        yield Line(tuple(way), self.theme.line)
        yield arrow(way[-1], way[-2], self.theme.line, 4 * self.pen)

    def _curve(self, tail: int, head: int, top: float) -> Iterator[Polygon | Line]:
        """From above one volume to above another."""
        begin, tip = (self.solids[tail].middle, self._crown(tail)), (self.solids[head].middle, self._crown(head))
        # The handles lie a third higher than the curve comes.
        middle = (begin[1] + tip[1]) / 2
        handle = middle + (top - middle) * 4 / 3
        yield Line((begin, (begin[0], handle), (tip[0], handle), tip), self.theme.line, curved=True)
        yield arrow(tip, (tip[0], handle), self.theme.line, 4 * self.pen)
