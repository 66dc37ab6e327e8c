"""Where a text came from, what is wrong with it, and how that is shown.

In: sources and mistakes found by any room. Out: located messages as text, JSON or GitHub annotations.
What each id means is documented in `archdsl.rules`; nothing here knows the language.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

__all__ = [
    "ArchError",
    "Collector",
    "Diagnostic",
    "HintedError",
    "Note",
    "Paint",
    "Severity",
    "Source",
    "Span",
    "counted",
    "nearest",
    "render_github",
    "render_json",
    "render_text",
]

Severity = Literal["error", "warning"]
_TAB = "    "
_MOST = 100
"""Diagnostics of one run that are kept."""


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name it is shown under.

    >>> Source("net.arch", "relu\\nconv 3 8\\n").position(5)
    (2, 1)
    """

    path: str
    text: str = field(repr=False)
    _starts: list[int] = field(default_factory=list, init=False, repr=False)

    def _line_starts(self) -> list[int]:
        if not self._starts:
            self._starts.append(0)
            self._starts.extend(i + 1 for i, char in enumerate(self.text) if char == "\n")
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of a character offset."""
        starts = self._line_starts()
        row = bisect_right(starts, offset) - 1
        return row + 1, offset - starts[row] + 1

    def offset(self, number: int) -> int:
        """Where a 1-based line begins; the end of the text for a line behind it."""
        starts = self._line_starts()
        return starts[number - 1] if 1 <= number <= len(starts) else len(self.text)

    def line(self, number: int) -> str:
        """The text of a 1-based line, without its newline."""
        starts = self._line_starts()
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source: offsets `start` (included) to `end` (excluded)."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.position(self.start)[1]

    def to(self, other: Span) -> Span:
        """The stretch from the start of this one to the end of another."""
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))


class Note(NamedTuple):
    """A second thing that matters: a sentence and, where there is one, its place."""

    message: str
    span: Span | None = None


class Diagnostic(NamedTuple):
    """One mistake: a stable id, one sentence, a place, what the caret says, more places, a fix."""

    id: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    hint: str = ""
    severity: Severity = "error"


class ArchError(Exception):
    """Raised by the Python interface when a text has errors; holds them and prints as the command line does."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(render_text(self.diagnostics))

    @classmethod
    def of(cls, id: str, message: str, span: Span | None = None, *, hint: str = "") -> ArchError:
        """That of a single mistake."""
        return cls([Diagnostic(id, message, span, hint=hint)])


class HintedError(Exception):
    """What is wrong where no text can be pointed at; `hint` is the fix, if one is known."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Collector:
    """Gathers diagnostics of one run; the same mistake at the same place is kept once.

    A block that is used forty times with the same mistake in it is one mistake: two diagnostics with one id and one
    place are the same, whatever the sizes in the message.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        span = diagnostic.span
        place = (id(span.source), span.start, span.end) if span else (diagnostic.message,)
        key = (diagnostic.id, *place)
        if key not in self._found and not self.full:
            self._found[key] = diagnostic

    def error(
        self,
        id: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: Iterable[Note] = (),
        hint: str = "",
    ) -> None:
        self.add(Diagnostic(id, message, span, label, tuple(notes), hint, "error"))

    def warning(
        self,
        id: str,
        message: str,
        span: Span | None = None,
        *,
        label: str = "",
        notes: Iterable[Note] = (),
        hint: str = "",
    ) -> None:
        self.add(Diagnostic(id, message, span, label, tuple(notes), hint, "warning"))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    @property
    def full(self) -> bool:
        """Whether further ones are dropped, so that there is no use in finding a hint."""
        return len(self._found) >= _MOST

    @property
    def failed(self) -> bool:
        """Whether any of them is an error."""
        return any(d.severity == "error" for d in self._found.values())

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Errors before warnings, each in the order of the text."""

        def key(entry: Diagnostic) -> tuple[object, ...]:
            span = entry.span
            place = (span.source.path, span.start) if span else ("", 0)
            return (entry.severity != "error", *place)

        return tuple(sorted(self._found.values(), key=key))


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(2, "tensor")
    '2 tensors'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


_MOST_NAMES = 2000
"""Names that are compared with a mistyped one; a file that has more is none that a person wrote."""


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The known name most like a mistyped one, or None; at least `alike`, of 1, which is less among a few names.

    >>> nearest("reul", ["relu", "conv"])
    'relu'
    """
    import difflib

    found = difflib.get_close_matches(name[:64], list(islice(known, _MOST_NAMES)), n=1, cutoff=alike)
    return found[0] if found else None


def _moves(char: str) -> bool:
    """Whether a character moves a cursor, turns a direction or ends a line."""
    return unicodedata.category(char) in ("Zl", "Zp") or unicodedata.category(char)[0] == "C"


def _printable(text: str) -> str:
    """Text that moves no cursor: tabs widened, control and bidirectional characters as escapes."""
    return "".join(_TAB if char == "\t" else char if not _moves(char) else f"\\u{ord(char):04x}" for char in text)


_WIDEST = 120


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a very long line around a 0-based column, and how many characters were cut before it."""
    if len(line) <= _WIDEST:
        return line, 0
    start = max(0, min(column - _WIDEST // 3, len(line) - _WIDEST))
    return line[start : start + _WIDEST], start


class Paint:
    """ANSI colours, or nothing at all.

    >>> Paint(True)("1;31", "error"), Paint(False)("1;31", "error")
    ('\x1b[1;31merror\x1b[0m', 'error')
    """

    def __init__(self, on: bool) -> None:
        self._on = on

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._on and text else text


def _snippet(span: Span, label: str, mark: str, gutter: int, paint: Paint, code: str) -> list[str]:
    row, column = span.source.position(span.start)
    line = span.source.line(row)
    shown, cut = _window(line, column - 1)
    begin = min(column - 1 - cut, len(shown))
    length = max(1, min(span.end - span.start, len(shown) - begin))
    lead = sum(max(1, _width(char)) for char in _printable(shown[:begin]))
    width = max(1, sum(max(1, _width(char)) for char in _printable(shown[begin : begin + length])))
    bar = paint("34", "|")
    number = paint("34", f"{row:>{gutter}}")
    caret = paint(code, mark * width + (f" {_printable(label)}" if label else ""))
    return [f"{number} {bar} {_printable(shown)}", f"{'':>{gutter}} {bar} {' ' * lead}{caret}"]


def _width(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _one(found: Diagnostic, paint: Paint) -> str:
    colour = "1;31" if found.severity == "error" else "1;33"
    head = paint(colour, f"{found.severity}[{found.id}]") + paint("1", f": {_printable(found.message)}")
    rows = [found.span.line] if found.span else []
    rows += [note.span.line for note in found.notes if note.span]
    gutter = len(str(max(rows, default=1)))
    pad = " " * gutter
    bar = paint("34", "|")
    lines = [head]
    if found.span:
        lines.append(f"{pad}{paint('34', '-->')} {_place(found.span)}")
        lines.append(f"{pad} {bar}")
        lines += _snippet(found.span, found.label, "^", gutter, paint, colour)
        lines.append(f"{pad} {bar}")
    for note in found.notes:
        lines.append(f"{pad} {paint('34', '=')} {_printable(note.message)}")
        if note.span:
            lines.append(f"{pad}{paint('34', '-->')} {_place(note.span)}")
            lines += _snippet(note.span, "", "-", gutter, paint, "34")
    if found.hint:
        lines.append(f"{pad} {paint('34', '=')} {paint('1;36', 'hint')}: {_printable(found.hint)}")
    return "\n".join(lines)


def _place(span: Span) -> str:
    row, column = span.source.position(span.start)
    return f"{_printable(span.source.path)}:{row}:{column}"


def render_text(found: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """Every diagnostic as a paragraph with its source line and a caret."""
    paint = Paint(colour)
    return "\n\n".join(_one(entry, paint) for entry in found)


def _span_record(span: Span | None) -> dict[str, object] | None:
    if span is None:
        return None
    row, column = span.source.position(span.start)
    end_row, end_column = span.source.position(span.end)
    return {"path": span.source.path, "line": row, "column": column, "end_line": end_row, "end_column": end_column}


def _record(found: Diagnostic) -> dict[str, object]:
    """One diagnostic as plain data: the element of `render_json`."""
    return {
        "id": found.id,
        "severity": found.severity,
        "message": found.message,
        "span": _span_record(found.span),
        "label": found.label,
        "notes": [{"message": note.message, "span": _span_record(note.span)} for note in found.notes],
        "hint": found.hint,
    }


def render_json(found: Iterable[Diagnostic]) -> str:
    """`{"diagnostics": [{"id", "severity", "message", "span", "label", "notes", "hint"}]}`."""
    import json

    return json.dumps({"diagnostics": [_record(entry) for entry in found]}, indent=2)


def _escape_github(text: str, *, value: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if value else text


def render_github(found: Iterable[Diagnostic]) -> str:
    """GitHub workflow commands, one a line, so that mistakes show in the pull request."""
    lines = []
    for entry in found:
        where = ""
        if entry.span:
            row, column = entry.span.source.position(entry.span.start)
            where = f"file={_escape_github(entry.span.source.path, value=True)},line={row},col={column},"
        text = entry.message + "".join(f"\n{note.message}" for note in entry.notes)
        text += f"\nhint: {entry.hint}" if entry.hint else ""
        title = _escape_github(entry.id, value=True)
        lines.append(f"::{entry.severity} {where}title={title}::{_escape_github(text)}")
    return "\n".join(lines)
