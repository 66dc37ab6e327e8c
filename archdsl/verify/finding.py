"""What is found out about a table: a verdict for every cell that says something.

In: nothing; these are the types that judging fills. Out: what `archdsl.report` and the command line show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from archdsl.verify.table import Entry, Line, Reading

__all__ = ["VERDICTS", "Finding", "Judgement", "Match", "Result", "Verdict", "combined"]

Verdict = Literal["holds", "rounded", "convention", "contradiction", "acknowledged", "not-checked"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One printed cell.

    - `row`: as the table numbers it; `line`: of the document; `column`: the header as printed.
    - `verdict`: `holds` (equal, or rounded as people round), `rounded` (cut off), `convention` (true under the named
      `convention`), `contradiction`, `acknowledged` (one that a file beside the table knows of),
      `not-checked` (nobody compared it; `explanation` says why).
    - `compared`: how many facts of the cell were compared; `f=11; s=4; d=96` holds three. Zero only for `not-checked`.
    - `computed`: what the network has in its place. `explanation`: one line, with the arithmetic of a contradiction.
    - `suggestion`: a change that makes the row true, tested by elaborating it; else empty.
    """

    row: str
    line: int
    column: str
    printed: str
    computed: str
    verdict: Verdict
    compared: int
    convention: str = ""
    explanation: str = ""
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one network says about one cell."""

    verdict: Verdict
    compared: int
    computed: str = ""
    convention: str = ""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A row and the layers it was matched to, by name; `layers` is empty where none was found."""

    row: str
    text: str
    layers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A table judged, against a network or (`network` is empty) against itself.

    `conventions` names what was chosen for the whole table, one sentence each: `params: weights only, K = 1024
    (explains 9 of 11)`. Tables with a column a network have one judgement for all their networks. `unnamed` are the
    weight layers that no row is about.
    """

    reading: Reading
    network: str
    findings: Sequence[Finding]
    matches: Sequence[Match]
    conventions: Sequence[str]
    unnamed: Sequence[str] = ()

    def count(self, verdict: Verdict) -> int:
        """How many cells have that verdict."""
        return sum(finding.verdict == verdict for finding in self.findings)


_WORST: Sequence[Verdict] = ("contradiction", "convention", "rounded", "holds", "not-checked")


def combined(line: Line, entry: Entry, results: Sequence[tuple[str, Result]]) -> Finding:
    """One finding for all networks that the cell is about: the worst of their verdicts."""
    place = (line.number, entry.cell.line, entry.column.header, entry.cell.text)
    if not results:
        why = entry.problem or "no network of the table is about this cell"
        return Finding(*place, "", "not-checked", 0, explanation=why)
    name, worst = min(results, key=lambda pair: _WORST.index(pair[1].verdict))
    compared = sum(result.compared for _, result in results)
    explanation = worst.explanation
    if len(results) > 1 and worst.verdict == "contradiction":
        explanation = f"{name}: {explanation}" if explanation else f"of {name}"
    return Finding(*place, worst.computed, worst.verdict, compared, worst.convention, explanation)
