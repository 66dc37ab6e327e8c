"""Curves and matrices as SVG.

In: numbers. Out: SVG texts that stand alone, or inside a page. Which numbers is left to `archdsl.train.report`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

__all__ = ["Curve", "heat_chart", "line_chart", "matrix_chart"]

_WIDTH: Final = 420
_HEIGHT: Final = 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 28, 34
_COLOURS: Final = ("#3366aa", "#cc5522", "#338855")
_TICKS: Final = 5
_CAPTION: Final = 330
"""What the line above a matrix takes, in a wide font."""
_NAMED_ROWS: Final = 40
_HEAT_WIDTH, _HEAT_HEIGHT = 720, 400
_SCALE_WIDTH: Final = 160
_FONT: Final = 'font-family="system-ui, sans-serif" font-size="11"'


@dataclass(frozen=True)
class Curve:
    """Values, the first at x = 1."""

    name: str
    values: Sequence[float]


def line_chart(title: str, curves: Sequence[Curve], *, percent: bool = False) -> str:
    """Curves over the epochs in one frame, with a legend; `percent` shows shares."""
    values = [value for curve in curves for value in curve.values]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-12:
        low, high = low - 0.5 * (abs(low) or 1), high + 0.5 * (abs(high) or 1)
    count = max((len(curve.values) for curve in curves), default=1)

    def x(epoch: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (0.5 if count == 1 else (epoch - 1) / (count - 1))

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)

    parts = [_text(_LEFT, 16, title, weight="bold")]
    for value in _rounds(low, high):
        shown = f"{value:.4g}" if not percent else f"{100 * value:.4g}%"
        parts.append(f'<path d="M{_LEFT} {y(value):.1f}H{_WIDTH - _RIGHT}" stroke="currentColor" opacity="0.15"/>')
        parts.append(_text(_LEFT - 6, y(value) + 4, shown, anchor="end"))
    epochs = sorted({1 + round(i * (count - 1) / (_TICKS - 1)) for i in range(_TICKS)})
    parts += [_text(x(epoch), _HEIGHT - _BOTTOM + 16, str(epoch), anchor="middle") for epoch in epochs]
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - 4, "epoch", anchor="middle"))
    for number, curve in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in enumerate(curve.values, 1))
        if len(curve.values) == 1:
            parts.append(f'<circle cx="{x(1):.1f}" cy="{y(curve.values[0]):.1f}" r="3" fill="{colour}"/>')
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    if len(curves) > 1:
        # Beside the title, where no curve is.
        names = (
            f'<tspan dx="10" fill="{_COLOURS[i % len(_COLOURS)]}">{escape(c.name)}</tspan>'
            for i, c in enumerate(curves)
        )
        parts.append(f'<text x="{_WIDTH - _RIGHT}" y="16" text-anchor="end">{"".join(names)}</text>')
    return _svg(_WIDTH, _HEIGHT, parts)


def _rounds(low: float, high: float) -> list[float]:
    """Round numbers between two, about five of them."""
    step = 10 ** math.floor(math.log10((high - low) / (_TICKS - 1)))
    step *= next((factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= _TICKS), 10)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]


def matrix_chart(title: str, rows: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """A confusion matrix: a row a class, a column what it was taken for, darker where more.

    Up to 20 classes have the numbers in the cells; all have them where the pointer rests.
    """
    count = len(rows)
    cell = max(6, min(34, 640 // max(count, 1)))
    left, top = (110, 60) if count <= 40 else (20, 40)
    parts = [_text(left, 16, title, weight="bold"), _text(left, 32, "rows: the class; columns: what it was taken for")]
    for i, row in enumerate(rows):
        whole = sum(row) or 1
        for j, number in enumerate(row):
            colour = "#3366aa" if i == j else "#cc5522"
            where = f'x="{left + j * cell}" y="{top + i * cell}" width="{cell}" height="{cell}"'
            said = f"{names[i]} taken for {names[j]}: {number}"
            parts.append(
                f'<rect {where} fill="{colour}" fill-opacity="{number / whole:.3f}" stroke="currentColor" '
                f'stroke-opacity="0.1"><title>{escape(said)}</title></rect>'
            )
            if count <= 20 and number:
                middle = (left + (j + 0.5) * cell, top + (i + 0.5) * cell + 4)
                ink = "#fff" if number > 0.4 * whole else "currentColor"
                parts.append(_text(*middle, str(number), anchor="middle", ink=ink))
        if count <= 40:
            parts.append(_text(left - 6, top + (i + 0.5) * cell + 4, names[i][:16], anchor="end"))
            parts.append(_text(left + (i + 0.5) * cell, top - 6, names[i][:4], anchor="middle"))
    # Wide enough for what stands above it, however few classes there are.
    return _svg(max(left + count * cell + 12, left + _CAPTION), top + count * cell + 12, parts)


def heat_chart(
    image: str,
    scale: str,
    cells: tuple[int, int],
    size: tuple[int, int],
    largest: float,
    *,
    down: str,
    across: str,
    names: Sequence[str] = (),
) -> str:
    """A matrix as an image with its axes, and the scale of its colours from minus `largest` to it.

    - `image`, `scale`: addresses of the image, a pixel a cell, and of a row of all colours.
    - `cells`: its rows and columns as the image has them; `size`: as the matrix has them, which an axis counts.
    - `down`, `across`: what a row and what all columns are; `names` call the rows, all where there is room.
    """
    rows, columns = cells
    named = len(names) == rows <= _NAMED_ROWS
    wide = columns * max(1, min(24, _HEAT_WIDTH // columns))
    tall = rows * max(16 if named else 3, min(24, _HEAT_HEIGHT // rows))
    left, top = (110 if names else 56), 26
    bottom, right = top + tall, left + wide
    parts = [
        _text(left - 6, 16, down, weight="bold", anchor="end"),
        _picture(image, left, top, wide, tall),
        f'<rect x="{left}" y="{top}" width="{wide}" height="{tall}" fill="none" stroke="currentColor" opacity="0.4"/>',
    ]
    if named:
        parts += [
            _text(left - 6, top + tall * (row + 0.5) / rows + 4, name[:16], anchor="end")
            for row, name in enumerate(names)
        ]
    else:
        for count, y in _counts(size[0], tall):
            parts.append(_text(left - 6, top + y + 4, names[count - 1][:16] if names else f"{count:,}", anchor="end"))
    parts += [_text(left + x, bottom + 14, f"{count:,}", anchor="middle") for count, x in _counts(size[1], wide)]
    parts.append(_text(left, bottom + 30, across, weight="bold"))
    below = bottom + 42
    parts += [
        _picture(scale, left, below, _SCALE_WIDTH, 12),
        f'<rect x="{left}" y="{below}" width="{_SCALE_WIDTH}" height="12" fill="none" stroke="currentColor"'
        ' opacity="0.4"/>',
    ]
    for share, value in ((0, -largest), (0.5, 0.0), (1, largest)):
        parts.append(_text(left + share * _SCALE_WIDTH, below + 25, f"{value:.3g}", anchor="middle"))
    return _svg(max(right, left + _CAPTION) + 24, below + 32, parts)


def _counts(number: int, length: float) -> list[tuple[int, float]]:
    """Where along an axis of so many things the first, the last and a few round ones between them stand."""
    step = next(step for power in range(10) for step in (10**power, 2 * 10**power, 5 * 10**power) if 6 * step >= number)
    # Not so near to an end that two would run into each other.
    between = [count for count in range(step, number, step) if step // 2 < count <= number - step // 2]
    return [(count, length * (count - 0.5) / number) for count in sorted({1, *between, number})]


def _picture(address: str, x: float, y: float, width: float, height: float) -> str:
    """An image stretched over a place, pixel by pixel."""
    where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" preserveAspectRatio="none"'
    return f'<image {where} style="image-rendering: pixelated" href="{escape(address, quote=True)}"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", ink: str = "currentColor"
) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{ink}"'
    return f"<text {where}>{escape(text)}</text>"


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_FONT}>'
    return head + "".join(parts) + "</svg>"
