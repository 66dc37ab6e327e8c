"""What the emitted source calls its tensors and layers: what the text calls them, wherever it does.

In: texts with labels, in places where a generator would rather number. Out: their names in the source, and modules that
compute what the labels say.
"""

from __future__ import annotations

import torch
from torch import nn

import archdsl
from archdsl.codegen.source import source
from tests.zoo import entries


def _zoo(name: str) -> str:
    return source(next(entry for entry in entries() if entry.name == name).graph())


def test_tensors_that_leave_together_have_their_labels() -> None:
    text = _zoo("shufflenet_v2_x1_0")
    assert "split 2 @past @through" in text
    assert "past, through = x.chunk(2, dim=1)" in text


def test_a_label_behind_a_condition_names_the_layer_that_is_taken() -> None:
    text = "input 8x8x3\n(if in.c == 3 then conv 1x1 4 else conv 3x3+1 5) @stem -> relu -> conv 1x1 2"
    network = archdsl.loads(text)
    assert list(network.graph.names) == ["input", "stem", "relu", "conv"]
    stem = network.module().get_submodule("stem")
    assert isinstance(stem, nn.Conv2d)
    assert stem.out_channels == 4


def test_the_cells_of_nasnet_read_as_its_figure() -> None:
    """`h` and `p` become `x` and `y`, as its text has them."""
    text = _zoo("nasnet_mobile")
    assert "        y = self.y(p)\n        x = self.x(h)\n" in text
    assert "x_ = self.x(h)" not in text


def test_labels_that_are_the_generators_own_words() -> None:
    """`@x` and `@y` read again and again, crosswise, beside a chain that would be called x and a branch called y."""
    text = """
        input 4x4x2
        block cell(h, p) {
            @p -> conv 1x1 2 @y
            @h -> conv 1x1 2 @x
            add<@x -> tanh | @y> @z
            concat<@z | @x | add<@y -> sigmoid | @x> | @p>
        }
        conv 1x1 2 @first
        (@first, @in) -> cell"""
    made = archdsl.loads(text).module(seed=0)
    image = torch.randn(3, 2, 4, 4)
    with torch.no_grad():
        first = made.get_submodule("first")(image)
        y, x = made.get_submodule("cell.y")(image), made.get_submodule("cell.x")(first)
        expected = torch.cat((x.tanh() + y, x, y.sigmoid() + x, image), dim=1)
        torch.testing.assert_close(made(image), expected)


def test_a_unit_of_one_layer_ends_with_a_function() -> None:
    """As torchvision's `BasicConv2d`; a rectifier that the text names, or that is not the last, is a module."""
    text = """
        input 4x4x2
        block plain = conv 1x1 2 -> bn -> relu
        block named = conv 1x1 2 -> relu @kept
        block inner = conv 1x1 2 -> relu -> conv 1x1 2
        plain -> named -> inner"""
    made = archdsl.loads(text).module(seed=0)
    rectifiers = [name for name, part in made.named_modules() if isinstance(part, nn.ReLU)]
    assert rectifiers == ["named.relu", "inner.relu"]
    with torch.no_grad():
        after = made.get_submodule("plain")(torch.randn(3, 2, 4, 4))
    assert after.min() == 0


def test_rates_that_rise_are_written_as_they_rise() -> None:
    """EfficientNet-B0 drops paths at 0.2 i/16, block i of 16; the last, 15, is no residual, so 14 is the highest."""
    text = _zoo("efficientnet_b0")
    assert "p=0.2 * (first + i) / 16" in text
    assert "0.15000000000000002" not in text
