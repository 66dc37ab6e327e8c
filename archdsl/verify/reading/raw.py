"""What a reader of one format finds in a document, before it is made into tables.

In: nothing; these are the types that the readers of CSV, Markdown, LaTeX and HTML fill. Out: what `assemble.py` takes.
The limits are kept while they are filled, so that a hostile document costs no more than an honest one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from archdsl import limits

__all__ = ["Document", "RawCell", "RawRow", "RawTable", "Remark", "TooMuch"]


class TooMuch(Exception):
    """A document is larger than any that people print, from a line on."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


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
    width: int = 0
    """The columns that its cells cover."""

    def add(self, cell: RawCell) -> None:
        """Another cell. Raises `TooMuch` where the row has more columns than a table may have."""
        self.cells.append(cell)
        self.width += cell.across
        if self.width > limits.TABLE_COLUMNS:
            raise TooMuch(f"line {self.line} has more than {limits.TABLE_COLUMNS} columns", self.line)


@dataclass(slots=True)
class RawTable:
    """A table. `marked`: the format marks its headers. `fills`: a row may end early, and the rest of it is empty."""

    line: int
    rows: list[RawRow] = field(default_factory=list)
    caption: str = ""
    marked: bool = False
    fills: bool = False

    def add(self, row: RawRow) -> None:
        """Another row. Raises `TooMuch` where there are more than a table may have."""
        self.rows.append(row)
        if len(self.rows) > limits.TABLE_ROWS + 1:  # and a header
            raise TooMuch(f"the table has more than {limits.TABLE_ROWS:,} rows", row.line)


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

    def remark(self, line: int, text: str) -> None:
        """Prose that starts on a line, its line breaks and indents taken away; nothing where it says nothing."""
        said = " ".join(text.split())
        if said:
            self.remarks.append(Remark(line, said))

    def add(self, table: RawTable) -> None:
        """Another table. Raises `TooMuch` where there are more than a document may have."""
        self.tables.append(table)
        if len(self.tables) > limits.TABLES:
            raise TooMuch(f"the document has more than {limits.TABLES} tables", table.line)
