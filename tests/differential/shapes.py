"""Layers that move values: padding, cutting, resizing, rearranging; and the merges of several tensors.

In: draws and sizes. Out: their text, and the functions of PyTorch with the same numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from differential.layer import (
    Build,
    Layer,
    Made,
    Shape,
    Values,
    channel_axis,
    channels,
    each_axis,
    first,
    sizes,
)
from differential.pick import Pick, show
from differential.points import attention
from differential.purpose import refuse_in_general, refuse_when

# ---------------------------------------------------------------- positions


def pad(pick: Pick, x: Shape) -> Layer:
    axes = max(1, len(x) - 1)
    mode = pick.one(("", "", "reflect", "replicate", "circular", "constant"))
    most = 2 if mode in ("", "constant") or pick.chance(30) else max(1, min(x[:-1], default=1) - 1)
    size = pick.extent(axes, 0, min(2, most))
    if len(size) == axes > 1 and pick.chance(30):
        size = tuple(pick.number(pick.whole(0, min(2, most))) for _ in range(2 * axes))
    value = mode == "constant" if pick.chance(95) else mode != "constant"
    written = f"[{', '.join(number.text for number in size)}]" if len(size) > axes else show(size)
    text = f"pad {written}" + (f" mode={mode}" if mode else "") + (" value=0.5" if value else "")

    def build(values: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 2, "pad", "vector")
        refuse_when(value != (mode == "constant"), "pad", "value")
        count = len(sizes(x))
        numbers = [values(number, 0) for number in size]
        if len(numbers) == 2 * count:
            pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
        else:
            pairs = [(side, side) for side in each_axis(tuple(numbers) if len(numbers) > 1 else numbers[0], count)]
        sides = [side for pair in reversed(pairs) for side in pair]
        return Made(first(lambda x: F.pad(x, sides, mode or "constant", 0.5 if value else None)))

    return Layer(text, build)


def pad_channels(pick: Pick, x: Shape) -> Layer:
    """Zeros joined behind the channels."""
    count = pick.number(pick.whole(0, 5))

    def build(value: Values, x: Tensor) -> Made:
        more = value(count, 0)
        axis = channel_axis(x)

        def call(x: Tensor) -> Tensor:
            zeros = x.new_zeros((*x.shape[:axis], more, *x.shape[axis + 1 :]))
            return torch.cat((x, zeros), axis)

        return Made(call)

    return Layer(f"pad_channels {count.text}", build)


def crop(pick: Pick, x: Shape) -> Layer:
    size = pick.extent(max(1, len(x) - 1), 1, max(x[:-1], default=2) if pick.chance(15) else min(x[:-1], default=2))

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 2, "crop", "vector")
        wanted = each_axis(value.all(size), len(sizes(x)))
        refuse_when(any(want > have for want, have in zip(wanted, sizes(x), strict=True)), "crop", "size")
        cuts = [
            slice((have - want) // 2, (have - want) // 2 + want) for want, have in zip(wanted, sizes(x), strict=True)
        ]
        return Made(first(lambda x: x[:, :, *cuts]))

    return Layer(f"crop {show(size)}", build)


_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def upsample(pick: Pick, x: Shape) -> Layer:
    axes = max(1, len(x) - 1)
    scale = pick.extent(axes, 1, 3) if not pick.chance(30) else None
    size = pick.extent(axes, 1, 9) if (scale is None and pick.chance(95)) or pick.chance(2) else None
    modes = ("", "", _MODES.get(axes, ""), "bicubic" if axes == 2 else '"nearest-exact"')
    mode = pick.one(modes) if pick.chance(90) else pick.one(("linear", "bilinear", "trilinear", "bicubic"))
    corners = pick.chance(40 if mode.endswith(("linear", "cubic")) else 2)
    text = "upsample" + (f" {show(scale)}" if scale else "") + (f" size={show(size)}" if size else "")
    text += (f" mode={mode}" if mode else "") + (" align_corners=true" if corners else "")

    def build(value: Values, x: Tensor) -> Made:
        layer = nn.Upsample(
            value.all(size) if size else None,
            None if scale is None else value.all(scale),
            mode.strip('"') or "nearest",
            align_corners=True if corners else None,
        )
        return Made(first(layer))

    return Layer(text, build)


def pixel_shuffle(pick: Pick, x: Shape) -> Layer:
    factor = pick.number(pick.one([f for f in (1, 2, 3) if x[-1] % f**2 == 0]) + pick.chance(8))

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() in (3, 5), "pixel_shuffle", "rank")
        return Made(nn.PixelShuffle(value(factor)))

    return Layer(f"pixel_shuffle {factor.text}", build)


def pixel_unshuffle(pick: Pick, x: Shape) -> Layer:
    fits = [f for f in (1, 2, 3, 4) if all(n % f == 0 for n in x[:-1])]
    factor = pick.number(pick.one(fits) + pick.chance(8))

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() in (3, 5), "pixel_unshuffle", "rank")
        return Made(nn.PixelUnshuffle(value(factor)))

    return Layer(f"pixel_unshuffle {factor.text}", build)


def patch_merge(pick: Pick, x: Shape) -> Layer:
    factor = pick.number(pick.whole(1, 4))

    def build(value: Values, x: Tensor) -> Made:
        n = value(factor)
        if x.dim() != 4:
            raise ValueError("patches have a height and a width")
        return Made(lambda x: F.pixel_unshuffle(F.pad(x, (0, -x.shape[3] % n, 0, -x.shape[2] % n)), n))

    return Layer(f"patch_merge {factor.text}", build)


# ---------------------------------------------------------------- arrangement


def _to_last(x: Tensor) -> Tensor:
    return x.movedim(1, -1) if x.dim() > 3 else x


def _to_first(x: Tensor) -> Tensor:
    return x.movedim(-1, 1) if x.dim() > 3 else x


def _factors(pick: Pick, number: int, count: int) -> tuple[int, ...]:
    """A number as a product of some."""
    found = []
    for _ in range(count - 1):
        found.append(pick.divisor(number, 12))
        number //= found[-1]
    return (*found, number)


def reshape(pick: Pick, x: Shape) -> Layer:
    parts = _factors(pick, math.prod(x), pick.whole(1, 4) if pick.chance(97) else 5)
    parts = (*parts[:-1], parts[-1] + 1) if pick.chance(5) else parts
    size = tuple(pick.number(part) for part in parts)

    def build(value: Values, x: Tensor) -> Made:
        wanted = [value(number) for number in size]
        refuse_when(len(wanted) > 4 and math.prod(wanted) == math.prod(x.shape[1:]), "reshape", "axes")
        return Made(lambda x: _to_first(_to_last(x).reshape(x.shape[0], *wanted)))

    return Layer(f"reshape {show(size)}", build)


def permute(pick: Pick, x: Shape) -> Layer:
    left = list(range(len(x)))
    axes = [left.pop(pick.whole(0, len(left) - 1)) for _ in range(len(x))]
    if pick.chance(6):
        axes[pick.whole(0, len(axes) - 1)] = pick.whole(0, 4)

    def build(value: Values, x: Tensor) -> Made:
        order = [0, *(axis + 1 for axis in axes)]
        return Made(lambda x: _to_first(_to_last(x).permute(order)))

    return Layer(f"permute [{', '.join(map(str, axes))}]", build)


def slice_(pick: Pick, x: Shape) -> Layer:
    low = pick.whole(0, x[-1] - 1)
    high = pick.whole(low + 1, x[-1]) if pick.chance(90) else pick.whole(0, x[-1] + 1)
    start, stop = pick.number(low), pick.number(high)

    def build(value: Values, x: Tensor) -> Made:
        begin, end = value(start, 0), value(stop, 0)
        refuse_when(begin == end, "slice", "empty")
        return Made(lambda x: x.narrow(channel_axis(x), begin, end - begin))

    return Layer(f"slice {start.text} {stop.text}", build)


@dataclass(frozen=True, slots=True)
class Split(Layer):
    """A layer with several outputs, and how many it has."""

    count: int


def split(pick: Pick, x: Shape) -> Split:
    fits = [d for d in (2, 3, 4) if x[-1] % d == 0]
    count = pick.one(fits) if fits and pick.chance(94) else pick.whole(1, 4)
    if (fits and pick.chance(60)) or x[-1] == 1 or pick.chance(3):
        parts = pick.number(count)

        def build(value: Values, x: Tensor) -> Made:
            number, axis = value(parts), channel_axis(x)
            refuse_when(number == 1, "split", "one")
            refuse_when(channels(x) % number != 0, "split", "unequal")
            return Made(lambda x: x.chunk(number, axis))

        return Split(f"split {parts.text}", build, count)
    count = max(2, count)
    cuts = sorted({pick.whole(1, max(1, x[-1] - 1)) for _ in range(count - 1)} | {0, x[-1]})
    lengths = [b - a for a, b in itertools.pairwise(cuts)]
    lengths[-1] += 1 if pick.chance(6) else 0

    def build_list(value: Values, x: Tensor) -> Made:
        refuse_when(len(lengths) == 1, "split", "one")
        return Made(lambda x: x.split(lengths, channel_axis(x)))

    return Split(f"split {lengths}", build_list, len(lengths))


def shuffle(pick: Pick, x: Shape) -> Layer:
    groups = pick.number(pick.divisor(x[-1]) + pick.chance(6))
    return Layer(f"shuffle {groups.text}", lambda value, x: Made(first(nn.ChannelShuffle(value(groups)))))


def select(pick: Pick, x: Shape) -> Layer:
    index = pick.whole(-x[0], x[0] - 1) if pick.chance(92) else x[0]

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 2, "select", "vector")
        refuse_when(x.dim() > 3, "select", "image")
        return Made(lambda x: x[:, index])

    return Layer(f"select {index}" if index >= 0 else f"select ({index})", build)


def add_identity(pick: Pick, x: Shape) -> Layer:
    """For a square matrix; for most others, which it does not take, a turned one."""
    if not (len(x) == 2 and x[0] == x[1]) and pick.chance(80):
        return permute(pick, x)

    def build(value: Values, x: Tensor) -> Made:
        refuse_when(x.dim() == 2, "add_identity", "vector")
        refuse_when(x.dim() > 3, "add_identity", "image")
        if x.shape[1] != x.shape[2]:
            raise ValueError("no identity has another number of rows than of columns")
        return Made(lambda x: x + torch.diag(x.new_ones(x.shape[1])))

    return Layer("add_identity", build)


def to_shape(size: tuple[int, ...]) -> Layer:
    """`reshape` to a given size."""
    text = f"reshape {'x'.join(map(str, size))}"
    return Layer(text, lambda value, x: Made(lambda x: _to_first(_to_last(x).reshape(x.shape[0], *size))))


TURNED = Layer("permute [1, 0]", lambda value, x: Made(lambda x: x.permute(0, 2, 1)))
"""A sequence turned over."""

POSITIONS = (pad, crop, upsample, pixel_shuffle, pixel_unshuffle, patch_merge)
ARRANGEMENT = (reshape, permute, slice_, shuffle, select, pad_channels, add_identity)

# ---------------------------------------------------------------- merges


@dataclass(frozen=True, slots=True)
class Merge:
    """`name<a | b> options`, or `name options` behind several tensors."""

    name: str
    options: str
    build: Build


def _lined(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    """Vectors with axes for the positions, so that PyTorch broadcasts the rest."""
    refuse_in_general(len(tensors) < 2, "one tensor")
    most = max(x.dim() for x in tensors)
    refuse_when(any(x.dim() not in (2, most) for x in tensors), "add", "axes")
    if most == 3:
        return [x[:, None] if x.dim() == 2 else x for x in tensors]
    return [x[(..., *(None,) * (most - x.dim()))] for x in tensors]


def _spread(name: str, call: Callable[..., Tensor]) -> Callable[[Pick, tuple[Shape, ...]], Merge]:
    def draw(pick: Pick, shapes: tuple[Shape, ...]) -> Merge:
        return Merge(name, "", lambda value, *tensors: Made(lambda *x: call(*_lined(x))))

    return draw


def _mean(pick: Pick, shapes: tuple[Shape, ...]) -> Merge:
    drop = pick.one(("", "", " drop=0.2"))

    def build(value: Values, *tensors: Tensor) -> Made:
        return Made(lambda *x: torch.stack(torch.broadcast_tensors(*_lined(x))).mean(0))

    return Merge("mean", drop, build)


def _concat(pick: Pick, shapes: tuple[Shape, ...]) -> Merge:
    same_width = len({shape[-1] for shape in shapes}) == 1 and len(shapes[0]) == 2
    positions = pick.chance(50 if same_width else 2)

    def build(value: Values, *tensors: Tensor) -> Made:
        refuse_in_general(len(tensors) < 2, "one tensor")
        refuse_when(positions and any(x.dim() != 3 for x in tensors), "concat", "positions")
        return Made(lambda *x: torch.cat(x, 1 if positions else channel_axis(x[0])))

    return Merge("concat", " axis=positions" if positions else "", build)


def _matmul(pick: Pick, shapes: tuple[Shape, ...]) -> Merge:
    def build(value: Values, *tensors: Tensor) -> Made:
        refuse_when(any(x.dim() > 3 for x in tensors), "matmul", "image")
        if any(x.dim() == 2 for x in tensors):
            raise ValueError("(N, C) is no matrix of an example")
        return Made(lambda a, b: a @ b)

    return Merge("matmul", "", build)


def _attention(pick: Pick, shapes: tuple[Shape, ...]) -> Merge:
    layer = attention(pick, shapes[0])
    return Merge("attention", layer.text.removeprefix("attention"), layer.build)


MERGES: dict[str, Callable[[Pick, tuple[Shape, ...]], Merge]] = {
    "add": _spread("add", lambda *x: reduce(torch.add, x)),
    "concat": _concat,
    "mul": _spread("mul", lambda *x: reduce(torch.mul, x)),
    "mean": _mean,
    "max": _spread("max", lambda *x: reduce(torch.maximum, x)),
    "sub": _spread("sub", lambda a, b: a - b),
    "lerp": _spread("lerp", lambda a, b, t: torch.lerp(a, b, t)),
    "matmul": _matmul,
    "attention": _attention,
}
