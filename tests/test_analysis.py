"""Counts, depths, receptive fields, memory and rows, against figures that papers and PyTorch established.

In: networks put together by hand. What a table looks like is left to `test_report.py`.
"""

from __future__ import annotations

import random
import subprocess
import sys
from fractions import Fraction

import networkx
import pytest
from nets import Net, alexnet, conv, densenet121, fc, googlenet, maxpool, op, resnet, vgg16, window

import archdsl
from archdsl.analysis.counts import count
from archdsl.analysis.depth import depth
from archdsl.analysis.facts import facts
from archdsl.analysis.memory import memory
from archdsl.analysis.receptive import fields
from archdsl.analysis.rows import summary_rows
from archdsl.graph import Graph


def _key(graph: Graph, kind: str, place: int = -1) -> int:
    return [node.key for node in graph.nodes if node.kind == kind][place]


# ------------------------------------------------------------ counts


def test_alexnet_first_layer() -> None:
    # Krizhevsky et al.: 96 kernels of 11x11x3, 55x55 positions. 11*11*3*96 = 34,848; with the biases 34,944.
    graph = alexnet()
    first = facts(graph)[1]
    assert first.params == 34_944
    assert first.macs == 34_848 * 55 * 55


def test_alexnet_is_the_papers() -> None:
    # The paper says 60 million; with its groups 60,965,224 (Caffe's bvlc_reference model).
    assert count(alexnet()).total.params == 60_965_224
    assert depth(alexnet()) == 8


@pytest.mark.parametrize(
    ("graph", "params", "macs", "deep"),
    [
        # torchvision's `num_params`; MACs by torch's FlopCounterMode / 2 on torchvision's modules; depths by the names.
        (vgg16(), 138_357_544, 15_470_264_320, 16),
        (resnet((3, 4, 6, 3)), 25_557_032, 4_089_184_256, 50),
        (resnet((3, 8, 36, 3)), 60_192_808, 11_513_626_624, 152),
        (densenet121(), 7_978_856, 2_834_161_664, 121),
    ],
    ids=["vgg16", "resnet50", "resnet152", "densenet121"],
)
def test_published_counts(graph: Graph, params: int, macs: int, deep: int) -> None:
    counts = count(graph)
    assert counts.total.params == params
    assert counts.total.macs == macs
    assert counts.total.flops == 2 * macs
    assert depth(graph) == deep


def test_batch_norm_statistics_are_beside_the_parameters() -> None:
    # torchvision's resnet50 has 53,120 running means and variances, and 53 counters that nobody counts.
    assert count(resnet((3, 4, 6, 3))).total.buffers == 53_120


def test_googlenet_counts_without_its_heads() -> None:
    # Szegedy et al., table 1: 22 layers with parameters. torchvision: 6,624,904 without the heads for a module with bn;
    # the paper's, with biases and no bn, has 6,998,552 (Caffe's bvlc_googlenet deploy net).
    graph = googlenet()
    counts = count(graph)
    assert depth(graph) == 22
    assert counts.total.params == 6_998_552
    # A head by hand: 512*128 + 128, 4*4*128 = 2048 into 1024, 1024 into 1000.
    assert counts.training.params == 65_664 + 2_098_176 + 1_025_000
    assert counts.training.macs == 4 * 4 * 512 * 128 + 2048 * 1024 + 1024 * 1000


def test_a_gate_does_not_make_a_network_deeper() -> None:
    # Hu et al., 2017: SE-ResNet-50 adds two layers to each of its 16 blocks, and is called 50.
    graph = resnet((3, 4, 6, 3), gate=True)
    assert depth(graph) == 50
    # 2.51 million more (table in section 6.4 of the paper: 2/16 * sum N_s C_s^2 = 2,514,944), and biases of our layers:
    # C/16 + C in each: (256/16 + 256)*3 + (512/16 + 512)*4 + (1024/16 + 1024)*6 + (2048/16 + 2048)*3 = 16,048.
    assert count(graph).total.params - 25_557_032 == 2_514_944 + 16_048


def test_concat_of_narrow_branches_is_no_gate() -> None:
    # Two convolutions in a row on the longest path, one filter each: 1 channel + 1 channel = 2, nothing is stretched.
    net = Net(8, 8, 1).branches("concat", (conv(3, 1, 1, 1),), (conv(3, 1, 1, 1), conv(3, 1, 1, 1)))
    assert depth(net.graph()) == 2


def test_shared_weights_once_their_work_each_time() -> None:
    net = Net(28, 28, 1)
    other = net.input(28, 28, 1, label="right")
    tower = conv(5, 20)
    first = net.add(tower, 0)
    second = net.add(tower, other, shared=first)
    net.add(op("concat"), first, second)
    counts = count(net.graph())
    # 5*5*20 weights and 20 biases; 24*24 positions in each tower.
    assert counts.total.params == 520
    assert counts.total.macs == 2 * 500 * 24 * 24
    assert list(counts.params) == [0, 0, 520, 0, 0]


def test_lenet_connections() -> None:
    # LeCun et al., 1998, section II.B: C1 122,304; S2 5,880; F6 10,164; the RBF units of 84 inputs each.
    net = Net(32, 32, 1).then(conv(5, 6), op("subsample", window=window(2)))
    graph = net.graph()
    assert [fact.connections for fact in facts(graph)] == [0, 122_304, 5_880]
    graph = Net(120).then(fc(84), op("rbf", units=10)).graph()
    assert [fact.connections for fact in facts(graph)] == [0, 10_164, 840]


# ------------------------------------------------------------ receptive fields


@pytest.mark.parametrize(
    ("graph", "size", "stride", "padding"),
    [
        # Araujo, Norris & Sim, 2019, table of networks: VGG-16 212, 32, 90; AlexNet 195, 32.
        (vgg16(), 212, 32, 90),
        (alexnet(), 195, 32, None),
    ],
    ids=["vgg16", "alexnet"],
)
def test_published_receptive_fields(graph: Graph, size: int, stride: int, padding: int | None) -> None:
    field = fields(graph)[_key(graph, "maxpool")]
    assert field.size == (size, size)
    assert field.stride == (stride, stride)
    assert padding is None or field.padding == (padding, padding)


def test_everything_is_seen_after_a_global_pool() -> None:
    graph = resnet((1, 1))
    assert fields(graph)[_key(graph, "gap")].whole
    assert fields(graph)[_key(graph, "gap")].size is None
    assert fields(graph)[_key(graph, "fc")].whole


def test_a_gate_sees_everything_and_keeps_the_stride() -> None:
    graph = Net(32, 32, 3).then(conv(3, 8, 2, 1)).branches("mul", (), (op("gap"), fc(8))).graph()
    assert fields(graph)[-1].whole
    assert fields(graph)[-1].stride == (2, 2)


def test_branches_join_their_fields() -> None:
    # 3x3+1 sees -1..1 around a position, 1x7 with padding 3 along the rows -3..3: together 3 x 7.
    from archdsl.ops.arguments import Window

    wide = op("conv", window=Window((1, 7), None, (0, 3)), filters=4)
    graph = Net(16, 16, 3).branches("concat", (conv(3, 4, 1, 1),), (wide,)).graph()
    assert fields(graph)[-1].size == (3, 7)
    assert fields(graph)[-1].padding == (1, 3)


def test_upsampling_halves_the_stride() -> None:
    graph = Net(8, 8, 4).then(op("upsample", scale=(2,))).graph()
    assert fields(graph)[-1].stride == (Fraction(1, 2), Fraction(1, 2))


def test_vectors_have_no_field() -> None:
    field = fields(Net(16).then(fc(4)).graph())[-1]
    assert (field.size, field.stride, field.whole) == (None, None, False)


@pytest.mark.parametrize("seed", range(20))
def test_fields_are_those_of_pytorchs_gradients(seed: int) -> None:
    """The input positions that an output position depends on, far from the border, are those with a gradient."""
    import torch
    from torch import nn

    rng = random.Random(seed)
    net, doubled = Net(256, 2), 0
    layers: list[nn.Module] = []
    for _ in range(rng.randint(1, 5)):
        kind = rng.choice(["conv", "pool", "up"])
        if kind == "up" and doubled < 2:
            doubled += 1
            net.then(op("upsample", scale=(2,)))
            layers.append(nn.Upsample(scale_factor=2))
            continue
        kernel, stride, dilation = rng.randint(1, 5), rng.randint(1, 2), rng.randint(1, 2)
        padding = rng.randint(0, kernel // 2)
        if kind == "pool":
            net.then(op("avgpool", window=window(kernel, stride, padding)))
            layers.append(nn.AvgPool1d(kernel, stride, padding))
        else:
            net.then(conv(kernel, 2, stride, padding, axes=1, dilation=(dilation,)))
            layers.append(nn.Conv1d(2, 2, kernel, stride, padding, dilation))
    module = nn.Sequential(*layers).double()
    for value in module.parameters():
        nn.init.ones_(value)
    image = torch.ones(1, 2, 256, dtype=torch.float64, requires_grad=True)
    result = module(image)
    seen, begins = [], []
    middle = result.shape[-1] // 2
    for place in range(middle - 8, middle + 8):
        (gradient,) = torch.autograd.grad(result[0, 0, place], image, retain_graph=True)
        positions = gradient[0, 0].nonzero().flatten()
        seen.append(int(positions.max() - positions.min()) + 1)
        begins.append(int(positions.min()))
    field = fields(net.graph())[-1]
    assert field.size is not None
    assert field.stride is not None
    # Nearest upsampling lets positions differ; ours is that of the one that sees most, or a little above.
    assert max(seen) <= field.size[0] <= max(seen) + doubled
    if not doubled:
        assert field.size[0] == max(seen)
        assert field.padding is not None
        assert begins[0] == (middle - 8) * field.stride[0] - field.padding[0]
        assert begins[1] - begins[0] == field.stride[0]


# ------------------------------------------------------------ memory


def test_activations_by_hand() -> None:
    # 28*28*6 + 14*14*6 + 10 values of 4 bytes; nothing for the input of 32*32.
    graph = Net(32, 32, 1).then(conv(5, 6), maxpool(2), fc(10)).graph()
    found = memory(graph, count(graph))
    assert found.activations == 4 * (4704 + 1176 + 10)
    # Most is alive while the pool runs beside its input: 4704 + 1176; the input (1024) and the first layer are less.
    assert found.peak == 4 * (4704 + 1176)
    assert found.weights == 4 * (25 * 6 + 6 + 1176 * 10 + 10)


def test_a_skip_stays_alive() -> None:
    # input 4, a 4, b 4, c 4 are never all needed: at `add` the skip (input), c and the sum are alive.
    graph = Net(4).branches("add", (), (op("relu"), op("relu"), op("relu"))).graph()
    assert memory(graph, count(graph)).peak == 4 * 3 * 4


# ------------------------------------------------------------ rows


def test_like_iterations_are_one_row() -> None:
    graph = resnet((3, 4, 6, 3))
    counts = count(graph)
    rows = summary_rows(graph, counts)
    # He et al., table 1: 3, 4, 6 and 3 units, the first of each with the projection.
    assert [row.times for row in rows if row.times > 1] == [2, 3, 5, 2]
    assert sum("project" in row.op for row in rows) == 4
    folded = next(row for row in rows if row.times == 5)
    assert (folded.op, folded.kind, folded.iteration, folded.iterations) == ("bottleneck<256>", "block", 0, 5)
    # 1024*256 + 9*256*256 + 256*1024 weights, (256 + 256 + 1024) * 2 of bn, in each of five.
    assert folded.params == 5 * (262_144 + 589_824 + 262_144 + 3_072)


@pytest.mark.parametrize("levels", [1, 2, 3, None])
@pytest.mark.parametrize("fold", [True, False])
def test_top_rows_hold_everything(levels: int | None, fold: bool) -> None:
    graph = resnet((3, 4, 6, 3), gate=True)
    counts = count(graph)
    top = [row for row in summary_rows(graph, counts, depth=levels, fold=fold) if row.level == 0]
    assert sum(row.params for row in top) == counts.total.params
    assert sum(row.buffers for row in top) == counts.total.buffers
    assert sum(row.macs for row in top) == counts.total.macs
    assert sum(row.work for row in top) == counts.total.work
    assert sum(row.layers for row in top) == counts.total.layers
    assert sum(row.activation_bytes for row in top) == memory(graph, counts).activations


def test_depth_closes_blocks() -> None:
    graph = resnet((2, 2))
    rows = summary_rows(graph, count(graph), depth=1)
    assert {row.level for row in rows} == {0}
    assert not any(row.opened for row in rows)
    assert sum(row.kind == "repeat" for row in rows) == 2


def test_unfolded_layers_are_the_graphs() -> None:
    graph = resnet((2, 3))
    rows = summary_rows(graph, count(graph), fold=False)
    layers = [row for row in rows if row.kind == "layer"]
    assert [row.path for row in layers] == [graph.names[node.key] for node in graph.layers]
    assert all(row.times == 1 for row in rows)


def test_iterations_that_differ_stay_apart() -> None:
    net = Net(8, 8, 4)
    for i in net.repeat("step", 4, 1):
        net.then(conv(3, 4, 1, 1), op("drop_path", p=0.5 if i == 2 else 0.1))
    rows = [row for row in summary_rows(net.graph(), count(net.graph())) if row.kind == "repeat"]
    assert [(row.iteration, row.times) for row in rows] == [(0, 2), (2, 1), (3, 1)]


def test_weights_shared_over_iterations_are_said() -> None:
    net = Net(8, 8, 4)
    step, first = conv(3, 4, 1, 1), None
    for _ in net.repeat("step", 3, 1):
        made = net.add(step, net.at, shared=first)
        first = made if first is None else first
    rows = summary_rows(net.graph(), count(net.graph()))
    # 3*3*4*4 + 4 once; the two that use them again are alike.
    assert [(row.params, row.times, row.shared is not None) for row in rows[1:]] == [(148, 1, False), (0, 2, True)]


# ------------------------------------------------------------ size


def test_long_networks_need_no_stack() -> None:
    net = Net(4, 4, 2)
    for i in range(10_000):
        net.then(conv(3, 2, 1, 1, bias=i % 2 == 0), op("relu"))
    graph = net.graph()
    counts = count(graph)
    assert depth(graph) == 10_000
    # Every layer widens the field by two.
    assert fields(graph)[-1].size == (20_001, 20_001)
    assert len(summary_rows(graph, counts)) == 20_001


def test_strides_without_end_do_not_grow_numbers_without_end() -> None:
    # 1x1 under a 3x3/2+1 stays 1x1 and doubles the stride each time: 2**5000 would be the last one.
    net = Net(1, 1, 1)
    for _ in range(5_000):
        net.then(maxpool(3, 2, 1))
    assert fields(net.graph())[-1].whole


def test_the_graph_for_networkx() -> None:
    # The input 0 goes into both branches of the sum, 1 -> 2 and itself, and all paths to relu meet in the sum.
    graph = archdsl.loads("input 8x8x4\nresidual<conv 3x3+1 4 -> bn | id> -> relu").graph
    made = graph.to_networkx()
    assert sorted(made.edges()) == [(0, 1), (0, 3), (1, 2), (2, 3), (3, 4)]
    assert [made.nodes[key]["node"].kind for key in made] == ["input", "conv", "bn", "add", "relu"]
    assert networkx.immediate_dominators(made, 0)[3] == 0
    # Both halves of a split: outputs 0 and 1 of one node, the inputs 1 and 0 of the other.
    halves = archdsl.loads("input 8x8x4\nsplit 2 @a @b\nconcat<@b | @a>").graph.to_networkx()
    told = [(edge["output"], edge["input"]) for _, node, edge in halves.edges(data=True) if node == 2]
    assert sorted(told) == [(0, 1), (1, 0)]


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, archdsl.analysis.rows, archdsl.analysis.depth, archdsl.report.summary, archdsl.report.text\n"
        "print([m for m in ('torch', 'networkx', 'rich', 'click', 'lark') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
