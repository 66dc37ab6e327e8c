"""The counts of a table that is checked against itself: each row is a network of its own, totals are their sum.

In: the steps of one network. Out: verdicts on its parameters, operations, depths and totals, found as `judge.py` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archdsl.verify.conventions import Figure, Quantity
from archdsl.verify.figures import reading
from archdsl.verify.finding import Result
from archdsl.verify.judge import CellJudge
from archdsl.verify.kinds import flatten
from archdsl.verify.sheet import Case, Choices, Row, Sheet
from archdsl.verify.subject import Parts, Stretch, Subject
from archdsl.verify.table import Column, Entry, Line, Number
from archdsl.verify.units import FROM_PARAMETERS
from archdsl.verify.walking import Step

__all__ = ["Counts", "not_checked"]


def not_checked(why: str) -> Result:
    """The verdict on a cell that nothing was compared with."""
    return Result("not-checked", 0, explanation=why)


class Counts:
    """The counts of one network; `guess` says what was taken to enter its first row, where nobody prints it."""

    def __init__(
        self,
        column: Column | None,
        steps: Sequence[Step],
        entries: Mapping[int, Sequence[Entry]],
        lines: Sequence[Line],
        letters: Mapping[str, int],
        guess: str,
    ) -> None:
        self._column = column
        self._letters = letters
        self._guess = guess
        self._rows: dict[int, Sheet] = {}
        whole = Parts()
        for step in steps:
            if step.graph is not None:
                subject = Subject(step.graph)
                whole += subject.total
                self._rows[id(step.line)] = self._row(step, subject, entries[id(step.line)])
        self._totals: Sheet | None = None
        if steps and len(self._rows) == len(steps):
            rows = [Row(line, entries[id(line)], []) for line in lines if line.quantity]
            self._totals = Sheet(next(iter(self._rows.values())).case, rows)
            for row in rows:
                self._figures(self._totals, row, whole, row.line.quantity)

    def _row(self, step: Step, subject: Subject, entries: Sequence[Entry]) -> Sheet:
        stop = len(subject.layers)
        block = next((one for one in subject.blocks if (one.start, one.stop) == (1, stop)), None)
        row = Row(step.line, entries, flatten(step.row.said), Stretch(min(1, stop - 1), stop, block))
        sheet = Sheet(Case(subject, self._column), [row])
        self._figures(sheet, row, subject.total, "")
        return sheet

    def _figures(self, sheet: Sheet, row: Row, parts: Parts, quantity: str) -> None:
        for entry in row.entries:
            kind = quantity if entry.column.role == "network" else entry.column.role
            if isinstance(entry.value, Number) and kind in ("params", "ops"):
                known: Quantity = "params" if kind == "params" else "ops"
                sheet.figures[id(entry)] = (known, Figure(entry.value, parts))

    @property
    def sheets(self) -> list[Sheet]:
        """All of them, for the conventions that the table follows."""
        return [*self._rows.values(), *([self._totals] if self._totals is not None else [])]

    def cell(self, step: Step, entry: Entry, choices: Mapping[Quantity, Choices]) -> Result:
        """A figure of one row."""
        sheet = self._rows.get(id(step.line))
        if sheet is None:
            return not_checked(step.why or "the row could not be computed")
        result = CellJudge(sheet, self._letters, choices).cell(sheet.rows[0], entry)
        assumed = step.fitted.phrase.assumed if step.fitted is not None else ()
        found = next(
            (
                text.removesuffix(FROM_PARAMETERS).replace("kernel ", "kernel of ")
                for text in assumed
                if text.endswith(FROM_PARAMETERS)
            ),
            "",
        )
        if found and entry.column.role == "params" and result.verdict in ("holds", "rounded"):
            return replace(result, verdict="convention", convention=f"a {found}, which is not printed")
        return self._guessed(result) if step.guessed else result

    def total(self, line: Line, entry: Entry, choices: Mapping[Quantity, Choices]) -> Result:
        """A figure of the whole network."""
        if not isinstance(entry.value, Number):
            return not_checked("a name")
        if self._totals is None:
            return not_checked("not every row could be computed, so that there is no sum")
        row = next(one for one in self._totals.rows if one.line is line)
        known = self._totals.figures.get(id(entry))
        if known is not None:
            result = CellJudge(self._totals, self._letters, choices).counted(*known, row)
            if result.verdict != "contradiction":
                return self._guessed(result)
            value = choices[known[0]].first.convention.value(known[1])
            return replace(result, explanation=f"the rows add up to {value:,}")
        quantity = line.quantity if entry.column.role == "network" else entry.column.role
        if quantity != "depth":
            return not_checked(f"{quantity} are not added up")
        subjects = [sheet.case.subject for sheet in self._rows.values()]
        value = sum(one.depth(Stretch(0, len(one.layers))) for one in subjects)
        how = reading(entry.value, value)
        if how is None:
            return Result("contradiction", 1, f"{value:,}", explanation=f"the rows have {value:,} weight layers")
        return Result("holds" if how in ("exact", "rounded") else "rounded", 1, f"{value:,}")

    def _guessed(self, result: Result) -> Result:
        """What holds with an input that nobody prints holds by a convention."""
        if not self._guess or result.verdict not in ("holds", "rounded"):
            return result
        return replace(result, verdict="convention", convention=self._guess)
