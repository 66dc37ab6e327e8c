"""A node of a tree: a frozen record with its place in the text, which can be changed into another and walked.

In: nothing. Out: the type `Node`. Which nodes there are is left to `archdsl.syntax.tree`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, dataclass_transform

from archdsl.diagnostics import Span

__all__ = ["Node", "replace", "walk"]


@dataclass_transform(frozen_default=True, eq_default=False)
class _Record(type):
    """Makes a class a frozen record of its annotations.

    What `dataclasses` would do, without its generated code: for the forty types here that is a tenth of the time in
    which the command line starts.
    """

    fields: tuple[str, ...]
    defaults: dict[str, Any]

    def __new__(mcls, name: str, bases: tuple[type, ...], space: dict[str, Any]) -> _Record:
        own = tuple(space.get("__annotations__", ()))
        defaults = {field: space.pop(field) for field in own if field in space}
        made = super().__new__(mcls, name, bases, {**space, "__slots__": own})
        before = bases[0] if bases else None
        made.fields = (*(before.fields if isinstance(before, _Record) else ()), *own)
        made.defaults = {**(before.defaults if isinstance(before, _Record) else {}), **defaults}
        return made


class Node(metaclass=_Record):
    """A part of the tree; `span` is where it stands in the text."""

    span: Span

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = type(self).fields
        put = object.__setattr__
        for field, value in zip(fields, values, strict=False):
            put(self, field, value)
        for field in fields[len(values) :]:
            put(self, field, named.pop(field) if field in named else type(self).defaults[field])
        if named or len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(fields)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a node of the tree is frozen; `{name}` cannot be set")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({' '.join(self.span.text.split())!r})"


N = TypeVar("N", bound=Node)


def replace(node: N, **changes: Any) -> N:
    """The same node with some fields changed."""
    return type(node)(**{field: changes.get(field, getattr(node, field)) for field in type(node).fields})


def walk(root: object) -> Iterator[Node]:
    """Every node below a node or a tuple of them, itself included, in the order of the text; without recursion."""
    pending = [root]
    while pending:
        at = pending.pop()
        if isinstance(at, tuple | list):
            pending.extend(reversed(at))
        elif isinstance(at, Node):
            yield at
            pending.extend(getattr(at, field) for field in reversed(type(at).fields))
