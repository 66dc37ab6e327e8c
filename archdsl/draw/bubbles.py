"""Networks as bubbles: MACs across, published accuracy or parameters up, activation memory as size.

In: named points. Out: an SVG in which names stand beside their bubbles and cover neither each other nor a bubble.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from archdsl.analysis.figures import Published
from archdsl.draw.axis import Axis, axis, near
from archdsl.draw.style import FONT, THEMES
from archdsl.report.numbers import binary, clean, short, width

__all__ = ["Bubble", "Drawn", "draw_bubbles", "place"]

_WIDTH: Final = 900.0
_HEIGHT: Final = 640.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 84.0, 24.0, 24.0, 160.0
_LARGEST: Final = 34.0
_SMALLEST: Final = 3.0
_SIZE: Final = 13.0
_LETTER: Final = 0.6 * _SIZE
"""Wider than nearly every letter of the fonts is at that size, so that names keep apart in all of them."""
_Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
_CELL: Final = 4.0
_Cell = tuple[int, int]
"""A square of the page; which are taken is known for each, so that hundreds of names take no longer to place."""
_FILLS: Final = ("#77aadd", "#ee8866", "#eedd88", "#ffaabb", "#99ddff", "#44bb99", "#bbcc33", "#aaaa00", "#dddddd")
"""Paul Tol's "light" scheme, which the colour-blind can tell apart too."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One network: `macs` for one input, `params`, `memory` in bytes; those of one `family` have one colour.

    `top1` is its accuracy as somebody published it, in percent.
    """

    name: str
    family: str
    macs: int
    params: int
    memory: int
    top1: Published | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bubble on the page: centre, radius, and the box of its name (left, top, right, bottom)."""

    bubble: Bubble
    x: float
    y: float
    radius: float
    label: _Box
    distant: bool
    """Whether the name stands so far off that a line leads to it."""


def draw_bubbles(bubbles: Sequence[Bubble]) -> bytes:
    """The picture, as SVG. An axis is logarithmic where its values lie more than a factor of 30 apart.

    Accuracy goes up where all have one, else parameters. Raises `ValueError` where there is no bubble.
    """
    across, up, drawn = place(bubbles)
    theme = THEMES["light"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" width="{_WIDTH:g}" '
        f'height="{_HEIGHT:g}" font-family="{FONT}" font-size="{_SIZE:g}" fill="{theme.text}">',
        f"<title>Networks by MACs, {_up_of(bubbles)} and activation memory</title>",
        f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="{theme.page}"/>',
        *_grid(across, up, _up_of(bubbles)),
    ]
    families = list(dict.fromkeys(bubble.family for bubble in bubbles))
    for one in sorted(drawn, key=lambda one: -one.radius):
        fill = _FILLS[families.index(one.bubble.family) % len(_FILLS)]
        bubble = one.bubble
        told = f"{bubble.name}: {bubble.params:,} params, {bubble.macs:,} MACs, {binary(bubble.memory)} of activations"
        if bubble.top1:
            told += f", top-1 {bubble.top1.text} % as published ({bubble.top1.source})"
        parts.append(
            f'<circle cx="{one.x:.1f}" cy="{one.y:.1f}" r="{one.radius:.1f}" fill="{fill}" fill-opacity="0.75" '
            f'stroke="{theme.line}" stroke-width="0.8"><title>{escape(clean(told))}</title></circle>'
        )
    for one in drawn:
        if one.distant:
            x, y = _end((one.x, one.y, one.radius), one.label)
            parts.append(
                f'<line x1="{one.x:.1f}" y1="{one.y:.1f}" x2="{x:.1f}" y2="{y:.1f}" stroke="{theme.faint}" '
                'stroke-width="0.6"/>'
            )
    for one in drawn:
        left, _, right, bottom = one.label
        parts.append(
            f'<text x="{(left + right) / 2:.1f}" y="{bottom - 4:.1f}" text-anchor="middle">'
            f"{escape(clean(one.bubble.name))}</text>"
        )
    parts += [*_legend(bubbles), "</svg>"]
    return ("\n".join(parts) + "\n").encode("utf-8")


def place(bubbles: Sequence[Bubble]) -> tuple[Axis, Axis, tuple[Drawn, ...]]:
    """The axes, and where each bubble and its name are, in the order given.

    Names are set from the most crowded bubble on, each at the nearest free place around its bubble. Raises
    `ValueError` where there is no bubble.
    """
    if not bubbles:
        raise ValueError("there is no network to draw")
    across = axis([bubble.macs for bubble in bubbles], _LEFT, _WIDTH - _RIGHT, margin=_LARGEST + 8)
    heights = _accuracies(bubbles)
    if heights:
        up = near(heights, _HEIGHT - _BOTTOM, _TOP, margin=_LARGEST + 8)
    else:
        heights = [bubble.params for bubble in bubbles]
        up = axis(heights, _HEIGHT - _BOTTOM, _TOP, margin=_LARGEST + 8)
    circles = [
        (across.at(b.macs), up.at(height), _radius(b.memory, bubbles))
        for b, height in zip(bubbles, heights, strict=True)
    ]

    def crowd(index: int) -> float:
        x, y, _ = circles[index]
        return sum(1 / (1 + math.hypot(x - u, y - v)) for u, v, _ in circles)

    taken: set[_Cell] = set()
    labels: dict[int, tuple[_Box, bool]] = {}
    for index in sorted(range(len(bubbles)), key=crowd, reverse=True):
        box, distant = _label(circles[index], width(clean(bubbles[index].name)) * _LETTER + 6, circles, taken)
        taken.update(_cells(box))
        if distant:
            taken.update(_leader(circles[index], box))
        labels[index] = (box, distant)
    drawn = [Drawn(bubble, *circles[index], *labels[index]) for index, bubble in enumerate(bubbles)]
    return across, up, tuple(drawn)


def _accuracies(bubbles: Sequence[Bubble]) -> list[float]:
    """Of all networks, or none."""
    found = [bubble.top1.value for bubble in bubbles if bubble.top1]
    return found if len(found) == len(bubbles) else []


def _up_of(bubbles: Sequence[Bubble]) -> str:
    return "published top-1 accuracy on ImageNet, %" if _accuracies(bubbles) else "parameters, trainable"


def _radius(memory: int, bubbles: Sequence[Bubble]) -> float:
    """The area says how much."""
    largest = max(bubble.memory for bubble in bubbles)
    return max(_SMALLEST, _LARGEST * math.sqrt(memory / largest)) if largest else _SMALLEST


def _label(
    circle: tuple[float, float, float],
    wide: float,
    circles: Sequence[tuple[float, float, float]],
    taken: Set[_Cell],
) -> tuple[_Box, bool]:
    """The nearest free place for a name; where the page is full, the one that covers least."""
    x, y, radius = circle
    high = _SIZE + 4
    best: tuple[float, _Box, bool] | None = None
    for step in range(24):
        away = radius + 3 + 9 * step
        # To the right first, as people write, then left, above, below and between.
        for angle in (0, 180, 90, 270, 30, 330, 150, 210, 60, 300, 120, 240):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            middle_x = x + across * (away + wide / 2)
            middle_y = y - up * (away + high / 2)
            box = (middle_x - wide / 2, middle_y - high / 2, middle_x + wide / 2, middle_y + high / 2)
            if box[0] < _LEFT or box[2] > _WIDTH - 2 or box[1] < 2 or box[3] > _HEIGHT - _BOTTOM:
                continue
            covered = _CELL**2 * sum(cell in taken for cell in _cells(box)) + sum(_inside(box, c) for c in circles)
            if step > 1:
                covered += _CELL**2 * sum(cell in taken for cell in _leader(circle, box))
            if best is None or covered < best[0]:
                best = (covered, box, step > 1)
            if covered == 0:
                return box, step > 1
    if best is None:  # a name wider than the page
        return (_LEFT, y - high / 2, _LEFT + wide, y + high / 2), True
    return best[1], best[2]


def _cells(box: _Box) -> Iterator[_Cell]:
    """The squares of the page that a box touches."""
    left, top, right, bottom = (math.floor(side / _CELL) for side in box)
    return ((x, y) for x in range(left, right + 1) for y in range(top, bottom + 1))


def _leader(circle: tuple[float, float, float], box: _Box) -> set[_Cell]:
    """The squares that the line from a bubble to its name goes through."""
    x, y, _ = circle
    end_x, end_y = _end(circle, box)
    steps = max(1, round(math.hypot(end_x - x, end_y - y)))
    shares = (step / steps for step in range(steps))
    return {
        (math.floor((x + (end_x - x) * share) / _CELL), math.floor((y + (end_y - y) * share) / _CELL))
        for share in shares
    }


def _end(circle: tuple[float, float, float], box: _Box) -> tuple[float, float]:
    """The point of a box that is nearest to the middle of a circle."""
    return min(max(circle[0], box[0]), box[2]), min(max(circle[1], box[1]), box[3])


def _inside(box: _Box, circle: tuple[float, float, float]) -> float:
    """How far a circle reaches into a box."""
    x, y, radius = circle
    near_x, near_y = _end(circle, box)
    distance = math.hypot(x - near_x, y - near_y)
    return max(0.0, radius - distance) * radius


# ---------------------------------------------------------------- axes and legend


def _grid(across: Axis, up: Axis, upward: str) -> list[str]:
    theme = THEMES["light"]
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for value in across.ticks:
        x = across.at(value)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP:g}" x2="{x:.1f}" y2="{bottom:g}" stroke="{theme.boxes[1]}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 18:g}" text-anchor="middle">{_tick(value)}</text>')
    for value in up.ticks:
        y = up.at(value)
        parts.append(f'<line x1="{_LEFT:g}" y1="{y:.1f}" x2="{right:g}" y2="{y:.1f}" stroke="{theme.boxes[1]}"/>')
        parts.append(f'<text x="{_LEFT - 8:g}" y="{y + 4:.1f}" text-anchor="end">{_tick(value)}</text>')
    middle = (_TOP + bottom) / 2
    parts += [
        f'<path d="M{_LEFT:g} {_TOP:g}V{bottom:g}H{right:g}" fill="none" stroke="{theme.line}"/>',
        f'<text x="{(_LEFT + right) / 2:g}" y="{bottom + 40:g}" text-anchor="middle">'
        f"MACs for one input{_scale(across)}</text>",
        f'<text x="20" y="{middle:g}" text-anchor="middle" transform="rotate(-90 20 {middle:g})">'
        f"{upward}{_scale(up)}</text>",
    ]
    return parts


def _scale(one: Axis) -> str:
    return ", logarithmic" if one.logarithmic else ""


def _tick(value: float) -> str:
    """`500M`: ticks are round numbers, so zeros behind the point say nothing."""
    number = round(value)
    text = short(number)
    unit = text[-1] if text[-1].isalpha() else ""
    digits = text.removesuffix(unit)
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    if not unit and number >= 1000:
        return f"{number / 1000:g}K"
    return digits + unit


def _legend(bubbles: Sequence[Bubble]) -> list[str]:
    """Three sizes, with their memory, and who published the accuracies."""
    theme = THEMES["light"]
    largest = max(bubble.memory for bubble in bubbles)
    y = _HEIGHT - _LARGEST - 42
    parts = [f'<text x="{_LEFT:g}" y="{y + 4:g}">size: activations of one input, forward, float32</text>']
    x = _LEFT + 350
    for share in (1.0, 0.25, 0.04):
        radius = _LARGEST * math.sqrt(share)
        x += radius
        parts.append(f'<circle cx="{x:.1f}" cy="{y:g}" r="{radius:.1f}" fill="none" stroke="{theme.line}"/>')
        text = binary(round(largest * share))
        parts.append(f'<text x="{x + radius + 6:.1f}" y="{y + 4:g}">{text}</text>')
        x += radius + 6 + len(text) * _LETTER + 16
    if _accuracies(bubbles):
        sources = "; ".join(dict.fromkeys(clean(bubble.top1.source) for bubble in bubbles if bubble.top1))
        most = int((_WIDTH - _LEFT - _RIGHT) / _LETTER)
        told = textwrap.wrap(f"accuracy as published by {sources}", most, max_lines=2, placeholder=" …")
        for row, line in enumerate(told):
            parts.append(f'<text x="{_LEFT:g}" y="{_HEIGHT - 22 + 16 * row:g}">{escape(line)}</text>')
    return parts
