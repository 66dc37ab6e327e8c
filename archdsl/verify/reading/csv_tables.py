"""CSV and TSV: separators found, comments apart, quotes as the `csv` module reads them.

In: a source. Out: its tables, one a block; a blank line and then a line without figures begins another. What the cells
say, and whether the rows are even, is left to others.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from archdsl.diagnostics import Collector, Source
from archdsl.verify.reading.places import line_span
from archdsl.verify.reading.raw import Document, RawCell, RawRow, RawTable, Remark

__all__ = ["read_csv"]

_SEPARATORS = ("\t", ";", ",")


def read_csv(source: Source, found: Collector, separator: str = "") -> Document:
    """The tables of a text with separated values; `separator` where the file's name tells it."""
    document = Document()
    table: RawTable | None = None
    blank = True
    for row in _rows(source, separator, document.remarks, found):
        if not any(cell.text.strip() for cell in row.cells):
            blank = True
            continue
        if table is None or (blank and _wordy(row)):
            table = RawTable(row.line)
            document.add(table)
        table.add(row)
        blank = False
    return document


def _rows(source: Source, separator: str, remarks: list[Remark], found: Collector) -> Iterator[RawRow]:
    """The rows, comments apart. `csv` asks for a further line of a row only inside quotes, where `#` is text."""
    lines = source.text.split("\n")
    separator = separator or _separator(lines)
    used, fresh = 0, True

    def feed() -> Iterator[str]:
        nonlocal used, fresh
        for line in lines:
            used += 1
            if fresh and _is_comment(lines, used):
                remarks.append(Remark(used, line.strip().lstrip("#").strip().rstrip(separator)))
                continue
            if fresh:
                fresh, starts[0] = False, used
            yield line + "\n"

    starts = [1]
    reader = csv.reader(feed(), delimiter=separator, strict=True, skipinitialspace=separator != "\t")
    while True:
        fresh = True
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found.error(
                "table-syntax",
                f"line {starts[0]} is no row of separated values: {error}",
                line_span(source, starts[0]),
                hint='a quote inside a quoted cell is written twice: "a ""b"" c"',
            )
            return
        row = RawRow(starts[0])
        for text in fields:
            row.add(RawCell(text, starts[0]))
        yield row


def _is_comment(lines: list[str], number: int) -> bool:
    """Whether a line is a comment: `#` and a blank; `#params,…` is a header where the next line has as many cells."""
    text = lines[number - 1].lstrip()
    if not text.startswith("#"):
        return False
    if text[1:2] in ("", " ", "#", "!") or text[1:].startswith("archdsl"):
        return True
    following = lines[number] if number < len(lines) else ""
    return not any(text.count(mark) and text.count(mark) == following.count(mark) for mark in _SEPARATORS)


def _separator(lines: list[str]) -> str:
    """The sign that separates the first line, its header: a tab before anything else, then the more frequent one."""
    first = next((lines[at] for at in range(len(lines)) if lines[at].strip() and not _is_comment(lines, at + 1)), "")
    outside = "".join(first.split('"')[::2])
    if "\t" in outside:
        return "\t"
    return ";" if outside.count(";") > outside.count(",") else ","


def _wordy(row: RawRow) -> bool:
    """Whether a row reads like a header: no cell begins with a figure."""
    return len(row.cells) > 1 and not any(cell.text.strip()[:1].isdecimal() for cell in row.cells)
