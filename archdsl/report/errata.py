"""The errata page: what was checked, what explained it, and every misprint, in Markdown.

In: a `Verification`. Out: a page that the same command writes again, letter for letter.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.diagnostics import counted
from archdsl.report.markdown import escape_markdown, markdown_row
from archdsl.report.tallies import Tally, explained_by, in_words, misprints, source_of, tally
from archdsl.report.verdicts import claims_text
from archdsl.verification import Judged, Verification
from archdsl.verify.finding import Finding

__all__ = ["errata_markdown"]


def errata_markdown(found: Verification, command: str) -> str:
    """The page; `command` is how it was made.

    ```
    ## Misprints
    ### Szegedy et al., "Going deeper with convolutions", Table 1
    | row | column | printed | computed | because | what mends it |
    | 10 | params | 463K | 498K = 510,104 | 512\\*128 + … = 510,104 | |
    ```
    """
    sums = tally(cell for one in found.tables for cell in one.judgement.findings)
    wrong = sum(len(cells) for _, cells in misprints(found))
    lines = [
        "# Errata of published tables",
        "",
        f"Written by `{command.replace('`', '')}`. What is printed is computed anew from the network that the table is "
        "about: a figure holds where it would be printed so, and what else it takes to be true is named.",
        "",
        f"{escape_markdown(in_words(sums))}. {counted(wrong, 'misprint')} in "
        f"{counted(len(misprints(found)), 'table')} of {len(found.tables):,}.",
        "",
    ]
    if found.claims.files:
        lines += [f"{escape_markdown(claims_text(found.claims))}.", ""]
    lines += ["## Misprints", ""]
    for one, cells in misprints(found):
        lines += _table(one, cells)
    if not wrong:
        lines += ["None.", ""]
    false = [one for one in found.diagnostics if one.id == "wrong-claim"]
    if false:
        lines += ["## Claims that are not true", ""]
        lines += [
            f"- {escape_markdown(f'{one.span.source.path}: ' if one.span else '')}{escape_markdown(one.message)}"
            for one in false
        ]
        lines.append("")
    lines += ["## What explains the rest", ""]
    reasons = explained_by(found.tables)
    lines += [
        markdown_row(("cells", "hold")),
        markdown_row(("---:", ":---")),
        markdown_row((f"{sums.verdicts['holds']:,}", "as printed")),
    ]
    lines += [markdown_row((f"{number:,}", escape_markdown(name))) for name, number in reasons]
    lines += ["", "## Tables", ""]
    heads = ("table", "network", "compared", "hold", "rounded", "convention", "wrong", "known", "not checked")
    lines += [markdown_row(heads), markdown_row([":---", ":---", *["---:"] * (len(heads) - 2)])]
    lines += [markdown_row(_line(one)) for one in found.tables]
    lines.append("")
    for one in found.tables:
        for text in (*one.chosen, *one.judgement.conventions):
            lines.append(f"- {escape_markdown(f'{one.name}: {text}')}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(one: Judged, cells: Sequence[Finding]) -> list[str]:
    source = source_of(one)
    against = f"{one.name}, against {one.judgement.network or 'itself'}"
    lines = [f"### {escape_markdown(source or one.name)}", "", f"{escape_markdown(against)}.", ""]
    heads = ("row", "column", "printed", "computed", "because", "what mends it")
    lines += [markdown_row(heads), markdown_row([":---"] * len(heads))]
    for cell in cells:
        shown = (cell.row, cell.column, cell.printed, cell.computed, cell.explanation, cell.suggestion)
        lines.append(markdown_row([escape_markdown(text) for text in shown]))
    return [*lines, ""]


def _line(one: Judged) -> Sequence[str]:
    sums: Tally = tally(one.judgement.findings)
    numbers = (sums.compared, *sums.verdicts.values())
    return (
        escape_markdown(one.name),
        escape_markdown(one.judgement.network or "itself"),
        *(f"{number:,}" if number else "" for number in numbers),
    )
