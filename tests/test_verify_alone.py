"""A table against itself: misprints are found in the cell that has them, and nothing unchecked holds.

Every expected size is worked out by hand: (n + 2p - k)/s + 1.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from archdsl.diagnostics import Collector
from archdsl.graph import Graph
from archdsl.importing import elaborate
from archdsl.ops.base import Shape
from archdsl.verify.changes import Change, Miss
from archdsl.verify.changes import changes as changes_of
from archdsl.verify.content import Content
from archdsl.verify.finding import Finding, Judgement
from archdsl.verify.phrase import Style
from archdsl.verify.reading.documents import read_text
from archdsl.verify.reading.understand import understand
from archdsl.verify.selfcheck import check_alone
from archdsl.verify.subject import Subject
from archdsl.verify.table import Said, Size

SPECS = Path(__file__).parent.parent / "specs"
ALEXNET = (SPECS / "alexnet" / "wei_table3.1.csv").read_text(encoding="utf-8")
VGG16 = (SPECS / "vgg" / "wei_table3.2.csv").read_text(encoding="utf-8")
GOOGLENET = (SPECS / "googlenet" / "table1.csv").read_text(encoding="utf-8")
RESNET = (SPECS / "resnet" / "table1.md").read_text(encoding="utf-8")

_made: dict[str, Graph | None] = {}


def made(text: str) -> Graph | None:
    """The network of a text, once for all tests."""
    if text not in _made:
        _made[text] = elaborate(text)
    return _made[text]


def alone(text: str, format: str = "csv") -> Judgement:
    found = Collector()
    table = read_text(text, f"table.{format}", format, found)[0]
    return check_alone(understand(table, {}, {}, found), made)


def wrong(judgement: Judgement) -> list[Finding]:
    return [finding for finding in judgement.findings if finding.verdict == "contradiction"]


def cell(judgement: Judgement, row: str, column: str) -> Finding:
    return next(one for one in judgement.findings if one.row == row and one.column == column)


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


# ---------------------------------------------------------------- tables of the literature


def test_vgg16_of_wei_falls_in_three_rows() -> None:
    judgement = alone(VGG16)
    assert judgement.network == ""
    found = [(one.row, one.column, one.computed, one.suggestion) for one in wrong(judgement)]
    assert found == [
        ("31", "parameters", "8x8x512", "maxpool f=2; s=2"),  # (14 - 7)/1 + 1 = 8; (14 - 2)/2 + 1 = 7
        ("32", "input", "7x7x512", "7x7x512"),  # row 31 gives 7x7x512, which f=7 takes whole
        ("35", "input", "1x1x4096", "1x1x4096"),
    ]
    assert "(14 - 7)/1 + 1 = 8" in cell(judgement, "31", "parameters").explanation
    assert cell(judgement, "32", "input").explanation == "the row before gives 7x7x512"


def test_alexnet_of_wei_agrees_with_itself() -> None:
    judgement = alone(ALEXNET)
    assert wrong(judgement) == []
    # 22 outputs and 23 inputs, and the arguments of 5 convolutions, 3 pools and 3 fully connected layers.
    assert judgement.count("holds") == 22 + 23 + 11
    # f, s and d, all in the one equation (227 - 11)/4 + 1 = 55.
    assert cell(judgement, "1", "parameters").compared == 3
    left = [one for one in judgement.findings if one.verdict == "not-checked"]
    assert {one.column for one in left} == {"operation", "parameters"}
    assert {one.row for one in left if one.column == "parameters"} == {"4", "8", "18", "21"}  # lrn, dropout
    assert all(one.compared == 0 and one.explanation for one in left)


def test_the_input_of_alexnet_in_print() -> None:
    judgement = alone(changed(ALEXNET, "d=96,227x227x3", "d=96,224x224x3"))
    (found,) = wrong(judgement)
    assert (found.row, found.column) == ("1", "input")
    # (227 - 11)/4 + 1 = 55, and so (224 + 2*2 - 11)/4 + 1 = 55.25, of which 55 are whole.
    assert found.suggestion == "input 227x227x3, or padding 2"
    assert "(224 - 11)/4 + 1 = 54.25, made 54" in found.explanation


def test_googlenet_sizes_agree_and_the_first_row_does_not() -> None:
    judgement = alone(GOOGLENET)
    assert {one.column for one in wrong(judgement)} == {"params", "ops"}
    first = cell(judgement, "1", "params")
    # 7*7*3*64 + 64: the row has 9.4 thousand, whatever K is, and 2.7 are printed.
    assert first.verdict == "contradiction"
    assert "7*7*3*64" in first.explanation
    # The table prints no input, so nothing of the first convolution's size is known.
    assert cell(judgement, "1", "output size").verdict == "not-checked"
    assert cell(judgement, "1", "patch size/stride").verdict == "not-checked"
    assert "the input is taken to be 224x224x3" in judgement.conventions
    # (112 + 2 - 3)/2 + 1 = 56.5: with a padding of 1 that is not printed.
    pool = cell(judgement, "2", "output size")
    assert (pool.verdict, pool.convention) == ("convention", "padding 1, which is not printed")
    module = cell(judgement, "5", "pool proj")
    assert (module.verdict, module.explanation) == ("holds", "64 + 128 + 32 + 32 = 256")


def test_resnet_operations_are_the_sum_of_the_rows() -> None:
    judgement = alone(RESNET, "markdown")
    assert wrong(judgement) == []
    # torchvision's resnet18 has 1,814,073,344 multiply-adds, resnet34 3,663,761,408.
    assert "1,814,073,344" in cell(judgement, "7", "18-layer").computed
    assert "3,663,761,408" in cell(judgement, "7", "34-layer").computed


# ---------------------------------------------------------------- the cell to blame


@pytest.mark.parametrize(
    ("old", "new", "row", "column", "suggestion"),
    [
        # An input that is not what the row before gives, which its own arguments confirm.
        ("10,relu,,13x13x384,", "10,relu,,13x13x389,", "10", "input", "13x13x384"),
        ("19,fc,f=1; s=1; d=4096,1x1x4096", "19,fc,f=1; s=1; d=4096,1x1x4101", "19", "input", "1x1x4096"),
        # An output that neither its row gives nor the next one takes: (27 - 3)/2 + 1 = 13.
        ("27x27x256,13x13x256", "27x27x256,18x13x256", "7", "output", "13x13x256"),
        # The last one, of which only its own row speaks.
        ("1x1x4096,1x1xC", "1x1x4096,1x1x1005", "22", "output", "1x1x1000"),
        # Arguments whose output the next row goes on from: (13 + 2*6 - 3)/1 + 1 = 23.
        ("13,conv,f=3; p=1", "13,conv,f=3; p=6", "13", "parameters", "padding 1"),
        ("5,conv,f=5; p=2; s=1; d=256", "5,conv,f=5; p=2; s=1; d=261", "5", "parameters", "conv f=5; p=2; s=1; d=256"),
        # A fully connected layer written as a convolution has its whole input as its kernel.
        ("16,fc,f=6", "16,fc,f=11", "16", "parameters", "f=6"),
    ],
)
def test_the_wrong_cell_alone_falls(old: str, new: str, row: str, column: str, suggestion: str) -> None:
    found = [(one.row, one.column, one.suggestion) for one in wrong(alone(changed(ALEXNET, old, new)))]
    assert found == [(row, column, suggestion)]


def test_every_size_that_is_changed_is_found_in_its_cell() -> None:
    lines = ALEXNET.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("1,conv"))
    tried = 0
    for at in range(start + 1, len(lines)):
        cells = lines[at].split(",")
        for column, name in ((3, "input"), (4, "output")):
            if "x" not in cells[column]:
                continue
            parts = cells[column].split("x")
            place = tried % 3 if parts[2] != "C" else tried % 2
            parts[place] = str(int(parts[place]) + 5)
            row = [*cells[:column], "x".join(parts), *cells[column + 1 :]]
            text = "\n".join([*lines[:at], ",".join(row), *lines[at + 1 :]])
            assert [(one.row, one.column) for one in wrong(alone(text))] == [(cells[0], name)], row
            tried += 1
    assert tried == 43  # 22 rows behind the first, of which the softmax has no output


@pytest.mark.parametrize(
    ("old", "new", "row", "column"),
    [
        # 64 + 138 + 32 + 32 = 266, and inception (3b) has 380K parameters on 256 channels.
        ("2,64,96,128,16,32,32", "2,64,96,138,16,32,32", "5", "#3x3"),
        ("28x28x256,2,64", "28x28x266,2,64", "5", "output size"),
        # (56 - 3)/3 + 1 = 18.67
        ("3x3/2,28x28x192", "3x3/3,28x28x192", "4", "patch size/stride"),
        ("14x14x480", "14x14x490", "7", "output size"),
        # Two weight layers are on the longest path of a module.
        ("28x28x480,2,", "28x28x480,3,", "6", "depth"),
    ],
)
def test_a_misprint_of_a_module(old: str, new: str, row: str, column: str) -> None:
    found = wrong(alone(changed(GOOGLENET, old, new)))
    assert (row, column) in {(one.row, one.column) for one in found}
    assert {one.row for one in found if one.column not in ("params", "ops")} == {row}


def test_totals_are_the_sum_of_the_rows() -> None:
    text = (
        "layer,arguments,input,output,params\nconv,f=3; p=1; d=4,8x8x3,8x8x4,112\nfc,d=10,8x8x4,1x1x10,2570\n"
        "Total params,,,,{}\n"
    )
    # 3*3*3*4 + 4 = 112, 8*8*4*10 + 10 = 2,570
    assert cell(alone(text.format(2682)), "3", "params").verdict == "holds"
    total = cell(alone(text.format(2692)), "3", "params")
    assert (total.verdict, total.explanation) == ("contradiction", "the rows add up to 2,682")


# ---------------------------------------------------------------- nothing holds that was not compared


def test_what_cannot_be_computed_is_not_checked() -> None:
    judgement = alone(
        "type,arguments,input,output,params,speed\nconv,f=3; d=4,9x9x3,7x7x4,112,fast\nwobble,,7x7x4,7x7x8,50,slow\n"
        "fc,d=10,7x7x8,1x1x10,3930,slow\n"
    )
    assert wrong(judgement) == []
    # Nobody knows what `wobble` makes: its output is what the next row takes, its parameters are nobody's.
    assert cell(judgement, "2", "params").verdict == "not-checked"
    assert "wobble" in cell(judgement, "2", "params").explanation
    assert cell(judgement, "2", "speed").verdict == "not-checked"
    # 7*7*8*10 + 10 = 3,930
    assert cell(judgement, "3", "params").verdict == "holds"
    for one in judgement.findings:
        assert (one.compared == 0) == (one.verdict == "not-checked")


def test_an_input_behind_a_row_that_nobody_knows_is_not_checked() -> None:
    judgement = alone("type,arguments,input\nwobble,,9x9x3\nconv,f=3; d=4,7x7x8\nmaxpool,f=2; s=1,6x6x4\n")
    assert cell(judgement, "2", "input").verdict == "not-checked"
    # 3x3 on 7x7 gives 7 or 5 with a stride of 1, 4 or 3 with one of 2; never 6.
    assert cell(judgement, "3", "input").verdict == "contradiction"


def test_padding_that_only_the_next_row_tells_is_a_convention() -> None:
    judgement = alone("type,arguments,input\nconv,f=3; d=4,7x7x8\nmaxpool,f=2; s=1,7x7x4\n")
    found = cell(judgement, "2", "input")
    assert (found.verdict, found.convention) == ("convention", "padding 1, which is not printed")


def test_a_table_without_sizes_holds_nothing() -> None:
    judgement = alone("layer,arguments\nconv,f=3; d=4\nmaxpool,f=2; s=2\nfc,d=10\n")
    assert len(judgement.findings) == 6
    assert judgement.count("not-checked") == 6


def test_every_cell_that_says_something_has_a_verdict() -> None:
    for text, format in ((GOOGLENET, "csv"), (RESNET, "markdown")):
        judgement = alone(text, format)
        cells = [e for line in judgement.reading.lines for e in line.entries if e.column.role not in ("index", "note")]
        assert len(judgement.findings) == len(cells)


@pytest.mark.parametrize(
    "text",
    [
        "input,output\n1x1x1,99999999x99999999x9\n",
        "layer,kernel,stride,input,output\nconv,0,0,8x8x3,8x8x3\nconv,3,99999999,8x8x3,1x1x3\n",
        "layer,arguments,input,output\nmaxpool,f=9; s=9,2x2x3,1x1x3\nconv,f=3; d=0,1x1x3,0x0x0\n",
        "layer,#1x1,output\ninception,0,0x0x0\ninception,99999999999,1x1\n",
        "layer,arguments,output\nconv,[[[3x3; 4] x9] x9] x9,8x8\n",
        "layer,input,output\nconv,axbxc,cxbxa\n",
    ],
)
def test_odd_tables_are_judged_all_the_same(text: str) -> None:
    for one in alone(text).findings:
        assert (one.compared == 0) == (one.verdict == "not-checked")


# ---------------------------------------------------------------- small changes


def _size(text: str) -> Size:
    return Size(text, tuple(int(part) for part in text.split("x")), "last")


def changes(
    said: Said,
    input: Shape,
    output: Size,
    *,
    widths: dict[str, int] | None = None,
    keep_input: bool = False,
    miss: Miss | None = None,
) -> list[Change]:
    row = Content((said,), widths or {}, output=output)
    return changes_of(row, input, made, style=Style(), keep_input=keep_input, miss=miss)


def test_changes_of_a_window() -> None:
    conv = Said("f=11; s=4; d=96", "conv", kernel=(11,), stride=(4,), filters=96)
    found = changes(conv, (224, 224, 3), _size("55x55x96"))
    assert [one.text for one in found[:2]] == ["input 227x227x3", "padding 2"]
    assert found[0].input == (227, 227, 3)
    assert found[0].phrase == "conv 11x11/4 96"
    assert all(one.what == "arguments" for one in changes(conv, (224, 224, 3), _size("55x55x96"), keep_input=True))
    pool = Said("7x7/1", "maxpool", kernel=(7, 7), stride=(1,))
    # (14 - 2)/2 + 1 = 7, and the smaller input 13 - 7 + 1 = 7.
    texts = [one.text for one in changes(pool, (14, 14, 512), _size("7x7x512"))]
    assert texts[:2] == ["maxpool 2x2/2", "input 13x13x512"]
    # (112 - 3)/2 + 1 = 55.5: rounded up, or with a padding of 1.
    pool = Said("3x3/2", "maxpool", kernel=(3, 3), stride=(2,), padding=(0,))
    texts = [one.text for one in changes(pool, (112, 112, 8), _size("56x56x8"), keep_input=True)]
    assert {"padding 1", "rounded up (ceil)"} <= set(texts[:3])


def test_every_change_gives_the_size() -> None:
    conv = Said("5x5, 32", "conv", kernel=(5, 5), stride=(2,), filters=32)
    found = changes(conv, (31, 31, 3), _size("16x16x64"))
    assert found
    for one in found:
        text = f"input {'x'.join(map(str, one.input))}\n{one.phrase}\n"
        graph = elaborate(text)
        assert graph is not None
        assert graph.shape(graph.outputs[0].port) == (16, 16, 64)
    assert changes(conv, (31, 31, 3), _size("500x500x64")) == []


def test_changes_of_a_width_inside_that_only_the_parameters_tell() -> None:
    widths = {"1x1": 64, "3x3 reduce": 96, "3x3": 128, "5x5 reduce": 24, "5x5": 32, "pool proj": 32}

    def miss(graph: Graph) -> Fraction:
        # Inception (3a) has 16 there: 192*16 + 16 + 5*5*16*32 fewer than with 24, and 163,696 in all with biases.
        parts = Subject(graph).total
        return Fraction(parts.weights + parts.biases - 163_696)

    found = changes(Said("inception (3a)", "inception"), (28, 28, 192), _size("28x28x256"), widths=widths, miss=miss)
    assert "5x5 reduce 16" in [one.text for one in found]


def test_the_input_row_of_squeezenet() -> None:
    # SqueezeNet, Table 1, prints 224x224x3 and 111x111x96 for 7x7/2: (227 - 7)/2 + 1 = 111, (224 - 7)/2 + 1 = 109.5.
    judgement = alone(
        "layer,output size,filter size/stride\ninput image,224x224x3,\nconv1,111x111x96,7x7/2 (x96)\n"
        "maxpool1,55x55x96,3x3/2\n"
    )
    (found,) = wrong(judgement)
    assert (found.row, found.column, found.suggestion) == ("1", "output size", "input 227x227x3, or padding 2")


def test_the_stride_of_mobilenet_in_print() -> None:
    # MobileNets, Table 1, row 18: (7 + 2 - 3)/2 + 1 = 4, and rows 19 and 20 start from 7x7.
    judgement = alone(
        "Type / Stride,Filter Shape,Input Size\nConv / s1,1 x 1 x 512 x 1024,7 x 7 x 512\n"
        "Conv dw / s2,3 x 3 x 1024 dw,7 x 7 x 1024\nConv / s1,1 x 1 x 1024 x 1024,7 x 7 x 1024\n"
        "Avg Pool / s1,Pool 7 x 7,7 x 7 x 1024\n"
    )
    (found,) = wrong(judgement)
    assert (found.row, found.column, found.computed) == ("2", "Type / Stride", "4x4x1024")
    assert found.suggestion == "dwconv 3x3/1 1024"


def test_a_kernel_that_only_the_parameters_tell_is_a_convention() -> None:
    """Keras prints no kernels: 2,416 = 16*(5*5*6 + 1) makes one of 5x5; 2,417 makes none, and then nothing holds."""
    text = "Layer (type),Output Shape,Param #\nInput,14x14x6,0\nconv2d (Conv2D),10x10x16,2416\ndense (Dense),10,16010\n"
    judged = alone(text)
    assert cell(judged, "2", "Param #").verdict == "convention"
    assert cell(judged, "2", "Param #").convention == "a kernel of 5x5, which is not printed"
    assert cell(judged, "2", "Output Shape").verdict == "holds"
    assert cell(judged, "3", "Param #").verdict == "holds"  # 10*10*16*10 + 10
    judged = alone(changed(text, "2416", "2417"))
    assert cell(judged, "2", "Param #").verdict == "not-checked"
    assert cell(judged, "2", "Output Shape").verdict == "not-checked"
