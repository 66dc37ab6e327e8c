"""The blocks that are being unrolled, and mistakes told with the call that led to them.

In: diagnostics found inside a block. Out: the same, with a note where the block was called.
"""

from __future__ import annotations

from archdsl.diagnostics import Collector, Diagnostic, Note, Span

__all__ = ["Calls", "Located"]

Calls = list[tuple[str, Span]]
"""The calls around what is being unrolled, outermost first: as text with values, and where they stand."""


class Located(Collector):
    """Adds to every diagnostic the call in which it was found."""

    def __init__(self, found: Collector, calls: Calls) -> None:
        super().__init__()
        self._inner = found
        self._calls = calls

    @property
    def full(self) -> bool:
        return self._inner.full

    def add(self, diagnostic: Diagnostic) -> None:
        notes = diagnostic.notes
        if self._calls and len(notes) < 3:
            own = diagnostic.span.source if diagnostic.span else None
            told = {id(note.span) for note in notes if note.span}
            open_calls = [call for call in self._calls if id(call[1]) not in told] or self._calls
            text, span = open_calls[-1]
            # A mistake inside a standard block is of no use without the place in the user's own file that led there.
            outside = next((call for call in reversed(open_calls) if call[1].source is not own), None)
            if own is not None and own.path.startswith("<standard>") and outside is not None:
                text, span = outside
            if span != diagnostic.span and all(span != note.span for note in notes):
                notes = (*notes, Note(f"in `{text}`, called here", span))
        self._inner.add(diagnostic._replace(notes=notes))
