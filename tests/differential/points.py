"""Layers that work on each position or each value by itself: dense layers, norms, activations, dropping, transformers.

In: draws and a size. Out: their text, and the `nn` modules with the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from differential.layer import (
    Draw,
    Layer,
    Made,
    Shape,
    Values,
    channel_axis,
    channels,
    first,
    last,
    plain,
    rank,
)
from differential.pick import Pick, show
from differential.purpose import refuse_when

_BATCH = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}
_DROP = {1: nn.Dropout1d, 2: nn.Dropout2d, 3: nn.Dropout3d}


def _yes(value: bool) -> str:
    return str(value).lower()


# ---------------------------------------------------------------- dense layers


def _dense(name: str, module: Callable[[int, int, bool], nn.Module], option: str, default: bool) -> Draw:
    def draw(pick: Pick, x: Shape) -> Layer:
        units = pick.number(pick.whole(1, 16))
        chosen = not default if pick.chance(25) else default
        text = f"{name} {units.text}" + (f" {option}={_yes(chosen)}" if chosen != default else "")

        def build(value: Values, x: Tensor) -> Made:
            features = x.shape[2] if x.dim() == 3 else math.prod(x.shape[1:])
            layer = module(features, value(units), chosen)
            return Made(lambda x: layer(x if x.dim() == 3 else x.flatten(1)), (layer,))

        return Layer(text, build)

    draw.__name__ = name
    return draw


class _Codes(nn.Module):
    """Squared distances to codes, trained or fixed."""

    def __init__(self, features: int, units: int, trained: bool) -> None:
        super().__init__()
        codes = torch.empty(units, features)
        if trained:
            self.codes = nn.Parameter(codes)
        else:
            self.register_buffer("codes", codes)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.codes.shape[-1]:
            raise ValueError("codes of another length")
        return (x.unsqueeze(-2) - self.codes).square().sum(-1)


def flatten(pick: Pick, x: Shape) -> Layer:
    return Layer("flatten", lambda value, x: Made(nn.Flatten()))


# ---------------------------------------------------------------- norms


def bn(pick: Pick, x: Shape) -> Layer:
    affine, eps, momentum = not pick.chance(20), pick.one((1e-5, 1e-3)), pick.one((0.1, 0.01))
    text = "bn" + ("" if affine else " affine=false") + (f" eps={eps}" if eps != 1e-5 else "")
    text += f" momentum={momentum}" if momentum != 0.1 else ""

    def build(value: Values, x: Tensor) -> Made:
        layer = _BATCH[1 if x.dim() == 2 else rank(x)](channels(x), eps, momentum, affine)
        return Made(first(layer), (layer,))

    return Layer(text, build)


def _over_channels(name: str, module: Callable[..., nn.Module]) -> Draw:
    def draw(pick: Pick, x: Shape) -> Layer:
        affine = not pick.chance(20)

        def build(value: Values, x: Tensor) -> Made:
            layer = module(channels(x), elementwise_affine=affine)
            return Made(last(layer), (layer,))

        return Layer(name + ("" if affine else " affine=false"), build)

    draw.__name__ = name
    return draw


def gn(pick: Pick, x: Shape) -> Layer:
    groups = None if x[-1] % 32 == 0 or pick.chance(5) else pick.number(pick.divisor(x[-1]) + pick.chance(8))
    affine = not pick.chance(20)
    text = "gn" + (f" groups={groups.text}" if groups else "") + ("" if affine else " affine=false")

    def build(value: Values, x: Tensor) -> Made:
        layer = nn.GroupNorm(value(groups) if groups else 32, channels(x), affine=affine)
        return Made(first(layer), (layer,))

    return Layer(text, build)


def instance_norm(pick: Pick, x: Shape) -> Layer:
    affine = pick.chance(40)

    def build(value: Values, x: Tensor) -> Made:
        layer = _INSTANCE[rank(x)](channels(x), affine=affine)
        return Made(first(layer), (layer,))

    return Layer("instance_norm" + (" affine=true" if affine else ""), build)


def lrn(pick: Pick, x: Shape) -> Layer:
    size = pick.number(pick.whole(1, 6))

    def build(value: Values, x: Tensor) -> Made:
        return Made(first(nn.LocalResponseNorm(value(size))))

    return Layer(f"lrn {size.text}", build)


def l2norm(pick: Pick, x: Shape) -> Layer:
    return Layer("l2norm", lambda value, x: Made(lambda x: F.normalize(x, dim=channel_axis(x))))


# ---------------------------------------------------------------- activations

_PLAIN = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "tanhshrink": nn.Tanhshrink,
    "softsign": nn.Softsign,
    "logsigmoid": nn.LogSigmoid,
}

_WITH_NUMBERS: dict[str, tuple[Any, tuple[tuple[str, tuple[Any, ...]], ...]]] = {
    "leaky_relu": (nn.LeakyReLU, (("", ((), (0.2,))),)),
    "elu": (nn.ELU, (("", ((), (0.5,), (2.0,))),)),
    "celu": (nn.CELU, (("", ((), (0.5,), (2.0,), (1,), (3,), (0,))),)),
    "softshrink": (nn.Softshrink, (("", ((), (0.1,), (1,), (2,), (-1,))),)),
    "threshold": (nn.Threshold, (("", ((0.1, 20), (1, -1), (-0.5, 0))),)),
}
"""Activations with positional numbers: their class and the lists of numbers that are drawn."""


def _written(number: float) -> str:
    return f"({number})" if number < 0 else str(number)


def _activation(name: str) -> Draw:
    if name in _PLAIN:
        return _named(name, lambda pick, x: plain(name, _PLAIN[name]))
    module, ((_, options),) = _WITH_NUMBERS[name]

    def draw(pick: Pick, x: Shape) -> Layer:
        numbers = pick.one(options)
        return plain(" ".join((name, *map(_written, numbers))), lambda: module(*numbers))

    return _named(name, draw)


def _named(name: str, draw: Draw) -> Draw:
    draw.__name__ = name  # type: ignore[attr-defined]
    return draw


def _keywords(name: str, module: Callable[..., nn.Module], options: tuple[dict[str, Any], ...]) -> Draw:
    """An activation whose arguments are written by name; the names are ours, the order PyTorch's."""

    def draw(pick: Pick, x: Shape) -> Layer:
        chosen = pick.one(options)
        text = " ".join((name, *(f"{key}={_value(number)}" for key, number in chosen.items())))
        return plain(text, lambda: module(*chosen.values()))

    return _named(name, draw)


def _value(number: float | str) -> str:
    if isinstance(number, str):
        return number
    return f"(0 - {-number})" if number < 0 else str(number)


def hardshrink(pick: Pick, x: Shape) -> Layer:
    amount = pick.one((0.5, 0.1, 1, 0, 2, -1))

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(amount < 0, "hardshrink", "negative")
        return Made(nn.Hardshrink(amount))

    return Layer(f"hardshrink {_written(amount)}", build)


def softplus(pick: Pick, x: Shape) -> Layer:
    beta = pick.one((1, 2, 0.5, 3, 0.1, 0))

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(beta == 0, "softplus", "beta")
        return Made(nn.Softplus(beta))

    return Layer(f"softplus {beta}", build)


def times(pick: Pick, x: Shape) -> Layer:
    factor = pick.one((2, 0.17, 0, -1))
    return Layer(f"times {_written(factor)}", lambda value, x: Made(lambda x: x * factor))


def abs_(pick: Pick, x: Shape) -> Layer:
    return Layer("abs", lambda value, x: Made(torch.abs))


def gelu(pick: Pick, x: Shape) -> Layer:
    how = pick.one(("none", "tanh"))
    return plain("gelu" + (" approximate=tanh" if how == "tanh" else ""), lambda: nn.GELU(approximate=how))


def prelu(pick: Pick, x: Shape) -> Layer:
    shared = pick.chance(30)

    def build(value: Values, x: Tensor) -> Made:
        layer = nn.PReLU() if shared else nn.PReLU(channels(x))
        return Made(first(layer), (layer,))

    return Layer("prelu" + (" shared" if shared else ""), build)


def _shares(name: str, module: Callable[..., nn.Module]) -> Draw:
    return _named(name, lambda pick, x: Layer(name, lambda value, x: Made(module(dim=channel_axis(x)))))


def softmax2d(pick: Pick, x: Shape) -> Layer:
    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 3, "softmax2d", "sequence")
        return Made(nn.Softmax2d())

    return Layer("softmax2d", build)


def glu(pick: Pick, x: Shape) -> Layer:
    return Layer("glu", lambda value, x: Made(nn.GLU(dim=channel_axis(x))))


def maxout(pick: Pick, x: Shape) -> Layer:
    pieces = pick.number(pick.divisor(x[-1]) + pick.chance(5))

    def build(value: Values, x: Tensor) -> Made:
        count, axis = value(pieces), channel_axis(x)
        return Made(lambda x: x.unflatten(axis, (-1, count)).amax(axis + 1))

    return Layer(f"maxout {pieces.text}", build)


# ---------------------------------------------------------------- dropping


def _drop(name: str, module: Callable[[float], nn.Module]) -> Draw:
    def draw(pick: Pick, x: Shape) -> Layer:
        p = pick.one((0.5, 0, 0.1, 1, 0.2, 0.25, 0.9, 0.3, 1.5))
        return plain(f"{name} {p}", lambda: module(p))

    return _named(name, draw)


def drop_channel(pick: Pick, x: Shape) -> Layer:
    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 2, "drop_channel", "vector")
        return Made(first(_DROP[rank(x)](0.2)))

    return Layer("drop_channel 0.2", build)


# ---------------------------------------------------------------- transformers


def attention(pick: Pick, x: Shape) -> Layer:
    heads = pick.number(pick.divisor(x[-1]) + pick.chance(6))
    bias, causal = not pick.chance(30), pick.chance(25)

    def build(value: Values, *tensors: Tensor) -> Made:
        queries, keys, values = tensors if len(tensors) == 3 else (tensors[0],) * 3
        if len(tensors) == 2:
            raise TypeError("queries and keys without values, as to a function")
        refuse_when(any(x.dim() == 2 for x in tensors), "attention", "vector")
        refuse_when(causal and len(tensors) == 3, "attention", "causal")
        wide = {"kdim": channels(keys), "vdim": channels(values)}
        layer = nn.MultiheadAttention(channels(queries), value(heads), bias=bias, batch_first=True, **wide)

        def call(*tensors: Tensor) -> Tensor:
            made: Tensor = layer(*(tensors if len(tensors) == 3 else tensors * 3), need_weights=False)[0]
            return made

        return Made(call, (layer,))

    return Layer(f"attention heads={heads.text}" + ("" if bias else " bias=false") + " causal" * causal, build)


def window_attention(pick: Pick, x: Shape) -> Layer:
    """Windows as sequences of their own, and the table beside them; the mask and the bias have no say in sizes."""
    heads = pick.number(pick.divisor(x[-1]) + pick.chance(6))
    window = tuple(pick.number(pick.whole(1, 5)) for _ in range(3 if pick.chance(4) else pick.one((1, 2))))
    shift = pick.number(pick.whole(0, 2))
    bias = not pick.chance(30)

    def build(value: Values, x: Tensor) -> Made:
        high, wide, *more = (value(number) for number in (window * 2 if len(window) == 1 else window))
        if x.dim() != 4 or more:
            raise ValueError("windows have a height and a width")
        refuse_when(value(shift, 0) >= min(high, wide), "window_attention", "shift")
        table = _Weight((2 * high - 1) * (2 * wide - 1), value(heads))
        inner = nn.MultiheadAttention(channels(x), value(heads), bias=bias, batch_first=True)

        def call(x: Tensor) -> Tensor:
            padded = F.pad(x, (0, -x.shape[3] % wide, 0, -x.shape[2] % high))
            cut = F.unfold(padded, (high, wide), stride=(high, wide))
            rows = cut.mT.reshape(-1, x.shape[1], high * wide).mT
            made = inner(rows, rows, rows, need_weights=False)[0]
            laid = made.mT.reshape(len(x), -1, cut.shape[1]).mT
            whole = F.fold(laid, padded.shape[2:], (high, wide), stride=(high, wide))
            return whole[:, :, : x.shape[2], : x.shape[3]]

        return Made(call, (table, inner))

    text = f"window_attention {heads.text} window={show(window)} shift={shift.text}"
    return Layer(text + ("" if bias else " bias=false"), build)


class _Weight(nn.Module):
    def __init__(self, *size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*size))


def token(pick: Pick, x: Shape) -> Layer:
    count = pick.number(pick.whole(1, 3))

    def build(value: Values, x: Tensor) -> Made:
        layer = _Weight(1, value(count), channels(x))
        return Made(lambda x: torch.cat((layer.weight.expand(x.shape[0], -1, -1), x), 1), (layer,))

    return Layer(f"token {count.text}", build)


def position(pick: Pick, x: Shape) -> Layer:
    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 2, "position", "vector")
        layer = _Weight(1, *x.shape[1:])

        def call(x: Tensor) -> Tensor:
            if x.shape[1:] != layer.weight.shape[1:]:
                raise ValueError("positions of another size")
            return x + layer.weight

        return Made(call, (layer,))

    return Layer("position", build)


def scale(pick: Pick, x: Shape) -> Layer:
    scalar = pick.chance(30)

    def build(value: Values, x: Tensor) -> Made:
        layer = _Weight(1 if scalar else channels(x))

        def call(x: Tensor) -> Tensor:
            if not scalar and x.shape[-1] != len(layer.weight):
                raise ValueError("gains for another number of channels")
            return x * layer.weight

        return Made(last(call), (layer,))

    return Layer("scale init=0.5" + (" scalar=true" if scalar else ""), build)


def embed(pick: Pick, x: Shape) -> Layer:
    """Belongs at the start of a chain, behind an input of ids; a sequence meets its matrix the other way."""
    vocabulary = pick.number(pick.whole(2, 30))
    width = pick.number(x[-1] if len(x) == 2 and pick.chance(80) else pick.whole(1, 8))

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() > 3, "embed", "rank")
        layer = nn.Embedding(value(vocabulary), value(width))
        return Made(layer if x.dim() == 2 else lambda x: F.linear(x, layer.weight), (layer,))

    return Layer(f"embed {vocabulary.text} {width.text}", build)


def _drop_path(p: float) -> nn.Module:
    """Dropping examples is dropping the one channel that each is seen as; PyTorch checks the probability."""
    nn.Dropout1d(p)
    return nn.Identity()


DENSE = (
    _dense("fc", nn.Linear, "bias", True),
    _dense("rbf", _Codes, "trained", False),
    flatten,
)
NORMS = (
    bn,
    _over_channels("ln", nn.LayerNorm),
    _over_channels("rms_norm", nn.RMSNorm),
    gn,
    instance_norm,
    lrn,
    l2norm,
)
ACTIVATIONS = (
    *map(_activation, _PLAIN),
    *map(_activation, _WITH_NUMBERS),
    _keywords("rrelu", nn.RReLU, ({}, {"lower": 0.1, "upper": 0.3}, {"lower": 0.5, "upper": 0.1})),
    _keywords("hardtanh", nn.Hardtanh, ({}, {"low": 0, "high": 4}, {"low": 1, "high": 1}, {"low": 2, "high": -1})),
    hardshrink,
    softplus,
    times,
    abs_,
    gelu,
    prelu,
    _shares("softmax", nn.Softmax),
    _shares("softmin", nn.Softmin),
    _shares("log_softmax", nn.LogSoftmax),
    softmax2d,
    glu,
    maxout,
)
DROPS = (
    _drop("dropout", nn.Dropout),
    _drop("alpha_dropout", nn.AlphaDropout),
    _drop("drop_path", _drop_path),
    drop_channel,
)
TRANSFORMERS = (attention, window_attention, token, position, scale)
