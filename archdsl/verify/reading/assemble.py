"""Raw rows of any format into tables: merged cells spread, headers found and joined, limits and even rows checked.

In: a `Document` of one reader. Out: `Table`s, and located mistakes. What headers and cells mean is left to others.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import limits
from archdsl.diagnostics import Collector, Source, counted
from archdsl.verify.reading.directives import Spoken, is_directive, noted, read_directives
from archdsl.verify.reading.numbers import NotANumber, figure
from archdsl.verify.reading.places import cell_span, line_span
from archdsl.verify.reading.raw import Document, RawRow, RawTable, Remark
from archdsl.verify.reading.sizes import NotASize, size
from archdsl.verify.reading.text import NOTHING, fold, plain
from archdsl.verify.table import Cell, Directives, Row, Table

__all__ = ["assemble"]


def assemble(document: Document, source: Source, found: Collector) -> list[Table]:
    """The tables of a document. A directive is about the table below or around it; those above the first, about all."""
    tables: list[Table] = []
    remarks = document.remarks
    first = document.tables[0].line if document.tables else 0
    spoken = read_directives((one for one in remarks if one.line < first), source, found)
    general = spoken.over(Spoken(symbols=noted(remarks)))
    notes = tuple(one.text for one in remarks if not is_directive(one))
    above = first - 1
    for number, raw in enumerate(document.tables, 1):
        last = max((row.line for row in raw.rows), default=raw.line)
        spoken = read_directives((one for one in remarks if above < one.line <= last), source, found)
        said = spoken.over(general)
        raw.caption = raw.caption or _above(remarks, above if number > 1 else 0, raw.line)
        above = last
        directives = Directives(said.network, said.columns, said.symbols)
        table = _table(raw, number, notes, directives, source, found)
        if table is not None:
            tables.append(table)
    for one in remarks:
        if is_directive(one) and one.line > above:
            found.error(
                "table-directive",
                f"line {one.line}: no table stands below the directive",
                line_span(source, one.line),
                hint="a directive stands above the table that it is about",
            )
    return tables


def _above(remarks: Sequence[Remark], after: int, line: int) -> str:
    """The last words above a line, behind another."""
    return next((one.text for one in reversed(remarks) if after < one.line < line and not is_directive(one)), "")


def _table(
    raw: RawTable, number: int, notes: tuple[str, ...], directives: Directives, source: Source, found: Collector
) -> Table | None:
    rows = list(raw.rows)
    caption = fold(raw.caption)
    if len(rows) < 2:
        _without_rows(raw, number, source, found)
        return None
    while len(rows) > 2 and _title(rows):
        caption = fold(next(cell.text for cell in rows.pop(0).cells if cell.text.strip()))
    if not _within(rows, source, found):
        return None
    heads = _heads(raw, rows)
    grid = _grid(raw, rows, len(heads), source, found)
    if grid is None:
        return None
    width = len(grid[0]) if grid else 0
    if len(grid) <= len(heads):
        _without_rows(raw, number, source, found)
        return None
    if heads:
        headers = tuple(_joined([grid[at][column] for at in range(len(heads))]) for column in range(width))
    else:
        headers = tuple(Cell("", raw.line) for _ in range(width))
        found.warning(
            "table-headless",
            f"table {number} has no header: its first row holds figures",
            line_span(source, raw.line),
            hint="write a header above it, or say what the columns are: --columns 'layer=1,output=2'",
        )
    body = tuple(Row(tuple(cells), row.line) for row, cells in zip(rows[len(heads) :], grid[len(heads) :], strict=True))
    return Table(source.path, number, caption, headers, body, notes, directives, source)


def _without_rows(raw: RawTable, number: int, source: Source, found: Collector) -> None:
    found.error(
        "table-empty",
        f"table {number} has no rows below its header",
        line_span(source, raw.line),
        hint="a table has a header and at least one row",
    )


def _title(rows: Sequence[RawRow]) -> bool:
    """Whether the first row is a title: one cell that says something, above a row of several words, the header."""
    first, second = rows[0], rows[1]
    said = [cell for cell in first.cells if cell.text.strip()]
    below = [cell.text for cell in second.cells if cell.text.strip()]
    alone = len(first.cells) == 1 or (not first.header and said and said[0] is first.cells[0])
    return len(said) == 1 and bool(alone) and len(below) > 1 and all(_kind(text) == "text" for text in below)


def _within(rows: Sequence[RawRow], source: Source, found: Collector) -> bool:
    """Whether no cell is longer, or has brackets deeper, than cells are."""
    fine = True
    for at, row in enumerate(rows):
        for column, cell in enumerate(row.cells, 1):
            problem = _outsize(cell.text)
            if problem:
                found.error(
                    "limit-cell",
                    f"row {at}, column {column} {problem}" if at else f"the header of column {column} {problem}",
                    line_span(source, cell.line),
                    hint="a cell holds a figure, a size or a few layers; a quote may be missing",
                )
                fine = False
    return fine


def _outsize(text: str) -> str:
    if len(text) > limits.CELL_LENGTH:
        return f"has {len(text):,} characters, more than {limits.CELL_LENGTH:,}"
    depth = deepest = 0
    for char in text:
        if char in "[({":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "])}":
            depth = max(0, depth - 1)
    return f"has brackets {deepest} deep, more than {limits.CELL_NESTING}" if deepest > limits.CELL_NESTING else ""


def _heads(raw: RawTable, rows: Sequence[RawRow]) -> Sequence[RawRow]:
    """The header rows: those that the format marks at the top, else the first one if the rows below are unlike it."""
    if raw.marked:
        count = 0
        while count < len(rows) and rows[count].header:
            count += 1
        if count:
            return rows[:count]
    return rows[:1] if not _is_data([[cell.text for cell in row.cells] for row in rows[:50]]) else ()


def _is_data(rows: list[list[str]]) -> bool:
    """Whether the first row is like those below: wherever they all hold figures or sizes, it does."""
    kinds = [[_kind(text) for text in row] for row in rows]
    alike = 0
    for column, kind in enumerate(kinds[0]):
        below = {row[column] for row in kinds[1:] if column < len(row)} - {""}
        if len(below) == 1 and below != {"text"}:
            if kind and kind not in below:
                return False
            alike += bool(kind)
    if len(kinds) == 1:
        return sum(kind not in ("", "text") for kind in kinds[0]) * 2 > len(kinds[0])
    return alike > 0


def _kind(text: str) -> str:
    if len(text) > 200:
        return "text"
    if plain(text).lower() in NOTHING:
        return ""
    try:
        figure(text)
    except NotANumber:
        pass
    else:
        return "number"
    try:
        size(text)
    except NotASize:
        return "arguments" if "=" in text and any(char.isdecimal() for char in text) else "text"
    return "size"


def _grid(
    raw: RawTable, rows: Sequence[RawRow], heads: int, source: Source, found: Collector
) -> list[list[Cell]] | None:
    """The cells in rows of one length, merged ones repeated; None where the rows are uneven."""
    grid: list[list[Cell]] = []
    pending: dict[int, tuple[int, Cell]] = {}
    for at, row in enumerate(rows):
        line: list[Cell] = []
        cells = iter(row.cells)
        current = next(cells, None)
        below: dict[int, tuple[int, Cell]] = {}
        while current is not None or len(line) in pending:
            place = len(line)
            if place in pending:
                left, above = pending.pop(place)
                line.append(Cell(above.text, above.line, True))
                if left > 1:
                    below[place] = (left - 1, above)
                continue
            assert current is not None
            text = _one_line(current.text, header=at < heads)
            for offset in range(current.across):
                cell = Cell(text, current.line, current.spread or offset > 0)
                line.append(cell)
                if current.down > 1:
                    below[place + offset] = (current.down - 1, cell)
            current = next(cells, None)
        if len(line) > limits.TABLE_COLUMNS:
            line = line[: limits.TABLE_COLUMNS]
        pending = below
        grid.append(line)
    # A spreadsheet writes separators for columns in which nothing stands.
    while grid and len(grid[0]) > 1 and all(len(line) == len(grid[0]) and not line[-1].text for line in grid):
        for line in grid:
            line.pop()
    return grid if _even(grid, raw, rows, heads, source, found) else None


def _even(
    grid: list[list[Cell]], raw: RawTable, rows: Sequence[RawRow], heads: int, source: Source, found: Collector
) -> bool:
    """Whether all rows have as many cells as the header; what prints nothing at the end may be left out or added."""
    width = len(grid[0]) if heads or not grid else max(map(len, grid))
    if raw.fills and heads:
        width = max(map(len, grid[:heads]))
    fine, others = True, "the header" if heads else "the others"
    for at, line in enumerate(grid):
        while len(line) > width and not line[-1].text:
            line.pop()
        if len(line) < width and raw.fills:
            line.extend(Cell("", rows[at].line) for _ in range(width - len(line)))
        if len(line) != width:
            extra = f"; `{line[width].text[:30]}` is one too many" if len(line) > width else ""
            where = f"row {at - heads + 1}" if at >= heads else f"header row {at + 1}"
            span = cell_span(source, rows[at].line, line[width].text if extra else "")
            found.error(
                "table-ragged",
                f"{where} has {counted(len(line), 'cell')}, not {width} as {others}{extra}",
                span,
                hint="write an empty cell where nothing is printed, and quotes around a cell that holds the separator",
            )
            fine = False
    return fine


def _one_line(text: str, *, header: bool) -> str:
    """A cell of several lines as one: the lines of a header are one text, those of a cell one layer each."""
    lines = [fold(line) for line in text.split("\n")]
    lines = [line for line in lines if line]
    if header or len(lines) < 2:
        return " ".join(lines)
    joined = lines[0]
    for line in lines[1:]:
        goes_on = joined[-1] in ",;+-/×([x" or line[0] in ",;)]×/+-" or line.startswith(("x ", "stride", "pad"))
        joined += (" " if goes_on else "; ") + line
    return joined


def _joined(cells: Sequence[Cell]) -> Cell:
    """The header rows of a column as one; a text that is repeated by a merged cell counts once."""
    texts: list[str] = []
    for cell in cells:
        if cell.text and cell.text not in texts:
            texts.append(cell.text)
    return Cell(" ".join(texts), cells[-1].line, all(cell.spread for cell in cells))
