"""Transposed convolution: `deconv`.

In: an image, a sequence or a volume. Out: filters spread over more positions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from archdsl.ops.arguments import Extent, Window, boolean, extent, keyword, positional, whole, window
from archdsl.ops.base import Example, Kept, Op, OpError, Reach, Shape, Torch, Weight, show_shape, spatial, spread
from archdsl.ops.geometry import Geometry, check_groups, show_extent, solve
from archdsl.ops.registry import register


@register
class Deconv(Op):
    """`deconv K[/S][+P] filters`: transposed convolution, the way up.

    `deconv 4x4/2+1 64` turns 7x7x128 into 14x14x64: (7 - 1) * 2 - 2*1 + 4 = 14, with 4*4*128*64 weights and 64 biases.
    It spreads every input over a kernel, `S` apart, and adds; `+P` cuts P from each border of what comes out.

    - `filters`: channels that leave.
    - `output_padding`: positions added at the end of each axis, below the stride or the dilation: which of the inputs
      that a strided convolution makes equal is meant.
    - `groups`: slices of the channels that do not see each other.
    - `dilation`: distance between the taps of the kernel.
    - `bias`: whether each filter has one.

    Zeiler et al., "Deconvolutional networks", 2010; Dumoulin & Visin, 2016, chapter 4.
    """

    name = "deconv"
    style = "convolution"
    weighted = True
    examples = (
        Example("deconv 4x4/2+1 64", ((7, 7, 128),), (14, 14, 64)),
        Example("deconv 3x3/2+1 16 output_padding=1 bias=false", ((8, 8, 32),), (16, 16, 16)),
        Example("deconv 3/2 6 groups=3", ((9, 12),), (19, 6)),
        Example("deconv 3 4 dilation=3 output_padding=2", ((5, 2),), (13, 4)),
        Example("deconv 2x4x4/1x2x2+0x1x1 8", ((3, 5, 6, 4),), (4, 10, 12, 8)),
        Example("deconv 3x3/2 8 output_padding=2", ((8, 8, 4),), error="bad-argument"),
        Example("deconv 2x2/2 9 groups=2", ((8, 8, 4),), error="bad-groups"),
        Example("deconv 1x1+2 8", ((3, 3, 4),), error="zero-size"),
        Example("deconv 2x2/2 8", ((16,),), error="rank-mismatch", torch="nn.ConvTranspose2d(16, 8, 2, stride=2)(x)"),
    )

    window: Window = window(unit_stride=True)
    filters: int = positional(whole(1))
    output_padding: Extent = keyword(extent(0), (0,))
    groups: int = keyword(whole(1), 1)
    dilation: Extent = keyword(extent(1), (1,))
    bias: bool = keyword(boolean, True)

    def geometry(self, entering: Shape) -> Geometry:
        return solve("deconv", spatial(entering, "deconv"), self.window, self.dilation)

    def _extra(self, geometry: Geometry) -> Extent:
        return spread(self.output_padding, len(geometry.sizes), "output_padding")

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        geometry = self.geometry(entering)
        extra = self._extra(geometry)
        for most, more in zip(map(max, geometry.stride, geometry.dilation), extra, strict=True):
            if more >= most:
                raise OpError(
                    "bad-argument",
                    f"`output_padding` of {more} is not below the stride or the dilation, {most}",
                    hint="a stride of 2 leaves one size in doubt, so it takes an output_padding of 0 or 1",
                )
        check_groups(entering[-1], self.filters, self.groups)
        sizes = tuple(
            (n - 1) * s - 2 * p + k + more
            for n, s, (p, _), k, more in zip(
                geometry.sizes, geometry.stride, geometry.padding, geometry.span, extra, strict=True
            )
        )
        if min(sizes) < 1:
            raise OpError(
                "zero-size",
                f"`deconv` leaves {show_shape(sizes)} of {show_shape(geometry.sizes)}",
                hint="the padding of `deconv` is cut from its output; take less of it",
            )
        return (*sizes, self.filters)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (entering,) = inputs
        weight = Weight("weight", (entering[-1], self.filters // self.groups, *self.geometry(entering).kernel))
        return (weight, Weight("bias", (self.filters,))) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # Every input is multiplied with the whole kernel of its channel, cut borders included.
        return self.weights(*inputs)[0].size * math.prod(inputs[0][:-1])

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(outputs[0]) if self.bias else 0

    def reach(self, *inputs: Shape) -> Reach:
        geometry = self.geometry(inputs[0])
        # An output sees the inputs whose kernel covers it: one in S of the taps, when dilation does not skip some.
        kernel = tuple((span - 1) // s + 1 for span, s in zip(geometry.span, geometry.stride, strict=True))
        before = tuple(
            (span - 1 - p) // s
            for span, s, (p, _) in zip(geometry.span, geometry.stride, geometry.padding, strict=True)
        )
        return Reach(kernel, tuple(Fraction(1, s) for s in geometry.stride), before)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True, blocked=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        geometry = self.geometry(entering)
        options = geometry.options(groups=self.groups, bias=self.bias)
        if any(self.output_padding):
            options += f", output_padding={show_extent(self._extra(geometry))}"
        init = f"nn.ConvTranspose{len(entering) - 1}d({entering[-1]}, {self.filters}, {options})"
        return Torch(init, sequence="channels_first")
