"""A summary for a README: a Markdown table (GitHub's dialect) and the totals.

In: a `Summary` and columns. Out: Markdown in which no text of the user is markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archdsl.analysis.rows import Row
from archdsl.report.columns import COLUMNS, DEFAULT, Column
from archdsl.report.numbers import clean, grouped
from archdsl.report.summary import Summary
from archdsl.report.totals import heading, totals

__all__ = ["escape_markdown", "markdown_row", "to_markdown"]

_ENTITIES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;"} | {char: "\\" + char for char in "\\`*_{}[]#|~$@"}
)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a table as well.

    >>> escape_markdown("bottleneck<64>")
    'bottleneck&lt;64&gt;'
    """
    return clean(" ".join(text.split())).translate(_ENTITIES)


def to_markdown(found: Summary, *, columns: Sequence[Column] | None = None) -> str:
    """A heading, the table with a layer's level shown by its name's indentation, and a table of totals."""
    chosen = tuple(COLUMNS[key] for key in DEFAULT) if columns is None else tuple(columns)
    title = f": {found.graph.title}" if found.graph.title else ""
    lines = [f"### {escape_markdown(heading(found) + title)}", ""]
    lines.append(markdown_row([_head(column) for column in chosen]))
    lines.append(markdown_row([":---" if column.kind == "text" else "---:" for column in chosen]))
    lines += [markdown_row([_cell(row, column) for column in chosen]) for row in found.rows]
    lines += ["", "| total | amount | what it counts |", "| :--- | ---: | :--- |"]
    lines += [markdown_row([escape_markdown(part) for part in (t.label, t.amount, t.meaning)]) for t in totals(found)]
    return "\n".join(lines) + "\n"


def markdown_row(cells: Sequence[str]) -> str:
    """
    >>> markdown_row(["conv1", "156"])
    '| conv1 | 156 |'
    """
    return "| " + " | ".join(cells) + " |"


def _head(column: Column) -> str:
    return escape_markdown(column.heading + (" (bytes)" if column.kind == "bytes" else ""))


def _cell(row: Row, column: Column) -> str:
    value = column.cell(row)
    if value is None:
        return ""
    if isinstance(value, int):
        return grouped(value)
    lead = "&emsp;" * row.level if column.key == "name" else ""
    return lead + escape_markdown(value)
