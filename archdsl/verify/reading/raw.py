"""What a reader of one format finds in a document, before it is made into tables.

In: nothing; these are the types that the readers of CSV, Markdown, LaTeX and HTML fill. Out: what `assemble.py` takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Document", "RawCell", "RawRow", "RawTable", "Remark"]


@dataclass(slots=True)
class RawCell:
    """A cell: its text, with line breaks where the cell has them, and how many places it covers.

    `spread`: it repeats the text of a merged cell above.
    """

    text: str
    line: int
    across: int = 1
    down: int = 1
    header: bool = False
    spread: bool = False


@dataclass(slots=True)
class RawRow:
    """A row; `header` where the format says that it is one."""

    line: int
    cells: list[RawCell] = field(default_factory=list)
    header: bool = False


@dataclass(slots=True)
class RawTable:
    """A table. `marked`: the format marks its headers. `fills`: a row may end early, and the rest of it is empty."""

    line: int
    rows: list[RawRow] = field(default_factory=list)
    caption: str = ""
    marked: bool = False
    fills: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """A line beside the tables: prose or a comment."""

    line: int
    text: str


@dataclass(slots=True)
class Document:
    """All that a document holds, in order."""

    tables: list[RawTable] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
