"""A file as the formatter sees it: statements of pieces, pieces of words and brackets, and where a line may end.

In: the tokens of a file and its comments. Out: statements whose pieces know their widths, their comments and the line
ends that the author meant. Which of these become line ends is left to the formatter.

A line may end before `->`, `|`, `then`, `else` and the `expect` of a variant, behind `,` and the `=` of a statement,
and at both ends of a bracket. A comment behind an arrow is moved before it, one before a comma is moved behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from lark import Token

from archdsl.diagnostics import Span
from archdsl.syntax.layout import STATEMENT_WORDS
from archdsl.syntax.spacing import CLOSERS, OPENERS, Spacer

__all__ = ["SMALL", "Bracket", "Comment", "Phrase", "Piece", "Statement", "Text", "Word", "read_text"]

SMALL = 40
"""Columns up to which a bracket is one thing, which only its own comments and line ends can open."""

_LEADS = frozenset({"_ARROW", "_THEN", "_ELSE", "_EXPECT"})
_FREE = frozenset({"_ARROW", "_THEN", "_ELSE", "BAR"})
_COMMAS = frozenset({"_COMMA", "TRAILING_COMMA"})
_STATEMENT_KINDS = frozenset(STATEMENT_WORDS.values())


@dataclass(slots=True)
class Comment:
    """`trailing`: it ends the line of the word before it; `blank`: an empty line stands before it."""

    text: str
    trailing: bool
    blank: bool


@dataclass(slots=True)
class Word:
    """One token; `space` stands before it, the author began a line with it (`fresh`), behind an empty one (`blank`)."""

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
    """`kept`: it has line ends inside; `hugs`: it ends in a bracket that is opened in its place, `x(i in […])`."""

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
    """A file; `comments` stand behind its last statement."""

    statements: list[Statement]
    comments: list[Comment]


def read_text(lines: Iterable[Sequence[Token]], comments: Sequence[Span]) -> Text:
    """The statements of a file, from the tokens of each as `archdsl.syntax.layout.arrange` gives them."""
    reader = _Reader(comments)
    statements = [reader.statement(tokens) for tokens in lines]
    return Text(statements, reader.rest())


class _Reader:
    """Reads statement after statement; it recurses into brackets only, whose nesting the layout bounds."""

    def __init__(self, comments: Sequence[Span]) -> None:
        self._comments = [(span.start, span.line, span.text.rstrip()) for span in comments]
        self._at = 0
        self._line = 0
        self._spacer = Spacer()
        self._previous: Word | None = None
        self._tokens: Sequence[Token] = ()
        self._next = 0

    def statement(self, tokens: Sequence[Token]) -> Statement:
        """One statement of the file, with those in its braces."""
        self._tokens = tokens
        self._next = 0
        return self._statement()

    def rest(self) -> list[Comment]:
        """The comments that no word follows."""
        return list(self._until(None))

    # ------------------------------------------------------------ words

    def _until(self, position: int | None) -> Iterator[Comment]:
        """The comments between the last word and a position."""
        leading = True
        while self._at < len(self._comments):
            start, line, text = self._comments[self._at]
            if position is not None and start > position:
                return
            yield Comment(text, leading and line == self._line, line > self._line + 1)
            self._at += 1
            self._line = line
            leading = False

    def _word(self) -> Word:
        """The next token, with its space and the comments before it."""
        token = self._tokens[self._next]
        self._next += 1
        line = token.line or 0
        fresh = line > self._line
        comments = list(self._until(token.start_pos or 0))
        word = Word(token.type, str(token.value), self._spacer.before(token), fresh, line > self._line + 1, comments)
        self._line = line
        before, self._previous = self._previous, word
        if before is not None and before.kind in _FREE:
            _move_before(before, word)
        elif before is not None and before.kind in _COMMAS and before.comments:
            _move_behind(before, word)
        return word

    def _kind(self) -> str:
        """The type of the next token; a newline, which ends a statement, where there is none."""
        return self._tokens[self._next].type if self._next < len(self._tokens) else "_NEWLINE"

    # ------------------------------------------------------------ statements, phrases, brackets

    def _statement(self) -> Statement:
        self._spacer.start()
        made = Statement(Phrase(), chain=self._kind() not in _STATEMENT_KINDS)
        if not self._phrase(made.phrase, in_bracket=False):
            return made
        made.body = []
        while self._kind() != "_RBRACE":
            if self._kind() == "_NEWLINE":
                self._next += 1
            else:
                made.body.append(self._statement())
        made.close = self._word()
        return made

    def _phrase(self, phrase: Phrase, *, in_bracket: bool) -> bool:
        """Read up to the end of the phrase, its comma included; true where a body follows."""
        piece = Piece()
        phrase.pieces.append(piece)
        ended = body = False
        value = False
        while not ended and (kind := self._kind()) not in CLOSERS and kind not in ("_NEWLINE", "BAR"):
            parted = phrase.pieces[-1].atoms and self._previous is not None and self._previous.kind == "_COMMA"
            if piece.atoms and (kind in _LEADS or value or parted):
                piece = Piece(value=value)
                phrase.pieces.append(piece)
            word = self._word()
            value = self._spacer.defining
            piece.conditional = piece.conditional or kind == "_IF"
            body = self._spacer.body
            piece.atoms.append(self._bracket(word) if kind in OPENERS and not body else word)
            ended = body or (in_bracket and kind == "_COMMA")
        _measure(phrase)
        return body

    def _bracket(self, open: Word) -> Bracket:
        phrases: list[Phrase] = []
        while (kind := self._kind()) not in CLOSERS:
            phrase = Phrase(bar=self._word() if kind == "BAR" else None)
            self._phrase(phrase, in_bracket=True)
            phrases.append(phrase)
        return _bracket(open, self._word(), phrases)


def _move_before(lead: Word, word: Word) -> None:
    """What stands between an arrow and the word behind it goes before the arrow."""
    if word.comments:
        first = word.comments[0]
        first.trailing = first.trailing and not lead.comments and not lead.fresh
        first.blank = first.blank or lead.blank
        lead.comments += word.comments
        lead.blank = word.blank
        word.comments = []
    else:
        lead.blank = lead.blank or word.blank
    lead.fresh = lead.fresh or word.fresh
    word.fresh = word.blank = False


def _move_behind(comma: Word, word: Word) -> None:
    """What stands before a comma goes behind it."""
    for comment in word.comments:
        comment.trailing = False
    word.comments[:0] = comma.comments
    word.fresh = True
    comma.comments = []


def _measure(phrase: Phrase) -> None:
    for index, piece in enumerate(phrase.pieces):
        for place, atom in enumerate(piece.atoms):
            first = atom.first
            piece.width += atom.width + (first.space and place > 0)
            piece.kept = piece.kept or (place > 0 and bool(first.comments)) or (isinstance(atom, Bracket) and atom.kept)
        phrase.width += piece.width
        phrase.kept = phrase.kept or piece.kept
        if index:
            first = piece.first
            phrase.width += first.space
            phrase.kept = phrase.kept or bool(first.comments) or (first.fresh and not piece.value)


def _bracket(open: Word, close: Word, phrases: list[Phrase]) -> Bracket:
    made = Bracket(open, close, phrases, open.width + close.width)
    made.kept = bool(close.comments)
    for index, phrase in enumerate(phrases):
        first = phrase.first
        made.width += first.space + phrase.width
        if phrase.bar is not None:
            made.width += phrase.bar.width + phrase.pieces[0].first.space
        made.kept = made.kept or phrase.kept or bool(first.comments) or (index > 0 and first.fresh)
    made.hugs = not close.comments and len(phrases) == 1 and _hugs(phrases[0])
    if phrases and phrases[0].first.fresh and not made.hugs:
        barred = any(phrase.bar is not None for phrase in phrases)
        made.kept = made.kept or barred or made.width > SMALL
    return made


def _hugs(phrase: Phrase) -> bool:
    """Whether all line ends that a bracket needs can be those of the bracket in which its one phrase ends."""
    atoms = phrase.pieces[0].atoms
    last = atoms[-1]
    return (
        len(phrase.pieces) == 1
        and isinstance(last, Bracket)
        and (last.kept or last.width > SMALL)
        and not any(atom.first.comments for atom in atoms)
    )
