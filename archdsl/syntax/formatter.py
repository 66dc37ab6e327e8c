"""The one layout of `.arch` files.

In: a text without syntax errors. Out: the same tokens and comments with other white space between them, so that nothing
of the program can change. Spaces are left to `archdsl.syntax.spacing`, columns to `archdsl.syntax.alignment`.

One statement a line, at most one empty line between two, what stands in braces indented by 4. Lines have at most 120
columns where the text has a place to end them. The author's line ends before `->`, `|`, `then` and `else` and behind
commas stay, and a long bracket whose contents begin on a new line stays open; others go. A line that is too long ends
before `->` first, and inside brackets only where no `->` helps. Branches stand one a line, `|` before them, where they
do not fit on one line or the author parted them. Numbers, strings and names are never touched.
"""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

from archdsl.diagnostics import Collector, Source
from archdsl.syntax import parser
from archdsl.syntax.alignment import WIDTH, Line, render
from archdsl.syntax.layout import arrange
from archdsl.syntax.phrases import SMALL, Bracket, Comment, Phrase, Piece, Statement, Word, read_text
from archdsl.syntax.spacing import CLOSERS, OPENERS

__all__ = ["format_source", "same_program"]

_INDENT = 4
_ARMS = frozenset({"_THEN", "_ELSE"})
_AFTER_SIZE = frozenset({"_ARROW", "BAR", "_COMMA", "_THEN", "_ELSE", "_EXPECT"})


def format_source(source: Source, found: Collector) -> str | None:
    """The text in its one layout; None where it has syntax errors, which go to `found`.

    >>> format_source(Source("net.arch", "input  28x28x1\\nconv 5x5 6->relu  # C1\\n"), Collector())
    'input 28x28x1\\nconv 5x5 6 -> relu  # C1\\n'

    Formatting what has been formatted changes nothing. Line ends are those of the text's first line. Linear in the
    length of the text.
    """
    errors = Collector()
    parsed = parser.parse(source, errors)
    for diagnostic in errors:
        found.add(diagnostic)
    if errors.failed:
        return None
    text = read_text(_tokens(source), parsed.comments)
    writer = _Writer()
    for statement in text.statements:
        writer.statement(statement, 0)
    writer.comments(text.comments, 0)
    made = render(writer.finished())
    head, newline, _ = source.text.partition("\n")
    return made.replace("\n", "\r\n") if newline and head.endswith("\r") else made


def same_program(before: Source, after: Source) -> bool:
    """Whether two texts are the same statements and comments, whatever white space stands between their tokens."""
    return _essence(before) == _essence(after)


def _tokens(source: Source) -> list[Sequence[Token]]:
    tokens = (token for token in parser.tokens(source) if token.type != "COMMENT")
    return [line.tokens for line in arrange(tokens, source, Collector())]


def _essence(source: Source) -> tuple[list[list[tuple[str, str]]], list[str]]:
    """The tokens of each statement, without the difference that spaces make to a sum, and the comments."""
    kinds = {"TIGHT_PLUS": "PLUS", "TIGHT_SLASH": "SLASH"}
    lines = [
        [("\n", "") if t.type == "_NEWLINE" else (kinds.get(t.type, t.type), str(t.value)) for t in line]
        for line in _tokens(source)
    ]
    return lines, [str(token.value).rstrip() for token in parser.tokens(source) if token.type == "COMMENT"]


class _Writer:
    """Writes statements as lines. It recurses into brackets only, whose nesting the layout bounds."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._parts: list[str] = []
        self._column = 0
        self._empty = True
        self._comment = ""
        self._statement = 0
        self._of = 0
        self._depth = 0
        self._mark = 0
        self._mark_depth = 0

    def finished(self) -> Sequence[Line]:
        """All lines that were written."""
        self._end()
        return self._lines

    # ------------------------------------------------------------ lines

    def _end(self) -> None:
        """End the line at hand; a size assertion at its end is told apart."""
        if self._parts:
            mark = self._mark if self._mark and self._depth == self._mark_depth else len(self._parts)
            code, assertion = "".join(self._parts[:mark]), "".join(self._parts[mark:])
            self._lines.append(Line(code, self._of, assertion.lstrip(), self._comment))
        self._parts = []
        self._comment = ""
        self._mark = 0

    def _newline(self, indent: int, blank: bool) -> None:
        self._end()
        if blank and self._lines:
            self._lines.append(Line("", self._statement))
        self._of = self._statement
        self._parts.append(" " * indent)
        self._column = indent
        self._empty = True

    def comments(self, comments: Sequence[Comment], indent: int, *, first: bool = False) -> None:
        """Comments, each on its line or at the end of the one at hand; `first`: no empty line stands before them."""
        for index, comment in enumerate(comments):
            if comment.trailing and self._parts:
                self._comment = comment.text
                continue
            self._newline(indent, comment.blank and not (first and index == 0))
            self._parts.append(comment.text)

    def _turn(self, word: Word, indent: int, *, notes: int | None = None, first: bool = False) -> None:
        """Begin a line for a word, behind the comments before it, which may be indented by `notes` instead."""
        self.comments(word.comments, indent if notes is None else notes, first=first)
        own = any(not comment.trailing for comment in word.comments)
        self._newline(indent, word.blank and not (first and not own))

    def _put(self, word: Word) -> None:
        kind = word.kind
        if kind == "_SHAPE":
            self._mark, self._mark_depth = len(self._parts), self._depth
        elif kind in OPENERS:
            self._depth += 1
        elif kind in CLOSERS:
            self._depth -= 1
        if self._depth < self._mark_depth or (kind in _AFTER_SIZE and self._depth == self._mark_depth):
            self._mark = 0
        text = f" {word.text}" if word.space and not self._empty else word.text
        self._parts.append(text)
        self._column += len(text)
        self._empty = False

    # ------------------------------------------------------------ statements

    def statement(self, statement: Statement, indent: int, *, first: bool = False) -> None:
        """A statement and those in its braces."""
        phrase = statement.phrase
        self._statement += 1
        self._turn(phrase.first, indent, first=first)
        self._phrase(phrase, indent, indent if statement.chain else indent + _INDENT, 0)
        if statement.body is None or statement.close is None:
            return
        for index, inner in enumerate(statement.body):
            self.statement(inner, indent + _INDENT, first=index == 0)
        close = statement.close
        self.comments(close.comments, indent + _INDENT, first=not statement.body)
        if statement.body or close.comments:
            self._newline(indent, blank=False)
        self._put(close)

    # ------------------------------------------------------------ phrases

    def _phrase(self, phrase: Phrase, base: int, further: int, tail: int) -> None:
        """A phrase, begun on the line at hand; its next lines are indented by `further`, `tail` columns follow it."""
        flat = not phrase.kept and self._column + phrase.width + tail <= WIDTH
        indent = base
        conditional = False
        for index, piece in enumerate(phrase.pieces):
            behind = tail if index == len(phrase.pieces) - 1 else 0
            if index and not flat and self._ends_before(piece, further, behind):
                indent = further + (_INDENT if conditional else 0)
                self._turn(piece.first, indent)
            self._piece(piece, indent, behind, flat)
            conditional = conditional or (piece.conditional and not piece.value and piece.first.kind not in _ARMS)

    def _ends_before(self, piece: Piece, indent: int, tail: int) -> bool:
        """Whether the line ends before a piece of a phrase that has several."""
        first = piece.first
        if first.comments or first.fresh or first.kind == "_ELSE":
            return True
        room = WIDTH - self._column - first.space
        if piece.value:
            return not piece.kept and piece.width + tail > room and indent + piece.width + tail <= WIDTH
        return self._reach(piece.atoms, 0, tail, room) > room

    def _reach(self, atoms: Sequence[Word | Bracket], start: int, tail: int, room: int) -> int:
        """The columns from an atom to the next place where a line must end; anything beyond `room` is as good."""
        width = 0
        for place in range(start, len(atoms)):
            atom = atoms[place]
            if place > start:
                if atom.first.comments:
                    return width
                width += atom.first.space
            if isinstance(atom, Bracket) and atom.kept:
                return width + atom.open.width
            width += atom.width
            if width > room:
                return width
        return width + tail

    def _piece(self, piece: Piece, base: int, tail: int, flat: bool) -> None:
        atoms = piece.atoms
        for place, atom in enumerate(atoms):
            if place and atom.first.comments:
                self._turn(atom.first, base + _INDENT)
            if isinstance(atom, Word):
                self._put(atom)
            elif flat:
                self._flat(atom)
            elif atom.kept or (atom.width > SMALL and not self._fits(atoms, place, tail)):
                self._open(atom, base, self._rest(atoms, place + 1, tail))
            else:
                self._flat(atom)

    def _fits(self, atoms: Sequence[Word | Bracket], place: int, tail: int) -> bool:
        room = WIDTH - self._column - atoms[place].first.space
        return self._reach(atoms, place, tail, room) <= room

    def _rest(self, atoms: Sequence[Word | Bracket], start: int, tail: int) -> int:
        """The columns behind a bracket up to the next place where a line can end."""
        width = 0
        for place in range(start, len(atoms)):
            atom = atoms[place]
            if atom.first.comments or width > WIDTH:
                return width
            width += atom.first.space
            if isinstance(atom, Bracket) and (atom.kept or atom.width > SMALL):
                return width + atom.open.width
            width += atom.width
        return width + tail

    # ------------------------------------------------------------ brackets

    def _flat(self, bracket: Bracket) -> None:
        self._put(bracket.open)
        for phrase in bracket.phrases:
            if phrase.bar is not None:
                self._put(phrase.bar)
            for piece in phrase.pieces:
                self._piece(piece, 0, 0, flat=True)
        self._put(bracket.close)

    def _open(self, bracket: Bracket, base: int, tail: int) -> None:
        """A bracket over several lines: `< >` closes at the end of its last line, the others on a line of their own."""
        close = bracket.close
        self._put(bracket.open)
        attached = close.kind == "_RANGLE" and not close.comments
        inner = base + _INDENT
        if bracket.hugs:
            self._piece(bracket.phrases[0].pieces[0], base, close.width + tail, flat=False)
            self._put(close)
            return
        lines = 0
        for index, phrase in enumerate(bracket.phrases):
            last = index == len(bracket.phrases) - 1
            behind = close.width + tail if last and attached else 0
            if phrase.bar is not None:
                self._turn(phrase.bar, inner - 2, notes=inner, first=index == 0)
                self._put(phrase.bar)
            elif index == 0 or self._parts_from(phrase, lines, behind):
                self._turn(phrase.first, inner, first=index == 0)
            lines = len(self._lines)
            self._phrase(phrase, inner, inner, behind)
        self.comments(close.comments, inner)
        if not attached:
            self._newline(base, blank=False)
        self._put(close)

    def _parts_from(self, phrase: Phrase, lines: int, tail: int) -> bool:
        """Whether what follows a comma begins a line."""
        first = phrase.first
        if first.comments or first.fresh or phrase.kept or len(self._lines) > lines:
            return True
        return self._column + first.space + phrase.width + tail > WIDTH
