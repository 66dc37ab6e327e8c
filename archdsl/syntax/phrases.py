"""A file as the formatter sees it: statements of pieces, pieces of words and brackets, and where a line may end.

In: the tokens of a file and its comments. Out: statements whose pieces know their widths, their comments, and the line ends
that the author meant. Which of these become line ends is left to the formatter.

A line may end before `->`, `|`, `then`, `else` and the `expect` of a variant, behind `,` and the `=` of a statement, and at
both ends of a bracket. A comment behind an arrow is moved before it, one before a comma is moved behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from lark import Token

from archdsl.diagnostics import Span
from archdsl.syntax.spacing import CLOSERS, OPENERS, Spacer

__all__ = ["SMALL", "Bracket", "Comment", "Phrase", "Piece", "Statement", "Text", "Word", "read_text"]

SMALL = 40
"""Columns up to which a bracket is one thing, which only its own comments and line ends can open."""

_LEADS = frozenset({"_ARROW", "_THEN", "_ELSE"})
_FREE = frozenset({"_ARROW", "_THEN", "_ELSE", "BAR"})


@dataclass(slots=True)
class Comment:
    """`trailing`: it ends the line of the word before it; `blank`: an empty line stands before it."""

    text: str
    trailing: bool
    blank: bool


@dataclass(slots=True)
class Word:
    """One token: `space` before it on a line; `fresh` where the author began a line with it, `blank` after an empty one."""

    kind: str
    text: str
    space: bool
    fresh: bool
    blank: bool
    comments: list[Comment] = field(default_factory=list)

    @property
    def width(self) -> int:
        return len(self.text)

    @property
    def kept(self) -> bool:
        return bool(self.comments)

    @property
    def first(self) -> Word:
        return self


@dataclass(slots=True)
class Piece:
    """What stands between two places where a line may end.

    `kept`: it has line ends inside; `value`: it follows the `=` of a statement; `conditional`: it holds an `if`.
    """

    atoms: list[Word | Bracket] = field(default_factory=list)
    width: int = 0
    kept: bool = False
    value: bool = False
    conditional: bool = False

    @property
    def first(self) -> Word:
        return self.atoms[0].first


@dataclass(slots=True)
class Phrase:
    """A chain, or what else stands between commas or bars; `bar` is the one before it."""

    pieces: list[Piece] = field(default_factory=list)
    bar: Word | None = None
    width: int = 0
    kept: bool = False

    @property
    def first(self) -> Word:
        return self.bar or self.pieces[0].first


@dataclass(slots=True)
class Bracket:
    """`kept`: it is opened over several lines; `hugs`: it ends in a bracket that is opened in its place, `x(i in […])`."""

    open: Word
    close: Word
    phrases: list[Phrase]
    width: int = 0
    kept: bool = False
    hugs: bool = False

    @property
    def first(self) -> Word:
        return self.open


@dataclass(slots=True)
class Statement:
    """One statement; `chain` where it is a chain by itself; `body` where it ends in braces, closed by `close`."""

    phrase: Phrase
    chain: bool
    body: list[Statement] | None = None
    close: Word | None = None


@dataclass(slots=True)
class Text:
    statements: list[Statement]
    comments: list[Comment]
    """What stands behind the last statement."""


def read_text(lines: Iterable[Sequence[Token]], comments: Sequence[Span]) -> Text:
    """The statements of a file, from the tokens of each as `archdsl.syntax.layout.arrange` gives them."""
    reader = _Reader(comments)
    statements = [reader.statement(tokens) for tokens in lines]
    return Text(statements, reader.rest())


@dataclass(slots=True)
class _Open:
    """A bracket that is being read."""

    open: Word
    phrases: list[Phrase]
    phrase: Phrase
    piece: Piece


class _Reader:
    def __init__(self, comments: Sequence[Span]) -> None:
        self._comments = [(span.start, span.line, span.text.rstrip()) for span in comments]
        self._at = 0
        self._line = 0
        self._spacer = Spacer()
        self._previous: Word | None = None

    def rest(self) -> list[Comment]:
        """The comments that no word follows."""
        return list(self._until(None))

    def _until(self, position: int | None) -> Iterator[Comment]:
        """The comments between the last word and a position."""
        comments = self._comments
        leading = True
        while self._at < len(comments) and (position is None or comments[self._at][0] < position):
            _, line, text = comments[self._at]
            yield Comment(text, leading and line == self._line, line > self._line + 1)
            self._at += 1
            self._line = line
            leading = False

    def _word(self, token: Token) -> Word:
        """A token with its space and the comments before it; those next to an arrow or a comma find their place."""
        line = token.line or 0
        fresh = line > self._line
        comments = list(self._until(token.start_pos or 0))
        blank = line > self._line + 1
        self._line = line
        word = Word(token.type, str(token.value), self._spacer.before(token), fresh, blank, comments)
        before = self._previous
        if before is not None and before.kind in _FREE:
            _move(word, before)
        elif before is not None and before.kind == "_COMMA" and before.comments:
            for comment in word.comments:
                comment.trailing = False
            word.comments[:0] = before.comments
            word.fresh = True
            before.comments = []
        self._previous = word
        return word

    def statement(self, tokens: Sequence[Token]) -> Statement:
        """One statement of the file, bodies inside it included."""
        outer: list[Statement] = []
        top = current = self._start(tokens[0])
        stack: list[_Open] = []
        place = _Open(_NOWHERE, [], current.phrase, current.phrase.pieces[0])
        starting = False
        for token in tokens:
            if token.type == "_NEWLINE":
                starting = True
                continue
            if token.type == "_RBRACE" and not stack:
                _finish(current.phrase)
                current = outer.pop()
                current.close = self._word(token)
                continue
            if starting:
                starting = False
                if current.body is None:
                    _finish(current.phrase)
                    current = outer.pop()
                assert current.body is not None
                outer.append(current)
                current = self._start(token)
                outer[-1].body.append(current)  # type: ignore[union-attr]
                place = _Open(_NOWHERE, [], current.phrase, current.phrase.pieces[0])
            self._add(token, stack, place)
        return top

    def _start(self, token: Token) -> Statement:
        raise NotImplementedError

    def _add(self, token: Token, stack: list[_Open], place: _Open) -> None:
        raise NotImplementedError
