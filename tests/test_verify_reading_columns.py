"""What columns are about and rows say, in the layouts that papers and tools print, and in the tables of `specs`.

In: tables. Out: roles, layers, figures, stated by hand.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from archdsl.diagnostics import Collector, render_text
from archdsl.verify.reading.documents import read_tables, read_text
from archdsl.verify.reading.understand import understand
from archdsl.verify.table import Group, Line, Number, Reading, Said, Size
from tests.table_texts import read, roles

_SPECS = Path(__file__).parents[1] / "specs"


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
    ("top-1 error", "24.7", "measured", "", 0),
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
    reading = read(f"| layer name | {header} | other |\n|--|--|--|\n| conv1 | 7x7, 64 | 3x3, 64 |\n")
    assert [(column.role, column.detail) for column in reading.columns[1:]] == [
        ("network", header),
        ("network", "other"),
    ]


def test_power_of_the_header_goes_to_the_numbers() -> None:
    reading = read("| model | Params (M) |\n|--|--|\n| conv | 61.1 |\n")
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
    reading = read(text)
    assert roles(reading) == ["input", "layer", "arguments", "filters", "repeat", "stride"]
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
    found = [line.said[0] for line in read(text).lines]
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


def test_columns_of_squeezenet() -> None:
    text = """\
| layer name/type | output size | filter size / stride (if not a fire layer) | depth | s1x1 (#1x1 squeeze) | e3x3 | \
#parameter before pruning |
|--|--|--|--|--|--|--|
| input image | 224x224x3 | | | | | - |
| conv1 | 111x111x96 | 7x7/2 (x96) | 1 | | | 14,208 |
| fire2 | 55x55x128 | | 2 | 16 | 64 | 11,920 |
"""
    reading = read(text)
    assert roles(reading) == ["layer", "output", "arguments", "depth", "branch", "branch", "params"]
    conv, fire = _one(reading.lines[1]), _one(reading.lines[2])
    assert (conv.kind, conv.label, conv.kernel, conv.stride, conv.filters) == ("conv", "conv1", (7, 7), (2,), 96)
    assert (fire.kind, fire.label) == ("fire", "fire2")


def test_columns_of_densenet() -> None:
    text = """\
| Layers | Output Size | DenseNet-121 (k = 32) | DenseNet-169 (k = 32) |
|--|--|--|--|
| Convolution | 112 × 112 | 7 × 7 conv, stride 2 | 7 × 7 conv, stride 2 |
| Dense Block (1) | 56 × 56 | [1 × 1 conv; 3 × 3 conv] × 6 | [1 × 1 conv; 3 × 3 conv] × 6 |
| Transition Layer (1) | 56 × 56 | 1 × 1 conv | 1 × 1 conv |
| | 28 × 28 | 2 × 2 average pool, stride 2 | 2 × 2 average pool, stride 2 |
| Classification Layer | 1 × 1 | 7 × 7 global average pool | 7 × 7 global average pool |
| | | 1000D fully-connected, softmax | 1000D fully-connected, softmax |
"""
    reading = read(text)
    assert roles(reading) == ["layer", "output", "network", "network"]
    assert [_one(reading.lines[at]).kind for at in (0, 1, 2)] == ["conv", "dense block", "transition layer"]
    assert reading.lines[3].said == ()


def test_columns_of_a_chinese_table() -> None:
    text = """\
| 编号 | 操作 | 卷积核 | 步长 | 填充 | 输入尺寸 | 输出尺寸 | 通道数 | 参数量（K） | 计算量 | 激活函数 |
|--|--|--|--|--|--|--|--|--|--|--|
| 1 | 卷积 | 11×11 | 4 | 0 | 227×227×3 | 55×55×96 | 96 | 34.9 | 1.05亿 | relu |
| 2 | 最大池化 | 3×3 | 2 | same | 55×55×96 | 27×27×96 | – | 0 | — | |
"""
    reading = read(text)
    expected = [
        "index",
        "layer",
        "kernel",
        "stride",
        "padding",
        "input",
        "output",
        "filters",
        "params",
        "ops",
        "arguments",
    ]
    assert roles(reading) == expected
    conv, pool = _one(reading.lines[0]), _one(reading.lines[1])
    assert (conv.kind, conv.kernel, conv.stride, conv.padding, conv.filters) == ("conv", (11, 11), (4,), (0,), 96)
    assert conv.extra == (("activation", "relu"),)
    assert (pool.kind, pool.kernel, pool.stride, pool.same) == ("maxpool", (3, 3), (2,), True)
    assert reading.lines[0].entries[8].value == Number("34.9", Decimal("34.9"), Decimal("0.1"), 1)


def test_a_batch_printed_as_a_number_is_taken_off() -> None:
    text = """\
| Layer (type:depth-idx) | Output Shape | Param # |
|--|--|--|
| ├─Conv2d: 2-1 | [1, 64, 55, 55] | 23,296 |
| ├─Linear: 2-2 | [1, 4096] | 37,752,832 |
"""
    sizes = [line.entries[1].value for line in read(text).lines]
    assert sizes == [Size("[1, 64, 55, 55]", (64, 55, 55), "first"), Size("[1, 4096]", (4096,), "open")]


def test_cells_that_print_nothing_are_no_entries() -> None:
    rows = "".join(f"| conv | {dash} |\n" for dash in ("-", "–", "—", "/", "N/A", "", "--"))
    reading = read("| type | params |\n|--|--|\n| conv | 5 |\n" + rows)
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
    reading = read(
        f"| layer name | 18-layer | 34-layer |\n|--|--|--|\n| conv1 | 7x7, 64 | 7x7, 64 |\n| {label} | 11 | 21 |\n"
    )
    line = reading.lines[1]
    assert (line.quantity, line.said) == (quantity, ())
    assert [entry.value for entry in line.entries[1:]] == [
        Number("11", Decimal(11), Decimal(1), power),
        Number("21", Decimal(21), Decimal(1), power),
    ]


def test_a_total_is_about_the_whole_network() -> None:
    reading = read("| layer | params |\n|--|--|\n| conv | 100 |\n| Total | 100 |\n")
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
    assert roles(reading) == ["index", "layer", "arguments", "input", "output"]
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
    assert roles(reading) == ["index", "layer", "arguments", "input", "output"]
    assert len(reading.lines) == 39
    assert (_one(reading.lines[30]).kind, _one(reading.lines[30]).kernel) == ("maxpool", (7,))
    assert reading.lines[34].entries[3].value == Size("14x14x512", (14, 14, 512), "last")


def test_googlenet_table_1() -> None:
    (reading,) = _published("googlenet/table1.csv")
    assert roles(reading) == ["layer", "arguments", "output", "depth", *["branch"] * 6, "params", "ops"]
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
