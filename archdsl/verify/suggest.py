"""What would mend a contradiction: a change of the network, or what the table should print.

In: a `Judgement` with contradictions, and a way to elaborate a changed text. Out: the same judgement with suggestions,
each of which was tried: the changed network was judged against the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from archdsl.verify.edits import Edit, edits
from archdsl.verify.finding import Finding, Judgement
from archdsl.verify.judge import judge, main_layer
from archdsl.verify.kinds import flatten
from archdsl.verify.sheet import Case, Row, lay
from archdsl.verify.subject import Layer, Stretch
from archdsl.verify.table import Said, Size

__all__ = ["Editor", "suggest"]

_TRIALS = 160
"""Changed texts that are elaborated for one table, at most."""
_WORK = 400_000
"""Rows times layers that are judged anew for one table, at most: fewer trials for a large network."""


@dataclass(frozen=True, slots=True)
class Editor:
    """The text that the table's one network was made from, and `rebuild`, which elaborates a changed one."""

    text: str
    rebuild: Callable[[str], Case | None]


def suggest(judgement: Judgement, case: Case, editor: Editor) -> Judgement:
    """Find, for every contradiction, the smallest change of the network that makes its row true and no other row false.

    A contradiction that no change of the network mends is the table's own: it is given what the network has.

    >>> suggest(judgement, alexnet_of_224, editor).findings[1].suggestion
    '`conv 11x11/4+2 96` for `conv 11x11/4 96`, or input 227x227x3'
    """
    open_rows = {one.row: one for one in judgement.findings if one.verdict == "contradiction"}
    if not open_rows:
        return judgement
    sheet = lay(judgement.reading, case, judgement.reading.symbols)
    size = len(sheet.rows) * len(case.subject.layers)
    trials = _Trials(judgement, editor, max(8, min(_TRIALS, _WORK // max(1, size))))
    mended: dict[str, str] = {}
    for row in sheet.rows:
        number = row.line.number
        if row.stretch is None or number not in open_rows or number in mended:
            continue
        words, also = trials.mend(row, case, row.stretch)
        for other in also:
            mended.setdefault(other, words if other == number else f"the change of row {number}")
    rows = {row.line.number: row for row in sheet.rows}
    findings = [
        _suggested(one, mended.get(one.row, "") or _print_instead(one, rows[one.row], case))
        if one.verdict == "contradiction"
        else one
        for one in judgement.findings
    ]
    return replace(judgement, findings=findings)


def _print_instead(finding: Finding, row: Row, case: Case) -> str:
    """What the cell should say for the network as it is, in the words that it uses."""
    entry = next((e for e in row.entries if (e.column.header, e.cell.text) == (finding.column, finding.printed)), None)
    if entry is None or row.stretch is None:
        return ""
    if isinstance(entry.value, Size):
        sides = finding.computed.split("x")
        bare = len(entry.value.parts) == len(sides) - 1  # 28x28, without the channels
        return f"print {'x'.join(sides[:-1]) if bare else finding.computed}"
    if not isinstance(entry.value, tuple) or len(entry.value) != 1 or not isinstance(entry.value[0], Said):
        return ""
    inside = row.own or case.subject.layers[row.stretch.start : row.stretch.stop]
    layer = main_layer(row.said, entry.value[0], inside)
    if layer is None:
        return ""
    text = rewritten(finding.printed, layer)
    return f"print {text}" if text != finding.printed else f"print {layer.node.call}"


_NAMED = re.compile(r"\b([fkspd])(\s*=\s*|(?<=\bs))(\d+)")


def rewritten(printed: str, layer: Layer) -> str:
    """`f=7; s=1` with a layer's own kernel, stride, padding and filters."""
    extents = {"f": layer.kernel, "k": layer.kernel, "s": layer.stride, "p": layer.padding}

    def own(match: re.Match[str]) -> str:
        extent = extents.get(match[1])
        value = layer.output[-1] if match[1] == "d" else extent[0] if extent else match[3]
        return f"{match[1]}{match[2]}{value}"

    return _NAMED.sub(own, printed)


def _suggested(finding: Finding, words: str) -> Finding:
    if finding.verdict != "contradiction" or finding.suggestion:
        return finding
    return replace(finding, suggestion=words)


class _Trials:
    """Changed networks, each elaborated and judged once."""

    def __init__(self, judgement: Judgement, editor: Editor, most: int) -> None:
        self._most = most
        self._judgement = judgement
        self._editor = editor
        self._wrong = _contradictions(judgement)
        self._inputs = {
            line.number for line in judgement.reading.lines if [one.kind for one in flatten(line.said)] == ["input"]
        }
        self._tried: dict[str, frozenset[tuple[str, str]] | None] = {}

    def mend(self, row: Row, case: Case, stretch: Stretch) -> tuple[str, frozenset[str]]:
        """The best change that makes a row true, with the best of another kind, in words; and the rows it mends."""
        number = row.line.number
        broken = frozenset(one for one in self._wrong if one[0] == number)
        if all(role in ("params", "ops") for role in self._roles(row, broken)) and _told(row):
            return "", frozenset()  # all that makes up the count is printed, and is right
        found: list[tuple[int, int, Edit, frozenset[str]]] = []
        for edit in edits(self._editor.text, case.subject, stretch, row.said, row.entries):
            left = self._judged(edit.text)
            if left is None or broken & left or not self._allowed(edit, left, number):
                continue
            rows = frozenset(place for place, _ in self._wrong - left) - {place for place, _ in left}
            found.append((len(left), edit.size, edit, rows | {number}))
        found.sort(key=lambda entry: entry[:2])
        if not found:
            return "", frozenset()
        best = found[0]
        other = next((entry[2] for entry in found if entry[2].kind != best[2].kind and entry[0] <= best[0] + 1), None)
        return best[2].words + (f", or {other.words}" if other is not None else ""), best[3]

    def _allowed(self, edit: Edit, left: frozenset[tuple[str, str]], number: str) -> bool:
        """Whether nothing that held falls; only the printed input may, when the network's input is changed."""
        new = left - self._wrong
        if not new:
            return True
        fewer = len(left) < len(self._wrong)
        mine = {number, *self._inputs}
        return fewer and edit.kind == "input" and len(new) == 1 and all(place in mine for place, _ in new)

    def _roles(self, row: Row, broken: frozenset[tuple[str, str]]) -> list[str]:
        columns = {column for _, column in broken}
        return [entry.column.role for entry in row.entries if entry.column.header in columns]

    def _judged(self, text: str) -> frozenset[tuple[str, str]] | None:
        """What is contradicted when the network is that of a changed text; None where it makes no network."""
        if text not in self._tried:
            if len(self._tried) >= self._most:
                return None
            case = self._editor.rebuild(text)
            self._tried[text] = None if case is None else _contradictions(judge(self._judgement.reading, [case]))
        return self._tried[text]


def _told(row: Row) -> bool:
    """Whether a row prints what its parameters are made of."""
    branches = any(entry.column.role == "branch" for entry in row.entries)
    return branches or all(said.kernel is not None or said.filters is not None for said in row.said)


def _contradictions(judgement: Judgement) -> frozenset[tuple[str, str]]:
    return frozenset((f.row, f.column) for f in judgement.findings if f.verdict == "contradiction")
