"""Texts with tables, read: what the tests of the readers have in common.

In: a text and its format. Out: tables, readings, or what is said about it.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.diagnostics import Collector, render_text
from archdsl.verify.reading.documents import read_text
from archdsl.verify.reading.understand import understand
from archdsl.verify.table import Reading, Table


def tables(text: str, format: str) -> list[Table]:
    """The tables of a text in which nothing is wrong."""
    found = Collector()
    tables = read_text(text, "table", format, found)
    assert not found.failed, render_text(found)
    return tables


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in table.headers], *([cell.text for cell in row.cells] for row in table.rows)]


def read(text: str, format: str = "markdown", columns: Mapping[str, str] | None = None) -> Reading:
    """The only table of a text, understood, with nothing to say about it."""
    found = Collector()
    (table,) = read_text(text, "table", format, found)
    reading = understand(table, columns or {}, {}, found)
    assert not found, render_text(found)
    return reading


def roles(reading: Reading) -> list[str]:
    return [column.role for column in reading.columns]


def wrong(text: str, format: str = "csv", columns: Mapping[str, str] | None = None) -> list[tuple[str, str, int]]:
    """What is said about a text: ids, messages, lines."""
    found = Collector()
    for table in read_text(text, "table", format, found):
        understand(table, columns or {}, {}, found)
    return [(one.id, one.message, one.span.line if one.span else 0) for one in found]
