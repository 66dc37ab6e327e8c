"""The rows of a table as the lines of an `.arch` chain, each tried with the size that the row before leaves.

In: a `Reading`, and the column of one of its networks. Out: a `Draft`: chain lines, what was assumed, where the table
contradicts itself. The file around them is left to `importing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from archdsl.analysis.depth import depth
from archdsl.diagnostics import ArchError, Diagnostic
from archdsl.ops.base import Shape, show_shape
from archdsl.verify.changes import changes
from archdsl.verify.content import Content, activation, content, layers
from archdsl.verify.entering import entering, trouble
from archdsl.verify.figures import matches_size
from archdsl.verify.figures import reading as reads
from archdsl.verify.fitting import Fitted, Trials, fit, leaving, one_row
from archdsl.verify.phrase import Phrase, Style, Unwritable
from archdsl.verify.subject import Parts, Subject
from archdsl.verify.table import Column, Group, Line, Number, Reading, Said, Unit

__all__ = ["Draft", "Written", "come_out", "draft", "network_rows", "operations", "table_style"]

_LIGHT = frozenset(
    {"relu", "lrn", "bn", "dropout", "flatten", "sigmoid", "tanh", "softmax", "relu6", "ln", "gn", "pad"}
)
_ACTIVATIONS = frozenset({"relu", "relu6", "sigmoid", "tanh", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu"})


@dataclass(slots=True)
class Written:
    """One line of the chain: `claim` is the size that it asserts, `notes` what the table says otherwise."""

    text: str
    claim: Shape | None
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """One network, drafted.

    - `blocks`: definitions by name, shared by the networks of a table.
    - `assumed`: what, and in which rows; none for all of them.
    - `wrong`: the rows in which the table contradicts itself.
    - `parts`, `depth`: sums over the rows.
    """

    name: str
    input: Shape
    lines: list[Written] = field(default_factory=list)
    blocks: dict[str, str] = field(default_factory=dict)
    assumed: dict[str, list[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    parts: Parts = field(default_factory=Parts)
    depth: int = 0

    def assume(self, what: str, row: str = "") -> None:
        rows = self.assumed.setdefault(what, [])
        if row and row not in rows:
            rows.append(row)


def draft(
    reading: Reading,
    column: Column | None,
    name: str,
    style: Style,
    trials: Trials,
    given: Shape | None = None,
    blocks: dict[str, str] | None = None,
) -> Draft:
    """Write the rows of one network.

    >>> draft(alexnet_table, None, "alexnet", Style(letters={"C": 1000}), trials).lines[0].text
    'conv 11x11/4 96 -> relu'

    `given` is the input's size where somebody said it; `blocks` are those defined already. Raises `ArchError` for a row
    of which nothing can be made.
    """
    rows = list(network_rows(reading, column))
    if not rows:
        raise ArchError([_nothing(column)])
    shape, why = entering(reading, rows, style, trials, given)
    made = Draft(name, shape, blocks={} if blocks is None else blocks)
    if why:
        made.assume(why)
    final = max((at for at, (_, row) in enumerate(rows) if _ends_in_fc(row)), default=-1)
    rows = [(line, replace(row, final=at == final)) for at, (line, row) in enumerate(rows)]
    for at, (line, row) in enumerate(rows):
        following = rows[at + 1][1] if at + 1 < len(rows) else None
        if row.is_only("input"):
            continue
        if row.output is None and following is not None and following.input is not None:
            row = replace(row, output=following.input, borrowed=True)
        if following is None or all(later.is_only("softmax", "output") for _, later in rows[at + 1 :]):
            row = _without_loss(row, line, made)
        if row.said:
            shape = _Row(reading, column, line, row, following, style, trials, made).write(shape)
    return made


def network_rows(reading: Reading, column: Column | None) -> Iterator[tuple[Line, Content]]:
    """The rows about one network, and what they say of it."""
    first = next((one for one in reading.columns if one.role == "network"), None)
    for at, line in enumerate(reading.lines):
        if line.quantity:
            continue
        row = content(line, column)
        if line.unit is not None:
            if at + 1 < len(reading.lines) and reading.lines[at + 1].unit == line.unit:
                continue  # it is written with the unit's last row
            row = replace(row, said=_unit(reading, line.unit), times=1)
        if column is not None and column != first and row.output is not None:
            row = replace(row, said=(*_over_all(line, first, row), *row.said))
        if row.said or column is None:
            yield line, row


def _unit(reading: Reading, unit: Unit) -> tuple[Said | Group, ...]:
    """The rows of a unit: layers in brackets, which are a residual unit, where the last of them adds them up; else one
    after another.
    """
    said: list[Said | Group] = []
    for line in reading.lines:
        if line.unit == unit:
            items = content(line).said
            said += items[0].items if unit.times > 1 and items and isinstance(items[0], Group) else items
    last = said[-1] if said else None
    if isinstance(last, Said) and last.kind == "add":
        return (Group(tuple(said[:-1]), unit.times),)
    return tuple(said) * unit.times


def _over_all(line: Line, first: Column | None, row: Content) -> tuple[Said | Group, ...]:
    """What stands in the first network's cell and is meant for all, since many a format cannot merge cells: a row that
    says something there only, and the pool before the brackets of a row that has nothing but brackets elsewhere.
    """
    said = {e.column for e in line.entries if e.column.role == "network" and isinstance(e.value, tuple)}
    leading = content(line, first).said
    if said == {first}:
        return leading
    before = tuple(one for one in leading if isinstance(one, Said))
    brackets = all(isinstance(one, Group) for one in (*leading[len(before) :], *row.said))
    return before if before and row.said and brackets and len(before) < len(leading) else ()


def _ends_in_fc(row: Content) -> bool:
    return any(one.kind == "fc" for one in layers(row.said))


def _without_loss(row: Content, line: Line, made: Draft) -> Content:
    """A row without the softmax at its end: networks end in scores here, and the loss has the softmax."""
    said = list(row.said)
    while said and isinstance(said[-1], Said) and said[-1].kind in ("softmax", "output"):
        if said[-1].kind == "softmax":
            made.assume("the softmax is part of the loss, so the network ends with its scores", line.number)
        said.pop()
    return replace(row, said=tuple(said))


# ---------------------------------------------------------------- the whole table


def table_style(reading: Reading, columns: Sequence[Column | None]) -> tuple[Style, list[str]]:
    """What a table leaves out everywhere, and the sentences that say so."""
    kinds: set[str | None] = set()
    brackets = False
    for column in columns:
        for _, row in network_rows(reading, column):
            kinds |= {one.kind for one in layers(row.said)} | {activation(one) for one in layers(row.said)}
            groups = [one for one in row.said if isinstance(one, Group) and len(list(layers([one]))) > 1]
            brackets = brackets or bool(groups)
    told: list[str] = []
    acts = bool(kinds & _ACTIVATIONS)
    norm = brackets and "bn" not in kinds
    if brackets:
        told.append("layers in brackets are a residual unit, with a 1x1 projection where the size or channels change")
    if norm:
        told.append("batch norm and ReLU behind every convolution, which has no biases then")
    elif not acts:
        told.append("a ReLU behind every convolution and fully connected layer but the last")
    if not norm:
        told.append("biases in every convolution and fully connected layer")
    return Style(relu=not acts, norm=norm, letters=dict(reading.symbols), named=True), told


def operations(reading: Reading, column: Column | None) -> list[Number]:
    """What the table prints of a whole network's operations."""
    return [
        entry.value
        for line in reading.lines
        if line.quantity == "ops"
        for entry in line.entries
        if isinstance(entry.value, Number) and (column is None or entry.column == column)
    ]


def come_out(printed: Sequence[Number], macs: int) -> bool:
    """Whether printed operations are so many multiply-adds, or twice that, or nothing is printed."""
    return all(any(reads(number, value) for value in (macs, 2 * macs)) for number in printed)


# ---------------------------------------------------------------- one row


class _Row:
    """One row on its way into the draft."""

    def __init__(
        self,
        reading: Reading,
        column: Column | None,
        line: Line,
        row: Content,
        following: Content | None,
        style: Style,
        trials: Trials,
        made: Draft,
    ) -> None:
        self._reading = reading
        self._column = column
        self._line = line
        self._row = row
        self._following = following
        self._style = style
        self._trials = trials
        self._made = made

    def write(self, entering: Shape) -> Shape:
        """Add the row's line to the draft; the size that leaves it."""
        letters = self._style.letters
        try:
            fitted = fit(self._row, self._style, entering, self._trials)
        except Unwritable as why:
            self._fail(why.message, why.hint)
        notes: list[str] = []
        printed = self._row.input
        if printed is not None and self._made.lines and not matches_size(printed, entering, letters):
            notes.append(f"prints an input of {printed.text}, where {show_shape(entering)} comes from the row before")
        if not fitted.reached and self._row.output is not None:
            fitted, note = self._mended(fitted, entering)
            notes.append(note)
        if fitted.graph is None:
            spent = "; the table has too many rows like it to try them all" if self._trials.spent else ""
            self._fail(
                f"`{fitted.phrase.text}` cannot be applied to {show_shape(entering)}{spent}",
                "compare the row with the paper, or mend its kernel, stride or input",
            )
        leaves = leaving(fitted.graph)
        output = self._row.output
        printed_here = output is not None and not self._row.borrowed
        claim = leaves if output is not None and printed_here and matches_size(output, leaves, letters) else None
        self._add(fitted.phrase, claim, notes, leaves == entering)
        subject = Subject(fitted.graph)
        self._made.parts += subject.total
        self._made.depth += depth(fitted.graph)
        return leaves

    def _mended(self, fitted: Fitted, entering: Shape) -> tuple[Fitted, str]:
        """The row with the smallest change that gives its printed size, unless the next row goes on without it."""
        output = self._row.output
        assert output is not None
        said = " ".join(one.text for one in layers(self._row.said)) or self._line.row.cells[0].text
        if fitted.graph is None:
            makes = f"prints `{said}`, which does not go with {show_shape(entering)}"
        else:
            made = show_shape(leaving(fitted.graph))
            makes = f"prints {output.text}, where `{said}` makes {made}"
            if self._row.borrowed:
                makes = f"prints `{said}`, which makes {made}, where the next row has {output.text}"
            confirmed = self._following.input if self._following is not None else None
            if confirmed is not None and matches_size(confirmed, leaving(fitted.graph), self._style.letters):
                return fitted, f"{makes}, as the next row has it"
        found = changes(self._row, entering, self._trials, style=self._style, keep_input=True)
        if not found:
            return fitted, makes
        change = found[0]
        # The same trial again, from the cache: its graph is wanted as well.
        phrase = Phrase(change.phrase, (), fitted.phrase.blocks)
        graph = self._trials(one_row(phrase, entering, self._style))
        return Fitted(phrase, graph, True), f"{makes}; written as {change.text}"

    def _add(self, phrase: Phrase, claim: Shape | None, notes: list[str], kept: bool) -> None:
        for text in phrase.assumed:
            self._made.assume(text, self._line.number)
        if "bottleneck" in phrase.text:
            where = (
                "first 1x1 convolution, as its paper has it" if "bottleneck_v1" in phrase.text else "3x3 convolution"
            )
            self._made.assume(f"a bottleneck's stride is in its {where}")
        if notes:
            self._made.wrong.append(self._line.number)
        text = self._defined(phrase)
        text += self._label(text)
        lines = self._made.lines
        if lines and kept and not notes and all(one.kind in _LIGHT for one in layers(self._row.said)):
            lines[-1].text += f" -> {text}"
            lines[-1].claim = claim or lines[-1].claim
            return
        lines.append(Written(text, claim, [f"Row {self._line.number} {note}." for note in notes]))

    def _defined(self, phrase: Phrase) -> str:
        """The phrase, its blocks defined; one that goes by the name of another block gets a name of its own."""
        text, known = phrase.text, self._made.blocks
        for block in phrase.blocks:
            head = re.match(r"block (\w+)", block)
            assert head is not None  # `units.py` writes them so
            name = head[1]
            mine, number = block, 2
            while known.get(name, mine) != mine:
                name = f"{head[1]}_{number}"
                mine, number = f"block {name}{block[head.end() :]}", number + 1
            known[name] = mine
            text = re.sub(rf"\b{head[1]}\b", name, text)
        return text

    def _label(self, text: str) -> str:
        """` @inception3a` for a block with a printed name of its own."""
        label = next((one.label for one in layers(self._row.said) if one.label), None)
        one = self._row.said[0]
        if label is None or len(self._row.said) > 1 or not isinstance(one, Said) or " -> " in text:
            return ""
        if one.kind is None or not self._row.widths:
            return ""
        name = re.sub(r"\W", "_", label if label[0].isalpha() else f"{one.kind}{label}", flags=re.ASCII)
        taken = any(f"@{name}" in line.text for line in self._made.lines)
        return "" if taken or not re.fullmatch(r"[A-Za-z_]\w{0,60}", name, re.ASCII) else f" @{name}"

    def _fail(self, message: str, hint: str) -> NoReturn:
        raise ArchError([trouble(self._reading, self._line, message, hint, self._column)])


def _nothing(column: Column | None) -> Diagnostic:
    whom = f"the column `{column.header}`" if column is not None else "the table"
    return Diagnostic(
        "import-row",
        f"{whom} names no layers",
        hint="say which column has them: --columns layer=HEADER, or arguments=HEADER",
    )
