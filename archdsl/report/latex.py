r"""A summary for a paper: a LaTeX table with booktabs.

In: a `Summary` and columns. Out: a `table` environment in which no text of the user is a command; it needs
`\usepackage{booktabs}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archdsl.analysis.rows import Row
from archdsl.report.columns import COLUMNS, Column
from archdsl.report.numbers import clean, short
from archdsl.report.summary import Summary
from archdsl.report.totals import heading

__all__ = ["LATEX_COLUMNS", "TEX_SPECIAL", "escape_latex", "latex_row", "to_latex"]

LATEX_COLUMNS = ("name", "op", "output", "params", "macs")

TEX_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "-": "{-}",
    "×": r"$\times$",
    "…": r"\ldots{}",
}
"""What TeX would read as something else, and signs that are none of its letters."""
_COMMANDS: Final = str.maketrans({**TEX_SPECIAL, "[": "{[}", "]": "{]}", "*": "{*}"})


def escape_latex(text: str) -> str:
    r"""Text that LaTeX prints as it is; brackets and stars too, which `\\` would take for its arguments.

    >>> escape_latex("100% of x_1")
    '100\\% of x\\_1'
    """
    return clean(" ".join(text.split())).translate(_COMMANDS)


def to_latex(found: Summary, *, columns: Sequence[Column] | None = None) -> str:
    """A floating table: rows, a rule, the totals of the columns that have one; units in the caption."""
    chosen = tuple(COLUMNS[key] for key in LATEX_COLUMNS) if columns is None else tuple(columns)
    sums = {
        "params": found.counts.total.params,
        "buffers": found.counts.total.buffers,
        "macs": found.counts.total.macs,
        "flops": found.counts.total.flops,
        "work": found.counts.total.work,
        "connections": found.counts.total.connections,
        "memory": found.memory.activations,
        "layers": found.counts.total.layers,
    }
    legend = "; ".join(
        f"{column.heading}: {column.legend}" for column in chosen if column.kind in ("number", "bytes", "axes")
    )
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escape_latex(heading(found))}. {escape_latex(legend)}.}}",
        rf"  \begin{{tabular}}{{@{{}}{''.join('l' if column.kind == 'text' else 'r' for column in chosen)}@{{}}}}",
        r"    \toprule",
        latex_row([escape_latex(_head(column)) for column in chosen]),
        r"    \midrule",
    ]
    lines += [latex_row([_cell(row, column) for column in chosen]) for row in found.rows]
    last = [_number(sums[column.key], column) if column.key in sums else "" for column in chosen]
    if any(last):
        lines += [
            r"    \midrule",
            latex_row(["total" if place == 0 and not cell else cell for place, cell in enumerate(last)]),
        ]
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _head(column: Column) -> str:
    return column.heading + (" (bytes)" if column.kind == "bytes" else "")


def latex_row(cells: Sequence[str]) -> str:
    r"""
    >>> latex_row(["conv1", "156"])
    '    conv1 & 156 \\\\'
    """
    return "    " + " & ".join(cells) + r" \\"


def _cell(row: Row, column: Column) -> str:
    value = column.cell(row)
    if value is None:
        return ""
    if isinstance(value, int):
        return _number(value, column)
    lead = rf"\hspace*{{{row.level}em}}" if column.key == "name" and row.level else ""
    return lead + escape_latex(value)


def _number(value: int, column: Column) -> str:
    """Exact parameters; the work in four digits, as papers have it."""
    text = short(value) if column.key in ("macs", "flops", "work") else f"{value:,}"
    return text.replace(",", "{,}")
