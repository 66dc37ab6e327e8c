"""A cell in words, numbers and signs.

In: a text after `plain`. Out: tokens with their places, found in one pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Cursor", "Kind", "Token", "tokens"]

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
        return int(self.text) if self.kind == "number" and self.text.isdecimal() and len(self.text) <= 9 else None


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


class Cursor:
    """A place among the tokens of a text, and what stands around it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.at = 0

    @property
    def done(self) -> bool:
        """Whether all tokens are read."""
        return self.at >= len(self.tokens)

    def token(self, offset: int = 0) -> Token:
        """The token so many places on. Raises `IndexError` behind the last."""
        return self.tokens[self.at + offset]

    def said(self, offset: int = 0) -> str:
        """The text of the token so many places on; empty where there is none."""
        at = self.at + offset
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def whole(self, offset: int = 0) -> int | None:
        """The whole number so many places on, or None."""
        at = self.at + offset
        return self.tokens[at].whole if at < len(self.tokens) else None

    def between(self, first: int, last: int) -> str:
        """The text from one token to another, both included."""
        return self.text[self.token(first).start : self.token(last).end]

    def sides(self, offset: int = 0) -> tuple[int, ...]:
        """The numbers of a window, `3×3`; but in `conv-64 ×2` the sign says how often."""
        found: list[int] = []
        while (side := self.whole(offset)) is not None and len(found) < 5:
            found.append(side)
            if self.said(offset + 1) != "×" or self.clings(offset + 1):
                break
            offset += 2
        return tuple(found)

    def clings(self, offset: int) -> bool:
        """Whether a sign stands close to what follows it, and apart from what is before it."""
        around = self.tokens[self.at + offset - 1 : self.at + offset + 2]
        return len(around) == 3 and around[0].end < around[1].start and around[1].end == around[2].start

    def words(self) -> list[str]:
        """Up to six words from here on; a hyphen between two parts them like a blank."""
        found: list[str] = []
        at = self.at
        while at < len(self.tokens) and len(found) < 6 and self.tokens[at].kind == "word":
            found.append(self.tokens[at].text)
            at += 1
            if at < len(self.tokens) and self.tokens[at].text == "-":
                at += 1
        return found

    def spent(self, count: int) -> int:
        """How many tokens so many words are, with the hyphens between them."""
        at = self.at
        while count:
            count -= self.tokens[at].kind == "word"
            at += 1
        return at - self.at
