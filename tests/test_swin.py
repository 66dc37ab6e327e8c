"""Attention within windows and patch merging against torchvision, alone and as a small Swin Transformer.

In: torchvision's layers and networks with weights at random. Out: the same values, gradients, weights and MACs. The
networks of the paper are compared in `test_zoo_torchvision.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archdsl
from archdsl.analysis.counts import count
from archdsl.analysis.receptive import fields
from archdsl.cli.weights import command
from archdsl.codegen.layers.windows import PatchMerge, WindowAttention
from archdsl.codegen.matching import Match, Tensor, match, slots
from archdsl.ops.windows import WindowAttention as WindowAttentionOp
from archdsl.resources import specs_path
from tests.torchvision_cpu import load

swin = load().swin_transformer

INDEX = "relative_position_index"

LAYERS = [
    ((14, 14), (7, 7), (0, 0)),
    ((14, 14), (7, 7), (3, 3)),
    ((16, 9), (7, 7), (3, 3)),  # filled up to 21x14
    ((7, 7), (7, 7), (3, 3)),  # one window, so no shift
    ((5, 14), (7, 7), (3, 3)),  # one window high: a shift along the rows alone
    ((9, 10), (3, 4), (1, 2)),
    ((9, 10), (3, 4), (2, 0)),
]


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


def _pair(window: tuple[int, int], shift: tuple[int, int], bias: bool) -> tuple[nn.Module, WindowAttention]:
    """torchvision's layer and ours, with the same weights."""
    theirs = swin.ShiftedWindowAttention(12, list(window), list(shift), 3, qkv_bias=bias, proj_bias=bias).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.5)
    ours = WindowAttention(12, 3, window, shift, bias=bias).double()
    state = {name.removesuffix("_table"): value for name, value in theirs.state_dict().items() if name != INDEX}
    ours.load_state_dict(state)
    return theirs, ours


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("size", "window", "shift"), LAYERS)
def test_window_attention_is_torchvisions(
    size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int], bias: bool
) -> None:
    theirs, ours = _pair(window, shift, bias)
    x = torch.randn(2, 12, *size, dtype=torch.double, requires_grad=True)
    expected, got = theirs(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), ours(x)
    torch.testing.assert_close(got, expected)
    direction = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [x, *theirs.parameters()], direction)
    found = torch.autograd.grad(got, [x, *ours.parameters()], direction)
    assert len(wanted) == len(found)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("size", "window", "shift"), LAYERS)
def test_macs_are_those_of_torchvisions_layer(
    size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]
) -> None:
    theirs, _ = _pair(window, shift, True)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(torch.randn(1, *size, 12, dtype=torch.double))
    shape = (*size, 12)
    op = WindowAttentionOp(heads=3, window=window, shift=shift, dropout=0.0, bias=True)
    assert 2 * op.macs((shape,), (shape,)) == counter.get_total_flops()


def test_dropout_drops_in_training_alone() -> None:
    layer = WindowAttention(8, 2, (4, 4), (2, 2), dropout=0.5)
    x = torch.randn(1, 8, 8, 8)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


def test_gradients_are_the_same_bit_by_bit() -> None:
    """What windows and pairs of positions add to the gradient of a bias is added up in one order."""
    layer = WindowAttention(32, 4, (7, 7), (3, 3))
    x = torch.randn(4, 32, 28, 28)
    torch.use_deterministic_algorithms(True)
    try:
        runs = [torch.autograd.grad(layer(x).square().sum(), list(layer.parameters())) for _ in range(2)]
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


@pytest.mark.parametrize("size", [(4, 6), (7, 9), (1, 2)])
def test_patch_merge_is_torchvisions(size: tuple[int, int]) -> None:
    x = torch.randn(2, 5, *size)
    expected = swin._patch_merging_pad(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert torch.equal(PatchMerge(2)(x), expected)


def test_a_position_sees_no_more_than_its_field() -> None:
    """W-MSA and SW-MSA after each other: what changes an output lies within the field that is stated."""
    net = archdsl.loads("input 16x16x4\nwindow_attention 2 window=4 -> window_attention 2 window=4 shift=2")
    field = fields(net.graph)[-1]
    assert field.padding == (6, 6)  # 4 - 1 to each side, twice
    x = torch.randn(1, 4, 16, 16, requires_grad=True)
    made = net.module(seed=0)(x)
    for row, column in [(0, 0), (5, 6), (9, 10), (15, 3)]:
        (seen,) = torch.autograd.grad(made[0, :, row, column].sum(), x, retain_graph=True)
        rows, columns = seen[0].abs().sum(0).nonzero().T
        assert (rows - row).abs().max() <= 6
        assert (columns - column).abs().max() <= 6
        # Windows do not reach around the edges, although what is shifted out comes in there.
        assert max(len(rows.unique()), len(columns.unique())) <= 8


# ---------------------------------------------------------------- a small network


def _theirs() -> nn.Module:
    """torchvision's Swin with a third of the channels and all else that a large one has."""
    made: nn.Module = swin.SwinTransformer([4, 4], 32, [2, 2, 2, 2], [1, 2, 4, 8], [7, 7], num_classes=10)
    for name, parameter in made.named_parameters():
        gain = parameter.dim() == 1 and name.endswith("weight")
        nn.init.normal_(parameter, 1.0 if gain else 0.0, 0.1)
    return made


def _carried(theirs: nn.Module, side: tuple[int, int], folder: Path) -> tuple[archdsl.Architecture, nn.Module]:
    """Ours of that size with their weights, by way of files and the command line."""
    path, held, made = folder / "small.arch", folder / "theirs.pth", folder / "ours.safetensors"
    text = (specs_path() / "swin" / "swin.arch").read_text(encoding="utf-8")
    path.write_text(f"{text}variant small = swin<[2, 2, 2, 2], 32, classes=10>\n", encoding="utf-8")
    # The authors' own checkpoints hold their masks as well.
    mask = {"features.1.1.attn.attn_mask": torch.zeros(4, 49, 49)}
    torch.save({"model": {**theirs.state_dict(), **mask}}, held)
    result = CliRunner().invoke(command, [f"{path}:small", "--from", str(held), "-o", str(made)])
    assert result.exit_code == 0, result.output
    net = archdsl.load(path, "small", inputs={None: (*side, 3)})
    return net, net.module(weights=made)


# Windows of 7x7 on 14x14, 7x7, 4x4 and 2x2 positions; on 25x19, 13x10, 7x5 and 4x3.
@pytest.mark.parametrize("side", [(56, 56), (100, 76)])
def test_a_small_swin_is_torchvisions(side: tuple[int, int], tmp_path: Path) -> None:
    theirs = _theirs()
    net, ours = _carried(theirs, side, tmp_path)
    for made in (theirs, ours):
        made.double().train()
        for part in made.modules():
            if type(part).__name__ in ("DropPath", "StochasticDepth"):
                part.eval()
    images = torch.randn(2, 3, *side, dtype=torch.double)
    expected, got = theirs(images), ours(images)
    torch.testing.assert_close(got, expected)
    direction = torch.randn_like(expected)
    expected.backward(direction)
    got.backward(direction)
    # Equal weights have equal gradients: as many of each sum, to eight digits.
    assert _sums(ours) == pytest.approx(_sums(theirs), rel=1e-8)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(images[:1])
    assert 2 * count(net.graph).total.macs == counter.get_total_flops()


def _authors(name: str) -> str:
    """What the paper's own code calls a tensor of torchvision's."""
    name = name.replace("features.0.0", "patch_embed.proj").replace("features.0.2", "patch_embed.norm")
    name = name.replace("mlp.0", "mlp.fc1").replace("mlp.3", "mlp.fc2")
    found = re.match(r"features\.(\d+)\.(.*)", name)
    if found is None:
        return name
    stage, merging = divmod(int(found[1]) - 1, 2)
    return f"layers.{stage}.{'downsample' if merging else 'blocks'}.{found[2]}"


def _timms(name: str) -> str:
    """There a stage begins with its patch merging, and the head has an inner part."""
    name = re.sub(r"(?<=^layers\.)\d(?=\.downsample)", lambda stage: str(int(stage[0]) + 1), _authors(name))
    return name.replace("head.", "head.fc.")


@pytest.mark.parametrize("name", [_authors, _timms])
@pytest.mark.parametrize("alphabetical", [False, True])
def test_other_names_bring_the_same_weights(name: Callable[[str], str], alphabetical: bool) -> None:
    """As a safetensors file has them, by the alphabet, and as a module has them."""
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in load().swin_t().state_dict().items() if INDEX not in key}
    called = {name(key): key for key in shapes}
    wanted = slots(archdsl.load("zoo:swin_t").graph)

    def found(keys: Iterable[str], meant: Callable[[str], str]) -> dict[str, str]:
        laid = match([Tensor(key, shapes[meant(key)]) for key in keys], wanted)
        assert isinstance(laid, Match)
        assert not laid.tied
        return {pair.ours.name: meant(pair.theirs.name) for pair in laid.pairs if pair.theirs is not None}

    expected = found(shapes, lambda key: key)
    assert len(expected) == len(shapes)
    assert found(sorted(called) if alphabetical else called, called.__getitem__) == expected


def _sums(made: nn.Module) -> list[float]:
    found = []
    for weight in made.parameters():
        assert weight.grad is not None
        found.append((weight.grad * weight.detach()).sum())
    return sorted(map(float, found))


def test_the_bias_of_positions_is_a_bias_to_recipes() -> None:
    net = archdsl.loads("input 8x8x4\nwindow_attention 2 window=4")
    made = net.module(seed=0, init="bias=ones weight=zeros").state_dict()
    ones = {"relative_position_bias", "qkv.bias", "proj.bias"}
    assert {name.partition(".")[2]: float(value.mean()) for name, value in made.items()} == {
        **dict.fromkeys(("qkv.weight", "proj.weight"), 0.0),
        **dict.fromkeys(ones, 1.0),
    }


def test_the_table_begins_as_the_authors() -> None:
    """A normal distribution with a deviation of 0.02: 13*13*24 values, whose own deviation is within 5% of it."""
    table = WindowAttention(768, 24, (7, 7)).relative_position_bias
    assert float(table.detach().std()) == pytest.approx(0.02, rel=0.05)
