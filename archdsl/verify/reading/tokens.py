"""A cell in words, numbers and signs.

In: a text after `plain`. Out: tokens with their places, found in one pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Kind", "Token", "tokens"]

Kind = Literal["number", "word", "mixed", "sign"]

_TOKEN = re.compile(
    r"(?P<number>(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?(?![A-Za-z_]))"
    r"|(?P<mixed>\d+[A-Za-z_]\w*)"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<sign>->|[^\s])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, sign, or a number with letters behind it (`3a`, `1000d`)."""

    kind: Kind
    text: str
    start: int
    end: int

    @property
    def whole(self) -> int | None:
        """The number, where it is a whole one of at most nine digits."""
        return int(self.text) if self.kind == "number" and self.text.isdigit() and len(self.text) <= 9 else None


def tokens(text: str) -> list[Token]:
    """All tokens of a text.

    >>> [token.text for token in tokens("conv3-64 (3a) ×2")]
    ['conv3', '-', '64', '(', '3a', ')', '×', '2']
    """
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # the four groups are the four kinds
        found.append(Token(kind, match.group(), match.start(), match.end()))
    return found
