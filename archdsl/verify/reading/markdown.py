"""Markdown: the pipe tables of a document, and the HTML tables in it.

In: a source. Out: its tables with plain cells, and the prose. Own code, since Markdown's parsers follow the rule that
cells which are too many in a row are dropped and missing ones filled in, and they read `27*27*96` as emphasis.
"""

from __future__ import annotations

import re

from archdsl.diagnostics import Collector, Source
from archdsl.verify.reading.html_tables import read_html
from archdsl.verify.reading.raw import Document, RawCell, RawRow, RawTable, Remark

__all__ = ["read_markdown", "unmarked"]

_FENCES = ("```", "~~~")
_BREAK = re.compile(r"<br ?/?>", re.I)
_TAG = re.compile(r"</?(?:b|i|em|strong|sub|span|code|tt|u|small|center|a|p|kbd)(?: [^<>]{0,200})?>", re.I)
_SUPER = re.compile(r"<sup>([^<>]{0,40})</sup>", re.I)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\[\]]{0,400})\]\([^()\s]{0,400}(?: [^()]{0,200})?\)")
_FOOTNOTE = re.compile(r"\[\^[^\[\]]{1,40}\]")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]{1,400}?)(?<=[^\s*])\1(?![\w*])")
_UNDERLINED = re.compile(r"(?<![\w_])(_{1,3})(?=[^\s_])([^_]{1,400}?)(?<=[^\s_])\1(?![\w_])")
_CODE = re.compile(r"(`{1,2})([^`]{1,400})\1")
_STRUCK = re.compile(r"~~([^~]{1,400})~~")
_MATH = re.compile(r"\$([^$]{1,400})\$")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def read_markdown(source: Source, found: Collector) -> Document:
    """The tables of a Markdown text, in order."""
    lines = source.text.split("\n")
    document = Document()
    at, fence = 0, ""
    while at < len(lines):
        line = lines[at].strip()
        if fence or line.startswith(_FENCES):
            fence = "" if fence and line.startswith(fence) else fence or line[:3]
            at += 1
        elif "|" in line and at + 1 < len(lines) and _alignment(lines[at + 1]):
            at = _table(lines, at, document)
        elif line.lower().startswith("<table"):
            at = _html(source, lines, at, document, found)
        elif line.startswith("<!--"):
            at = _comment(lines, at, document)
        else:
            if line:
                document.remarks.append(Remark(at + 1, unmarked(line.lstrip("#> ").strip())))
            at += 1
    return document


def _alignment(line: str) -> bool:
    """Whether a line is like `|---|:-:|`, which stands below a header."""
    cells = [cell.strip().strip(":") for cell in _cells(line)]
    return "-" in line and ("|" in line or len(cells) > 1) and all(cell and not cell.strip("-") for cell in cells)


def _table(lines: list[str], at: int, document: Document) -> int:
    table = RawTable(at + 1, marked=True)
    document.add(table)
    table.add(_row(lines[at], at + 1, header=True))
    at += 2
    while at < len(lines) and lines[at].strip() and "|" in lines[at]:
        table.add(_row(lines[at], at + 1, header=False))
        at += 1
    return at


def _row(line: str, number: int, *, header: bool) -> RawRow:
    row = RawRow(number, header=header)
    for text in _cells(line):
        row.add(RawCell(unmarked(text), number))
    return row


def _html(source: Source, lines: list[str], at: int, document: Document, found: Collector) -> int:
    end = at
    while end < len(lines) and "</table" not in lines[end].lower():
        end += 1
    inner = Source(source.path, "\n" * at + "\n".join(lines[at : end + 1]))
    inside = read_html(inner, found)
    for table in inside.tables:
        document.add(table)
    document.remarks += inside.remarks
    return end + 1


def _comment(lines: list[str], at: int, document: Document) -> int:
    while at < len(lines):
        line = lines[at]
        text = line.replace("<!--", "").replace("-->", "").strip()
        if text:
            document.remarks.append(Remark(at + 1, text))
        at += 1
        if "-->" in line:
            break
    return at


def _cells(line: str) -> list[str]:
    """The cells of a line: `|` parts them, `\\|` does not, and the outer ones may be missing."""
    text = line.strip()
    pieces = text.split("|")
    cells = [pieces[0]]
    for piece in pieces[1:]:
        if cells[-1].endswith("\\"):
            cells[-1] = cells[-1][:-1] + "|" + piece
        else:
            cells.append(piece)
    if text.startswith("|"):
        cells = cells[1:]
    if len(cells) > 1 and not cells[-1].strip() and text.endswith("|"):
        cells = cells[:-1]
    return cells


def unmarked(text: str) -> str:
    """The text without Markdown's marks.

    >>> unmarked("**7×7**, `64` [conv](x.md)[^1]"), unmarked("27*27*96")
    ('7×7, 64 conv', '27*27*96')
    """
    text = _BREAK.sub("\n", text)
    if not any(mark in text for mark in "*_`~$<[\\&"):
        return text.strip()
    text = _SUPER.sub(r"^\1", text)
    text = _TAG.sub("", text)
    text = _FOOTNOTE.sub("", text)
    text = _IMAGE_OR_LINK.sub(r"\1", text)
    text = _CODE.sub(r"\2", text)
    text = _MATH.sub(lambda match: _formula(match[1]), text)
    for _ in range(2):
        text = _UNDERLINED.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    text = _STRUCK.sub(r"\1", text)
    if "&" in text:
        from html import unescape

        text = unescape(text)
    return _ESCAPE.sub(r"\1", text).strip()


def _formula(text: str) -> str:
    from archdsl.verify.reading.latex_text import unwrapped

    return unwrapped(text)
