"""Expressions of PyTorch put inside each other, and source lines broken as a formatter would break them.

In: the templates that ops give, `{m}({0})`. Out: text. What is computed from what is left to `forward`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

__all__ = ["WIDTH", "free_names", "render", "transposed", "uses_of", "wrap"]

WIDTH: Final = 88
"""Columns of a line, the default of the formatters."""

_HOLE = re.compile(r"\{(m|all|\d+)\}")
_OPEN, _CLOSE = "([{", ")]}"


def render(template: str, module: str, arguments: Sequence[str]) -> str:
    """A template with its tensors put in, in parentheses where they would otherwise fall apart.

    >>> render("{0}.flatten(1)", "", ["a + b"])
    '(a + b).flatten(1)'
    """

    def put(match: re.Match[str]) -> str:
        hole = match.group(1)
        if hole == "m":
            return module
        if hole == "all":
            return ", ".join(arguments)
        argument = arguments[int(hole)]
        return argument if _delimited(template, match) or is_atom(argument) else f"({argument})"

    return _HOLE.sub(put, template)


def uses_of(template: str, index: int) -> int:
    """How often a template reads one of its inputs."""
    return sum(hole in ("all", str(index)) for hole in _HOLE.findall(template))


def transposed(text: str) -> str:
    """A sequence with its channels on the other side."""
    return f"{text}.mT" if is_atom(text) else f"({text}).mT"


def is_atom(text: str) -> bool:
    """Whether an attribute or an operator behind this text would apply to all of it."""
    return text.isidentifier() or _is_atom(_shape_of(text))


@lru_cache(maxsize=4096)
def _is_atom(text: str) -> bool:
    node = ast.parse(text, mode="eval").body
    return isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Subscript)


def _shape_of(text: str) -> str:
    """The text with what stands in brackets left out, so that few different ones are parsed."""
    kept: list[str] = []
    depth = 0
    for char, inside in _outside_strings(text):
        if not inside and char in _OPEN:
            depth += 1
            if depth == 1:
                kept.append(f"{char}0")
        elif not inside and char in _CLOSE:
            depth -= 1
            if depth == 0:
                kept.append(char)
        elif depth == 0:
            kept.append(char)
    return "".join(kept)


@lru_cache(maxsize=4096)
def free_names(expression: str) -> frozenset[str]:
    """The names that a template or constructor expression takes from the file around it."""
    text = _HOLE.sub("_", expression)
    return frozenset(node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)) - {"_"}


def _delimited(template: str, match: re.Match[str]) -> bool:
    before = template[: match.start()].rstrip()[-1:]
    after = template[match.end() :].lstrip()[:1]
    return before in ("(", ",") and after in (")", ",")


def _outside_strings(text: str) -> list[tuple[str, bool]]:
    """Each character with whether it stands in a string."""
    found: list[tuple[str, bool]] = []
    quote = ""
    escaped = False
    for char in text:
        if quote:
            found.append((char, True))
            if char == quote and not escaped:
                quote = ""
            escaped = char == "\\" and not escaped
        else:
            quote = char if char in "'\"" else ""
            found.append((char, bool(quote)))
    return found


def wrap(text: str, indent: int, *, ending: str = "") -> list[str]:
    """A statement or an element as lines, broken at its last brackets where it is too long for one.

    >>> wrap("x = f(a, b)", 0)
    ['x = f(a, b)']
    """
    pad = " " * indent
    if len(pad) + len(text) + len(ending) <= WIDTH:
        return [f"{pad}{text}{ending}"]
    found = _last_brackets(text)
    if found is None:
        return [f"{pad}{text}{ending}"]
    start, end = found
    head, body, tail = text[: start + 1], text[start + 1 : end], text[end:]
    inner = indent + 4
    if _is_comprehension(body):
        element, loop = _split_comprehension(body)
        middle = [*wrap(element, inner), " " * inner + loop]
    elif inner + len(body) <= WIDTH:
        middle = [" " * inner + body]
    elif _groups(head, body):
        middle = [" " * inner + operand for operand in _operands(body)]
    else:
        middle = [line for part in split_arguments(body) for line in wrap(part, inner, ending=",")]
    return [f"{pad}{head}", *middle, f"{pad}{tail}{ending}"]


def _groups(head: str, body: str) -> bool:
    """Whether brackets stand around an operation, where a comma would make a tuple of it."""
    before = head[:-1].rstrip()[-1:]
    called = head[-2:-1].strip() and (before.isalnum() or before in "_)]")
    return head.endswith("(") and not called and len(split_arguments(body)) == 1 and not body.rstrip().endswith(",")


def _operands(body: str) -> list[str]:
    """The terms of a sum, the sign before each but the first."""
    parts: list[str] = [""]
    depth = 0
    characters = _outside_strings(body)
    for index, (char, inside) in enumerate(characters):
        if not inside:
            depth += (char in _OPEN) - (char in _CLOSE)
            if depth == 0 and char in "+-" and body[index - 1 : index + 2] == f" {char} ":
                parts.append("")
        parts[-1] += char
    return [part.strip() for part in parts]


def _last_brackets(text: str) -> tuple[int, int] | None:
    """The outermost brackets that close last, if there is something inside."""
    depth = 0
    start = -1
    found: tuple[int, int] | None = None
    for index, (char, inside) in enumerate(_outside_strings(text)):
        if inside:
            continue
        if char in _OPEN:
            start = index if depth == 0 else start
            depth += 1
        elif char in _CLOSE:
            depth -= 1
            if depth == 0 and index > start + 1:
                found = (start, index)
    return found


def split_arguments(text: str) -> list[str]:
    """Arguments apart, commas inside brackets and strings left alone."""
    parts: list[str] = [""]
    depth = 0
    for char, inside in _outside_strings(text):
        if not inside:
            depth += (char in _OPEN) - (char in _CLOSE)
        if char == "," and depth == 0 and not inside:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def _is_comprehension(body: str) -> bool:
    return " for " in body and len(split_arguments(body)) == 1 and " for " in _shape_of(body)


def _split_comprehension(body: str) -> tuple[str, str]:
    at = body.rindex(" for ")
    return body[:at], body[at + 1 :]


def keywords(arguments: Mapping[str, str]) -> list[str]:
    """Arguments by name as they are written in a call."""
    return [f"{name}={value}" for name, value in arguments.items()]
