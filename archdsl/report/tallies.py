"""What verdicts add up to.

In: a `Verification`. Out: its sums, the same for every format. Nothing is shown here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from archdsl.diagnostics import counted
from archdsl.verification import Judged, Verification
from archdsl.verify.finding import VERDICTS, Finding, Verdict

__all__ = ["Tally", "explained_by", "in_words", "misprints", "source_of", "tally", "wording"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells by verdict; `compared` of them were compared, in so many `facts`."""

    cells: int
    compared: int
    facts: int
    verdicts: Mapping[Verdict, int]


def tally(findings: Iterable[Finding]) -> Tally:
    """The sums of some cells."""
    cells = list(findings)
    verdicts = Counter(cell.verdict for cell in cells)
    return Tally(
        len(cells),
        sum(cell.compared > 0 for cell in cells),
        sum(cell.compared for cell in cells),
        {verdict: verdicts[verdict] for verdict in VERDICTS},
    )


def in_words(sums: Tally) -> str:
    """One sentence.

    >>> in_words(tally(findings))
    '144 cells, 142 compared (157 facts): 126 hold, 1 rounded, 5 by convention, 10 contradictions, 2 not checked'
    """
    told = [wording(verdict, number) for verdict, number in sums.verdicts.items() if number or verdict == "holds"]
    what = f"{counted(sums.cells, 'cell')}, {sums.compared:,} compared ({counted(sums.facts, 'fact')})"
    return f"{what}: {', '.join(told)}"


def wording(verdict: Verdict, number: int) -> str:
    """A number of cells with one verdict, in words."""
    if verdict == "contradiction":
        return counted(number, "contradiction")
    words = {"holds": "hold" if number != 1 else "holds", "convention": "by convention", "not-checked": "not checked"}
    return f"{number:,} {words.get(verdict, verdict)}"


def explained_by(tables: Sequence[Judged]) -> list[tuple[str, int]]:
    """What made cells true that are not so plainly, with how many: conventions, and figures cut off."""
    found: Counter[str] = Counter()
    for one in tables:
        for cell in one.judgement.findings:
            if cell.verdict == "convention":
                for name in cell.convention.split("; "):
                    # What stands behind the colon is the arithmetic of one cell.
                    found[name.partition(": ")[0]] += 1
            elif cell.verdict == "rounded":
                found[f"{cell.explanation or 'rounded'}, not rounded to the nearest"] += 1
    return found.most_common()


def source_of(one: Judged) -> str:
    """Where a table is from, in the words of its document: how that begins, and the table's caption."""
    table = one.judgement.reading.table
    first = table.notes[0] if table.notes else ""
    return f"{first} {table.caption}".strip() if table.caption != first else first


def misprints(verification: Verification) -> list[tuple[Judged, list[Finding]]]:
    """The tables in which something is wrong, known or not, each with these cells."""
    wrong = ("contradiction", "acknowledged")
    found = [(one, [cell for cell in one.judgement.findings if cell.verdict in wrong]) for one in verification.tables]
    return [(one, cells) for one, cells in found if cells]
