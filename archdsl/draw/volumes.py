"""A network as volumes: the figure of the AlexNet and VGG papers, and of the U-Net's.

In: a strip of feature maps and a theme. Out: a sheet of boxes in perspective, bars for vectors, windows on the face
that they read, labels outside, arcs around. Which layers are volumes is left to `archdsl.draw.strip`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from archdsl.draw.above import COUNT, FONT, LINE, Above, Solid, pen
from archdsl.draw.heading import make_heading
from archdsl.draw.sheet import Label, Line, Point, Polygon, Sheet, arrow, moved, reach, text_width
from archdsl.draw.strip import Strip, Volume
from archdsl.draw.style import LEGIBLE, THEMES, Theme, ThemeName
from archdsl.draw.text import size

__all__ = ["to_sheet"]

_HIGH: Final = 132.0
_LOW: Final = 9.0
"""Points: the height of the largest feature map, and the least of any."""
_THICK: Final = 40.0
_THIN: Final = 3.0
_ROOM: Final = 760.0
"""Points: the thickness of the volume with most channels, the least, and what all together should not exceed."""
_SLANT: Final = (0.36, -0.3)
"""How far back one point of width goes, to the right and up."""
_BAR: Final = 9.0
_GAP: Final = 15.0
_MARGIN: Final = 18.0
_LEVEL: Final = 98.0
_LANE: Final = 245.0
_WIDE: Final = 640.0
"""Points: the thickness of a bar, the room between volumes, around the page, from one level of a U to the next, from
the way of one input to that of another; the width from which volumes of like size stand close."""
_LABELS: Final = 75.0
"""Points that the labels under a row take."""
_BRIEFLY: Final = 2.5
"""How much larger volumes are that have short labels."""
_LARGEST: Final = 16.0
_TRIES: Final = 8
"""How much larger texts may be, and in how many steps that is found out."""


def to_sheet(strip: Strip, *, theme: ThemeName = "light", width: float | None = None) -> Sheet:
    """`to_sheet(make_strip(alexnet))`: fourteen volumes from 227x227x3 to a bar of 1000.

    Height and width grow with the square root of the map's, thickness with that of its channels, so that all stay
    visible.

    - `width`: to which the sheet will be made smaller; its texts are so much larger that they can be read then, and if
      that does not help they are the channels alone, with the size where it is new.
    """
    best, largest = None, 0.0
    for brief in (False, True):
        text = 1.0
        for _ in range(_TRIES):
            sheet = _Drawer(strip, THEMES[theme], text, brief=brief).sheet()
            font = FONT * text * min(1.0, (width or math.inf) / sheet.width)
            if width is None or font >= LEGIBLE:
                return sheet
            if best is None or font > largest:
                best, largest = sheet, font
            text = min(_LARGEST, text * 1.04 * LEGIBLE / font)
    assert best is not None
    return best


class _Drawer:
    """One sheet; `text` is how many times larger than usual the texts are, `brief` whether labels are sizes alone."""

    def __init__(self, strip: Strip, theme: Theme, text: float, *, brief: bool) -> None:
        self.strip = strip
        self.brief = brief
        self.theme = theme
        self.text = text
        self.font = FONT * text
        self.line = LINE * text
        self.pen = pen(text)
        maps = [volume.shape for volume in strip.volumes if len(volume.shape) > 1]
        vectors = [volume.shape[0] for volume in strip.volumes if len(volume.shape) == 1]
        self.side = max((max(shape[:-1]) for shape in maps), default=1)
        self.channels = max((shape[-1] for shape in maps), default=1)
        self.vector = max(vectors, default=1)
        self.large = _BRIEFLY if brief else 1.0
        self.thick = self.large * max(_THIN * 4, min(_THICK, _ROOM / max(1, len(maps))))
        self.bent = any(volume.level for volume in strip.volumes)
        self.solids: list[Solid] = []

    def sheet(self) -> Sheet:
        self._place()
        shapes: list[Polygon | Line | Label] = []
        above, ceiling = Above(self.strip, self.solids, self.theme, self.text, bent=self.bent).shapes()
        shapes += above
        for at, volume in enumerate(self.strip.volumes):
            shapes += self._solid(volume, self.solids[at])
        shapes += self._windows()
        labels, floor = self._labels()
        shapes = [*labels, *shapes]
        left = min([solid.left for solid in self.solids] + [s.left for s in shapes if isinstance(s, Label)])
        right = max([solid.right for solid in self.solids] + [s.right for s in shapes if isinstance(s, Label)])
        used = self.theme.legend({volume.style for volume in self.strip.volumes})
        heading, tall = make_heading(self.strip.name, self.strip.title, used, self.theme, self.text)
        wide = max(right - left, 2 * max(reach(shape) for shape in heading))
        width = wide + 2 * _MARGIN
        head = _MARGIN + tall
        across = _MARGIN + (wide - (right - left)) / 2 - left
        drawn = [moved(shape, across, head - ceiling) for shape in shapes]
        top = [moved(shape, width / 2, _MARGIN) for shape in heading]
        height = head + floor - ceiling + _MARGIN
        return Sheet(self.strip.name, width, height, self.theme.page, (*top, *drawn), self.pen)

    # ------------------------------------------------------------ where volumes stand

    def _place(self) -> None:
        self._stand(tight=False)
        if max(solid.right for solid in self.solids) > _WIDE:
            self._stand(tight=True)

    def _stand(self, *, tight: bool) -> None:
        """Volumes beside each other; `tight` for those of like size to hide a part of each other."""
        volumes = self.strip.volumes
        entering: dict[int, list[int]] = {}
        for tail, head in self.strip.steps:
            entering.setdefault(head, []).append(tail)
        placed: dict[int, Solid] = {}
        lanes: dict[int, frozenset[int]] = {}
        # Lanes of other inputs first, so that what they lead to stands behind them.
        for at in sorted(range(len(volumes)), key=lambda at: (volumes[at].lane == 0, at)):
            before = entering.get(at, [])
            lanes[at] = frozenset([volumes[at].lane]).union(*(lanes[tail] for tail in before))
            wide, high, back = self._size(volumes[at])
            # What several inputs lead to stands in the middle between them.
            middle = volumes[at].level * self._apart(_LEVEL) + sum(lanes[at]) / len(lanes[at]) * self._apart(_LANE)
            solid = Solid(0.0, middle - (high + back[1]) / 2, wide, high, back, middle)
            left = max(
                (placed[tail].right + self._gap(tail, placed[tail], at, solid, tight) for tail in before), default=0.0
            )
            placed[at] = replace(solid, left=left)
        self.solids = [placed[at] for at in range(len(volumes))]

    def _gap(self, tail: int, start: Solid, head: int, end: Solid, tight: bool) -> float:
        """The room between two volumes that follow each other."""
        if start.row != end.row:
            # The line to the other row passes beside both labels.
            beside = self._half(tail) - (start.right - start.left) / 2
            return max(_GAP, beside + 14, self._half(head) - (end.right - end.left) / 2 + 14)
        alike = abs(start.high - end.high) < 0.1 * start.high and len(self.strip.volumes[head].shape) > 1
        return _GAP / 2 - start.back[0] * 0.6 if tight and alike else _GAP

    def _apart(self, rows: float) -> float:
        """From one row to the next, with larger labels between them."""
        return self.large * rows + _LABELS / self.large * (self.text - 1)

    def _half(self, at: int) -> float:
        """Half the width of a label."""
        return max(text_width(text, self.font) for text in self._texts(at)) / 2 + 2 * self.text

    def _size(self, volume: Volume) -> tuple[float, float, Point]:
        """Thickness and height of the front, and how far back."""
        shape = volume.shape
        if len(shape) == 1:
            return _BAR, max(_LOW, _HIGH * 0.9 * math.sqrt(shape[0] / self.vector)), (3.0, -2.5)
        high = self._length(shape[-3] if len(shape) > 2 else shape[0])
        deep = self._length(shape[-2]) if len(shape) > 2 else _LOW
        wide = max(_THIN, self.thick * math.sqrt(shape[-1] / self.channels))
        return wide, high, (deep * _SLANT[0], deep * _SLANT[1])

    def _length(self, side: int) -> float:
        most = self.large * _HIGH * (0.62 if self.bent else 1.0)
        return max(_LOW, most * math.sqrt(side / self.side))

    # ------------------------------------------------------------ volumes and what they read

    def _solid(self, volume: Volume, solid: Solid) -> Iterator[Polygon | Label]:
        fill = self.theme.closed if volume.style is None else self.theme.fills[volume.style]
        x, y, (dx, dy) = solid.left, solid.top, solid.back
        right, bottom = x + solid.wide, y + solid.high
        ink = self.theme.outline
        yield Polygon(
            ((right, y), (right + dx, y + dy), (right + dx, bottom + dy), (right, bottom)), _shade(fill, 0.82), ink
        )
        yield Polygon(((x, y), (x + dx, y + dy), (right + dx, y + dy), (right, y)), _shade(fill, 0.93), ink)
        yield Polygon(((x, y), (right, y), (right, bottom), (x, bottom)), fill, ink)
        if volume.times > 1:
            yield Label(
                solid.middle, solid.peak - 4, f"× {volume.times}", COUNT * self.text, self.theme.text, bold=True
            )

    def _windows(self) -> Iterator[Polygon | Line]:
        """From each volume to the next: the window that the next one lays on it, or an arrow."""
        volumes, solids, theme = self.strip.volumes, self.solids, self.theme
        for tail, head in self.strip.steps:
            start, end = solids[tail], solids[head]
            kernel, reads = volumes[head].kernel, volumes[head].reads
            looks = bool(kernel) and volumes[tail].shape == reads and len(reads) > 2
            # Of a volume that stands close before another one, the front part of the face is seen.
            seen = min(1.0, max(0.2, (end.left - start.left - start.wide) / start.back[0]))
            begin = start.face(seen / 2, 0.5)
            if looks:
                corners = self._window(start, kernel[-2:], reads[-3:-1], seen)
                yield Polygon(corners, theme.page, theme.outline, thin=True)
                begin = ((corners[1][0] + corners[2][0]) / 2, (corners[1][1] + corners[2][1]) / 2)
            if start.row != end.row:
                yield from self._elbow(start, begin, end)
                continue
            if looks:
                target = (end.left, end.top + end.high / 2)
                yield Line((corners[1], target), theme.line, thin=True)
                yield Line((corners[2], target), theme.line, thin=True)
            elif seen == 1.0:
                target = (end.left, begin[1] if end.top < begin[1] < end.bottom else end.top + end.high / 2)
                yield Line((begin, target), theme.line)
                yield arrow(target, begin, theme.line, 4 * self.pen)

    def _elbow(self, start: Solid, begin: Point, end: Solid) -> Iterator[Polygon | Line]:
        """From one row to another: down beside what is below, up beside what is before, so that no label is crossed."""
        target = (end.left, end.top + end.high / 2)
        turn = end.left - 9 if start.row < end.row else start.right + 7
        yield Line((begin, (turn, begin[1]), (turn, target[1]), target), self.theme.line)
        yield arrow(target, (turn, target[1]), self.theme.line, 4 * self.pen)

    @staticmethod
    def _window(solid: Solid, kernel: tuple[int, ...], reads: tuple[int, ...], seen: float) -> tuple[Point, ...]:
        """A window of the size that it has on the map, and no smaller than can be seen, in the middle of the face."""
        down = min(1.0, max(kernel[0] / reads[0], 5.0 / solid.high))
        across = min(seen, max(kernel[1] / reads[1], 5.0 / solid.back[0] * 0.8))
        top, front = (1 - down) / 2, (seen - across) / 2
        return (
            solid.face(front, top),
            solid.face(front + across, top),
            solid.face(front + across, top + down),
            solid.face(front, top + down),
        )

    # ------------------------------------------------------------ labels

    def _texts(self, at: int) -> list[str]:
        """The lines of a label."""
        volume = self.strip.volumes[at]
        if self.brief and volume.style != "input":
            following = self.strip.volumes[at + 1] if at + 1 < len(self.strip.volumes) else None
            last = following is None or following.level != volume.level or len(volume.shape) != len(following.shape)
            texts = [str(volume.shape[-1]), *([size(volume.shape[:-1])] if last and len(volume.shape) > 1 else [])]
        else:
            texts = [volume.text, *([size(volume.shape)] if volume.style != "input" else [])]
        return texts + [f"→ {one.text}" for one in self.strip.exits if one.tail == at]

    def _labels(self) -> tuple[list[Polygon | Line | Label], float]:
        """What each volume is, under all of its row, in as many lines as keep the texts apart; and how far down."""
        made: list[Polygon | Line | Label] = []
        theme, solids = self.theme, self.solids
        ends: dict[tuple[float, int], float] = {}
        tiers: dict[int, int] = {}
        order = sorted(range(len(solids)), key=lambda at: solids[at].middle)
        for at in order:
            half, row = self._half(at), solids[at].row
            tier = 0
            while ends.get((row, tier), -math.inf) > solids[at].middle - half:
                tier += 1
            ends[row, tier] = solids[at].middle + half
            tiers[at] = tier
        lowest = 0.0
        leaders: list[Polygon | Line | Label] = []
        behind: list[Polygon | Line | Label] = []
        for at in order:
            solid, tier = solids[at], tiers[at]
            mine = [other for other in order if solids[other].row == solid.row]
            above = [max(len(self._texts(other)) for other in mine if tiers[other] == one) for one in range(tier)]
            base = max(solids[other].bottom for other in mine)
            y = base + 3 + self.line + sum(lines * self.line + 5 for lines in above)
            if tier or base - solid.bottom > 6:
                leaders.append(
                    Line(((solid.middle, solid.bottom + 2), (solid.middle, y - self.font)), theme.faint, thin=True)
                )
            texts = self._texts(at)
            for line, text in enumerate(texts):
                # The lines of labels further down are interrupted where they pass behind this one.
                label = Label(solid.middle, y + line * self.line, text, self.font, theme.text)
                behind.append(label.ground(theme.page))
                made.append(label)
            lowest = max(lowest, y + (len(texts) - 1) * self.line + 3)
        return [*leaders, *behind, *made], lowest


def _shade(fill: str, share: float) -> str:
    """A darker colour."""
    return "#" + "".join(f"{round(int(fill[at : at + 2], 16) * share):02x}" for at in (1, 3, 5))
