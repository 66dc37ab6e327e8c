"""Brackets and repeats of a phrase: what stands in them is one group, so many times.

In: layers, opening and closing brackets, in order. Out: layers and groups. The stack is a list, so that depth costs no
recursion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archdsl import limits
from archdsl.verify.table import Group, Said

__all__ = ["Groups", "NoLayers", "turns", "written_out"]


class NoLayers(ValueError):
    """Why a text names no layers."""


@dataclass(slots=True)
class _Open:
    """A bracket that is open: the items around it, how many there were before it, and how often it is applied."""

    around: list[Said | Group]
    before: int
    times: int
    square: bool


class Groups:
    """The items of a phrase while it is read. `[...]` is a group always, `(...)` only where `× N` follows it."""

    def __init__(self) -> None:
        self.items: list[Said | Group] = []
        self._open: list[_Open] = []

    def add(self, said: Said, times: int) -> None:
        """A layer, so many times."""
        self.items.append(said if times == 1 else Group((said,), turns(times)))

    def open(self, square: bool, times: int) -> None:
        """An opening bracket."""
        if len(self._open) >= limits.CELL_NESTING:
            raise NoLayers(f"brackets are more than {limits.CELL_NESTING} deep")
        self._open.append(_Open(self.items, len(self.items), times, square))
        if square:
            self.items = []

    def closes(self, square: bool) -> bool:
        """Whether a closing bracket of that shape closes the last one."""
        return bool(self._open) and self._open[-1].square == square

    def close(self, times: int) -> None:
        """A closing bracket, and how often what it closes is applied."""
        opened = self._open.pop()
        if not opened.square:
            inner = tuple(self.items[opened.before :])
            if times != 1 and inner:
                self.items[opened.before :] = [Group(inner, times)]
            return
        inner, self.items = tuple(self.items), opened.around
        if not inner:
            raise NoLayers("there is nothing between brackets")
        times = turns(times * opened.times)
        self.items.append(inner[0] if len(inner) == 1 and times == 1 else Group(inner, times))

    def repeat(self, times: int) -> None:
        """`× N` behind what is read already."""
        if not self.items:
            raise NoLayers("`×` stands behind nothing")
        last = self.items.pop()
        inner, before = (last.items, last.times) if isinstance(last, Group) else ((last,), 1)
        self.items.append(Group(inner, turns(times * before)))

    def finish(self) -> tuple[Said | Group, ...]:
        """All items. Raises `NoLayers` where there are none, or a bracket is open."""
        if any(opened.square for opened in self._open):
            raise NoLayers("a bracket is not closed")
        if not self.items:
            raise NoLayers("it names no layer")
        if written_out(self.items) > limits.ROW_LAYERS:
            raise NoLayers(f"its repeats make more than {limits.ROW_LAYERS:,} layers")
        return tuple(self.items)


def written_out(items: Iterable[Said | Group]) -> int:
    """How many layers there are, each repeat counted; a little more than the limit where there are more.

    >>> written_out([Group((Said("a"), Group((Said("b"),), 3)), 2)])
    8
    """
    waiting = [(item, 1) for item in items]
    total = 0
    while waiting and total <= limits.ROW_LAYERS:
        item, times = waiting.pop()
        if isinstance(item, Said):
            total += times
        else:
            waiting += [(inner, times * item.times) for inner in item.items]
    return total


def turns(times: int) -> int:
    """A number of repeats that a network can have. Raises `NoLayers` for any other."""
    if not 1 <= times <= limits.ROW_LAYERS:
        raise NoLayers(f"{times:,} times is not between 1 and {limits.ROW_LAYERS:,}")
    return times
