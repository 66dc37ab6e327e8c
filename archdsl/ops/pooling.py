"""Pooling over windows: `maxpool`, `avgpool`, `lppool`, `subsample`.

In: an image, a sequence or a volume. Out: each channel by itself, summed up window by window. Pooling to a given size
or over all positions is in `adaptive_pooling`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from archdsl.ops.arguments import Window, boolean, flag, keyword, number, window
from archdsl.ops.base import FLOAT, INDEX, Example, Kept, Op, OpError, Reach, Shape, Torch, Weight, show_shape, spatial
from archdsl.ops.geometry import Geometry, show_extent, solve
from archdsl.ops.registry import register


class _Pool(Op):
    """What the pools over windows have in common: the stride is the kernel unless written, the channels stay."""

    style = "pooling"
    window: Window
    ceil: bool
    same: bool
    half: bool

    _counted: ClassVar[bool] = False
    """Whether `module_operations` has a rule, one for each tap of each window."""

    def geometry(self, entering: Shape) -> Geometry:
        return solve(
            self.name,
            spatial(entering, self.name),
            self.window,
            same=self.same,
            half=self.half,
            ceil=self.ceil,
            default_stride=self.window.kernel,
        )

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        geometry = self.geometry(entering)
        for kernel, (before, _) in zip(geometry.kernel, geometry.padding, strict=True):
            if before > kernel // 2:
                raise OpError(
                    "bad-argument",
                    f"the padding {before} of `{self.name}` is more than half of its kernel {kernel}",
                    hint="a window could lie in the padding altogether; write `half` for the most that makes sense, "
                    "or put a `pad` before the pool",
                )
        outputs = self._positions(geometry)
        seen = self._seen(geometry)
        if len(seen) == 3 and any(kernel > size for kernel, size in zip(geometry.kernel, seen, strict=True)):
            raise OpError(
                "kernel-too-large",
                f"the kernel of `{self.name}` spans {show_shape(geometry.kernel)}, and its input is only "
                f"{show_shape(seen)}: over volumes PyTorch's sums and means want it to fit without padding",
                hint="take a smaller kernel, or put a `pad` before the pool",
            )
        return (*outputs, entering[-1])

    def _positions(self, geometry: Geometry) -> tuple[int, ...]:
        """The positions that the window takes on every axis."""
        return geometry.outputs

    def _seen(self, geometry: Geometry) -> tuple[int, ...]:
        """The sizes that PyTorch's mean over windows meets, which must hold a kernel on volumes; () for no mean."""
        return geometry.sizes if geometry.even else geometry.padded_sizes

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach:
        return self.geometry(inputs[0]).reach()

    def _taps(self, inputs: Sequence[Shape]) -> int:
        return math.prod(self.geometry(inputs[0]).kernel)

    def module_operations(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int | None:
        known = self._counted and len(inputs[0]) == 3
        return self._taps(inputs) * math.prod(outputs[0]) if known else None


def _options(geometry: Geometry, *, ceil: bool = False) -> list[str]:
    """The arguments that every `nn.*Pool*d` takes, its stride left out where it is the kernel."""
    parts = [show_extent(geometry.kernel)]
    if geometry.stride != geometry.kernel:
        parts.append(f"stride={show_extent(geometry.stride)}")
    parts += geometry.layer_padding()
    return [*parts, "ceil_mode=True"] if ceil else parts


@register
class MaxPool(_Pool):
    """`maxpool K[/S][+P]`: the largest value of each window, channel by channel; the padding never is the largest.

    `maxpool 3/2` turns 55x55x96 into 27x27x96: (55 - 3) / 2 + 1 = 27. The stride is the kernel unless written, so that
    `maxpool 2` turns 28x28x20 into 14x14x20.

    - `ceil`: the last window may reach over the border, as in Caffe: 112x112 becomes 56x56 by `maxpool 3/2 ceil`, and
      55x55 without.
    - `same`: ceil(n/s) positions leave, the odd pixel of padding at the end, as TensorFlow and Keras do.
    - `half`: k//2 on each side.
    """

    name = "maxpool"
    _counted = True
    examples = (
        Example("maxpool 3/2", ((55, 55, 96),), (27, 27, 96)),
        Example("maxpool 2", ((28, 28, 20),), (14, 14, 20)),
        Example("maxpool 3/2 ceil", ((112, 112, 8),), (56, 56, 8)),
        Example("maxpool 3/2+1 ceil", ((112, 112, 8),), (57, 57, 8)),
        Example("maxpool 3/2 ceil", ((2, 2, 3),), (1, 1, 3)),
        Example("maxpool 2/2+1 ceil", ((3, 3, 3),), (2, 2, 3)),
        Example("maxpool 3/2 same", ((224, 224, 3),), (112, 112, 3)),
        Example("maxpool 3/1 half", ((20, 6),), (20, 6)),
        Example("maxpool 1x2x2", ((4, 8, 8, 3),), (4, 4, 4, 3)),
        Example("maxpool 3/2+2", ((8, 8, 3),), error="bad-argument"),
        Example("maxpool 3", ((2, 2, 3),), error="kernel-too-large"),
        Example("maxpool 2x2", ((8, 3),), error="rank-mismatch", torch="nn.MaxPool1d((2, 2))(x)"),
        Example("maxpool 2", ((10,),), error="rank-mismatch", torch="nn.MaxPool2d(2)(x)"),
    )

    window: Window = window()
    ceil: bool = flag(excludes=("same",))
    same: bool = flag(excludes=("half", "ceil"), pads=True)
    half: bool = flag(excludes=("same",), pads=True)

    def _seen(self, geometry: Geometry) -> tuple[int, ...]:
        return ()

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return (self._taps(inputs) - 1) * math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        kept = self.geometry(inputs[0]).keeps(inputs[0][-1])
        return kept._replace(more=kept.more + INDEX * math.prod(outputs[0]))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        geometry = self.geometry(inputs[0])
        init = f"nn.MaxPool{len(geometry.sizes)}d({', '.join(_options(geometry, ceil=self.ceil))})"
        return Torch(init, geometry.padded_call('float("-inf")'), sequence="channels_first")


@register
class AvgPool(_Pool):
    """`avgpool K[/S][+P]`: the mean of each window, channel by channel.

    `avgpool 5/3` turns 14x14x512 into 4x4x512: (14 - 5) / 3 + 1 = 4. The stride is the kernel unless written.

    - `count_include_pad`: whether the padding counts in the divisor. Where nothing is written, it does, as in PyTorch
      and Caffe; under `same` it does not, as in TensorFlow and Keras.
    - `ceil`: the last window may reach over the border, as in Caffe; what lies beyond the padding never counts.
    - `same`: ceil(n/s) positions leave, the odd pixel of padding at the end.
    - `half`: k//2 on each side.
    """

    name = "avgpool"
    _counted = True
    examples = (
        Example("avgpool 5/3", ((14, 14, 512),), (4, 4, 512)),
        Example("avgpool 7", ((7, 7, 64),), (1, 1, 64)),
        Example("avgpool 3/2+1 count_include_pad=false", ((16, 16, 8),), (8, 8, 8)),
        Example("avgpool 3/2 same", ((224, 224, 3),), (112, 112, 3)),
        Example("avgpool 3/1 same", ((9, 9, 3),), (9, 9, 3)),
        Example("avgpool 2/2 same count_include_pad=true", ((9, 9, 3),), (5, 5, 3)),
        Example("avgpool 3/2 ceil", ((20, 6),), (10, 6)),
        Example("avgpool 2/1 same", ((20, 6),), (20, 6)),
        Example("avgpool 3/2 half", ((5, 8, 8, 3),), (3, 4, 4, 3)),
        Example("avgpool 2/2 same", ((5, 8, 7, 3),), (3, 4, 4, 3)),
        Example("avgpool 2+2", ((8, 8, 3),), error="bad-argument"),
        Example("avgpool 9", ((8, 8, 3),), error="kernel-too-large"),
        Example("avgpool 4/2+1", ((6, 3, 5, 4),), error="kernel-too-large"),
        Example("avgpool 2", ((10,),), error="rank-mismatch", torch="nn.AvgPool2d(2)(x)"),
    )

    window: Window = window()
    count_include_pad: bool | None = keyword(boolean, None)
    ceil: bool = flag(excludes=("same",))
    same: bool = flag(excludes=("half", "ceil"), pads=True)
    half: bool = flag(excludes=("same",), pads=True)

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return self._taps(inputs) * math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return self.geometry(inputs[0]).keeps(inputs[0][-1])

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        geometry = self.geometry(inputs[0])
        options = _options(geometry, ceil=self.ceil)
        counted = not self.same if self.count_include_pad is None else self.count_include_pad
        if not geometry.even and not counted:
            options = [str(geometry.kernel), str(geometry.stride), geometry.sides()]
            return Torch(f"SameAvgPool({', '.join(options)})", helpers=("SameAvgPool",), sequence="channels_first")
        if geometry.padded and not counted:
            options.append("count_include_pad=False")
        init = f"nn.AvgPool{len(geometry.sizes)}d({', '.join(options)})"
        return Torch(init, geometry.padded_call(), sequence="channels_first")


@register
class LpPool(_Pool):
    """`lppool K[/S][+P] p=2`: the p-norm of each window, (sum of x^p)^(1/p), channel by channel.

    `lppool 3/2 p=2` turns 55x55x96 into 27x27x96. `p=1` is the sum; the larger it is, the nearer the largest value. The
    padding adds nothing. The stride is the kernel unless written.

    - `p`: the norm; x^p is of the value, not of its magnitude, as in PyTorch, so that an odd p wants values above zero.
    - `ceil`: the last window may reach over the border, and then its sum is scaled up to a whole window, as in PyTorch.
    - `same`: ceil(n/s) positions leave, the odd pixel of padding at the end.
    - `half`: k//2 on each side.

    Sermanet et al., "Convolutional neural networks applied to house numbers digit classification", 2012.
    """

    name = "lppool"
    examples = (
        Example("lppool 3/2", ((55, 55, 96),), (27, 27, 96)),
        Example("lppool 2 p=3 ceil", ((7, 7, 3),), (4, 4, 3)),
        Example("lppool 3/2 p=2.5 same", ((10, 4),), (5, 4)),
        Example("lppool 3/2 p=1 half", ((6, 6, 6, 4),), (3, 3, 3, 4)),
        Example("lppool 3+1 ceil", ((5, 5, 4),), (3, 3, 4)),
        Example("lppool 9", ((8, 8, 3),), error="kernel-too-large"),
        Example("lppool 2", ((10,),), error="rank-mismatch", torch="nn.LPPool2d(2, 2)(x)"),
        Example(
            "lppool 3+2",
            ((8, 8, 3),),
            error="bad-argument",
            torch_accepts="PyTorch's layer takes no padding; the rule is that of the other pools",
        ),
    )

    window: Window = window()
    p: float = keyword(number(above=0), 2.0)
    ceil: bool = flag(excludes=("same",))
    same: bool = flag(excludes=("half", "ceil"), pads=True)
    half: bool = flag(excludes=("same",), pads=True)

    def _positions(self, geometry: Geometry) -> tuple[int, ...]:
        # The zeros are put around the input before the layer sees it, so that a window of `ceil` may start in them.
        return geometry._replace(sizes=geometry.padded_sizes, padding=((0, 0),) * len(geometry.sizes)).outputs

    def _seen(self, geometry: Geometry) -> tuple[int, ...]:
        return geometry.padded_sizes

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # A power and a sum for each tap, one root.
        return 2 * self._taps(inputs) * math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # The powers, their means, and the sign, the size and the sum of each window.
        geometry = self.geometry(inputs[0])
        powers = FLOAT * math.prod(geometry.padded_sizes) * inputs[0][-1]
        return Kept(
            inputs=not geometry.padded,
            more=powers * (2 if geometry.padded else 1) + 4 * FLOAT * math.prod(outputs[0]),
        )

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        geometry = self.geometry(inputs[0])
        parts = [f"{self.p:g}", show_extent(geometry.kernel)]
        if geometry.stride != geometry.kernel:
            parts.append(f"stride={show_extent(geometry.stride)}")
        parts += ["ceil_mode=True"] if self.ceil else []
        # The layer has no padding of its own; zeros add nothing to the sum.
        call = "{m}(F.pad({0}, " + geometry.sides() + "))" if geometry.padded else "{m}({0})"
        return Torch(f"nn.LPPool{len(geometry.sizes)}d({', '.join(parts)})", call, sequence="channels_first")


@register
class Subsample(_Pool):
    """`subsample K[/S][+P]`: LeNet-5's pool, the sum of each window times a trained gain, plus a trained bias.

    `subsample 2` turns 28x28x6 into 14x14x6, with one gain and one bias a channel, 12 weights in all (S2 of LeNet-5).
    The paper's squashing is left to the activation that follows. The stride is the kernel unless written.

    - `ceil`: the last window may reach over the border; nothing is added for what lies beyond.
    - `same`: ceil(n/s) positions leave, the odd pixel of padding at the end.
    - `half`: k//2 on each side.

    Papers do not count it when they say how deep a network is. LeCun et al., "Gradient-based learning applied to
    document recognition", 1998, section II.B.
    """

    name = "subsample"
    examples = (
        Example("subsample 2", ((28, 28, 6),), (14, 14, 6)),
        Example("subsample 3/2", ((21, 6),), (10, 6)),
        Example("subsample 3/2 ceil", ((8, 8, 4),), (4, 4, 4)),
        Example("subsample 2x2x2/2 same", ((3, 4, 5, 2),), (2, 2, 3, 2)),
        Example("subsample 3/2 half", ((8, 8, 4),), (4, 4, 4)),
        Example("subsample 9", ((8, 8, 4),), error="kernel-too-large"),
        Example("subsample 2+2", ((8, 8, 4),), error="bad-argument"),
        Example("subsample 2", ((10,),), error="rank-mismatch", torch="nn.AvgPool2d(2)(x)"),
    )

    window: Window = window()
    ceil: bool = flag(excludes=("same",))
    same: bool = flag(excludes=("half", "ceil"), pads=True)
    half: bool = flag(excludes=("same",), pads=True)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = (inputs[0][-1],)
        return (Weight("gain", channels), Weight("bias", channels))

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # K - 1 sums, one product with the gain, one sum with the bias.
        return (self._taps(inputs) + 1) * math.prod(outputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        kept = self.geometry(inputs[0]).keeps(inputs[0][-1])
        return kept._replace(more=kept.more + FLOAT * math.prod(outputs[0]))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        geometry = self.geometry(inputs[0])
        parts = [str(inputs[0][-1]), str(geometry.kernel)]
        if geometry.stride != geometry.kernel:
            parts.append(f"stride={show_extent(geometry.stride)}")
        parts += geometry.layer_padding()
        parts += ["ceil_mode=True"] if self.ceil else []
        init = f"Subsample({', '.join(parts)})"
        return Torch(init, geometry.padded_call(), ("Subsample",), sequence="channels_first")
