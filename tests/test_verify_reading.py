"""Documents with tables, in each format: the cells that are read in them, and the lines that speak to the program.

In: texts as people have them. Out: cells and directives, stated by hand.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from archdsl.diagnostics import Collector, render_text
from archdsl.verify.reading.documents import read_text
from archdsl.verify.reading.understand import understand
from archdsl.verify.table import Column, Number
from tests.table_texts import read, tables, texts, wrong

# ---------------------------------------------------------------- CSV


_PLAIN = [["type", "output", "params"], ["conv", "55x55x96", "34,944"], ["maxpool", "27x27x96", ""]]


@pytest.mark.parametrize(
    "text",
    [
        'type,output,params\nconv,55x55x96,"34,944"\nmaxpool,27x27x96,\n',
        'type, output, params\nconv, 55x55x96, "34,944"\nmaxpool, 27x27x96,\n',
        'type;output;params\r\nconv;55x55x96;34,944\r\nmaxpool;27x27x96;""\r\n',
        "type\toutput\tparams\nconv\t55x55x96\t34,944\nmaxpool\t27x27x96\t\n",
        '\ufeff# a comment, with commas, and a "quote\n\ntype,output,params\n# another\nconv,55x55x96,"34,944"\n'
        "maxpool,27x27x96,\n\n",
        'type,output,params,,\nconv,55x55x96,"34,944",,\nmaxpool,27x27x96,,,\n,,,,\n',
        '"type","output","params"\r"conv","55x55x96","34,944"\r"maxpool","27x27x96",""\r',
        'AlexNet,,\ntype,output,params\nconv,55x55x96,"34,944"\nmaxpool,27x27x96,\n',
    ],
)
def test_separated_values(text: str) -> None:
    (table,) = tables(text, "csv")
    assert texts(table) == _PLAIN


def test_a_tsv_is_separated_by_tabs_alone() -> None:
    (table,) = tables("a;b\tc\n1;2;3\t4\n", "tsv")
    assert texts(table) == [["a;b", "c"], ["1;2;3", "4"]]


def test_a_semicolon_in_cells_does_not_part_them() -> None:
    (table,) = tables("type,parameters\nconv,f=11; s=4; d=96\n", "csv")
    assert texts(table)[1] == ["conv", "f=11; s=4; d=96"]


def test_a_header_may_begin_with_a_number_sign() -> None:
    (table,) = tables("#params,type\n100,conv\n", "csv")
    assert texts(table)[0] == ["#params", "type"]


def test_a_quoted_cell_may_hold_lines_and_number_signs() -> None:
    (table,) = tables('type,what\nconv,"a\n# b ""c"""\nfc,d\n', "csv")
    assert [row.cells[1].text for row in table.rows] == ['a; # b "c"', "d"]
    assert [row.line for row in table.rows] == [2, 4]


def test_a_blank_line_begins_another_table_where_a_header_follows() -> None:
    first, second = tables("type,params\nconv,1\n\nfc,2\n\nnetwork,flops\nA,3\n", "csv")
    assert texts(first) == [["type", "params"], ["conv", "1"], ["fc", "2"]]
    assert texts(second) == [["network", "flops"], ["A", "3"]]
    assert (first.name, second.name) == ("table", "table#2")


# ---------------------------------------------------------------- Markdown


def test_markdown_tables_and_marks() -> None:
    text = """\
# Title
Prose with a | bar.

| **type** | `output` | *params* |
|:---|:-:|--:|
| [conv](x.md "t") | 55×55×96 | <b>34,944</b>[^1] |
| a \\| b | $55\\times55\\times96$ | 3.8×10<sup>9</sup> |
| 27*27*96 | a_b_c | ~60,000 |

type | params
--- | ---
fc | 1

```
| not | a table |
|---|---|
```
"""
    first, second = tables(text, "markdown")
    assert texts(first) == [
        ["type", "output", "params"],
        ["conv", "55×55×96", "34,944"],
        ["a | b", "55×55×96", "3.8×10^9"],
        ["27*27*96", "a_b_c", "~60,000"],
    ]
    assert texts(second) == [["type", "params"], ["fc", "1"]]
    assert first.rows[0].cells[0].line == 6
    assert second.rows[0].line == 12


def test_line_breaks_in_cells_part_layers() -> None:
    (table,) = tables(
        "| layer<br>name | 50-layer |\n|--|--|\n| conv2_x | [1×1, 64<br>3×3, 64<br>1×1, 256] × 3 |\n", "markdown"
    )
    assert texts(table) == [["layer name", "50-layer"], ["conv2_x", "[1×1, 64; 3×3, 64; 1×1, 256] × 3"]]


def test_html_tables_in_markdown() -> None:
    (table,) = tables("Prose.\n\n<table>\n<tr><th>type<th>params\n<tr><td>conv<td>1\n</table>\n", "markdown")
    assert texts(table) == [["type", "params"], ["conv", "1"]]
    assert table.rows[0].line == 5


# ---------------------------------------------------------------- HTML


def test_html_merged_cells_headers_and_markup() -> None:
    text = """\
<p>C = 1000.</p>
<table class="x">
<caption>Table 1: <b>two</b> nets</caption>
<thead>
<tr><th rowspan="2">layer</th><th colspan=2>ResNet</th></tr>
<tr><th>18</th><th>50</th></tr>
</thead>
<tbody>
<tr><td rowspan="2">conv2_x</td><td colspan="2">3&times;3 max pool, <i>stride</i> 2</td></tr>
<tr><td>[3&#215;3, 64<br>3&#215;3, 64] &times; 2</td><td>[1x1, 64; 3x3, 64; 1x1, 256] x3</td></tr>
<tr><td>FLOPs</td><td>1.8&times;10<sup>9</sup></td><td>3.8&times;10<sup>9</sup></td></tr>
</tbody>
</table>
<table><tr><td>type</td><td>params</td></tr><tr><td>conv</td><td>1</td></tr></table>
"""
    first, second = tables(text, "html")
    assert first.caption == "Table 1: two nets"
    assert texts(first) == [
        ["layer", "ResNet 18", "ResNet 50"],
        ["conv2_x", "3×3 max pool, stride 2", "3×3 max pool, stride 2"],
        ["conv2_x", "[3×3, 64; 3×3, 64] × 2", "[1x1, 64; 3x3, 64; 1x1, 256] x3"],
        ["FLOPs", "1.8×10^9", "3.8×10^9"],
    ]
    assert [[cell.spread for cell in row.cells] for row in first.rows] == [
        [False, False, True],
        [True, False, False],
        [False, False, False],
    ]
    assert [row.line for row in first.rows] == [9, 10, 11]
    assert first.directives.symbols == {"C": 1000}
    assert texts(second) == [["type", "params"], ["conv", "1"]]


# ---------------------------------------------------------------- LaTeX

_RESNET = r"""
% archdsl network: resnet.arch
\newcommand{\blocka}[2]{\multirow{3}{*}{\(\left[\begin{array}{c}\text{3$\times$3, #1}\\[-.1em]
  \text{3$\times$3, #1}\end{array}\right]\)$\times$#2}}
\begin{table*}[t]
\resizebox{0.7\linewidth}{!}{
\begin{tabular}{c|c|c|c}
\hline
layer name & output size & 18-layer & 34-layer \\ % a comment & with marks \\
\hline
conv1 & 112$\times$112 & \multicolumn{2}{c}{7$\times$7, 64, stride 2}\\
\hline
\multirow{4}{*}{conv2\_x} & \multirow{4}{*}{56$\times$56} & \multicolumn{2}{c}{3$\times$3 max pool, stride 2}
  \\\cline{3-4}
  &  & \blocka{64}{2} & \blocka{64}{3} \\
  &  &  &  \\
  &  &  &  \\
\hline
conv3\_x & 28$\times$28 & $\begin{bmatrix} 3 \times 3, 128 \\ 3 \times 3, 128 \end{bmatrix} \times 2$
  & \shortstack{\textbf{3$\times$3}, 128\\ 3$\times$3, 128} \\
\hline
& 1$\times$1  & \multicolumn{2}{c}{average pool, 1000-d fc, softmax} \\
\hline
\multicolumn{2}{c|}{FLOPs} & 1.8$\times10^9$ & $3.6 \times 10^{9}$ \\
\hline
\end{tabular}}
\caption{Architectures. $C = 1000$; 40\% dropout.}
\end{table*}
"""


def test_latex_as_the_papers_have_it() -> None:
    (table,) = tables(_RESNET, "latex")
    assert table.caption == "Architectures. C = 1000; 40% dropout."
    assert table.directives.network == "resnet.arch"
    assert table.directives.symbols == {"C": 1000}
    block = "[3×3, 64; 3×3, 64]×"
    assert texts(table) == [
        ["layer name", "output size", "18-layer", "34-layer"],
        ["conv1", "112×112", "7×7, 64, stride 2", "7×7, 64, stride 2"],
        ["conv2_x", "56×56", "3×3 max pool, stride 2", "3×3 max pool, stride 2"],
        ["conv2_x", "56×56", block + "2", block + "3"],
        ["conv3_x", "28×28", "[3 × 3, 128; 3 × 3, 128] × 2", "3×3, 128; 3×3, 128"],
        ["", "1×1", "average pool, 1000-d fc, softmax", "average pool, 1000-d fc, softmax"],
        ["FLOPs", "FLOPs", "1.8×10^9", "3.6 × 10^9"],
    ]
    found = Collector()
    reading = understand(table, {}, {}, found)
    assert not found, render_text(found)
    assert reading.lines[-1].quantity == "ops"
    assert [entry.value for entry in reading.lines[-1].entries[1:]] == [
        Number("1.8×10^9", Decimal("1.8e9"), Decimal("1e8")),
        Number("3.6 × 10^9", Decimal("3.6e9"), Decimal("1e8")),
    ]


def test_latex_titles_booktabs_and_longtables() -> None:
    text = r"""
\begin{longtable}{ll}
\caption{All layers}\\ \toprule type & params \\ \midrule \endfirsthead
\toprule type & params (continued) \\ \midrule \endhead
\bottomrule \endfoot
conv & 34\,944 \\ \cmidrule(lr){1-2} fc & {1{,}000} \\[2pt]
\end{longtable}
\begin{tabular}{|c|c|} \hline \multicolumn{2}{|c|}{ConvNet} \\ \hline A & B \\ \hline
\textbf{conv3-64} & {\small conv3-64} \\ \hline
\end{tabular}
"""
    first, second = tables(text, "latex")
    assert texts(first) == [["type", "params"], ["conv", "34 944"], ["fc", "1,000"]]
    assert second.caption == "ConvNet"
    assert texts(second) == [["A", "B"], ["conv3-64", "conv3-64"]]


# ---------------------------------------------------------------- directives


@pytest.mark.parametrize(
    ("format", "comment", "table"),
    [
        ("csv", "# {}\n", "#Params,type\n1,conv\n"),
        ("markdown", "<!-- {} -->\n\n", "| #Params | type |\n|--|--|\n| 1 | conv |\n"),
        ("markdown", "{}\n\n", "| #Params | type |\n|--|--|\n| 1 | conv |\n"),
        ("latex", "% {}\n", "\\begin{{tabular}}{{cc}} \\#Params & type \\\\ \\hline 1 & conv \\end{{tabular}}"),
        ("html", "<!-- {} -->", "<table><tr><th>#Params<th>type<tr><td>1<td>conv</table>"),
    ],
)
def test_directives_stand_in_comments_of_every_format(format: str, comment: str, table: str) -> None:
    lines = ("archdsl network: net.arch:big", "archdsl columns: memory=#Params", "archdsl let: C=1000, k=32")
    text = "".join(comment.format(line) for line in lines) + table.replace("{{", "{").replace("}}", "}")
    (read,) = tables(text, format)
    assert read.directives.network == "net.arch:big"
    assert read.directives.columns == {"#Params": "memory"}
    assert read.directives.symbols == {"C": 1000, "k": 32}
    found = Collector()
    reading = understand(read, {}, {}, found)
    assert reading.columns[0] == Column("#Params", "memory", "", 0, "said")


def test_a_directive_is_about_the_table_below_it() -> None:
    text = "# archdsl network: a.arch\nx,y\n1,2\n\n# archdsl network: b.arch\np,q\n3,4\n"
    assert [table.directives.network for table in tables(text, "csv")] == ["a.arch", "b.arch"]


def test_the_command_line_overrides_the_document() -> None:
    text = "# archdsl columns: memory=size\ntype,size\nconv,10x10\n"
    assert read(text, "csv", {"size": "output"}).columns[1] == Column("size", "output", "", 0, "said")


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("# archdsl columns: parms=size\ntype,size\nconv,1\n", "there is no role `parms`", 1),
        ("# archdsl column: params=size\ntype,size\nconv,1\n", "there is no directive `column`", 1),
        ("# archdsl columns: params\ntype,size\nconv,1\n", "is not ROLE=HEADER", 1),
        ("# archdsl let: C=many\ntype,size\nconv,1\n", "gives no letter a whole number", 1),
        ("# archdsl network:\ntype,size\nconv,1\n", "says nothing", 1),
        ("# archdsl columns: params=sise\ntype,size\nconv,1\n", "has no column `sise`", 2),
        ("type,size\nconv,1\n# archdsl let: C=1\n", "no table stands below", 3),
    ],
)
def test_wrong_directives(text: str, said: str, line: int) -> None:
    found = wrong(text)
    assert found[0][0] == "table-directive"
    assert said in found[0][1]
    assert found[0][2] == line


def test_a_wrong_column_of_the_command_line_names_the_nearest() -> None:
    found = Collector()
    (table,) = read_text("type,#Params\nconv,1\n", "table", "csv", found)
    understand(table, {"#Parms": "params", "type": "lyer"}, {}, found)
    assert [one.hint.split("?")[0] for one in found] == ["did you mean `#Params`", "did you mean `layer`"]
