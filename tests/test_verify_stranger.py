"""Tables as strangers paste them, against a small network of their own: spreadsheets, torchinfo, lists, whole pages.

In: texts of tables. Out: verdicts that hand arithmetic gives. The network is 64x64x3 -> conv 5x5/2+2 32 -> 2x2 pool ->
conv 3x3+1 64 -> 2x2 pool -> conv 3x3+1 128 -> global average -> fc 10, whose numbers are

    conv1  5*5*3*32 + 32   =  2,432    2,400 * 32*32  = 2,457,600 multiply-adds
    conv2  3*3*32*64 + 64  = 18,496    18,432 * 16*16 = 4,718,592
    conv3  3*3*64*128 + 128 = 73,856   73,728 * 8*8   = 4,718,592
    fc     128*10 + 10     =  1,290    1,280
    total                    96,074                    11,896,064, and 4 weight layers
"""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.diagnostics import Collector
from archdsl.gathering import gather
from archdsl.verification import Verification, Wishes
from archdsl.verify.finding import Finding
from archdsl.verify.reading.phrases import layers
from archdsl.verify.table import Group, Said
from archdsl.verifying import verify

NETWORK = """
arch mynet
input 64x64x3
conv 5x5/2+2 32 -> relu -> maxpool 2 -> conv 3x3+1 64 -> relu -> maxpool 2 -> conv 3x3+1 128 -> relu -> gap -> fc 10
"""


def verified(folder: Path, name: str, text: str, wishes: Wishes | None = None, *, alone: bool = False) -> Verification:
    """The verdicts on a document, against the network or itself."""
    (folder / "my.arch").write_text(NETWORK)
    return compared(folder, {name: text} if alone else {"my.arch": NETWORK, name: text}, wishes)


def compared(folder: Path, files: dict[str, str], wishes: Wishes | None = None) -> Verification:
    """The verdicts where all of these files are named."""
    for name, text in files.items():
        (folder / name).write_text(text)
    found = Collector()
    return verify(gather([str(folder / name) for name in files], found), wishes or Wishes(), found)


def wrong(made: Verification) -> list[tuple[str, str, str]]:
    """Row, column and what is right, of all contradictions."""
    return [(one.row, one.column, one.computed) for one in cells(made) if one.verdict == "contradiction"]


def cells(made: Verification) -> list[Finding]:
    return [one for table in made.tables for one in table.judgement.findings]


SHEET = """Layer;Kernel;Stride;Padding;Filters;Output;Params;MACs;Depth
conv1;5x5;2;2;32;32x32x32;2.432;2.457.600;1
pool1;2x2;2;0;;16x16x32;0;;0
conv2;3x3;1;1;64;16x16x64;18.496;4.718.592;1
pool2;2x2;2;0;;8x8x64;0;;0
conv3;3x3;1;1;128;8x8x128;73.856;4.718.592;1
gap;;;;;1x1x128;0;;0
fc;;;;10;10;1.290;1.280;1
Total;;;;;;96.074;11.896.064;4
"""


@pytest.mark.parametrize("alone", [False, True])
def test_a_spreadsheet_with_points_between_thousands(tmp_path: Path, alone: bool) -> None:
    made = verified(tmp_path, "sheet.csv", SHEET, alone=alone)
    assert wrong(made) == []
    assert made.status == 0
    figures = [one for one in cells(made) if one.column in ("Params", "MACs") and one.printed != "0"]
    assert len(figures) == 10
    # Alone, the first row, and so the sum, comes out with an input of 64x64x3, which the table does not print.
    assert {one.verdict for one in figures if not alone or one.row not in ("1", "8")} == {"holds"}


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("true", "false", "row", "column", "right"),
    [
        ("18.496", "18.469", "3", "Params", "18,496"),
        ("2.457.600", "2.475.600", "1", "MACs", "2,457,600"),
        ("96.074", "96.047", "8", "Params", "96,074"),
        ("11.896.064;4", "11.896.064;5", "8", "Depth", "4"),
        ("11.896.064;4", "11.986.064;4", "8", "MACs", "11,896,064"),
    ],
)
def test_a_mistake_in_a_spreadsheet(
    tmp_path: Path, alone: bool, true: str, false: str, row: str, column: str, right: str
) -> None:
    made = verified(tmp_path, "sheet.csv", SHEET.replace(true, false), alone=alone)
    assert wrong(made) == [(row, column, right)]
    assert made.status == 1


def test_a_fraction_with_a_unit_is_no_thousand(tmp_path: Path) -> None:
    """73.856K is 73,856, and 2.432 million is not 2,432."""
    made = verified(tmp_path, "k.csv", "Layer,Params (K)\nconv1,2.432\nconv2,18.496\nconv3,73.856\nfc,1.290\n")
    assert wrong(made) == []
    made = verified(tmp_path, "m.csv", "Layer,Params (M)\nconv1,2.432\nconv2,18.496\nconv3,73.856\nfc,1.290\n")
    assert len(wrong(made)) == 4


LATEX = r"""\documentclass{article}
\begin{document}
\begin{table}\caption{Our network.}
\begin{tabular}{l|c|c|c|r}
\multirow{2}{*}{Stage} & \multicolumn{2}{c|}{Filter} & \multirow{2}{*}{Output size} & \multirow{2}{*}{\#Params} \\
 & size & number & & \\ \hline
conv1 & $5\times5$, stride 2 & 32 & $32\times 32\times 32$ & $2.4$K \\
max pool & $2\times2$, stride 2 & -- & $16\times 16\times 32$ & \\
conv2 & $3\times3$ & 64 & $16\times 16\times 64$ & $18.5\mathrm{K}$ \\
max pool & $2\times2$, stride 2 & -- & $8\times 8\times 64$ & \\
conv3 & $3\times3$ & 128 & $8\times 8\times 128$ & $7.39\times 10^{4}$ \\
\multicolumn{3}{l|}{global average pool} & $1\times 1\times 128$ & \\
fc & & 10 & 10 & 1.29K \\ \hline
\multicolumn{4}{l|}{Total} & \textbf{96.1K}\\
\end{tabular}
\end{table}
\end{document}
"""


@pytest.mark.parametrize(
    ("true", "false", "row", "column", "right"),
    [
        ("", "", "", "", ""),
        (r"$5\times5$, stride 2", r"$5\times5$, stride 4", "1", "Filter size", "stride 2"),
        (r"$5\times5$, stride 2", r"$7\times7$, stride 2", "1", "Filter size", "kernel 5"),
        ("& 64 &", "& 46 &", "3", "Filter number", "filters 64"),
    ],
)
def test_a_merged_header_over_the_filter(
    tmp_path: Path, true: str, false: str, row: str, column: str, right: str
) -> None:
    made = verified(tmp_path, "table.tex", LATEX.replace(true, false) if true else LATEX)
    assert wrong(made) == ([(row, column, right)] if row else [])
    assert [column.role for column in made.tables[0].judgement.reading.columns] == [
        "layer", "kernel", "filters", "output", "params",
    ]  # fmt: skip
    assert "article" not in made.tables[0].judgement.reading.table.notes[0]
    assert [one.explanation for one in cells(made) if one.verdict == "not-checked"] == ["a name"]


TORCHINFO = """| Layer (type:depth-idx) | Output Shape | Param # | Mult-Adds |
|---|---|---|---|
| MyNet | [1, 10] | -- | -- |
| ├─Sequential: 1-1 | [1, 128, 1, 1] | -- | -- |
| │ └─Conv2d: 2-1 | [1, 32, 32, 32] | 2,432 | 2,490,368 |
| │ └─ReLU: 2-2 | [1, 32, 32, 32] | -- | -- |
| │ └─MaxPool2d: 2-3 | [1, 32, 16, 16] | -- | -- |
| │ └─Conv2d: 2-4 | [1, 64, 16, 16] | 18,496 | 4,734,976 |
| │ └─ReLU: 2-5 | [1, 64, 16, 16] | -- | -- |
| │ └─MaxPool2d: 2-6 | [1, 64, 8, 8] | -- | -- |
| │ └─Conv2d: 2-7 | [1, 128, 8, 8] | 73,856 | 4,726,784 |
| │ └─ReLU: 2-8 | [1, 128, 8, 8] | -- | -- |
| │ └─AdaptiveAvgPool2d: 2-9 | [1, 128, 1, 1] | -- | -- |
| ├─Linear: 1-2 | [1, 10] | 1,290 | 1,290 |
"""
"""It counts biases at each position: 2,432 * 32*32 = 2,490,368."""


def test_the_tree_of_torchinfo(tmp_path: Path) -> None:
    """A container is no layer that is missing, and the root is the network."""
    made = verified(tmp_path, "info.md", TORCHINFO)
    assert wrong(made) == []
    assert made.status == 0
    assert [(one.row, one.column) for one in cells(made) if one.verdict == "not-checked"] == [
        ("1", "Layer (type:depth-idx)"),
        ("2", "Layer (type:depth-idx)"),
        ("2", "Output Shape"),
    ]
    made = verified(tmp_path, "info.md", TORCHINFO.replace("MyNet | [1, 10]", "MyNet | [1, 100]"))
    assert wrong(made) == [("1", "Output Shape", "10")]
    made = verified(tmp_path, "info.md", TORCHINFO.replace("73,856", "73,865"))
    assert wrong(made) == [("9", "Param #", "73,856")]


PAGE = """<html><body><table><caption>Table 1</caption>
<tr><th rowspan=2>Layer</th><th colspan="2">Filter</th><th rowspan="2">Output</th><th rowspan="2">Params</th></tr>
<tr><th>Kernel</th><th>Filters</th></tr>
<tr><td>Conv<td>5&times;5, stride 2<td>32<td>32&times;32&times;32<td>2,432</tr>
<tr><td>Max pool</td><td>2&times;2/2</td><td></td><td>16&times;16&times;32</td><td>0</td></tr>
<tr><td>Conv</td><td>3&#215;3</td><td>64</td><td>16×16×64</td><td>18,496</td></tr>
<tr><td>Max pool</td><td>2&times;2/2</td><td></td><td>8&times;8&times;64</td><td>0</td></tr>
<tr><td>Conv</td><td>3&times;3</td><td>128</td><td>8&times;8&times;128</td><td>73,856</td></tr>
<tr><td colspan=3>Global average pool</td><td>128</td><td>0</td></tr>
<tr><td>FC</td><td></td><td>10</td><td>10</td><td>1,290</td></tr>
<tr><td colspan=4><b>Total</b></td><td>96,074</td></tr></table>
<table><tr><th>Name</th><th>Affiliation</th></tr><tr><td>A. B.</td><td>Univ.</td></tr></table>
<table><tr><th>Model</th><th>Params</th><th>MACs</th><th>Top-1</th></tr>
<tr><td>MyNet</td><td>96K</td><td>11.9M</td><td>70.2</td></tr>
<tr><td>ResNet-50</td><td>25.6M</td><td>4.1G</td><td>76.1</td></tr></table></body></html>
"""


def test_a_page_with_authors_and_results(tmp_path: Path) -> None:
    """The authors are no layers; of the results one row is the network's, and the other's are not compared."""
    made = verified(tmp_path, "page.html", PAGE)
    assert wrong(made) == []
    assert made.status == 0
    assert [table.judgement.count("holds") for table in made.tables] == [
        7 + 5 + 4 + 7 + 8,  # layers, kernels, filters, outputs, parameters
        0,
        2,
    ]
    made = verified(tmp_path, "page.html", PAGE.replace("11.9M", "11.2M"))
    assert wrong(made) == [("1", "MACs", "11.9M = 11,896,064")]
    assert made.status == 1


def test_one_row_of_results_bears_the_networks_name(tmp_path: Path) -> None:
    made = verified(tmp_path, "results.csv", "Model,Params\nMy-Net,97K\n")
    assert wrong(made) == [("1", "Params", "96K = 96,074")]


LIST = """layer,memory,params
INPUT: [64x64x3],64*64*3=12K,0
CONV5-32: [32x32x32],32*32*32=32.8K,(5*5*3)*32 = 2400
POOL2: [16x16x32],16*16*32=8192,0
CONV3-64: [16x16x64],16*16*64=16K,"(3*3*32)*64 = 18,432"
POOL2: [8x8x64],8*8*64=4096,0
CONV3-128: [8x8x128],8*8*128=8192,"(3*3*64)*128 = 73,728"
FC: [1x1x10],10,128*10 = 1280
TOTAL,,"95,840"
"""
"""As the course CS231n prints VGG-16: weights only, 2,400 + 18,432 + 73,728 + 1,280 = 95,840."""


@pytest.mark.parametrize(
    ("true", "false", "row", "column", "right"),
    [
        ("", "", "", "", ""),
        ("18,432", "18,342", "4", "params", "18,432"),
        ("POOL2: [8x8x64]", "POOL2: [7x7x64]", "5", "layer [size]", "8x8x64"),
        ("CONV3-128", "CONV3-182", "6", "layer", "filters 128"),
        ("8*8*64=4096", "8*8*64=4069", "5", "memory", "4,096 values"),
    ],
)
def test_a_list_with_sizes_and_products(
    tmp_path: Path, true: str, false: str, row: str, column: str, right: str
) -> None:
    made = verified(tmp_path, "list.csv", LIST.replace(true, false) if true else LIST)
    assert wrong(made) == ([(row, column, right)] if row else [])
    assert made.status == (1 if row else 0)


def test_a_table_without_header_has_kernels(tmp_path: Path) -> None:
    """Of two columns of windows without a header, the first is what enters, unless they are small as kernels are."""
    made = verified(tmp_path, "bare.csv", "conv1,5x5,32x32x32\npool1,2x2,16x16x32\n")
    assert [column.role for column in made.tables[0].judgement.reading.columns] == ["layer", "kernel", "output"]
    assert wrong(made) == []
    made = verified(tmp_path, "bare.csv", "conv1,7x7,32x32x32\npool1,2x2,16x16x32\n")
    assert [(row, right) for row, _, right in wrong(made)] == [("1", "kernel 5")]


@pytest.mark.parametrize(("classes", "false"), [(10, []), (12, [("2", "Output", "10")])])
def test_a_size_that_is_a_letter(tmp_path: Path, classes: int, false: list[tuple[str, str, str]]) -> None:
    """`C` outputs are as many as the reader says; where nobody says it, the cell is not compared."""
    text = "Layer,Output\nconv3,8x8x128\nfc,C\n"
    assert wrong(verified(tmp_path, "letter.csv", text, Wishes(symbols={"C": classes}))) == false
    unsaid = [one.verdict for one in cells(verified(tmp_path, "letter.csv", text)) if one.printed == "C"]
    assert unsaid == ["not-checked"]


VARIANTS = """
arch pair<w=32>
input 64x64x3
conv 5x5/2+2 w -> relu -> maxpool 2 -> conv 3x3+1 64 -> relu -> gap -> fc 10
variant pair32 = pair<32>
variant pair16 = pair<16>
"""
"""5*5*3*32 + 32 + 3*3*32*64 + 64 + 64*10 + 10 = 21,578; with 16: 1,216 + 9,280 + 650 = 11,146."""


def test_each_row_of_results_against_its_own_variant(tmp_path: Path) -> None:
    table = "| Model | Params (K) |\n|---|---|\n| Pair-32 | 21.6 |\n| Other-32 | 99.9 |\n| Pair-16 | 11.7 |\n"
    made = compared(tmp_path, {"pair.arch": VARIANTS, "results.md": table})
    assert wrong(made) == [("3", "Params (K)", "11.1K = 11,146")]
    assert [one.verdict for one in cells(made) if one.column != "Model"] == ["holds", "not-checked", "contradiction"]


@pytest.mark.parametrize(
    "table",
    [
        "| Name | Params (K) | Top-1 |\n|---|---|---|\n| Pair-32 | 21.6 | 9.1 |\n| Pair-16 | 11.7 | 9.4 |\n",
        "| 名称 | 参数量 (K) | 深度 |\n|---|---|---|\n| Pair-32 | 21.6 | 3 |\n| Pair-16 | 11.7 | 3 |\n",
    ],
    ids=["measured", "depth"],
)
def test_names_beside_what_only_networks_have_are_of_networks(tmp_path: Path, table: str) -> None:
    made = compared(tmp_path, {"pair.arch": VARIANTS, "results.md": table})
    assert [(row, right) for row, _, right in wrong(made)] == [("2", "11.1K = 11,146")]


def test_names_that_are_known_networks_are_of_networks(tmp_path: Path) -> None:
    """With no other column than `Params`; the names of layers stay those of layers."""
    table = "| Name | Params (K) |\n|---|---|\n| ResNet-32 | 21.6 |\n| ResNet-16 | 11.7 |\n"
    arch = VARIANTS.replace("variant pair", "variant resnet")
    made = compared(tmp_path, {"pair.arch": arch, "results.md": table})
    assert wrong(made) == [("2", "Params (K)", "11.1K = 11,146")]
    table = "| Name | Params |\n|---|---|\n| Conv1 | 2,432 |\n| Conv2 | 18,469 |\n| FC | 650 |\n"
    made = compared(tmp_path, {"pair.arch": VARIANTS, "results.md": table})
    # 3*3*32*64 + 64 = 18,496.
    assert [(row, column) for row, column, _ in wrong(made)] == [("2", "Params")]


def results(tmp_path: Path, table: str) -> Verification:
    more = "variant pair32_wide = pair<64>\nvariant pair8, net_a_8_of_64 = pair<8>\n"
    return compared(tmp_path, {"pair.arch": VARIANTS + more, "results.md": table})


def test_a_row_of_results_is_found_by_its_numbers_and_first_word(tmp_path: Path) -> None:
    """`Pair (w=32)` is `pair32`, not the variant with a word more; `Net-A (8 of 64)` needs the name that it was given;
    a network of others' that has the number too is none of the file's. 8: 5*5*3*8 + 8 + 3*3*8*64 + 64 + 650 = 5,930.
    """
    made = results(
        tmp_path,
        "| Model | image size | Params (K) | Top-1 err. | Time (s) |\n|---|---|---|---|---|\n"
        "| Pair (w=32) | 64x64 | 21.6 | 9.1 | 3 |\n| SE-Pair-32 | 64x64 | 99.9 | 8.8 | 4 |\n"
        "| Net-A (8 of 64) | 32x32 | 5.9 | 12.0 | 1 |\n",
    )
    assert wrong(made) == [("3", "image size", "64x64x3")]
    assert made.tables[0].judgement.network == "pair32, pair8"
    assert made.tables[0].judgement.conventions == ["parameters: all trained parameters (explains 2 of 2)"]
    checked = {(one.row, one.column): one.verdict for one in cells(made)}
    assert checked["1", "Params (K)"] == checked["3", "Params (K)"] == "holds"
    assert checked["2", "Params (K)"] == checked["1", "Top-1 err."] == checked["1", "Time (s)"] == "not-checked"


def test_a_figure_that_no_convention_changes_holds(tmp_path: Path) -> None:
    """With running statistics 130 + 20 + 20 and 250 + 40 + 40; without batch norm there are none, and 130 is 130."""
    nets = (
        "arch nets<w, unit=bn>\ninput 8x8x1\nconv 1x1 w -> unit -> gap -> fc 10\n"
        "variant wide10 = nets<10>\nvariant wide20 = nets<20>\nvariant plain10 = nets<10, id>\n"
    )
    results = "Model,Params\nWide-10,170\nWide-20,330\nPlain-10,130\n"
    made = compared(tmp_path, {"nets.arch": nets, "results.csv": results})
    verdicts = [one.verdict for one in cells(made) if one.column == "Params"]
    assert verdicts == ["convention", "convention", "holds"]


def test_results_of_others_alone_are_a_mistake(tmp_path: Path) -> None:
    made = results(tmp_path, "| Model | Params (K) |\n|---|---|\n| Other-32 | 21.6 |\n| ResNet-16 | 11.1 |\n")
    assert made.status == 2
    assert [one.id for one in made.diagnostics] == ["nothing-compared"]
    assert "give a variant the name of its row" in (made.diagnostics[0].hint or "")


WORDS = """
arch net<w>
input 8x8x3
conv 1x1 w -> gap -> fc 2
variant bn_10 = net<4>
variant dropout_5 = net<5>
variant relu_net = net<6>
variant pool_a = net<7>
"""
"""3w + w + 2w + 2 = 6w + 2 parameters: 26, 32, 38, 44; 8*8*3w + 2w = 194w MACs: 776, 970, 1,164, 1,358."""


def of_words(tmp_path: Path, table: str) -> Verification:
    return compared(tmp_path, {"words.arch": WORDS, "results.csv": table})


@pytest.mark.parametrize("header", ["Model", "Network", "Method", "Architecture", "模型"])
def test_networks_that_are_called_like_layers(tmp_path: Path, header: str) -> None:
    rows = "BN-10,26,776\nDropout-5,32,970\nReLU-Net,38,1164\nPool-A,45,1358\n"
    made = of_words(tmp_path, f"{header},Params,MACs\n{rows}")
    assert wrong(made) == [("4", "Params", "44")]
    assert made.tables[0].judgement.network == "bn_10, dropout_5, relu_net, pool_a"
    assert [one.verdict for one in cells(made)].count("holds") == 7


@pytest.mark.parametrize("beside", ["Top-1", "Depth", "Test error (%)"])
def test_networks_with_a_layers_name_and_what_only_networks_have(tmp_path: Path, beside: str) -> None:
    """Methods are called `Max pooling`, too; a layer has no accuracy and no depth."""
    made = of_words(tmp_path, f"Method,Params,{beside}\nMax pooling,26,2\nDropout,32,2\nBN 10,26,2\n")
    assert [column.role for column in made.tables[0].judgement.reading.columns][:2] == ["model", "params"]
    assert wrong(made) == []
    assert made.tables[0].judgement.network == "bn_10"


@pytest.mark.parametrize(
    "table",
    [
        "Model,Params\nconv1,12\npool,0\nfc2,10\n",
        "Network,Kernel,Params\nConv-1,1x1,16\nGAP-2,,0\nFC-3,,10\n",
        "Network,Params\nConv-1,16\nGAP-2,0\nFC-3,10\nTotal,26\n",
        "Model,Output,Time\nConv-1,8x8x4,1\nGAP-2,4,1\nFC-3,2,1\n",
        "Architecture,Params\nconv-a,16\nrelu-a,0\nconv-a,16\n",
    ],
)
def test_layers_stay_layers_under_a_header_of_networks(tmp_path: Path, table: str) -> None:
    made = of_words(tmp_path, table)
    assert made.tables[0].judgement.reading.columns[0].role == "layer"


CHINESE = """| 层 | 输入 | 卷积核 | 输出 | 参数 |
|---|---|---|---|---|
| 卷积1 | 64×64×3 | 5×5，步长2，32个 | 32×32×32 | 2,432 |
| 池化1 | 32×32×32 | 2×2，步长为2 | 16×16×32 | 0 |
| 卷积2 | 16×16×32 | 3×3，步长 1，64个 | 16×16×64 | 18,496 |
| 池化2 | 16×16×64 | 2×2，步长2×2 | 8×8×64 | 0 |
| 卷积3 | 8×8×64 | 3×3，步长1，128个 | 8×8×128 | 73,856 |
| 全局平均池化 | 8×8×128 | - | 128 | 0 |
| 全连接 | 128 | 10个神经元 | 10 | 1,290 |
"""


@pytest.mark.parametrize(
    ("true", "false", "row", "right"),
    [
        ("", "", "", ""),
        ("步长2，32个", "步长4，32个", "1", "stride 2"),
        ("步长为2", "步长为3", "2", "stride 2"),
        ("步长 1", "步长 2", "3", "stride 1"),
        ("步长2×2", "步长4×4", "4", "stride 2"),
        ("128个", "182个", "5", "filters 128"),
    ],
)
def test_strides_that_stand_close_to_their_word(tmp_path: Path, true: str, false: str, row: str, right: str) -> None:
    made = verified(tmp_path, "chinese.md", CHINESE.replace(true, false) if true else CHINESE)
    assert wrong(made) == ([(row, "卷积核", right)] if row else [])
    assert [one.explanation for one in cells(made) if one.verdict == "not-checked"] == []


def test_a_stride_before_a_number_of_repeats() -> None:
    """`s2 × 3` is three times a stride of 2; `s2×3` is a stride of 2 by 3."""
    (group,) = layers("3×3, 64, s2 × 3", {})
    assert isinstance(group, Group)
    assert group.times == 3
    (said,) = layers("3×3, 64, stride2×3", {})
    assert isinstance(said, Said)
    assert (said.kernel, said.stride, said.filters) == ((3, 3), (2, 3), 64)


@pytest.mark.parametrize(("true", "false", "row", "right"), [("", "", "", ""), ("2,64,", "2,46,", "2", "filters 64")])
def test_layers_that_are_numbered(tmp_path: Path, true: str, false: str, row: str, right: str) -> None:
    """`Conv 1` is the first one, and has 32 filters."""
    text = "Layer,#Filters,Output\nConv 1,32,32x32x32\nConv 2,64,16x16x64\nConv 3,128,8x8x128\nFC 1,10,10\n"
    made = verified(tmp_path, "numbered.csv", text.replace(true, false) if true else text)
    assert wrong(made) == ([(row, "#Filters", right)] if row else [])
    without = "Layer,Output\nConv 1,32x32x32\nConv 2,16x16x64\nConv 3,8x8x128\nFC 10,10\n"
    assert wrong(verified(tmp_path, "numbered.csv", without)) == []
    assert wrong(verified(tmp_path, "numbered.csv", without.replace("FC 10", "FC 12"))) == [
        ("4", "Layer", "filters 10")
    ]


def test_a_convolution_of_all_that_enters_answers_to_dense(tmp_path: Path) -> None:
    """LeNet-5's third convolution reads all of 5x5x16: others write it as a fully connected layer of 120."""
    net, table = "input 5x5x16\nconv 5x5 120 -> relu -> fc 10\n", "Layer,Units,Params\ndense,120,48120\ndense,10,1210\n"
    made = compared(tmp_path, {"net.arch": net, "net.csv": table})
    assert wrong(made) == []
    assert [one.convention for one in cells(made) if one.verdict == "convention"] == [
        "a 5x5 convolution of all is a fully connected layer"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Layer,Size,Stride,Filters\nconv,5x5,2,32\npool,2x2,2,\nconv,3x3,1,64\n",
        "Layer,Size,Filters,Output\nconv,5x5/2,32,32x32\npool,2x2/2,,16x16\nconv,3x3,64,16x16\n",
        "Layer,Size,Params\nconv,32x32x32,2432\npool,16x16x32,0\nconv,16x16x64,18496\n",
    ],
)
def test_a_size_is_a_window_where_strides_or_outputs_stand_beside_it(tmp_path: Path, text: str) -> None:
    made = verified(tmp_path, "size.csv", text)
    assert wrong(made) == []
    assert not [one for one in cells(made) if one.verdict == "not-checked"]


def test_a_decimal_comma(tmp_path: Path) -> None:
    """2,432 is 2.4 thousand, 18,496 is 18.5; one comma that can be nothing else says what the others are."""
    made = verified(tmp_path, "comma.csv", "Layer;Output;Params (K)\nconv;32x32x32;2,432\nconv;16x16x64;18,5\n")
    assert wrong(made) == []
    made = verified(tmp_path, "comma.csv", "Layer;Output;Params (K)\nconv;32x32x32;2,432\nconv;16x16x64;18,9\n")
    assert wrong(made) == [("2", "Params (K)", "18.5K = 18,496")]
