"""What a syntax error says.

In: where the parser stopped, or a character that no token has. Out: one located sentence with the fix as a hint, from
the first row of the tables of mistakes that fits; where none does, what could have stood there. Repairs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lark import Token
from lark.exceptions import UnexpectedInput, UnexpectedToken

from archdsl.diagnostics import Collector, Source, Span
from archdsl.syntax.layout import STATEMENT_WORDS
from archdsl.syntax.stop import LONGEST, Stop, short

__all__ = [
    "DEFINES",
    "FORMS",
    "NUMBERS",
    "STARTS_LAYER",
    "WORD_OF",
    "Mistake",
    "explain",
    "explain_character",
    "mistakes",
]

NUMBERS = frozenset({"INTEGER", "FLOAT", "QUANTITY", "DIMS"})
STARTS_LAYER = frozenset({"NAME", "_LPAR", "_LSQB", "_IF", "REFERENCE"})
WORD_OF = {kind: word for word, kind in STATEMENT_WORDS.items()}
FORMS = {
    "_ARCH": 'arch alexnet "title"',
    "_INPUT": "input 224x224x3",
    "_OUTPUT": "output aux = @label -> fc 10",
    "_BLOCK": "block unit<w> = conv 3x3+1 w -> relu",
    "_LET": "let n = 64",
    "_SHARE": "share tower = fc 100 -> relu",
    "_DEFAULT": "default conv bias=false",
    "_VARIANT": "variant resnet50 = resnet<[3, 4, 6, 3]>",
    "_USE": 'use "lib/residual.arch"',
    "_EXPECT": "expect params 25.6M",
    "_TRAIN": "train { data cifar10 }",
    "_RETURN": "return @y, @h",
}
DEFINES = frozenset({"_LET", "_BLOCK", "_SHARE", "_VARIANT", "_ARCH", "_OUTPUT", "_DEFAULT"})

_FAR = 2000


Words = Callable[[Stop], str]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A typical mistake: texts that have it, the look that knows it, and what is said about it.

    In an example, « and » stand around what the caret marks; the tests read every example. `message` and `hint` are
    text, or made from the stop. `mark` gives the first and last token of the caret by their distance from the stop.
    """

    examples: tuple[str, ...]
    when: Callable[[Stop], bool]
    message: str | Words
    hint: str | Words
    mark: tuple[int, int] | Callable[[Stop], tuple[int, int]] = (0, 0)


def _say(words: str | Words, stop: Stop) -> str:
    return words if isinstance(words, str) else words(stop)


@cache
def mistakes() -> tuple[Mistake, ...]:
    """The whole table, in the order in which it is tried; loaded at the first mistake, since most texts have none."""
    from archdsl.syntax.mistake_arguments import ARGUMENTS
    from archdsl.syntax.mistake_chains import CHAINS
    from archdsl.syntax.mistake_statements import STATEMENTS

    return (*STATEMENTS, *CHAINS, *ARGUMENTS)


def explain(error: UnexpectedInput, tokens: list[Token], source: Source, found: Collector) -> None:
    """Report where and why a statement could not be read.

    `conv 3x3 +1 64` gives: a geometry is written without spaces; hint: write `3x3+1`. The error is `syntax`, always.
    """
    token = getattr(error, "token", None)
    ended = token is None or token.type == "$END"
    index = len(tokens) if ended else next((i for i, t in enumerate(tokens) if t is token), len(tokens))
    expected = frozenset(error.accepts or error.expected) if isinstance(error, UnexpectedToken) else frozenset[str]()
    stop = Stop(tokens, index, expected, source)
    for mistake in mistakes():
        if mistake.when(stop):
            first, last = mistake.mark(stop) if callable(mistake.mark) else mistake.mark
            span = stop.spans(-1, -1) if ended and (first, last) == (0, 0) else stop.spans(first, last)
            found.error("syntax", _say(mistake.message, stop), span, hint=_say(mistake.hint, stop))
            return
    if ended:
        found.error("syntax", "the statement ends too early", stop.spans(-1, -1), hint=_expected(stop))
        return
    found.error("syntax", f"`{stop.text()}` cannot stand here", stop.spans(0, 0), hint=_expected(stop))


_SHOWN = {
    "_ARROW": "`->`",
    "_ASSIGN": "`=`",
    "_COMMA": "`,`",
    "BAR": "`|`",
    "_RANGLE": "`>`",
    "_RPAR": "`)`",
    "_RSQB": "`]`",
    "_LBRACE": "`{`",
    "_RBRACE": "`}`",
    "_THEN": "`then`",
    "_ELSE": "`else`",
    "_IN": "`in`",
    "STRING": 'a text in `"…"`',
    "INTEGER": "a number",
    "NAME": "a name",
    "REFERENCE": "a label `@…`",
    "REPEAT": "a repeat `x3`",
    "_SHAPE": "`::`",
}
_BRACKET_SIGNS = frozenset({"_RPAR", "_RSQB", "_RBRACE", "_RANGLE", "_COMMA", "BAR"})


def _expected(stop: Stop) -> str:
    """What could have stood there, the signs first that say most."""
    closing = {"(": "_RPAR", "f(": "_RPAR", "x(": "_RPAR", "[": "_RSQB", "xs[": "_RSQB", "{": "_RBRACE", "<": "_RANGLE"}
    fitting = {
        closing.get(stop.inside),
        *({"_COMMA", "BAR"} if stop.inside == "<" else {"_COMMA"} if stop.inside else set()),
    }
    # The parser's tables join states of like brackets: only the sign that closes the open one fits.
    able = [
        shown
        for kind, shown in _SHOWN.items()
        if kind in stop.expected and (kind not in _BRACKET_SIGNS or kind in fitting)
    ]
    return f"here may stand {', '.join(able[:6])}" if able else ""


# ---------------------------------------------------------------- characters

_TIMES = ("sizes are written with the letter x", "write `x`, as in 3x3")
_SIGNS = {
    "×": _TIMES,
    "→": ("an arrow is `->`", "write `->`"),
    "⟶": ("an arrow is `->`", "write `->`"),
    "–": ("this dash is no minus", "write `-`"),
    "−": ("this dash is no minus", "write `-`"),
    "≤": ("a comparison is written with ASCII signs", "write `<=`"),
    "≥": ("a comparison is written with ASCII signs", "write `>=`"),
    "≠": ("a comparison is written with ASCII signs", "write `!=`"),
    "⊕": ("branches are added by name", "write add<a | b>"),
    "&": ("`&` is not a sign of the language", "write `and`"),
    "!": ("`!` is not a sign of the language", "write `not`, or `!=`"),
    "^": ("`^` is not a sign of the language", "a power is `**`: 2**3"),
    ";": ("`;` does not end a statement", "each statement has its own line; layers in a row are joined by `->`"),
    "?": ("`?` is not a sign of the language", "a condition is: if a then b else c"),
    "~": ("`~` is not a sign of the language", "a figure says its precision by its digits: expect params 25.6M"),
    "$": ("`$` is not a sign of the language", "a name stands alone: conv 3x3 w"),
    "`": ("`` ` `` is not a sign of the language", "a name stands alone: relu"),
    "\\": ("a line is not carried on by `\\`", "a newline after `->`, `|` or `,`, or inside brackets, ends nothing"),
}
_QUOTES = {"'": "'", "“": "”", "‘": "’", "„": "“", "«": "»"}
_WORD = re.compile(r"[\w.]+")
_DIGITS = tuple("0123456789")
_LEADING_REPEAT = re.compile(r"(?P<count>[0-9]+)x +(?P<what>\([^()\n]*\)|[A-Za-z_][^-|<>()\n#,]*)")


def explain_character(source: Source, start: int, found: Collector) -> int:
    """Report a character that begins no token; gives the offset up to which the report covers the text."""
    text = source.text
    char = text[start]
    line_end = text.find("\n", start, start + _FAR)
    line_end = min(len(text), start + _FAR) if line_end < 0 else line_end
    if char == '"':
        found.error(
            "syntax", "this string does not end on its line", Span(source, start, line_end), hint='close it with `"`'
        )
        return line_end
    if char in _QUOTES:
        close = text.find(_QUOTES[char], start + 1, line_end)
        end = close + 1 if close >= 0 else start + 1
        inside = text[start + 1 : close] if close >= 0 else "…"
        found.error(
            "syntax", "strings stand in double quotes", Span(source, start, end), hint=f'write "{short(inside)}"'
        )
        return end
    if char == "@":
        found.error(
            "syntax", "a label is `@` and a name", Span(source, start, start + 1), hint="write it joined: relu @a"
        )
        return start + 1
    if char.isdigit():
        while start and (text[start - 1].isdigit() or text[start - 1] in "._"):
            start -= 1
        word = _WORD.match(text, start)
        end = word.end() if word else start + 1
        shown = text[start:end]
        repeat = _LEADING_REPEAT.match(text, start, line_end)
        before = text[max(0, start - LONGEST) : start].rstrip(" \t")
        if repeat and (not before or before[-1] in "\n>|(<="):
            hint = f"write {short(repeat['what'].rstrip())} x{repeat['count']}"
            found.error("syntax", "a repeat stands behind what it repeats", Span(source, start, end), hint=hint)
            return end
        found.error("syntax", f"`{short(shown)}` is not a number", Span(source, start, end), hint=_number_hint(shown))
        return end
    end = start + 1
    while end < line_end and text[end] == char:
        end += 1
    shown = char if char.isprintable() else f"U+{ord(char):04X}"
    if char.isalpha():
        message, hint = (
            f"a name is made of the letters a to z, digits and `_`, not `{shown}`",
            "texts stand in double quotes",
        )
    else:
        message, hint = _SIGNS.get(
            char, (f"`{shown}` is not a sign of the language", "remove it; `#` starts a comment")
        )
        if char == ";" and text[end:line_end].split("#")[0].strip() == "":
            hint = "remove it: the end of the line ends the statement"
        elif char == "×":
            message, hint = _times(text, start, line_end)
    found.error("syntax", message, Span(source, start, end), hint=hint)
    while end < line_end and not text[end].isspace():
        end += 1
    return end


def _times(text: str, start: int, line_end: int) -> tuple[str, str]:
    """What is said of `×`: in a size, `3×3`, or before the number of a repeat, `relu × 3`."""
    behind = re.compile(r" *([0-9]+)(?![0-9x×.])").match(text, start + 1, line_end)
    before = text[max(0, start - LONGEST) : start]
    if behind and before.endswith((" ", ")")) and not before.rstrip().endswith(_DIGITS):
        return "a repeat is written with the letter x, without a space behind it", f"write x{behind[1]}"
    size = re.compile(r"[0-9x×/+]+").match(text, start, line_end)
    head = re.search(r"[0-9x×]+$", before)
    if head and size and len(size[0]) > 1 and len(head[0]) + len(size[0]) <= LONGEST:
        return _TIMES[0], f"write {(head[0] + size[0]).replace('×', 'x')}"
    return _TIMES


def _number_hint(shown: str) -> str:
    if re.fullmatch(r"[0-9]+(X[0-9]+)+", shown):
        return f"write {shown.lower()}"
    if re.fullmatch(r"[0-9]+(x[0-9]+)*x", shown):
        return "a size is numbers joined by `x` without spaces: 3x3; a repeat stands behind its layer: relu x3"
    if re.fullmatch(r"[0-9.]+[kmgtbB]", shown):
        return f"write {shown[:-1]}{'G' if shown[-1] in 'bB' else shown[-1].upper()}: the suffixes are K, M, G, T"
    if re.fullmatch(r"[0-9]+\.", shown):
        return f"write {shown}0"
    if re.fullmatch(r"[0-9]+[A-Za-z_]\w*", shown):
        return "a name begins with a letter; numbers are 64, 60_965_224, 0.5, 5e-4, 60.97M, 11x11"
    return "numbers are 64, 60_965_224, 0.5, 5e-4, 60.97M, 11x11"
