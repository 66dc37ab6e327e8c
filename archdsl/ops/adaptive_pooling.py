"""Pooling to a given size and over all positions: `adaptive_avgpool`, `adaptive_maxpool`, `gap`, `gmp`.

In: an image, a sequence or a volume of any size. Out: the size that was asked for, or a vector of its channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from archdsl.ops.arguments import Extent, extent, positional
from archdsl.ops.base import INDEX, WHOLE, Example, Kept, Op, Reach, Shape, Torch, spatial, spread
from archdsl.ops.geometry import show_extent
from archdsl.ops.registry import register


class _Adaptive(Op):
    """What the pools to a given size have in common: window i of o over n goes from i*n//o to ceil((i + 1)*n/o)."""

    style = "pooling"
    output: Extent

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        sizes = spatial(entering, self.name)
        return (*spread(self.output, len(sizes), "size"), entering[-1])

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def _taps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        """The values that all windows read: on each axis n + o - gcd(n, o), since neighbours share a value or none."""
        sizes = zip(inputs[0][:-1], outputs[0][:-1], strict=True)
        return inputs[0][-1] * math.prod(n + o - math.gcd(n, o) for n, o in sizes)

    def module_operations(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int | None:
        # As if each window read all of the image.
        return math.prod(inputs[0]) * math.prod(outputs[0][:-1]) if len(inputs[0]) == 3 else None

    def reach(self, *inputs: Shape) -> Reach:
        sizes = inputs[0][:-1]
        wanted = spread(self.output, len(sizes), "size")
        pairs = tuple(zip(sizes, wanted, strict=True))
        kernel = tuple(_longest(n, o) for n, o in pairs)
        return Reach(kernel, tuple(Fraction(n, o) for n, o in pairs), (0,) * len(sizes))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        rank = len(inputs[0]) - 1
        kind = "Avg" if self.name == "adaptive_avgpool" else "Max"
        wanted = show_extent(spread(self.output, rank, "size"))
        return Torch(f"nn.Adaptive{kind}Pool{rank}d({wanted})", sequence="channels_first")


def _longest(size: int, windows: int) -> int:
    """The longest window of an adaptive pool: n/o rounded up, and one more where a window can begin inside a value."""
    whole, rest = divmod(size, windows)
    if rest == 0:
        return whole
    return whole + 1 if windows % rest == 0 else whole + 2


@register
class AdaptiveAvgPool(_Adaptive):
    """`adaptive_avgpool HxW`: the mean over as many windows as positions are wanted, whatever the input's size.

    `adaptive_avgpool 6x6` turns 13x13x256 into 6x6x256. One number stands for all axes. `adaptive_avgpool 1` keeps the
    axes, 1x1x256; `gap` drops them. Windows overlap where the sizes do not divide; more positions than the input has
    repeat it.

    - `output`: the positions that leave.
    """

    name = "adaptive_avgpool"
    examples = (
        Example("adaptive_avgpool 6x6", ((13, 13, 256),), (6, 6, 256)),
        Example("adaptive_avgpool 1", ((7, 5, 8),), (1, 1, 8)),
        Example("adaptive_avgpool 7", ((4, 4, 8),), (7, 7, 8)),
        Example("adaptive_avgpool 4", ((10, 8),), (4, 8)),
        Example("adaptive_avgpool 2x3x1", ((4, 6, 5, 8),), (2, 3, 1, 8)),
        Example(
            "adaptive_avgpool 2x3", ((4, 6, 5, 8),), error="rank-mismatch", torch="nn.AdaptiveAvgPool3d((2, 3))(x)"
        ),
        Example("adaptive_avgpool 2", ((10,),), error="rank-mismatch", torch="nn.AdaptiveAvgPool2d(2)(x)"),
    )

    output: Extent = positional(extent(1))

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # A window of k takes k - 1 sums and a division.
        return self._taps(inputs, outputs)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # To one position it is a mean, which needs no input.
        return Kept(inputs=math.prod(outputs[0][:-1]) > 1)


@register
class AdaptiveMaxPool(_Adaptive):
    """`adaptive_maxpool HxW`: the largest value of as many windows as positions are wanted, whatever the input's size.

    `adaptive_maxpool 2x2` turns 13x13x256 into 2x2x256, the windows overlapping by one row and one column. One number
    stands for all axes; `adaptive_maxpool 1` keeps the axes, `gmp` drops them.

    - `output`: the positions that leave.

    He et al., "Spatial pyramid pooling in deep convolutional networks for visual recognition", 2014.
    """

    name = "adaptive_maxpool"
    examples = (
        Example("adaptive_maxpool 2x2", ((13, 13, 256),), (2, 2, 256)),
        Example("adaptive_maxpool 4", ((10, 8),), (4, 8)),
        Example("adaptive_maxpool 1", ((4, 6, 5, 8),), (1, 1, 1, 8)),
        Example("adaptive_maxpool 2x3", ((5, 8),), error="rank-mismatch", torch="nn.AdaptiveMaxPool1d((2, 3))(x)"),
        Example("adaptive_maxpool 2", ((10,),), error="rank-mismatch", torch="nn.AdaptiveMaxPool2d(2)(x)"),
    )

    output: Extent = positional(extent(1))

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return self._taps(inputs, outputs) - math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True, more=INDEX * math.prod(outputs[0]))


class _Global(Op):
    """What the pools over all positions have in common: the axes go, the channels stay as a vector."""

    style = "pooling"
    module_operations_a_value = 1

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        spatial(entering, self.name)
        return (entering[-1],)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach:
        return WHOLE

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        rank = len(inputs[0]) - 1
        # An image's axes stand behind its channels, (N, C, H, W); a sequence's before them, (N, L, C).
        axes = "1" if rank == 1 else str(tuple(range(2, rank + 2)))
        return Torch(None, f"{{0}}.{'mean' if self.name == 'gap' else 'amax'}({axes})")


@register
class Gap(_Global):
    """`gap`: global average pooling, each channel's mean over all positions, as a vector.

    `gap` turns 7x7x2048 into 2048. `adaptive_avgpool 1` leaves 1x1x2048.

    Lin, Chen & Yan, "Network in network", 2014.
    """

    name = "gap"
    examples = (
        Example("gap", ((7, 7, 2048),), (2048,)),
        Example("gap", ((16, 8),), (8,)),
        Example("gap", ((2, 3, 4, 8),), (8,)),
        Example("gap", ((10,),), error="rank-mismatch", torch="x.mean((2, 3))"),
    )

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # n - 1 sums and a division.
        return math.prod(inputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()


@register
class Gmp(_Global):
    """`gmp`: global max pooling, each channel's largest value over all positions, as a vector.

    `gmp` turns 7x7x512 into 512. `adaptive_maxpool 1` leaves 1x1x512.

    Oquab et al., "Is object localization for free?", 2015.
    """

    name = "gmp"
    examples = (
        Example("gmp", ((7, 7, 512),), (512,)),
        Example("gmp", ((16, 8),), (8,)),
        Example("gmp", ((2, 3, 4, 8),), (8,)),
        Example("gmp", ((10,),), error="rank-mismatch", torch="x.amax((2, 3))"),
    )

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(inputs[0]) - math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True, output=True)
