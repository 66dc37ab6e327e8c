"""Normalization, activation, merging, shaping and attention against references that share no code with them.

In: random tensors. Out: agreement with naive loops, formulas of the papers, and numpy in the order of papers. Sizes and
names of every op's examples are checked elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules import activation as torch_activations
from torch.utils.flop_counter import FlopCounterMode

from archdsl.codegen.layers import activation, attention, merging, normalization, shaping
from archdsl.ops import registry
from archdsl.ops.attention import Attention
from archdsl.ops.base import Op, OpError, Shape, Torch
from archdsl.ops.broadcasting import Add, Lerp, Max, Mean, Mul, Sub
from archdsl.ops.channel_activation import GLU, LogSoftmax, Softmax, Softmin
from archdsl.ops.channel_activation import Maxout as MaxoutOp
from archdsl.ops.merging import Concat, Matmul
from archdsl.ops.normalization import BatchNorm, GroupNorm, InstanceNorm, L2Norm, LayerNorm, LocalResponseNorm, RMSNorm
from archdsl.ops.shaping import Permute, Select, Shuffle, Slice, Split
from archdsl.ops.shaping import Reshape as ReshapeOp

_NAMES = {"torch": torch, "nn": nn, "F": F}
for _family in (activation, attention, merging, normalization, shaping):
    _NAMES.update({name: getattr(_family, name) for name in _family.__all__})


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _turn(x: Tensor, sequence: str, back: bool = False) -> Tensor:
    """From the order of papers, (N, H, W, C), to PyTorch's, or back."""
    if x.dim() >= 4:
        return x.movedim(1, -1) if back else x.movedim(-1, 1)
    return x.mT if x.dim() == 3 and sequence == "channels_first" else x


def _module(op: Op, *inputs: Shape) -> tuple[Torch, nn.Module | None]:
    line = op.torch(inputs, ())
    return line, eval(line.init, dict(_NAMES)) if line.init else None  # noqa: S307 - the op's own line


def _apply(op: Op, *inputs: Tensor, sequence: str = "") -> list[np.ndarray]:
    """What the PyTorch line makes of tensors in the order of papers; `sequence` is the layout where either will do."""
    line, module = _module(op, *(tuple(x.shape[1:]) for x in inputs))
    layout = sequence or line.sequence
    names = [f"x{index}" for index in range(len(inputs))]
    given = {name: _turn(x, layout) for name, x in zip(names, inputs, strict=True)}
    call = line.call.format(*names, m="m", all=", ".join(names))
    made = eval(call, {**_NAMES, **given, "m": module})  # noqa: S307
    return [_turn(y, layout, back=True).detach().numpy() for y in (made if isinstance(made, tuple | list) else [made])]


# ---------------------------------------------------------------- normalization


@pytest.mark.parametrize("sizes", [(5, 4, 3), (5, 2, 3, 4)])
def test_channel_layer_norm_is_the_formula_at_each_position(sizes: tuple[int, ...]) -> None:
    layer = normalization.ChannelLayerNorm(5, eps=1e-3)
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = torch.randn(2, *sizes)
    y = layer(x)
    assert y.shape == x.shape
    for place in itertools.product(range(2), *map(range, sizes[1:])):
        values = x[place[0], :, *place[1:]]
        mean = values.sum() / 5
        variance = ((values - mean) ** 2).sum() / 5
        expected = (values - mean) / torch.sqrt(variance + 1e-3) * layer.weight + layer.bias
        torch.testing.assert_close(y[place[0], :, *place[1:]], expected)


def test_channel_rms_norm_is_the_formula_at_each_position() -> None:
    layer = normalization.ChannelRMSNorm(5, eps=1e-3)
    nn.init.normal_(layer.weight)
    x = torch.randn(2, 5, 4, 3)
    root = torch.sqrt((x**2).sum(1, keepdim=True) / 5 + 1e-3)
    torch.testing.assert_close(layer(x), x / root * layer.weight[:, None, None])


@pytest.mark.parametrize("sizes", [(6,), (7, 6), (4, 3, 6), (2, 4, 3, 6)])
def test_normalisations_give_the_statistics_of_their_definition(sizes: Shape) -> None:
    x = torch.randn(4, *sizes) * 3 + 1
    positions = tuple(range(1, x.dim() - 1))
    (ln,) = _apply(LayerNorm(), x)
    np.testing.assert_allclose(ln.mean(-1), 0, atol=1e-5)
    np.testing.assert_allclose(ln.var(-1), 1, atol=1e-3)
    (bn,) = _apply(BatchNorm(), x)
    np.testing.assert_allclose(bn.mean((0, *positions)), 0, atol=1e-5)
    np.testing.assert_allclose(bn.var((0, *positions)), 1, atol=1e-3)
    (rms,) = _apply(RMSNorm(), x)
    np.testing.assert_allclose((rms**2).mean(-1), 1, atol=1e-3)
    (unit,) = _apply(L2Norm(), x)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1, atol=1e-5)
    (gn,) = _apply(GroupNorm(groups=2), x)
    for group in (gn[..., :3], gn[..., 3:]):
        np.testing.assert_allclose(group.mean((*positions, -1)), 0, atol=1e-5)
    if positions:
        (instance,) = _apply(InstanceNorm(), x)
        np.testing.assert_allclose(instance.mean(positions), 0, atol=1e-5)


@pytest.mark.parametrize("sizes", [(3, 8), (2, 3, 8), (2, 2, 3, 8)])
def test_the_paper_s_local_response_norm_is_alpha_times_five(sizes: Shape) -> None:
    """Krizhevsky et al., 2012, section 3.3: b = a / (k + alpha * sum)^beta with k=2, n=5, alpha=1e-4, beta=0.75."""
    x = torch.randn(2, *sizes) * 50
    (found,) = _apply(LocalResponseNorm(size=5, alpha=5e-4, k=2.0), x)
    a = x.numpy().astype(np.float64)
    expected = np.empty_like(a)
    for i in range(8):
        total = (a[..., max(0, i - 2) : min(7, i + 2) + 1] ** 2).sum(-1)
        expected[..., i] = a[..., i] / (2 + 1e-4 * total) ** 0.75
    np.testing.assert_allclose(found, expected, rtol=1e-4)


# ---------------------------------------------------------------- activation


def test_every_activation_of_pytorch_has_an_op() -> None:
    made = set()
    for kind in registry.all_ops():
        if kind.style == "activation":
            op = kind(**{name: 2 for name, arg in kind.arguments.items() if arg.required})
            _, module = _module(op, (4, 4, 8))
            made.add(type(module).__name__)
    assert set(torch_activations.__all__) - {"MultiheadAttention"} <= made


@pytest.mark.parametrize(("dim", "sizes"), [(1, (2, 6, 3, 4)), (2, (2, 5, 6)), (1, (2, 6))])
def test_maxout_takes_the_largest_of_neighbouring_channels(dim: int, sizes: tuple[int, ...]) -> None:
    x = torch.randn(*sizes, requires_grad=True)
    y = activation.Maxout(3, dim=dim)(x)
    for group in range(2):
        trio = [x.select(dim, 3 * group + piece) for piece in range(3)]
        expected = torch.where(trio[0] > trio[1], trio[0], trio[1])
        expected = torch.where(expected > trio[2], expected, trio[2])
        torch.testing.assert_close(y.select(dim, group), expected)
    y.sum().backward()
    # Each group sends its gradient to its winner alone.
    assert x.grad is not None
    assert x.grad.sum().item() == y.numel()
    assert set(x.grad.unique().tolist()) == {0.0, 1.0}


def test_maxout_refuses_pieces_that_do_not_divide() -> None:
    with pytest.raises(RuntimeError):
        activation.Maxout(4)(torch.zeros(2, 6, 3, 3))


@pytest.mark.parametrize("sizes", [(6,), (7, 6), (4, 3, 6), (2, 4, 3, 6)])
def test_activations_along_channels_are_their_formulas(sizes: Shape) -> None:
    x = torch.randn(2, *sizes)
    v = x.numpy().astype(np.float64)
    share = np.exp(v) / np.exp(v).sum(-1, keepdims=True)
    np.testing.assert_allclose(_apply(Softmax(), x)[0], share, rtol=1e-5)
    np.testing.assert_allclose(_apply(LogSoftmax(), x)[0], np.log(share), rtol=1e-4)
    np.testing.assert_allclose(_apply(Softmin(), x)[0], np.exp(-v) / np.exp(-v).sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(_apply(GLU(), x)[0], v[..., :3] / (1 + np.exp(-v[..., 3:])), rtol=1e-5)
    np.testing.assert_allclose(_apply(MaxoutOp(pieces=2), x)[0], np.maximum(v[..., ::2], v[..., 1::2]), rtol=1e-6)


# ---------------------------------------------------------------- merging


def test_drop_path_mean_is_the_plain_mean_in_evaluation() -> None:
    layer = merging.DropPathMean(0.5).eval()
    a, b, c = torch.randn(3, 4, 5, 2, 2)
    torch.testing.assert_close(layer(a, b, c), (a + b + c) / 3)
    assert not list(layer.parameters())


def test_drop_path_mean_keeps_a_subset_that_is_never_empty() -> None:
    # Branches 1, 2 and 4: the mean of a subset tells the subset, for 1, 2, 4, 1.5, 2.5, 3 and 7/3 all differ.
    layer = merging.DropPathMean(0.9)
    count = 4000
    branches = [torch.full((count, 2, 3, 3), value) for value in (1.0, 2.0, 4.0)]
    y = layer(*branches)
    assert torch.equal(y, y[:, :1, :1, :1].expand_as(y)), "an example keeps or drops a branch whole"
    means = {
        (1.0 * a + 2.0 * b + 4.0 * c) / (a + b + c): (a, b, c)
        for a, b, c in itertools.product((0, 1), repeat=3)
        if a + b + c
    }
    kept = np.array([min(means.items(), key=lambda item: abs(item[0] - value))[1] for value in y[:, 0, 0, 0].tolist()])
    assert np.allclose([min(abs(value - mean) for mean in means) for value in y[:, 0, 0, 0].tolist()], 0, atol=1e-6)
    # A branch is kept with probability 0.1, and with a third of 0.9^3 where none is: 0.1 + 0.729 / 3 = 0.343.
    spread = math.sqrt(0.343 * 0.657 / count)
    assert np.all(np.abs(kept.mean(0) - 0.343) < 5 * spread)


def test_drop_path_mean_sends_no_gradient_into_dropped_branches() -> None:
    layer = merging.DropPathMean(0.5)
    a, b = (torch.zeros(200, 1, requires_grad=True) for _ in range(2))
    layer(a, b).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    pairs = {(float(left), float(right)) for left, right in zip(a.grad, b.grad, strict=True)}
    assert pairs == {(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)}


def test_drop_path_mean_broadcasts_and_keeps_the_type() -> None:
    layer = merging.DropPathMean(0.5)
    y = layer(torch.ones(3, 4, 5, 5, dtype=torch.float64), torch.ones(3, 4, 1, 1, dtype=torch.float64))
    assert y.dtype == torch.float64
    assert {round(value, 12) for value in y.flatten().tolist()} == {1.0}
    assert y.shape == (3, 4, 5, 5)


@pytest.mark.parametrize("drop", [1.0, 1.5, -0.1])
def test_drop_path_mean_refuses_what_is_no_probability_below_one(drop: float) -> None:
    with pytest.raises(ValueError, match="drop must be"):
        merging.DropPathMean(drop)


_PAIRS: list[tuple[Shape, Shape]] = [
    ((5,), (5,)),
    ((7, 5), (7, 5)),
    ((7, 5), (5,)),
    ((5,), (7, 5)),
    ((7, 5), (7, 1)),
    ((4, 3, 5), (4, 3, 5)),
    ((4, 3, 5), (5,)),
    ((4, 3, 5), (4, 3, 1)),
    ((4, 3, 5), (1, 1, 5)),
    ((2, 4, 3, 5), (5,)),
    ((2, 4, 3, 5), (1, 4, 1, 1)),
    ((5, 5, 5), (5,)),
    ((5, 5), (5,)),
]


@pytest.mark.parametrize("sizes", _PAIRS, ids=str)
def test_merges_are_numpy_s_in_the_order_of_papers(sizes: tuple[Shape, Shape]) -> None:
    a, b = (torch.randn(2, *shape) for shape in sizes)
    rank = max(map(len, sizes))
    u, v = (x.numpy().reshape(2, *[1] * (rank + 1 - x.dim()), *x.shape[1:]) for x in (a, b))
    expected = {Add: u + v, Sub: u - v, Mul: u * v, Mean: (u + v) / 2, Max: np.maximum(u, v)}
    for kind, wanted in expected.items():
        op = kind()
        assert op.shape(*sizes) == wanted.shape[1:]
        layout = op.torch(sizes, ()).sequence
        for sequence in ("channels_first", "channels_last") if layout == "any" else (layout,):
            np.testing.assert_allclose(_apply(op, a, b, sequence=sequence)[0], wanted, rtol=1e-6)
    np.testing.assert_allclose(_apply(Lerp(), a, a, b)[0], np.broadcast_to(u, (u + v).shape), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(_apply(Lerp(), a, b, b)[0], u + v * (v - u), rtol=1e-4, atol=1e-5)
    three = _apply(Max(), a, b, a)[0]
    np.testing.assert_allclose(three, np.maximum(u, v), rtol=1e-6)


def test_many_branches_are_summed_once_each() -> None:
    xs = [torch.full((2, 3, 3, 4), float(2**index)) for index in range(12)]
    np.testing.assert_array_equal(_apply(Add(), *xs)[0], 2.0**12 - 1)
    np.testing.assert_array_equal(_apply(Mean(), *xs)[0], np.float32((2.0**12 - 1) / 12))


@pytest.mark.parametrize("kind", [Add, Mul, Mean, Max])
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_merge_names_both_sizes_and_the_branch(kind: type[Op], wrong: int) -> None:
    shapes: list[Shape] = [(28, 28, 64)] * 3
    shapes[wrong] = (14, 14, 64)
    with pytest.raises(OpError) as caught:
        kind().shape(*shapes)
    assert caught.value.id == "shape-mismatch"
    assert "28x28x64" in caught.value.message
    assert "14x14x64" in caught.value.message
    # Of the first two, which disagree, the second is named.
    assert caught.value.branch == max(wrong, 1)


@pytest.mark.parametrize(("op", "inputs"), [(Add(), 1), (Concat(), 1), (Sub(), 3), (Lerp(), 2), (Matmul(), 3)])
def test_a_merge_refuses_the_wrong_number_of_tensors(op: Op, inputs: int) -> None:
    with pytest.raises(OpError) as caught:
        op.shape(*[(4, 4)] * inputs)
    assert caught.value.id == "arity"


@pytest.mark.parametrize("sizes", [(5,), (7, 5), (4, 3, 5), (2, 4, 3, 5)])
def test_concat_is_numpy_s_along_the_channels(sizes: Shape) -> None:
    a, b = torch.randn(2, *sizes), torch.randn(2, *sizes[:-1], 2)
    np.testing.assert_array_equal(_apply(Concat(), a, b)[0], np.concatenate([a.numpy(), b.numpy()], -1))


def test_concat_along_positions_and_matmul_of_sequences() -> None:
    a, b = torch.randn(2, 3, 5), torch.randn(2, 5, 5)
    np.testing.assert_array_equal(_apply(Concat(axis="positions"), a, b)[0], np.concatenate([a, b], 1))
    np.testing.assert_allclose(_apply(Matmul(), a, b)[0], np.einsum("nij,njk->nik", a, b), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------- shaping


@pytest.mark.parametrize(
    ("entering", "leaving"),
    [
        ((4, 3, 6), (12, 6)),
        ((12, 6), (4, 3, 6)),
        ((2, 4, 3, 6), (24, 6)),
        ((24, 6), (2, 4, 3, 6)),
        ((4, 3, 6), (72,)),
        ((72,), (4, 3, 6)),
        ((4, 3, 6), (6, 2, 6)),
        ((4, 3, 6), (2, 2, 3, 6)),
        ((4, 3, 6), (2, 6, 6)),
        ((4, 3, 6), (8, 9)),
        ((8, 9), (4, 3, 6)),
        ((8, 9), (72,)),
        ((72,), (8, 9)),
    ],
)
def test_reshape_keeps_the_order_of_papers(entering: Shape, leaving: Shape) -> None:
    x = torch.arange(2.0 * 72 * math.prod(entering) / 72).reshape(2, *entering)
    expected = x.numpy().reshape(2, *leaving)
    np.testing.assert_array_equal(_apply(ReshapeOp(size=leaving), x)[0], expected)
    by_layer = _turn(shaping.Reshape(*leaving)(_turn(x, "channels_last")), "channels_last", back=True)
    np.testing.assert_array_equal(by_layer.numpy(), expected)


def test_reshape_of_an_image_reads_row_by_row() -> None:
    x = torch.randn(2, 5, 3, 4)
    y = shaping.Reshape(12, 5)(x)
    for row, column in itertools.product(range(3), range(4)):
        assert torch.equal(y[:, 4 * row + column], x[:, :, row, column])


@pytest.mark.parametrize("sizes", [(5,), (7, 5), (4, 3, 5), (2, 4, 3, 5)])
def test_permute_is_numpy_s_transposition(sizes: Shape) -> None:
    x = torch.randn(2, *sizes)
    for axes in itertools.permutations(range(len(sizes))):
        op = Permute(axes=axes)
        expected = x.numpy().transpose(0, *(axis + 1 for axis in axes))
        assert op.shape(sizes) == expected.shape[1:]
        np.testing.assert_array_equal(_apply(op, x)[0], expected)


@pytest.mark.parametrize("sizes", [(7, 6), (4, 3, 6), (2, 4, 3, 6)])
def test_shuffle_deals_the_groups_out(sizes: Shape) -> None:
    x = torch.randn(2, *sizes)
    # Two groups a0 a1 a2 and b0 b1 b2 become a0 b0 a1 b1 a2 b2.
    np.testing.assert_array_equal(_apply(Shuffle(groups=2), x)[0], x.numpy()[..., [0, 3, 1, 4, 2, 5]])
    np.testing.assert_array_equal(_apply(Shuffle(groups=3), x)[0], x.numpy()[..., [0, 2, 4, 1, 3, 5]])


@pytest.mark.parametrize("sizes", [(6,), (7, 6), (4, 3, 6), (2, 4, 3, 6)])
def test_slice_and_split_take_channels_in_order(sizes: Shape) -> None:
    x = torch.randn(2, *sizes)
    v = x.numpy()
    np.testing.assert_array_equal(_apply(Slice(start=1, stop=4), x)[0], v[..., 1:4])
    for parts, bounds in ((3, (0, 2, 4, 6)), ((1, 5), (0, 1, 6))):
        found = _apply(Split(parts=parts), x)
        assert len(found) == len(bounds) - 1
        for part, start, stop in zip(found, bounds, bounds[1:], strict=False):
            np.testing.assert_array_equal(part, v[..., start:stop])


def test_select_picks_a_position() -> None:
    x = torch.randn(2, 7, 6)
    np.testing.assert_array_equal(_apply(Select(index=0), x)[0], x.numpy()[:, 0])
    np.testing.assert_array_equal(_apply(Select(index=-1), x)[0], x.numpy()[:, 6])


# ---------------------------------------------------------------- attention


def _naive_attention(weights: dict[str, Tensor], heads: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)) V head by head, Vaswani et al., 2017, section 3.2."""
    channels = q.shape[2]
    size = channels // heads
    if "in_proj_weight" in weights:
        w = weights["in_proj_weight"].split(channels)
    else:
        w = (weights["q_proj_weight"], weights["k_proj_weight"], weights["v_proj_weight"])
    b = weights["in_proj_bias"].split(channels) if "in_proj_bias" in weights else (torch.zeros(channels),) * 3
    queries, keys, values = (x @ w[i].T + b[i] for i, x in enumerate((q, k, v)))
    found = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = torch.einsum("nic,njc->nij", queries[..., part], keys[..., part]) / math.sqrt(size)
        shares = scores.exp() / scores.exp().sum(2, keepdim=True)
        found.append(shares @ values[..., part])
    out = torch.cat(found, 2) @ weights["out_proj.weight"].T
    return out + weights["out_proj.bias"] if "out_proj.bias" in weights else out


def _randomize(module: nn.Module) -> None:
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_self_attention_is_the_formula(training: bool, bias: bool) -> None:
    layer = attention.SelfAttention(12, 3, bias=bias, batch_first=True).train(training)
    _randomize(layer)
    x = torch.randn(2, 5, 12)
    with torch.set_grad_enabled(training):
        y = layer(x)
    torch.testing.assert_close(y, _naive_attention(layer.state_dict(), 3, x, x, x), rtol=1e-4, atol=1e-4)


def test_self_attention_has_the_weights_of_pytorch_s_layer() -> None:
    ours = attention.SelfAttention(12, 3, batch_first=True)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(ours(x), theirs(x, x, x)[0])


@pytest.mark.parametrize("others", [(8, 8), (12, 12), (12, 8), (6, 4)])
def test_attention_of_three_tensors_is_the_formula(others: tuple[int, int]) -> None:
    q, k, v = torch.randn(2, 5, 12), torch.randn(2, 7, others[0]), torch.randn(2, 7, others[1])
    line, module = _module(Attention(heads=3), (5, 12), (7, others[0]), (7, others[1]))
    assert module is not None
    _randomize(module)
    made = eval(line.call.format("q", "k", "v", m="m"), {"m": module, "q": q, "k": k, "v": v})  # noqa: S307
    torch.testing.assert_close(made, _naive_attention(module.state_dict(), 3, q, k, v), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shapes", [((197, 768),), ((10, 64), (7, 64), (7, 64)), ((10, 64), (7, 32), (7, 16))])
def test_attention_macs_are_half_of_pytorch_s_flops(shapes: Sequence[Shape]) -> None:
    """On the meta device, whose attention is made of matrix products that the counter knows."""
    op = Attention(heads=4)
    line, _ = _module(op, *shapes)
    with torch.device("meta"):
        module = eval(line.init or "", dict(_NAMES))  # noqa: S307
        inputs = [torch.empty(1, *shape) for shape in shapes]
    names = [f"x{index}" for index in range(len(inputs))]
    call = line.call.format(*names, m="m")
    with FlopCounterMode(display=False) as counter:
        eval(call, {"m": module, **dict(zip(names, inputs, strict=True))})  # noqa: S307
    assert 2 * op.macs(shapes, [op.shape(*shapes)]) == counter.get_total_flops()


def test_vit_base_attention_has_the_counts_of_arithmetic() -> None:
    op = Attention(heads=12)
    # 4 projections of 768x768 with biases; 4 * 197 * 768^2 + 2 * 197^2 * 768 multiply-accumulates.
    assert sum(weight.size for weight in op.weights((197, 768))) == 4 * 768 * 768 + 4 * 768
    assert op.macs([(197, 768)], [(197, 768)]) == 464_781_312 + 59_610_624


def test_token_goes_before_the_first_position() -> None:
    layer = attention.Token(6, count=2)
    x = torch.randn(3, 5, 6)
    y = layer(x)
    assert y.shape == (3, 7, 6)
    assert torch.equal(y[:, 2:], x)
    for example in range(3):
        assert torch.equal(y[example, :2], layer.weight[0])
    y[:, 0].sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad[0, 0].tolist() == [3.0] * 6, "every example trains the one token"
    assert layer.weight.grad[0, 1].tolist() == [0.0] * 6


@pytest.mark.parametrize("sizes", [(5, 6), (6, 4, 3), (6, 2, 4, 3)])
def test_position_embedding_adds_one_value_a_place(sizes: tuple[int, ...]) -> None:
    layer = attention.PositionEmbedding(*sizes)
    x = torch.randn(3, *sizes)
    y = layer(x)
    for example in range(3):
        torch.testing.assert_close(y[example] - x[example], layer.weight[0], atol=1e-6, rtol=1e-5)
    assert layer.weight.numel() == math.prod(sizes)
    assert layer.weight.abs().max().item() < 0.2, "ten deviations of 0.02"


@pytest.mark.parametrize(("positions", "sizes"), [(0, (6,)), (0, (5, 6)), (2, (6, 4, 3)), (3, (6, 2, 4, 3))])
def test_scale_multiplies_each_channel(positions: int, sizes: tuple[int, ...]) -> None:
    layer = attention.Scale(6, init=0.25, positions=positions)
    x = torch.randn(2, *sizes)
    torch.testing.assert_close(layer(x), x / 4)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(6.0))
    axis = 1 if positions else -1
    for channel in range(6):
        torch.testing.assert_close(layer(x).select(axis, channel), channel * x.select(axis, channel))


def test_a_scalar_scale_of_zero_closes_the_branch() -> None:
    """ReZero starts every block as the identity."""
    layer = attention.Scale(1, init=0.0)
    for sizes in [(6,), (5, 6), (6, 4, 3)]:
        assert not layer(torch.randn(2, *sizes)).any()
