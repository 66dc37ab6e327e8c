"""Documents with tables, in each format, good and bad: what is read in them, and what is said where it cannot be.

In: texts as people have them, and the published tables in `specs`. Out: cells, columns and lines, stated by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archdsl import limits
from archdsl.diagnostics import Collector, render_text
from archdsl.verify.reading.documents import FORMATS, read_tables, read_text
from archdsl.verify.reading.understand import understand
from archdsl.verify.table import Column, Group, Line, Number, Reading, Said, Size, Table

_SPECS = Path(__file__).parents[1] / "specs"


def _tables(text: str, format: str) -> list[Table]:
    """The tables of a text in which nothing is wrong."""
    found = Collector()
    tables = read_text(text, "table", format, found)
    assert not found.failed, render_text(found)
    return tables


def _texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in table.headers], *([cell.text for cell in row.cells] for row in table.rows)]


def _read(text: str, format: str = "markdown", columns: Mapping[str, str] | None = None) -> Reading:
    """The only table of a text, understood, with nothing to say about it."""
    found = Collector()
    (table,) = read_text(text, "table", format, found)
    reading = understand(table, columns or {}, {}, found)
    assert not found, render_text(found)
    return reading


def _roles(reading: Reading) -> list[str]:
    return [column.role for column in reading.columns]


def _wrong(text: str, format: str = "csv", columns: Mapping[str, str] | None = None) -> list[tuple[str, str, int]]:
    """What is said about a text: ids, messages, lines."""
    found = Collector()
    for table in read_text(text, "table", format, found):
        understand(table, columns or {}, {}, found)
    return [(one.id, one.message, one.span.line if one.span else 0) for one in found]


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
    (table,) = _tables(text, "csv")
    assert _texts(table) == _PLAIN


def test_a_tsv_is_separated_by_tabs_alone() -> None:
    (table,) = _tables("a;b\tc\n1;2;3\t4\n", "tsv")
    assert _texts(table) == [["a;b", "c"], ["1;2;3", "4"]]


def test_a_semicolon_in_cells_does_not_part_them() -> None:
    (table,) = _tables("type,parameters\nconv,f=11; s=4; d=96\n", "csv")
    assert _texts(table)[1] == ["conv", "f=11; s=4; d=96"]


def test_a_header_may_begin_with_a_number_sign() -> None:
    (table,) = _tables("#params,type\n100,conv\n", "csv")
    assert _texts(table)[0] == ["#params", "type"]


def test_a_quoted_cell_may_hold_lines_and_number_signs() -> None:
    (table,) = _tables('type,what\nconv,"a\n# b ""c"""\nfc,d\n', "csv")
    assert [row.cells[1].text for row in table.rows] == ['a; # b "c"', "d"]
    assert [row.line for row in table.rows] == [2, 4]


def test_a_blank_line_begins_another_table_where_a_header_follows() -> None:
    first, second = _tables("type,params\nconv,1\n\nfc,2\n\nnetwork,flops\nA,3\n", "csv")
    assert _texts(first) == [["type", "params"], ["conv", "1"], ["fc", "2"]]
    assert _texts(second) == [["network", "flops"], ["A", "3"]]
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
    first, second = _tables(text, "markdown")
    assert _texts(first) == [
        ["type", "output", "params"],
        ["conv", "55×55×96", "34,944"],
        ["a | b", "55×55×96", "3.8×10^9"],
        ["27*27*96", "a_b_c", "~60,000"],
    ]
    assert _texts(second) == [["type", "params"], ["fc", "1"]]
    assert first.rows[0].cells[0].line == 6
    assert second.rows[0].line == 12


def test_line_breaks_in_cells_part_layers() -> None:
    (table,) = _tables(
        "| layer<br>name | 50-layer |\n|--|--|\n| conv2_x | [1×1, 64<br>3×3, 64<br>1×1, 256] × 3 |\n", "markdown"
    )
    assert _texts(table) == [["layer name", "50-layer"], ["conv2_x", "[1×1, 64; 3×3, 64; 1×1, 256] × 3"]]


def test_html_tables_in_markdown() -> None:
    (table,) = _tables("Prose.\n\n<table>\n<tr><th>type<th>params\n<tr><td>conv<td>1\n</table>\n", "markdown")
    assert _texts(table) == [["type", "params"], ["conv", "1"]]
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
    first, second = _tables(text, "html")
    assert first.caption == "Table 1: two nets"
    assert _texts(first) == [
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
    assert _texts(second) == [["type", "params"], ["conv", "1"]]


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
    (table,) = _tables(_RESNET, "latex")
    assert table.caption == "Architectures. C = 1000; 40% dropout."
    assert table.directives.network == "resnet.arch"
    assert table.directives.symbols == {"C": 1000}
    block = "[3×3, 64; 3×3, 64]×"
    assert _texts(table) == [
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
    first, second = _tables(text, "latex")
    assert _texts(first) == [["type", "params"], ["conv", "34 944"], ["fc", "1,000"]]
    assert second.caption == "ConvNet"
    assert _texts(second) == [["A", "B"], ["conv3-64", "conv3-64"]]


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
    (read,) = _tables(text, format)
    assert read.directives.network == "net.arch:big"
    assert read.directives.columns == {"#Params": "memory"}
    assert read.directives.symbols == {"C": 1000, "k": 32}
    found = Collector()
    reading = understand(read, {}, {}, found)
    assert reading.columns[0] == Column("#Params", "memory", "", 0, "said")


def test_a_directive_is_about_the_table_below_it() -> None:
    text = "# archdsl network: a.arch\nx,y\n1,2\n\n# archdsl network: b.arch\np,q\n3,4\n"
    assert [table.directives.network for table in _tables(text, "csv")] == ["a.arch", "b.arch"]


def test_the_command_line_overrides_the_document() -> None:
    text = "# archdsl columns: memory=size\ntype,size\nconv,10x10\n"
    assert _read(text, "csv", {"size": "output"}).columns[1] == Column("size", "output", "", 0, "said")


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
    found = _wrong(text)
    assert found[0][0] == "table-directive"
    assert said in found[0][1]
    assert found[0][2] == line


def test_a_wrong_column_of_the_command_line_names_the_nearest() -> None:
    found = Collector()
    (table,) = read_text("type,#Params\nconv,1\n", "table", "csv", found)
    understand(table, {"#Parms": "params", "type": "lyer"}, {}, found)
    assert [one.hint.split("?")[0] for one in found] == ["did you mean `#Params`", "did you mean `layer`"]


# ---------------------------------------------------------------- what columns are about

_HEADERS: list[tuple[str, str, str, str, int]] = [
    # header, a value, role, detail, thousands
    ("编号", "1", "index", "", 0),
    ("操作", "卷积", "layer", "", 0),
    ("层", "卷积", "layer", "", 0),
    ("参数", "34,944", "params", "", 0),
    ("参数", "f=11; s=4", "arguments", "", 0),
    ("参数量（百万）", "61.1", "params", "", 2),
    ("卷积核", "11×11", "kernel", "", 0),
    ("步长", "4", "stride", "", 0),
    ("填充", "same", "padding", "", 0),
    ("输入尺寸", "227×227×3", "input", "", 0),
    ("输出尺寸", "55×55×96", "output", "", 0),
    ("通道数", "96", "filters", "", 0),
    ("计算量", "1.05亿", "ops", "", 0),
    ("#params", "2.7K", "params", "", 0),
    ("# Params.", "2.7K", "params", "", 0),
    ("Params (M)", "61.1", "params", "", 2),
    ("#Params/M", "61.1", "params", "", 2),
    ("Number of parameters (millions)", "138", "params", "", 2),
    ("Million Parameters", "4.2", "params", "", 2),
    ("parameters", "f=11; s=4; d=96", "arguments", "", 0),
    ("params", "7x7/2", "arguments", "", 0),
    ("Mult-Adds", "569M", "ops", "", 0),
    ("Million Mult-Adds", "569", "ops", "", 2),
    ("MACs", "4.1G", "ops", "", 0),
    ("FLOPs (×10^9)", "3.8", "ops", "", 3),
    ("FLOPs [10^6]", "3800", "ops", "", 2),
    ("GFLOPs", "3.8", "ops", "", 3),
    ("MAdd", "300M", "ops", "", 0),
    ("Memory (MB)", "233", "memory", "", 2),
    ("patch size/stride", "7×7/2", "arguments", "", 0),
    ("output size", "112×112×64", "output", "", 0),
    ("Output Shape", "(None, 112, 112, 64)", "output", "", 0),
    ("Input Size", "224 × 224 × 3", "input", "", 0),
    ("depth", "2", "depth", "", 0),
    ("#1×1", "64", "branch", "1x1", 0),
    ("#3x3 reduce", "96", "branch", "3x3 reduce", 0),
    ("double #3x3 reduce", "96", "branch", "double 3x3 reduce", 0),
    ("pool proj", "32", "branch", "pool proj", 0),
    ("s1x1 (#1x1 squeeze)", "16", "branch", "s1x1", 0),
    ("e3x3", "64", "branch", "e3x3", 0),
    ("Filter Shape", "3 × 3 × 3 × 32", "arguments", "filter shape", 0),
    ("Param #", "9,472", "params", "", 0),
    ("Layer (type)", "conv2d_1 (Conv2D)", "layer", "", 0),
    ("Kernel size", "5x5", "kernel", "", 0),
    ("Kernel", "7x7/2", "arguments", "", 0),
    ("Connections", "122,304", "connections", "", 0),
    ("repeats", "3", "repeat", "", 0),
    ("Remarks", "as in the paper", "note", "", 0),
    ("receptive field of the fourth kind", "11", "unknown", "", 0),
    ("#parameter after pruning", "5,746", "unknown", "", 0),
    ("top-1 error", "24.7", "unknown", "", 0),
]


@pytest.mark.parametrize(
    ("header", "value", "role", "detail", "power"), _HEADERS, ids=[f"{row[0]}: {row[1]}" for row in _HEADERS]
)
def test_a_column_is_understood(header: str, value: str, role: str, detail: str, power: int) -> None:
    found = Collector()
    (table,) = read_text(f'title\t"{header}"\nconv\t"{value}"\nconv\t"{value}"\n', "t", "tsv", found)
    column = understand(table, {}, {}, found).columns[1]
    assert (column.role, column.detail, column.power) == (role, detail, power)
    assert (column.why == "") == (role == "unknown")


@pytest.mark.parametrize("header", ["18-layer", "ResNet-50", "DenseNet-121 (k = 32)", "VGG-16", "A", "C", "A-LRN"])
def test_a_column_may_be_a_network(header: str) -> None:
    reading = _read(f"| layer name | {header} | other |\n|--|--|--|\n| conv1 | 7x7, 64 | 3x3, 64 |\n")
    assert [(column.role, column.detail) for column in reading.columns[1:]] == [
        ("network", header),
        ("network", "other"),
    ]


def test_power_of_the_header_goes_to_the_numbers() -> None:
    reading = _read("| model | Params (M) |\n|--|--|\n| conv | 61.1 |\n")
    assert reading.lines[0].entries[1].value == Number("61.1", Decimal("61.1"), Decimal("0.1"), 2)


def test_columns_of_mobilenet_v2() -> None:
    text = """\
Input | Operator | *t* | *c* | *n* | *s*
---|---|---|---|---|---
224² × 3 | conv2d | - | 32 | 1 | 2
112² × 16 | bottleneck | 6 | 24 | 2 | 2
7² × 1280 | avgpool 7x7 | - | - | 1 | -
1 × 1 × 1280 | conv2d 1x1 | - | k | - | -
"""
    reading = _read(text)
    assert _roles(reading) == ["input", "layer", "arguments", "filters", "repeat", "stride"]
    said = [line.said for line in reading.lines]
    first = said[0][0]
    assert isinstance(first, Said)
    assert (first.kind, first.filters, first.stride) == ("conv", 32, (2,))
    group = said[1][0]
    assert isinstance(group, Group)
    inner = group.items[0]
    assert isinstance(inner, Said)
    assert (group.times, inner.kind, inner.filters, inner.stride, inner.extra) == (
        2,
        "bottleneck",
        24,
        (2,),
        (("t", "6"),),
    )
    last = said[3][0]
    assert isinstance(last, Said)
    assert (last.kind, last.kernel, last.filters) == ("conv", (1, 1), "k")


def test_rows_of_mobilenet_v1() -> None:
    text = """\
| Type / Stride | Filter Shape | Input Size |
|---|---|---|
| Conv / s2 | 3 × 3 × 3 × 32 | 224 × 224 × 3 |
| Conv dw / s1 | 3 × 3 × 32 dw | 112 × 112 × 32 |
| 5× Conv dw / s1 | 3 × 3 × 512 dw | 14 × 14 × 512 |
| Avg Pool / s1 | Pool 7 × 7 | 7 × 7 × 1024 |
| FC / s1 | 1024 × 1000 | 1 × 1 × 1024 |
"""
    found = [line.said[0] for line in _read(text).lines]
    conv, depthwise, repeated, pool, fc = found
    assert isinstance(conv, Said)
    assert (conv.kind, conv.kernel, conv.stride, conv.filters) == ("conv", (3, 3), (2,), 32)
    assert isinstance(depthwise, Said)
    assert (depthwise.kind, depthwise.kernel, depthwise.filters) == ("dwconv", (3, 3), 32)
    assert isinstance(repeated, Group)
    assert repeated.times == 5
    assert isinstance(pool, Said)
    assert (pool.kind, pool.kernel) == ("avgpool", (7, 7))
    assert isinstance(fc, Said)
    assert (fc.kind, fc.filters, fc.extra) == ("fc", 1000, (("in", "1024"),))


def test_a_batch_printed_as_a_number_is_taken_off() -> None:
    text = """\
| Layer (type:depth-idx) | Output Shape | Param # |
|--|--|--|
| ├─Conv2d: 2-1 | [1, 64, 55, 55] | 23,296 |
| ├─Linear: 2-2 | [1, 4096] | 37,752,832 |
"""
    sizes = [line.entries[1].value for line in _read(text).lines]
    assert sizes == [Size("[1, 64, 55, 55]", (64, 55, 55), "first"), Size("[1, 4096]", (4096,), "open")]


def test_cells_that_print_nothing_are_no_entries() -> None:
    rows = "".join(f"| conv | {dash} |\n" for dash in ("-", "–", "—", "/", "N/A", "", "--"))
    reading = _read("| type | params |\n|--|--|\n| conv | 5 |\n" + rows)
    assert [len(line.entries) for line in reading.lines] == [2, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("label", "quantity", "power"),
    [
        ("FLOPs", "ops", 0),
        ("Total params", "params", 0),
        ("# params.", "params", 0),
        ("Number of parameters (millions)", "params", 2),
        ("参数量（百万）", "params", 2),
        ("Mult-Adds (M)", "ops", 2),
    ],
)
def test_a_row_may_be_about_whole_networks(label: str, quantity: str, power: int) -> None:
    reading = _read(
        f"| layer name | 18-layer | 34-layer |\n|--|--|--|\n| conv1 | 7x7, 64 | 7x7, 64 |\n| {label} | 11 | 21 |\n"
    )
    line = reading.lines[1]
    assert (line.quantity, line.said) == (quantity, ())
    assert [entry.value for entry in line.entries[1:]] == [
        Number("11", Decimal(11), Decimal(1), power),
        Number("21", Decimal(21), Decimal(1), power),
    ]


def test_a_total_is_about_the_whole_network() -> None:
    reading = _read("| layer | params |\n|--|--|\n| conv | 100 |\n| Total | 100 |\n")
    assert [line.quantity for line in reading.lines] == ["", "params"]


# ---------------------------------------------------------------- published tables


def _published(name: str) -> list[Reading]:
    found = Collector()
    readings = [understand(table, {}, {}, found) for table in read_tables(_SPECS / name, found)]
    assert not found, render_text(found)
    assert all(column.role != "unknown" for reading in readings for column in reading.columns)
    assert not [entry for reading in readings for line in reading.lines for entry in line.entries if entry.problem]
    return readings


def _one(line: Line) -> Said:
    assert len(line.said) == 1
    assert isinstance(line.said[0], Said)
    return line.said[0]


def test_alexnet_of_wei() -> None:
    (reading,) = _published("alexnet/wei_table3.1.csv")
    assert _roles(reading) == ["index", "layer", "arguments", "input", "output"]
    assert reading.columns[2].why == "values"
    assert reading.symbols["C"] == 1000
    assert [line.number for line in reading.lines] == [str(number) for number in range(1, 24)]
    kinds = [_one(line).kind for line in reading.lines]
    assert kinds.count("conv") == 5
    assert kinds.count("fc") == 3
    first = _one(reading.lines[0])
    assert (first.kernel, first.stride, first.padding, first.filters) == ((11,), (4,), None, 96)
    assert _one(reading.lines[3]).extra == (("k", "2"), ("n", "5"), ("a", "1e-4"), ("b", "0.75"))
    assert _one(reading.lines[17]).rate == Decimal("0.5")
    assert _one(reading.lines[21]).filters == "C"
    assert reading.lines[22].entries[-1].value == Size("1x1xC", (1, 1, "C"), "last")


def test_vgg_of_wei() -> None:
    (reading,) = _published("vgg/wei_table3.2.csv")
    assert _roles(reading) == ["index", "layer", "arguments", "input", "output"]
    assert len(reading.lines) == 39
    assert (_one(reading.lines[30]).kind, _one(reading.lines[30]).kernel) == ("maxpool", (7,))
    assert reading.lines[34].entries[3].value == Size("14x14x512", (14, 14, 512), "last")


def test_googlenet_table_1() -> None:
    (reading,) = _published("googlenet/table1.csv")
    assert _roles(reading) == ["layer", "arguments", "output", "depth", *["branch"] * 6, "params", "ops"]
    details = [column.detail for column in reading.columns if column.role == "branch"]
    assert details == ["1x1", "3x3 reduce", "3x3", "5x5 reduce", "5x5", "pool proj"]
    params = [entry.value for line in reading.lines for entry in line.entries if entry.column.role == "params"]
    assert params[0] == Number("2.7K", Decimal("2.7"), Decimal("0.1"), 1)
    assert params[9] == Number("1072K", Decimal(1072), Decimal(1), 1)
    labels = [_one(line).label for line in reading.lines if _one(line).kind == "inception"]
    assert labels == ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
    assert _one(reading.lines[16]).rate == Decimal("0.4")


def test_resnet_table_1() -> None:
    (reading,) = _published("resnet/table1.md")
    assert [column.detail for column in reading.columns[2:]] == [
        "18-layer",
        "34-layer",
        "50-layer",
        "101-layer",
        "152-layer",
    ]
    stage = reading.lines[3].entries[-1].value
    assert isinstance(stage, tuple)
    assert isinstance(stage[0], Group)
    assert stage[0].times == 36
    assert [one.filters for one in stage[0].items if isinstance(one, Said)] == [256, 256, 1024]
    assert [line.quantity for line in reading.lines] == ["", "", "", "", "", "", "ops"]


def test_vgg_configurations() -> None:
    layers, parameters = _published("vgg/configurations.md")
    assert [column.detail for column in layers.columns] == ["A", "A-LRN", "B", "C", "D", "E"]
    assert layers.lines[0].quantity == "depth"
    assert [entry.value.digits for entry in layers.lines[0].entries if isinstance(entry.value, Number)] == [
        11,
        11,
        13,
        16,
        16,
        19,
    ]
    convolutions = [
        sum(
            isinstance(one, Said) and one.kind == "conv"
            for line in layers.lines[1:]
            for one in line.entries[network].value
        )
        for network in range(6)
    ]
    assert convolutions == [8, 8, 10, 13, 13, 16]
    assert [column.detail for column in parameters.columns[1:]] == ["A, A-LRN", "B", "C", "D", "E"]
    (line,) = parameters.lines
    assert line.quantity == "params"
    assert [entry.value for entry in line.entries[1:]] == [
        Number(text, Decimal(text), Decimal(1), 2) for text in ("133", "133", "134", "138", "144")
    ]


# ---------------------------------------------------------------- bad tables


@pytest.mark.parametrize(
    ("text", "format", "id", "said", "line"),
    [
        ("a,b\n1,2\n3,4,5\n", "csv", "table-ragged", "row 2 has 3 cells, not 2 as the header; `5` is one too many", 3),
        ("a,b,c\n1,2\n", "csv", "table-ragged", "row 1 has 2 cells, not 3 as the header", 2),
        ("| a | b |\n|--|--|\n| 1 |\n", "markdown", "table-ragged", "row 1 has 1 cell, not 2", 3),
        ("<table><tr><th>a<tr><td>1<td>2</table>", "html", "table-ragged", "row 1 has 2 cells", 1),
        ("\\begin{tabular}{c}a\\\\ \\hline 1 & 2\\\\ \\end{tabular}", "latex", "table-ragged", "row 1 has 2 cells", 1),
        ("a,b\n", "csv", "table-empty", "no rows below its header", 1),
        ("", "csv", "table-empty", "there is no table", 0),
        ("| a |\n", "markdown", "table-empty", "there is no table", 0),
        ('a,b\n1,2\n"3,4\n', "csv", "table-syntax", "line 3", 3),
        ("\\begin{tabular}{c}a\\\\ {b \\end{tabular}", "latex", "table-syntax", "opens a brace that is not closed", 1),
        ("x\n\\begin{tabular}{c}a\\\\ b", "latex", "table-syntax", "line 2 begins a tabular that does not end", 2),
        ("<table><tr><td>a", "html", "table-syntax", "ends inside a table", 1),
        ("<table><tr><td>a<table></table></table>", "html", "table-syntax", "a table stands inside a table", 1),
        ('<table><tr><td colspan="x">a</table>', "html", "table-syntax", 'colspan="x"', 1),
        ("type,params\nconv,55x55\n", "csv", "table-cell", "row 1, column 2 (`params`): `55x55` is not understood", 2),
        ("type,output\nconv,9x9\nfc,big\n", "csv", "table-cell", "row 2, column 2 (`output`): `big`", 3),
        ("type,Params (M)\nconv,61\nfc,2.7K\n", "csv", "table-cell", "unit of its own, K, and its header says M", 3),
        (
            "type,params\nconv,61\nfc,3 GFLOPs\n",
            "csv",
            "table-cell",
            "it counts operations, and its column parameters",
            3,
        ),
        ("conv1,55x55x96,34944\npool1,27x27x96,0\n", "csv", "table-headless", "its first row holds figures", 1),
        ("a,b\n" + "[" * 21 + ",2\n", "csv", "limit-cell", "row 1, column 1 has brackets 21 deep", 2),
        ("a,b\n" + "x" * 10_001 + ",2\n", "csv", "limit-cell", "row 1, column 1 has 10,001 characters", 2),
        ("a,b\n" + "1,2\n" * 5001, "csv", "limit-table", "more than 5,000 rows", 5002),
        ("," * 199 + "\n1\n", "csv", "table-empty", "no rows below", 2),
        ("a" + ",a" * 200 + "\n", "csv", "limit-table", "more than 200 columns", 1),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_tables_are_located(text: str, format: str, id: str, said: str, line: int) -> None:
    found = _wrong(text, format)
    assert [one[0] for one in found] == [id]
    assert said in found[0][1]
    assert found[0][2] == line


def test_a_table_without_a_header_is_understood_by_its_values() -> None:
    found = Collector()
    text = "conv1,227x227x3,55x55x96,34944\npool1,55x55x96,27x27x96,0\n"
    (table,) = read_text(text, "t", "csv", found)
    assert _roles(understand(table, {}, {}, found)) == ["layer", "input", "output", "unknown"]
    assert _roles(understand(table, {"4": "params"}, {}, found)) == ["layer", "input", "output", "params"]
    assert [one.id for one in found] == ["table-headless"]


def test_a_cell_that_is_not_understood_is_an_entry_with_its_problem() -> None:
    found = Collector()
    (table,) = read_text("type,params\nconv,1\nfc,55x55\n", "t", "csv", found)
    entry = understand(table, {}, {}, found).lines[1].entries[1]
    assert (entry.value, bool(entry.problem)) == ("55x55", True)


@pytest.mark.parametrize(
    ("name", "content", "id", "said"),
    [
        ("a.csv", b"a,b\nc,\x00\n", "table-encoding", "0x00, in line 2, at byte 3"),
        ("a.csv", "a,b\nc,ä\n".encode("latin-1"), "table-encoding", "0xe4, in line 2, at byte 3"),
        ("a.csv", "a,b\nc,d\n".encode("utf-16"), "table-encoding", "0xff, in line 1, at byte 1"),
        ("a.pdf", b"%PDF-1.4\n1 0 obj\n", "table-format", "is none of csv, tsv, markdown, latex, html"),
        ("a.csv", b"x" * (limits.FILE_BYTES + 1), "limit-file", "larger than 4,194,304 bytes"),
        ("a.md", b"a,b\n1,2\n", "table-empty", "there is no table"),
    ],
)
def test_bad_files(name: str, content: bytes, id: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    found = Collector()
    assert read_tables(tmp_path / name, found) == []
    (only,) = found
    assert only.id == id
    assert said in only.message
    assert only.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    found = Collector()
    assert read_tables(tmp_path / "no.csv", found) == []
    assert read_tables(tmp_path, found) == []
    assert {one.id for one in found} == {"unreadable-file"}


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("a,b\n1,2\n", "csv"),
        ("a\tb\n1\t2\n", "tsv"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", "markdown"),
        ("\\begin{tabular}{cc} a & b \\\\ \\hline 1 & 2 \\end{tabular}\n", "latex"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>\n", "html"),
    ],
)
def test_the_format_is_found_where_the_name_does_not_tell(text: str, format: str, tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text(text, encoding="utf-8")
    found = Collector()
    (table,) = read_tables(tmp_path / "table.txt", found)
    assert _texts(table) == [["a", "b"], ["1", "2"]]
    assert not found, format


def test_an_unknown_format_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="did you mean `latex`"):
        read_text("", "t", "latec", Collector())


# ---------------------------------------------------------------- hostile documents


@pytest.mark.parametrize(
    ("format", "unit"),
    [
        *[("html", unit) for unit in ("<", "<a ", "<!--", "</", "<table>", "<td rowspan=9>", "&", "<a b='")],
        *[("latex", unit) for unit in ("{", "\\[", "\\begin{tabular}{c}", "$", "\\cite[", "\\\\", "\\a", "&", "^")],
        *[("markdown", unit) for unit in ("|", "*", "[^", "|-\n", "<!--", "```\n", "<table")],
        *[("csv", unit) for unit in ('"', ",", "#\n", "a,b\n\n", "\r", "#a,b\n")],
    ],
)
def test_hostile_documents_take_no_time(format: str, unit: str) -> None:
    """40,000 characters; what is quadratic in them takes minutes."""
    start = perf_counter()
    _wrong(unit * (40_000 // len(unit)), format)
    assert perf_counter() - start < 10


def test_macros_cannot_write_out_without_end() -> None:
    doubling = "".join(
        f"\\newcommand{{\\{name}}}{{\\{last}\\{last}}}"
        for last, name in zip("abcdefghijklmnopqrstuv", "bcdefghijklmnopqrstuvw", strict=True)
    )
    text = "\\newcommand{\\a}{x}" + doubling + "\\begin{tabular}{c} h \\\\ \\hline \\w \\\\ \\end{tabular}"
    assert [one[0] for one in _wrong(text, "latex")] == ["table-syntax"]
    circle = "\\newcommand{\\a}{\\b}\\newcommand{\\b}{\\a}\\begin{tabular}{c} h \\\\ \\hline \\a \\\\ \\end{tabular}"
    assert [one[0] for one in _wrong(circle, "latex")] == ["table-syntax"]


_PIECES: dict[str, list[str]] = {
    "csv": [
        *("a", "1", ",", ";", '"', "\n", "#", "# archdsl let: C=1\n", "type", "params", "55x55", "2.7K"),
        *(
            "f=1",
            "\t",
            " ",
        ),
    ],
    "tsv": [
        *(
            "a",
            "1",
            "\t",
            '"',
            "\n",
            "[",
            "conv",
        ),
    ],
    "markdown": [
        *("|", "---", "\n", "| a | b |\n|--|--|\n", "*", "`", "<br>", "<table>", "</table>", "<!--", "-->"),
        *(
            "1",
            "conv",
            "[",
            "]",
            "\\",
        ),
    ],
    "latex": [
        *("\\begin{tabular}{cc}", "\\end{tabular}", "&", "\\\\", "\\hline", "\\multirow{2}{*}{a}"),
        *("\\multicolumn{2}{c}{b}", "{", "}", "%", "\n", "$", "\\left[", "\\begin{array}{c}", "\\end{array}"),
        *(
            "\\newcommand{\\x}[1]{#1#1}",
            "\\x",
            "a",
            "3",
        ),
    ],
    "html": [
        *("<table>", "</table>", "<tr>", "<td>", "<th>", "<td colspan=3>", "<td rowspan=2>", "</td>", "a"),
        *(
            "1",
            "<br>",
            "<sup>",
            "&lt;",
            "<!--",
            "-->",
            "\n",
            "<caption>",
        ),
    ],
}


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_document_is_a_traceback(data: st.DataObject) -> None:
    format = data.draw(st.sampled_from(FORMATS))
    pieces = st.lists(st.sampled_from(_PIECES[format]), max_size=30).map("".join)
    text = data.draw(pieces | st.text(max_size=60))
    found = Collector()
    for table in read_text(text, "t", format, found):
        width = len(table.headers)
        assert all(len(row.cells) == width for row in table.rows)
        reading = understand(table, {}, {"N": 2}, found)
        assert len(reading.columns) == width
        assert len(reading.lines) == len(table.rows)
    assert render_text(found.sorted()) or not found
