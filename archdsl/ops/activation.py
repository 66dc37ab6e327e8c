"""Activations that take each value by itself, every one of PyTorch under its own name.

In: any tensor. Out: the same size. The rectifiers with arguments are in `rectifiers`, those along the channels
(softmax, `glu`, `maxout`) in `channel_activation`. `work` counts a comparison, a sum, a product, a quotient, an
exponential, a logarithm, a tanh and an erf as one operation each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from archdsl.ops.arguments import keyword, number, positional, word
from archdsl.ops.base import FLOAT, Example, Kept, Op, OpError, Reach, Shape, Style, Torch
from archdsl.ops.registry import register


class Elementwise(Op):
    """What activations share: the size stays, there are no matrix products, each value is by itself."""

    style: ClassVar[Style] = "activation"

    _operations: ClassVar[int]
    """Operations an element."""

    def _module(self) -> str:
        """The constructor expression."""
        raise NotImplementedError  # abstract: every activation has its own

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        return entering

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return self._operations * math.prod(inputs[0])

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(self._module(), sequence="any")


def unless(value: float, default: float) -> str:
    """An argument of a constructor, left out where it is the default."""
    return "" if value == default else repr(value)


# ---------------------------------------------------------------- without arguments


class _Row(NamedTuple):
    """An activation without arguments: its word, its class in `torch.nn`, operations an element, its formula; the
    operations of `Op.module_operations` where pytorchcv has a rule.
    """

    name: str
    module: str
    operations: int
    formula: str
    source: str = ""
    keeps: Literal["input", "output", "a copy", "input and a copy"] = "input"
    counted: int | None = None


_TABLE = (
    _Row("relu", "ReLU", 1, "max(0, x)", "Nair & Hinton, 2010", counted=1, keeps="output"),
    _Row("relu6", "ReLU6", 2, "min(max(0, x), 6)", "Krizhevsky, 2010", counted=1),
    _Row(
        "selu",
        "SELU",
        5,
        "1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1))",
        "Klambauer et al., Self-Normalizing Neural Networks, 2017",
    ),
    _Row("silu", "SiLU", 5, "x * sigmoid(x), also called swish", "Elfwing, Uchibe & Doya, 2017", counted=5),
    _Row("mish", "Mish", 5, "x * tanh(log(1 + exp(x)))", "Misra, 2019"),
    _Row("hardswish", "Hardswish", 5, "x * min(max(0, x + 3), 6) / 6", "Howard et al., MobileNetV3, 2019", counted=2),
    _Row("hardsigmoid", "Hardsigmoid", 4, "min(max(0, x + 3), 6) / 6", "Howard et al., MobileNetV3, 2019", counted=1),
    _Row("sigmoid", "Sigmoid", 4, "1 / (1 + exp(-x))", counted=4, keeps="output"),
    _Row("tanh", "Tanh", 1, "tanh(x)", keeps="output"),
    _Row("tanhshrink", "Tanhshrink", 2, "x - tanh(x)", keeps="a copy"),
    _Row("softsign", "Softsign", 3, "x / (1 + |x|)", "Glorot & Bengio, 2010", keeps="input and a copy"),
    _Row("logsigmoid", "LogSigmoid", 5, "-log(1 + exp(-x))", keeps="input and a copy"),
)


def _plain(row: _Row) -> type[Op]:
    """The op of one row."""

    class Plain(Elementwise):
        __doc__ = (
            f"`{row.name}`: {row.formula}.\n\n    `{row.name}` on 56x56x64 keeps 56x56x64 and trains nothing; "
            f"it has no arguments. {row.operations} operation{'s' if row.operations > 1 else ''} an element."
            + (f"\n\n    {row.source}." if row.source else "")
            + "\n    "
        )
        name = row.name
        _operations = row.operations
        module_operations_a_value = row.counted
        examples = (
            Example(row.name, ((56, 56, 64),), (56, 56, 64)),
            Example(row.name, ((10, 6),), (10, 6)),
            Example(row.name, ((3, 4, 5, 6),), (3, 4, 5, 6)),
            Example(row.name, ((20,),), (20,)),
        )

        def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
            return Kept(
                inputs=row.keeps.startswith("input"),
                output=row.keeps == "output",
                more=FLOAT * math.prod(inputs[0]) if row.keeps.endswith("copy") else 0,
            )

        def _module(self) -> str:
            return f"nn.{row.module}()"

    Plain.__name__ = Plain.__qualname__ = row.module
    return register(Plain)


for _row in _TABLE:
    _plain(_row)


# ---------------------------------------------------------------- with arguments


@register
class GELU(Elementwise):
    """`gelu [approximate=none]`: x * Phi(x), Phi the distribution function of the normal distribution.

    `gelu` on 196x3072 keeps 196x3072. 5 operations an element with erf, 9 with tanh.

    - `approximate`: `tanh` takes 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), as BERT's and GPT-2's code does.

    Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016.
    """

    name = "gelu"
    _operations = 5
    examples = (
        Example("gelu", ((196, 3072),), (196, 3072)),
        Example("gelu approximate=tanh", ((8, 8, 16),), (8, 8, 16)),
        Example("gelu", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("gelu", ((20,),), (20,)),
    )

    approximate: str = keyword(word("none", "tanh"), "none")

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return (9 if self.approximate == "tanh" else 5) * math.prod(inputs[0])

    def _module(self) -> str:
        option = 'approximate="tanh"' if self.approximate == "tanh" else ""
        return f"nn.GELU({option})"


@register
class Hardtanh(Elementwise):
    """`hardtanh [low=-1] [high=1]`: x, but never below `low` nor above `high`.

    `hardtanh` on 32x32x64 keeps 32x32x64.

    - `low`, `high`: the bounds, `low` below `high`.

    Raises `bad-argument` where they are not. Collobert, 2004.
    """

    name = "hardtanh"
    _operations = 2
    examples = (
        Example("hardtanh", ((32, 32, 64),), (32, 32, 64)),
        Example("hardtanh low=0 high=4", ((10, 6),), (10, 6)),
        Example("hardtanh", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("hardtanh", ((20,),), (20,)),
        Example("hardtanh low=1 high=1", ((20,),), error="bad-argument"),
    )

    low: float = keyword(number(), -1.0)
    high: float = keyword(number(), 1.0)

    def shape(self, *inputs: Shape) -> Shape:
        if self.low >= self.high:
            raise OpError(
                "bad-argument",
                f"`low` of `hardtanh` must be below `high`: {self.low:g} and {self.high:g}",
                hint="write the smaller one as `low`",
            )
        return super().shape(*inputs)

    def _module(self) -> str:
        bounds = "" if (self.low, self.high) == (-1.0, 1.0) else f"{self.low!r}, {self.high!r}"
        return f"nn.Hardtanh({bounds})"


@register
class Softplus(Elementwise):
    """`softplus [beta=1]`: log(1 + exp(beta * x)) / beta, a smooth relu.

    `softplus` on 32x32x64 keeps 32x32x64. 3 operations an element, 5 with a `beta`.

    - `beta`: how sharp the bend is; above 0.
    - `threshold`: where beta * x is above it, x itself is taken, for the sake of the exponential.

    Dugas et al., 2001.
    """

    name = "softplus"
    _operations = 3
    examples = (
        Example("softplus", ((32, 32, 64),), (32, 32, 64)),
        Example("softplus 2", ((10, 6),), (10, 6)),
        Example("softplus threshold=10", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("softplus", ((20,),), (20,)),
        Example(
            "softplus 0", ((20,),), error="bad-argument", torch_accepts="PyTorch divides by beta and gives infinities"
        ),
    )

    beta: float = positional(number(above=0.0), 1.0)
    threshold: float = keyword(number(), 20.0)

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return (3 if self.beta == 1 else 5) * math.prod(inputs[0])

    def _module(self) -> str:
        values = "" if (self.beta, self.threshold) == (1.0, 20.0) else f"{self.beta!r}, {self.threshold!r}"
        return f"nn.Softplus({values})"


@register
class Softshrink(Elementwise):
    """`softshrink [amount=0.5]`: x moved by `amount` towards 0, and 0 where it is nearer.

    `softshrink 0.1` on 32x32x64 keeps 32x32x64.

    - `amount`: lambda of the formula, 0 or more.
    """

    name = "softshrink"
    _operations = 3
    examples = (
        Example("softshrink 0.1", ((32, 32, 64),), (32, 32, 64)),
        Example("softshrink", ((10, 6),), (10, 6)),
        Example("softshrink amount=1", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("softshrink", ((20,),), (20,)),
        Example("softshrink (-1)", ((20,),), error="bad-argument", torch="nn.Softshrink(-1.0)(torch.zeros(2, 20))"),
    )

    amount: float = positional(number(0.0), 0.5)

    def _module(self) -> str:
        return f"nn.Softshrink({unless(self.amount, 0.5)})"


@register
class Hardshrink(Elementwise):
    """`hardshrink [amount=0.5]`: x, and 0 where it is nearer to 0 than `amount`.

    `hardshrink 0.1` on 32x32x64 keeps 32x32x64.

    - `amount`: lambda of the formula, 0 or more.
    """

    name = "hardshrink"
    _operations = 2
    examples = (
        Example("hardshrink 0.1", ((32, 32, 64),), (32, 32, 64)),
        Example("hardshrink", ((10, 6),), (10, 6)),
        Example("hardshrink amount=1", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("hardshrink", ((20,),), (20,)),
        Example(
            "hardshrink (-1)", ((20,),), error="bad-argument", torch_accepts="PyTorch takes it and shrinks nothing"
        ),
    )

    amount: float = positional(number(0.0), 0.5)

    def _module(self) -> str:
        return f"nn.Hardshrink({unless(self.amount, 0.5)})"


@register
class Threshold(Elementwise):
    """`threshold above [value=0]`: x where it is above a bound, a constant elsewhere.

    `threshold 0.1` on 32x32x64 keeps 32x32x64: x where x > 0.1, else 0.

    - `above`: the bound.
    - `value`: what stands in the place of the others.
    """

    name = "threshold"
    _operations = 1
    examples = (
        Example("threshold 0.1", ((32, 32, 64),), (32, 32, 64)),
        Example("threshold 0.1 20", ((10, 6),), (10, 6)),
        Example("threshold 1 value=(-1)", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("threshold 0", ((20,),), (20,)),
    )

    above: float = positional(number())
    value: float = positional(number(), 0.0)

    def _module(self) -> str:
        return f"nn.Threshold({self.above!r}, {self.value!r})"


@register
class Times(Elementwise):
    """`times factor`: every value times a number that is not trained.

    `times 0.17` on 35x35x320 keeps 35x35x320: Inception-ResNet makes its residuals smaller before it adds them.
    LeNet-5's squashing is `times (2/3) -> tanh -> times 1.7159`. A trained gain is `scale`.

    - `factor`: any number.

    Szegedy, Ioffe, Vanhoucke & Alemi, "Inception-v4, Inception-ResNet and the impact of residual connections on
    learning", 2016, section 3.3.
    """

    name = "times"
    style = "normalization"
    _operations = 1
    module_operations_a_value = 0
    examples = (
        Example("times 0.17", ((35, 35, 320),), (35, 35, 320)),
        Example("times (-1)", ((10, 6),), (10, 6)),
        Example("times factor=2", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("times 1.5", ((84,),), (84,)),
    )

    factor: float = positional(number())

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(None, f"{{0}} * {self.factor!r}", sequence="any")


@register
class Abs(Elementwise):
    """`abs`: |x|, the sign taken away.

    `abs` on 4096 keeps 4096: the distance of two feature vectors, value by value, is `sub<@a | @b> -> abs`.

    Koch, Zemel & Salakhutdinov, "Siamese neural networks for one-shot image recognition", 2015.
    """

    name = "abs"
    _operations = 1
    examples = (
        Example("abs", ((8, 8, 16),), (8, 8, 16)),
        Example("abs", ((10, 6),), (10, 6)),
        Example("abs", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("abs", ((4096,),), (4096,)),
    )

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(None, "{0}.abs()", sequence="any")
