"""A summary for a notebook: one HTML table.

In: a `Summary`. Out: HTML in which no text of the user is markup, without scripts or outside resources.
"""

from __future__ import annotations

from archdsl.analysis.rows import Row
from archdsl.report.columns import COLUMNS, DEFAULT, Column
from archdsl.report.numbers import binary, clean, grouped
from archdsl.report.summary import Summary
from archdsl.report.totals import heading, totals

__all__ = ["to_html"]


def to_html(found: Summary) -> str:
    """A `<table>` with a caption, the legends as tooltips of the headings, the totals as a list under it."""
    chosen = tuple(COLUMNS[key] for key in DEFAULT)
    head = "".join(
        f'<th title="{_safe(column.legend)}" style="text-align:{_side(column)}">{_safe(column.heading)}</th>'
        for column in chosen
    )
    body = "\n".join("<tr>" + "".join(_cell(row, column) for column in chosen) + "</tr>" for row in found.rows)
    entries = "\n".join(f"<li><b>{_safe(t.label)} {_safe(t.amount)}</b> {_safe(t.meaning)}</li>" for t in totals(found))
    return (
        f"<table>\n<caption>{_safe(heading(found))}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table>\n<ul>\n{entries}\n</ul>\n"
    )


def _side(column: Column) -> str:
    return "left" if column.kind == "text" else "right"


def _safe(text: str) -> str:
    import html

    return html.escape(clean(text))


def _cell(row: Row, column: Column) -> str:
    value = column.cell(row)
    if isinstance(value, int):
        value = binary(value) if column.kind == "bytes" else grouped(value)
    indent = f";padding-left:{0.5 + row.level}em" if column.key == "name" else ""
    return f'<td style="text-align:{_side(column)}{indent}">{_safe(value or "")}</td>'
