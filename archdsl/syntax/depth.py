"""How deep an expression gets without brackets: operators, indices, repeats and conditions in a row.

In: the types of the tokens of a statement, one by one. Out: whether a limit is passed. Brackets inside brackets are
counted by the layout itself.
"""

from __future__ import annotations

from archdsl import limits

__all__ = ["Depth"]

_OPERATORS = frozenset(
    {
        *("PLUS", "TIGHT_PLUS", "MINUS", "STAR", "SLASH", "TIGHT_SLASH", "FLOOR_SLASH", "PERCENT", "POWER"),
        *("COMPARE", "LESS", "GREATER", "AND", "OR", "NOT", "DOT", "_INDEX_LSQB", "REPEAT", "_REPEAT_LPAR"),
    }
)
_OPENERS = frozenset({"_LPAR", "_CALL_LPAR", "_REPEAT_LPAR", "_LSQB", "_INDEX_LSQB", "_LBRACE", "_LANGLE"})
_CLOSERS = frozenset({"_RPAR", "_RSQB", "_RBRACE", "_RANGLE"})
_ENDS = frozenset({"_COMMA", "BAR", "_NEWLINE"})
_ENDS_ELEMENT = frozenset({"_ARROW", "_THEN", "_ELSE"})


class Depth:
    """Counts for one statement: of each open bracket the operators of the element at hand, and the conditions, which
    nest to the right until a comma, a bar or a line ends them."""

    def __init__(self) -> None:
        self._open = [[0, 0]]
        self._total = 0

    def passes(self, kind: str) -> bool:
        """Take a token; true where the limit is passed."""
        level = self._open[-1]
        if kind in _OPERATORS:
            level[0] += 1
            self._total += 1
        elif kind == "_IF":
            level[1] += 1
            self._total += 1
        elif kind in _ENDS:
            self._total -= level[0] + level[1]
            level[:] = (0, 0)
        elif kind in _ENDS_ELEMENT:
            self._total -= level[0]
            level[0] = 0
        if kind in _OPENERS:
            self._open.append([0, 0])
        elif kind in _CLOSERS and len(self._open) > 1:
            self._total -= sum(self._open.pop())
        return self._total > limits.EXPRESSION
