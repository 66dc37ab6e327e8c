"""What Keras, torchsummary and torchinfo print, pasted into a .txt, against a small network.

In: printouts. Out: verdicts that hand arithmetic gives. The network and its counts are those of
`test_verify_stranger.py`: 64x64x3 -> conv 5x5/2+2 32 -> 2x2 pool -> conv 3x3+1 64 -> 2x2 pool -> conv 3x3+1 128 ->
global average -> fc 10 has 2,432 + 18,496 + 73,856 + 1,290 = 96,074 parameters.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.diagnostics import Collector
from archdsl.verify.reading.documents import read_tables, read_text
from tests.test_verify_stranger import cells, compared, verified, wrong

KERAS = """Model: "mynet"
_________________________________________________________________
 Layer (type)                Output Shape              Param #
=================================================================
 conv2d (Conv2D)             (None, 32, 32, 32)        2432

 max_pooling2d (MaxPooling2  (None, 16, 16, 32)        0
 D)

 conv2d_1 (Conv2D)           (None, 16, 16, 64)        18496

 max_pooling2d_1 (MaxPooling  (None, 8, 8, 64)         0
 2D)

 conv2d_2 (Conv2D)           (None, 8, 8, 128)         73856

 global_average_pooling2d (G  (None, 128)              0
 lobalAveragePooling2D)

 dense (Dense)               (None, 10)                1290

=================================================================
Total params: 96,074
Trainable params: 96,074
Non-trainable params: 0
_________________________________________________________________
"""
KERAS_3 = """Model: "mynet"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 32, 32, 32)     │         2,432 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 16, 16, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_1 (Conv2D)               │ (None, 16, 16, 64)     │        18,496 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d_1 (MaxPooling2D)  │ (None, 8, 8, 64)       │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_2 (Conv2D)               │ (None, 8, 8, 128)      │        73,856 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ global_average_pooling2d        │ (None, 128)            │             0 │
│ (GlobalAveragePooling2D)        │                        │               │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 10)             │         1,290 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 96,074 (375.29 KB)
 Trainable params: 96,074 (375.29 KB)
 Non-trainable params: 0 (0.00 B)
"""
TORCHSUMMARY = """----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
            Conv2d-1           [-1, 32, 32, 32]           2,432
              ReLU-2           [-1, 32, 32, 32]               0
         MaxPool2d-3           [-1, 32, 16, 16]               0
            Conv2d-4           [-1, 64, 16, 16]          18,496
              ReLU-5           [-1, 64, 16, 16]               0
         MaxPool2d-6             [-1, 64, 8, 8]               0
            Conv2d-7            [-1, 128, 8, 8]          73,856
              ReLU-8            [-1, 128, 8, 8]               0
 AdaptiveAvgPool2d-9            [-1, 128, 1, 1]               0
           Linear-10                   [-1, 10]           1,290
================================================================
Total params: 96,074
Trainable params: 96,074
Non-trainable params: 0
----------------------------------------------------------------
Input size (MB): 0.05
----------------------------------------------------------------
"""
TORCHINFO = """==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #
==========================================================================================
MyNet                                    [1, 10]                   --
├─Sequential: 1-1                        [1, 128, 1, 1]            --
│    └─Conv2d: 2-1                       [1, 32, 32, 32]           2,432
│    └─ReLU: 2-2                         [1, 32, 32, 32]           --
│    └─MaxPool2d: 2-3                    [1, 32, 16, 16]           --
│    └─Conv2d: 2-4                       [1, 64, 16, 16]           18,496
│    └─ReLU: 2-5                         [1, 64, 16, 16]           --
│    └─MaxPool2d: 2-6                    [1, 64, 8, 8]             --
│    └─Conv2d: 2-7                       [1, 128, 8, 8]            73,856
│    └─ReLU: 2-8                         [1, 128, 8, 8]            --
│    └─AdaptiveAvgPool2d: 2-9            [1, 128, 1, 1]            --
├─Linear: 1-2                            [1, 10]                   1,290
==========================================================================================
Total params: 96,074
Total mult-adds (M): 11.95
==========================================================================================
"""
PRINTED = {"keras": KERAS, "keras3": KERAS_3, "torchsummary": TORCHSUMMARY, "torchinfo": TORCHINFO}


@pytest.mark.parametrize(
    ("printed", "compared"),
    [
        ("keras", 22),  # 7 layers: a name, a size and a count each; and the total
        ("keras3", 22),
        ("torchsummary", 31),  # 10 layers, and the total
        ("torchinfo", 26),  # 10 layers, the sizes of all and the counts of 4; the network's size; the total
    ],
)
def test_a_printout_holds(tmp_path: Path, printed: str, compared: int) -> None:
    made = verified(tmp_path, "printed.txt", PRINTED[printed])
    assert wrong(made) == []
    assert made.status == 0
    assert sum(one.compared > 0 for one in cells(made)) == compared


@pytest.mark.parametrize(
    ("printed", "true", "false", "row", "column", "right"),
    [
        ("keras", "73856", "73865", "5", "Param #", "73,856"),
        ("keras", "16, 16, 64", "16, 16, 46", "3", "Output Shape", "16x16x64"),
        ("keras", "\nTotal params: 96,074", "\nTotal params: 96,704", "8", "Param #", "96,074"),
        ("keras3", "1,290", "1,280", "7", "Param #", "1,290"),
        ("keras3", "\n Total params: 96,074", "\n Total params: 69,074", "8", "Param #", "96,074"),
        ("torchsummary", "32, 16, 16", "32, 61, 16", "3", "Output Shape", "16x16x32"),
        ("torchsummary", "Total params: 96,074", "Total params: 96,073", "11", "Param #", "96,074"),
        ("torchinfo", "18,496", "18,469", "6", "Param #", "18,496"),
        ("torchinfo", "[1, 10]                   --", "[1, 11]                   --", "1", "Output Shape", "10"),
    ],
)
def test_one_wrong_figure(
    tmp_path: Path, printed: str, true: str, false: str, row: str, column: str, right: str
) -> None:
    assert PRINTED[printed].count(true) == 1
    made = verified(tmp_path, "printed.txt", PRINTED[printed].replace(true, false))
    assert wrong(made) == [(row, column, right)]


@pytest.mark.parametrize("printed", PRINTED)
def test_the_format_is_seen_without_a_name(tmp_path: Path, printed: str) -> None:
    (tmp_path / "printed.log").write_text(PRINTED[printed])
    found = Collector()
    tables = read_tables(tmp_path / "printed.log", found)
    assert not list(found)
    assert [[cell.text for cell in table.headers][1:] for table in tables] == [["Output Shape", "Param #"]]


def test_a_directive_above_a_printout(tmp_path: Path) -> None:
    (tmp_path / "my.arch").write_text("arch mynet\ninput 4x4x1\nconv 3x3+1 2\n")
    found = Collector()
    tables = read_text("# archdsl network: my.arch\n" + TORCHSUMMARY, "t.txt", "printout", found)
    assert not list(found)
    assert [table.directives.network for table in tables] == ["my.arch"]


def test_names_that_did_not_fit_are_joined() -> None:
    tables = read_text(KERAS, "t.txt", "printout", Collector())
    assert [row.cells[0].text for row in tables[0].rows][1] == "max_pooling2d (MaxPooling2D)"
    assert [row.cells[0].text for row in tables[0].rows][5] == "global_average_pooling2d (GlobalAveragePooling2D)"


def test_a_text_without_a_table() -> None:
    found = Collector()
    assert read_text("torch\nnumpy\n==========\n", "requirements.txt", "printout", found) == []
    assert [one.id for one in found] == ["table-empty"]


@pytest.mark.parametrize(("size", "verdict"), [("7, 7", "convention"), ("6, 6", "contradiction")])
def test_an_adaptive_pool_to_the_size_that_it_gets_changes_nothing(tmp_path: Path, size: str, verdict: str) -> None:
    """torchvision's VGG pools its last 7x7 to 7x7; ours has no such layer. 3*3*512*512 + 512 = 2,359,808."""
    printed = f"""==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #
==========================================================================================
├─Conv2d: 1-1                            [1, 512, 14, 14]          2,359,808
├─MaxPool2d: 1-2                         [1, 512, 7, 7]            --
├─AdaptiveAvgPool2d: 1-3                 [1, 512, {size}]            --
├─Linear: 1-4                            [1, 10]                   250,890
==========================================================================================
"""
    assert 7 * 7 * 512 * 10 + 10 == 250_890
    text = "arch my\ninput 14x14x512\nconv 3x3+1 512 -> maxpool 2 -> fc 10\n"
    made = compared(tmp_path, {"my.arch": text, "printed.txt": printed})
    found = {
        (one.row, one.column, one.verdict) for one in cells(made) if one.verdict in ("convention", "contradiction")
    }
    assert found == {("3", "Output Shape" if verdict == "convention" else "Layer (type:depth-idx)", verdict)}
