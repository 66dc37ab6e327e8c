"""A summary for a spreadsheet: CSV, a line a layer, exact numbers without separators.

In: a `Summary` and columns. Out: CSV as RFC 4180 has it. The totals are left out: they are the sums of the columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.report.columns import COLUMNS, Column
from archdsl.report.numbers import clean
from archdsl.report.summary import Summary

__all__ = ["CSV_COLUMNS", "to_csv"]

CSV_COLUMNS = ("path", "block", "op", "output", "params", "buffers", "macs", "work", "memory", "rf", "stride")

_FORMULA = "=+-@＝＋－＠"


def to_csv(found: Summary, *, columns: Sequence[Column] | None = None) -> str:
    """Every row that is not opened into others, so that the sum of a column is that of the network.

    ```
    path,block,op,output,params,buffers,macs,work,memory,rf,stride
    conv1,,conv 5x5 6,28x28x6,156,0,117600,4704,18816,5x5,1x1
    ```

    Memory is in bytes. Control characters are shown as escapes; a text that a spreadsheet would take for a formula is
    preceded by an apostrophe, as OWASP advises.
    """
    import csv
    import io

    chosen = tuple(COLUMNS[key] for key in CSV_COLUMNS) if columns is None else tuple(columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.key for column in chosen])
    for row in found.rows:
        if not row.opened:
            writer.writerow([_safe(column.cell(row)) for column in chosen])
    return text.getvalue()


def _safe(value: str | int | None) -> str | int:
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    text = clean(value)
    begins = text.lstrip()[:1]
    return "'" + text if begins and begins in _FORMULA else text
