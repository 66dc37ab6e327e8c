"""Rows that a table repeats together: one count, `8×`, beside a `1×1`, a `3×3` and the `Residual` that adds them up.

In: the lines of a table. Out: the same lines, those of one count with their `Unit`. Which layers of a network they are
is left to `sheet.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archdsl.verify.table import Entry, Group, Line, Number, Said, Size, Unit

__all__ = ["repeated"]

_MOST = 12
"""Rows of one unit; NASNet's cells, the largest in use, have ten."""
_ADDS = frozenset({"residual block", "add"})
"""What the row that ends a residual unit is called: `Residual`, `Add`, `Shortcut`."""


def repeated(lines: Sequence[Line]) -> list[Line]:
    """The lines, those that one count is about as a unit.

    A merged cell covers the rows that it repeats. A count alone is beside one of the rows of a residual unit, which
    ends with its addition and begins behind the row before it that moves by more than one place or prints a size. A row
    with a count and no such neighbours is repeated by itself.

    Darknet-53's rows `1×1`, `8× 3×3`, `Residual` are one unit of 8.
    """
    made = list(lines)
    number, at = 0, 0
    while at < len(made):
        found = _merged(made, at) or _added(made, at)
        if found is None:
            at += 1
            continue
        start, stop, times = found
        number += 1
        for place in range(start, stop):
            made[place] = _one(made[place], Unit(number, times), first=place == start)
        at = stop
    return made


def _merged(lines: Sequence[Line], at: int) -> tuple[int, int, int] | None:
    """The rows that a merged count covers: the first, the one behind the last, and the count."""
    count = _count(lines[at])
    if count is None or count[0].cell.spread:
        return None
    stop = at + 1
    while stop < len(lines) and (more := _count(lines[stop])) is not None and more[0].cell.spread:
        stop += 1
    return (at, stop, count[1]) if stop > at + 1 else None


def _added(lines: Sequence[Line], at: int) -> tuple[int, int, int] | None:
    """The rows of the residual unit in which a count stands alone."""
    count = _count(lines[at])
    if count is None:
        return None
    stop = at
    while not _adds(lines[stop]):
        stop += 1
        if stop >= len(lines) or stop - at > _MOST or _count(lines[stop]) is not None:
            return None
    start = at
    inside = _prints_output(lines[at])
    while start and stop - start < _MOST and _may_begin(lines[start - 1], inside):
        start -= 1
    return start, stop + 1, count[1]


def _may_begin(line: Line, sized: bool) -> bool:
    """Whether the row above may be of the unit: one layer that keeps the size, with no count and no end of its own."""
    one = _only(line)
    if one is None or line.unit is not None or line.quantity or _count(line) is not None or _adds(line):
        return False
    return set(one.stride or (1,)) == {1} and (sized or not _prints_output(line))


def _adds(line: Line) -> bool:
    one = _only(line)
    return one is not None and one.kind in _ADDS and one.filters is None


def _only(line: Line) -> Said | None:
    """The layer of a line, repeats taken off, where it is one."""
    items = line.said
    while len(items) == 1 and isinstance(items[0], Group):
        items = items[0].items
    return items[0] if len(items) == 1 and isinstance(items[0], Said) else None


def _prints_output(line: Line) -> bool:
    return any(entry.column.role == "output" and isinstance(entry.value, Size) for entry in line.entries)


def _count(line: Line) -> tuple[Entry, int] | None:
    """The cell of a line that says how often it is applied, and how often."""
    for entry in line.entries:
        if entry.column.role == "repeat" and isinstance(entry.value, Number):
            return entry, int(entry.value.digits)
    return None


def _one(line: Line, unit: Unit, *, first: bool) -> Line:
    """A row of a unit: its layers so many times, an addition as such, and a merged count in its first row only."""
    count = _count(line)
    items = line.said
    if count is not None and count[1] > 1 and len(items) == 1 and isinstance(items[0], Group):
        items = items[0].items
    entries = tuple(entry for entry in line.entries if first or count is None or entry is not count[0])
    if count is not None and not count[0].cell.spread:
        entries = line.entries
    if _adds(line):
        added = tuple(replace(one, kind="add") if isinstance(one, Said) else one for one in items)
        entries = tuple(replace(entry, value=added) if entry.value == items else entry for entry in entries)
        items = added
    said = (Group(items, unit.times),) if unit.times > 1 and items else items
    return replace(line, entries=entries, said=said, unit=unit)
