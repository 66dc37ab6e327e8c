"""Normalisations: `bn`, `ln`, `gn`, `instance_norm`, `lrn`, `l2norm`, `rms_norm`.

In: any tensor. Out: the same size. None of them widens a receptive field: papers count the windows of convolutions and
pools, not the statistics (PatchGAN sees 70x70 with instance norm inside), so `reach` is None throughout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import boolean, keyword, number, positional, whole
from archdsl.ops.base import (
    FLOAT,
    MOST_AXES,
    Example,
    Kept,
    Op,
    OpError,
    Reach,
    Shape,
    Torch,
    Weight,
    channel_axis,
    show_shape,
    spatial,
)
from archdsl.ops.registry import register

_TOO_MANY = "no layer of ours has four spatial axes"
"""Why we refuse what the layers of PyTorch for any number of axes take."""


class _Normalization(Op):
    """What all of them share: the size stays, there are no matrix products, each position is itself."""

    style = "normalization"

    def _check(self, entering: Shape) -> None:
        """Raises `OpError` for an input that the layer does not take."""

    def _sets(self, entering: Shape) -> int:
        """How many sets of numbers of an example are brought to mean 0 and variance 1."""
        return entering[-1]

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) > MOST_AXES:
            raise OpError(
                "rank-mismatch",
                f"`{self.name}` takes a vector, a sequence, an image or a volume, and gets {show_shape(entering)}",
            )
        self._check(entering)
        return entering

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # A mean and a deviation for each set of numbers.
        return Kept(inputs=True, more=2 * FLOAT * self._sets(inputs[0]))


def _per_channel(shape: Shape, *names: str) -> tuple[Weight, ...]:
    return tuple(Weight(name, (shape[-1],)) for name in names)


def _options(**values: tuple[object, object]) -> str:
    """Further arguments of a constructor: value and default of each, left out where they are the same."""
    return "".join(f", {name}={value!r}" for name, (value, default) in values.items() if value != default)


class _Standardizing(_Normalization):
    """What those share whose sets of numbers are of one example: mean 0 and variance 1, a gain and a bias a channel."""

    eps: float
    affine: bool

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return _per_channel(inputs[0], "weight", "bias") if self.affine else ()

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # Of each number: a sum for the mean, a difference, a square, a sum for the variance, a quotient. Of each set:
        # two quotients for the means less the two sums that n numbers save, eps and a root. Then gain and bias.
        return (7 if self.affine else 5) * math.prod(inputs[0]) + 2 * self._sets(inputs[0])


@register
class BatchNorm(_Normalization):
    """`bn`: batch normalization, each channel over the batch and all positions.

    `bn` on 56x56x64 keeps 56x56x64 and trains 64 gains and 64 biases; the running means and variances, 64 each, are
    buffers. y = (x - mean) / sqrt(var + eps) * weight + bias, with the batch's statistics while training and the
    running ones afterwards.

    - `eps`: added to the variance; above 0.
    - `momentum`: weight of the new batch in the running statistics, as in PyTorch: Keras writes 0.99 for our 0.01.
    - `affine`: whether each channel has a gain and a bias.

    The work is that of evaluation: 4 operations an element (2 without `affine`), eps and a root a channel.

    Ioffe & Szegedy, "Batch Normalization", 2015.
    """

    name = "bn"
    module_operations_a_value = 4
    examples = (
        Example("bn", ((56, 56, 64),), (56, 56, 64)),
        Example("bn eps=1e-3 momentum=0.01", ((8, 8, 16),), (8, 8, 16)),
        Example("bn affine=false", ((10, 6),), (10, 6)),
        Example("bn", ((20,),), (20,)),
        Example("bn", ((4, 5, 6, 8),), (4, 5, 6, 8)),
        Example(
            "bn", ((2, 2, 2, 2, 8),), error="rank-mismatch", torch="nn.BatchNorm3d(8)(torch.zeros(2, 8, 2, 2, 2, 2))"
        ),
    )

    eps: float = keyword(number(above=0.0), 1e-5)
    momentum: float = keyword(number(0.0, 1.0), 0.1)
    affine: bool = keyword(boolean, True)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = inputs[0][-1]
        return (
            *(_per_channel(inputs[0], "weight", "bias") if self.affine else ()),
            Weight("running_mean", (channels,), "buffer"),
            Weight("running_var", (channels,), "buffer"),
            Weight("num_batches_tracked", (), "counter"),
        )

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return (4 if self.affine else 2) * math.prod(inputs[0]) + 2 * inputs[0][-1]

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        options = _options(eps=(self.eps, 1e-5), momentum=(self.momentum, 0.1), affine=(self.affine, True))
        return Torch(f"nn.BatchNorm{max(1, len(entering) - 1)}d({entering[-1]}{options})", sequence="channels_first")


@register
class LayerNorm(_Standardizing):
    """`ln`: layer normalization over the channels at each position.

    `ln eps=1e-6` on 196x768 keeps 196x768: each of the 196 positions has its own mean and variance over 768 channels;
    768 gains and 768 biases are trained. On an image it is the layer norm of ConvNeXt.

    - `eps`: added to the variance; above 0. PyTorch's 1e-5; ViT, Swin and ConvNeXt take 1e-6 or 1e-5.
    - `affine`: whether each channel has a gain and a bias.

    Ba, Kiros & Hinton, "Layer Normalization", 2016.
    """

    name = "ln"
    examples = (
        Example("ln", ((196, 768),), (196, 768)),
        Example("ln eps=1e-6", ((7, 7, 96),), (7, 7, 96)),
        Example("ln affine=false", ((3, 4, 5, 8),), (3, 4, 5, 8)),
        Example("ln", ((10,),), (10,)),
        Example("ln", ((2, 2, 2, 2, 8),), error="rank-mismatch", torch_accepts=_TOO_MANY),
    )

    eps: float = keyword(number(above=0.0), 1e-5)
    affine: bool = keyword(boolean, True)

    def _sets(self, entering: Shape) -> int:
        return math.prod(entering[:-1])

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        options = _options(eps=(self.eps, 1e-5), elementwise_affine=(self.affine, True))
        if len(entering) >= 3:
            return Torch(f"ChannelLayerNorm({entering[-1]}{options})", helpers=("ChannelLayerNorm",))
        return Torch(f"nn.LayerNorm({entering[-1]}{options})")


@register
class GroupNorm(_Standardizing):
    """`gn [groups=32]`: group normalization, all positions of a group of channels together, each example by itself.

    `gn` on 56x56x64 keeps 56x56x64: 32 groups of 2 channels have a mean and a variance each, over 2*56*56 values;
    64 gains and 64 biases are trained. `groups=1` is layer norm over the whole example.

    - `groups`: equal groups of neighbouring channels.
    - `eps`: added to the variance; above 0.
    - `affine`: whether each channel has a gain and a bias.

    Raises `bad-groups` where the groups do not divide the channels. Wu & He, "Group Normalization", 2018.
    """

    name = "gn"
    examples = (
        Example("gn", ((14, 14, 64),), (14, 14, 64)),
        Example("gn groups=4 eps=1e-6", ((10, 8),), (10, 8)),
        Example("gn groups=1 affine=false", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("gn groups=2", ((20,),), (20,)),
        Example("gn groups=4", ((5, 5, 6),), error="bad-groups", torch="nn.GroupNorm(4, 6)"),
        Example("gn", ((5, 5, 48),), error="bad-groups", torch="nn.GroupNorm(32, 48)"),
    )

    groups: int = keyword(whole(1), 32)
    eps: float = keyword(number(above=0.0), 1e-5)
    affine: bool = keyword(boolean, True)

    def _check(self, entering: Shape) -> None:
        if entering[-1] % self.groups:
            raise OpError(
                "bad-groups",
                f"the {entering[-1]} channels that enter `gn` do not divide into {self.groups} groups",
                hint=f"groups must divide {entering[-1]}; {math.gcd(entering[-1], self.groups)} does",
            )

    def _sets(self, entering: Shape) -> int:
        return self.groups

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        options = _options(eps=(self.eps, 1e-5), affine=(self.affine, True))
        return Torch(f"nn.GroupNorm({self.groups}, {inputs[0][-1]}{options})", sequence="channels_first")


@register
class InstanceNorm(_Standardizing):
    """`instance_norm`: each channel of each example over all its positions.

    `instance_norm` on 64x64x32 keeps 64x64x32: 32 means and variances, each over 64*64 values; nothing is trained
    unless `affine=true`, and there are no running statistics.

    - `eps`: added to the variance; above 0.
    - `affine`: whether each channel has a gain and a bias; false, as in PyTorch.

    Raises `rank-mismatch` for a vector, `bad-argument` for a single position, whose variance is 0.
    Ulyanov, Vedaldi & Lempitsky, "Instance Normalization", 2016.
    """

    name = "instance_norm"
    module_operations_a_value = 4
    examples = (
        Example("instance_norm", ((8, 8, 16),), (8, 8, 16)),
        Example("instance_norm affine=true", ((10, 6),), (10, 6)),
        Example("instance_norm eps=1e-3", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example(
            "instance_norm",
            ((20,),),
            error="rank-mismatch",
            torch_accepts="InstanceNorm1d reads (N, C) as one example of N channels and C positions",
        ),
        Example(
            "instance_norm", ((1, 1, 8),), error="bad-argument", torch="nn.InstanceNorm2d(8)(torch.zeros(2, 8, 1, 1))"
        ),
    )

    eps: float = keyword(number(above=0.0), 1e-5)
    affine: bool = keyword(boolean, False)

    def _check(self, entering: Shape) -> None:
        if math.prod(spatial(entering, "instance_norm")) == 1:
            raise OpError(
                "bad-argument",
                f"`instance_norm` gets {show_shape(entering)}: one position a channel, which has no variance",
                hint="put it before the layer that leaves a single position, or take `ln`",
            )

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        options = _options(eps=(self.eps, 1e-5), affine=(self.affine, False))
        return Torch(f"nn.InstanceNorm{len(entering) - 1}d({entering[-1]}{options})", sequence="channels_first")


@register
class LocalResponseNorm(_Normalization):
    """`lrn [size=5]`: local response normalization across neighbouring channels.

    `lrn 5` on 55x55x96 keeps 55x55x96: each value is divided by (k + alpha / size * sum)^beta, where the sum is of the
    squares of the `size` channels around it, zeros beyond the first and the last.

    - `size`: how many channels are summed.
    - `alpha`, `beta`, `k`: as in the formula, PyTorch's and Caffe's, which divide alpha by the size.

    Krizhevsky et al., 2012, do not divide: their alpha=1e-4, k=2 over 5 channels is `lrn 5 alpha=5e-4 k=2` here.
    Caffe's AlexNet and GoogLeNet are `lrn 5`. Raises `rank-mismatch` for a vector.
    """

    name = "lrn"
    module_operations_a_value = 0
    examples = (
        Example("lrn 5", ((27, 27, 96),), (27, 27, 96)),
        Example("lrn 5 alpha=5e-4 k=2", ((8, 8, 16),), (8, 8, 16)),
        Example("lrn size=4 beta=0.5", ((10, 6),), (10, 6)),
        Example("lrn", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("lrn 5", ((20,),), error="rank-mismatch", torch="nn.LocalResponseNorm(5)(torch.zeros(2, 20))"),
    )

    size: int = positional(whole(1), 5)
    alpha: float = keyword(number(0.0), 1e-4)
    beta: float = keyword(number(0.0), 0.75)
    k: float = keyword(number(0.0), 1.0)

    def _check(self, entering: Shape) -> None:
        spatial(entering, "lrn")

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # An element: its square, the sum of `size` squares, alpha, k, the power, the quotient.
        return (self.size + 4) * math.prod(inputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # The squares with channels of zeros around them, the denominator before and after its power.
        elements = math.prod(inputs[0])
        padding = (self.size - 1) * math.prod(inputs[0][:-1])
        return Kept(inputs=True, more=FLOAT * (3 * elements + padding))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        options = _options(alpha=(self.alpha, 1e-4), beta=(self.beta, 0.75), k=(self.k, 1.0))
        return Torch(f"nn.LocalResponseNorm({self.size}{options})", sequence="channels_first")


@register
class L2Norm(_Normalization):
    """`l2norm`: the channels at each position brought to length 1.

    `l2norm` on 38x38x512 keeps 38x38x512: each of the 38*38 positions is divided by the Euclidean length of its 512
    channels. Nothing is trained: SSD's and ParseNet's layer is `l2norm -> scale init=20`.

    - `eps`: the least length to divide by; above 0.

    Liu, Rabinovich & Berg, "ParseNet", 2015.
    """

    name = "l2norm"
    examples = (
        Example("l2norm", ((38, 38, 512),), (38, 38, 512)),
        Example("l2norm eps=1e-6", ((10, 6),), (10, 6)),
        Example("l2norm", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("l2norm", ((128,),), (128,)),
        Example("l2norm", ((2, 2, 2, 2, 8),), error="rank-mismatch", torch_accepts=_TOO_MANY),
    )

    eps: float = keyword(number(above=0.0), 1e-12)

    def _sets(self, entering: Shape) -> int:
        return math.prod(entering[:-1])

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # An element: its square, a sum, a quotient; a position: a root and the comparison with eps, one sum saved.
        return 3 * math.prod(inputs[0]) + math.prod(inputs[0][:-1])

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        options = _options(eps=(self.eps, 1e-12))
        return Torch(None, f"F.normalize({{0}}, dim={channel_axis(inputs[0])}{options})")


@register
class RMSNorm(_Normalization):
    """`rms_norm`: the channels at each position divided by their root mean square.

    `rms_norm` on 196x768 keeps 196x768 and trains 768 gains: y = x / sqrt(mean(x^2) + eps) * weight.

    - `eps`: added to the mean square; above 0.
    - `affine`: whether each channel has a gain.

    Zhang & Sennrich, "Root Mean Square Layer Normalization", 2019.
    """

    name = "rms_norm"
    examples = (
        Example("rms_norm", ((196, 768),), (196, 768)),
        Example("rms_norm eps=1e-5", ((7, 7, 96),), (7, 7, 96)),
        Example("rms_norm affine=false", ((3, 4, 5, 8),), (3, 4, 5, 8)),
        Example("rms_norm", ((10,),), (10,)),
        Example("rms_norm", ((2, 2, 2, 2, 8),), error="rank-mismatch", torch_accepts=_TOO_MANY),
    )

    eps: float = keyword(number(above=0.0), 1e-6)
    affine: bool = keyword(boolean, True)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return _per_channel(inputs[0], "weight") if self.affine else ()

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # An element: its square, a sum, a quotient, the gain; a position: a quotient, eps and a root, one sum saved.
        elements = math.prod(inputs[0])
        return 3 * elements + 2 * math.prod(inputs[0][:-1]) + (elements if self.affine else 0)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # A root for each position, and what the gain multiplies.
        values = math.prod(inputs[0][:-1]) + (math.prod(inputs[0]) if self.affine else 0)
        return Kept(inputs=True, more=FLOAT * values)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        # Without an eps PyTorch takes the smallest step of the type, which is another layer.
        options = f"{entering[-1]}, eps={self.eps!r}" + _options(elementwise_affine=(self.affine, True))
        if len(entering) >= 3:
            return Torch(f"ChannelRMSNorm({options})", helpers=("ChannelRMSNorm",))
        return Torch(f"nn.RMSNorm({options})")
