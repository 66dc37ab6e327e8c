"""The colours of a picture: one for every kind of layer, in three themes.

In: the `style` of an op. Out: its fill, and the colours of everything that is not a layer. All fills carry dark text
and can be told apart by the colour-blind; `print` can be told apart in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

from archdsl.ops.base import Style

__all__ = ["FONT", "LEGIBLE", "THEMES", "Theme", "ThemeName"]

ThemeName = Literal["light", "dark", "print"]

FONT: Final = "Helvetica,Arial,sans-serif"

LEGIBLE: Final = 5.0
"""Points of the smallest text that journals print."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Fills by the kind of layer; `boxes` are the fills of blocks from the outermost, the last one for all deeper."""

    page: str
    text: str
    faint: str
    line: str
    boxes: tuple[str, ...]
    closed: str
    border: str
    outline: str
    """Around a volume."""
    ink: str
    """Text inside a layer."""
    fills: Mapping[Style, str]

    def legend(self, used: Set[Style | None]) -> list[tuple[str, str]]:
        """Words and fills of the kinds that occur; None is a closed block."""
        made = [(str(style), self.fills[style]) for style in get_args(Style) if style in used and style != "input"]
        return [*made, *([("block", self.closed)] if None in used else [])]

    def warm(self, value: int, most: int) -> str:
        """The colour of a number: white for zero, then five steps up to the largest."""
        step = -(-value * len(_HEAT) // most) if most else 0
        return ("#ffffff", *_HEAT)[step]

    def steps(self, most: int) -> tuple[tuple[str, int], ...]:
        """The same as a legend: every colour and the largest number that has it."""
        return tuple((fill, -(-most * (step + 1) // len(_HEAT))) for step, fill in enumerate(_HEAT)) if most else ()


# The lighter part of ColorBrewer's YlOrBr (Harrower & Brewer, "ColorBrewer.org", The Cartographic Journal, 2003), which
# is safe for the colour-blind and grows darker from step to step, so that it can be copied in grey; it bears dark text.
_HEAT: Final = ("#ffffd4", "#fee391", "#fec44f", "#fe9929", "#ec7014")

# Paul Tol's "light" scheme: made for dark text on the fill, distinct in every common form of colour blindness; and for
# what moves numbers about a green between white and the others.
_TOL: Final[Mapping[Style, str]] = MappingProxyType(
    {
        "input": "#ffffff",
        "convolution": "#77aadd",
        "pooling": "#99ddff",
        "linear": "#ee8866",
        "normalization": "#eedd88",
        "activation": "#bbcc33",
        "dropout": "#dddddd",
        "reshape": "#c8f0c0",
        "merge": "#44bb99",
        "attention": "#ffaabb",
        "embedding": "#aaaa00",
    }
)

# Evenly spaced in lightness, 5 of CIE's 100 apart, from the darkest that bears black text.
_GREY: Final[Mapping[Style, str]] = MappingProxyType(
    {
        "embedding": "#7c7c7c",
        "attention": "#898989",
        "linear": "#969696",
        "convolution": "#a3a3a3",
        "merge": "#b0b0b0",
        "reshape": "#bebebe",
        "normalization": "#cccccc",
        "pooling": "#dadada",
        "activation": "#e8e8e8",
        "dropout": "#f3f3f3",
        "input": "#ffffff",
    }
)

THEMES: Final[Mapping[ThemeName, Theme]] = MappingProxyType(
    {
        "light": Theme(
            page="#ffffff",
            text="#1a1a1a",
            faint="#5a5a5a",
            line="#4a4a4a",
            boxes=("#f4f6f8", "#e9edf1", "#dde3e9"),
            closed="#ffffff",
            border="#8a949e",
            outline="#4a4a4a",
            ink="#1a1a1a",
            fills=_TOL,
        ),
        "dark": Theme(
            page="#16191d",
            text="#f0f0f0",
            faint="#b4bac0",
            line="#c0c6cc",
            boxes=("#22272d", "#2c323a", "#373e47"),
            closed="#ffffff",
            border="#7a848e",
            outline="#16191d",
            ink="#1a1a1a",
            fills=_TOL,
        ),
        "print": Theme(
            page="#ffffff",
            text="#000000",
            faint="#333333",
            line="#000000",
            boxes=("#ffffff", "#ffffff", "#ffffff"),
            closed="#ffffff",
            border="#000000",
            outline="#000000",
            ink="#000000",
            fills=_GREY,
        ),
    }
)
