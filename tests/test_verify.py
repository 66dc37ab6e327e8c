"""Published tables against the networks of `specs`: what holds, what is a misprint, and what would mend it.

In: the tables beside the networks. Out: the verdicts that hand arithmetic gives; and that no figure of a true table
can be changed unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from archdsl.diagnostics import Collector
from archdsl.elaborate import Request, Workspace
from archdsl.verify.align import align, wanted
from archdsl.verify.conventions import Figure, choose, second
from archdsl.verify.figures import matches_size, reading
from archdsl.verify.finding import Judgement
from archdsl.verify.judge import judge
from archdsl.verify.reading.documents import read_tables
from archdsl.verify.reading.understand import understand
from archdsl.verify.sheet import Case
from archdsl.verify.subject import Parts, Subject
from archdsl.verify.suggest import Editor, suggest
from archdsl.verify.table import Number, Reading, Said, Size, Table

SPECS = Path(__file__).parents[1] / "specs"
VGG = {"A": "vgg11", "A-LRN": "A_LRN", "B": "vgg13", "C": "C", "D": "vgg16", "E": "vgg19"}


@cache
def subject(file: str, variant: str | None = None) -> Subject:
    found = Collector()
    network = Workspace.open(SPECS / file, found).network(Request(variant), found)
    assert network is not None, found.sorted()
    return Subject(network.graph)


def tables(file: str) -> list[Table]:
    found = Collector()
    made = read_tables(SPECS / file, found)
    assert not found.failed, found.sorted()
    return made


def read(table: Table) -> Reading:
    found = Collector()
    made = understand(table, {}, {}, found)
    assert not found.failed, found.sorted()
    return made


def resnet(name: str) -> Subject:
    """The paper's stride, which is in the first 1x1; blocks of two 3x3 have one place for it."""
    depth = name.removesuffix("-layer")
    if depth in ("18", "34"):
        return subject("resnet/resnet.arch", f"resnet{depth}")
    return subject("resnet/resnet_v1.arch", f"resnet{depth}_v1")


def cases(understood: Reading) -> list[Case]:
    """The networks of a table, named here outright; how they are found is for the command's own tests."""
    columns = [column for column in understood.columns if column.role == "network"]
    path = understood.table.path
    if "resnet" in path:
        return [Case(resnet(column.detail), column) for column in columns]
    if "senet" in path:
        files = ("resnet/resnet_v1.arch", "senet/senet.arch", "senet/senet.arch")
        names = ("resnet50_v1", "se_resnet50", "se_resnext50_32x4d")
        return [Case(subject(*of), column) for of, column in zip(zip(files, names, strict=True), columns, strict=True)]
    if columns:
        return [
            Case(subject("vgg/vgg.arch", VGG[name.strip()]), column)
            for column in columns
            for name in column.detail.split(",")
        ]
    if "alexnet" in path:
        return [Case(subject("alexnet/alexnet.arch", "alexnet_one_tower"))]
    if "vgg" in path:
        return [Case(subject("vgg/vgg.arch", "vgg16"))]
    return [Case(subject("googlenet/googlenet.arch"))]


def judged(table: Table) -> Judgement:
    understood = read(table)
    return judge(understood, cases(understood))


def wrong(judgement: Judgement) -> set[tuple[str, str]]:
    return {(one.row, one.column) for one in judgement.findings if one.verdict == "contradiction"}


# ---------------------------------------------------------------- what a printed figure stands for


@pytest.mark.parametrize(
    ("text", "digits", "last", "power", "value", "base", "how"),
    [
        ("159K", "159", "1", 1, 158_500, 1000, "rounded"),
        ("159K", "159", "1", 1, 159_499, 1000, "rounded"),
        ("159K", "159", "1", 1, 159_501, 1000, "cut off"),
        ("159K", "159", "1", 1, 158_400, 1000, None),
        ("159K", "159", "1", 1, 160_001, 1000, None),
        ("159K", "159", "1", 1, 163_328, 1024, "rounded"),  # 163,328 / 1024 = 159.5
        ("2.7K", "2.7", "0.1", 1, 9_408, 1024, None),
        ("1,248,424", "1248424", "1", 0, 1_248_424, 1000, "exact"),
        ("1,248,424", "1248424", "1", 0, 1_248_425, 1000, None),
        ("3.8x10^9", "3.8e9", "1e8", 0, 3_857_973_248, 1000, "cut off"),
    ],
)
def test_a_figure_is_what_would_print_so(
    text: str, digits: str, last: str, power: int, value: int, base: int, how: str | None
) -> None:
    assert reading(Number(text, Decimal(digits), Decimal(last), power), value, base) == how


@pytest.mark.parametrize(
    ("parts", "order", "shape", "found"),
    [
        ((55, 55, 96), "open", (55, 55, 96), "last"),
        ((96, 55, 55), "open", (55, 55, 96), "first"),
        ((96, 55, 55), "last", (55, 55, 96), None),
        ((55, 55), "open", (55, 55, 96), "last"),
        ((1, 1, 4096), "open", (4096,), "last"),
        ((1, 1, "C"), "open", (1000,), "last"),
        ((1, 1), "open", (1000,), "last"),
        ((224,), "open", (224, 224, 3), "last"),
        ((55, 54, 96), "open", (55, 55, 96), None),
    ],
)
def test_a_size_in_the_ways_of_printing_it(
    parts: tuple[int | str, ...], order: str, shape: tuple[int, ...], found: str | None
) -> None:
    assert matches_size(Size("", parts, order), shape, {}) == found  # type: ignore[arg-type]


def test_one_convention_for_the_whole_table_is_preferred() -> None:
    # 256 weights and 1 bias twice; the first prints both, the second prints either.
    figures = [
        Figure(Number("257", Decimal(257), Decimal(1)), Parts(weights=256, biases=1)),
        Figure(Number("10K", Decimal(10), Decimal(1), 1), Parts(weights=10_000, biases=10)),
    ]
    chosen = choose("params", figures)
    assert (chosen.convention.name, chosen.explained) == ("all trained parameters", 2)


def test_another_convention_for_one_figure_alone_is_not_believed() -> None:
    one = Figure(Number("256", Decimal(256), Decimal(1)), Parts(weights=256, biases=1))
    assert second("params", [one]) is None
    assert second("params", [one, one]) is not None


def test_a_k_of_1024_wants_more_than_one_figure() -> None:
    # 4,089,184,256 / 1024^3 = 3.81, and 3.8 is what another network has at a K of 1000.
    lone = Figure(Number("3.8G", Decimal("3.8"), Decimal("0.1"), 3), Parts(macs=4_089_184_256))
    assert choose("ops", [lone]).explained == 0
    assert choose("ops", [lone, lone]).base == 1024


# ---------------------------------------------------------------- rows and layers


def test_rows_pass_over_what_they_do_not_name() -> None:
    # conv 5x5/1 6, pool, conv 5x5 16: the table leaves the activations and the first pool out.
    net = subject("lenet/lenet5.arch")
    rows = [wanted([said], []) for said in (Said("conv", "conv", filters=6), Said("conv", "conv", filters=16))]
    names = [net.layers[stretch.start].node.call for stretch in align(rows, net, {}) if stretch is not None]
    assert names == ["conv 5x5 6", "conv 5x5 16"]


def test_a_branch_is_found_by_what_it_feeds() -> None:
    """GoogLeNet's Table 1: the widths of every inception module, each in its own column."""
    found = {
        (one.row, one.column): one.verdict
        for one in judged(tables("googlenet/table1.csv")[0]).findings
        if one.column.startswith("#") or one.column == "pool proj"
    }
    assert len(found) == 9 * 6 + 2
    assert set(found.values()) == {"holds"}


# ---------------------------------------------------------------- the tables


def test_wei_3_1_holds() -> None:
    judgement = judged(tables("alexnet/wei_table3.1.csv")[0])
    assert wrong(judgement) == set()
    unchecked = [one for one in judgement.findings if one.verdict == "not-checked"]
    assert [(one.row, one.column) for one in unchecked] == [("23", "operation")]  # the softmax, which is in the loss


def test_wei_3_2_has_three_misprints() -> None:
    """Row 31 prints the window of the layer below; rows 32 and 35 print an input that the row before does not make."""
    judgement = with_suggestions("vgg/wei_table3.2.csv", "vgg/vgg.arch", "vgg16")
    found = {one.row: one for one in judgement.findings if one.verdict == "contradiction"}
    assert {(row, one.column) for row, one in found.items()} == {
        ("31", "parameters"),
        ("32", "input"),
        ("35", "input"),
    }
    # (14 - 7)/1 + 1 = 8, and 7x7 is printed; 2x2/2 makes 7x7 of 14x14.
    assert "(14 - 7)/1 + 1 = 8, not 7" in found["31"].explanation
    assert "f=2; s=2" in found["31"].suggestion
    assert "7x7x512" in found["32"].suggestion
    assert "1x1x4096" in found["35"].suggestion


def test_googlenet_table_1() -> None:
    judgement = judged(tables("googlenet/table1.csv")[0])
    found = {(one.row, one.column): one for one in judgement.findings}
    assert all(
        one.verdict == "holds"
        for (row, column), one in found.items()
        if column in ("output size", "depth") and row != "19"  # the softmax
    )
    # Operations are the weights times the positions: rows 1 and 14 go with the parameters that they print.
    assert {row for row, column in wrong(judgement) if column == "ops"} == {"1", "14"}
    # 7*7*3*64 is no 2.7K under any convention; of the inception modules only 3a and 3b come near what is printed.
    assert {row for row, column in wrong(judgement) if column == "params"} == {
        "1",
        "8",
        "9",
        "10",
        "11",
        "12",
        "14",
        "15",
    }
    # 4e: 528*(256 + 160 + 32 + 128) + 3*3*160*320 + 5*5*32*128 = 867,328 weights and 1,024 biases.
    assert found["12", "params"].explanation.endswith("+ 1,024 = 868,352")
    # 192*(64 + 96 + 16 + 32) + 3*3*96*128 + 5*5*16*32 = 163,328 and 368 biases: 159.8 times 1024.
    assert found["5", "params"].verdict == "convention"
    assert "K = 1024" in found["5", "params"].convention


def test_vgg_configurations() -> None:
    layers, totals = tables("vgg/configurations.md")
    assert {one.verdict for one in judged(layers).findings if "soft" not in one.printed} == {"holds"}
    assert {one.verdict for one in judged(totals).findings if one.printed.isdigit()} == {"holds"}


def test_resnet_table_1() -> None:
    judgement = judged(tables("resnet/table1.md")[0])
    assert wrong(judgement) == set()
    flops = {one.column: one for one in judgement.findings if one.row == "7" and one.column.endswith("-layer")}
    # The line is headed FLOPs and gives multiply-adds: He et al., section 3.3. 34 and 50 layers are cut off.
    assert {one.convention for one in flops.values()} == {"multiply-adds"}
    assert {name for name, one in flops.items() if one.explanation == "cut off"} == {"34-layer", "50-layer"}


def test_a_table_of_another_network() -> None:
    """GoogLeNet's table against VGG: nothing of it is called true without having been compared."""
    understood = read(tables("googlenet/table1.csv")[0])
    judgement = judge(understood, [Case(subject("vgg/vgg.arch", "vgg16"))])
    assert len(wrong(judgement)) > 20
    assert all(one.compared for one in judgement.findings if one.verdict != "not-checked")


# ---------------------------------------------------------------- what would mend it


def with_suggestions(
    table: str | Table, file: str, variant: str | None, change: tuple[str, str] = ("", "")
) -> Judgement:
    """The judgement of a table against a network whose text was changed first."""
    text = (SPECS / file).read_text().replace(*change)

    def build(changed: str) -> Case | None:
        found = Collector()
        network = Workspace.text(changed, found, file, SPECS / file).network(Request(variant, claims=False), found)
        return Case(Subject(network.graph)) if network is not None else None

    case = build(text)
    assert case is not None
    understood = read(tables(table)[0] if isinstance(table, str) else table)
    return suggest(judge(understood, [case]), case, Editor(text, build))


def alexnet_of_224(tmp_path: Path) -> tuple[str, str]:
    """AlexNet as the paper describes it, whose first layer does not make 55x55 of 224x224."""
    text = (SPECS / "alexnet/alexnet.arch").read_text()
    changed = tmp_path / "alexnet.arch"
    changed.write_text(text.replace("227x227x3", "224x224x3"))
    return str(changed), "alexnet_one_tower"


def test_alexnet_of_224_wants_227(tmp_path: Path) -> None:
    """(224 - 11)/4 + 1 = 54.25; (227 - 11)/4 + 1 = 55; (224 + 2*2 - 11)/4 + 1 = 55.25."""
    file, variant = alexnet_of_224(tmp_path)
    judgement = with_suggestions("alexnet/wei_table3.1.csv", file, variant)
    first = next(one for one in judgement.findings if one.verdict == "contradiction")
    assert (first.row, first.suggestion) == ("1", "input 227x227x3")


def test_alexnet_of_224_as_the_paper_prints_it(tmp_path: Path) -> None:
    file, variant = alexnet_of_224(tmp_path)
    (table,) = tables("alexnet/wei_table3.1.csv")
    row = table.rows[0]
    cells = [replace(cell, text=cell.text.replace("227x227", "224x224")) for cell in row.cells]
    printed = replace(table, rows=(replace(row, cells=tuple(cells)), *table.rows[1:]))
    judgement = with_suggestions(printed, file, variant)
    first = next(one for one in judgement.findings if one.verdict == "contradiction")
    assert first.suggestion == "`conv 11x11/4+2 96` for `conv 11x11/4 96`, or input 227x227x3"


def test_a_width_of_a_block() -> None:
    """Module 3b with 5x5 reduce 96 and 3x3 192 for the 32 and 96 of the paper's columns: one width is mended."""
    changed = ("inception<128, 128, 192, 32, 96, 64>", "inception<128, 128, 192, 32, 192, 64>")
    text = (SPECS / "googlenet/googlenet.arch").read_text()
    assert changed[0] in text
    found = with_suggestions("googlenet/table1.csv", "googlenet/googlenet.arch", None, changed)
    widths = {one.column: one.suggestion for one in found.findings if one.row == "6" and one.verdict == "contradiction"}
    assert "<128, 128, 192, 32, 96, 64> for <128, 128, 192, 32, 192, 64>" in widths["#5x5"]


def test_a_stride_moved_by_a_layer(tmp_path: Path) -> None:
    """28x28 is halved by the first convolution, and the table has it halved by the second."""
    net = tmp_path / "net.arch"
    net.write_text("input 28x28x1\nconv 3x3/2+1 8 -> relu -> conv 3x3+1 16 -> relu -> gap -> fc 10\n")
    table = tmp_path / "net.csv"
    table.write_text("layer,kernel,input,output\nconv,3x3,28x28x1,28x28x8\nconv,3x3,28x28x8,14x14x16\n")
    found = Collector()
    judgement = with_suggestions(read_tables(table, found)[0], str(net), None)
    words = {one.row: one.suggestion for one in judgement.findings if one.verdict == "contradiction"}
    assert words["2"].startswith("the stride moved: `conv 3x3+1 8`, then `conv 3x3/2+1 16`")
    assert words["1"] == "the change of row 2"


# ---------------------------------------------------------------- no change goes unnoticed

FIGURE = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")


def changed_figures(table: Table, understood: Reading) -> Sequence[tuple[int, int, str]]:
    """Every printed figure of a table, one at a time, moved by five units of its last digit: row, column, new text."""
    found = []
    for at, row in enumerate(table.rows):
        for place, cell in enumerate(row.cells):
            if understood.columns[place].role in ("index", "layer", "model", "measured"):
                continue  # numbers of rows, names and accuracies are no figures
            for match in FIGURE.finditer(cell.text):
                if cell.text[: match.start()].endswith("^"):
                    continue  # 10^9: the exponent is no digit of the figure
                mantissa, e, exponent = match[0].partition("e")
                unit = Decimal(1).scaleb(int(Decimal(mantissa).as_tuple().exponent))
                moved = f"{Decimal(mantissa) + 5 * unit}{e}{exponent}"
                found.append((at, place, cell.text[: match.start()] + moved + cell.text[match.end() :]))
    return found


@pytest.mark.parametrize(
    ("file", "number", "step"),
    [
        ("alexnet/wei_table3.1.csv", 0, 1),
        ("vgg/wei_table3.2.csv", 0, 3),
        ("googlenet/table1.csv", 0, 5),
        ("vgg/configurations.md", 0, 5),
        ("vgg/configurations.md", 1, 1),
        ("resnet/table1.md", 0, 11),
        ("senet/table1.md", 0, 9),
    ],
)
def test_a_changed_figure_is_found_in_its_cell(file: str, number: int, step: int) -> None:
    """`step`: of the larger tables, every so many of the changes, for time."""
    table = tables(file)[number]
    understood = read(table)
    networks = cases(understood)
    before = wrong(judge(understood, networks))
    changes = changed_figures(table, understood)[::step]
    assert changes
    for at, place, text in changes:
        row = table.rows[at]
        cells = [replace(cell, text=text) if one == place else cell for one, cell in enumerate(row.cells)]
        rows = [replace(row, cells=tuple(cells)) if one == at else other for one, other in enumerate(table.rows)]
        mine = (understood.lines[at].number, understood.columns[place].header)
        after = wrong(judge(read(replace(table, rows=tuple(rows))), networks))
        if mine in before:
            continue  # a misprint already: its changes prove nothing
        assert after == before | {mine}, (mine, row.cells[place].text, text)
