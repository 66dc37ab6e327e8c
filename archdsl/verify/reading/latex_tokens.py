"""LaTeX in tokens: commands, braces, cell marks, text; comments apart; macros of the document written out.

In: a text. Out: a stream of tokens with their lines. What commands mean is left to `latex_text.py` and `latex.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from archdsl import limits
from archdsl.verify.reading.raw import Remark, TooMuch

__all__ = ["Macro", "Stream", "TeX", "tex_tokens"]

_TOKEN = re.compile(
    r"(?P<word>\\[A-Za-z@]+\*?)|(?P<sign>\\[^A-Za-z@])|(?P<mark>[{}\[\]&$^~#])|(?P<space>\s+)"
    r"|(?P<text>[^\\{}\[\]&$^~#\s]+|\\)"
)
_MOST_WRITTEN = 200_000
"""Tokens that macros may write out; ResNet's blocks write out 600."""
_LONGEST_OPTION = 40
"""Tokens of an optional argument."""


@dataclass(frozen=True, slots=True)
class TeX:
    """`\\textbf` or `\\%` or `{` or text, and its line. A blank line or a line end is a single space."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Macro:
    """What `\\newcommand` defines: so many arguments, and the text with `#1` in it."""

    arguments: int
    body: tuple[TeX, ...]


def tex_tokens(text: str, remarks: list[Remark]) -> list[TeX]:
    """The tokens of a text; comments go to the remarks. Raises `TooMuch` for more than any document has.

    >>> [token.text for token in tex_tokens("a & \\\\textbf{b} % c", [])]
    ['a', ' ', '&', ' ', '\\\\textbf', '{', 'b', '}', ' ']
    """
    found: list[TeX] = []
    for number, line in enumerate(text.split("\n"), 1):
        code, comment = _parted(line)
        if comment is not None and comment.strip("% \t"):
            remarks.append(Remark(number, comment.strip("% \t")))
        matches = islice(_TOKEN.finditer(code), limits.TOKENS + 1)
        found += [TeX(" " if match.lastgroup == "space" else match.group(), number) for match in matches]
        # A comment takes the line end with it.
        if comment is None and found and found[-1].text != " ":
            found.append(TeX(" ", number))
        if len(found) > limits.TOKENS:
            raise TooMuch(f"the document has more than {limits.TOKENS:,} words and signs", number)
    return found


def _parted(line: str) -> tuple[str, str | None]:
    """A line before and behind its first `%` that no backslash escapes."""
    at = line.find("%")
    while at >= 0:
        slashes = len(line[:at]) - len(line[:at].rstrip("\\"))
        if slashes % 2 == 0:
            return line[:at], line[at + 1 :]
        at = line.find("%", at + 1)
    return line, None


class Stream:
    """Tokens to be read, with macros written out as they come."""

    def __init__(self, tokens: Iterable[TeX], macros: Mapping[str, Macro] | None = None) -> None:
        self._waiting = list(tokens)[::-1]
        self.macros = dict(macros or {})
        self._written = 0
        self.line = 1

    def next(self) -> TeX | None:
        """The next token, or None at the end."""
        while self._waiting:
            token = self._waiting.pop()
            self.line = token.line
            macro = self.macros.get(token.text)
            if macro is None or self._written > _MOST_WRITTEN:
                return token
            self._write(macro, token.line)
        return None

    @property
    def overrun(self) -> bool:
        """Whether macros wrote out more than any table has."""
        return self._written > _MOST_WRITTEN

    def _write(self, macro: Macro, line: int) -> None:
        arguments = [self.group() for _ in range(macro.arguments)]
        written: list[TeX] = []
        body = iter(macro.body)
        for token in body:
            if token.text != "#":
                written.append(TeX(token.text, line))
                continue
            number = next(body, None)
            if number is not None and number.text[:1].isdecimal() and 1 <= int(number.text[0]) <= len(arguments):
                written += arguments[int(number.text[0]) - 1]
                if number.text[1:]:
                    written.append(TeX(number.text[1:], line))
            if len(written) > _MOST_WRITTEN:
                break
        self._written += len(written) + 1
        self._waiting += written[::-1]

    def peek(self) -> str:
        """The text of the next token that is no blank."""
        self.blanks()
        return self._waiting[-1].text if self._waiting else ""

    def blanks(self) -> None:
        """Pass over blanks."""
        while self._waiting and self._waiting[-1].text == " ":
            self._waiting.pop()

    def group(self) -> list[TeX]:
        """The next argument: what stands in braces, or one token."""
        self.blanks()
        if not self._waiting:
            return []
        first = self._waiting.pop()
        if first.text != "{":
            return [first]
        found: list[TeX] = []
        depth = 1
        while self._waiting:
            token = self._waiting.pop()
            depth += (token.text == "{") - (token.text == "}")
            if depth == 0:
                break
            found.append(token)
        return found

    def word(self) -> str:
        """The next argument as plain text: `tabular*` of `{tabular*}`."""
        return "".join(token.text for token in self.group()).strip()

    def option(self, opening: str = "[", closing: str = "]") -> str | None:
        """An optional argument, if one comes next: `2pt` of `[2pt]`."""
        self.blanks()
        if not self._waiting or not self._waiting[-1].text.startswith(opening):
            return None
        taken: list[str] = []
        depth = 0
        for offset in range(1, min(_LONGEST_OPTION, len(self._waiting)) + 1):
            text = self._waiting[-offset].text
            depth += (text == "{") - (text == "}")
            taken.append(text)
            if depth == 0 and text.endswith(closing):
                del self._waiting[-offset:]
                return "".join(taken)[1:-1]
        return None
