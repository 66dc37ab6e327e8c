"""Dropping at random while training: `dropout`, `alpha_dropout`, `drop_channel`, `drop_path`.

In: any tensor. Out: the same, in training with some of it set to zero and the rest scaled so that its mean stays.
Counts are those of inference, where all of these pass their input on and work nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import number, positional
from archdsl.ops.base import FLOAT, Costless, Example, Kept, Reach, Shape, Torch, spatial
from archdsl.ops.registry import register


class _Drop(Costless):
    """What all of them share: the size stays, nothing is learned, inference does nothing."""

    style = "dropout"
    module_operations_a_value = 0
    p: float

    def _mask(self, entering: Shape) -> int:
        """How many values are drawn for an example."""
        return math.prod(entering)

    def shape(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True, passes=True) if self.p == 0 else Kept(more=FLOAT * self._mask(inputs[0]))


@register
class Dropout(_Drop):
    """`dropout p`: each value is zero with probability `p`, else divided by 1 - p.

    `dropout 0.5` on 4096 leaves 4096, in training about half of them zero and the others doubled.

    - `p`: the probability of dropping, 0 to 1.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.
    """

    name = "dropout"
    examples = (
        Example("dropout 0.5", ((4096,),), (4096,)),
        Example("dropout", ((7, 7, 8),), (7, 7, 8)),
        Example("dropout p=1", ((16, 8),), (16, 8)),
        Example("dropout 0", ((2, 3, 4, 8),), (2, 3, 4, 8)),
        Example("dropout 1.5", ((8,),), error="bad-argument", torch="nn.Dropout(1.5)"),
    )

    p: float = positional(number(0, 1), 0.5)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.Dropout({self.p!r})", sequence="any")


@register
class AlphaDropout(_Drop):
    """`alpha_dropout p`: dropout for `selu`, which keeps mean and variance: what is dropped takes its lower limit.

    `alpha_dropout 0.1` on 256 leaves 256.

    - `p`: the probability of dropping, 0 to 1.

    Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    name = "alpha_dropout"
    examples = (
        Example("alpha_dropout 0.1", ((256,),), (256,)),
        Example("alpha_dropout", ((5, 5, 8),), (5, 5, 8)),
        Example("alpha_dropout (-0.1)", ((8,),), error="bad-argument", torch="nn.AlphaDropout(-0.1)"),
    )

    p: float = positional(number(0, 1), 0.5)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.AlphaDropout({self.p!r})", sequence="any")


@register
class DropChannel(_Drop):
    """`drop_channel p`: whole channels are zero with probability `p`, all positions of one together (spatial dropout).

    `drop_channel 0.2` on 28x28x64 leaves 28x28x64, in training about 13 of the 64 channels all zero.

    - `p`: the probability of dropping, 0 to 1.

    Tompson et al., "Efficient object localization using convolutional networks", 2015.
    """

    name = "drop_channel"
    examples = (
        Example("drop_channel 0.2", ((28, 28, 64),), (28, 28, 64)),
        Example("drop_channel", ((16, 8),), (16, 8)),
        Example("drop_channel 0.5", ((2, 3, 4, 8),), (2, 3, 4, 8)),
        Example("drop_channel 2", ((7, 7, 8),), error="bad-argument", torch="nn.Dropout2d(2)"),
        Example(
            "drop_channel 0.2",
            ((64,),),
            error="rank-mismatch",
            torch_accepts="Dropout1d takes (N, C) for one sequence without a batch, and drops whole examples",
        ),
    )

    p: float = positional(number(0, 1), 0.5)

    def shape(self, *inputs: Shape) -> Shape:
        spatial(inputs[0], "drop_channel")
        return inputs[0]

    def _mask(self, entering: Shape) -> int:
        return entering[-1]

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.Dropout{len(inputs[0]) - 1}d({self.p!r})", sequence="channels_first")


@register
class DropPath(_Drop):
    """`drop_path p`: the whole tensor is zero with probability `p`, example by example: stochastic depth.

    `residual<preact<64> -> drop_path 0.2>` leaves the body out for a fifth of the examples of each training batch, and
    divides it by 0.8 for the others. A rate that grows with depth is `drop_path (0.5 * i / 53)` inside `x(i in 54)`.

    - `p`: the probability of dropping, 0 to 1.

    Huang et al., "Deep networks with stochastic depth", 2016 (which scales at test time instead; the mean is the same).
    """

    name = "drop_path"
    examples = (
        Example("drop_path 0.2", ((28, 28, 64),), (28, 28, 64)),
        Example("drop_path 0.1", ((16, 8),), (16, 8)),
        Example("drop_path 0", ((2, 3, 4, 8),), (2, 3, 4, 8)),
        Example("drop_path 1", ((10,),), (10,)),
        Example("drop_path 1.5", ((10,),), error="bad-argument", torch="DropPath(1.5)"),
    )

    p: float = positional(number(0, 1))

    def _mask(self, entering: Shape) -> int:
        return 1

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"DropPath({self.p!r})", helpers=("DropPath",), sequence="any")
