"""Verdicts on tables for programs, pull requests, READMEs and papers.

In: a `Verification`. Out: JSON, GitHub annotations, Markdown or LaTeX. For people at a terminal: `verdicts.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from archdsl.diagnostics import Diagnostic, render_github
from archdsl.report.latex import escape_latex, latex_row
from archdsl.report.markdown import escape_markdown, markdown_row
from archdsl.report.tallies import in_words, tally
from archdsl.report.verdicts import totals_text
from archdsl.verification import Judged, Verification
from archdsl.verify.finding import Finding
from archdsl.verify.reading.places import line_span

__all__ = ["verdicts_github", "verdicts_json", "verdicts_latex", "verdicts_markdown", "wrong_cells"]

# ---------------------------------------------------------------- programs


def verdicts_json(found: Verification) -> str:
    """`{"cells": [{"table", "row", "column", "printed", "computed", "verdict", "convention", "explanation",
    "suggestion"}], "totals": {…}}`: every cell that says something, in the order of the tables.

    `row` and `printed` are as the table has them. Totals: `tables`, `cells`, `compared` (cells), `facts`, a number for
    each verdict, `claims` and `false_claims`, `documents_passed_over`.
    """
    cells = [
        {
            "table": one.name,
            "row": cell.row,
            "column": cell.column,
            "printed": cell.printed,
            "computed": cell.computed,
            "verdict": cell.verdict,
            "convention": cell.convention,
            "explanation": cell.explanation,
            "suggestion": cell.suggestion,
        }
        for one in found.tables
        for cell in one.judgement.findings
    ]
    sums = tally(cell for one in found.tables for cell in one.judgement.findings)
    totals: dict[str, int] = {
        "tables": len(found.tables),
        "cells": sums.cells,
        "compared": sums.compared,
        "facts": sums.facts,
        **{str(verdict): number for verdict, number in sums.verdicts.items()},
        "claims": found.claims.compared,
        "false_claims": found.claims.false,
        "documents_passed_over": len(found.passed),
    }
    return json.dumps({"cells": cells, "totals": totals}, indent=2, ensure_ascii=False)


# ---------------------------------------------------------------- pull requests


def verdicts_github(found: Verification) -> str:
    """An `::error` for each contradiction, at its line of the table, and one for each other mistake."""
    return render_github([*wrong_cells(found), *found.diagnostics])


def wrong_cells(found: Verification) -> list[Diagnostic]:
    """The contradictions as located mistakes."""
    return [
        _located(one, cell)
        for one in found.tables
        for cell in one.judgement.findings
        if cell.verdict == "contradiction"
    ]


def _located(one: Judged, cell: Finding) -> Diagnostic:
    source = one.judgement.reading.table.source
    against = one.judgement.network or "the table itself"
    message = f"row {cell.row}, {cell.column}: `{cell.printed}` is {cell.computed or 'not so'} by {against}"
    if cell.explanation:
        message += f"; {cell.explanation}"
    place = line_span(source, cell.line) if source is not None else None
    hint = cell.suggestion or f"mend the network, or acknowledge the misprint in {one.known.name}"
    return Diagnostic("wrong-cell", message, place, hint=hint)


# ---------------------------------------------------------------- documents


_HEAD = ("row", "column", "printed", "computed", "verdict", "why")


def verdicts_markdown(found: Verification, *, every: bool = False) -> str:
    """For each table a heading, what does not simply hold, and the sums; all the cells with `every`."""
    lines: list[str] = []
    for one in found.tables:
        lines += [f"### {escape_markdown(_title(one))}", ""]
        notes = [*one.chosen, *one.judgement.conventions]
        lines += [*(f"- {escape_markdown(text)}" for text in notes), ""] if notes else []
        rows = list(_rows(one.judgement.findings, every))
        if rows:
            lines += [markdown_row(_HEAD), markdown_row([":---"] * len(_HEAD))]
            lines += [markdown_row([escape_markdown(text) for text in row]) for row in rows]
            lines.append("")
        lines += [escape_markdown(in_words(tally(one.judgement.findings))), ""]
    lines += [escape_markdown(line) for line in totals_text(found, wide=10_000)]
    return "\n".join(lines) + "\n"


def verdicts_latex(found: Verification, *, every: bool = False) -> str:
    r"""For each table a `tabular` with booktabs: what does not simply hold, or all the cells with `every`."""
    lines = [r"% needs \usepackage{booktabs}"]
    for one in found.tables:
        sums = escape_latex(in_words(tally(one.judgement.findings)))
        lines += [
            r"\begin{table}",
            r"  \centering",
            rf"  \caption{{{escape_latex(_title(one))}: {sums}.}}",
            r"  \begin{tabular}{@{}lllllp{6cm}@{}}",
            r"    \toprule",
            latex_row(_HEAD),
            r"    \midrule",
            *(latex_row([escape_latex(text) for text in row]) for row in _rows(one.judgement.findings, every)),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    lines += [f"% {line}" for line in totals_text(found, wide=10_000)]
    return "\n".join(lines) + "\n"


def _title(one: Judged) -> str:
    return f"{one.name}, against {one.judgement.network or 'itself'}"


def _rows(cells: Sequence[Finding], every: bool) -> Iterator[tuple[str, ...]]:
    for cell in cells:
        if every or cell.verdict not in ("holds", "not-checked"):
            why = "; ".join(text for text in (cell.convention, cell.explanation) if text)
            if cell.suggestion:
                why += f"{'; ' if why else ''}mended by: {cell.suggestion}"
            yield cell.row, cell.column, cell.printed, cell.computed, cell.verdict, why
