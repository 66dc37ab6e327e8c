"""What an expression can be, and where names are looked up.

In: nothing. Out: the values of the language beside plain ints, floats, bools, strings and tuples, and the scopes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl import limits
from archdsl.graph import Port
from archdsl.ops.arguments import Window
from archdsl.ops.base import Op, Shape, show_shape
from archdsl.syntax import tree

__all__ = [
    "POISON",
    "BlockValue",
    "ChainValue",
    "Defaults",
    "DimsValue",
    "OpValue",
    "Poisoned",
    "Scope",
    "ShareValue",
    "SizeValue",
    "Stop",
    "Tensors",
    "Value",
    "WordValue",
    "count",
    "describe",
    "show",
]


class Poisoned(Exception):
    """Something that this depends on is wrong and has been reported; nothing more can be said about it."""


class Stop(Exception):
    """A limit was reached and has been reported; the run ends."""


class DimsValue(tuple[int, ...]):
    """`11x11`: shown as it is written, otherwise a tuple."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class OpValue:
    """An op by its name, as an argument: `norm=bn`."""

    op: type[Op]


@dataclass(frozen=True, slots=True)
class BlockValue:
    """A block by its name, as an argument: `unit=bottleneck`; `scope` is where it was defined."""

    forms: tuple[tree.Block, ...]
    scope: Scope

    @property
    def name(self) -> str:
        return self.forms[0].name.name


@dataclass(frozen=True, slots=True)
class ShareValue:
    """A shared instance; `scope` is the one it belongs to, so that each instance of a block has its own."""

    share: tree.Share
    scope: Scope


@dataclass(frozen=True, slots=True)
class ChainValue:
    """A chain that was written as an argument, with the scope in which its names mean something."""

    chain: tree.Chain
    scope: Scope


@dataclass(frozen=True, slots=True)
class WordValue:
    """`id` or `first`, the layers that are words of the language, as an argument: `norm=id`."""

    name: str


@dataclass(frozen=True, slots=True)
class SizeValue:
    """The size of a tensor that enters: what `in` is; None while it is not known because of an earlier mistake."""

    shape: Shape | None


Value: TypeAlias = (
    int
    | float
    | bool
    | str
    | tuple["Value", ...]
    | DimsValue
    | Window
    | OpValue
    | BlockValue
    | ShareValue
    | ChainValue
    | WordValue
    | SizeValue
)


Tensors: TypeAlias = tuple[Port | None, ...]
"""What a chain carries; a port is None where a mistake keeps its size from being known."""

POISON: Tensors = (None,)


class Defaults:
    """The `default`s of a file or a body: which of them hold at a place, found without going through all."""

    def __init__(self, written: Iterable[tree.Default] = ()) -> None:
        self._held: dict[str, list[tuple[int, tuple[tree.Default, ...]]]] = {}
        for default in written:
            self.add(default)

    def add(self, default: tree.Default) -> None:
        """One more, which stands behind the others; those of which it says all again hold no longer."""
        held = self._held.setdefault(default.name.name, [])
        said = _said(default)
        kept = (before for before in held[-1][1] if not _said(before) <= said) if held else ()
        held.append((default.span.start, (*kept, default)))

    def before(self, name: str, position: int) -> tuple[tree.Default, ...]:
        """Those of an op that hold at a place of the text, in its order."""
        held = self._held.get(name, [])
        at = bisect_left(held, position, key=lambda each: each[0])
        return held[at - 1][1] if at else ()


def _said(default: tree.Default) -> frozenset[str]:
    """The names of what a `default` sets; of a value without a name, which is a mistake, its text."""
    return frozenset(one.key.name if one.key is not None else one.value.span.text for one in default.operands)


@dataclass(slots=True, eq=False)
class Scope:
    """The names of a file, of one instance of a block, or of one turn of a loop.

    `home` is the scope of the instance or file: labels are looked for from here up to there, values beyond it as well.
    """

    parent: Scope | None
    boundary: bool
    variables: dict[str, Value | None] = field(default_factory=dict)
    """None is a name whose value is wrong, which has been reported."""
    labels: dict[str, tuple[Port | None, ...]] = field(default_factory=dict)
    written_labels: dict[str, tree.Label] = field(default_factory=dict)
    gathered: dict[str, tree.Label] = field(default_factory=dict)
    """Which of the labels the turns of a repeat have given."""
    defaults: Defaults | None = None
    entering: tuple[SizeValue, ...] = ()

    @property
    def home(self) -> Scope:
        scope = self
        while not scope.boundary and scope.parent is not None:
            scope = scope.parent
        return scope


def count(value: object) -> int:
    """The elements of a list and of the lists in it, up to one more than a list may have; 0 of other values."""
    found = 0
    pending = [value]
    while pending:
        at = pending.pop()
        if isinstance(at, tuple):
            found += len(at)
            if found > limits.LIST_LENGTH:
                break
            pending.extend(part for part in at if isinstance(part, tuple))
    return found


def describe(value: object) -> str:
    """The kind of a value, for a sentence."""
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "a text"),
        (DimsValue, "dims"),
        (tuple, "a list"),
        (Window, "a geometry"),
        (OpValue, "an op"),
        (BlockValue, "a block"),
        (ShareValue, "a shared instance"),
        (ChainValue, "a chain"),
        (WordValue, "a layer"),
        (SizeValue, "a size"),
    )
    return next(text for kind, text in kinds if isinstance(value, kind))


def _show_element(value: object) -> str:
    """An element of a list; what is deeper than a list of lists is left out."""
    if isinstance(value, tuple) and not isinstance(value, DimsValue):
        inner = ["[…]" if isinstance(part, tuple) and part else show(part) for part in value[:8]]
        return f"[{', '.join(inner + ['…'] * (len(value) > 8))}]"
    return show(value)


def show(value: object) -> str:
    """A value as a text would have it, short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}…"'
    if isinstance(value, DimsValue):
        return show_shape(value)
    if isinstance(value, tuple):
        shown = [_show_element(part) for part in value[:8]] + (["…"] if len(value) > 8 else [])
        return f"[{', '.join(shown)}]"
    if isinstance(value, OpValue):
        return value.op.name
    if isinstance(value, BlockValue | WordValue):
        return value.name
    if isinstance(value, ShareValue):
        return value.share.name.name
    if isinstance(value, ChainValue):
        text = " ".join(value.chain.span.text.split())
        return text if len(text) <= 40 else text[:37] + "…"
    return str(value)
