"""The constructor arguments of a class, from the values that its instances have.

In: for each value of the constructor, what it is in every instance. Out: parameters, and for each value the expression
that gives it: a literal where all agree, a parameter, or a multiple of one, as in `4 * width`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from archdsl.codegen.constructors import Value
from archdsl.codegen.instances import Instance
from archdsl.codegen.modules import Hole
from archdsl.codegen.naming import Scope, variable

__all__ = ["Column", "Fitted", "Parameter", "fit"]

Column = tuple[Value, ...]
"""One value of the constructor, in every instance."""
Quantity = tuple[str, Column]
"""A column with what it counts."""

_COMPARED: Final = 64
"""Parameters of which another value is tried as a multiple."""


_TAKEN: Final = ("i",)
"""What constructors call the number of an iteration."""
_ORDER: Final = {"channels": 0, "in_channels": 0, "out_channels": 1, "width": 2, "kernel_size": 3}
"""Arguments that stand before others, as in PyTorch's layers."""


class Parameter(NamedTuple):
    """An argument of a constructor; one with a default comes after those without."""

    name: str
    annotation: str
    default: Value | None
    kind: str = ""

    def __str__(self) -> str:
        text = f"{self.name}: {self.annotation}"
        return text if self.default is None else f"{text} = {self.default.text}"


class _Base(NamedTuple):
    """A column that becomes a parameter, with the first hole that it fills."""

    column: Column
    hole: Hole
    owner: str


class Fitted(NamedTuple):
    """The arguments of a constructor and the expressions in it.

    `texts` has one for each hole, `given` for each parameter its value in every instance, `conditions` for each
    attribute that some instances have not, when it is there.
    """

    parameters: tuple[Parameter, ...]
    texts: tuple[str, ...]
    given: tuple[Column, ...]
    conditions: tuple[tuple[str, str], ...]


def fit(group: Sequence[Instance], entering: Column, leaving: Column, inputs: Mapping[Column, str]) -> Fitted:
    """Parameters for the instances of one class; `entering` and `leaving` are the channels of the block in each.

    `inputs` are names for the channels of its inputs where they have names in the text.
    """
    first = group[0]
    pairs = list(zip(first.body.layers, first.made, strict=True))
    holes = [hole for _, made in pairs for hole in made.holes]
    owners = [layer.attribute for layer, made in pairs for _ in made.holes]
    columns = _filled(_columns(group), entering, leaving)
    bases: dict[Quantity, _Base] = {}
    for hole, owner, column in zip(holes, owners, columns, strict=True):
        if not _differs(column) or _known((hole.kind, column), bases):
            continue
        if not _halved(hole, column, bases.values()):
            bases[hole.kind, column] = _Base(column, hole, owner)
    ends = {leaving: "out_channels", entering: "channels" if entering == leaving else "in_channels"}
    if any(("channels", column) in bases for column in inputs if column != entering):
        ends.update(inputs)
    names = _names(list(bases.values()), ends, [instance.block.arguments for instance in group])
    texts: list[str] = []
    for hole, column in zip(holes, columns, strict=True):
        text = _text((hole.kind, column), names) if _differs(column) else column[0].text
        if text is None:
            kernel = _halved(hole, column, bases.values())
            assert kernel is not None
            text = f"{names[kernel]} // 2"
        texts.append(text)
    found = [(_parameter(base, names[quantity]), quantity[1]) for quantity, base in bases.items()]
    conditions: list[tuple[str, str]] = []
    scope = Scope((*_TAKEN, *names.values()))
    for attribute in dict.fromkeys(name for instance in group for name in sorted(instance.missing)):
        present = tuple(attribute not in instance.missing for instance in group)
        condition = _condition(present, found, names, entering, leaving)
        if not condition:
            condition = scope.claim(_argument(attribute))
            flags = tuple(Value.of(there) for there in present)
            found.append((Parameter(condition, "bool", Value.of(False)), flags))
        conditions.append((attribute, condition))
    named = list(inputs.values())[::-1]
    order = {**_ORDER, **{name: index / (1 + len(named)) for index, name in enumerate(named)}}
    found.sort(key=lambda pair: (pair[0].default is not None, order.get(pair[0].name, len(_ORDER))))
    given = tuple(column for _, column in found)
    return Fitted(tuple(parameter for parameter, _ in found), tuple(texts), given, tuple(conditions))


def _known(quantity: Quantity, bases: Iterable[Quantity]) -> bool:
    return any(base == quantity or _ratio(quantity, base) for base in islice(bases, _COMPARED))


def _halved(hole: Hole, column: Column, bases: Iterable[_Base]) -> Quantity | None:
    """The kernel size of which a padding is always half, rounded down."""
    for base in bases if hole.kind == "padding" else ():
        pairs = [(value.value, kernel.value) for value, kernel in zip(column, base.column, strict=True)]
        if base.hole.kind == "kernel_size" and all(type(a) is int and type(b) is int and a == b // 2 for a, b in pairs):
            return base.hole.kind, base.column
    return None


def _columns(group: Sequence[Instance]) -> list[tuple[Value | None, ...]]:
    """What stands in each hole of the first instance in all of them; None for a layer that one has not."""
    counts = [
        (layer.attribute, len(made.holes)) for layer, made in zip(group[0].body.layers, group[0].made, strict=True)
    ]
    rows: list[list[Value | None]] = []
    for instance in group:
        own = iter(instance.made)
        row: list[Value | None] = []
        for attribute, count in counts:
            row += [None] * count if attribute in instance.missing else [hole.value for hole in next(own).holes]
        rows.append(row)
    return list(zip(*rows, strict=True))


def _filled(columns: Sequence[tuple[Value | None, ...]], entering: Column, leaving: Column) -> list[Column]:
    """Columns without gaps. What a missing layer would have had is free to choose: what another column has."""
    whole = [tuple(value for value in column if value is not None) for column in columns]
    models = [entering, leaving, *(column for column in whole if len(column) == len(entering))]
    found: list[Column] = []
    for column, values in zip(columns, whole, strict=True):
        if len(values) == len(column):
            found.append(values)
            continue
        model = next((model for model in dict.fromkeys(models) if _fits(column, model)), None)
        found.append(model or tuple(values[0] if value is None else value for value in column))
    return found


def _fits(column: tuple[Value | None, ...], model: Column) -> bool:
    return _differs(model) and all(value in (None, other) for value, other in zip(column, model, strict=True))


def _condition(
    present: tuple[bool, ...],
    found: Sequence[tuple[Parameter, Column]],
    names: dict[Quantity, str],
    entering: Column,
    leaving: Column,
) -> str:
    """When a layer is there, in terms of the parameters; empty where they do not tell."""
    channels = tuple(a != b for a, b in zip(entering, leaving, strict=True))
    texts = [
        _text(("channels", column), names) if _differs(column) else column[0].text for column in (entering, leaving)
    ]
    differ = f"{texts[0]} != {texts[1]}" if all(texts) else ""
    stride = next((column for parameter, column in found if parameter.name == "stride"), None)
    strides = tuple(value.value != 1 for value in stride) if stride else (False,) * len(present)
    either = tuple(a or b for a, b in zip(channels, strides, strict=True))
    if stride and differ and present == either:
        return f"stride != 1 or {differ}"
    if differ and present == channels:
        return differ
    return "stride != 1" if stride and present == strides else ""


def _parameter(base: _Base, name: str) -> Parameter:
    default = base.hole.default if base.hole.default in base.column else None
    return Parameter(name, _annotation(base.column), default, base.hole.kind)


def _differs(column: Column) -> bool:
    return any(value != column[0] for value in column)


def _text(quantity: Quantity, names: dict[Quantity, str]) -> str | None:
    """A parameter or a multiple of one; None for a column that is neither."""
    if quantity in names:
        return names[quantity]
    for base, name in islice(names.items(), _COMPARED):
        ratio = _ratio(quantity, base)
        if ratio:
            return f"{ratio} * {name}" if ratio > 0 else f"{name} // {-ratio}"
    return None


def _ratio(quantity: Quantity, base: Quantity) -> int:
    """How many times the base channels are; negative for a fraction of it; 0 where they are neither."""
    mine, theirs = _counts(quantity[1]), _counts(base[1])
    if not mine or not theirs or not quantity[0] == base[0] == "channels":
        return 0
    up, down = mine[0] // theirs[0], theirs[0] // mine[0]
    if up > 1 and all(value == up * other for value, other in zip(mine, theirs, strict=True)):
        return up
    if down > 1 and all(value * down == other for value, other in zip(mine, theirs, strict=True)):
        return -down
    return 0


def _counts(column: Column) -> list[int]:
    """The values where all are whole numbers above zero, else none."""
    found = [value.value for value in column if type(value.value) is int and value.value > 0]
    return found if len(found) == len(column) else []


def _names(
    bases: Sequence[_Base], ends: Mapping[Column, str], arguments: Sequence[Iterable[tuple[str, int | float]]]
) -> dict[Quantity, str]:
    """What the parameters are called: as PyTorch calls what they are, else as the text does (`arguments`).

    `ends` names the channels that enter and leave.
    """
    scope = Scope(_TAKEN)
    own = _arguments(arguments)
    widths = [base for base in bases if _wide(base) and base.column not in ends]
    owners = Counter(base.owner for base in widths)
    found: dict[Quantity, str] = {}
    for base in bases:
        if _wide(base) and base.column in ends:
            wish = ends[base.column]
        elif _wide(base):
            fallback = f"{base.owner}_{'channels' if owners[base.owner] == 1 else base.hole.name}"
            wish = "width" if len(widths) == 1 else own.get(base.column, fallback)
        elif base.hole.name == "groups":
            wish = "groups"
        elif sum(other.hole.kind == base.hole.kind for other in bases) == 1 and base.hole.kind.isidentifier():
            wish = base.hole.kind
        else:
            wish = own.get(base.column, f"{base.owner}_{base.hole.kind or base.hole.name}")
        found[base.hole.kind, base.column] = scope.claim(_argument(wish))
    return found


def _argument(name: str) -> str:
    """A name for a parameter; one that begins like a class could hide one from the constructor."""
    text = variable(name)
    return text if text[0].islower() else text.lower()


def _wide(base: _Base) -> bool:
    """Whether a parameter is a number of channels, and no number of groups of them."""
    return base.hole.kind == "channels" and base.hole.name != "groups"


def _arguments(given: Sequence[Iterable[tuple[str, int | float]]]) -> dict[Column, str]:
    """The parameters of the block in the text, by their values in all instances; none of two that are equal."""
    rows = [dict(entries) for entries in given]
    names = [name for name in rows[0] if all(name in row for row in rows)]
    columns = {name: tuple(Value.of(row[name]) for row in rows) for name in names}
    counts = Counter(columns.values())
    return {column: name for name, column in columns.items() if counts[column] == 1}


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
