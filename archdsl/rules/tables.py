"""Rules about printed tables, which `verify` compares with networks.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl import limits
from archdsl.rules.rule import Rule

__all__ = ["RULES"]

_RIGHT = "type,output,params\nconv,55x55x96,34944\nmaxpool,27x27x96,\n"

RULES = (
    Rule(
        "table-format",
        "error",
        "A file of tables is neither CSV, TSV, Markdown, LaTeX, HTML nor a printout, as far as its name and text tell.",
        "Each has its own rules about what parts two cells.",
        "conv 55x55x96 34944\nmaxpool 27x27x96\n",
        _RIGHT,
        target="table.dat",
    ),
    Rule(
        "table-encoding",
        "error",
        "A file of tables is not UTF-8 text: a program's own format, or another encoding.",
        "Signs that are guessed could be other signs than the table prints.",
        "type,params\nconv,34944\0\n",
        "type,params\nconv,34944\n",
        target="table.csv",
    ),
    Rule(
        "table-syntax",
        "error",
        "A table breaks the rules of its format: a quote, a bracket or an environment is not closed.",
        "Where one cell ends and the next begins is then unknown.",
        'type,params\n"conv,34944\n',
        'type,params\n"conv",34944\n',
        target="table.csv",
    ),
    Rule(
        "table-empty",
        "error",
        "There is no table in a document, or one without rows below its header.",
        "A comparison that compares nothing must not look like one that found no mistake.",
        "Only prose.\n",
        "| type | params |\n|---|---|\n| conv | 34944 |\n",
        target="table.md",
    ),
    Rule(
        "table-ragged",
        "error",
        "A row has more or fewer cells than the header.",
        "Which columns its cells belong to is then a guess.",
        "type,output,params\nconv,55x55x96,34,944\n",
        'type,output,params\nconv,55x55x96,"34,944"\n',
        target="table.csv",
    ),
    Rule(
        "table-headless",
        "warning",
        "A table has no header: its first row is like those below it.",
        "Its columns are known by their values alone, and of a column of numbers nobody knows what it counts.",
        "conv,55x55x96,34944\nmaxpool,27x27x96,0\n",
        _RIGHT,
        target="table.csv",
    ),
    Rule(
        "table-directive",
        "error",
        "A line `archdsl KEY: VALUE` or an option names a directive, a role or a column that does not exist.",
        "The column that it is about would be read otherwise than it was said to be.",
        "# archdsl columns: parms=weights\ntype,weights\nconv,34944\n",
        "# archdsl columns: params=weights\ntype,weights\nconv,34944\n",
        target="table.csv",
    ),
    Rule(
        "table-cell",
        "warning",
        "A cell does not say what its column is about, or says it in a way that is not understood.",
        "It is not compared with anything, and is listed as such.",
        "type,params\nconv,34944\nfc,55x55\n",
        "type,params\nconv,34944\nfc,4097000\n",
        target="table.csv",
    ),
    Rule(
        "limit-table",
        "error",
        f"A table has more than {limits.TABLE_ROWS:,} rows or {limits.TABLE_COLUMNS} columns, or a document more than "
        f"{limits.TABLES} tables or {limits.TABLE_LINES:,} lines.",
        "No paper prints one; ResNet-1202 has fewer layers.",
        "type,params\n…",
        _RIGHT,
        target="table.csv",
        repeated="conv,34944\n",
        times=limits.TABLE_ROWS + 1,
    ),
    Rule(
        "limit-cell",
        "error",
        f"A cell of a table has more than {limits.CELL_LENGTH:,} characters, or brackets more than "
        f"{limits.CELL_NESTING} deep.",
        "A cell holds a figure, a size or a few layers; most often a quote is missing.",
        "type,params\n…conv,34944\n",
        _RIGHT,
        target="table.csv",
        repeated="[",
        times=limits.CELL_NESTING + 1,
    ),
    Rule(
        "import-row",
        "error",
        "`archdsl import` can make no layer of a row, or finds no row with layers.",
        "A file with a layer left out would be another network, so nothing is written.",
        "type,input,output\nconv,32x32x3,32x32x16\n",
        "type,patch size/stride,input,output\nconv,3x3/1,32x32x3,32x32x16\n",
        target="table.csv",
    ),
)
