"""Columns: sizes and comments that stand under each other.

In: the lines of a formatted file, each with its size assertion and its comment apart. Out: the text. Only the space
before `::` and before `#` is chosen here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["WIDTH", "Line", "render"]

WIDTH = 120
"""Columns of a line."""


@dataclass(slots=True)
class Line:
    """One line: `code` up to a size assertion at its end, the `assertion`, the `comment` behind it.

    `statement` numbers the statement that it is of. A comment on a line of its own is `code`; an empty line has none.
    """

    code: str
    statement: int
    assertion: str = ""
    comment: str = ""


def render(lines: Sequence[Line]) -> str:
    """The text, its size assertions and its comments in columns.

    Assertions stand in one column within a statement, and within statements of one line each that follow each other; an
    empty line ends the column. Comments behind code stand in one column where the lines follow each other.
    """
    for run in _runs(lines, _continues):
        _align_assertions([line for line in run if line.assertion])
    for run in _runs(lines, lambda before, line: bool(before.comment and line.comment)):
        column = max(len(line.code) for line in run)
        for line in run:
            if line.comment:
                line.code = f"{line.code:<{column}}  {line.comment}"
    return "".join(f"{line.code}\n" for line in lines)


def _runs(lines: Sequence[Line], joined: Callable[[Line, Line], bool]) -> Iterator[list[Line]]:
    run: list[Line] = []
    for line in lines:
        if run and not joined(run[-1], line):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _continues(before: Line, line: Line) -> bool:
    if not before.code or not line.code:
        return False
    return before.statement == line.statement or bool(before.assertion and line.assertion)


def _align_assertions(run: Sequence[Line]) -> None:
    """Put them behind the longest code that leaves room for all; longer lines stay as they are."""
    room = WIDTH - 1 - max((len(line.assertion) for line in run), default=0)
    column = max((len(line.code) for line in run if len(line.code) <= room), default=0)
    for line in run:
        line.code = f"{line.code:<{column}} {line.assertion}"
        line.assertion = ""
