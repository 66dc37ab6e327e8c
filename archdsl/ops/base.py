"""What every op states about itself, and the words it states it in.

In: bound arguments and the sizes of the tensors that enter. Out: sizes, weights, arithmetic, a receptive-field step
and a line of PyTorch. Reading arguments out of a text is left to `archdsl.elaborate`, adding things up to
`archdsl.analysis`.

Sizes are tuples of plain ints in the order of papers, channels last, without the batch: `(55, 55, 96)` is 55x55x96.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple

from archdsl.ops.arguments import Arg, Extent

if TYPE_CHECKING:
    from archdsl.ops.geometry import Geometry

__all__ = [
    "FLOAT",
    "INDEX",
    "MOST_AXES",
    "NOTHING",
    "WHOLE",
    "Costless",
    "Example",
    "Kept",
    "Op",
    "OpError",
    "Reach",
    "Shape",
    "Style",
    "Torch",
    "Weight",
    "channel_axis",
    "show_shape",
    "spatial",
    "spread",
    "torch_shape",
]

Shape = tuple[int, ...]

MOST_AXES: Final = 4
"""Of a size: three spatial ones and the channels."""

Style = Literal[
    "input",
    "convolution",
    "pooling",
    "linear",
    "normalization",
    "activation",
    "dropout",
    "reshape",
    "merge",
    "attention",
    "embedding",
]
"""The kind of layer, from which a picture takes its colour."""


class OpError(Exception):
    """Why an op refuses its arguments or its input: a documented id, one sentence, the fix.

    `branch` is the index of the input that is wrong, for an op with several.
    """

    def __init__(self, id: str, message: str, *, hint: str = "", branch: int | None = None) -> None:
        super().__init__(message)
        self.id = id
        self.message = message
        self.hint = hint
        self.branch = branch


class Weight(NamedTuple):
    """A tensor that a layer owns, by its PyTorch name and shape.

    `parameter` is trained; `buffer` is state that is not (batch norm's running statistics, counted apart);
    `counter` is bookkeeping that nobody counts (`num_batches_tracked`).
    """

    name: str
    shape: tuple[int, ...]
    kind: Literal["parameter", "buffer", "counter"] = "parameter"

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Reach(NamedTuple):
    """How far an op looks: kernel (with dilation), stride and padding along each spatial axis.

    A stride below one (`Fraction(1, 2)`) is an upsampling.
    """

    kernel: tuple[int, ...]
    stride: tuple[Fraction | int, ...]
    padding: tuple[int, ...]


WHOLE: Final = Reach((), (), ())
"""The step of an op that looks at its whole input: `gap`, or `fc` on an image."""

NOTHING: Final = Reach((0,), (1,), (0,))
"""The step of an op that looks at no value of its input: what it gives is drawn at random."""


FLOAT: Final = 4
"""Bytes of a value, float32."""
INDEX: Final = 8
"""Bytes of an index, int64."""


class Kept(NamedTuple):
    """What PyTorch keeps of a layer while it trains, from the forward pass until its gradient has been found.

    A convolution keeps its input, a tanh its output, a max pool its input and an index of 8 bytes for each result.

    - `inputs`, `output`: whether they are kept as they are, all of the inputs alike.
    - `more`: bytes beside them for one example: masks, indices, statistics, copies. Of dropout's mask they are the 4
      bytes a value of the CPU; a GPU takes one.
    - `view`: whether what leaves is the memory of what entered.
    - `passes`: whether the gradient goes on to what entered as it is, whole or in slices, without a copy.
    - `blocked`: whether it is computed on copies of what enters and leaves, with the channels in blocks.
    """

    inputs: bool = False
    output: bool = False
    more: int = 0
    view: bool = False
    passes: bool = False
    blocked: bool = False


class Torch(NamedTuple):
    """A layer as PyTorch source.

    `init` is the constructor expression, or None for a function. `call` is the expression in `forward`: `{m}` is the
    module, `{0}`, `{1}`, … the inputs, `{all}` all of them separated by commas. An op with several outputs gives a
    tuple. `helpers` names the classes of `archdsl.codegen.layers` that the expressions use. `sequence` says where the
    channels of an LxC tensor must be: PyTorch's convolutions want (N, C, L), its linear layers (N, L, C); `any` takes
    both.
    """

    init: str | None
    call: str = "{m}({0})"
    helpers: tuple[str, ...] = ()
    sequence: Literal["channels_first", "channels_last", "any"] = "channels_last"


class Example(NamedTuple):
    """A worked example, run against PyTorch by the tests.

    `text` is the op as written. It turns `inputs` into `output` (a tuple of sizes where the op has several), or is
    refused with the error id `error`; then PyTorch refuses it too: the line that the op itself writes, or the
    expression `torch` where the op cannot even be bound. `torch_accepts` is the reason why PyTorch lets pass what we
    refuse.
    """

    text: str
    inputs: tuple[Shape, ...]
    output: Shape | tuple[Shape, ...] | None = None
    error: str | None = None
    torch: str | None = None
    torch_accepts: str | None = None


# ---------------------------------------------------------------- sizes


def show_shape(shape: Shape) -> str:
    """A size as papers write it.

    >>> show_shape((55, 55, 96))
    '55x55x96'
    """
    return "x".join(map(str, shape))


_PICTURE: Final = "input 28x28x1"


def show_tensor_shape(shape: tuple[int, ...]) -> str:
    """The shape of a weight, in PyTorch's order.

    >>> show_tensor_shape((64, 3, 7, 7)), show_tensor_shape(())
    ('64x3x7x7', 'scalar')
    """
    return "x".join(map(str, shape)) or "scalar"


def spread(extent: Extent, rank: int, what: str) -> Extent:
    """One number for every spatial axis, or exactly as many as there are.

    >>> spread((3,), 2, "kernel")
    (3, 3)

    Raises `OpError` where the counts differ.
    """
    if len(extent) == 1:
        return extent * rank
    if len(extent) != rank:
        axes = f"{rank} spatial {'axis' if rank == 1 else 'axes'}"
        hint = f"write one number for all axes, or {rank}"
        if len(extent) == rank + 1 > 2 and what == "kernel":
            hint = f"a kernel is told without the channels that enter, which are known: {show_shape(extent[:-1])}"
        if (len(extent), rank) == (2, 1):
            hint = f"a sequence of positions with channels takes one number; a picture has channels too: {_PICTURE}"
        raise OpError(
            "rank-mismatch",
            f"the {what} {show_shape(extent)} has {len(extent)} numbers, and the input has {axes}",
            hint=hint,
        )
    return extent


def spatial(shape: Shape, op: str) -> Shape:
    """The spatial part of a size, for an op that needs one: `(55, 55)` of 55x55x96.

    Raises `OpError` for a vector.
    """
    if len(shape) < 2:
        raise OpError(
            "rank-mismatch",
            f"`{op}` needs an image, a sequence or a volume, and gets a vector of {show_shape(shape)}",
            hint="a vector has no positions left to slide over; put it before the layer that removes them",
        )
    return shape[:-1]


def torch_shape(shape: Shape) -> tuple[int, ...]:
    """The size of one example in PyTorch's order: (C, H, W), (C, D, H, W), (L, C) for a sequence, (C,) for a vector."""
    return (shape[-1], *shape[:-1]) if len(shape) >= 3 else shape


def channel_axis(shape: Shape) -> int:
    """Where PyTorch has the channels: behind the positions in (N, L, C), right behind the batch in all else."""
    return 2 if len(shape) == 2 else 1


# ---------------------------------------------------------------- the op


class Op:
    """One layer of the language, with everything that there is to say about it in one class.

    A subclass declares its arguments in the order of its syntax, `filters: int = positional(whole(1))`. `@register`
    collects them and refuses a class that lacks a rule. See `archdsl/ops/convolution.py` for the pattern.
    """

    name: ClassVar[str]
    """The word in the language."""

    arity: ClassVar[int | None] = 1
    """How many tensors enter; None for two or more."""

    style: ClassVar[Style]
    """The kind of layer."""

    weighted: ClassVar[bool] = False
    """Whether papers count it when they say how deep a network is."""

    examples: ClassVar[tuple[Example, ...]]
    """Worked examples, at least one accepted."""

    # The rules below that raise have no default that would be true: `register` refuses a class that leaves one out.

    def shape(self, *inputs: Shape) -> Shape | tuple[Shape, ...]:
        """The size that leaves, or a tuple of sizes for several outputs. Raises `OpError`."""
        raise NotImplementedError  # abstract: `register` refuses a class without it

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        """What the layer owns, by PyTorch's names and shapes."""
        return ()

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        """Multiply-accumulates of convolutions and matrix products, for one example; bias not counted."""
        raise NotImplementedError  # abstract: `register` refuses a class without it

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        """All other arithmetic, in operations for one example: comparisons, additions, exponentials count one each."""
        raise NotImplementedError  # abstract: `register` refuses a class without it

    module_operations_a_value: ClassVar[int | None] = None
    """What `module_operations` counts for each value that enters; None where there is no rule."""

    def module_operations(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int | None:
        """All operations for one example, products and sums apart, by the rule of pytorchcv, which prints half of a
        network's as "FLOPs/2": 1 for each value of a ReLU, 4 of a batch norm, 0 for what is no module there. None where
        that rule does not know the layer, never zero.

        Source: `measure_model` of osmr/imgclsmob.
        """
        return None if self.module_operations_a_value is None else self.module_operations_a_value * math.prod(inputs[0])

    def reach(self, *inputs: Shape) -> Reach | None:
        """The receptive-field step; None for an op that works on each position by itself; `WHOLE` for all of it;
        `NOTHING` where no value of the input matters.
        """
        raise NotImplementedError  # abstract: `register` refuses a class without it

    def geometry(self, entering: Shape) -> Geometry | None:
        """The window that slides over what enters, as written, with its padding on every side; None without one."""
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        """What PyTorch keeps of it for the backward pass, weights and copies of them left out."""
        raise NotImplementedError  # abstract: `register` refuses a class without it

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        """The layer as PyTorch source."""
        raise NotImplementedError  # abstract: `register` refuses a class without it

    # -------------------------------------------------- what follows from the arguments

    arguments: ClassVar[dict[str, Arg]] = {}
    """The arguments by name, in the order of the syntax; `@register` fills it."""

    def __init__(self, **values: object) -> None:
        for name, arg in self.arguments.items():
            object.__setattr__(self, name, values.pop(name) if arg.required else values.pop(name, arg.default))
        if values:
            raise TypeError(f"`{self.name}` has no argument {', '.join(values)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an op is frozen; `{name}` cannot be set")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.name, *vars(self).values()))

    def __repr__(self) -> str:
        return f"<{self.call()}>"

    @classmethod
    def signature(cls) -> str:
        """The syntax in one line.

        >>> Conv.signature()
        'conv K[/S][+P] filters [groups=1] [dilation=1] [bias=true] [connect=none] [same] [half]'
        """
        parts = [cls.name]
        for arg in cls.arguments.values():
            text = arg.show or arg.name
            if arg.kind in ("keyword", "positional") and not arg.required:
                text = f"{arg.name}={'none' if arg.default is None else arg.text(arg.default)}"
            elif arg.kind == "keyword":
                text = f"{arg.name}=…"
            parts.append(text if arg.required else f"[{text}]")
        return " ".join(parts)

    def call(self) -> str:
        """The op as a text would have it, arguments at their defaults left out.

        >>> Conv(window=Window((3, 3), None, (1, 1)), filters=64).call()
        'conv 3x3+1x1 64'
        """
        parts = [self.name]
        for arg in self.arguments.values():
            value = getattr(self, arg.name)
            if not arg.required and value == arg.default:
                continue
            if arg.kind == "flag":
                parts.append(arg.name)
                continue
            shown = arg.text(value)
            parts.append(f"{arg.name}={shown}" if arg.kind == "keyword" else shown)
        return " ".join(parts)


class Costless(Op):
    """What ops share that copy, move or choose values and, unless they say otherwise, compute nothing."""

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0
