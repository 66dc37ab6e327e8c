"""FractalNet's path dropping, on the modules that its file compiles to and on the layers by themselves.

The facts are those of the paper, "FractalNet", 2017, section 3: columns of 1, 2 and 4 layers a block; a global draw
leaves one column of the whole network, a local one any subset that is not empty.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import archdsl
from archdsl.analysis.figures import figures
from archdsl.codegen.layers.merging import ColumnMean, PickColumn
from archdsl.zoo import find


def _fractalnet(p: float) -> nn.Module:
    """Three columns, where batches run a column alone with probability p."""
    text = find("fractalnet20_plain").path.read_text(encoding="utf-8")
    return archdsl.loads(text.replace("p=0.5", f"p={p}"), variant="fractalnet20_plain").module(seed=0).train()


def _active(module: nn.Module) -> list[int]:
    """How many convolutions of each of the five blocks get a gradient that is not zero."""
    module.zero_grad()
    module(torch.randn(2, 3, 32, 32)).sum().backward()
    counts = [0] * 5
    for name, weight in module.named_parameters():
        if name.endswith("conv.weight"):
            assert weight.grad is not None
            counts[int(name[len("stage_")])] += bool(weight.grad.any())
    return counts


def test_global_dropping_leaves_one_column_of_the_whole_network() -> None:
    torch.manual_seed(0)
    module = _fractalnet(1.0)
    assert sum(type(part).__name__ == "PickColumn" for part in module.modules()) == 1
    found = [_active(module) for _ in range(8)]
    assert all(counts in ([1] * 5, [2] * 5, [4] * 5) for counts in found)
    assert len({counts[0] for counts in found}) == 3


def test_local_dropping_draws_for_each_join() -> None:
    torch.manual_seed(0)
    module = _fractalnet(0.0)
    found = [_active(module) for _ in range(4)]
    assert all(1 <= count <= 7 for counts in found for count in counts)
    assert all(len(set(counts)) > 1 or counts == [7] * 5 for counts in found)
    assert len({tuple(counts) for counts in found}) > 1


def test_evaluation_takes_all_columns() -> None:
    assert _active(_fractalnet(1.0).eval()) == [7] * 5


def test_a_draw_is_one_column_for_half_of_the_batches() -> None:
    torch.manual_seed(0)
    layer, batches = PickColumn(3, 0.5), 2000
    drawn = [layer(torch.empty(4, 1)) for _ in range(batches)]
    assert all(torch.equal(rows, rows[:1].expand(4, 3)) for rows in drawn)
    alone = [int(rows[0].argmax()) for rows in drawn if rows[0].sum() == 1]
    assert all(rows[0].sum() in (1, 3) for rows in drawn)
    assert abs(len(alone) - batches / 2) < 5 * math.sqrt(batches / 4)
    for column in range(3):
        assert abs(alone.count(column) - len(alone) / 3) < 5 * math.sqrt(len(alone) * 2 / 9)
    layer.eval()
    assert torch.equal(layer(torch.empty(4, 1)), torch.ones(4, 3))


def test_a_join_passes_the_column_that_runs_alone() -> None:
    layer = ColumnMean(0.9)
    deep, deeper = torch.full((2, 8), 2.0), torch.full((2, 8), 3.0)
    # The two branches are the last of three columns.
    assert torch.equal(layer(torch.tensor([[0.0, 1.0, 0.0]] * 2), deep, deeper), deep)
    assert torch.equal(layer(torch.tensor([[0.0, 0.0, 1.0]] * 2), deep, deeper), deeper)
    layer.eval()
    assert torch.equal(layer(torch.tensor([[0.0, 0.0, 1.0]] * 2), deep, deeper), torch.full((2, 8), 2.5))


def test_a_join_drops_locally_where_all_columns_run() -> None:
    torch.manual_seed(0)
    layer, count = ColumnMean(0.15), 4000
    y = layer(torch.ones(count, 2), torch.zeros(count, 1), torch.ones(count, 1)).flatten()
    # Of two, both are kept with 0.85^2; one alone with (1 - 0.85^2) / 2 each.
    for value, share in ((0.5, 0.7225), (0.0, 0.13875), (1.0, 0.13875)):
        assert abs(int((y == value).sum()) - count * share) < 5 * math.sqrt(count * share * (1 - share))


@pytest.mark.parametrize(("n", "p"), [(0, 0.5), (3, -0.1), (3, 1.1)])
def test_a_draw_that_is_none_is_refused(n: int, p: float) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        PickColumn(n, p)


def test_a_join_refuses_what_is_no_probability_below_one() -> None:
    with pytest.raises(ValueError, match="drop must be"):
        ColumnMean(1.0)


def test_a_draw_adds_nothing_to_receptive_field_and_depth() -> None:
    """The deepest column of a block has 4 layers of 3x3, and 5 blocks halve the size: a sum by hand."""
    field = figures(archdsl.load("zoo:fractalnet20_plain").graph).field
    assert field is not None
    # Layers at strides 1, 2, 4, 8, 16 add 4 * 2 * stride each, pools of 2x2 one stride; the last pool leaves 1x1.
    assert field.size == (1 + sum(4 * 2 * stride for stride in (1, 2, 4, 8, 16)) + sum((1, 2, 4, 8)),) * 2
