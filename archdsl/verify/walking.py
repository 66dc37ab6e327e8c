"""A table walked from its first row to its last, each row computed from what truly enters it.

In: a `Reading` without any network. Out: `Step`s: what a row makes of its input, and which of the sizes between two
rows is the true one, by what the cells around it say. Verdicts are left to `selfcheck.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from archdsl.diagnostics import ArchError
from archdsl.graph import Graph
from archdsl.ops.base import Shape, show_shape
from archdsl.verify.changes import Change, changes
from archdsl.verify.content import Content
from archdsl.verify.drafting import network_rows
from archdsl.verify.entering import entering
from archdsl.verify.figures import matches_size, reading, square
from archdsl.verify.fitting import Fitted, Trials, fit, leaving, one_row, shape_of, ways
from archdsl.verify.phrase import Phrase, Style, Unwritable
from archdsl.verify.subject import Subject
from archdsl.verify.table import Column, Line, Number, Reading, Said, Size

__all__ = ["Step", "walk"]

_PADDED = 0.5
"""The vote of arguments that say so only with something assumed, a padding that is not printed."""

Blame = Literal["input", "arguments", "output", ""]


@dataclass(slots=True)
class Step:
    """One row.

    - `entering`: the size that truly enters, None where nobody knows; `guessed` where the table does not print it.
    - `fitted`: the row as printed, applied to that; None where it cannot be written, and `why` says so.
    - `leaving`: the size that truly leaves; `votes`, how many cells say so.
    - `blame`: which of the row's cells is wrong; `mends`: what would make it right, tried, smallest first.
    - `graph`: the row, mended if need be, as a network of its own, for counts.
    """

    line: Line
    row: Content
    entering: Shape | None
    guessed: bool = False
    fitted: Fitted | None = None
    why: str = ""
    leaving: Shape | None = None
    votes: float = 0
    blame: Blame = ""
    mends: Sequence[Change] = ()
    graph: Graph | None = None

    @property
    def computed(self) -> Shape | None:
        """What the row as printed makes."""
        return leaving(self.fitted.graph) if self.fitted is not None and self.fitted.graph is not None else None


def walk(table: Reading, column: Column | None, style: Style, trials: Trials) -> list[Step]:
    """The rows of one network, in order.

    >>> walk(vgg16_table, None, style, trials)[30].leaving
    (7, 7, 512)
    """
    rows = [(line, row) for line, row in network_rows(table, column) if row.said and not _is_input(row)]
    if not rows:
        return []
    walker = _Walker(style, trials)
    shape, guessed = walker.start(table, list(network_rows(table, column)))
    steps: list[Step] = []
    for at, (line, _) in enumerate(rows):
        following = (rows[at + 1][0], _with_output(rows, at + 1)) if at + 1 < len(rows) else None
        row = _with_output(rows, at)
        step = Step(line, row, shape, guessed=guessed and not steps)
        walker.take(step, following, first=not steps)
        steps.append(step)
        shape = step.leaving
        if shape is None and following is not None and following[1].input is not None:
            shape = shape_of(following[1].input, style.letters)
    return steps


def _with_output(rows: Sequence[tuple[Line, Content]], at: int) -> Content:
    """A row; where it prints no output, with the next row's input in its place."""
    row = rows[at][1]
    following = rows[at + 1][1] if at + 1 < len(rows) else None
    if row.output is not None or following is None or following.input is None:
        return row
    return replace(row, output=following.input, borrowed=True)


def _is_input(row: Content) -> bool:
    return all(isinstance(one, Said) and one.kind in ("input", "output") for one in row.said)


@dataclass(slots=True)
class _Option:
    """A size that may leave a row, the votes for it, and the way to write the row that gives it."""

    shape: Shape
    votes: float
    fitted: Fitted | None = None


def _vote(options: list[_Option], size: Size | None, votes: float, letters: Mapping[str, int], like: Shape) -> None:
    """Add a printed size's votes to the option that it is, or a new option."""
    shape = shape_of(size, letters, like=like) if size is not None else None
    if shape is None:
        return
    same = next((option for option in options if _bare(option.shape) == _bare(shape)), None)
    if same is None:
        options.append(_Option(shape, votes))
    else:
        same.votes += votes


class _Walker:
    def __init__(self, style: Style, trials: Trials) -> None:
        self._style = style
        self._trials = trials

    def start(self, table: Reading, rows: Sequence[tuple[Line, Content]]) -> tuple[Shape | None, bool]:
        """What enters the first row, and whether that is a guess."""
        try:
            shape, guess = entering(table, rows, self._style, self._trials, None)
        except ArchError:
            return None, True
        return shape, bool(guess)

    def take(self, step: Step, following: tuple[Line, Content] | None, *, first: bool) -> None:
        """Compute a row and find what truly leaves it."""
        if step.entering is None:
            step.why = "the size that enters the row is not known"
            tried: list[Fitted] = []
        else:
            try:
                tried = list(self._ways(step.row, step.entering))
            except Unwritable as why:
                step.why = why.message
                tried = []
        if self._trials.spent:
            step.why = "the table has too many rows to try them all"
        elif tried and all(one.graph is None for one in tried):
            step.why = f"`{tried[0].phrase.text}` does not go with {show_shape(step.entering or ())}"
        if tried and tried[-1].reached:
            step.fitted, step.graph = tried[-1], tried[-1].graph
            step.leaving, step.votes = step.computed, 2 if step.row.output is not None else 1
            return
        step.fitted = next((one for one in tried if one.graph is not None), tried[0] if tried else None)
        step.graph = step.fitted.graph if step.fitted is not None else None
        self._judge(step, tried, following, first=first)

    def _ways(self, row: Content, entering: Shape) -> Iterator[Fitted]:
        """The ways to write a row, up to the one that gives its output."""
        for one in ways(row, self._style, entering, self._trials):
            yield one
            if one.reached:
                return

    def _judge(
        self, step: Step, tried: Sequence[Fitted], following: tuple[Line, Content] | None, *, first: bool
    ) -> None:
        """Which size leaves a row that does not come out, by a vote, and which of its cells is wrong then.

        The row's arguments, its printed output and the next row's printed input have a vote each, and so has every
        figure of this row and the next that follows from a size. Between equals the arguments win. What they make with
        something assumed has half a vote; an output that no change of them can give has none.
        """
        letters = self._style.letters
        like = step.computed or step.entering or ()
        graphs: dict[int, Graph | None] = {}
        if step.row.output is not None and step.fitted is not None and step.entering is not None:
            found = changes(step.row, step.entering, self._trials, style=self._style, keep_input=not first)
            graphs = {id(change): self._changed(change, step.fitted) for change in found}
            # Where the row prints counts, the change that makes them true goes first.
            step.mends = sorted(found, key=lambda change: -_come_out(step.line, graphs[id(change)]))
        best_mend = graphs[id(step.mends[0])] if step.mends else None
        options: list[_Option] = []
        for one in tried:
            shape = leaving(one.graph) if one.graph is not None else None
            if shape is not None and not any(_bare(shape) == _bare(known.shape) for known in options):
                own = _PADDED if one.phrase.assumed else 1
                options.append(_Option(shape, own + _come_out(step.line, one.graph), one))
        printed = float(bool(step.mends) or not tried) + _come_out(step.line, best_mend)
        _vote(options, step.row.output, printed, letters, like)
        if following is not None:
            if not step.row.borrowed:
                _vote(options, following[1].input, 1, letters, like)
            for option in options if len(options) > 1 else ():
                option.votes += self._accepts(following[1], option.shape) + self._counts(following, option.shape)
        if options:
            winner = max(options, key=lambda option: option.votes)
            step.leaving, step.votes, step.fitted = winner.shape, winner.votes, winner.fitted or step.fitted
        if step.row.output is None or step.leaving is None or step.fitted is None:
            return
        if not matches_size(step.row.output, step.leaving, letters):
            step.blame = "output"
            step.graph = step.fitted.graph
        else:
            step.blame = step.mends[0].what if step.mends else "arguments"
            step.graph = best_mend or step.graph

    def _changed(self, change: Change, fitted: Fitted) -> Graph | None:
        return self._trials(one_row(Phrase(change.phrase, (), fitted.phrase.blocks), change.input, self._style))

    def _accepts(self, row: Content, entering: Shape) -> float:
        """The vote of the next row for what enters it; a fully connected layer with a kernel takes all of it."""
        one = row.said[0] if row.said else None
        if isinstance(one, Said) and one.kind == "fc" and one.kernel is not None:
            return float(square(one.kernel) == square(entering[:-1] or (1,)))
        if row.output is None:
            return 0
        try:
            fitted = fit(row, self._style, entering, self._trials)
        except Unwritable:
            return 0
        if not fitted.reached:
            return 0
        return _PADDED if fitted.phrase.assumed else 1

    def _counts(self, following: tuple[Line, Content], entering: Shape) -> int:
        """How many of the next row's counts come out when a size enters it."""
        line, row = following
        if not any(e.column.role in ("params", "ops") for e in line.entries):
            return 0
        try:
            return _come_out(line, fit(row, self._style, entering, self._trials).graph)
        except Unwritable:
            return 0


def _come_out(line: Line, graph: Graph | None) -> int:
    """How many of a row's printed counts a network of it has, in the usual ways to count."""
    if graph is None:
        return 0
    parts = Subject(graph).total
    values = {
        "params": (parts.weights + parts.biases + parts.norms, parts.weights),
        "ops": (parts.macs, 2 * parts.macs),
    }
    return sum(
        any(reading(entry.value, value, base) for value in values[entry.column.role] for base in (1000, 1024))
        for entry in line.entries
        if entry.column.role in values and isinstance(entry.value, Number)
    )


def _bare(shape: Shape | None) -> Shape | None:
    """A 1x1 image of C channels and a vector of C are one."""
    while shape is not None and len(shape) > 1 and shape[0] == 1:
        shape = shape[1:]
    return shape
