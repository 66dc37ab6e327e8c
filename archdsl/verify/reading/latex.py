"""LaTeX: the `tabular`s of a document, and their kin, with merged cells and nested environments.

In: a source. Out: its tables with plain cells, and the prose. One pass over the tokens; what commands inside a cell
stand for is left to `latex_text.py`.
"""

from __future__ import annotations

from archdsl import limits
from archdsl.diagnostics import Collector, Source
from archdsl.verify.reading.latex_text import inline
from archdsl.verify.reading.latex_tokens import Macro, Stream, TeX, tex_tokens
from archdsl.verify.reading.places import line_span
from archdsl.verify.reading.raw import Document, RawCell, RawRow, RawTable, Remark

__all__ = ["read_latex"]

_TABLES = {
    **dict.fromkeys(("tabular", "array", "longtable", "longtable*", "supertabular", "xtabular", "NiceTabular"), 1),
    **dict.fromkeys(("tblr", "longtblr"), 1),
    **dict.fromkeys(("tabular*", "tabularx", "tabulary"), 2),
}
"""Environments that are tables, and how many arguments they have."""
_FLOATS = ("table", "table*", "figure", "figure*", "wraptable", "sidewaystable", "sidewaystable*")
_BRACKETS = {"bmatrix": ("[", "]"), "pmatrix": ("(", ")"), "Bmatrix": ("{", "}")}
_RULES = frozenset(
    (
        *("hline", "midrule", "toprule", "bottomrule", "Xhline", "specialrule", "hdashline", "thickhline"),
        *("cmidrule", "cline"),
    )
)
_HEADING = frozenset({"hline", "midrule", "Xhline", "specialrule", "hdashline", "thickhline"})
"""Rules that end a header, where they stand below its rows."""
_DEFINES = frozenset({"newcommand", "renewcommand", "providecommand", "DeclareRobustCommand"})


def read_latex(source: Source, found: Collector) -> Document:
    """The tables of a LaTeX text, in order."""
    reader = _Reader(source, found)
    reader.read()
    return reader.document


class _Reader:
    def __init__(self, source: Source, found: Collector) -> None:
        self.document = Document()
        self._source, self._found = source, found
        self._stream = Stream(tex_tokens(source.text, self.document.remarks))
        self._prose: list[str] = []
        self._prose_line = 1
        self._floating = 0
        """Tables before the float that is being read."""
        self._caption = ""

    def read(self) -> None:
        while (token := self._stream.next()) is not None:
            name = token.text[1:].rstrip("*") if token.text[:1] == "\\" else ""
            if name in _DEFINES or name == "def":
                self._define(name)
            elif name == "begin":
                self._begin(token)
            elif name == "end":
                self._end(self._stream.word())
            elif name == "caption":
                self._stream.option()
                self._captioned()
            else:
                self._say(inline(self._stream, token), token)
        self._end_prose()
        self.document.remarks.sort(key=lambda remark: remark.line)
        if self._stream.overrun:
            self.problem(
                "the macros of the document write out more than any table has", self._stream.line, "write the table out"
            )

    # ------------------------------------------------------------ around the tables

    def _say(self, text: str, token: TeX) -> None:
        if not self._prose:
            self._prose_line = token.line
        if token.line > self._prose_line + 20 or (text == "\n" and self._prose):
            self._end_prose()
            self._prose_line = token.line
        self._prose.append(text)

    def _end_prose(self) -> None:
        self.document.remark(self._prose_line, "".join(self._prose))
        self._prose = []

    def problem(self, message: str, line: int, hint: str) -> None:
        """A mistake in the document."""
        self._found.error("table-syntax", message, line_span(self._source, line), hint=hint)

    def _define(self, name: str) -> None:
        """`\\newcommand{\\block}[2]{...}` and `\\def\\block#1#2{...}`."""
        stream = self._stream
        names = stream.group()
        arguments = 0
        if name == "def":
            while stream.peek() == "#":
                stream.next()
                stream.next()
                arguments += 1
        else:
            option = stream.option()
            arguments = int(option) if option and option.isdecimal() and len(option) == 1 else 0
            stream.option()
        body = tuple(stream.group())
        called = names[0].text if names else ""
        if called.startswith("\\") and not any(token.text == called for token in body):
            stream.macros[called] = Macro(arguments, body)

    def _begin(self, token: TeX) -> None:
        name = self._stream.word()
        if name in _FLOATS:
            self._stream.option()
            self._floating, self._caption = len(self.document.tables), ""
        elif name in _TABLES:
            self._end_prose()
            table = _Table(self._stream, name, token.line, self)
            self.document.add(table.read())
        elif name == "comment":
            self._skip(name)
        else:
            self._stream.option()

    def _skip(self, name: str) -> None:
        while (token := self._stream.next()) is not None:
            if token.text == "\\end" and self._stream.word() == name:
                return

    def _end(self, name: str) -> None:
        if name in _FLOATS and self._caption:
            for table in self.document.tables[self._floating :]:
                table.caption = table.caption or self._caption
            self._caption = ""

    def _captioned(self) -> None:
        inner = Stream(self._stream.group(), self._stream.macros)
        pieces: list[str] = []
        while (token := inner.next()) is not None:
            pieces.append(inline(inner, token))
        self._caption = " ".join("".join(pieces).split())
        if self._caption:
            self.document.remarks.append(Remark(self._stream.line, self._caption))


class _Table:
    """One environment, while it is read."""

    def __init__(self, stream: Stream, name: str, line: int, reader: _Reader) -> None:
        self._stream, self._name, self._reader = stream, name, reader
        self.table = RawTable(line, marked=True, fills=True)
        self._row = RawRow(line)
        self._cell = RawCell("", line)
        self._pieces: list[str] = []
        self._braces: list[int] = []
        """The lines of open braces."""
        self._inner: list[str] = []
        """The environments inside the cell."""
        self._below: dict[int, tuple[int, str]] = {}
        self._headed = False
        stream.option()
        for _ in range(_TABLES[name]):
            stream.group()

    def read(self) -> RawTable:
        while (token := self._stream.next()) is not None:
            if self._token(token):
                return self.table
        self._reader.problem(
            f"line {self.table.line} begins a {self._name} that does not end",
            self.table.line,
            f"write \\end{{{self._name}}}",
        )
        return self.table

    def _token(self, token: TeX) -> bool:
        """Take one token; whether it ends the table."""
        text = token.text
        top = not self._braces and not self._inner
        name = text[1:].rstrip("*") if text[:1] == "\\" else ""
        if text == "{":
            self._braces.append(token.line)
        elif text == "}":
            if self._braces:
                self._braces.pop()
        elif name == "begin":
            self._enter(self._stream.word())
        elif name == "end":
            return self._leave(self._stream.word(), token)
        elif text == "&":
            if top:
                self._end_cell(token.line)
            else:
                self._pieces.append(" ")
        elif text in ("\\\\", "\\\\*") or name == "tabularnewline":
            self._stream.option()
            if top:
                self._end_row(token.line)
            else:
                self._pieces.append("\n")
        elif top and name in _RULES:
            self._rule(name)
        elif top and name in ("endhead", "endfirsthead", "endfoot", "endlastfoot"):
            self._part(name)
        elif name == "multicolumn":
            self._cell.across = self._count(self._stream.word(), limits.TABLE_COLUMNS, token.line)
            self._stream.group()
        elif name == "multirow":
            self._many_rows(token)
        elif name in ("noalign", "addlinespace", "rowcolor", "arrayrulecolor", "morecmidrules", "SetRow", "SetCell"):
            self._stream.option()
            if name not in ("addlinespace", "morecmidrules"):
                self._stream.group()
        else:
            if not self._pieces and text.strip():
                self._cell.line = token.line
            self._pieces.append(inline(self._stream, token))
        return False

    def _enter(self, name: str) -> None:
        """An environment inside a cell: `[` of a bmatrix; the column letters of an array are none of its text."""
        self._inner.append(name)
        self._stream.option()
        for _ in range(_TABLES.get(name, 0) if name not in _BRACKETS else 0):
            self._stream.group()
        self._pieces.append(_BRACKETS.get(name, ("", ""))[0])

    def _leave(self, name: str, token: TeX) -> bool:
        if self._inner:
            self._inner.pop()
            while self._pieces and not self._pieces[-1].strip():
                self._pieces.pop()
            self._pieces.append(_BRACKETS.get(name, ("", ""))[1])
            return False
        if self._braces:
            line = self._braces[-1]
            self._reader.problem(f"line {line} opens a brace that is not closed in its table", line, "close it with }")
        elif name != self._name:
            self._reader.problem(
                f"line {token.line} ends {name[:20]}, and {self._name} is open", token.line, "one of them is too many"
            )
        if "".join(self._pieces).strip() or self._row.cells:
            self._end_row(token.line)
        if not self._headed:
            self.table.marked = False
        return True

    def _count(self, text: str, most: int, line: int) -> int:
        if text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= most:
            return int(text)
        self._reader.problem(
            f"line {line}: `{text[:20]}` is no number of cells up to {most:,}", line, "write \\multicolumn{2}{c}{…}"
        )
        return 1

    def _many_rows(self, token: TeX) -> None:
        """`\\multirow{3}{*}{text}`; a negative number reaches upwards, and then the cell is where it stands."""
        self._stream.option()
        number = self._stream.word().lstrip("=")
        self._stream.option()
        self._stream.group()
        self._stream.option()
        if not number.startswith("-"):
            self._cell.down = self._count(number, limits.TABLE_ROWS, token.line)

    # ------------------------------------------------------------ cells and rows

    def _end_cell(self, line: int) -> None:
        cell = self._cell
        cell.text = "".join(self._pieces).strip()
        at = self._row.width
        if not cell.text and at in self._below:
            cell.text, cell.spread = self._below[at][1], True
        elif at in self._below:
            del self._below[at]
        if cell.down > 1:
            for place in range(at, at + cell.across):
                self._below[place] = (cell.down, cell.text)
        cell.down = 1
        self._row.add(cell)
        self._pieces = []
        self._cell = RawCell("", line)

    def _end_row(self, line: int) -> None:
        self._end_cell(line)
        row, self._row = self._row, RawRow(line)
        row.line = next((cell.line for cell in row.cells if cell.text and not cell.spread), row.cells[0].line)
        self._below = {at: (left - 1, text) for at, (left, text) in self._below.items() if left > 1}
        # What stands under a block of several lines has no cell of its own.
        if any(cell.text and not cell.spread for cell in row.cells):
            self.table.add(row)

    def _rule(self, name: str) -> None:
        stream = self._stream
        if name == "specialrule":
            for _ in range(3):
                stream.group()
        elif name in ("cline", "cmidrule"):
            stream.option()
            stream.option("(", ")")
            stream.group()
        elif name == "Xhline":
            stream.group()
        else:
            stream.option()
        if name in _HEADING and self.table.rows and not self._headed:
            self._headed = True
            for row in self.table.rows:
                row.header = True

    def _part(self, name: str) -> None:
        """The heads and feet of a longtable: the first head is its header, the others are printed again."""
        if name == "endfirsthead" or (name == "endhead" and not self._headed_part):
            for row in self.table.rows:
                row.header = True
            self._headed = self._headed_part = True
            self._kept = len(self.table.rows)
        else:
            del self.table.rows[self._kept :]

    _headed_part = False
    _kept = 0
