"""Misprints that are known: a file beside the table names them, so that a run stays green while the report shows them.

In: `table1.known.csv` beside `table1.csv`, and the judgements of the document. Out: the same judgements, their known
contradictions acknowledged; an error for each entry that no longer applies.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archdsl import limits
from archdsl.diagnostics import Collector, Source, Span, counted
from archdsl.verify.finding import Finding, Judgement
from archdsl.verify.reading.places import line_span

__all__ = ["HEADER", "SUFFIX", "Acknowledgement", "acknowledge", "known_path", "read_known", "unexplained"]

SUFFIX = ".known.csv"
_COLUMNS = ("row", "column", "printed", "why")
HEADER = ",".join(_COLUMNS)
"""The first line of every such file."""
_HINT = f"the first line is {HEADER}"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A cell that is known to be wrong, named as a verdict names it, with its printed text, and why."""

    row: str
    column: str
    printed: str
    why: str
    span: Span


def known_path(table: Path) -> Path:
    """Where the known misprints of a document stand.

    >>> known_path(Path("googlenet/table1.csv")).as_posix()
    'googlenet/table1.known.csv'
    """
    return table.with_name(table.stem + SUFFIX)


def read_known(path: Path, found: Collector) -> list[Acknowledgement]:
    """The entries of a file; none where there is no such file. Whatever is wrong with it is reported."""
    try:
        with path.open("rb") as file:
            content = file.read(limits.FILE_BYTES + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        found.error(
            "unreadable-file", f"cannot read {path.as_posix()}: {error.strerror or error}", hint="check the path"
        )
        return []
    try:
        source = Source(path.as_posix(), content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found.error("unreadable-file", f"{path.as_posix()} is not UTF-8 text: line {line}", hint="save it as UTF-8")
        return []
    if len(content) > limits.FILE_BYTES:
        found.error("limit-file", f"{path.as_posix()} is larger than {limits.FILE_BYTES:,} bytes", hint=_HINT)
        return []
    return _entries(source, found)


def _entries(source: Source, found: Collector) -> list[Acknowledgement]:
    entries: list[Acknowledgement] = []
    headed = False
    reader = csv.reader(io.StringIO(source.text, newline=""), strict=True)
    while True:
        start = reader.line_num + 1
        try:
            fields = [field.strip() for field in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            _wrong(f"this is no row of separated values: {error}", source, start, found)
            break
        if not any(fields) or fields[0].startswith("# "):
            continue
        if not headed:
            headed = True
            if tuple(fields) != _COLUMNS:
                _wrong(f"the columns are {', '.join(_COLUMNS)}, in this order", source, start, found)
                break
        elif len(fields) != len(_COLUMNS):
            _wrong(f"{counted(len(fields), 'cell')} in place of four: {', '.join(_COLUMNS)}", source, start, found)
        else:
            row, column, printed, why = fields
            entries.append(Acknowledgement(row, column, printed, why, line_span(source, start)))
            if not why:
                _wrong(f"row {row}, `{column}`: it does not say why", source, start, found)
    return entries


def _wrong(message: str, source: Source, line: int, found: Collector) -> None:
    found.error(
        "bad-acknowledgement", message, line_span(source, line), hint=f"{_HINT}; a cell with a comma stands in quotes"
    )


def acknowledge(judgements: Sequence[Judgement], known: Iterable[Acknowledgement], found: Collector) -> list[Judgement]:
    """Make each contradiction that an entry names `acknowledged`, with its reason; report entries that name none.

    `judgements` are those of all tables of the document that the file stands beside.
    """
    entries = list(known)
    named: dict[tuple[str, str, str], Acknowledgement] = {}
    for entry in entries:
        place = (entry.row, entry.column, entry.printed)
        if place in named:
            found.error(
                "stale-acknowledgement",
                f"row {entry.row}, `{entry.column}` is acknowledged already",
                entry.span,
                hint="remove one of the two",
            )
        named.setdefault(place, entry)
    used: set[tuple[str, str, str]] = set()

    def known_as(finding: Finding) -> Finding:
        place = (finding.row, finding.column, finding.printed)
        entry = named.get(place)
        if entry is None or finding.verdict != "contradiction":
            return finding
        used.add(place)
        known = f"known: {entry.why or 'nobody says why'}"
        told = f"{finding.explanation}; {known}" if finding.explanation else known
        return replace(finding, verdict="acknowledged", explanation=told)

    made = [replace(one, findings=[known_as(finding) for finding in one.findings]) for one in judgements]
    cells = [finding for one in judgements for finding in one.findings]
    for place, entry in named.items():
        if place not in used:
            found.error(
                "stale-acknowledgement",
                f"row {entry.row}, `{entry.column}`: {_why_not(entry, cells)}",
                entry.span,
                hint="remove the line, or write the row, the column and the printed text as the verdict has them",
            )
    return made


def _why_not(entry: Acknowledgement, cells: Sequence[Finding]) -> str:
    """Why an entry acknowledges nothing."""
    rows = [cell for cell in cells if cell.row == entry.row]
    if not rows:
        return f"no table of the document has a row `{entry.row}` with anything to judge"
    places = [cell for cell in rows if cell.column == entry.column]
    if not places:
        return f"that row has no judged cell in a column `{entry.column}`"
    same = [cell for cell in places if cell.printed == entry.printed]
    if not same:
        return f"the table prints `{places[0].printed}` there, not `{entry.printed}`"
    return f"the cell is no contradiction any more: {same[0].verdict}"


def unexplained(judgements: Iterable[Judgement]) -> str:
    """Every contradiction as a line of such a file, with an empty reason to be filled in."""
    out = io.StringIO()
    cells = [cell for one in judgements for cell in one.findings if cell.verdict == "contradiction"]
    rows = dict.fromkeys((cell.row, cell.column, cell.printed, "") for cell in cells)
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
