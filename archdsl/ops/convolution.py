"""Convolutions: `conv`, `deform_conv`.

In: an image, a sequence or a volume. Out: filters of it, position by position. The way up is in
`transposed_convolution`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import Extent, Window, boolean, extent, flag, keyword, positional, whole, window
from archdsl.ops.base import FLOAT, Example, Kept, Op, OpError, Reach, Shape, Torch, Weight, show_shape, spatial
from archdsl.ops.geometry import Geometry, check_groups, solve
from archdsl.ops.registry import register

Table = tuple[tuple[int, ...], ...]
"""For each filter, the input channels that it sees."""


def _table(value: object) -> Table:
    """Reads a connection table: a list of lists of whole numbers."""
    problem = "is a list with one list of input channels for each filter, counted from 0: [[0, 1], [1, 2]]"
    if not isinstance(value, tuple) or not value:
        raise ValueError(problem)
    channel = whole(0)
    rows = []
    for row in value:
        if not isinstance(row, tuple) or not row:
            raise ValueError(problem)
        rows.append(tuple(int(str(channel(part))) for part in row))
    return tuple(rows)


_table.listed = True  # type: ignore[attr-defined]  # shown as a list, not as dims


@register
class Conv(Op):
    """`conv K[/S][+P] filters`: convolution.

    `conv 11x11/4 96` turns 227x227x3 into 55x55x96: (227 - 11) / 4 + 1 = 55, with 11*11*3*96 weights and 96 biases.

    - `filters`: channels that leave.
    - `groups`: slices of the channels that do not see each other; `groups=(in.c)` is depthwise.
    - `dilation`: distance between the taps of the kernel.
    - `bias`: whether each filter has one.
    - `connect`: a connection table, for each filter the list of the input channels that it sees, counted from 0; only
      connections that exist have weights. LeNet-5's C3 is `conv 5x5 16 connect=[[0,1,2], …]`: its table has 60 of the
      16*6 connections, so 60*5*5 weights and 16 biases, 1,516 in all.
    - `same`: ceil(n/s) positions leave, the odd pixel of padding at the end, as TensorFlow and Keras do.
    - `half`: k//2 on each side, the field's half padding.

    Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016; the table: LeCun et al.,
    "Gradient-based learning applied to document recognition", 1998.
    """

    name = "conv"
    style = "convolution"
    weighted = True
    examples = (
        Example("conv 11x11/4 96", ((227, 227, 3),), (55, 55, 96)),
        Example("conv 3x3/2+1 32 bias=false", ((224, 224, 3),), (112, 112, 32)),
        Example("conv 3x3/2 32 same", ((224, 224, 3),), (112, 112, 32)),
        Example("conv 3/2 8 groups=2 half", ((20, 6),), (10, 8)),
        Example("conv 5/2 8 dilation=2 same", ((21, 6),), (11, 8)),
        Example("conv 3x3x3+1x0x1 8", ((4, 6, 6, 3),), (4, 4, 6, 8)),
        Example("conv 1x7+0x3 8 dilation=1x2", ((9, 17, 4),), (9, 11, 8)),
        Example("conv 5x5 4 connect=[[0, 1, 2], [1, 2], [0, 2], [0, 1, 2]]", ((14, 14, 3),), (10, 10, 4)),
        Example("conv 3/2 3 connect=[[0], [1, 0], [3]] bias=false same", ((8, 4),), (4, 3)),
        Example("conv 2+1 2 connect=[[0, 1], [1]] dilation=2", ((4, 4, 4, 2),), (4, 4, 4, 2)),
        Example("conv 3 8 groups=3", ((20, 8),), error="bad-groups"),
        Example("conv 3x3 7 groups=2", ((20, 20, 6),), error="bad-groups"),
        Example("conv 7x7 8", ((5, 5, 3),), error="kernel-too-large"),
        Example("conv 3 8 dilation=5", ((10, 3),), error="kernel-too-large"),
        Example("conv 3x3 8", ((10, 3),), error="rank-mismatch", torch="nn.Conv1d(3, 8, (3, 3))(x)"),
        Example("conv 3 8", ((10,),), error="rank-mismatch", torch="nn.Conv1d(10, 8, 3)(x)"),
        Example("conv 3 2 connect=[[0, 1], [1, 3]]", ((10, 3),), error="bad-argument"),
        Example("conv 3 2 connect=[[0, 1], [1, 1]]", ((10, 3),), error="bad-argument"),
        Example(
            "conv 3 3 connect=[[0, 1], [1, 2]]",
            ((10, 3),),
            error="bad-argument",
            torch_accepts="PyTorch takes the number of filters from the table alone",
        ),
        Example(
            "conv 3 2 connect=[[0], [1]] groups=2",
            ((10, 2),),
            error="doubled-argument",
            torch_accepts="PyTorch has no layer that takes both",
        ),
    )

    window: Window = window(unit_stride=True)
    filters: int = positional(whole(1))
    groups: int = keyword(whole(1), 1)
    dilation: Extent = keyword(extent(1), (1,))
    bias: bool = keyword(boolean, True)
    connect: Table | None = keyword(_table, None)
    same: bool = flag(excludes=("half",), pads=True)
    half: bool = flag(excludes=("same",), pads=True)

    def geometry(self, entering: Shape) -> Geometry:
        return solve("conv", spatial(entering, "conv"), self.window, self.dilation, same=self.same, half=self.half)

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        sizes = self.geometry(entering).outputs
        check_groups(entering[-1], self.filters, self.groups)
        if self.connect is not None:
            self._check_table(self.connect, entering[-1])
        return (*sizes, self.filters)

    def _check_table(self, table: Table, channels: int) -> None:
        if self.groups != 1:
            raise OpError(
                "doubled-argument",
                "`connect` and `groups` both say which channels a filter sees",
                hint="keep the table, or the groups",
            )
        if len(table) != self.filters:
            raise OpError(
                "bad-argument",
                f"`connect` has {len(table)} lists for {self.filters} filters",
                hint="the table has one list of input channels for each filter",
            )
        for number, row in enumerate(table):
            if max(row) >= channels:
                raise OpError(
                    "bad-argument",
                    f"filter {number} of `connect` sees channel {max(row)}, and the input has {channels} channels",
                    hint=f"channels are counted from 0 to {channels - 1}",
                )
            if len(set(row)) != len(row):
                twice = next(channel for channel in row if row.count(channel) > 1)
                raise OpError("bad-argument", f"filter {number} of `connect` sees channel {twice} twice")

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (entering,) = inputs
        kernel = self.geometry(entering).kernel
        if self.connect is not None:
            weight = Weight("weight", (sum(map(len, self.connect)), *kernel))
        else:
            weight = Weight("weight", (self.filters, entering[-1] // self.groups, *kernel))
        return (weight, Weight("bias", (self.filters,))) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        weight = self.weights(*inputs)[0]
        return weight.size * math.prod(outputs[0][:-1])

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(outputs[0]) if self.bias else 0

    def module_operations(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int | None:
        if len(inputs[0]) != 3 or self.connect is not None:
            return None
        # Without a bias one sum is saved, as it counts, by each kernel over all positions together.
        saved = 0 if self.bias else inputs[0][-1] * self.filters // self.groups
        return 2 * self.macs(inputs, outputs) - saved

    def reach(self, *inputs: Shape) -> Reach:
        return self.geometry(inputs[0]).reach()

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        if self.connect is not None:
            # The maps are gathered for each filter, padded where the layer cannot.
            sizes = self.geometry(inputs[0])
            places = math.prod(sizes.sizes if sizes.even else sizes.padded_sizes)
            return Kept(more=FLOAT * places * sum(map(len, self.connect)))
        geometry = self.geometry(inputs[0])
        # A product of matrices where the kernel is one position, and else oneDNN's own layout.
        blocked = self.groups > 1 or any(size > 1 for size in geometry.kernel)
        return geometry.keeps(inputs[0][-1])._replace(blocked=blocked)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        geometry = self.geometry(entering)
        call = geometry.padded_call()
        if self.connect is None:
            options = geometry.options(groups=self.groups, bias=self.bias)
            init = f"nn.Conv{len(entering) - 1}d({entering[-1]}, {self.filters}, {options})"
            return Torch(init, call, sequence="channels_first")
        table = str([list(row) for row in self.connect])
        parts = [str(entering[-1]), table, str(geometry.kernel), *geometry.details()]
        parts += [] if self.bias else ["bias=False"]
        return Torch(f"TableConv({', '.join(parts)})", call, ("TableConv",), sequence="channels_first")


@register
class DeformConv(Op):
    """`deform_conv K[/S][+P] filters`: deformable convolution, whose taps go where an inner convolution sends them.

    `deform_conv 3x3+1 64` turns 28x28x32 into 28x28x64: 3*3*32*64 weights and 64 biases, and an inner convolution of
    the same geometry with 2 filters for each of the 9 taps, 3*3*32*18 weights and 18 biases, that gives the offsets (y,
    x). Between the pixels the input is read bilinearly, outside of it as zero. Images only.

    - `filters`: channels that leave.
    - `groups`: slices of the channels that do not see each other in the outer convolution.
    - `dilation`: distance between the taps of the undeformed kernel.
    - `bias`: whether each filter has one; the inner convolution always has.
    - `modulated`: the second version, where a third inner filter for each tap gives its weight between 0 and 1.

    The receptive field that is shown is the undeformed one. Dai et al., "Deformable convolutional networks", 2017; Zhu
    et al., "Deformable ConvNets v2", 2019.
    """

    name = "deform_conv"
    style = "convolution"
    weighted = True
    examples = (
        Example("deform_conv 3x3+1 64", ((28, 28, 32),), (28, 28, 64)),
        Example("deform_conv 3x3/2+1 8 modulated=true bias=false", ((9, 7, 4),), (5, 4, 8)),
        Example("deform_conv 3x1+2x0 6 dilation=2 groups=2", ((9, 7, 4),), (9, 7, 6)),
        Example("deform_conv 7 8", ((5, 5, 3),), error="kernel-too-large"),
        Example("deform_conv 3 8 groups=3", ((9, 9, 4),), error="bad-groups"),
        Example("deform_conv 3 8", ((20, 4),), error="rank-mismatch"),
        Example("deform_conv 3 8", ((9, 9, 9, 4),), error="rank-mismatch"),
    )

    window: Window = window(unit_stride=True)
    filters: int = positional(whole(1))
    groups: int = keyword(whole(1), 1)
    dilation: Extent = keyword(extent(1), (1,))
    bias: bool = keyword(boolean, True)
    modulated: bool = keyword(boolean, False)

    def geometry(self, entering: Shape) -> Geometry:
        return solve("deform_conv", spatial(entering, "deform_conv"), self.window, self.dilation)

    def _taps(self, shape: Shape) -> int:
        return math.prod(self.geometry(shape).kernel)

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 3:
            raise OpError(
                "rank-mismatch",
                f"`deform_conv` needs an image, and gets {show_shape(entering)}",
                hint="its offsets are pairs (y, x)",
            )
        sizes = self.geometry(entering).outputs
        check_groups(entering[-1], self.filters, self.groups)
        return (*sizes, self.filters)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (entering,) = inputs
        kernel = self.geometry(entering).kernel
        inner = (3 if self.modulated else 2) * math.prod(kernel)
        return (
            Weight("weight", (self.filters, entering[-1] // self.groups, *kernel)),
            *((Weight("bias", (self.filters,)),) if self.bias else ()),
            Weight("offset.weight", (inner, entering[-1], *kernel)),
            Weight("offset.bias", (inner,)),
        )

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        kernels = sum(weight.size for weight in self.weights(*inputs) if weight.name.endswith("weight"))
        return kernels * math.prod(outputs[0][:-1])

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        positions, taps, channels = math.prod(outputs[0][:-1]), self._taps(inputs[0]), inputs[0][-1]
        # A bilinear reading is 4 products and 3 sums; the modulation one product, and one sigmoid for all channels.
        reading = taps * channels * (8 if self.modulated else 7) + (taps if self.modulated else 0)
        biases = (3 if self.modulated else 2) * taps + (self.filters if self.bias else 0)
        return positions * (reading + biases)

    def reach(self, *inputs: Shape) -> Reach:
        return self.geometry(inputs[0]).reach()

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # For each tap the place (y, x), what is read there, and with a modulation that, and the offsets it came with.
        positions, taps, channels = math.prod(outputs[0][:-1]), self._taps(inputs[0]), inputs[0][-1]
        reads = (channels * (2 if self.modulated else 1) + (3 if self.modulated else 2)) * taps
        return Kept(inputs=True, more=FLOAT * positions * reads)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        options = self.geometry(entering).options(groups=self.groups, bias=self.bias)
        options += ", modulated=True" if self.modulated else ""
        init = f"DeformConv2d({entering[-1]}, {self.filters}, {options})"
        return Torch(init, helpers=("DeformConv2d",), sequence="channels_first")
