"""What a row says about one network, from all its cells together.

In: a `Line`, and the column of the network where the table has several. Out: `Content`. How it is written as text is
left to `phrase.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.ops.registry import lookup
from archdsl.verify.table import Column, Group, Line, Number, Said, Size

__all__ = ["Content", "activation", "channels", "content", "layers"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a row says about one network: its layers, the widths of its branches (`3x3 reduce`: 96), its sizes, its
    parameters.

    `final` says that it has the network's last fully connected layer, whose scores no ReLU cuts; `borrowed`, that its
    output is what the next row prints as its input. `name` is what the table calls the row.
    """

    said: tuple[Said | Group, ...]
    widths: Mapping[str, int] = field(default_factory=dict)
    input: Size | None = None
    output: Size | None = None
    params: Number | None = None
    times: int = 1
    final: bool = False
    borrowed: bool = False
    name: str = ""

    def is_only(self, *kinds: str) -> bool:
        """Whether the row says layers of these kinds and nothing else."""
        return bool(self.said) and all(isinstance(one, Said) and one.kind in kinds for one in self.said)


def content(line: Line, column: Column | None = None) -> Content:
    """What a line says about the network of a column, or, without one, about the table's only network.

    >>> content(row_3a).widths["3x3 reduce"]
    96
    """
    own = [e for e in line.entries if e.column.role != "network" or e.column == column]
    said: tuple[Said | Group, ...] = line.said
    if column is not None:
        cells = [e.value for e in own if e.column == column and isinstance(e.value, tuple)]
        said = tuple(one for cell in cells for one in cell)
    numbers: dict[str, int] = {
        e.column.role: int(e.value.digits) for e in own if isinstance(e.value, Number) and e.value.power == 0
    }
    if len(said) == 1 and isinstance(said[0], Said):
        said = (_filled(said[0], numbers),)
    said = tuple(_known(item) for item in said)
    widths = {
        e.column.detail.lower(): int(e.value.digits)
        for e in own
        if e.column.role == "branch" and isinstance(e.value, Number)
    }
    sizes = {e.column.role: e.value for e in own if isinstance(e.value, Size)}
    params = next((e.value for e in own if e.column.role == "params" and isinstance(e.value, Number)), None)
    name = " ".join(e.cell.text for e in own if e.column.role == "layer").lower()
    return Content(said, widths, sizes.get("input"), sizes.get("output"), params, numbers.get("repeat", 1), name=name)


def activation(said: Said) -> str:
    """The activation that a column of its own gives a layer, in the language's word; empty where there is none.

    >>> activation(Said("conv 5x5 tanh", "conv", extra=(("activation", "tanh"),)))
    'tanh'
    """
    text = next((value.lower() for name, value in said.extra if name == "activation"), "")
    op = lookup(text) if text else None
    return text if op is not None and op.style == "activation" and text != "softmax" else ""


def _known(item: Said | Group) -> Said | Group:
    """`3x3, 64` without a word is a convolution."""
    if isinstance(item, Group):
        return replace(item, items=tuple(_known(inner) for inner in item.items))
    if item.kind is None and item.kernel is not None and item.filters is not None:
        return replace(item, kind="conv")
    return item


def _filled(said: Said, numbers: Mapping[str, int]) -> Said:
    """The layer with what columns of their own say of it."""

    def extent(known: tuple[int, ...] | None, role: str) -> tuple[int, ...] | None:
        return known if known is not None or role not in numbers else (numbers[role],)

    return replace(
        said,
        kernel=extent(said.kernel, "kernel"),
        stride=extent(said.stride, "stride"),
        padding=extent(said.padding, "padding"),
        filters=said.filters if said.filters is not None else numbers.get("filters"),
        groups=said.groups if said.groups is not None else numbers.get("groups"),
    )


def layers(items: Sequence[Said | Group]) -> Iterator[Said]:
    """The layers of a row, those of a group once.

    >>> [one.text for one in layers((Group((Said("3x3, 64"), Said("3x3, 64")), times=2),))]
    ['3x3, 64', '3x3, 64']
    """
    for item in items:
        if isinstance(item, Said):
            yield item
        else:
            yield from layers(item.items)


def channels(size: Size) -> int | str | None:
    """The channels of a printed size, where it prints them: 55x55x96, 1x1xC, 96@55x55; 4096 alone is a vector."""
    parts = size.parts
    if size.order == "first":
        return parts[0]
    if len(parts) == 2 and size.order == "open":
        return None
    return parts[-1]
