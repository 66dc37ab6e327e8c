"""Which neighbours on a line have a space between them.

In: the tokens of statements, under their true types. Out: for each, whether a space stands before it. Where lines end
is left to the formatter.

Operators between numbers are tight in brackets, `(4*w)`, `x(n-1)`, `block<4*w, s>`, `[w//2, w]`; they have spaces
outside them, `let n = d // 2`, and in the condition of an `if` wherever it stands. Comparisons, `and`, `or` and `not`
always have spaces. Geometry is tight everywhere, `3x3/2+1`, and so is `key=value`; the `=` of a statement has spaces.
"""

from __future__ import annotations

from dataclasses import dataclass

from lark import Token

__all__ = ["CLOSERS", "OPENERS", "Spacer"]

OPENERS = frozenset({"_LPAR", "_CALL_LPAR", "_REPEAT_LPAR", "_LSQB", "_INDEX_LSQB", "_LBRACE", "_LANGLE"})
CLOSERS = frozenset({"_RPAR", "_RSQB", "_RBRACE", "_RANGLE"})
_ATOM_STARTS = frozenset(
    {"NAME", "INTEGER", "FLOAT", "QUANTITY", "DIMS", "STRING", "TRUE", "FALSE", "_LPAR", "_LSQB", "_LBRACE"}
)
_ATOM_ENDS = frozenset(
    {"NAME", "INTEGER", "FLOAT", "QUANTITY", "DIMS", "STRING", "TRUE", "FALSE", "REFERENCE"} | (CLOSERS - {"_RBRACE"})
)
_ARITHMETIC = frozenset(
    {"PLUS", "TIGHT_PLUS", "MINUS", "STAR", "SLASH", "TIGHT_SLASH", "FLOOR_SLASH", "PERCENT", "POWER"}
)
_GEOMETRY = frozenset({"TIGHT_PLUS", "TIGHT_SLASH"})
_JOINED_BEFORE = frozenset(
    {"_COMMA", "TRAILING_COMMA", "DOT", "_COLON", "_CALL_LPAR", "_INDEX_LSQB", "_LANGLE"} | (CLOSERS - {"_RBRACE"})
)
_JOINED_BEHIND = frozenset({"DOT"} | OPENERS)
_NEW_ELEMENT = frozenset({"_ARROW", "BAR", "_COMMA", "_THEN", "_ELSE"})
_DEFINES = frozenset({"_LET", "_SHARE", "_VARIANT", "_OUTPUT", "_BLOCK"})
_TAKES_OPERANDS = frozenset({"_DEFAULT", "_EXPECT", "_INPUT", "_USE"})


@dataclass(slots=True)
class _Frame:
    """What is open: a bracket around values (`tight`), such as that of an index, or the file or a body in braces."""

    tight: bool
    index: bool = False
    table: bool = False
    condition: bool = False
    operands: bool = False
    defines: bool = False


class Spacer:
    """Takes the tokens one by one; `before` says whether a space stands before the next."""

    def __init__(self) -> None:
        self._stack = [_Frame(tight=False)]
        self._last = ""
        self._sticks = False
        self.defining = False
        """Whether the last token was the `=` of a statement."""
        self.body = False
        """Whether the last token was the brace of a body or of a recipe."""

    def start(self) -> None:
        """A statement starts."""
        frame = self._stack[-1]
        frame.condition, frame.operands, frame.defines = False, frame.table, False
        self._last = ""
        self._sticks = False

    def before(self, token: Token) -> bool:
        """Whether a space stands before a token, which is the next one."""
        kind = token.type
        frame = self._stack[-1]
        last = self._last
        self.defining = self.body = False
        if kind in CLOSERS:
            self._stack.pop()
            return self._follow(kind, False)
        if last == "":
            frame.defines = kind in _DEFINES
            frame.operands = frame.operands or kind in _TAKES_OPERANDS
        elif kind == "_EXPECT":
            frame.operands = True
        if last in _ATOM_ENDS and kind in _ATOM_STARTS:
            frame.operands = True
        elif kind in _NEW_ELEMENT:
            frame.operands = frame.condition = False
        elif kind in ("_IF", "_WHEN"):
            frame.condition = True
        space = not self._sticks and kind not in _JOINED_BEFORE
        sticks = kind in _JOINED_BEHIND or (kind == "_COLON" and frame.index)
        if kind == "_ASSIGN":
            self.defining = space = frame.defines and not frame.tight
            sticks = not space
            if space:
                frame.defines = frame.operands = False
        elif kind in _ARITHMETIC:
            unary = last not in _ATOM_ENDS
            joined = self._tight(frame, kind)
            space = space and (unary or not joined)
            sticks = joined or (unary and kind != "PLUS")
        elif kind == "_LBRACE":
            table = frame.table
            self.body = not table
            self._stack.append(_Frame(tight=table, table=last == "_TRAIN"))
            return self._follow(kind, True, space)
        elif kind in OPENERS:
            self._stack.append(_Frame(tight=True, index=kind == "_INDEX_LSQB"))
        return self._follow(kind, sticks, space)

    def _follow(self, kind: str, sticks: bool, space: bool = False) -> bool:
        self._last = kind
        self._sticks = sticks
        return space

    def _tight(self, frame: _Frame, kind: str) -> bool:
        """Whether an operator stands tight where it stands between two values."""
        if frame.condition:
            return False
        return frame.tight or (frame.operands and kind in _GEOMETRY)
