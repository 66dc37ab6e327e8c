"""What a character means by where it stands: the step between the lexer and the parser.

In: the lexer's tokens, newlines included. Out: the tokens of each statement, with the words and brackets told apart
that look alike: `<` behind a name is a bracket and elsewhere a comparison, `f(` calls while `f (` has an argument,
`x3` and `x(` repeat, a newline ends a statement only where one can end. Reports brackets that do not match; parses
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lark import Token

from archdsl import limits
from archdsl.diagnostics import Collector, Note, Source, Span
from archdsl.syntax.depth import Depth

__all__ = ["STATEMENT_WORDS", "Line", "arrange"]

STATEMENT_WORDS = {
    "arch": "_ARCH",
    "input": "_INPUT",
    "output": "_OUTPUT",
    "block": "_BLOCK",
    "let": "_LET",
    "share": "_SHARE",
    "default": "_DEFAULT",
    "variant": "_VARIANT",
    "use": "_USE",
    "expect": "_EXPECT",
    "train": "_TRAIN",
    "return": "_RETURN",
}
_WORDS = {
    "if": "_IF",
    "then": "_THEN",
    "else": "_ELSE",
    "and": "AND",
    "or": "OR",
    "not": "NOT",
    "true": "TRUE",
    "false": "FALSE",
}
_TOP_WORDS = frozenset({"arch", "input", "output", "block", "variant", "use", "expect", "train"})
_NUMBERS = frozenset({"INTEGER", "FLOAT", "QUANTITY", "DIMS"})
_OPERAND_ENDS = _NUMBERS | {"NAME", "STRING", "TRUE", "FALSE", "_RPAR", "_RSQB", "_RANGLE", "REFERENCE"}
_CARRIES_ON = frozenset({"_ARROW", "BAR", "_COMMA", "_ASSIGN", "_THEN", "_ELSE"})
_CARRIED_ON = frozenset({"_ARROW", "BAR", "_SHAPE"})
_CONDITION_EDGES = frozenset({"_IF", "_WHEN", "_THEN", "_ELSE", "_ARROW", "BAR", "_COMMA", "_ASSIGN", "_NEWLINE"})
_CLOSERS = {"_RPAR": "(", "_RSQB": "[", "_RBRACE": "{", "_RANGLE": "<"}
_OPENERS = {
    "_LPAR": "(",
    "_CALL_LPAR": "(",
    "_REPEAT_LPAR": "(",
    "_LSQB": "[",
    "_INDEX_LSQB": "[",
    "_LBRACE": "{",
    "_LANGLE": "<",
}
_SHOWN = {"(": ")", "[": "]", "{": "}", "<": ">"}
_REPEAT = re.compile(r"x[0-9]+")
_BOUNDED = {
    **dict.fromkeys(_NUMBERS, ("number", limits.NAME_LENGTH, "every size fits into 2^53")),
    **dict.fromkeys(("NAME", "REFERENCE"), ("name", limits.NAME_LENGTH, "shorten it")),
    "STRING": ("text", limits.STRING_LENGTH, "write it as comments"),
}
"""The name, the most characters and the hint of tokens that may be too long."""

# What an open bracket holds decides what `<` and a newline mean inside it.
_CHAIN, _EITHER, _VALUE, _ANGLE, _BODY, _TABLE = "chain", "either", "value", "angle", "body", "table"


@dataclass(slots=True)
class Line:
    """The tokens of one statement; `broken` where its brackets do not match, so that it is not worth parsing."""

    tokens: list[Token] = field(default_factory=list)
    broken: bool = False


@dataclass(slots=True)
class _Open:
    token: Token
    bracket: str
    holds: str
    commas: int = 0


class _Layout:
    def __init__(self, tokens: Iterable[Token], source: Source, found: Collector) -> None:
        self._tokens = list(tokens)
        self._source = source
        self._found = found
        self._stack: list[_Open] = []
        self._line = Line()
        self._depth = Depth()

    def run(self) -> Iterator[Line]:
        tokens = self._tokens
        for index, token in enumerate(tokens):
            if token.type == "_NEWLINE":
                if self._ends_statement(index):
                    yield from self._flush()
                continue
            if not self._admit(token, index):
                self._line.tokens.extend(tokens[index:])
                self._line.broken = True
                yield from self._flush()
                return
        for left in reversed(self._stack[-1:]):
            self._unclosed(left)
        yield from self._flush()

    # ------------------------------------------------------------ statements and newlines

    def _flush(self) -> Iterator[Line]:
        if self._line.tokens or self._line.broken:
            yield self._line
        self._line = Line()
        self._depth = Depth()
        self._stack.clear()

    def _following(self, index: int) -> Token | None:
        # By position: a slice would copy the rest of the file at every line.
        for position in range(index + 1, len(self._tokens)):
            if self._tokens[position].type != "_NEWLINE":
                return self._tokens[position]
        return None

    def _ends_statement(self, index: int) -> bool:
        """Handle a newline; true where it ends a statement of the file itself."""
        if index + 1 < len(self._tokens) and self._tokens[index + 1].type == "_NEWLINE":
            return False
        following = self._following(index)
        if following is None:
            return not self._stack
        if self._stack and self._starts_over(following):
            self._unclosed(self._stack[-1])
            return True
        holds = self._stack[-1].holds if self._stack else _BODY
        before = self._line.tokens[-1] if self._line.tokens else None
        if holds not in (_BODY, _TABLE) or before is None:
            return False
        carried = following.type in _CARRIED_ON or (following.type == "NAME" and following.value in ("then", "else"))
        carried = carried or (holds == _BODY and self._repeats(following))
        # The claims of a variant may stand on an indented line of their own.
        if following.value == "expect" and following.column != 1 and self._of_variant():
            return False
        if not self._stack and self._starts_over(following):
            return True
        if before.type in _CARRIES_ON or carried:
            return False
        if not self._stack:
            return True
        if before.type not in ("_LBRACE", "_NEWLINE") and following.type != "_RBRACE":
            token = self._tokens[index]
            self._depth.passes(token.type)
            self._line.tokens.append(token)
        return False

    def _repeats(self, token: Token) -> bool:
        """Whether a line begins with a repeat, `x3` or `x(…)`, which nothing else can begin with."""
        end = token.end_pos or 0
        behind = self._source.text[end : end + 1] if token.value == "x" else ""
        return token.type == "NAME" and (behind == "(" or _REPEAT.fullmatch(token.value) is not None)

    def _of_variant(self) -> bool:
        """Whether the statement at hand is a `variant`, outside all brackets."""
        return not self._stack and bool(self._line.tokens) and self._line.tokens[0].type == "_VARIANT"

    def _starts_over(self, token: Token) -> bool:
        """Whether a line plainly begins a new statement of the file, so that an open bracket was forgotten."""
        if token.type != "NAME" or token.column != 1 or token.value not in STATEMENT_WORDS:
            return False
        if any(entry.holds in (_BODY, _TABLE) for entry in self._stack):
            return token.value in _TOP_WORDS
        return True

    def _unclosed(self, left: _Open) -> None:
        hint = f"add the `{_SHOWN[left.bracket]}` that ends it"
        if left.bracket == "<":
            hint += "; a comparison stands in parentheses: (a < b)"
        self._error("syntax", f"this `{left.bracket}` is never closed", left.token, hint)

    def _error(self, id: str, message: str, token: Token, hint: str, *notes: Note) -> None:
        """Give the statement up; its first mistake is told, and none that may follow from it."""
        if not self._line.broken:
            self._found.error(id, message, self._span(token), notes=notes, hint=hint)
        self._line.broken = True

    def _span(self, token: Token) -> Span:
        return Span(self._source, token.start_pos or 0, token.end_pos or 0)

    # ------------------------------------------------------------ one token

    def _admit(self, token: Token, index: int) -> bool:
        """Append a token to the statement under its true type; false where a limit ends the reading."""
        kept = self._line.tokens
        before = kept[-1] if kept else None
        touching = before if before is not None and before.end_pos == token.start_pos else None
        if token.type == "COMPARE" and token.value == ">=" and self._in_angles():
            middle = (token.start_pos or 0) + 1
            first = Token("_RANGLE", ">", token.start_pos, token.line, token.column, None, None, middle)
            second = Token("_ASSIGN", "=", middle, token.line, (token.column or 0) + 1, None, None, token.end_pos)
            return self._admit(first, index) and self._admit(second, index)
        if token.type in _BOUNDED:
            self._bounded(token)
        kind = self._kind(token, before, touching, index)
        if kind == "_REPEAT_LPAR":
            x = kept.pop()
            token = Token(kind, "x(", x.start_pos, x.line, x.column, None, None, token.end_pos)
        elif kind != token.type:
            token = Token.new_borrow_pos(kind, token.value, token)
        if kind in _OPENERS:
            if len(self._stack) >= limits.NESTING:
                self._found.error(
                    "limit-nesting",
                    f"brackets are nested more than {limits.NESTING} deep",
                    self._span(token),
                    hint="give the inner parts names, as blocks or with `let`",
                )
                return False
            self._stack.append(_Open(token, _OPENERS[kind], self._holds(kind, before)))
        elif kind in _CLOSERS:
            self._close(token, _CLOSERS[kind])
        elif kind == "_COMMA" and self._stack:
            self._count_comma(self._stack[-1])
        elif kind == "BAD":
            self._line.broken = True
        if self._depth.passes(kind):
            self._error(
                "limit-expression",
                f"more than {limits.EXPRESSION} operators, repeats and conditions in a row",
                token,
                "give parts of it names with `let`, or put values into a list",
            )
        kept.append(token)
        return True

    def _bounded(self, token: Token) -> None:
        what, most, hint = _BOUNDED[token.type]
        if len(token) > most:
            message = f"a {what} of {len(token):,} characters; {most:,} are allowed"
            self._found.error(
                "limit-number" if what == "number" else "limit-name", message, self._span(token), hint=hint
            )
            self._line.broken = True

    def _count_comma(self, bracket: _Open) -> None:
        bracket.commas += 1
        if bracket.commas == limits.LIST_LENGTH:
            message = f"a list of more than {limits.LIST_LENGTH:,} elements"
            hint = "compute it: range(n), or a loop x(i in n)"
            self._found.error("limit-list", message, self._span(bracket.token), hint=hint)
            self._line.broken = True

    def _kind(self, token: Token, before: Token | None, touching: Token | None, index: int) -> str:
        """The true type of a token, by the one before it; `touching` is that without a space between."""
        kind = token.type
        if kind == "NAME":
            return self._word(token, before)
        if kind == "LESS":
            return self._less(token, before, touching is not None)
        if kind == "GREATER":
            return "_RANGLE" if self._in_angles() else kind
        if kind == "_COMMA":
            after = self._following(index)
            return "TRAILING_COMMA" if after is not None and after.type in ("_RPAR", "_RSQB") else kind
        if touching is None:
            return kind
        if kind == "_LPAR" and touching.type == "NAME":
            return "_REPEAT_LPAR" if touching.value == "x" else "_CALL_LPAR"
        if kind == "_LPAR" and touching.type == "_RANGLE":
            return "_CALL_LPAR"
        if kind == "_LSQB" and touching.type in ("NAME", "REFERENCE", "_RSQB", "_RPAR"):
            return "_INDEX_LSQB"
        if kind in ("PLUS", "SLASH") and touching.type in _OPERAND_ENDS:
            after = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
            tight = after is not None and after.start_pos == token.end_pos and after.type != "_NEWLINE"
            return f"TIGHT_{kind}" if tight else kind
        return kind

    def _in_angles(self) -> bool:
        return bool(self._stack) and self._stack[-1].bracket == "<"

    def _word(self, token: Token, before: Token | None) -> str:
        value = str(token.value)
        starts = before is None or before.type in ("_NEWLINE", "_LBRACE")
        holds = self._stack[-1].holds if self._stack else _BODY
        if starts and holds == _BODY and value in STATEMENT_WORDS:
            return STATEMENT_WORDS[value]
        if value == "expect" and self._of_variant() and not starts:
            return "_EXPECT"
        if value == "if" and self._ends_output(before):
            return "_WHEN"
        if value in _WORDS:
            return _WORDS[value]
        if _REPEAT.fullmatch(value):
            return "REPEAT"
        if value == "in" and holds == _VALUE and before is not None and before.type in ("NAME", "_RPAR"):
            return "_IN"
        return "NAME"

    def _ends_output(self, before: Token | None) -> bool:
        """Whether an `if` stands behind the chain of an `output`, and is its condition."""
        output = bool(self._line.tokens) and self._line.tokens[0].type == "_OUTPUT"
        return output and not self._stack and before is not None and before.type not in _CARRIES_ON

    def _less(self, token: Token, before: Token | None, joined: bool) -> str:
        holds = self._stack[-1].holds if self._stack else _BODY
        if before is None or before.type != "NAME" or holds == _VALUE:
            return "LESS"
        if holds != _EITHER and self._in_condition():
            message = f"`{token.value}` compares only inside parentheses"
            self._error("syntax", message, token, "elsewhere it is a bracket; write if (a < b) then … else …")
            return "LESS"
        return "_LANGLE" if joined or holds != _EITHER else "LESS"

    def _in_condition(self) -> bool:
        """Whether an `if` inside the innermost bracket still lacks its `then`, so that no block is called here."""
        depth = 0
        for token in reversed(self._line.tokens):
            if token.type in _CLOSERS:
                depth += 1
            elif token.type in _OPENERS:
                depth -= 1
            elif depth == 0 and token.type in _CONDITION_EDGES:
                return token.type in ("_IF", "_WHEN")
            if depth < 0:
                return False
        return False

    def _holds(self, kind: str, before: Token | None) -> str:
        """What the bracket that opens here holds."""
        outer = self._stack[-1].holds if self._stack else _BODY
        previous = before.type if before is not None else None
        if kind == "_LBRACE":
            if outer == _TABLE:
                return _VALUE
            return _TABLE if previous == "_TRAIN" else _BODY
        if kind == "_LANGLE":
            return _ANGLE
        if kind in ("_REPEAT_LPAR", "_INDEX_LSQB"):
            return _VALUE
        if outer == _VALUE:
            return _VALUE
        if kind == "_CALL_LPAR":
            return _CHAIN if previous == "_RANGLE" else _EITHER
        if kind == "_LSQB":
            return _EITHER
        if previous in (None, "_NEWLINE", "_LBRACE", "_ARROW", "BAR", "_THEN", "_ELSE", "_RETURN"):
            return _CHAIN
        if previous in ("_LPAR", "_CALL_LPAR"):
            return outer
        if previous in ("_ASSIGN", "_COMMA", "_LANGLE"):
            return _EITHER
        return _VALUE

    def _close(self, token: Token, bracket: str) -> None:
        if self._stack and self._stack[-1].bracket == bracket:
            self._stack.pop()
            return
        if self._stack:
            left = self._stack[-1]
            note = Note(f"the `{left.bracket}` that is still open", self._span(left.token))
            hint = f"close it with `{_SHOWN[left.bracket]}` first"
            self._error("syntax", f"`{token.value}` closes a `{left.bracket}`", token, hint, note)
        else:
            self._error("syntax", f"`{token.value}` closes nothing", token, "remove it, or open it before")
        if any(entry.bracket == bracket for entry in self._stack):
            while self._stack.pop().bracket != bracket:
                pass


def arrange(tokens: Iterable[Token], source: Source, found: Collector) -> Iterator[Line]:
    """The statements of a file as tokens of their true types; mismatched brackets go to `found`."""
    return _Layout(tokens, source, found).run()
