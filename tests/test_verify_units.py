"""Rows that one printed count repeats together, tables of results by sizes and depths, and digits misread.

In: tables. Out: verdicts that hand arithmetic gives. The network of the units is

    16x16x3 -> conv 3x3/2+1 8 (8x8x8) -> 3 x [conv 1x1 4 -> conv 3x3+1 8, added to what enters] -> gap -> fc 10

and, as in Darknet-53's Table 1, a count stands beside the middle row of a unit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import archdsl
from archdsl.analysis.counts import count
from archdsl.diagnostics import Collector
from archdsl.importing import ImportWishes, import_file
from archdsl.verify.called import called_in_results
from archdsl.verify.table import Unit
from tests.table_texts import read
from tests.test_verify_stranger import cells, compared, wrong

_DARKNET = Path(__file__).parents[1] / "specs" / "darknet"
NETWORK = """
arch small
input 16x16x3
conv 3x3/2+1 8 -> relu -> residual<conv 1x1 4 -> relu -> conv 3x3+1 8> x3 -> gap -> fc 10
"""
HEAD = "|  | Type | Filters | Size | Output |\n|---|---|---|---|---|\n"
TABLE = (
    HEAD
    + """|  | Convolutional | 8 | 3 × 3 / 2 | 8 × 8 |
|  | Convolutional | 4 | 1 × 1 |  |
| 3× | Convolutional | 8 | 3 × 3 |  |
|  | Residual |  |  | 8 × 8 |
|  | Avgpool |  | Global |  |
|  | Connected |  | 10 |  |
"""
)
MERGED = r"""\begin{tabular}{c|c|c|c|c}
 & Type & Filters & Size & Output \\ \hline
 & Convolutional & 8 & 3 $\times$ 3 / 2 & 8 $\times$ 8 \\
\multirow{3}{*}{3$\times$} & Convolutional & 4 & 1 $\times$ 1 & \\
 & Convolutional & 8 & 3 $\times$ 3 & \\
 & Residual & & & 8 $\times$ 8 \\ \hline
 & Avgpool & & Global & \\
 & Connected & & 10 & \\
\end{tabular}
"""


def test_a_count_alone_repeats_the_rows_of_its_unit(tmp_path: Path) -> None:
    made = compared(tmp_path, {"small.arch": NETWORK, "t.md": TABLE})
    assert wrong(made) == []
    assert {one.verdict for one in cells(made)} == {"holds"}
    assert len(cells(made)) == 4 + 3 + 4 + 2 + 2 + 2  # every printed cell
    assert list(made.tables[0].judgement.unnamed) == []


def test_the_unit_of_a_count() -> None:
    reading = read(TABLE)
    assert [line.unit for line in reading.lines] == [None, *[Unit(1, 3)] * 3, None, None]


def test_a_unit_begins_behind_a_stride_where_no_sizes_are_printed() -> None:
    rows = [row.rpartition("8 × 8 |")[0] + " |" if "8 × 8" in row else row for row in TABLE.splitlines()]
    assert sum("8 × 8" in row for row in rows) == 0
    reading = read("\n".join(rows) + "\n")
    assert [line.unit for line in reading.lines] == [None, *[Unit(1, 3)] * 3, None, None]


@pytest.mark.parametrize("first", [True, False])
def test_a_count_in_the_first_row_and_one_that_is_merged(tmp_path: Path, first: bool) -> None:
    text = TABLE.replace("|  | Convolutional | 4", "| 3× | Convolutional | 4").replace(
        "| 3× | Convolutional | 8", "|  | Convolutional | 8"
    )
    made = compared(tmp_path, {"small.arch": NETWORK, **({"t.md": text} if first else {"t.tex": MERGED})})
    assert {one.verdict for one in cells(made)} == {"holds"}
    assert len(cells(made)) == 17


@pytest.mark.parametrize(
    ("true", "false", "row", "column", "right"),
    [
        ("3×", "2×", "3", "", "3"),
        ("3×", "4×", "3", "", "3"),
        ("| 4 | 1 × 1", "| 8 | 1 × 1", "2", "Filters", "filters 4"),
        ("8 | 3 × 3 |  |", "4 | 3 × 3 |  |", "3", "Filters", "filters 8"),
        ("| 1 × 1", "| 3 × 3", "2", "Size", "kernel 1"),
        ("8 | 3 × 3 |  |", "8 | 5 × 5 |  |", "3", "Size", "kernel 3"),
        ("Residual |  |  | 8 × 8", "Residual |  |  | 8 × 4", "4", "Output", "8x8x8"),
        ("| Global |  |", "| Global | 2 × 2 |", "5", "Output", "1x8"),
        ("Connected |  | 10", "Connected |  | 100", "6", "Size", "filters 10"),
    ],
)
def test_one_wrong_cell_of_a_unit(tmp_path: Path, true: str, false: str, row: str, column: str, right: str) -> None:
    assert TABLE.count(true) == 1
    made = compared(tmp_path, {"small.arch": NETWORK, "t.md": TABLE.replace(true, false)})
    assert wrong(made) == [(row, column, right)]


def test_swapped_filters_are_two_mistakes(tmp_path: Path) -> None:
    """The 1x1 has 4 and the 3x3 has 8: printed the other way round, neither is the other's."""
    swapped = TABLE.replace("| 4 | 1 × 1", "| 8 | 1 × 1").replace("| 8 | 3 × 3 |  |", "| 4 | 3 × 3 |  |")
    made = compared(tmp_path, {"small.arch": NETWORK, "t.md": swapped})
    assert wrong(made) == [("2", "Filters", "filters 4"), ("3", "Filters", "filters 8")]


def test_a_row_of_a_unit_is_missing(tmp_path: Path) -> None:
    """Without Darknet-53's `128 | 1 × 1` no row names the eight 1x1 convolutions of the third stage."""
    text = (_DARKNET / "table1_darknet53.md").read_text()
    row = "|  | Convolutional | 128 | 1 × 1 |  |\n"
    assert text.count(row) == 1
    (tmp_path / "darknet53.arch").write_text((_DARKNET / "darknet53.arch").read_text())
    made = compared(tmp_path, {"t.md": text.replace(row, "")})
    assert wrong(made) == []
    assert list(made.tables[0].judgement.unnamed) == [f"stage3.residual.{turn}.unit1.conv" for turn in range(8)]


def test_what_would_mend_a_cell_is_its_own_layers(tmp_path: Path) -> None:
    made = compared(tmp_path, {"small.arch": NETWORK, "t.md": TABLE.replace("| 1 × 1", "| 3 × 3")})
    assert [one.suggestion for one in cells(made) if one.verdict == "contradiction"] == ["print conv 1x1 4"]


RESULTS = """| method | # layers | # params | error (%) |
|---|---|---|---|
| Highway | 19 | 2.3M | 7.54 |
| Plain | 2 | 466 | 8.75 |
| Plain | 3 | 1.1K | 7.51 |
"""
PLAIN = """
arch plain<n=1>
input 8x8x3
conv 3x3+1 8 -> conv 3x3+1 8 x(n-1) -> gap -> fc 10
variant plain2 = plain<1>
variant plain3 = plain<2>
"""


def test_names_that_their_number_of_layers_tells_apart(tmp_path: Path) -> None:
    """3*3*3*8 + 8 = 224, 8*10 + 10 = 90; each further convolution 3*3*8*8 + 8 = 584: 314 and 898."""
    true = RESULTS.replace("466", "314").replace("1.1K", "898")
    made = compared(tmp_path, {"plain.arch": PLAIN, "t.md": true})
    assert wrong(made) == []
    assert sum(one.compared for one in cells(made)) == 4
    made = compared(tmp_path, {"plain.arch": PLAIN, "t.md": true.replace("| 3 | 898", "| 3 | 889")})
    assert wrong(made) == [("3", "# params", "898")]


@pytest.mark.parametrize(
    ("printed", "name", "far"),
    [
        ("ViT-Base", "vit_b_16", 1),
        ("ViT-Base", "vit_l_16", None),
        ("ConvNeXt-T", "convnext_tiny", 1),
        ("ConvNeXt-T", "convnext_small", None),
        ("Swin-S", "swin_s", 0),
        ("ViT-B/16", "vit_b_32", None),
        ("Swin", "swin_t", None),
    ],
)
def test_sizes_by_word_and_letter(printed: str, name: str, far: int | None) -> None:
    assert called_in_results(printed, name) == far


STAGES = (
    "| Operator | Stride | #Channels | #Layers |\n|---|---|---|---|\n| basic block | 2 | 8 | 2 |\n| FC | - | 10 | 1 |\n"
)
BLOCKS = """
arch blocks
input 16x16x4
block unit<c, s=1> = conv 3x3/s+1 c -> conv 3x3+1 c
block stage<c, s> = unit<c, s> -> unit<c>
stage<8, 2> -> gap -> fc 10
"""


@pytest.mark.parametrize(
    ("printed", "row"), [("| 2 | 8 | 2 |", ""), ("| 1 | 8 | 2 |", "Stride"), ("| 2 | 8 | 3 |", "#Layers")]
)
def test_the_stride_of_a_row_of_blocks(tmp_path: Path, printed: str, row: str) -> None:
    """16 becomes 8 in the first of two blocks."""
    text = STAGES.replace("| 2 | 8 | 2 |", printed)
    made = compared(tmp_path, {"blocks.arch": BLOCKS, "t.md": text})
    assert [column for _, column, _ in wrong(made)] == ([row] if row else [])
    assert sum(one.compared > 0 for one in cells(made) if one.column == "Stride") == 1


@pytest.mark.parametrize(
    ("letters", "filters", "right"), [("k=2", "4×k", ""), ("k=2", "3×k", "8"), ("k=3", "4×k", "8")]
)
def test_a_product_with_a_letter_that_is_known(tmp_path: Path, letters: str, filters: str, right: str) -> None:
    """4*2 = 8, 3*2 = 6, 4*3 = 12; the convolution has 8."""
    text = f"<!-- archdsl let: {letters} -->\n\n| layer | filter |\n|---|---|\n| conv | [3×3, {filters}] |\n"
    network = "arch one\ninput 8x8x4\nconv 3x3+1 8\n"
    made = compared(tmp_path, {"one.arch": network, "t.md": text})
    assert [one.computed for one in cells(made) if one.verdict == "contradiction"] == (
        [f"filters {right}"] if right else []
    )


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        ("l16x16x8", "`l16` has a letter among its digits: 116?"),
        ("1O x 10 x 8", "`1O` has a letter among its digits: 10?"),
    ],
)
def test_a_letter_among_the_digits_of_a_size(tmp_path: Path, printed: str, problem: str) -> None:
    """It is no letter whose value the network tells: nothing printed like that holds."""
    made = compared(
        tmp_path,
        {"one.arch": "arch one\ninput 16x16x4\nconv 3x3+1 8\n", "t.csv": f"layer,output,filters\nconv,{printed},8\n"},
    )
    assert [(one.verdict, one.explanation) for one in cells(made) if one.column == "output"] == [
        ("not-checked", problem)
    ]


@pytest.mark.parametrize(
    ("params", "output", "false"),
    [("0", "10", []), ("7", "10", [("2", "params", "0")]), ("0", "9", [("2", "output", "10")])],
)
def test_a_softmax_that_only_the_table_has(
    tmp_path: Path, params: str, output: str, false: list[tuple[str, str, str]]
) -> None:
    """It has no parameters, and what enters leaves it: 8*8*4 = 256 to 10 scores, 256*10 + 10 = 2,570."""
    text = f"layer,output,params\nfc,10,2570\nsoftmax,{output},{params}\n"
    made = compared(tmp_path, {"one.arch": "arch one\ninput 8x8x4\nfc 10\n", "t.csv": text})
    assert wrong(made) == false
    assert sum(one.compared > 0 for one in cells(made)) == 5


def test_the_units_of_resnext_are_imported(tmp_path: Path) -> None:
    """Their 3x3 has 32 groups and half the block's channels; torchvision's network has 25,028,904 parameters."""
    table = Path(__file__).parents[1] / "specs" / "resnext" / "table1.md"
    made = import_file(table, ImportWishes(network="ResNeXt-50 (32×4d)", name="net"), Collector())
    assert made is not None
    assert "bottleneck<64, inner=128, groups=32> x3" in made
    (tmp_path / "net.arch").write_text(made)
    assert count(archdsl.load(str(tmp_path / "net.arch")).graph).total.params == 25_028_904
