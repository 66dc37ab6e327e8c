"""The constructor arguments of a class, from the values that its instances have.

In: for each value of the constructor, what it is in every instance. Out: parameters, and for each value the expression that
gives it: a literal where all agree, a parameter, or a multiple of one, as in `4 * width`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archdsl.codegen.constructors import Value
from archdsl.codegen.modules import Hole
from archdsl.codegen.naming import Scope, variable

__all__ = ["Column", "Parameter", "fit"]

Column = tuple[Value, ...]
"""One value of the constructor, in every instance."""

_CHANNELS: Final = frozenset(
    {
        "in_channels",
        "out_channels",
        "num_features",
        "num_channels",
        "in_features",
        "out_features",
        "normalized_shape",
        "channels",
        "width",
    }
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a constructor; one with a default comes after those without."""

    name: str
    annotation: str
    default: Value | None

    def __str__(self) -> str:
        text = f"{self.name}: {self.annotation}"
        return text if self.default is None else f"{text} = {self.default.text}"


@dataclass(frozen=True, slots=True)
class _Base:
    """A column that becomes a parameter, with the first hole that it fills."""

    column: Column
    hole: Hole
    owner: str


def fit(
    holes: Sequence[Hole], owners: Sequence[str], columns: Sequence[Column], entering: Column, leaving: Column
) -> tuple[tuple[Parameter, ...], tuple[str, ...], tuple[Column, ...]]:
    """Parameters, the text for each hole, and the values of each parameter by instance.

    `owners` are the attributes that the holes belong to; `entering` and `leaving` the channels of the block.
    """
    bases: dict[Column, _Base] = {}
    for hole, owner, column in zip(holes, owners, columns, strict=True):
        if _differs(column) and column not in bases and not any(_ratio(column, base) for base in bases):
            bases[column] = _Base(column, hole, owner)
    names = _names(list(bases.values()), entering, leaving)
    texts: list[str] = []
    for column in columns:
        texts.append(_text(column, names) if _differs(column) else column[0].text)
    parameters = []
    for column, base in bases.items():
        default = base.hole.default if base.hole.default in column else None
        parameters.append((Parameter(names[column], _annotation(column), default), column))
    parameters.sort(key=lambda pair: pair[0].default is not None)
    return tuple(p for p, _ in parameters), tuple(texts), tuple(column for _, column in parameters)


def _differs(column: Column) -> bool:
    return any(value != column[0] for value in column)


def _text(column: Column, names: dict[Column, str]) -> str:
    if column in names:
        return names[column]
    for base, name in names.items():
        ratio = _ratio(column, base)
        if ratio:
            return f"{ratio} * {name}" if ratio > 0 else f"{name} // {-ratio}"
    raise AssertionError("a column that differs is a parameter or a multiple of one")


def _ratio(column: Column, base: Column) -> int:
    """How many times the base a column is; negative for a fraction of it; 0 where it is neither."""
    pairs = [(value.value, other.value) for value, other in zip(column, base, strict=True)]
    if any(type(a) is not int or type(b) is not int or a <= 0 or b <= 0 for a, b in pairs):
        return 0
    (a, b) = pairs[0]
    assert isinstance(a, int) and isinstance(b, int)
    if a % b == 0 and a > b and all(value == other * (a // b) for value, other in pairs):  # type: ignore[operator]
        return a // b
    if b % a == 0 and b > a and all(value * (b // a) == other for value, other in pairs):  # type: ignore[operator]
        return -(b // a)
    return 0


def _names(bases: Sequence[_Base], entering: Column, leaving: Column) -> dict[Column, str]:
    scope = Scope()
    widths = [b for b in bases if b.hole.name in _CHANNELS and b.column not in (entering, leaving)]
    found: dict[Column, str] = {}
    for base in bases:
        if base.hole.name in _CHANNELS and base.column == entering == leaving:
            wish = "channels"
        elif base.hole.name in _CHANNELS and base.column == entering:
            wish = "in_channels"
        elif base.hole.name in _CHANNELS and base.column == leaving:
            wish = "out_channels"
        elif base in widths:
            wish = "width" if len(widths) == 1 else f"{base.owner}_channels"
        else:
            alone = sum(other.hole.name == base.hole.name for other in bases) == 1
            wish = base.hole.name if alone and base.hole.name.isidentifier() else f"{base.owner}_{base.hole.name}"
        found[base.column] = scope.claim(variable(wish))
    return found


def _annotation(column: Column) -> str:
    kinds = {_kind(value.value) for value in column}
    if kinds == {"int", "float"}:
        return "float"
    return " | ".join(sorted(kinds - {"None"}) + sorted(kinds & {"None"}))


def _kind(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_kind(part) for part in value)}]" if value else "tuple[()]"
    return type(value).__name__
