"""The printouts of Keras' `model.summary()`, torchsummary and torchinfo: columns by their places, or in drawn boxes.

In: a source. Out: its tables, one for each header between rules. What the cells say is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from archdsl.diagnostics import Source
from archdsl.verify.reading.raw import Document, RawCell, RawRow, RawTable

__all__ = ["looks_printed", "read_printout"]

_RULE = re.compile(r"[=_\-─━]{10,}")
_DRAWN = re.compile(r"[┏┌╭┡├└╰┗╞┢╘][━─═┳┬┼╇┴┻╪┷╤╧┯╈]{3,}[┓┐╮┩┤┘╯┛╡┪╛]")
_TREE = re.compile(r"[ │├└─|+]*[│├└]─+ ?")
_FIELD = re.compile(r"\S+(?: \S+)*")
_TOTAL = re.compile(r"(Total params) ?: ?([\d,. ]*\d)\b.*", re.IGNORECASE)

Field = tuple[int, int, str]
"""Where a text of a line begins and ends, and the text."""


def read_printout(source: Source) -> Document:
    """The tables of a printed summary; what stands beside them is prose.

    ```
    Layer (type)        Output Shape        Param #
    ===============================================
    conv2d (Conv2D)     (None, 28, 28, 6)   156
    ```
    """
    document = Document()
    lines = source.text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if _DRAWN.fullmatch(line) and at + 1 < len(lines) and lines[at + 1].lstrip()[:1] in ("┃", "│"):
            at = _drawn(lines, at, document)
        elif _is_header(lines, at):
            at = _ruled(lines, at, document)
        else:
            if line and not _RULE.fullmatch(line):
                document.remark(at + 1, line.lstrip("# "))
            at += 1
    return document


def looks_printed(text: str) -> bool:
    """Whether a text holds such a table."""
    lines = text.split("\n")
    return any(_DRAWN.fullmatch(line.strip()) or _is_header(lines, at) for at, line in enumerate(lines))


def _is_header(lines: Sequence[str], at: int) -> bool:
    """Whether a line has several columns, none of which begins with a figure or a size, and a rule stands below it."""
    following = lines[at + 1].strip() if at + 1 < len(lines) else ""
    fields = _fields(lines[at])
    words = not any(text[0].isdecimal() or text[0] in "([-" for _, _, text in fields)
    return len(fields) > 1 and words and _RULE.fullmatch(following) is not None


def _fields(line: str) -> list[Field]:
    """The texts of a line, two blanks or more apart; the branches of a tree belong to the text behind them."""
    tree = _TREE.match(line)
    start = tree.end() if tree else 0
    found = [(match.start(), match.end(), match.group()) for match in _FIELD.finditer(line, start)]
    if tree and found:
        first, end, text = found[0]
        found[0] = (first, end, line[: tree.end()].lstrip() + text)
    return found


def _ruled(lines: Sequence[str], at: int, document: Document) -> int:
    """A table whose header stands above a rule; the line behind it. What tools print below it of memory is left out."""
    header = _fields(lines[at])
    table = RawTable(at + 1, marked=True)
    document.add(table)
    table.add(_row([text for _, _, text in header], at + 1, header=True))
    at += 2
    cells: list[str] = []
    while at < len(lines):
        line = lines[at]
        fields = _fields(line)
        total = _TOTAL.fullmatch(line.strip())
        if total:
            table.add(_row(_whole(header, total), at + 1))
        elif _is_header(lines, at):
            break
        elif len(fields) > 1:
            cells = _placed(fields, header)
            table.add(_row(cells, at + 1))
        elif fields and cells and cells[0].count("(") > cells[0].count(")"):
            table.rows[-1].cells[0].text += fields[0][2]  # the rest of a name that did not fit
            cells = []
        at += 1
    return at


def _placed(fields: Sequence[Field], header: Sequence[Field]) -> list[str]:
    """The texts of a line under the columns that they stand in: in order, where there is one for each."""
    if len(fields) == len(header):
        return [text for _, _, text in fields]
    made = [""] * len(header)
    for start, end, text in fields:
        column = max(range(len(header)), key=lambda at: min(end, header[at][1]) - max(start, header[at][0]))
        made[column] = f"{made[column]} {text}".strip()
    return made


def _whole(header: Sequence[Field], total: re.Match[str]) -> list[str]:
    """The row of a printed total: its figure stands in the column of parameters."""
    made = [total[1], *[""] * (len(header) - 1)]
    for at, (_, _, text) in enumerate(header):
        if at and "param" in text.lower():
            made[at] = total[2]
            break
    return made


def _drawn(lines: Sequence[str], at: int, document: Document) -> int:
    """A table in a drawn box, whose rows are what stands between two rules; the line behind it."""
    table = RawTable(at + 2, marked=True)
    parts: list[list[str]] = []
    began = at + 1
    while at < len(lines):
        line = lines[at].strip()
        if line[:1] in ("┃", "│"):
            parts.append([one.strip() for one in re.split("[┃│]", line.strip("┃│"))])
        else:
            if parts:
                table.add(_row(_joined(parts), began + 1, header=not table.rows))
            parts, began = [], at + 1
            if not _DRAWN.fullmatch(line):
                break
        at += 1
    if parts:
        table.add(_row(_joined(parts), began + 1, header=not table.rows))
    if table.rows:
        document.add(table)
    while at < len(lines) and not _DRAWN.fullmatch(lines[at].strip()):
        total = _TOTAL.fullmatch(lines[at].strip())
        if total and table.rows:
            columns = [(0, 0, cell.text) for cell in table.rows[0].cells]
            table.add(_row(_whole(columns, total), at + 1))
        at += 1
    return at


def _joined(parts: Sequence[Sequence[str]]) -> list[str]:
    """The lines of one row, each column's texts one behind the other; a name is cut at any letter."""
    made: list[str] = []
    for at in range(max(map(len, parts))):
        texts = [line[at] for line in parts if at < len(line) and line[at]]
        cut = at == 0 and not any(text.startswith("(") for text in texts[1:])
        made.append(("" if cut else " ").join(texts))
    return made


def _row(cells: Sequence[str], line: int, *, header: bool = False) -> RawRow:
    row = RawRow(line, header=header)
    for text in cells:
        row.add(RawCell(text, line, header=header))
    return row
