"""A summary for people: an aligned table, blocks with their layers under them, and the totals in words.

In: a `Summary` and columns. Out: text that is at most so many columns wide. Whether the reader has a terminal, and
how wide it is, is left to `archdsl.cli`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from archdsl.analysis.rows import Row
from archdsl.diagnostics import Paint
from archdsl.report.columns import COLUMNS, DEFAULT, Column
from archdsl.report.numbers import clean, grouped, short, width
from archdsl.report.summary import Summary
from archdsl.report.totals import heading, totals

__all__ = ["WIDTH", "to_text"]

WIDTH = 80
_KIB, _MIB = 1024, 1024 * 1024
_NONE = "-"
_TRAINING = "†"
_SHRINK = {"op": (28, 17, 12), "name": (22, 13, 10)}
"""How far the two long columns may be shortened, first gladly, then where nothing else helps."""


def to_text(
    found: Summary, *, columns: Sequence[Column] | None = None, width: int = WIDTH, colour: bool = False
) -> str:
    """The table, what its columns count, and the totals.

    ```
    lenet5, 32x32x1 -> 10

    name   op               output   params     MACs    KiB  RF  stride
    -------------------------------------------------------------------
    input  input 32x32x1    32x32x1       -        -      -   1       1
    conv1  conv 5x5 6       28x28x6     156  117,600   18.4   5       1
    ```

    - `columns`: which, in their order; these are all shown, even where they are wider than `width`. None shows as
      many of the usual ones as fit.
    - `width`: columns of the terminal.
    - `colour`: whether to emphasise by ANSI sequences.
    """
    paint = Paint(colour)
    chosen = tuple(COLUMNS[key] for key in DEFAULT) if columns is None else tuple(columns)
    table = _fit(found.rows, chosen, width, droppable=columns is None)
    lines = [paint("1", clean(part)) for part in textwrap.wrap(heading(found), max(width, 20))]
    if found.graph.title:
        lines += [clean(part) for part in textwrap.wrap(found.graph.title, max(width, 20))]
    lines += ["", paint("1", table.line([column.heading for column in table.columns]).rstrip())]
    lines.append("-" * table.width)
    for row, cells in zip(found.rows, table.cells, strict=True):
        line = table.line(cells).rstrip()
        lines.append(paint("1", line) if row.opened else line)
    lines.append("-" * table.width)
    lines += _notes(found, table, max(width, 40), paint)
    lines.append("")
    lines += _totals(found, max(width, 60), paint)
    return "\n".join(lines) + "\n"


class _Table(NamedTuple):
    """Cells as drawn, their widths, and the blanks between columns."""

    columns: tuple[Column, ...]
    cells: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    gap: int = 2

    @property
    def width(self) -> int:
        return sum(self.widths) + self.gap * (len(self.widths) - 1)

    def line(self, cells: Sequence[str]) -> str:
        parts = []
        for column, cell, wide in zip(self.columns, cells, self.widths, strict=True):
            text = cell if len(cell) <= wide and cell.isascii() else _cut(cell, wide)
            blank = " " * (wide - width(text))
            parts.append(text + blank if column.kind == "text" else blank + text)
        return (" " * self.gap).join(parts)

    def column(self, key: str) -> int | None:
        return next((place for place, column in enumerate(self.columns) if column.key == key), None)

    def shrunk(self, limit: int, step: int) -> _Table:
        """The long columns shortened as far as is needed and allowed, the widest first."""
        widths = list(self.widths)
        least = {
            place: min(_SHRINK[c.key][step], widths[place]) for place, c in enumerate(self.columns) if c.key in _SHRINK
        }
        excess = self.width - limit
        while excess > 0:
            able = [place for place in least if widths[place] > least[place]]
            if not able:
                break
            widths[max(able, key=lambda place: widths[place] - least[place])] -= 1
            excess -= 1
        return self._replace(widths=tuple(widths))

    def redrawn(self, place: int, cells: Sequence[str]) -> _Table:
        """With other cells in one column."""
        drawn = tuple((*row[:place], cell, *row[place + 1 :]) for row, cell in zip(self.cells, cells, strict=True))
        return _measured(self.columns, drawn, self.gap)

    def without(self, place: int) -> _Table:
        def drop(parts: tuple[str, ...]) -> tuple[str, ...]:
            return parts[:place] + parts[place + 1 :]

        columns = self.columns[:place] + self.columns[place + 1 :]
        return _measured(columns, tuple(drop(row) for row in self.cells), self.gap)


def _measured(columns: tuple[Column, ...], cells: tuple[tuple[str, ...], ...], gap: int) -> _Table:
    widths = [width(column.heading) for column in columns]
    for row in cells:
        for place, cell in enumerate(row):
            # Cells are ASCII nearly always, and `width` is then their length.
            widths[place] = max(widths[place], width(cell))
    return _Table(columns, cells, tuple(widths), gap)


def _fit(rows: Sequence[Row], columns: tuple[Column, ...], limit: int, *, droppable: bool) -> _Table:
    """Draw the cells, then give up what matters least until the table fits.

    In this order: blanks in the longest names, the last digits of the MACs, more of the names, one of the two
    blanks between columns, the columns from stride to memory, and at last whatever the names have left.
    """
    columns = tuple(_with_unit(column, rows) for column in columns)
    drawn = [[_cell(row, column) for row in rows] for column in columns]
    table = _measured(columns, tuple(zip(*drawn, strict=True)), 2)
    table = table.shrunk(limit, 0)
    place = table.column("macs")
    if table.width > limit and place is not None:
        cells = [short(row.macs) if row.macs else _NONE for row in rows]
        table = table.redrawn(place, cells).shrunk(limit, 0)
    if table.width > limit:
        table = table.shrunk(limit, 1)
    if table.width > limit:
        table = table._replace(widths=_measured(table.columns, table.cells, 1).widths, gap=1).shrunk(limit, 1)
    for key in ("stride", "rf", "memory"):
        place = table.column(key)
        if droppable and table.width > limit and place is not None:
            table = table.without(place).shrunk(limit, 1)
    return table.shrunk(limit, 2) if table.width > limit else table


def _with_unit(column: Column, rows: Sequence[Row]) -> Column:
    """A column of bytes says its unit in its heading, the same for all rows."""
    if column.kind != "bytes":
        return column
    largest = max((row.activation_bytes for row in rows), default=0)
    return column._replace(heading="MiB" if largest >= _MIB else "KiB")


def _cell(row: Row, column: Column) -> str:
    if column.key == "name":
        name = _name(row)
        return "  " * row.level + clean(name) + (f" {_TRAINING}" if row.training else "")
    if column.kind == "axes":
        return _axes(row, column)
    if column.key == "params" and row.shared is not None:
        return "shared"
    value = column.cell(row)
    if value is None or value == 0:
        return _NONE
    if isinstance(value, str):
        return clean(value)
    if column.kind == "bytes":
        scaled = value / (_MIB if column.heading == "MiB" else _KIB)
        if scaled < 0.005:
            return "<0.01"
        return f"{scaled:,.2f}" if scaled < 99.995 else f"{scaled:,.1f}"
    return grouped(value)


def _name(row: Row) -> str:
    """Iterations by their numbers, `unit.1-7`; all of them by the name alone, as `x7` stands beside it."""
    if row.iteration is None:
        return row.name
    base = row.name.removesuffix(f".{row.iteration}")
    if row.times == row.iterations:
        return base
    if row.times == 1:
        return row.name
    return f"{base}.{row.iteration}-{row.iteration + row.times - 1}"


def _axes(row: Row, column: Column) -> str:
    text = column.cell(row)
    if text is None:
        return _NONE
    parts = str(text).split("x")
    return parts[0] if all(part == parts[0] for part in parts) else str(text)


def _cut(text: str, wide: int) -> str:
    """A text too long loses what says least: the end of a block's name before its arguments, else its own end, by whole
    words where that costs little, and never the `x7` behind it.

    >>> _cut("bottleneck<128, s=2> x7", 20)
    'bottle…<128, s=2> x7'
    """
    if width(text) <= wide:
        return text
    head, _, tail = text.rpartition(" ")
    if tail[:1] == "x" and tail[1:].isdigit() and len(tail) + 6 < wide:
        return f"{_cut(head, wide - len(tail) - 1)} {tail}"
    word, bracket, arguments = text.partition("<")
    room = wide - 1 - width(bracket + arguments)
    if bracket and word.isidentifier() and room >= 3 and width(word) == len(word):
        return f"{word[:room]}…{bracket}{arguments}"
    kept = text[: max(0, wide - 1)]
    while width(kept) > wide - 1:
        kept = kept[:-1]
    at = kept.rfind(" ")
    if 0 < wide - at <= 8 and kept[:at].strip():
        kept = kept[: at + 1]
    return kept + "…"


def _notes(found: Summary, table: _Table, limit: int, paint: Paint) -> list[str]:
    """What each column counts."""
    plain = ("name", "op", "path", "block")
    notes = [(column.heading, column.legend) for column in table.columns if column.key not in plain]
    if any(row.times > 1 for row in found.rows):
        notes.append(("x3", "three that are alike: the row counts all three, the rows under it one"))
    if any(row.training for row in found.rows):
        notes.append((_TRAINING, "exists in training only"))
    wide = max((width(name) for name, _ in notes), default=0)
    return [paint("2", line) for name, text in notes for line in _hung(f"{name:<{wide}}  ", text, limit)]


def _totals(found: Summary, limit: int, paint: Paint) -> list[str]:
    entries = totals(found)
    label = max(width(entry.label) for entry in entries)
    amount = max(width(entry.amount) for entry in entries)
    lines = []
    for entry in entries:
        lead = f"{entry.label:<{label}}  {entry.amount:>{amount}}  "
        first, *rest = _hung(lead, clean(entry.meaning), limit)
        lines.append(paint("1", first[: len(lead)]) + first[len(lead) :])
        lines += rest
    return lines


def _hung(lead: str, text: str, limit: int) -> list[str]:
    """A text beside its lead, wrapped under itself."""
    return textwrap.wrap(
        lead + text, limit, subsequent_indent=" " * len(lead), break_on_hyphens=False, drop_whitespace=True
    )
