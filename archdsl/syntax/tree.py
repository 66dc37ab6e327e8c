"""The tree of a file: what was written, and where.

In: nothing. Out: frozen types for statements, chains, elements and expressions. `Chain` is the widest of them: wherever
a value may stand, a chain may, and `plain` tells whether it is one value and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from archdsl.diagnostics import Source, Span
from archdsl.syntax.node import Node as Node
from archdsl.syntax.node import replace as replace
from archdsl.syntax.node import walk as walk

# ---------------------------------------------------------------- expressions


class Number(Node):
    """`3`, `0.5`, `60.97M`; `text` is as written, since claims are checked to the precision in which they stand."""

    value: int | float
    text: str


class Dims(Node):
    """`11x11`, `227x227x3`."""

    sizes: tuple[int, ...]


class String(Node):
    value: str


class Truth(Node):
    value: bool


class Name(Node):
    name: str


class Attribute(Node):
    """`in.c`."""

    base: Expression
    name: str


class Index(Node):
    """`xs[0]`."""

    base: Expression
    index: Expression


class Slice(Node):
    """`xs[1:3]`, `xs[1:]`, `xs[:3]`."""

    base: Expression
    first: Expression | None
    behind: Expression | None


class Items(Node):
    """`[3, 4, 6, 3]`, and `(64, 1)` or `(@a, @b)`, which have `parenthesised` set."""

    items: tuple[Chain, ...]
    parenthesised: bool


class Group(Node):
    """`( chain )`, which is also `(expression)`."""

    chain: Chain


class Unary(Node):
    operator: Literal["-", "not"]
    operand: Expression


class Binary(Node):
    operator: str
    left: Expression
    right: Expression


class Function(Node):
    """`min(a, b)`, `one_of(128, 256)`, `normal(0.01)`; of a block, the call with tensors: `cell(@h, @p)`."""

    name: Name
    arguments: tuple[Argument, ...]


class Geometry(Node):
    """`7x7/2+3`: kernel, stride, padding."""

    kernel: Expression
    stride: Expression | None
    padding: Expression | None


class Reference(Node):
    """`@name` where a chain or branch starts."""

    name: str


class Argument(Node):
    """One argument: `64`, `s=2`, a chain, or one with a star, which stands for several: `*branches` for the elements
    of a list, `*unit<k> x(k in [1, 3])` for the turns of a repeat.
    """

    key: Name | None
    value: Chain
    star: bool = False


class Call(Node):
    """`bottleneck<64, s=2>`, `concat<a | b>`, `cell<32>(@h, @p)`, `conv 3x3+1 64`, `mean<a | b> drop=0.15`.

    `angles` stand in `< >` (None: there were none; `piped`: parted by `|`), `tensors` in `( )` right behind, `operands`
    after a space.
    """

    name: Name
    angles: tuple[Argument, ...] | None
    piped: bool
    tensors: tuple[Chain, ...] | None
    operands: tuple[Operand, ...]


class Operand(Node):
    """One argument of an op: `3x3/2+1`, `64`, `same`, `groups=2`."""

    key: Name | None
    value: Expression | Geometry


Expression: TypeAlias = (
    Number
    | Dims
    | String
    | Truth
    | Name
    | Attribute
    | Index
    | Slice
    | Items
    | Group
    | Unary
    | Binary
    | Function
    | Reference
    | Call
)


def tensors_of(expression: object) -> Reference | None:
    """The label of which an expression is the tensors, or some of them: `@a`, `@a[0]`, `@a[1:]`."""
    base = expression.base if isinstance(expression, Index | Slice) else expression
    return base if isinstance(base, Reference) else None


# ---------------------------------------------------------------- chains


class Conditional(Node):
    """`if s != 1 then chain else chain`; it stands last in its chain."""

    condition: Expression
    then: Chain
    otherwise: Chain


UNNAMED = "_"
"""The label, or the name of a tensor that enters a block, that names nothing: `split 2 @_ @b`."""


class Label(Node):
    """`@name` behind an element."""

    name: str


class Repeat(Node):
    """`x3`, `x(n-1)`: no `names`. `x(i in 12)`, `x((w, n) in [(64, 2)])`: the loop's names and what it goes over."""

    over: Expression
    names: tuple[Name, ...] = ()


class Assertion(Node):
    """`:: 55x55x96`."""

    size: Expression


Suffix: TypeAlias = Label | Repeat | Assertion


class Element(Node):
    """One link of a chain and what stands behind it, in the order of the text."""

    unit: Expression | Conditional
    suffixes: tuple[Suffix, ...] = ()


class Chain(Node):
    """`element -> element -> …`; at least one."""

    elements: tuple[Element, ...]

    @property
    def plain(self) -> Expression | None:
        """The expression, where the chain is one expression and nothing else."""
        if len(self.elements) != 1 or self.elements[0].suffixes:
            return None
        unit = self.elements[0].unit
        return None if isinstance(unit, Conditional) else unit


# ---------------------------------------------------------------- statements


class Parameter(Node):
    """`w`, `s=1`, `*branches`."""

    name: str
    default: Chain | None
    star: bool = False


class Architecture(Node):
    """`arch name<params> "title"`."""

    name: Name
    parameters: tuple[Parameter, ...]
    title: str


class Input(Node):
    """`input 224x224x3`, `input left 28x28x1`."""

    name: Name | None
    size: Expression


class OutputStatement(Node):
    """`output aux1 training = chain if deep`; `modifier` is the word after the name, `condition` is None where the
    output is always there.
    """

    name: Name
    modifier: Name | None
    chain: Chain
    condition: Expression | None = None


class Block(Node):
    """`block name<params> = chain`, `block name<params>(a, b) { … }`; `tensors` is None where none are named."""

    name: Name
    parameters: tuple[Parameter, ...]
    tensors: tuple[Name, ...] | None
    body: Chain | tuple[Statement, ...]


class Let(Node):
    name: Name
    value: Chain


class Share(Node):
    name: Name
    chain: Chain


class Default(Node):
    """`default conv bias=false`."""

    name: Name
    operands: tuple[Operand, ...]


class Variant(Node):
    """`variant resnet50 = resnet<[3, 4, 6, 3], bottleneck>`; `variant vgg16, D = vgg<…> expect params 138M` has two
    names and claims of its own.
    """

    name: Name
    chain: Chain
    aliases: tuple[Name, ...] = ()
    claims: Expect | None = None


class Use(Node):
    path: String


class Expect(Node):
    """`expect params 25.6M`, `expect resnet50 params 25_557_032 "torchvision"`: words and values, sorted out later."""

    items: tuple[Operand, ...]


class Plus(Node):
    """The `+` between the terms of a loss."""


class Mapping(Node):
    """`{1: 5e-4, 3: 2e-4}` in a recipe."""

    entries: tuple[tuple[Expression, Expression | Geometry], ...]


class Train(Node):
    """`train { … }`: lines of words, values, `+` and tables, sorted out later."""

    lines: tuple[tuple[Operand | Plus | Mapping, ...], ...]


class Return(Node):
    """`return @y, @h`."""

    chains: tuple[Chain, ...]


class ChainStatement(Node):
    chain: Chain


Statement: TypeAlias = (
    Architecture
    | Input
    | OutputStatement
    | Block
    | Let
    | Share
    | Default
    | Variant
    | Use
    | Expect
    | Train
    | Return
    | ChainStatement
)


@dataclass(frozen=True, eq=False)
class File:
    """A parsed file; `comments` are the spans of its comments, `#` included, in order; `broken` those of the statements
    that could not be read, which may define what is missed elsewhere."""

    source: Source
    statements: tuple[Statement, ...]
    comments: tuple[Span, ...]
    broken: tuple[Span, ...] = ()
