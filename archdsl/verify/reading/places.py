"""Where in a document a cell stands, for messages.

In: a source, a line, a text. Out: spans.
"""

from __future__ import annotations

from archdsl.diagnostics import Source, Span

__all__ = ["cell_span", "line_span"]


def line_span(source: Source, line: int) -> Span:
    """A whole line of the document, without the blanks around it."""
    text = source.line(line)
    start = source.offset(line) + len(text) - len(text.lstrip())
    return Span(source, start, max(start, source.offset(line) + len(text.rstrip())))


def cell_span(source: Source | None, line: int, text: str) -> Span | None:
    """The first place where a line says the text, else the line; None where there is no document."""
    if source is None:
        return None
    at = source.line(line).find(text) if text else -1
    if at < 0:
        return line_span(source, line)
    start = source.offset(line) + at
    return Span(source, start, start + len(text))
