"""What would mend a contradiction: a change of the network, or what the table should print.

In: a `Judgement` with contradictions, and a way to elaborate a changed text. Out: the same judgement with suggestions,
each of which was tried: the changed network was judged against the whole table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from archdsl.verify.edits import Edit, edits
from archdsl.verify.finding import Finding, Judgement
from archdsl.verify.judge import judge
from archdsl.verify.sheet import Case, Row, lay
from archdsl.verify.subject import Stretch

__all__ = ["Editor", "suggest"]

_TRIALS = 240
"""Changed texts that are elaborated for one table, at most."""


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
    wrong = {finding.row for finding in judgement.findings if finding.verdict == "contradiction"}
    if not wrong:
        return judgement
    sheet = lay(judgement.reading, case, judgement.reading.symbols)
    trials = _Trials(judgement, editor)
    mended: dict[str, str] = {}
    for row in sheet.rows:
        if row.stretch is not None and row.line.number in wrong:
            mended[row.line.number] = trials.mend(row, case, row.stretch)
    return replace(judgement, findings=[_suggested(one, mended.get(one.row, "")) for one in judgement.findings])


def _suggested(finding: Finding, words: str) -> Finding:
    if finding.verdict != "contradiction" or finding.suggestion:
        return finding
    return replace(finding, suggestion=words)


class _Trials:
    """Changed networks, each elaborated and judged once."""

    def __init__(self, judgement: Judgement, editor: Editor) -> None:
        self._judgement = judgement
        self._editor = editor
        self._wrong = _contradictions(judgement)
        self._tried: dict[str, frozenset[tuple[str, str]] | None] = {}

    def mend(self, row: Row, case: Case, stretch: Stretch) -> str:
        """The one or two best changes that make a row true, in words; empty where there is none."""
        found: list[tuple[int, int, Edit]] = []
        for edit in edits(self._editor.text, case.subject, stretch, row.said, row.entries):
            left = self._judged(edit.text)
            if left is None or left - self._wrong:
                continue
            mended = {(number, column) for number, column in self._wrong - left if number == row.line.number}
            if mended and not any(number == row.line.number for number, _ in left):
                found.append((len(left), edit.size, edit))
        found.sort(key=lambda entry: entry[:2])
        return ", or ".join(edit.words for _, _, edit in found[:2])

    def _judged(self, text: str) -> frozenset[tuple[str, str]] | None:
        """What is contradicted when the network is that of a changed text; None where it makes no network."""
        if text not in self._tried:
            if len(self._tried) >= _TRIALS:
                return None
            case = self._editor.rebuild(text)
            self._tried[text] = None if case is None else _contradictions(judge(self._judgement.reading, [case]))
        return self._tried[text]


def _contradictions(judgement: Judgement) -> frozenset[tuple[str, str]]:
    return frozenset((f.row, f.column) for f in judgement.findings if f.verdict == "contradiction")
