"""HTML: the tables of a document, with merged cells, header cells and nested markup.

In: a source. Out: its tables with plain cells, and the prose. `html.parser` reads the markup; a table inside a cell is
refused, since its rows are no rows of the outer one.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from archdsl import limits
from archdsl.diagnostics import Collector, Source
from archdsl.verify.reading.places import line_span
from archdsl.verify.reading.raw import Document, RawCell, RawRow, RawTable, Remark

__all__ = ["read_html"]

_BARE = re.compile(r"<(?!!--|/?[A-Za-z][^<>]{0,2000}>|[!?][^<>]{0,2000}>|/?[A-Za-z]>)")
_SILENT = frozenset({"script", "style", "head", "template", "noscript"})
_BLOCKS = frozenset({"p", "div", "li", "br", "h1", "h2", "h3", "h4", "h5", "h6", "section", "ul", "ol", "pre"})


def read_html(source: Source, found: Collector) -> Document:
    """The tables of an HTML text, in order."""
    reader = _Reader(source, found)
    reader.feed(_closed(source.text))
    reader.close()
    reader.finish()
    return reader.document


def _closed(text: str) -> str:
    """The text with every `<` as a character that begins no tag and no comment that ends.

    `html.parser` looks for the end of a tag up to the end of the document, at each of them.
    """
    end = text.rfind("-->") + 1
    return _BARE.sub("&lt;", text[:end]) + _BARE.sub("&lt;", text[end:].replace("<!--", "&lt;!--"))


class _Reader(HTMLParser):
    def __init__(self, source: Source, found: Collector) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self._source, self._found = source, found
        self._table: RawTable | None = None
        self._row: RawRow | None = None
        self._cell: RawCell | None = None
        self._pieces: list[str] = []
        self._prose: list[str] = []
        self._prose_line = 1
        self._silent = 0
        self._head = False
        self._caption = False

    # ------------------------------------------------------------ what html.parser calls

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self._open_table()
        elif tag == "br" and self._cell is not None:
            self._pieces.append("\n")
        elif tag == "sup":
            self._text("^")
        elif self._table is None:
            if tag in _BLOCKS:
                self._end_prose()
        elif tag == "caption":
            self._end_cell()
            self._caption, self._pieces = True, []
        elif tag in ("thead", "tbody", "tfoot"):
            self._end_row()
            self._head = tag == "thead"
        elif tag == "tr":
            self._end_row()
            self._row = RawRow(self.getpos()[0], header=self._head)
        elif tag in ("td", "th"):
            self._open_cell(tag, dict(attrs))
        elif tag in _BLOCKS and self._cell is not None and "".join(self._pieces).strip():
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "table":
            self._end_table()
        elif tag == "caption" and self._caption and self._table is not None:
            self._table.caption = "".join(self._pieces)
            self._caption = False
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "thead", "tbody", "tfoot"):
            self._end_row()
            self._head = False if tag == "thead" else self._head
        elif self._table is None and tag in _BLOCKS:
            self._end_prose()

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_comment(self, data: str) -> None:
        line = self.getpos()[0]
        for offset, text in enumerate(data.split("\n")):
            if text.strip():
                self.document.remarks.append(Remark(line + offset, text.strip()))

    # ------------------------------------------------------------ what is open

    def finish(self) -> None:
        """End what the document leaves open."""
        if self._table is not None:
            self._problem("the document ends inside a table", "write </table> at its end")
            self._end_table()
        self._end_prose()

    def _problem(self, message: str, hint: str) -> None:
        self._found.error("table-syntax", message, line_span(self._source, self.getpos()[0]), hint=hint)

    def _text(self, text: str) -> None:
        if self._silent:
            return
        if self._cell is not None or self._caption:
            # A line end of the source is a blank; only <br> and the like break a line.
            self._pieces.append(text.replace("\n", " "))
        elif self._table is None:
            if not self._prose:
                self._prose_line = self.getpos()[0] + len(text[: len(text) - len(text.lstrip())].split("\n")) - 1
            if text.strip():
                self._prose.append(text)

    def _end_prose(self) -> None:
        self.document.remark(self._prose_line, "".join(self._prose))
        self._prose = []

    def _open_table(self) -> None:
        if self._table is not None:
            self._problem("a table stands inside a table", "write the inner one by itself")
            self._end_table()
        self._end_prose()
        self._table = RawTable(self.getpos()[0], fills=True)

    def _open_cell(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._end_cell()
        line = self.getpos()[0]
        if self._row is None:
            self._row = RawRow(line, header=self._head)
        across = self._covered(attributes, "colspan")
        down = self._covered(attributes, "rowspan")
        self._cell = RawCell("", line, across, down, header=tag == "th")
        self._pieces = []

    def _covered(self, attributes: dict[str, str | None], name: str) -> int:
        """The places that a merged cell covers along one side."""
        text = (attributes.get(name) or "1").strip()
        most = limits.TABLE_COLUMNS if name == "colspan" else limits.TABLE_ROWS
        if not text.isascii() or not text.isdecimal() or len(text) > 6 or not 0 <= int(text) <= most:
            self._problem(
                f'{name}="{text[:20]}" is no number of cells up to {most:,}', f'write {name}="2", or leave it out'
            )
            return 1
        # HTML: a rowspan of 0 reaches the end of the table's part.
        return int(text) or (limits.TABLE_ROWS if name == "rowspan" else 1)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None:
            self._cell.text = "".join(self._pieces)
            self._row.add(self._cell)
        self._cell, self._pieces = None, []

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is not None and self._row.cells and self._table is not None:
            self._row.header = self._row.header or all(cell.header for cell in self._row.cells)
            self._table.marked = self._table.marked or self._row.header
            self._table.add(self._row)
        self._row = None

    def _end_table(self) -> None:
        self._end_row()
        if self._table is not None:
            self.document.add(self._table)
        self._table, self._head, self._caption = None, False, False
