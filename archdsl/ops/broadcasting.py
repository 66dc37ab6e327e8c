"""Merges element by element: `add`, `sub`, `mul`, `mean`, `max`, `lerp`.

In: several tensors. Out: one, as PyTorch broadcasts them, in the order of papers: a vector of C stands at every
position of HxWxC, HxWx1 at every channel. Joining along an axis is in `merging`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from archdsl.ops.arguments import keyword, number
from archdsl.ops.base import FLOAT, Example, Kept, OpError, Shape, Torch, show_shape
from archdsl.ops.merging import Merge
from archdsl.ops.registry import register

_MOST_OPERATORS = 8
"""Branches up to which a sum is written with `+`."""


def _drop(value: object) -> float:
    """Reads a probability below 1: with 1 no branch would ever be kept."""
    drop = number(0.0)(value)
    if not isinstance(drop, float) or drop >= 1:
        raise ValueError(f"must be below 1, not {drop:g}")
    return drop


class _Broadcast(Merge):
    """A merge element by element."""

    _operations: ClassVar[int | None] = None
    """Operations an element of the result; None for one less than there are branches."""

    def shape(self, *inputs: Shape) -> Shape:
        self._check_several(inputs)
        rank = max(map(len, inputs))
        longest = next(shape for shape in inputs if len(shape) == rank)
        for index, shape in enumerate(inputs):
            if len(shape) not in (1, rank):
                raise OpError(
                    "shape-mismatch",
                    f"the branches of `{self.name}` do not agree: {show_shape(longest)} and {show_shape(shape)}",
                    hint=f"{show_shape(shape)} needs as many axes as {show_shape(longest)}, or none but its channels",
                    branch=index,
                )
        return _broadcast(self.name, inputs)

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        each = self._operations if self._operations is not None else len(inputs) - 1
        return each * math.prod(outputs[0])

    def _source(self, operands: list[str], alike: bool) -> str:
        """The expression; `alike` tells that all operands have one size."""
        raise NotImplementedError  # abstract: every merge has its own

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        rank = max(map(len, inputs))
        operands = _operands(inputs)
        call = self._source(operands, all(shape == inputs[0] for shape in inputs))
        mixed = rank == 2 and any(len(shape) == 1 for shape in inputs)
        return Torch(None, call, sequence="channels_last" if mixed else "any")


def _broadcast(op: str, shapes: Sequence[Shape]) -> Shape:
    """The common size as PyTorch broadcasts it, with a vector of C over every position of HxWxC.

    Raises `OpError` with both sizes where they do not agree.
    """
    result: Shape = max(shapes, key=len)
    for index, shape in enumerate(shapes):
        lined = (1,) * (len(result) - len(shape)) + shape
        if any(a != b and a != 1 and b != 1 for a, b in zip(result, lined, strict=True)):
            first = next(s for s in shapes if s != shape)
            raise OpError(
                "shape-mismatch",
                f"the branches of `{op}` do not agree: {show_shape(first)} and {show_shape(shape)}",
                branch=index,
            )
        result = tuple(max(a, b) for a, b in zip(result, lined, strict=True))
    return result


def _operands(inputs: Sequence[Shape]) -> list[str]:
    """The inputs as PyTorch broadcasts them, a vector with the axes of the positions behind its channels."""
    rank = max(map(len, inputs))
    return [f"{{{index}}}" + (_spread(rank) if len(shape) < rank else "") for index, shape in enumerate(inputs)]


def _spread(rank: int) -> str:
    """What makes (N, C) broadcast over a tensor with that many axes: (N, L, C) has its channels last."""
    return "[:, None]" if rank == 2 else "[:, :" + ", None" * (rank - 1) + "]"


def _sum(operands: list[str]) -> str:
    return " + ".join(operands) if len(operands) <= _MOST_OPERATORS else f"sum([{', '.join(operands)}])"


@register
class Add(_Broadcast):
    """`add<a | b | …>`: the sum of the branches.

    `add<id | conv 3x3+1 64>` on 56x56x64 gives 56x56x64: 56*56*64 additions; three branches take twice as many.

    Raises `shape-mismatch` where the sizes do not broadcast, `arity` for fewer than two tensors.
    """

    name = "add"
    examples = (
        Example("add", ((56, 56, 64), (56, 56, 64)), (56, 56, 64)),
        Example("add", ((10, 6), (10, 6), (10, 6)), (10, 6)),
        Example("add", ((4, 4, 8),) * 12, (4, 4, 8)),
        Example("add", ((3, 4, 5, 6), (6,)), (3, 4, 5, 6)),
        Example("add", ((8,), (10, 8)), (10, 8)),
        Example("add", ((20,), (20,)), (20,)),
        Example("add", ((28, 28, 128), (56, 56, 64)), error="shape-mismatch"),
        Example("add", ((8, 8, 16), (8, 8, 12)), error="shape-mismatch"),
        Example(
            "add",
            ((8, 8, 16), (8, 16)),
            error="shape-mismatch",
            torch="torch.zeros(2, 16, 8, 8) + torch.zeros(2, 8, 16)",
        ),
        Example(
            "add",
            ((8, 8, 2), (8, 8)),
            error="shape-mismatch",
            torch_accepts="it lines axes up from the last, so that the batch of one meets the channels of the other",
        ),
    )

    def _source(self, operands: list[str], alike: bool) -> str:
        return _sum(operands)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(passes=True)


@register
class Sub(_Broadcast):
    """`sub<a | b>`: the first branch less the second.

    `sub<id | avgpool 3/1+1>` on 28x28x64 gives 28x28x64: what differs from the neighbourhood.

    Raises `shape-mismatch` where the sizes do not broadcast, `arity` for other than two tensors.
    """

    name = "sub"
    arity = 2
    examples = (
        Example("sub", ((28, 28, 64), (28, 28, 64)), (28, 28, 64)),
        Example("sub", ((10, 6), (10, 1)), (10, 6)),
        Example("sub", ((3, 4, 5, 6), (6,)), (3, 4, 5, 6)),
        Example("sub", ((20,), (20,)), (20,)),
        Example("sub", ((20,), (21,)), error="shape-mismatch"),
    )

    def _source(self, operands: list[str], alike: bool) -> str:
        return " - ".join(operands)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()


@register
class Mul(_Broadcast):
    """`mul<a | b | …>`: the product of the branches, element by element.

    `mul<id | gap -> fc 4 -> relu -> fc 64 -> sigmoid>` on 56x56x64 gives 56x56x64: each channel times its gate, a
    vector of 64. A gate of 56x56x1 weighs positions.

    Raises `shape-mismatch` where the sizes do not broadcast, `arity` for fewer than two tensors.
    """

    name = "mul"
    examples = (
        Example("mul", ((56, 56, 64), (64,)), (56, 56, 64)),
        Example("mul", ((56, 56, 64), (56, 56, 1)), (56, 56, 64)),
        Example("mul", ((56, 56, 64), (1, 1, 64)), (56, 56, 64)),
        Example("mul", ((10, 6), (6,)), (10, 6)),
        Example("mul", ((3, 4, 5, 6), (6,), (3, 4, 5, 6)), (3, 4, 5, 6)),
        Example("mul", ((20,), (1,)), (20,)),
        Example("mul", ((56, 56, 64), (32,)), error="shape-mismatch"),
    )

    def _source(self, operands: list[str], alike: bool) -> str:
        return " * ".join(operands)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True, more=FLOAT * math.prod(outputs[0]) * (len(inputs) - 2))


@register
class Mean(_Broadcast):
    """`mean<a | b | …> [drop=0]`: the mean of the branches, FractalNet's join.

    `mean<conv 3x3+1 64 | conv 3x3+1 64 -> conv 3x3+1 64> drop=0.15` on 32x32x3 gives 32x32x64: while training, each
    example drops each branch with probability 0.15, keeps at least one, and takes the mean of those it kept; afterwards
    the mean of all.

    - `drop`: the probability with which a branch is dropped while training, below 1.

    Raises `shape-mismatch` where the sizes do not broadcast, `arity` for fewer than two tensors. The work is that of
    evaluation. Larsson, Maire & Shakhnarovich, "FractalNet", 2017: local drop-path.
    """

    name = "mean"
    examples = (
        Example("mean", ((32, 32, 64), (32, 32, 64)), (32, 32, 64)),
        Example("mean drop=0.15", ((32, 32, 64),) * 3, (32, 32, 64)),
        Example("mean drop=0.5", ((10, 6), (6,)), (10, 6)),
        Example("mean", ((3, 4, 5, 6), (6,)), (3, 4, 5, 6)),
        Example("mean", ((20,), (20,)), (20,)),
        Example("mean drop=0.15", ((8, 8, 16), (4, 4, 16)), error="shape-mismatch"),
        Example("mean drop=1.5", ((20,), (20,)), error="bad-argument", torch="DropPathMean(1.5)"),
    )

    drop: float = keyword(_drop, 0.0)

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return len(inputs) * math.prod(outputs[0])

    def _source(self, operands: list[str], alike: bool) -> str:
        if self.drop:
            return f"{{m}}({', '.join(operands)})"
        return f"({_sum(operands)}) / {len(operands)}"

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(more=FLOAT * len(inputs) if self.drop else 0)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        plain = super().torch(inputs, outputs)
        if not self.drop:
            return plain
        return Torch(f"DropPathMean({self.drop!r})", plain.call, ("DropPathMean",), plain.sequence)


@register
class Max(_Broadcast):
    """`max<a | b | …>`: the largest of the branches, element by element.

    `max<conv 3x3+1 64 | conv 5x5+2 64>` on 32x32x3 gives 32x32x64.

    Raises `shape-mismatch` where the sizes do not broadcast, `arity` for fewer than two tensors. The largest of
    neighbouring channels is `maxout`, of neighbouring positions `maxpool`.
    """

    name = "max"
    examples = (
        Example("max", ((32, 32, 64), (32, 32, 64)), (32, 32, 64)),
        Example("max", ((10, 6), (10, 6), (10, 6)), (10, 6)),
        Example("max", ((3, 4, 5, 6), (6,), (6,)), (3, 4, 5, 6)),
        Example("max", ((20,), (20,)), (20,)),
        Example("max", ((10, 6), (9, 6)), error="shape-mismatch"),
        Example("max", ((10, 6), (9, 6), (10, 6)), error="shape-mismatch"),
    )

    def _source(self, operands: list[str], alike: bool) -> str:
        together = ", ".join(operands)
        if len(operands) == 2:
            return f"torch.maximum({together})"
        if alike:
            return f"torch.stack(({together})).amax(0)"
        return f"torch.stack(torch.broadcast_tensors({together})).amax(0)"

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        if len(inputs) == 2:
            return Kept(inputs=True)
        return Kept(output=True, more=FLOAT * len(inputs) * math.prod(outputs[0]))  # a stack of them


@register
class Lerp(_Broadcast):
    """`lerp<a | b | t>`: a + t * (b - a), from a where t is 0 to b where t is 1.

    `lerp<@in | @h | @t>` with three tensors of 32x32x64 gives 32x32x64: the highway layer, which carries its input
    where its gate t is 0.

    Raises `shape-mismatch` where the sizes do not broadcast, `arity` for other than three tensors. `torch.lerp`;
    Srivastava, Greff & Schmidhuber, "Highway Networks", 2015.
    """

    name = "lerp"
    arity = 3
    _operations = 3
    examples = (
        Example("lerp", ((32, 32, 64),) * 3, (32, 32, 64)),
        Example("lerp", ((32, 32, 64), (32, 32, 64), (64,)), (32, 32, 64)),
        Example("lerp", ((10, 6), (10, 6), (10, 1)), (10, 6)),
        Example("lerp", ((3, 4, 5, 6), (6,), (3, 4, 5, 6)), (3, 4, 5, 6)),
        Example("lerp", ((20,), (20,), (20,)), (20,)),
        Example("lerp", ((8, 8, 16), (8, 8, 16), (8, 8, 12)), error="shape-mismatch"),
    )

    def _source(self, operands: list[str], alike: bool) -> str:
        return f"torch.lerp({', '.join(operands)})"

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)
