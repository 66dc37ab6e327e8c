"""Activations along the channels: the softmax family, `glu`, `maxout`.

In: any tensor. Out: the same size from the softmax family, fewer channels from `glu` and `maxout`; each position by
itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from archdsl.ops.arguments import positional, whole
from archdsl.ops.base import Example, Kept, Op, OpError, Reach, Shape, Torch, channel_axis, show_shape
from archdsl.ops.registry import register


class _Channelwise(Op):
    """What all of them share: no matrix products, each position by itself."""

    style = "activation"

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach | None:
        return None


class _Softmax(_Channelwise):
    """The share of each channel in the sum of exponentials over them."""

    _module: ClassVar[str]
    _element: ClassVar[int]
    """Operations an element: largest, difference, exponential, sum, quotient."""
    _position: ClassVar[int]
    """Operations a position beside them: a comparison and a sum of n numbers take n - 1."""

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        return entering

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return self._element * math.prod(inputs[0]) + self._position * math.prod(inputs[0][:-1])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(output=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.{self._module}(dim={channel_axis(inputs[0])})")


def _softmax_examples(name: str) -> tuple[Example, ...]:
    return (
        Example(name, ((1000,),), (1000,)),
        Example(name, ((8, 8, 21),), (8, 8, 21)),
        Example(name, ((10, 6),), (10, 6)),
        Example(name, ((3, 4, 5, 6),), (3, 4, 5, 6)),
    )


@register
class Softmax(_Softmax):
    """`softmax`: exp(x) over the sum of exp(x) of all channels, at each position.

    `softmax` on 1000 keeps 1000, and the values sum to 1; on 8x8x21 they do at each of the 64 positions.

    Bridle, 1990.
    """

    name = "softmax"
    _module = "Softmax"
    _element = 5
    _position = -2
    examples = _softmax_examples("softmax")


@register
class Softmax2d(_Softmax):
    """`softmax2d`: `softmax` that takes images only, as the class of PyTorch does.

    `softmax2d` on 8x8x21 keeps 8x8x21; the 21 values sum to 1 at each of the 64 positions.

    Raises `rank-mismatch` for anything but an image.
    """

    name = "softmax2d"
    _module = "Softmax2d"
    _element = 5
    _position = -2
    examples = (
        Example("softmax2d", ((8, 8, 21),), (8, 8, 21)),
        Example("softmax2d", ((20,),), error="rank-mismatch"),
        Example("softmax2d", ((3, 4, 5, 6),), error="rank-mismatch"),
        Example(
            "softmax2d",
            ((10, 6),),
            error="rank-mismatch",
            torch_accepts="PyTorch reads (N, L, C) as one image without a batch and sums over the batch",
        ),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 3:
            raise OpError(
                "rank-mismatch",
                f"`softmax2d` needs an image, and gets {show_shape(entering)}",
                hint="`softmax` takes vectors, sequences and volumes as well",
            )
        return entering

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch("nn.Softmax2d()")


@register
class Softmin(_Softmax):
    """`softmin`: `softmax` of -x.

    `softmin` on 10 keeps 10; the smallest value gets the largest share.
    """

    name = "softmin"
    _module = "Softmin"
    _element = 6
    _position = -2
    examples = _softmax_examples("softmin")


@register
class LogSoftmax(_Softmax):
    """`log_softmax`: x less the logarithm of the sum of exp(x) of all channels, at each position.

    `log_softmax` on 1000 keeps 1000.
    """

    name = "log_softmax"
    _module = "LogSoftmax"
    _element = 5
    _position = -1
    examples = _softmax_examples("log_softmax")


@register
class GLU(_Channelwise):
    """`glu`: the first half of the channels times the sigmoid of the second half.

    `glu` on 100x512 leaves 100x256.

    Raises `bad-groups` for an odd number of channels. Dauphin et al., "Language Modeling with Gated Convolutional
    Networks", 2017.
    """

    name = "glu"
    examples = (
        Example("glu", ((100, 512),), (100, 256)),
        Example("glu", ((8, 8, 16),), (8, 8, 8)),
        Example("glu", ((3, 4, 5, 6),), (3, 4, 5, 3)),
        Example("glu", ((20,),), (10,)),
        Example("glu", ((8, 8, 15),), error="bad-groups"),
        Example("glu", ((10, 7),), error="bad-groups"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if entering[-1] % 2:
            raise OpError(
                "bad-groups",
                f"`glu` halves the channels, and {entering[-1]} of them enter",
                hint="the layer before it makes twice the channels that are to leave",
            )
        return (*entering[:-1], entering[-1] // 2)

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # A sigmoid is 4 operations, the product one more.
        return 5 * (math.prod(inputs[0]) // 2)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.GLU(dim={channel_axis(inputs[0])})")


@register
class Maxout(_Channelwise):
    """`maxout pieces`: the largest of every `pieces` neighbouring channels.

    `maxout 2` on 32x32x96 leaves 32x32x48; after `fc 1200` on a vector, `maxout 5` leaves 240.

    - `pieces`: channels that compete for one place; k of the paper.

    Raises `bad-groups` where `pieces` does not divide the channels. Goodfellow et al., "Maxout Networks", 2013.
    """

    name = "maxout"
    examples = (
        Example("maxout 2", ((32, 32, 96),), (32, 32, 48)),
        Example("maxout 3", ((10, 6),), (10, 2)),
        Example("maxout 2", ((3, 4, 5, 6),), (3, 4, 5, 3)),
        Example("maxout 5", ((1200,),), (240,)),
        Example("maxout 4", ((8, 8, 6),), error="bad-groups"),
    )

    pieces: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if entering[-1] % self.pieces:
            raise OpError(
                "bad-groups",
                f"the {entering[-1]} channels that enter `maxout` do not divide into groups of {self.pieces}",
                hint=f"the layer before it makes {self.pieces} times the channels that are to leave",
            )
        return (*entering[:-1], entering[-1] // self.pieces)

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return (self.pieces - 1) * (math.prod(inputs[0]) // self.pieces)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True, output=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        dim = ", dim=2" if len(inputs[0]) == 2 else ""
        return Torch(f"Maxout({self.pieces}{dim})", helpers=("Maxout",))
