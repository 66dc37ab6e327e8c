"""How a word of a recipe states its options: one class with a field an option.

In: nothing. Out: `entry`, which makes a class of typed options an entry of a table, and ranges that many share.
Reading one out of a text is left to `archdsl.elaborate.recipe_reader`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeVar, dataclass_transform

from archdsl.elaborate.recipe_values import Kind, Real

__all__ = ["BELOW_ONE", "NOT_NEGATIVE", "POSITIVE", "SHARE", "Entry", "Option", "entry", "option"]

POSITIVE: Final = Real(above=0)
NOT_NEGATIVE: Final = Real(least=0)
BELOW_ONE: Final = Real(least=0, below=1)
SHARE: Final = Real(least=0, most=1)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name, the kind of its value, what it means; `positional` ones may stand without their name."""

    name: str
    kind: Kind
    doc: str
    required: bool
    positional: bool = False


def option(
    kind: Kind, doc: str, *, default: Any = dataclasses.MISSING, positional: bool = False, kw_only: bool = True
) -> Any:
    """A field of an entry; without a default it must be written."""
    required = default is dataclasses.MISSING
    made = Option("", kind, doc, required, positional)
    return dataclasses.field(default=default, kw_only=kw_only, metadata={"option": made})


class Entry:
    """A word of a recipe with its options: an optimizer, a schedule, a loss, a distribution."""

    name: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})

    def problem(self) -> tuple[str, str] | None:
        """The option that does not go with the others and why, or None."""
        return None


E = TypeVar("E", bound=Entry)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
def entry(name: str, table: dict[str, type[Entry]] | None = None) -> Callable[[type[E]], type[E]]:
    """Make a class an entry of a table under a name; its fields made by `option` are its options."""

    def register(cls: type[E]) -> type[E]:
        made: Any = dataclass(frozen=True, kw_only=True)(cls)
        made.name = name
        made.options = MappingProxyType(
            {
                field.name: dataclasses.replace(field.metadata["option"], name=field.name)
                for field in dataclasses.fields(made)
            }
        )
        if table is not None:
            table[name] = made
        return made  # type: ignore[no-any-return]

    return register
