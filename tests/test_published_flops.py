"""pytorchcv's count of all operations, which files claim as `half_ops`: its rule, layer by layer.

In: layers by themselves. Out: facts of `measure_model` in its repository, osmr/imgclsmob. Its figures for whole
networks are claims of `specs`, which test_zoo compares.
"""

from __future__ import annotations

import pytest

import archdsl
from archdsl.analysis.claims import check_claims
from archdsl.diagnostics import Collector


def last(text: str, size: str = "8x6x4") -> int | None:
    """The operations of the last layer of a chain on an image of 8x6x4, or on another input."""
    node = list(archdsl.loads(f"input {size}\n{text}\n").graph.layers)[-1]
    assert node.op is not None
    return node.op.module_operations(node.input_shapes, node.shapes)


VALUES = 8 * 6 * 4


@pytest.mark.parametrize(
    ("each", "layers"),
    [
        (0, ["dropout 0.5", "flatten", "lrn 5", "pad 1", "slice 0 2", "crop 1", "pad_channels 2", "times 2"]),
        (1, ["relu", "relu6", "hardsigmoid", "gap", "gmp", "shuffle 2", "pixel_shuffle 2"]),
        (2, ["leaky_relu", "hardswish"]),
        (3, ["elu", "prelu"]),
        (4, ["sigmoid", "bn", "instance_norm"]),
        (5, ["silu"]),
    ],
)
def test_each_value_that_enters_counts(each: int, layers: list[str]) -> None:
    assert {layer: last(layer) for layer in layers} == dict.fromkeys(layers, each * VALUES)


@pytest.mark.parametrize("merge", ["add<id | id>", "mul<id | id>", "concat<id | id>", "max<id | id>"])
def test_what_is_a_function_there_counts_nothing(merge: str) -> None:
    assert last(merge) == 0


@pytest.mark.parametrize(
    ("text", "count"),
    [
        # Two for each multiply-accumulate; without a bias one less for each kernel, over all positions together.
        ("conv 3x3+1 10", 2 * 9 * 4 * 10 * 48),
        ("conv 3x3+1 10 bias=false", (2 * 9 * 48 - 1) * 4 * 10),
        ("conv 3x3/2+1 8 groups=4 bias=false", (2 * 9 * 12 - 1) * 4 * 8 // 4),
        ("conv 3x3 5 dilation=2", 2 * 9 * 4 * 5 * 4 * 2),
        ("fc 10", 2 * VALUES * 10),
        ("fc 10 bias=false", (2 * VALUES - 1) * 10),
        # Each window reads its whole kernel, padding too.
        ("maxpool 3/2+1", 4 * 4 * 3 * 9),
        ("avgpool 2", 4 * 4 * 3 * 4),
        # As if each window read the whole image.
        ("adaptive_avgpool 2", 4 * 2 * 2 * 48),
        ("adaptive_maxpool 1", 4 * 48),
    ],
)
def test_windows_and_weights(text: str, count: int) -> None:
    assert last(text) == count


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("tanh", "8x6x4"),
        ("gelu", "8x6x4"),
        ("ln", "8x6x4"),
        ("lppool 2", "8x6x4"),
        ("subsample 2", "8x6x4"),
        ("upsample 2", "8x6x4"),
        ("deconv 2x2/2 4", "8x6x4"),
        ("conv 1x1 2 connect=[[0, 1], [2, 3]]", "8x6x4"),
        ("conv 3 4", "20x4"),
        ("maxpool 2", "20x4"),
        ("adaptive_avgpool 2", "20x4"),
        ("fc 4", "20x4"),
        ("attention 2", "20x4"),
        ("conv 3 4", "4x6x6x2"),
    ],
)
def test_what_the_rule_does_not_know_is_not_zero(text: str, size: str) -> None:
    assert last(text, size) is None


def complaints(text: str) -> list[str]:
    network, found = archdsl.loads(text), Collector()
    check_claims(network.graph, network.claims, found)
    return [diagnostic.message for diagnostic in found]


def test_heads_of_training_do_not_count() -> None:
    text = "input 4x4x2\nrelu @a -> gap -> fc 3\noutput aux training = @a -> sigmoid -> fc 3\n"
    # 32 of the ReLU, 32 of the pool, 2 * 2 * 3 of the last layer.
    claim = text + f"expect half_ops {(32 + 32 + 12) // 2}\n"
    assert complaints(claim) == []


def test_a_half_is_shown_as_it_is() -> None:
    # 4 of the ReLU and 2 * 4 - 1 of the unit are 11.
    claim = "arch net\ninput 4\nrelu -> fc 1 bias=false\nexpect half_ops 6\n"
    assert complaints(claim) == ["half_ops of `net` is 5.5, not 6"]


def test_of_a_label_it_cannot_be_claimed() -> None:
    claim = "input 4x4x2\nconv 3x3 4 @c -> fc 2\nexpect c half_ops 288\n"
    assert complaints(claim) == ["`half_ops` of a part of the network cannot be claimed"]
