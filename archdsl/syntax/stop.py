"""Where the parser stopped in a statement, and what stands around it.

In: the tokens of the statement and the place of the one that did not fit. Out: a `Stop`, which the tables of mistakes
ask. What is said about it is left to `mistakes`.
"""

from __future__ import annotations

from collections.abc import Container

from lark import Token

from archdsl.diagnostics import Source, Span

__all__ = ["ATOMS", "CLOSES", "ENDS_VALUE", "LONGEST", "OPENS", "Stop", "short"]

ATOMS = frozenset({"NAME", "INTEGER", "FLOAT", "QUANTITY", "DIMS", "STRING", "TRUE", "FALSE"})
"""The tokens that are a value by themselves."""

ENDS_VALUE = ATOMS | {"_RPAR", "_RSQB"}
OPENS = {
    "_LPAR": "(",
    "_CALL_LPAR": "f(",
    "_REPEAT_LPAR": "x(",
    "_LSQB": "[",
    "_INDEX_LSQB": "xs[",
    "_LBRACE": "{",
    "_LANGLE": "<",
}
CLOSES = frozenset({"_RPAR", "_RSQB", "_RBRACE", "_RANGLE"})
_BEFORE_LAYER = frozenset({"", "_NEWLINE", "_ARROW", "BAR", "_COMMA", "_ELSE", *OPENS})
LONGEST = 40
"""Characters of the text that a message repeats."""


class Stop:
    """Where the parser stopped in a statement, and what stands around it.

    `token` is what it could not take, None at the end of the statement; `head` begins the innermost statement, `place`
    is the number of tokens from there; `inside` is the innermost open bracket: `(`, `f(`, `x(`, `[`, `xs[`, `{`, `<`.
    """

    def __init__(self, tokens: list[Token], index: int, expected: frozenset[str], source: Source) -> None:
        self.tokens = tokens
        self.index = index
        self.expected = expected
        self.source = source
        self.token = self.at(index)
        stack: list[tuple[str, int]] = []
        start = 0
        for position, token in enumerate(tokens[:index]):
            if token.type in OPENS:
                stack.append((OPENS[token.type], start))
                if token.type == "_LBRACE":
                    start = position + 1
            elif token.type in CLOSES and stack:
                _, start = stack.pop()
            elif token.type == "_NEWLINE":
                start = position + 1
        self.start = start
        self.head = self.at(start)
        self.place = index - start
        self.inside = stack[-1][0] if stack else ""
        self.outer = tuple(bracket for bracket, _ in stack)

    def at(self, index: int) -> Token | None:
        return self.tokens[index] if 0 <= index < len(self.tokens) else None

    def kind(self, offset: int = 0) -> str:
        """The type of the token that many places from the stop; "" where there is none."""
        token = self.at(self.index + offset)
        return token.type if token is not None else ""

    def text(self, offset: int = 0) -> str:
        """The same token as it is written."""
        token = self.at(self.index + offset)
        return short(str(token.value)) if token is not None else ""

    @property
    def statement(self) -> str:
        """The type of the word that begins the statement."""
        return self.head.type if self.head is not None else ""

    def behind(self, *kinds: str) -> bool:
        """Whether the stop is right behind tokens of these types."""
        return all(self.kind(i - len(kinds)) == kind for i, kind in enumerate(kinds))

    def spans(self, first: int, last: int) -> Span:
        """The stretch from one token to another, by their distance from the stop."""
        tokens = [t for t in (self.at(self.index + first), self.at(self.index + last)) if t is not None]
        tokens = tokens or [self.tokens[-1]]
        return Span(self.source, tokens[0].start_pos or 0, tokens[-1].end_pos or 0)

    def written(self, first: int, last: int) -> str:
        """That stretch in one line, cut where it is long."""
        return short(" ".join(self.spans(first, last).text.split()))

    def rest(self, offset: int = 0) -> str:
        """From the token that many places from the stop to the end of its statement."""
        end = self.index + offset
        while end + 1 < len(self.tokens) and self.tokens[end + 1].type != "_NEWLINE":
            end += 1
        return self.written(offset, end - self.index)

    def end(self, offset: int) -> int:
        """Where the value ends that begins that many places from the stop: `in.c`, `(2 + 1)`, `len(xs)`."""
        if self.kind(offset) == "NAME" and self.kind(offset + 1) == "DOT":
            return offset + 2
        if self.kind(offset) == "NAME" and self.kind(offset + 1) in ("_CALL_LPAR", "_INDEX_LSQB"):
            offset += 1
        return self._across(offset, 1, OPENS, CLOSES)

    def begin(self, offset: int) -> int:
        """Where the value begins that ends there."""
        if self.kind(offset) == "NAME" and self.kind(offset - 1) == "DOT":
            return offset - 2
        start = self._across(offset, -1, CLOSES, OPENS)
        return start - 1 if self.kind(start) in ("_CALL_LPAR", "_INDEX_LSQB", "_LANGLE") else start

    @property
    def layer(self) -> str:
        """The layer that ends before the stop, with its arguments: `conv 3x3 64 bias=false`."""
        at = 0
        while (kind := self.kind(at - 1)) not in _BEFORE_LAYER:
            if kind == "_ASSIGN" and (
                self.kind(at - 2) == "_RANGLE"
                or (self.statement.startswith("_") and self.index + at - 1 <= self.start + 3)
            ):
                break
            at = self.begin(at - 1)
        return self.written(at, -1)

    def _across(self, offset: int, step: int, enters: Container[str], leaves: Container[str]) -> int:
        """The other end of the bracket that stands there; the same place where none does, or it has no other end."""
        at, depth = offset, 0
        while self.kind(at):
            depth += (self.kind(at) in enters) - (self.kind(at) in leaves)
            if depth <= 0:
                return at
            at += step
        return offset

    @property
    def in_condition(self) -> bool:
        """Whether an `if` before the stop still lacks its `then`."""
        for token in reversed(self.tokens[self.start : self.index]):
            if token.type in ("_THEN", "_ELSE", "_ARROW"):
                return False
            if token.type == "_IF":
                return True
        return False

    @property
    def in_train(self) -> bool:
        """Whether the stop is in a recipe."""
        return self.tokens[0].type == "_TRAIN"

    @property
    def at_arguments(self) -> bool:
        """Whether the stop is among the arguments of a layer: behind a value, where a further one could stand."""
        return self.kind(-1) in ENDS_VALUE and "INTEGER" in self.expected and not self.in_train

    @property
    def opened(self) -> int:
        """How many tokens before the stop the innermost open bracket stands; 0 where none is open."""
        depth = 0
        for back in range(1, self.index + 1):
            kind = self.kind(-back)
            if kind in CLOSES:
                depth += 1
            elif kind in OPENS:
                if depth == 0:
                    return back
                depth -= 1
        return 0


def short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
