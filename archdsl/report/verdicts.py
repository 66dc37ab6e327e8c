"""Verdicts on tables, for people: how each table was understood, what does not simply hold, and the sums.

In: a `Verification`. Out: text that is at most so many columns wide. For programs: `verdicts_formats.py`; the errata
page in Markdown: `errata.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from archdsl.diagnostics import Paint, counted
from archdsl.report.numbers import clean, fit, width
from archdsl.report.tallies import explained_by, in_words, misprints, source_of, tally
from archdsl.verification import Claims, Judged, Verification
from archdsl.verify.finding import Finding, Judgement, Verdict
from archdsl.verify.table import Column

__all__ = ["claims_text", "totals_text", "verdicts_text"]

_WIDTH: Final = 80
_LABEL: Final = 13
_ANSI: Final = re.compile("\x1b\\[[0-9;]*m")
_COLOURS: Final[dict[Verdict, str]] = {
    "holds": "32",
    "rounded": "36",
    "convention": "36",
    "contradiction": "1;31",
    "acknowledged": "33",
    "not-checked": "2",
}
_NAMED: Final = 6
"""How many rows or layers are named before the rest is counted."""


def verdicts_text(found: Verification, *, every: bool = False, colour: bool = False) -> str:
    """The tables that were named, each with its cells; all of them in a page of sums, where there are several.

    ```
    table1.csv, against googlenet
      columns        layer <- "type", output <- "output size", params <- "params"
      conventions    parameters: weights only, K = 1024 (explains 9 of 11)
      rows           18 of 19 matched; not row 19 (softmax)

      contradiction  row 1, params: 2.7K -> 9.2K = 9,408
                     7*7*3*64 = 9,408
    ```

    `every`: cells that simply hold, and the tables of folders, too.
    """
    paint = Paint(colour)
    lines: list[str] = []
    for one in found.tables:
        if one.outright or every:
            lines += [*_table(one, every, paint), ""]
    if len(found.tables) > 1 or any(not one.outright for one in found.tables):
        lines += [*_page(found, every, paint), ""]
    lines += totals_text(found, colour=colour)
    return "\n".join([*lines, ""]) if lines else ""


def totals_text(found: Verification, *, wide: int = _WIDTH, colour: bool = False) -> list[str]:
    """The last lines: cells, claims, and documents that were passed over."""
    paint = Paint(colour)
    lines: list[str] = []
    if found.tables:
        sums = tally(cell for one in found.tables for cell in one.judgement.findings)
        mark = "1;31" if sums.verdicts["contradiction"] else "1"
        text = f"{counted(len(found.tables), 'table')}, {in_words(sums)}"
        lines += [paint(mark, line) for line in _hung("", text, 0, wide)]
    if found.claims.compared:
        lines += _hung("", claims_text(found.claims), 0, wide)
    if found.passed:
        many = len(found.passed) > 1
        text = (
            f"{counted(len(found.passed), 'document')} of the folders {'were' if many else 'was'} passed over: no "
            f"`archdsl network:` line in {'them' if many else 'it'}"
        )
        lines += _hung("", text, 0, wide)
    return lines


def claims_text(claims: Claims) -> str:
    """The claims in one sentence."""
    text = f"{counted(claims.compared, 'claim')} (`expect`) of {counted(claims.networks, 'network')} in "
    text += f"{counted(claims.files, 'file')}: {'all hold' if not claims.false else f'{claims.false:,} false'}"
    if claims.published:
        text += f"; {counted(claims.published, 'published figure')} that nothing can be compared with"
    return text


# ---------------------------------------------------------------- one table


def _table(one: Judged, every: bool, paint: Paint) -> list[str]:
    judgement = one.judgement
    against = f"against {judgement.network}" if judgement.network else "against itself"
    lines = [paint("1", line) for line in _hung("", f"{one.name}, {against}", 2)]
    lines += _hung("  ", source_of(one), 2)
    lines += _understood(one, paint)
    lines.append("")
    shown = [
        cell for cell in judgement.findings if cell.verdict != "not-checked" and (every or cell.verdict != "holds")
    ]
    for cell in shown:
        lines += _cell(cell, paint)
    lines += _unchecked(judgement.findings, paint)
    return lines[:-1] if not lines[-1] else lines


def _understood(one: Judged, paint: Paint) -> list[str]:
    """How the table was read: its columns, its network, its conventions, its rows."""
    judgement = one.judgement
    columns = judgement.reading.columns
    facts = [("columns", _columns(columns))]
    unknown = [f'"{column.header}"' for column in columns if column.role == "unknown"]
    if unknown:
        facts.append(("unknown", f"{', '.join(unknown)}: never compared; say what it is with --columns"))
    measured = [f'"{column.header}"' for column in columns if column.role == "measured"]
    if measured:
        facts.append(("measured", f"{', '.join(measured)}: not computed, never compared"))
    letters = ", ".join(f"{name} = {value}" for name, value in judgement.reading.symbols.items())
    facts += [("letters", letters)] if letters else []
    facts += [("network", text) for text in one.chosen]
    facts += [("conventions", text) for text in judgement.conventions]
    if judgement.matches:
        facts.append(("rows", _matched(judgement)))
    if judgement.network and any(match.layers for match in judgement.matches):
        left = [clean(name) for name in judgement.unnamed]
        facts.append(("layers", f"no row names {_some(left)}" if left else "every weight layer is in some row"))
    lines: list[str] = []
    before = ""
    for label, text in facts:
        shown = "" if label == before else label
        lines += _hung(f"  {paint('2', f'{shown:{_LABEL}}')}  ", text)
        before = label
    return lines


def _columns(columns: Sequence[Column]) -> str:
    known = [column for column in columns if column.role not in ("unknown", "measured", "index")]
    return ", ".join(f'{_role(column)} <- "{column.header}"' for column in known) or "none understood"


def _role(column: Column) -> str:
    return column.detail if column.role == "branch" and column.detail else column.role


def _matched(judgement: Judgement) -> str:
    """How many rows have a layer, and which have none; a row of a table of several networks, in all of them."""
    rows: dict[str, bool] = {}
    texts: dict[str, str] = {}
    for match in judgement.matches:
        rows[match.row] = rows.get(match.row, True) and bool(match.layers)
        texts.setdefault(match.row, match.text)
    left = [f"{row} ({clean(texts[row][:40])})" if texts[row] else row for row, fits in rows.items() if not fits]
    text = f"{len(rows) - len(left):,} of {len(rows):,} matched"
    return f"{text}; not row {_some(left)}" if left else text


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def _cell(cell: Finding, paint: Paint) -> list[str]:
    head = f"row {cell.row}, {cell.column}: {cell.printed}"
    if cell.computed not in ("", cell.printed) and cell.verdict != "holds":
        head += f" -> {cell.computed}"
    lines = _hung(f"  {_label(cell.verdict, paint)}  ", head)
    for text in (cell.convention, cell.explanation):
        lines += _hung(" " * (_LABEL + 4), text)
    if cell.suggestion:
        lines += _hung(" " * (_LABEL + 4) + paint("1;36", "mends it") + ": ", cell.suggestion)
    return lines


def _label(verdict: Verdict, paint: Paint) -> str:
    return paint(_COLOURS[verdict], f"{verdict:{_LABEL}}")


def _unchecked(cells: Sequence[Finding], paint: Paint) -> list[str]:
    """What was not compared, by reason, so that a column of names is one line."""
    reasons: dict[str, dict[str, list[str]]] = {}
    for cell in cells:
        if cell.verdict == "not-checked":
            reasons.setdefault(cell.explanation, {}).setdefault(cell.column, []).append(cell.row)
    lines: list[str] = []
    for why, columns in reasons.items():
        together: dict[tuple[str, ...], list[str]] = {}
        for column, rows in columns.items():
            together.setdefault(tuple(rows), []).append(column)
        for numbers, names in together.items():
            place = f"{', '.join(names)}, {'row' if len(numbers) == 1 else 'rows'} {_some(numbers)}"
            lines += _hung(f"  {_label('not-checked', paint)}  ", f"{place}: {why}")
    return lines


def _hung(lead: str, text: str, indent: int = _LABEL + 4, wide: int = _WIDTH) -> list[str]:
    """A text behind its lead, wrapped at an indent; nothing for no text. Colours of the lead take no room."""
    if not text:
        return []
    first, *rest = _wrapped(text, wide, width(_ANSI.sub("", lead)), indent)
    return [lead + first, *(" " * indent + line for line in rest)]


def _wrapped(text: str, wide: int, first: int, indent: int) -> list[str]:
    """The lines of a text, by the columns that its characters take; a word that is too long is cut."""
    lines, line, room = [], "", wide - first
    for word in clean(text).split(" "):
        joined = f"{line} {word}" if line else word
        if width(joined) <= room:
            line = joined
            continue
        if line:
            lines.append(line)
            line, room = "", wide - indent
        for char in word:
            if width(line + char) > room:
                lines.append(line)
                line, room = "", wide - indent
            line += char
    return [*lines, line]


# ---------------------------------------------------------------- the page


def _page(found: Verification, every: bool, paint: Paint) -> list[str]:
    """All tables, a line each; what explained cells; the misprints of tables that are not shown in full."""
    lines = _lines(found.tables, paint)
    reasons = explained_by(found.tables)
    if reasons:
        lines += ["", paint("1", "explained by")]
        for name, number in reasons:
            lines += _hung(f"  {number:>5,}  ", name, 9)
    for one, cells in misprints(found):
        if one.outright or every:
            continue
        lines += ["", *(paint("1", line) for line in _hung("", f"{one.name}: misprints", 2))]
        lines += _hung("  ", source_of(one), 2)
        for cell in cells:
            lines += _cell(cell, paint)
    return lines


_HEADINGS: Final = ("cells", "hold", "rounded", "conv.", "wrong", "known", "open")
_LEGEND: Final = "cells: compared; conv.: true by a convention; known: acknowledged; open: not compared"


def _lines(tables: Sequence[Judged], paint: Paint) -> list[str]:
    rows = []
    for one in tables:
        sums = tally(one.judgement.findings)
        numbers = [sums.compared, *sums.verdicts.values()]
        rows.append([clean(one.name), *(f"{number:,}" if number else "-" for number in numbers)])
    widths = [max(len(name), *(width(row[at + 1]) for row in rows)) for at, name in enumerate(_HEADINGS)]
    room = max(12, _WIDTH - sum(widths) - 2 * len(widths))
    first = min(room, max(len("table"), *(width(row[0]) for row in rows)))
    lines = []
    for row in [["table", *_HEADINGS], *rows]:
        cells = [f"{cell:>{size}}" for cell, size in zip(row[1:], widths, strict=True)]
        lines.append("  ".join([fit(row[0], first, front=True), *cells]))
    return [paint("1", lines[0]), *lines[1:], *(paint("2", line) for line in _hung("", _LEGEND, 0))]
