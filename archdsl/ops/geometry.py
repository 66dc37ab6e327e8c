"""The arithmetic of a sliding window, for convolutions and pools alike, and of groups of channels.

In: a `Window` as written and the spatial size that enters. Out: kernel, stride, padding and output size on every axis.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from archdsl.ops.arguments import Extent, Window
from archdsl.ops.base import FLOAT, Kept, OpError, Reach, show_shape, spread

__all__ = ["Geometry", "check_groups", "same_padding", "show_extent", "solve"]


class Geometry(NamedTuple):
    """A window on every axis of `sizes`: `padding` is (before, after) pairs, `ceil` rounds the positions up."""

    op: str
    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil: bool = False

    @property
    def even(self) -> bool:
        """Whether the padding is the same on both sides, so that the PyTorch layer can do it itself."""
        return all(before == after for before, after in self.padding)

    @property
    def padded(self) -> bool:
        return any(before or after for before, after in self.padding)

    @property
    def padded_sizes(self) -> tuple[int, ...]:
        return tuple(size + before + after for size, (before, after) in zip(self.sizes, self.padding, strict=True))

    @property
    def span(self) -> tuple[int, ...]:
        """From the first tap of the kernel to the last, dilation included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def outputs(self) -> tuple[int, ...]:
        """The positions that the window takes on every axis.

        Raises `OpError` `kernel-too-large` where it does not fit once.
        """
        return tuple(self._positions(axis) for axis in range(len(self.sizes)))

    def _positions(self, axis: int) -> int:
        size, reach, step = self.sizes[axis], self.span[axis], self.stride[axis]
        before, after = self.padding[axis]
        room = size + before + after - reach
        positions = room // step + 1
        # Caffe's rounding up, without a window that would start in the padding after the end.
        if self.ceil and room % step and positions * step < size + before:
            positions += 1
        if positions >= 1:
            return positions
        raise OpError(
            "kernel-too-large",
            f"the kernel of `{self.op}` spans {show_shape(self.span)}, and its input is only {show_shape(self.sizes)}"
            + (f" with {before + after} of padding" if before + after else ""),
            hint="take a smaller kernel, add padding, or shrink the input less before this layer",
        )

    def reach(self) -> Reach:
        return Reach(self.span, self.stride, tuple(before for before, _ in self.padding))

    def keeps(self, channels: int) -> Kept:
        """What the layer keeps of its input: itself, or the copy that is padded before it."""
        if self.even:
            return Kept(inputs=True)
        return Kept(more=FLOAT * math.prod(self.padded_sizes) * channels)

    def options(self, *, groups: int = 1, bias: bool = True) -> str:
        """The arguments of an `nn.Conv*d` from the kernel on, defaults left out."""
        parts = [show_extent(self.kernel), *self.details()]
        if groups != 1:
            parts.append(f"groups={groups}")
        if not bias:
            parts.append("bias=False")
        return ", ".join(parts)

    def details(self) -> list[str]:
        """`stride=…`, `padding=…`, `dilation=…` for the PyTorch layer, each only where it is not the default."""
        parts = [f"stride={show_extent(self.stride)}"] if any(s != 1 for s in self.stride) else []
        parts += self.layer_padding()
        parts += [f"dilation={show_extent(self.dilation)}"] if any(d != 1 for d in self.dilation) else []
        return parts

    def layer_padding(self) -> list[str]:
        """`padding=…` for the PyTorch layer, nothing where there is none or the two sides differ."""
        if not self.even or not self.padded:
            return []
        return [f"padding={show_extent(tuple(before for before, _ in self.padding))}"]

    def sides(self) -> str:
        """The padding as `F.pad` takes it: last axis first."""
        return "(" + ", ".join(str(side) for pair in reversed(self.padding) for side in pair) + ")"

    def padded_call(self, value: str = "") -> str:
        """The call of the layer, its input padded first where the two sides differ."""
        if self.even:
            return "{m}({0})"
        fill = f", value={value}" if value else ""
        return "{m}(F.pad({0}, " + self.sides() + fill + "))"


def show_extent(extent: tuple[int, ...]) -> str:
    """A PyTorch size argument: `3` where all axes agree, else `(1, 7)`."""
    if all(part == extent[0] for part in extent):
        return str(extent[0])
    return "(" + ", ".join(map(str, extent)) + ")"


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding to ceil(n/s), the odd pixel at the end; `kernel` is the dilated one.

    >>> same_padding(224, 3, 2)
    (0, 1)
    """
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


@lru_cache(maxsize=4096)
def solve(
    op: str,
    sizes: tuple[int, ...],
    window: Window,
    dilation: Extent = (1,),
    *,
    same: bool = False,
    half: bool = False,
    ceil: bool = False,
    default_stride: Extent = (1,),
) -> Geometry:
    """Lay a window over an input.

    >>> solve("conv", (227, 227), Window((11,), (4,))).outputs
    (55, 55)

    `ceil` rounds the number of positions up as Caffe did, without one that would start in the padding after the end.
    Raises `OpError`: `rank-mismatch`, `doubled-argument` (a padding and a flag that sets it). Whether the window fits
    is asked only when `outputs` is.
    """
    rank = len(sizes)
    kernel = spread(window.kernel, rank, "kernel")
    stride = spread(window.stride if window.stride is not None else default_stride, rank, "stride")
    dilation = spread(dilation, rank, "dilation")
    dilated = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if window.padding is not None and (same or half):
        word = "same" if same else "half"
        raise OpError(
            "doubled-argument",
            f"`{op}` has its padding twice: `+{show_shape(window.padding)}` and `{word}`",
            hint="keep one of them",
        )
    if same:
        padding = tuple(same_padding(n, k, s) for n, k, s in zip(sizes, dilated, stride, strict=True))
    elif half:
        padding = tuple((k // 2, k // 2) for k in dilated)
    else:
        padding = tuple((p, p) for p in spread(window.padding or (0,), rank, "padding"))
    return Geometry(op, sizes, kernel, stride, padding, dilation, ceil)


def check_groups(channels: int, filters: int, groups: int) -> None:
    """Raises `OpError` `bad-groups` where the groups of a convolution do not divide what enters and what leaves."""
    if channels % groups or filters % groups:
        which = f"{channels} input channels" if channels % groups else f"{filters} filters"
        raise OpError(
            "bad-groups",
            f"{which} do not divide into {groups} groups",
            hint=f"groups must divide both {channels} and {filters}: {_common(channels, filters)}",
        )


def _common(a: int, b: int) -> str:
    """The numbers that divide both, at most eight of them."""
    both = math.gcd(a, b)
    found = [str(n) for n in range(1, min(both, 4096) + 1) if both % n == 0]
    return ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
