"""Layers with a window: convolutions and pools.

In: draws and a size. Out: their text, and `nn.Conv…`, `nn.…Pool…` with the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from differential.layer import Layer, Made, Shape, Values, channels, each_axis, first, rank, sizes
from differential.pick import Numbers, Pick, show
from differential.purpose import refuse_when

_CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_DECONV = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_MAX = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
_MEAN = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_NORM = {1: nn.LPPool1d, 2: nn.LPPool2d, 3: nn.LPPool3d}
_TO_MEAN = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
_TO_MAX = {1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d, 3: nn.AdaptiveMaxPool3d}


@dataclass(frozen=True, slots=True)
class _Window:
    kernel: Numbers
    stride: Numbers | None
    padding: Numbers | None

    def __str__(self) -> str:
        text = show(self.kernel)
        text += f"/{show(self.stride)}" if self.stride else ""
        return text + (f"+{show(self.padding)}" if self.padding else "")


def _window(pick: Pick, x: Shape, *, most: int = 5, padding: int = 2) -> _Window:
    axes = max(1, len(x) - 1)
    smallest = min(x[:-1], default=4)
    # A kernel that fits, three times of four; with the padding others may fit as well.
    largest = most if pick.chance(25) else max(1, min(most, smallest))
    kernel = pick.extent(axes, 1, largest)
    stride = pick.extent(axes, 1, 3) if pick.chance(45) else None
    return _Window(kernel, stride, pick.extent(axes, 0, padding) if pick.chance(45) else None)


def _pad_same(x: Tensor, kernel: Any, stride: Any, dilation: Any) -> list[int]:
    """TensorFlow's SAME for `F.pad`: as many positions as it takes for ceil(n/s), the odd one at the end."""
    count = len(sizes(x))
    found: list[int] = []
    axes = zip(sizes(x), *(each_axis(value, count) for value in (kernel, stride, dilation)), strict=True)
    for n, k, s, d in axes:
        total = max(0, (math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n)
        found = [total // 2, total - total // 2, *found]
    return found


def _half(kernel: Any, dilation: Any) -> Any:
    """k//2 on each side, k with its dilation."""
    count = max(len(value) if isinstance(value, tuple) else 1 for value in (kernel, dilation))
    pairs = zip(each_axis(kernel, count), each_axis(dilation, count), strict=True)
    return tuple((d * (k - 1) + 1) // 2 for k, d in pairs)


def _refuse_other_counts(x: Tensor, *values: Any) -> None:
    """`expected stride to be a single integer value or a list of 1 values`: the meta device does not look, the others
    do.
    """
    for value in values:
        each_axis(value, rank(x))


def _filters(pick: Pick, channels: int) -> tuple[int, int]:
    """Filters and groups; now and then groups that do not divide."""
    groups = pick.divisor(channels, 4) if pick.chance(25) else 1
    groups = groups + 1 if pick.chance(4) else groups
    return groups * pick.whole(1, max(1, 12 // groups)) + (1 if pick.chance(4) else 0), groups


def conv(pick: Pick, x: Shape) -> Layer:
    flag = pick.one(("same", "half")) if pick.chance(20) else ""
    window = _window(pick, x)
    if flag and pick.chance(95):
        window = _Window(window.kernel, window.stride, None)
    count, grouped = _filters(pick, x[-1])
    filters, groups = pick.number(count), pick.number(grouped)
    dilation = pick.extent(max(1, len(x) - 1), 1, 3) if pick.chance(15) else None
    bias = not pick.chance(25)
    text = f"conv {window} {filters.text}" + (f" groups={groups.text}" if grouped != 1 else "")
    text += (
        (f" dilation={show(dilation)}" if dilation else "") + ("" if bias else " bias=false") + f" {flag}" * bool(flag)
    )

    def build(value: Values, x: Tensor) -> Made:
        kernel = value.all(window.kernel)
        stride = value.all(window.stride) if window.stride else 1
        apart = value.all(dilation) if dilation else 1
        padding: Any = value.all(window.padding, 0) if window.padding else 0
        if flag and window.padding:
            raise TypeError("padding given twice, as to a function")
        if flag == "half":
            padding = _half(kernel, apart)
            padding = padding[0] if len(padding) == 1 else padding
        _refuse_other_counts(x, kernel, stride, padding, apart)
        layer = _CONV[rank(x)](
            channels(x),
            value(filters),
            kernel,
            stride,
            padding,
            apart,
            value(groups) if grouped != 1 else 1,
            bias,
        )
        if flag != "same":
            return Made(first(layer), (layer,))
        sides = _pad_same(x, kernel, stride, apart)
        return Made(first(lambda x: layer(F.pad(x, sides))), (layer,))

    return Layer(text, build)


def table_conv(pick: Pick, x: Shape) -> Layer:
    """`conv … connect=`: as many convolutions of one filter as the table has rows, each of the channels in its row."""
    window = _window(pick, x)
    table = [sorted({pick.whole(0, x[-1] - 1) for _ in range(3)}) for _ in range(pick.whole(1, 4))]
    table = [[0] + [c for c in row if c] for row in table] if pick.chance(20) else table
    text = f"conv {window} {len(table)} connect={table}"

    def build(value: Values, x: Tensor) -> Made:
        kernel = value.all(window.kernel)
        stride = value.all(window.stride) if window.stride else 1
        padding = value.all(window.padding, 0) if window.padding else 0
        _refuse_other_counts(x, kernel, stride, padding)
        layers = [_CONV[rank(x)](len(row), 1, kernel, stride, padding) for row in table]
        if max(map(max, table)) >= channels(x):
            raise IndexError("a channel that is not there, which the meta device does not look at")
        # The taps of all rows in one table of weights, as LeNet's implementations keep them.
        weights = nn.Module()
        weights.weight = nn.Parameter(torch.empty(sum(map(len, table)), *each_axis(kernel, rank(x))))
        weights.bias = nn.Parameter(torch.empty(len(table)))

        def call(x: Tensor) -> Tensor:
            return torch.cat([layer(x[:, row]) for layer, row in zip(layers, table, strict=True)], 1)

        return Made(first(call), (weights,))

    return Layer(text, build)


def deconv(pick: Pick, x: Shape) -> Layer:
    window = _window(pick, x, padding=1)
    count, grouped = _filters(pick, x[-1])
    filters, groups = pick.number(count), pick.number(grouped)
    dilation = pick.extent(max(1, len(x) - 1), 1, 3) if pick.chance(15) else None
    extra = pick.extent(max(1, len(x) - 1), 0, 2) if pick.chance(20) else None
    bias = not pick.chance(25)
    text = f"deconv {window} {filters.text}" + (f" groups={groups.text}" if grouped != 1 else "")
    text += (f" dilation={show(dilation)}" if dilation else "") + (f" output_padding={show(extra)}" if extra else "")
    text += "" if bias else " bias=false"

    def build(value: Values, x: Tensor) -> Made:
        kernel = value.all(window.kernel)
        stride = value.all(window.stride) if window.stride else 1
        padding = value.all(window.padding, 0) if window.padding else 0
        more = value.all(extra, 0) if extra else 0
        apart = value.all(dilation) if dilation else 1
        _refuse_other_counts(x, kernel, stride, padding, more, apart)
        steps = zip(*(each_axis(size, rank(x)) for size in (more, stride, apart)), strict=True)
        if any(add >= max(step, tap) for add, step, tap in steps):
            raise ValueError(
                "output padding must be smaller than either stride or dilation: said by all but the meta device"
            )
        layer = _DECONV[rank(x)](
            channels(x),
            value(filters),
            kernel,
            stride,
            padding,
            more,
            value(groups) if grouped != 1 else 1,
            bias,
            apart,
        )
        return Made(first(layer), (layer,))

    return Layer(text, build)


def deform_conv(pick: Pick, x: Shape) -> Layer:
    """An outer convolution, and an inner one of the same geometry that says where each of its taps goes."""
    window = _window(pick, x)
    count, grouped = _filters(pick, x[-1])
    filters, groups = pick.number(count), pick.number(grouped)
    modulated, bias = pick.chance(30), not pick.chance(25)
    text = f"deform_conv {window} {filters.text}" + (f" groups={groups.text}" if grouped != 1 else "")
    text += (" modulated=true" if modulated else "") + ("" if bias else " bias=false")

    def build(value: Values, x: Tensor) -> Made:
        kernel = value.all(window.kernel)
        stride = value.all(window.stride) if window.stride else 1
        padding = value.all(window.padding, 0) if window.padding else 0
        _refuse_other_counts(x, kernel, stride, padding)
        taps = math.prod(each_axis(kernel, 2))
        offset = nn.Conv2d(channels(x), (3 if modulated else 2) * taps, kernel, stride, padding)
        outer = nn.Conv2d(
            channels(x), value(filters), kernel, stride, padding, 1, value(groups) if grouped != 1 else 1, bias
        )
        if x.dim() != 4:
            raise ValueError("offsets are pairs (y, x)")

        def call(x: Tensor) -> Tensor:
            offset(x)
            made: Tensor = outer(x)
            return made

        return Made(call, (offset, outer))

    return Layer(text, build)


def _pool(pick: Pick, x: Shape) -> tuple[_Window, str]:
    flag = pick.one(("same", "half", "ceil", "ceil", "ceil half", "same ceil")) if pick.chance(45) else ""
    window = _window(pick, x, padding=2 if pick.chance(20) else 1)
    if ("same" in flag or "half" in flag) and pick.chance(95):
        window = _Window(window.kernel, window.stride, None)
    return window, flag


def _pool_arguments(value: Values, window: _Window, flag: str) -> tuple[Any, Any, Any]:
    kernel = value.all(window.kernel)
    stride = value.all(window.stride) if window.stride else kernel
    padding: Any = value.all(window.padding, 0) if window.padding else 0
    if flag == "same ceil" or (flag.strip("ceil ") and window.padding):
        raise TypeError("arguments that exclude each other, as to a function")
    if "half" in flag:
        padding = _half(kernel, 1)
        padding = padding[0] if len(padding) == 1 else padding
    return kernel, stride, padding


def maxpool(pick: Pick, x: Shape) -> Layer:
    window, flag = _pool(pick, x)

    def build(value: Values, x: Tensor) -> Made:
        kernel, stride, padding = _pool_arguments(value, window, flag)
        layer = _MAX[rank(x)](kernel, stride, padding, ceil_mode="ceil" in flag)
        if flag != "same":
            return Made(first(layer))
        sides = _pad_same(x, kernel, stride, 1)
        return Made(first(lambda x: layer(F.pad(x, sides))))

    return Layer(f"maxpool {window} {flag}".rstrip(), build)


def avgpool(pick: Pick, x: Shape) -> Layer:
    window, flag = _pool(pick, x)
    counted = pick.one((None, None, True, False))
    text = f"avgpool {window} {flag}".rstrip()
    text += "" if counted is None else f" count_include_pad={str(counted).lower()}"

    def build(value: Values, x: Tensor) -> Made:
        kernel, stride, padding = _pool_arguments(value, window, flag)
        layer = _MEAN[rank(x)](kernel, stride, padding, "ceil" in flag, counted is not False)
        if flag != "same":
            return Made(first(layer))
        sides = _pad_same(x, kernel, stride, 1)
        return Made(first(lambda x: layer(F.pad(x, sides))))

    return Layer(text, build)


def lppool(pick: Pick, x: Shape) -> Layer:
    window, flag = _pool(pick, x)
    p = pick.one((None, 1, 2, 3, 2.5))

    def build(value: Values, x: Tensor) -> Made:
        kernel, stride, padding = _pool_arguments(value, window, flag)
        layer = _NORM[rank(x)](p or 2, kernel, stride, "ceil" in flag)
        sides = [side for pad in reversed(each_axis(padding, len(sizes(x)))) for side in (pad, pad)]
        wide = zip(each_axis(padding, len(sizes(x))), each_axis(kernel, len(sizes(x))), strict=True)
        refuse_when(any(pad > size // 2 for pad, size in wide), "lppool", "padding")
        if flag == "same":
            sides = _pad_same(x, kernel, stride, 1)
        return Made(first(lambda x: layer(F.pad(x, sides))))

    return Layer(f"lppool {window} {flag}".rstrip() + (f" p={p}" if p else ""), build)


def subsample(pick: Pick, x: Shape) -> Layer:
    """LeNet's: the mean of a window times its size is the sum; one gain and one bias a channel."""
    window, flag = _pool(pick, x)

    def build(value: Values, x: Tensor) -> Made:
        kernel, stride, padding = _pool_arguments(value, window, flag)
        layer = _MEAN[rank(x)](kernel, stride, padding, "ceil" in flag)
        weights = nn.Module()
        weights.gain = nn.Parameter(torch.empty(channels(x)))
        weights.bias = nn.Parameter(torch.empty(channels(x)))
        shape = (-1, *(1,) * len(sizes(x)))

        def call(x: Tensor) -> Tensor:
            if flag == "same":
                x = F.pad(x, _pad_same(x.mT if x.dim() == 3 else x, kernel, stride, 1))
            made: Tensor = layer(x)
            if made.shape[1] != len(weights.gain):
                raise ValueError("gains for another number of channels")
            return made * weights.gain.view(shape) + weights.bias.view(shape)

        return Made(first(call), (weights,))

    return Layer(f"subsample {window} {flag}".rstrip(), build)


def _adaptive(name: str, kinds: dict[int, type[nn.Module]]) -> Any:
    def draw(pick: Pick, x: Shape) -> Layer:
        size = pick.extent(max(1, len(x) - 1), 1, 6)

        def build(value: Values, x: Tensor) -> Made:
            wanted = value.all(size)
            if isinstance(wanted, tuple):
                each_axis(wanted, len(sizes(x)) or 2)
            return Made(first(kinds[rank(x)](wanted)))

        return Layer(f"{name} {show(size)}", build)

    draw.__name__ = name
    return draw


adaptive_avgpool = _adaptive("adaptive_avgpool", _TO_MEAN)
adaptive_maxpool = _adaptive("adaptive_maxpool", _TO_MAX)


def _all_positions(name: str, over: Any) -> Any:
    def draw(pick: Pick, x: Shape) -> Layer:
        def build(value: Values, x: Tensor) -> Made:
            # A vector is asked for the mean over rows and columns, which PyTorch refuses.
            axes = (1,) if x.dim() == 3 else (2, 3, 4)[: max(2, x.dim() - 2)]
            return Made(lambda x: over(x, axes))

        return Layer(name, build)

    draw.__name__ = name
    return draw


def to_vector(shape: Shape) -> Layer:
    """`gap`."""
    return Layer(
        "gap", lambda value, x: Made(lambda x: x.mean((1,) if x.dim() == 3 else tuple(range(2, max(3, x.dim())))))
    )


gap = _all_positions("gap", Tensor.mean)
gmp = _all_positions("gmp", Tensor.amax)


def to_size(size: tuple[int, ...]) -> Layer:
    """`adaptive_avgpool` to given positions."""
    text = f"adaptive_avgpool {'x'.join(map(str, size))}"
    return Layer(text, lambda value, x: Made(first(_TO_MEAN[rank(x)](size))))


def to_channels(count: int, axes: int) -> Layer:
    """1x1 filters, or a dense layer on a vector."""

    def build(value: Values, x: Tensor) -> Made:
        layer = _CONV[rank(x)](channels(x), count, 1) if axes else nn.Linear(channels(x), count)
        return Made(first(layer) if axes else layer, (layer,))

    return Layer(f"conv 1 {count}" if axes else f"fc {count}", build)


WINDOWS = (
    conv,
    table_conv,
    deconv,
    deform_conv,
    maxpool,
    avgpool,
    lppool,
    subsample,
    adaptive_avgpool,
    adaptive_maxpool,
    gap,
    gmp,
)
