"""Rectifiers: `leaky_relu`, `prelu`, `rrelu`, `elu`, `celu`.

In: any tensor. Out: the same size, each value as it is where it is positive, and by a rule with arguments elsewhere.
Those without arguments (`relu`, `relu6`, `selu`) are in `activation`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.activation import Elementwise, unless
from archdsl.ops.arguments import flag, keyword, number, positional
from archdsl.ops.base import FLOAT, Example, Kept, OpError, Shape, Torch, Weight
from archdsl.ops.registry import register


@register
class LeakyReLU(Elementwise):
    """`leaky_relu [slope=0.01]`: x where it is positive, slope * x elsewhere.

    `leaky_relu 0.2` on 32x32x64 keeps 32x32x64, as in DCGAN's discriminator.

    - `slope`: of the negative side.

    Maas, Hannun & Ng, 2013.
    """

    name = "leaky_relu"
    _operations = 2
    module_operations_a_value = 2
    examples = (
        Example("leaky_relu 0.2", ((32, 32, 64),), (32, 32, 64)),
        Example("leaky_relu", ((10, 6),), (10, 6)),
        Example("leaky_relu slope=0.1", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("leaky_relu", ((20,),), (20,)),
    )

    slope: float = positional(number(), 0.01)

    def _module(self) -> str:
        return f"nn.LeakyReLU({self.slope!r})"


@register
class PReLU(Elementwise):
    """`prelu`: x where it is positive, a trained slope times x elsewhere.

    `prelu` on 56x56x64 keeps 56x56x64 and trains 64 slopes, one a channel; `prelu shared` trains one.

    - `init`: the slopes at the start.
    - `shared`: one slope for all channels, PyTorch's default.

    He et al., "Delving Deep into Rectifiers", 2015.
    """

    name = "prelu"
    _operations = 2
    module_operations_a_value = 3
    examples = (
        Example("prelu", ((56, 56, 64),), (56, 56, 64)),
        Example("prelu shared", ((8, 8, 16),), (8, 8, 16)),
        Example("prelu init=0.1", ((10, 6),), (10, 6)),
        Example("prelu", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("prelu", ((20,),), (20,)),
    )

    init: float = keyword(number(), 0.25)
    shared: bool = flag()

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (1 if self.shared else inputs[0][-1],)),)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        parts = [] if self.shared else [str(inputs[0][-1])]
        if self.init != 0.25:
            parts.append(f"init={self.init!r}")
        return Torch(f"nn.PReLU({', '.join(parts)})", sequence="any" if self.shared else "channels_first")


@register
class RReLU(Elementwise):
    """`rrelu [lower=1/8] [upper=1/3]`: x where it is positive; elsewhere times a slope drawn anew while training.

    `rrelu` on 32x32x96 keeps 32x32x96. Afterwards the slope is the middle of `lower` and `upper`.

    - `lower`, `upper`: the bounds of the slope, `lower` not above `upper`.

    Raises `bad-argument` where they are the wrong way round. Xu et al., "Empirical Evaluation of Rectified
    Activations", 2015.
    """

    name = "rrelu"
    _operations = 2
    examples = (
        Example("rrelu", ((32, 32, 96),), (32, 32, 96)),
        Example("rrelu lower=0.1 upper=0.3", ((10, 6),), (10, 6)),
        Example("rrelu", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("rrelu", ((20,),), (20,)),
        Example("rrelu lower=0.5 upper=0.1", ((20,),), error="bad-argument"),
    )

    lower: float = keyword(number(), 1 / 8)
    upper: float = keyword(number(), 1 / 3)

    def shape(self, *inputs: Shape) -> Shape:
        if self.lower > self.upper:
            raise OpError(
                "bad-argument",
                f"`lower` of `rrelu` is above `upper`: {self.lower:g} and {self.upper:g}",
                hint=f"write lower={self.upper:g} upper={self.lower:g}",
            )
        return super().shape(*inputs)

    def _module(self) -> str:
        bounds = "" if (self.lower, self.upper) == (1 / 8, 1 / 3) else f"{self.lower!r}, {self.upper!r}"
        return f"nn.RReLU({bounds})"

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True, more=FLOAT * math.prod(inputs[0]))  # the slopes that were drawn


@register
class ELU(Elementwise):
    """`elu [alpha=1]`: x where it is positive, alpha * (exp(x) - 1) elsewhere.

    `elu` on 32x32x64 keeps 32x32x64.

    - `alpha`: the value approached from above as x falls is -alpha.

    Clevert, Unterthiner & Hochreiter, 2016.
    """

    name = "elu"
    _operations = 4
    module_operations_a_value = 3
    examples = (
        Example("elu", ((32, 32, 64),), (32, 32, 64)),
        Example("elu 0.5", ((10, 6),), (10, 6)),
        Example("elu alpha=2", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("elu", ((20,),), (20,)),
    )

    alpha: float = positional(number(), 1.0)

    def _module(self) -> str:
        return f"nn.ELU({unless(self.alpha, 1.0)})"


@register
class CELU(Elementwise):
    """`celu [alpha=1]`: max(0, x) + min(0, alpha * (exp(x / alpha) - 1)), whose slope is continuous for every alpha.

    `celu` on 32x32x64 keeps 32x32x64.

    - `alpha`: the value approached as x falls is -alpha; above 0.

    Barron, "Continuously Differentiable Exponential Linear Units", 2017.
    """

    name = "celu"
    _operations = 5
    examples = (
        Example("celu", ((32, 32, 64),), (32, 32, 64)),
        Example("celu 0.5", ((10, 6),), (10, 6)),
        Example("celu alpha=2", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("celu", ((20,),), (20,)),
        Example("celu 0", ((20,),), error="bad-argument", torch="nn.CELU(0.0)(torch.zeros(2, 20))"),
    )

    alpha: float = positional(number(above=0.0), 1.0)

    def _module(self) -> str:
        return f"nn.CELU({unless(self.alpha, 1.0)})"
