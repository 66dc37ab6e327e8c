"""The tree of a file: what was written, and where.

In: nothing. Out: frozen types for statements, chains, elements and expressions. `Chain` is the widest of them: wherever
a value may stand, a chain may, and `plain` tells whether it is one value and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from archdsl.diagnostics import Source, Span

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """`3`, `0.5`, `60.97M`; `text` is as written, since claims are checked to the precision in which they stand."""

    span: Span
    value: int | float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Dims:
    """`11x11`, `227x227x3`."""

    span: Span
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class String:
    span: Span
    value: str


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    span: Span
    value: bool


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    span: Span
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """`in.c`."""

    span: Span
    base: Expression
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """`xs[0]`."""

    span: Span
    base: Expression
    index: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """`[3, 4, 6, 3]`, and `(64, 1)` or `(@a, @b)`, which have `parenthesised` set."""

    span: Span
    items: tuple[Chain, ...]
    parenthesised: bool


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """`( chain )`, which is also `(expression)`."""

    span: Span
    chain: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Unary:
    span: Span
    operator: Literal["-", "not"]
    operand: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    span: Span
    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """`min(a, b)`, `one_of(128, 256)`, `normal(0.01)`; of a block, the call with tensors: `cell(@h, @p)`."""

    span: Span
    name: Name
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """`7x7/2+3`: kernel, stride, padding."""

    span: Span
    kernel: Expression
    stride: Expression | None
    padding: Expression | None


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """`@name` where a chain or branch starts."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """One argument: `64`, `s=2`, a chain, or `*branches`, which stands for all of a list."""

    span: Span
    key: Name | None
    value: Chain
    star: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """`bottleneck<64, s=2>`, `concat<a | b>`, `cell<32>(@h, @p)`, `conv 3x3+1 64`, `mean<a | b> drop=0.15`.

    `angles` stand in `< >` (None: there were none; `piped`: parted by `|`), `tensors` in `( )` right behind, `operands`
    after a space.
    """

    span: Span
    name: Name
    angles: tuple[Argument, ...] | None
    piped: bool
    tensors: tuple[Chain, ...] | None
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """One argument of an op: `3x3/2+1`, `64`, `same`, `groups=2`."""

    span: Span
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
    | Items
    | Group
    | Unary
    | Binary
    | Function
    | Reference
    | Call
)

# ---------------------------------------------------------------- chains


@dataclass(frozen=True, slots=True, eq=False)
class Conditional:
    """`if s != 1 then chain else chain`; it stands last in its chain."""

    span: Span
    condition: Expression
    then: Chain
    otherwise: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """`@name` behind an element."""

    span: Span
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """`x3`, `x(n-1)`: `names` is empty. `x(i in 12)`, `x((w, n) in [(64, 2)])`: the loop's names and what it goes over."""

    span: Span
    over: Expression
    names: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Assertion:
    """`:: 55x55x96`."""

    span: Span
    size: Expression


Suffix: TypeAlias = Label | Repeat | Assertion


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """One link of a chain and what stands behind it, in the order of the text."""

    span: Span
    unit: Expression | Conditional
    suffixes: tuple[Suffix, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """`element -> element -> …`; at least one."""

    span: Span
    elements: tuple[Element, ...]

    @property
    def plain(self) -> Expression | None:
        """The expression, where the chain is one expression and nothing else."""
        if len(self.elements) != 1 or self.elements[0].suffixes:
            return None
        unit = self.elements[0].unit
        return None if isinstance(unit, Conditional) else unit


# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """`w`, `s=1`, `*branches`."""

    span: Span
    name: str
    default: Chain | None
    star: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Architecture:
    """`arch name<params> "title"`."""

    span: Span
    name: Name
    parameters: tuple[Parameter, ...]
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Input:
    """`input 224x224x3`, `input left 28x28x1`."""

    span: Span
    name: Name | None
    size: Expression


@dataclass(frozen=True, slots=True, eq=False)
class OutputStatement:
    """`output aux1 training = chain`; `modifier` is the word after the name."""

    span: Span
    name: Name
    modifier: Name | None
    chain: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """`block name<params> = chain`, `block name<params>(a, b) { … }`; `tensors` is None where none are named."""

    span: Span
    name: Name
    parameters: tuple[Parameter, ...]
    tensors: tuple[Name, ...] | None
    body: Chain | tuple[Statement, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Let:
    span: Span
    name: Name
    value: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    span: Span
    name: Name
    chain: Chain


@dataclass(frozen=True, slots=True, eq=False)
class Default:
    """`default conv bias=false`."""

    span: Span
    name: Name
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Variant:
    """`variant resnet50 = resnet<[3, 4, 6, 3], bottleneck>`; `variant vgg16, D = vgg<…> expect params 138M` has two names
    and claims of its own."""

    span: Span
    name: Name
    chain: Chain
    aliases: tuple[Name, ...] = ()
    claims: Expect | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    span: Span
    path: String


@dataclass(frozen=True, slots=True, eq=False)
class Expect:
    """`expect params 25.6M`, `expect resnet50 params 25_557_032 "torchvision"`: words and values, sorted out later."""

    span: Span
    items: tuple[Operand, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plus:
    """The `+` between the terms of a loss."""

    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """`{1: 5e-4, 3: 2e-4}` in a recipe."""

    span: Span
    entries: tuple[tuple[Expression, Expression | Geometry], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Train:
    """`train { … }`: lines of words, values, `+` and tables, sorted out later."""

    span: Span
    lines: tuple[tuple[Operand | Plus | Mapping, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Return:
    """`return @y, @h`."""

    span: Span
    chains: tuple[Chain, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ChainStatement:
    span: Span
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


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """A parsed file; `comments` are the spans of its comments, `#` included, in order."""

    source: Source
    statements: tuple[Statement, ...]
    comments: tuple[Span, ...]
