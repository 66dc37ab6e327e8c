"""Where in a document a cell stands, for messages.

In: a source, a line, a text. Out: spans.
"""

from __future__ import annotations

from archdsl.diagnostics import Source, Span

__all__ = ["cell_span", "line_span"]

_LONGEST = 20_000
"""Characters of a line that are looked at for a place."""


def line_span(source: Source, line: int) -> Span:
    """A whole line of the document, without the blanks around it; the beginning of a very long one."""
    start, end = source.offset(line), source.offset(line + 1)
    text = source.text[start : min(end, start + _LONGEST)].rstrip("\n")
    begin = start + len(text) - len(text.lstrip())
    return Span(source, begin, max(begin, start + len(text.rstrip())))


def cell_span(source: Source | None, line: int, text: str) -> Span | None:
    """The first place where a line says the text, else the line; None where there is no document."""
    if source is None:
        return None
    start = source.offset(line)
    at = source.text.find(text, start, min(source.offset(line + 1), start + _LONGEST)) if text else -1
    return line_span(source, line) if at < 0 else Span(source, at, at + len(text))
