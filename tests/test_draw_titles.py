"""What titles, outputs and tables of pictures say: short, whole, and as the text has it.

In: small texts, networks of `specs/` and the programs of the language reference. Out: the words, read back.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

import archdsl
from archdsl.draw.image import ImageFormat, image
from archdsl.draw.plan import ALL, Wish, make_plan
from archdsl.draw.strip import make_strip
from archdsl.draw.text import arguments, brief
from archdsl.graph import Graph
from tests import zoo
from tests.drawn import Drawn, program, read

_UNITS = """input 8x8x4
block unit<w, s=1, drop=0> = conv 3x3/s+1 w -> relu -> drop_path drop -> conv 3x3+1 w -> drop_path drop -> softmax
"""


def _texts(graph: Graph, wish: Wish = ALL) -> list[str]:
    return [text.text for text in read(image(graph, "svg", wish)).all_texts()]


# ---------------------------------------------------------------- calls of blocks


def test_arguments_that_have_their_default_are_left_out() -> None:
    shown = _texts(archdsl.loads(f"{_UNITS}unit<4> -> unit<8, s=2> -> unit<8, s=1>").graph, Wish(depth=1))
    assert [text for text in shown if text.startswith("unit")] == ["unit<4>", "unit<8, s=2>", "unit<8>"]


def test_a_default_that_only_some_turns_have_is_said() -> None:
    # Four units drop 0, 0.1, 0.2 and 0.3 of their paths: the first has the default, the last has not.
    graph = archdsl.loads(f"{_UNITS}conv 1 4 -> unit<4, drop=i/10> x(i in 4)").graph
    assert "unit<4, drop=0…0.3>" in _texts(graph, Wish(depth=1))


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("stage<[3, 4, 6, 3], s=2>", "stage<[3, 4, 6, 3], s=2>"),
        ("stage<[3, 4, 6, 3, 3, 4, 6, 3]>", "stage<[3, 4, 6, …]>"),
        ("stage<[(3, 1, 16), (3, 2, 24)]>", "stage<[…]>"),
        ("unit<8, after=drop_path ((1-p)*l/(3*n))>", "unit<8, after=drop_path …>"),
        ("unit<8, after=conv 3x3+1 64>", "unit<8, after=conv 3x3+1 64>"),
        ("halve", "halve"),
    ],
)
def test_long_arguments_are_cut(call: str, shown: str) -> None:
    assert brief(call) == shown


def test_arguments_are_parted_where_the_text_parts_them() -> None:
    assert arguments("a<[1, 2], f<3, 4>, b -> c, (5, 6)>") == ("a", ("[1, 2]", "f<3, 4>", "b -> c", "(5, 6)"))
    assert arguments("a") == ("a", ())


def test_a_count_stands_behind_its_title() -> None:
    # MnasNet-B1 (Tan et al., 2018, figure 7): units of a stage but the first are alike, 2, 2, 2, 1 and 3 of them.
    for cluster in read(image(zoo.graph("mnasnet1_0"))).clusters:
        words = [text.text for text in cluster.texts]
        assert not any(word.startswith("× ") for word in words[:-1]), words


def test_titles_are_in_one_line_where_the_column_is_wide_enough() -> None:
    # Rows of Table 4 as the text has them: t, kernel, channels, units, stride, gate; convolutions beside are wider.
    shown = _texts(zoo.graph("mnasnet1_0"), Wish(depth=2))
    for row in (
        "3, 3, 24, 3, 2, 0",
        "3, 5, 40, 3, 2, 0",
        "6, 5, 80, 3, 2, 0",
        "6, 3, 96, 2, 1, 0",
        "6, 5, 192, 4, 2, 0",
    ):
        assert f"stage<{row}>" in shown


def test_the_heading_says_a_name_once() -> None:
    assert make_plan(zoo.graph("resnet50")).name == "resnet50"
    # The name of a variant that does not say what it is a variant of.
    graph = archdsl.loads("arch unet<w=8>\ninput 8x8x3\nconv 3x3+1 w\nvariant small = unet<4>", variant="small").graph
    assert make_plan(graph).name == "unet:small"


# ---------------------------------------------------------------- outputs


def test_outputs_of_all_turns_are_one() -> None:
    # Newell, Yang & Deng, 2016: eight hourglasses, each with its own heatmaps of 64x64 for 16 joints; the last is the
    # result, the other seven are trained.
    graph = program("A head in every turn")
    formats: tuple[ImageFormat, ...] = ("mmd", "dot")
    for text in ["\n".join(_texts(graph)), *(image(graph, format).decode() for format in formats)]:
        assert text.count("heat1 … heat7") == 1
        assert "heat2" not in text
    assert [leaving.text for leaving in make_strip(graph).exits] == [
        "output 64×64×16",
        "heat1 … heat7 64×64×16 (in training only)",
    ]


def test_outputs_of_different_layers_stay_apart() -> None:
    assert {"aux1", "aux2"} <= set(_texts(zoo.graph("googlenet")))
    # Every turn drawn has its own.
    plan = make_plan(program("A head in every turn"), Wish(fold=False))
    assert [leaving.name for leaving in plan.exits][1:] == [f"heat{turn}" for turn in range(1, 8)]


# ---------------------------------------------------------------- tables


def _rows(text: str) -> dict[str, dict[str, str]]:
    plan = make_plan(archdsl.loads(text).graph, Wish(table=True))
    return {cell.text.partition(" ")[0]: dict(cell.rows) for piece in plan.pieces() for cell in piece.cells}


def test_a_table_has_the_window_as_it_is_written() -> None:
    # Radford, Metz & Chintala, 2015: a transposed convolution of 4x4 with stride 2 doubles the map; in PyTorch,
    # ConvTranspose2d(8, 4, kernel_size=4, stride=2, padding=1).
    rows = _rows("input 8x8x8\ndeconv 4x4/2+1 4 -> conv 3x3+2 4 dilation=2 -> maxpool 3/2 -> upsample 2")
    assert rows["deconv"] == {
        "kernel": "4×4", "stride": "2", "padding": "1", "input": "8×8×8", "output": "16×16×4", "params": "516",
    }  # fmt: skip
    # The holes of a dilated kernel are no part of it.
    assert (rows["conv"]["kernel"], rows["conv"]["dilation"], rows["conv"]["padding"]) == ("3×3", "2", "2")
    assert (rows["maxpool"]["kernel"], rows["maxpool"]["stride"]) == ("3×3", "2")
    # Nothing slides over an image that is made larger.
    assert set(rows["upsample"]) == {"input", "output"}


# ---------------------------------------------------------------- what is open


@pytest.mark.parametrize("name", ["deeplabv3_mobilenet_v3_large", "efficientnet_v2_s", "mobilenet_v3_small"])
def test_what_still_fits_is_open(name: str) -> None:
    # The smallest text has 9 points and may have 5; a column is 88 mm wide, 249.4 points, and a page 9.5 inches high.
    def legible(drawn: Drawn) -> bool:
        return 9 * min(1, 249.4 / drawn.page.right, 684 / drawn.page.bottom) >= 5

    graph = zoo.graph(name)
    drawn = read(image(graph))
    assert legible(drawn)
    levels = [made for depth in range(1, 5) if legible(made := read(image(graph, "svg", Wish(depth=depth))))]
    assert levels
    # More is shown than with whole levels open or closed.
    assert _layers(drawn) > max(map(_layers, levels))


def _layers(drawn: Drawn) -> int:
    return sum(len(node.cells) for node in drawn.nodes)


def test_the_main_way_is_open_where_a_head_beside_it_is_not() -> None:
    # torchvision's DeepLabV3 on MobileNetV3: an auxiliary head of FCN beside the trunk is what makes it too wide.
    shown = _texts(zoo.graph("deeplabv3_mobilenet_v3_large"))
    assert "fcn<21>" in shown
    assert {"low: to_eighth", "stage<0>"} <= set(shown)
    assert sum(text.startswith("conv ") for text in shown) >= 3


def test_no_line_goes_through_a_layer() -> None:
    for name in ("deeplabv3_resnet50", "lraspp_mobilenet_v3_large", "fractalnet20", "swin_t"):
        drawn = read(image(zoo.graph(name)))
        for edge in drawn.edges:
            others = [node.box for node in drawn.nodes if node.name not in (edge.tail, edge.head)]
            for start, end in pairwise(edge.line):
                middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
                assert all(box.away(middle) > 0 for box in others), (name, edge.tail, edge.head)
