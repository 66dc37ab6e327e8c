"""A printed table, understood: what its columns are about, what its cells say, which layers its rows name.

In: a `Table`. Out: a `Reading`. Whether anything of it is true is left to the judging.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from archdsl import limits
from archdsl.diagnostics import Collector
from archdsl.verify.reading.cells import NotUnderstood, counted, is_nothing, printed
from archdsl.verify.reading.columns import columns_of
from archdsl.verify.reading.groups import written_out
from archdsl.verify.reading.merging import merged
from archdsl.verify.reading.numbers import COUNTED, Counted, NotANumber
from archdsl.verify.reading.places import cell_span
from archdsl.verify.reading.quantities import Quantity, is_total, quantity
from archdsl.verify.reading.repeated import repeated
from archdsl.verify.reading.sizes import without_batch
from archdsl.verify.table import Cell, Column, Entry, Line, Number, Printed, Reading, Row, Said, Size, Table

__all__ = ["understand"]

_LONGEST = 1000
"""Characters of a cell that is read; a stage of ResNet-152 has 40."""
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})*")
_DECIMALS = re.compile(r"\d+,(?:\d{1,2}|\d{4,}) ?[KMGB]?", re.IGNORECASE)
_SIZED = re.compile(r"(.{1,100}?) ?: ?\[(\d+ ?[xX×*] ?\d+(?: ?[xX×*] ?\d+)?)\]")
_BARE = re.compile(r"[^\W\d_]{2,20}(?: [^\W\d_]{2,20})* ?\d{1,2}")
_SMALL = 64
"""No table numbers its layers of one kind so far."""
_TREE = re.compile(r": (\d{1,3})-\d{1,6}$")
"""torchinfo's number of a line: how deep it is, and how many are above it there."""
_HOLDS = "it holds the layers of the rows below it"
_ORDER = {"layer": 0, "repeat": 2}
"""The layer is read before its arguments, which mean different things for different kinds."""


def understand(table: Table, columns: Mapping[str, str], symbols: Mapping[str, int], found: Collector) -> Reading:
    """A table as it is meant.

    AlexNet's row `1,conv,f=11; s=4; d=96,227x227x3,55x55x96` is the line `1` with
    `Said("conv", kernel=(11,), stride=(4,), filters=96)` and four entries.

    `columns` gives roles by header (or by the column's number from 1), over the document's own directives; a role or a
    header that does not exist is a mistake in `found`. `symbols` are values of letters, over those of the document. A
    cell that does not say what its column is about is a warning there, and an `Entry` with its problem.
    """
    table, sized = _parted(table)
    understood = columns_of(table, columns, found)
    if sized and understood[-1].why != "said":
        understood = (*understood[:-1], replace(understood[-1], role="output", why="values"))
    letters = {**table.directives.symbols, **symbols}
    habits = _habits(table, understood)
    lines = [_line(row, number, understood, letters, table, found, habits) for number, row in enumerate(table.rows, 1)]
    lines = repeated(_numbered(lines))
    return Reading(table, understood, tuple(_contained(_unbatched(lines, understood))), letters)


def _line(
    row: Row,
    number: int,
    columns: Sequence[Column],
    symbols: Mapping[str, int],
    table: Table,
    found: Collector,
    habits: Mapping[int, tuple[str, str]],
) -> Line:
    whole = _whole_network(row, columns)
    name = next(
        (cell.text for cell, column in zip(row.cells, columns, strict=True) if column.role == "index" and cell.text),
        str(number),
    )
    order = sorted(range(len(columns)), key=lambda at: _ORDER.get(columns[at].role, 1))
    entries: dict[int, Entry] = {}
    kind: str | None = None
    for at in order:
        cell, column = row.cells[at], columns[at]
        if is_nothing(cell.text) or _reached_over(row, columns, at):
            continue
        entry = _entry(cell, column, symbols, kind, whole)
        if at in habits:
            entry = _respelt(entry, habits[at], symbols, kind, whole)
        if entry.problem:
            found.warning(
                "table-cell",
                f"row {name}, column {at + 1} (`{column.header}`): `{cell.text[:60]}` is not understood: "
                f"{entry.problem}",
                cell_span(table.source, cell.line, cell.text),
                hint=f"it is read as {column.role}; --columns '{column.role}=…' names another column, note=… none",
            )
        entries[at] = entry
        if column.role == "layer" and isinstance(entry.value, tuple) and len(entry.value) == 1:
            only = entry.value[0]
            kind = kind or (only.kind if isinstance(only, Said) else None)
    ordered = tuple(entries[at] for at in sorted(entries))
    layers = () if whole else merged(ordered)
    if written_out(layers) > limits.ROW_LAYERS:
        found.warning(
            "table-cell",
            f"row {name} repeats its layers more often than {limits.ROW_LAYERS:,} times",
            cell_span(table.source, row.line, ""),
            hint="give the number of repeats once",
        )
        layers = ()
    return Line(name, row, ordered, layers, whole.counted if whole else "")


def _reached_over(row: Row, columns: Sequence[Column], at: int) -> bool:
    """Whether the cell is the rest of a merged one that began in a column about something else."""
    if not row.cells[at].spread or at == 0 or row.cells[at - 1].text != row.cells[at].text:
        return False
    return columns[at - 1].role != columns[at].role


def _whole_network(row: Row, columns: Sequence[Column]) -> Quantity | None:
    """What the row counts, where it is about a whole network."""
    for cell, column in zip(row.cells, columns, strict=True):
        if is_nothing(cell.text):
            continue
        if column.role == "layer":
            found = quantity(cell.text)
            if found:
                return found
            if is_total(cell.text):
                return Quantity(_summed(row, columns))
        if column.role == "index" and is_total(cell.text):
            return Quantity(_summed(row, columns))
    in_networks = [
        quantity(cell.text)
        for cell, column in zip(row.cells, columns, strict=True)
        if column.role == "network" and not is_nothing(cell.text)
    ]
    if in_networks and all(in_networks) and len({one.counted for one in in_networks if one}) == 1:
        return in_networks[0]
    return None


def _summed(row: Row, columns: Sequence[Column]) -> Counted:
    """What the first of the row's figures counts; parameters, where it has none."""
    for cell, column in zip(row.cells, columns, strict=True):
        if column.role in COUNTED and not is_nothing(cell.text):
            return cast(Counted, column.role)
    return "params"


def _entry(cell: Cell, column: Column, symbols: Mapping[str, int], kind: str | None, whole: Quantity | None) -> Entry:
    try:
        value: Printed
        if len(cell.text) > _LONGEST and column.role not in ("index", "note", "model", "measured", "unknown"):
            raise NotUnderstood(f"it has {len(cell.text):,} characters, more than {_LONGEST:,}")
        if whole and column.role == "network":
            value = counted(cell.text, whole.power, whole.counted)
        elif whole and column.role in ("layer", "arguments"):
            value = cell.text
        else:
            value = printed(cell.text, column, symbols, kind)
    except (NotUnderstood, NotANumber) as reason:
        return Entry(cell, column, cell.text, str(reason))
    return Entry(cell, column, value)


def _parted(table: Table) -> tuple[Table, bool]:
    """The table with a last column of sizes, where its first one names each layer and its output in one cell,
    `POOL2: [112x112x64]`; and whether it does.
    """
    found = [_SIZED.fullmatch(row.cells[0].text) if len(row.cells[0].text) <= _LONGEST else None for row in table.rows]
    if 2 * sum(match is not None for match in found) <= len(found):
        return table, False
    rows = []
    for row, match in zip(table.rows, found, strict=True):
        name, size = (match[1], match[2]) if match else (row.cells[0].text, "")
        cells = (replace(row.cells[0], text=name), *row.cells[1:], Cell(size, row.cells[0].line))
        rows.append(replace(row, cells=cells))
    first = table.headers[0]
    headers = (*table.headers, Cell(f"{first.text} [size]" if first.text else "", first.line))
    return replace(table, headers=headers, rows=tuple(rows)), True


def _habits(table: Table, columns: Sequence[Column]) -> dict[int, tuple[str, str]]:
    """Columns of counts with points and commas as half of Europe has them, and what to read for them.

    `18.496` and nothing else parts thousands with points: there is no half parameter, so that none of them is a decimal
    point where no unit is said. `34,9` has a decimal comma, and then so have all of its column.
    """
    found: dict[int, tuple[str, str]] = {}
    for at, column in enumerate(columns):
        if column.role not in ("params", "ops", "connections", "memory"):
            continue
        texts = [row.cells[at].text.strip() for row in table.rows if not is_nothing(row.cells[at].text)]
        pointed = sum("." in text for text in texts)
        if pointed > 1 and not column.power and column.role != "memory" and all(map(_THOUSANDS.fullmatch, texts)):
            found[at] = (".", ",")
        elif not pointed and any(map(_DECIMALS.fullmatch, texts)):
            found[at] = (",", ".")
    return found


def _respelt(
    entry: Entry, signs: tuple[str, str], symbols: Mapping[str, int], kind: str | None, whole: Quantity | None
) -> Entry:
    """A count with its points or commas read as the others; what is printed stays."""
    read = _entry(replace(entry.cell, text=entry.cell.text.replace(*signs)), entry.column, symbols, kind, whole)
    value = replace(read.value, text=entry.cell.text) if isinstance(read.value, Number) else read.value
    return replace(read, cell=entry.cell, value=value)


def _numbered(lines: Sequence[Line]) -> list[Line]:
    """The lines with the numbers of `Conv 1`, `Conv 2` as names, which would else be filters: they count on, or the
    row has a column of filters.
    """
    counted_on: dict[str, list[int]] = {}
    for line in lines:
        for one in _bare(line):
            counted_on.setdefault(one.kind or "", []).append(cast(int, one.filters))
    made = []
    for line in lines:
        bare = _bare(line)
        for one in bare:
            numbers = counted_on[one.kind or ""]
            on = len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            if on or any(entry.column.role == "filters" for entry in line.entries):
                named = replace(one, label=str(one.filters), filters=None)
                entries = tuple(replace(e, value=(named,)) if e.value == (one,) else e for e in line.entries)
                line = replace(line, entries=entries, said=merged(entries))
        made.append(line)
    return made


def _bare(line: Line) -> list[Said]:
    """The layer of a line whose name is its kind and a small number, and nothing else."""
    values = [entry.value for entry in line.entries if entry.column.role == "layer" and not line.quantity]
    only = values[0][0] if len(values) == 1 and isinstance(values[0], tuple) and len(values[0]) == 1 else None
    small = isinstance(only, Said) and isinstance(only.filters, int) and only.filters < _SMALL
    return [only] if isinstance(only, Said) and small and _BARE.fullmatch(only.text) else []


def _contained(lines: Sequence[Line]) -> list[Line]:
    """The lines of a tool's tree, `├─Sequential: 1-1` above `└─Conv2d: 2-1`, where what holds others is no layer: its
    layers are the lines below it. The root, which alone has no number, is the network.
    """
    depths = [_tree_depth(line) for line in lines]
    if sum(depth is not None for depth in depths) < 2:
        return list(lines)
    made = []
    for at, (line, depth) in enumerate(zip(lines, depths, strict=True)):
        below = depths[at + 1] if at + 1 < len(lines) else None
        if depth is None and at == 0 and below is not None and not line.quantity:
            entries = [replace(e, value=e.cell.text) if e.column.role == "layer" else e for e in line.entries]
            line = replace(line, entries=tuple(entries), said=(), quantity="params")
        elif depth is not None and below is not None and below > depth:
            entries = [replace(entry, value=entry.cell.text, problem=_HOLDS) for entry in line.entries]
            line = replace(line, entries=tuple(entries), said=())
        made.append(line)
    return made


def _tree_depth(line: Line) -> int | None:
    texts = [entry.cell.text for entry in line.entries if entry.column.role == "layer"]
    match = _TREE.search(texts[0]) if texts and len(texts[0]) <= _LONGEST else None
    return int(match[1]) if match else None


def _unbatched(lines: Sequence[Line], columns: Sequence[Column]) -> list[Line]:
    """The lines with a batch that a tool prints as a number taken off the sizes of a column."""
    changed: dict[int, Size] = {}
    for column in columns:
        if column.role in ("input", "output"):
            entries = [entry for line in lines for entry in line.entries if entry.column is column]
            sized = [(id(entry), entry.value) for entry in entries if isinstance(entry.value, Size)]
            for (place, before), after in zip(sized, without_batch([one for _, one in sized]), strict=True):
                if after is not before:
                    changed[place] = after
    if not changed:
        return list(lines)
    return [
        replace(
            line,
            entries=tuple(
                replace(entry, value=changed[id(entry)]) if id(entry) in changed else entry for entry in line.entries
            ),
        )
        for line in lines
    ]
