"""Colours that everybody can tell apart: as the colour-blind see them, and in grey.

In: the themes. Out: distances in CIE's L*a*b* (1976), where 2.3 is the least that people see (Mahy, Van Eycken &
Oosterlinck, "Evaluation of uniform color spaces developed after the adoption of CIELAB and CIELUV", 1994).
"""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise

import pytest

import archdsl
from archdsl.draw.image import STYLES, Page, image
from archdsl.draw.style import THEMES, Theme

_SEEN = {
    # Machado, Oliveira & Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009,
    # the whole deficiency; on linear RGB.
    "all colours": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
_SEEN_AT_LEAST = 2.3
_FAR = 4 * _SEEN_AT_LEAST
_Triple = tuple[float, float, float]


@pytest.mark.parametrize("eyes", _SEEN)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_kinds_of_layers_are_told_apart_by_the_colour_blind(theme: str, eyes: str) -> None:
    fills = _legend(THEMES[theme])  # type: ignore[index]
    for (one, fill), (other, its) in combinations(fills.items(), 2):
        far = math.dist(_lab(_as_seen(fill, eyes)), _lab(_as_seen(its, eyes)))
        assert far > _FAR, (one, other, far)


def test_kinds_of_layers_are_told_apart_in_grey() -> None:
    fills = _legend(THEMES["print"])
    light = {name: _lab(_linear(fill))[0] for name, fill in fills.items()}
    for one, other in combinations(light, 2):
        # Half as much again as is seen, since paper and toner differ.
        assert abs(light[one] - light[other]) > 1.5 * _SEEN_AT_LEAST, (one, other)
    assert all(fill[1:3] == fill[3:5] == fill[5:7] for fill in fills.values())


def test_steps_of_heat_are_told_apart_by_the_colour_blind_and_in_grey() -> None:
    for theme in THEMES.values():
        steps = [theme.warm(0, 5), *(fill for fill, _ in theme.steps(5))]
        for eyes in _SEEN:
            seen = [_lab(_as_seen(fill, eyes)) for fill in steps]
            # Zero is white, and beside the lowest step it need but be seen.
            assert math.dist(seen[0], seen[1]) > _SEEN_AT_LEAST
            assert all(math.dist(a, b) > _FAR for a, b in combinations(seen[1:], 2))
        grey = [_lab(_linear(fill))[0] for fill in steps[1:]]
        assert all(a - b > _SEEN_AT_LEAST for a, b in pairwise(grey))


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_the_name_can_be_read_on_the_page(theme: Theme) -> None:
    # Not in the ink of layers, whose fills are light in every theme: the page is not.
    text = "input 8x8x3\nblock unit<w> = conv 3x3+1 w -> relu -> conv 3x3+1 w\nunit<8> -> unit<16> -> fc 10\n"
    name = next(one for one, other in THEMES.items() if other is theme)
    for style in STYLES:
        svg = image(archdsl.loads(text).graph, "svg", page=Page(style, theme=name)).decode()
        found = re.search(r'<text [^>]*font-weight="bold"[^>]*fill="(#\w{6})"', svg)
        shown = found[1] if found else "#000000"
        ground = _lab(_linear(theme.page))[0]
        assert abs(_lab(_linear(shown))[0] - ground) > 50, style


def test_the_distance_is_that_of_cie() -> None:
    # White is 100, 0, 0; sRGB's red 53.24, 80.09, 67.20 (Lindbloom's tables for D65).
    assert _lab(_linear("#ffffff")) == pytest.approx((100, 0, 0), abs=0.05)
    assert _lab(_linear("#ff0000")) == pytest.approx((53.24, 80.09, 67.20), abs=0.05)


def _legend(theme: Theme) -> dict[str, str]:
    """All kinds that a legend may name: an input is no kind of layer, and says what it is."""
    return dict(theme.legend({*theme.fills, None}))


def _linear(colour: str) -> _Triple:
    """Linear sRGB (IEC 61966-2-1) of `#rrggbb`."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _straight(red), _straight(green), _straight(blue)


def _straight(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _as_seen(colour: str, eyes: str) -> _Triple:
    given = _linear(colour)
    red, green, blue = (sum(a * b for a, b in zip(row, given, strict=True)) for row in _SEEN[eyes])
    return _within(red), _within(green), _within(blue)


def _within(value: float) -> float:
    return min(1.0, max(0.0, value))


def _lab(linear: _Triple) -> _Triple:
    """CIE L*a*b* 1976 for the white of D65."""
    red, green, blue = linear
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)
