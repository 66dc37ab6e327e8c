"""Flags as they are written: `ceil` for `ceil=true`.

In: a text. Out: the text, where a flag of an op that is set by a value has none; `=false` and what is computed stay.
Layout is left to `archdsl.syntax.formatter`, mistakes to elaboration.
"""

from __future__ import annotations

from archdsl.diagnostics import Collector, Source, Span
from archdsl.ops import registry
from archdsl.syntax import tree
from archdsl.syntax.parser import parse

__all__ = ["with_bare_flags"]


def with_bare_flags(source: Source) -> Source:
    """The same program, each flag written as its bare word.

    >>> with_bare_flags(Source("net.arch", "input 8x8x1\\nmaxpool 3/2 ceil=true")).text
    'input 8x8x1\\nmaxpool 3/2 ceil'
    """
    if "=" not in source.text or "true" not in source.text:
        return source
    found = Collector()
    statements = parse(source, found).statements
    if found.failed:
        return source
    cuts: list[Span] = []
    for node in tree.walk(statements):
        kind = registry.lookup(node.name.name) if isinstance(node, tree.Call | tree.Default) else None
        if kind is None or not isinstance(node, tree.Call | tree.Default):
            continue
        for operand in node.operands:
            arg = kind.arguments.get(operand.key.name) if operand.key is not None else None
            if arg is None or operand.key is None or arg.kind != "flag":
                continue
            if isinstance(operand.value, tree.Truth) and operand.value.value:
                cuts.append(Span(source, operand.key.span.end, operand.value.span.end))
    text, end = "", 0
    for cut in sorted(cuts, key=lambda span: span.start):
        text, end = text + source.text[end : cut.start], cut.end
    return Source(source.path, text + source.text[end:])
