"""The rows of a table laid against one network: which row is which stretch, and what its figures may count.

In: a `Reading` and a `Subject`. Out: a `Sheet` for each network, the values of letters, and the conventions chosen
for all of them together. Verdicts are left to `judge.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.ops.base import Shape
from archdsl.verify.align import Wanted, align, wanted
from archdsl.verify.called import called
from archdsl.verify.conventions import Choice, Figure, Quantity, choose, second
from archdsl.verify.finding import Match
from archdsl.verify.kinds import answers, closeness, flatten, is_block_row, meant, pair, spine
from archdsl.verify.reading.kinds import labelled, longest_kind
from archdsl.verify.subject import Layer, Parts, Stretch, Subject
from archdsl.verify.table import Column, Entry, Group, Line, Number, Reading, Said, Size

__all__ = [
    "SILENT",
    "Case",
    "Choices",
    "Row",
    "Sheet",
    "lay",
    "letters",
    "matches",
    "table_choice",
    "told",
    "unnamed",
]

SILENT = frozenset({"index", "note"})
"""Roles of columns that say nothing to compare."""


@dataclass(frozen=True, slots=True)
class Case:
    """One network that the table is about: its own column, or its own row of a table of results, or neither where the
    whole table is about one network.
    """

    subject: Subject
    column: Column | None = None
    line: Line | None = None


@dataclass(slots=True)
class Row:
    """A line as one network sees it."""

    line: Line
    entries: Sequence[Entry]
    said: Sequence[Said]
    stretch: Stretch | None = None
    after: Shape | None = None
    """What leaves the row before, for a softmax that only the table has."""
    own: Sequence[Layer] | None = None
    """Of a row that is repeated together with others, `5x conv dw` and `5x conv` in turn, the layers that are its."""

    foreign: bool = False
    """Whether the row is of a table of results, and about another network."""

    @property
    def total(self) -> bool:
        return bool(self.line.quantity)


@dataclass(slots=True)
class Sheet:
    """One network with the rows of the table laid against it."""

    case: Case
    rows: list[Row]
    figures: dict[int, tuple[Quantity, Figure]] = field(default_factory=dict)
    """By the `id` of an entry."""


def lay(reading: Reading, case: Case, symbols: Mapping[str, int]) -> Sheet:
    """Every row with the layers that it is about and the figures of its cells; `symbols` are values of letters."""
    first = next((column for column in reading.columns if column.role == "network"), None)
    rows = [_row(line, case.column, first) for line in reading.lines]
    if any(column.role == "model" for column in reading.columns):
        for row in rows:
            row.foreign = row.line is not case.line
            row.line, row.said = replace(row.line, quantity="params", said=()), []
    elif case.column is None:
        _by_name(rows, case.subject)
    listed = [row for row in rows if not row.total and not row.foreign and (row.said or _says(row))]
    together = _together(listed) if case.column is None else [[row] for row in listed]
    found = align([_wanted(rows) for rows in together], case.subject, symbols)
    before: Shape | None = None
    for rows_of, stretch in zip(together, found, strict=True):
        for row in rows_of:
            row.stretch = stretch
            row.after = before
        if stretch is not None and len(rows_of) > 1:
            _share(rows_of, stretch, case.subject)
        if stretch is not None:
            before = case.subject.output(stretch)
    sheet = Sheet(case, rows)
    for row in rows:
        for entry in () if row.foreign else row.entries:
            figure = _figure(row, entry, case.subject)
            if figure is not None:
                sheet.figures[id(entry)] = figure
    return sheet


def _by_name(rows: Sequence[Row], subject: Subject) -> None:
    """A row that bears the network's own name is about all of it."""
    for row in rows:
        if not row.total and _is_called(row, subject.name):
            row.line, row.said = replace(row.line, quantity="params", said=()), []


def _is_called(row: Row, name: str) -> bool:
    texts = [e.cell.text for e in row.entries if e.column.role == "layer"]
    layer = longest_kind([name])[0] is not None or labelled(name) is not None
    return len(texts) == 1 and not layer and called(texts[0], [name], exactly=True) == [name]


def _together(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of a unit; and rows one below the other that say layers of different kinds the same number of times are
    repeated in turn.
    """
    made: list[list[Row]] = []
    last, before = 1, ""
    for row in rows:
        if row.line.unit is not None:
            if made and made[-1][-1].line.unit == row.line.unit:
                made[-1].append(row)
            else:
                made.append([row])
            last, before = 1, ""
            continue
        said = row.line.said
        group = said[0] if len(said) == 1 and isinstance(said[0], Group) and len(said[0].items) == 1 else None
        times = group.times if group is not None else 1
        kind = (row.said[0].kind or "") if row.said else ""
        if times > 1 and times == last and kind != before and not is_block_row(row.said):
            made[-1].append(row)
        else:
            made.append([row])
        last, before = times, kind
    return made


def _wanted(rows: Sequence[Row]) -> Wanted:
    """What rows that are repeated together want: the layers of all of them in turn."""
    if len(rows) == 1:
        return wanted(rows[0].said, rows[0].entries)
    entries = [entry for row in rows[:-1] for entry in row.entries if entry.column.role != "output"]
    return wanted([one for _, one in _in_turn(rows)], [*entries, *rows[-1].entries])


def _in_turn(rows: Sequence[Row]) -> list[tuple[Row, Said]]:
    """The layers of rows that are repeated together, in order, each with its row."""
    unit = rows[0].line.unit
    times = unit.times if unit is not None else max(1, len(rows[0].said))
    found = []
    for turn in range(times):
        for row in rows:
            each = len(row.said) // times
            found += [(row, one) for one in row.said[turn * each : (turn + 1) * each]]
    return found


def _share(rows: Sequence[Row], stretch: Stretch, subject: Subject) -> None:
    """Give each of the rows that are repeated together its layers of their stretch.

    One that none of them says is the row's that it is most like, but for a projection beside a residual block: that row
    then has one too many.
    """
    said = _in_turn(rows)
    inside = [layer for layer in subject.layers[stretch.start : stretch.stop] if not layer.training]
    listed_ = [layer for layer in inside if layer.key or any(one.kind == layer.kind for _, one in said)]
    own: dict[int, list[Layer]] = {id(row): [] for row in rows}
    taken: set[int] = set()
    for (row, _), (_, layer) in zip(said, pair([one for _, one in said], listed_), strict=True):
        if layer is not None:
            own[id(row)].append(layer)
            taken.add(id(layer))
    for layer in spine(listed_, taken):
        alike = [row for row in rows if row.said and answers(row.said[0], layer)]
        if alike:
            own[id(max(alike, key=lambda row: closeness(row.said[0], layer)))].append(layer)
    for row in rows:
        row.own = own[id(row)]
        if row.said and not row.own:
            row.stretch = None


def _row(line: Line, column: Column | None, first: Column | None) -> Row:
    """The cells of a line that are about one network: its own column's, and those of columns about all of them.

    A cell of the `first` network that stands alone in its line spans all networks, which Markdown and CSV cannot say.
    """
    if column is None:
        return Row(
            line, [e for e in line.entries if e.column.role != "network"], [meant(one) for one in flatten(line.said)]
        )
    networks = [e for e in line.entries if e.column.role == "network"]
    spans = bool(networks) and not line.quantity and all(e.column == first for e in networks)
    own = networks if spans else [e for e in networks if e.column == column]
    shared = [e for e in line.entries if e.column.role != "network"]
    cells = [e.value for e in own if isinstance(e.value, tuple)]
    said = [meant(one) for cell in cells for one in flatten(cell)]
    if not said and not line.quantity and not own:
        return Row(line, [], [])  # nothing is printed about this network here
    return Row(line, [*shared, *own], said)


def _says(row: Row) -> bool:
    return any(e.column.role not in SILENT and e.column.role != "unknown" and not e.problem for e in row.entries)


def _figure(row: Row, entry: Entry, subject: Subject) -> tuple[Quantity, Figure] | None:
    if not isinstance(entry.value, Number):
        return None
    role = entry.column.role
    quantity = row.line.quantity if role == "network" else role
    if quantity not in ("params", "ops"):
        return None
    if row.total:
        return quantity, Figure(entry.value, subject.total, subject.heads)
    if row.stretch is None or role != quantity:
        return None
    if row.own is not None:
        return quantity, Figure(entry.value, sum((layer.parts for layer in row.own), Parts()))
    return quantity, Figure(entry.value, subject.parts(row.stretch))


def letters(sheets: Iterable[Sheet], symbols: dict[str, int]) -> dict[str, int]:
    """Letters that the table does not explain, from the first place that tells; `symbols` gets them."""
    found: dict[str, int] = {}

    def learn(parts: Sequence[int | str | None], values: Sequence[int]) -> None:
        if len(parts) == len(values):
            for part, value in zip(parts, values, strict=True):
                if isinstance(part, str) and part not in symbols:
                    made = _product(part, symbols)
                    if made is None:
                        found[part] = value
                    symbols[part] = value if made is None else made

    for sheet in sheets:
        for row in sheet.rows:
            if row.stretch is None:
                continue
            output = row.own[-1].output if row.own else sheet.case.subject.output(row.stretch)
            for entry in row.entries:
                if isinstance(entry.value, Size) and entry.column.role == "output":
                    learn(entry.value.parts[-len(output) :], output)
            for said in row.said:
                learn([said.filters], output[-1:])
    return found


def _product(text: str, symbols: Mapping[str, int]) -> int | None:
    """What `16×k` is where `k` is known; None for a letter of its own."""
    factors = [int(one) if one.isdecimal() else symbols.get(one) for one in re.split(r" ?[×*x] ?", text)]
    known = [one for one in factors if one is not None]
    return math.prod(known) if len(known) == len(factors) > 1 else None


def matches(sheets: Sequence[Sheet]) -> list[Match]:
    """For every row that names layers, those that it is about, by their names."""
    found = []
    for sheet in sheets:
        for row in sheet.rows:
            if row.total or row.foreign or not (row.said or _says(row)):
                continue
            text = " ".join(said.text for said in row.said[:6])
            layers = sheet.case.subject.places(row.stretch) if row.stretch is not None else ()
            found.append(Match(row.line.number, text, layers))
    return found


def unnamed(sheets: Sequence[Sheet]) -> list[str]:
    """The weight layers that no row is about, of networks of which some are; with the network's name, if several."""
    found = []
    for sheet in sheets:
        subject = sheet.case.subject
        stretches = [row.stretch for row in sheet.rows if row.stretch is not None and row.own is None]
        taken = {at for stretch in stretches for at in range(stretch.start, stretch.stop)}
        own = {id(layer) for row in sheet.rows for layer in row.own or ()}
        taken |= {at for at, layer in enumerate(subject.layers) if id(layer) in own}
        lead = f"{subject.name}: " if len(sheets) > 1 else ""
        for at, layer in enumerate(subject.layers):
            if taken and layer.weighted and not layer.training and at not in taken:
                found.append(lead + layer.name)
    return found


# ---------------------------------------------------------------- conventions


@dataclass(frozen=True, slots=True)
class Choices:
    """The table's choice, and another one where it leaves several figures open."""

    first: Choice
    second: Choice | None
    flops: bool


def table_choice(quantity: Quantity, sheets: Sequence[Sheet]) -> Choices | None:
    """How a table counts parameters or operations, by the figures of all its rows; None where it prints none."""
    found: list[tuple[Entry, Figure]] = []
    flops = False
    for sheet in sheets:
        for row in sheet.rows:
            for entry in row.entries:
                kind, figure = sheet.figures.get(id(entry), (None, None))
                if figure is not None and kind == quantity:
                    found.append((entry, figure))
                    named = entry.column.header if entry.column.role == quantity else row.line.row.cells[0].text
                    flops = flops or "flop" in named.lower()
    if not found:
        return None
    first = choose(quantity, [figure for _, figure in found], flops=flops)
    return Choices(first, second(quantity, [f for _, f in found if first.read(f) is None], flops=flops), flops)


def told(quantity: Quantity, choices: Choices) -> str:
    """The choice in a sentence: `parameters: weights only, K = 1024 (explains 9 of 11)`."""
    names = {"params": "parameters", "ops": "operations"}
    text = f"{names[quantity]}: {choices.first.name} (explains {choices.first.explained} of {choices.first.figures})"
    if choices.second is not None:
        text += f"; {choices.second.name} ({choices.second.explained} more)"
    return text
