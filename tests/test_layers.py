"""The layers that PyTorch lacks against references written another way: loops, and other functions of PyTorch.

In: `archdsl.codegen.layers.{convolution,pooling,linear,dropout}`. Sizes, state and MACs are left to `test_ops_torch`.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from archdsl.codegen.layers.convolution import DeformConv2d, TableConv
from archdsl.codegen.layers.dropout import DropPath
from archdsl.codegen.layers.linear import EuclideanRBF
from archdsl.codegen.layers.pooling import SameAvgPool, Subsample

LENET_C3 = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
    [0, 1, 2, 3, 4, 5],
]  # fmt: skip
"""LeCun et al. 1998, table I, column by column."""


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


# ---------------------------------------------------------------- connection table


def _dense(layer: TableConv, connect: list[list[int]], channels: int) -> Tensor:
    """The weight of an ordinary convolution with zeros where the table has no connection."""
    dense = torch.zeros(len(connect), channels, *layer.kernel)
    kernels = iter(layer.weight.detach())
    for number, row in enumerate(connect):
        for channel in row:
            dense[number, channel] = next(kernels)
    return dense


@pytest.mark.parametrize(
    ("connect", "sizes", "kernel", "options"),
    [
        (LENET_C3, (14, 14), (5, 5), {}),
        ([[3], [1, 0], [2, 3, 0], [2]], (9, 8), (3, 2), {"stride": 2, "padding": (1, 0)}),
        ([[1, 0], [2], [0, 1]], (12,), (3,), {"dilation": 2, "bias": False}),
        ([[0, 1], [1]], (4, 5, 6), (2, 3, 2), {"padding": 1, "stride": (1, 2, 1)}),
    ],
)
def test_table_conv_is_a_convolution_with_absent_weights_at_zero(
    connect: list[list[int]], sizes: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any]
) -> None:
    channels = max(map(max, connect)) + 1
    layer = TableConv(channels, connect, kernel, **options)
    x = torch.randn(2, channels, *sizes)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(kernel)]
    rest = {name: value for name, value in options.items() if name != "bias"}
    expected = convolve(x, _dense(layer, connect, channels), layer.bias, **rest)
    torch.testing.assert_close(layer(x), expected)


def test_table_conv_has_the_counts_of_lenets_c3() -> None:
    layer = TableConv(6, LENET_C3, (5, 5))
    # LeCun et al. 1998, section II.B: "1,516 trainable parameters and 151,600 connections"; a connection is a
    # product or, 16 * 10 * 10 times, a bias.
    assert sum(p.numel() for p in layer.parameters()) == 1516
    counter = FlopCounterMode(display=False)
    with counter:
        layer(torch.randn(1, 6, 14, 14))
    assert counter.get_total_flops() // 2 + 16 * 10 * 10 == 151_600


def test_table_conv_trains_every_weight_and_saves_only_those() -> None:
    layer = TableConv(3, [[0, 2], [1]], (3, 3))
    layer(torch.randn(2, 3, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and bool((p.grad != 0).all()) for p in layer.parameters())
    assert {name: tuple(value.shape) for name, value in layer.state_dict().items()} == {
        "weight": (3, 3, 3),
        "bias": (2,),
    }


def test_table_conv_begins_as_pytorchs_convolutions_begin() -> None:
    # nn.Conv2d draws weights and biases evenly within 1 / sqrt(fan in): 1/3 for one channel under 3x3, 1/6 for four.
    layer = TableConv(4, [[0]] * 200 + [[0, 1, 2, 3]] * 200, (3, 3))
    assert layer.bias is not None
    for values in (layer.weight.detach(), layer.bias.detach()):
        for part, bound in ((values[:200], 1 / 3), (values[200:], 1 / 6)):
            assert 0.95 * bound < float(part.abs().max()) <= bound


@pytest.mark.parametrize("connect", [[[0, 3]], [[1, 1]], [[]], [[-1]]])
def test_table_conv_refuses_a_table_that_does_not_fit(connect: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="is no list of different channels out of 3"):
        TableConv(3, connect, (3, 3))


# ---------------------------------------------------------------- deformable convolution


def _read(image: Tensor, y: float, x: float) -> Tensor:
    """Bilinear reading of (C, H, W), zero outside: the sum over the four pixels around, equation 4 of Dai et al."""
    total = torch.zeros(image.shape[0], dtype=image.dtype)
    for row, column in itertools.product((math.floor(y), math.floor(y) + 1), (math.floor(x), math.floor(x) + 1)):
        if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
            total += image[:, row, column] * (1 - abs(y - row)) * (1 - abs(x - column))
    return total


def _deform_by_loops(layer: DeformConv2d, x: Tensor) -> Tensor:
    """Equation 2 of Dai et al., with the modulation of equation 1 of Zhu et al., position by position."""
    (sy, sx), (py, px), (dy, dx) = layer.stride, layer.padding, layer.dilation
    predicted = layer.offset(x)
    taps = list(itertools.product(range(layer.kernel[0]), range(layer.kernel[1])))
    filters, width = layer.weight.shape[:2]
    out = torch.zeros(len(x), filters, *predicted.shape[-2:], dtype=x.dtype)
    for n, i, j in itertools.product(range(len(x)), *map(range, predicted.shape[-2:])):
        for number, (ty, tx) in enumerate(taps):
            y = i * sy - py + ty * dy + float(predicted[n, 2 * number, i, j])
            x_ = j * sx - px + tx * dx + float(predicted[n, 2 * number + 1, i, j])
            value = _read(x[n], y, x_)
            if layer.modulated:
                value = value * torch.sigmoid(predicted[n, 2 * len(taps) + number, i, j])
            for f in range(filters):
                first = f // (filters // layer.groups) * width
                out[n, f, i, j] += layer.weight[f, :, ty, tx] @ value[first : first + width]
    return out if layer.bias is None else out + layer.bias[:, None, None]


@pytest.mark.parametrize(
    ("kernel", "options"),
    [
        (3, {"padding": 1}),
        (3, {"padding": 1, "modulated": True, "stride": 2}),
        ((3, 1), {"padding": (2, 0), "dilation": (2, 1), "groups": 2, "bias": False}),
    ],
)
def test_deform_conv_is_the_sum_of_the_paper(kernel: int | tuple[int, int], options: dict[str, Any]) -> None:
    layer = DeformConv2d(4, 6, kernel, **options).double()
    nn.init.normal_(layer.offset.weight, std=0.3)
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), _deform_by_loops(layer, x))


def test_deform_conv_begins_as_an_ordinary_convolution() -> None:
    layer = DeformConv2d(4, 6, 3, padding=1, dilation=2, stride=2)
    x = torch.randn(2, 4, 9, 9)
    torch.testing.assert_close(layer(x), F.conv2d(x, layer.weight, layer.bias, 2, 1, 2))
    # The second version weighs every tap by sigmoid(0) = 1/2 then.
    half = DeformConv2d(4, 6, 3, modulated=True, bias=False)
    torch.testing.assert_close(half(x), F.conv2d(x, half.weight) / 2)


def test_deform_conv_whose_offsets_are_whole_pixels_reads_the_shifted_image() -> None:
    layer = DeformConv2d(2, 3, 3, bias=False)
    assert layer.offset.bias is not None
    with torch.no_grad():
        layer.offset.bias[0::2] = 1  # every tap one row down
        layer.offset.bias[1::2] = -2  # and two columns left
    x = torch.randn(1, 2, 8, 8)
    shifted = F.pad(x, (2, 0, 0, 1))[:, :, 1:, :8]
    torch.testing.assert_close(layer(x), F.conv2d(shifted, layer.weight))


def test_deform_conv_learns_where_to_look() -> None:
    layer = DeformConv2d(2, 3, 3, modulated=True)
    layer(torch.randn(2, 2, 8, 8)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in layer.parameters())


# ---------------------------------------------------------------- pools


@pytest.mark.parametrize(
    ("sizes", "kernel", "stride", "sides"),
    [
        ((8, 7), (3, 3), (2, 2), ((0, 1), (1, 1))),
        ((5, 6), (2, 4), (1, 1), ((0, 1), (1, 2))),
        ((9,), (2,), (2,), ((0, 1),)),
        ((3, 4, 5), (2, 2, 2), (2, 2, 2), ((0, 1), (0, 0), (0, 1))),
    ],
)
def test_same_avgpool_leaves_the_padding_out_of_the_mean(
    sizes: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], sides: tuple[tuple[int, int], ...]
) -> None:
    flat = tuple(side for pair in reversed(sides) for side in pair)
    x = torch.randn(2, 3, *sizes, dtype=torch.float64)
    outputs = [(n + a + b - k) // s + 1 for n, (a, b), k, s in zip(sizes, sides, kernel, stride, strict=True)]
    expected = torch.zeros(2, 3, *outputs, dtype=torch.float64)
    for place in itertools.product(*map(range, outputs)):
        inside = [
            slice(max(0, i * s - before), min(n, i * s - before + k))
            for i, s, (before, _), n, k in zip(place, stride, sides, sizes, kernel, strict=True)
        ]
        every: tuple[slice | int, ...] = (slice(None), slice(None))
        expected[every + place] = x[(*every, *inside)].flatten(2).mean(2)
    torch.testing.assert_close(SameAvgPool(kernel, stride, flat)(x), expected)


@pytest.mark.parametrize(
    ("sizes", "kernel", "options"),
    [
        ((28, 28), (2, 2), {}),
        ((9, 8), (3, 2), {"stride": (2, 1), "padding": 1}),
        ((10,), (3,), {"stride": 2, "padding": 1}),
        ((4, 5, 6), (2, 2, 3), {"stride": 1}),
    ],
)
def test_subsample_is_the_sum_times_a_gain_plus_a_bias(
    sizes: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any]
) -> None:
    layer = Subsample(3, kernel, **options)
    nn.init.normal_(layer.gain)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, 3, *sizes)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(kernel)]
    weight = layer.gain.view(3, 1, *[1] * len(kernel)).expand(3, 1, *kernel)
    given = {"stride": kernel, **options}
    expected = convolve(x, weight, layer.bias, groups=3, **given)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_subsample_that_rounds_up_adds_nothing_beyond_the_border(rank: int) -> None:
    layer = Subsample(1, (2,) * rank, ceil_mode=True)
    nn.init.ones_(layer.gain)
    # Ones summed over 3 positions by windows of 2: the last window has one on each axis, the others two.
    edge = torch.tensor([2.0, 1.0])
    expected = edge
    for _ in range(rank - 1):
        expected = expected.unsqueeze(-1) * edge
    torch.testing.assert_close(layer(torch.ones(1, 1, *(3,) * rank))[0, 0], expected)


def test_subsample_begins_as_the_mean() -> None:
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(Subsample(3, (2, 2))(x), F.avg_pool2d(x, 2))


# ---------------------------------------------------------------- radial basis functions


@pytest.mark.parametrize("trained", [False, True])
def test_rbf_gives_squared_distances(trained: bool) -> None:
    layer = EuclideanRBF(84, 10, trained=trained)
    x = torch.randn(5, 84)
    torch.testing.assert_close(layer(x), torch.cdist(x, layer.weight).square(), rtol=1e-4, atol=1e-3)
    sequence = torch.randn(2, 7, 84)
    torch.testing.assert_close(layer(sequence)[1, 3], layer(sequence[1, 3]))


def test_rbf_codes_are_plus_and_minus_one_and_trained_only_where_asked() -> None:
    fixed, trained = EuclideanRBF(84, 10), EuclideanRBF(84, 10, trained=True)
    for layer in (fixed, trained):
        assert set(layer.weight.flatten().tolist()) == {-1.0, 1.0}
        assert [name for name, _ in layer.state_dict().items()] == ["weight"]
    assert not list(fixed.parameters())
    assert [p.shape for p in trained.parameters()] == [(10, 84)]
    # A pattern that is a code is at distance 0 from it.
    assert fixed(fixed.weight)[4, 4] == 0


# ---------------------------------------------------------------- stochastic depth


def test_drop_path_drops_whole_examples_and_keeps_the_mean() -> None:
    layer = DropPath(0.25)
    out = layer(torch.ones(4000, 3, 2, 2))
    each = out.flatten(1)
    assert bool((each == each[:, :1]).all()), "an example is dropped whole or not at all"
    assert set(each[:, 0].tolist()) == {0.0, float(torch.tensor(1.0) / 0.75)}
    # 4000 draws of a probability of 1/4: a standard deviation of 0.0068, and five of them are 0.034.
    assert abs(float((each[:, 0] == 0).float().mean()) - 0.25) < 0.034


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 4), (3, 5, 4, 2, 2)])
def test_drop_path_does_nothing_afterwards_or_at_zero(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    assert DropPath(0.9).eval()(x) is x
    assert DropPath(0)(x) is x


def test_drop_path_of_one_drops_everything() -> None:
    assert bool((DropPath(1)(torch.randn(4, 3)) == 0).all())


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_drop_path_refuses_what_is_no_probability(p: float) -> None:
    with pytest.raises(ValueError, match="is no probability"):
        DropPath(p)
