"""How a word of a recipe states its options: one class with a field an option.

In: nothing. Out: `entry`, which makes a class of typed options an entry of a table, and ranges that many share.
Reading one out of a text is left to `archdsl.elaborate.recipe_options`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final, NamedTuple, NoReturn, Self, TypeVar, dataclass_transform

from archdsl.elaborate.recipe_values import Kind, Real

__all__ = ["BELOW_ONE", "NOT_NEGATIVE", "POSITIVE", "REQUIRED", "SHARE", "Entry", "Option", "entry", "option"]

POSITIVE: Final = Real(above=0)
NOT_NEGATIVE: Final = Real(least=0)
BELOW_ONE: Final = Real(least=0, below=1)
SHARE: Final = Real(least=0, most=1)
REQUIRED: Final = object()
"""The default of an option that must be written."""


class Option(NamedTuple):
    """One option: the kind of its value, what it means, its default; `positional` ones may stand without their name."""

    name: str
    kind: Kind
    doc: str
    default: Any
    positional: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


def option(kind: Kind, doc: str, *, default: Any = REQUIRED, positional: bool = False) -> Any:
    """A field of an entry; without a default it must be written."""
    return Option("", kind, doc, default, positional)


class Entry:
    """A word of a recipe with its options: an optimizer, a schedule, a loss, a distribution.

    Frozen, and equal to another of its class with the same values. A dataclass compiles code when it is made, which
    takes as long for all of these as reading a network does.
    """

    name: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - self.options.keys()
        missing = [name for name, found in self.options.items() if found.required and name not in values]
        if unknown or missing:
            raise TypeError(f"{type(self).__name__}: unknown {sorted(unknown)}, missing {missing}")
        for name, found in self.options.items():
            object.__setattr__(self, name, values.get(name, found.default))

    @property
    def values(self) -> dict[str, Any]:
        """Every option's value by its name, in the order of the table."""
        return {name: getattr(self, name) for name in self.options}

    def replace(self, **changes: Any) -> Self:
        """The same with other values."""
        return type(self)(**(self.values | changes))

    def problem(self) -> tuple[str, str] | None:
        """The option that does not go with the others and why, or None."""
        return None

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.values.items())})"


E = TypeVar("E", bound=Entry)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
def entry(name: str, table: dict[str, type[Entry]] | None = None) -> Callable[[type[E]], type[E]]:
    """Make a class an entry of a table under a name; its attributes made by `option` are its options."""

    def register(cls: type[E]) -> type[E]:
        own = {key: found._replace(name=key) for key, found in vars(cls).items() if isinstance(found, Option)}
        for key in own:
            delattr(cls, key)
        cls.name = name
        cls.options = MappingProxyType({**cls.options, **own})
        if table is not None:
            table[name] = cls
        return cls

    return register
