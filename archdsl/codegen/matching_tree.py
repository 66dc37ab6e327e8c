"""The tensors of a state dict laid on a row of wanted ones, each module of it in one piece.

In: dotted names in the order of the state dict, what each tensor is, and what is wanted, in order. Out: a wanted place
for every tensor. What makes two tensors alike is left to `archdsl.codegen.matching`.

A state dict is in the order in which a class names its parts, and the row in that in which they are computed. So the
parts of a module may come in any order, rather their own than another, but what lies between its first and its last
tensor is the module's alone. A module that cannot be laid so is taken apart, and its parts are laid for themselves.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Laid", "lay"]

_DEEPEST: Final = 64
"""Dots in a name; what stands behind is one word."""
_STEPS: Final = 1_000_000
"""Parts that are tried before all modules are taken apart instead."""


@dataclass(frozen=True, slots=True)
class Laid:
    """`order[i]` is the index of the tensor at place i; `alike` are the names of parts of one module that could change
    places, so that their order alone says which is which."""

    order: tuple[int, ...]
    alike: tuple[tuple[str, ...], ...]


@dataclass(slots=True, eq=False)
class _Part:
    """A module, or the tensor `leaf`; equal `key`s stand for parts that could change places."""

    name: str
    leaf: int
    parts: list[_Part]
    key: int = -1
    size: int = 1


def lay(names: Sequence[str], kinds: Sequence[Hashable], wanted: Sequence[Hashable]) -> Laid | None:
    """A place for every tensor, or None where the kinds are not those that are wanted, in whatever order.

    >>> lay(["down.w", "conv1.w", "conv2.w"], ["1x1", "3x3", "3x3"], ["3x3", "3x3", "1x1"])
    Laid(order=(1, 2, 0), alike=(('conv1', 'conv2'),))
    """
    if len(kinds) != len(wanted):
        return None
    return _Layer(kinds, wanted).lay(_tree(names))


def _tree(names: Sequence[str]) -> _Part:
    root = _Part("", -1, [])
    modules: dict[tuple[str, ...], _Part] = {(): root}
    for index, name in enumerate(names):
        words = name.split(".", _DEEPEST)
        parent = root
        for depth in range(1, len(words)):
            path = tuple(words[:depth])
            if path not in modules:
                modules[path] = _Part(".".join(path), -1, [])
                parent.parts.append(modules[path])
            parent = modules[path]
        parent.parts.append(_Part(name, index, []))
    return root


class _Layer:
    def __init__(self, kinds: Sequence[Hashable], wanted: Sequence[Hashable]) -> None:
        known: dict[Hashable, int] = {}
        self._kinds = [known.setdefault(kind, len(known)) for kind in kinds]
        self._wanted = [known.setdefault(kind, len(known)) for kind in wanted]
        draw = random.Random(0)
        self._marks = [draw.getrandbits(64) for _ in known]
        # Sums of marks from the start: a stretch of the row that holds the same kinds as a module has its sum.
        self._sums = [0]
        for kind in self._wanted:
            self._sums.append(self._sums[-1] + self._marks[kind])
        self._stretches: dict[int, dict[int, list[int]]] = {}
        self._keys: dict[tuple[int, ...], int] = {}
        self._weights: dict[int, int] = {}
        self._places: dict[int, dict[int, int]] = {}
        self._steps = 0

    def lay(self, root: _Part) -> Laid | None:
        parts = self._prepared(root)
        whole = _Part("", -1, parts)
        self._identify(whole)
        if self._weights[whole.key] != self._sums[-1]:
            return None
        order = self._flat(whole, 0)
        if order is None:
            whole = _Part("", -1, _leaves(whole))
            self._identify(whole)
            self._steps = 0
            order = self._flat(whole, 0)
        return None if order is None else Laid(tuple(order), tuple(_alike(whole)))

    def _prepared(self, part: _Part) -> list[_Part]:
        """The parts of a module, from the inside out; in place of one that has no place in one piece, its own."""
        found: list[_Part] = []
        for child in part.parts:
            if child.leaf < 0:
                child.parts = self._prepared(child)
            self._identify(child)
            if child.leaf < 0 and not self._placed(child):
                found += child.parts
            else:
                found.append(child)
        return found

    def _identify(self, part: _Part) -> None:
        """Its key and size; the key of a tensor is that of its kind."""
        if part.leaf >= 0:
            identity: tuple[int, ...] = (-1, self._kinds[part.leaf])
            weight = self._marks[self._kinds[part.leaf]]
        else:
            identity = tuple(sorted(child.key for child in part.parts))
            part.size = sum(child.size for child in part.parts)
            weight = sum(self._weights[child.key] for child in part.parts)
        part.key = self._keys.setdefault(identity, len(self._keys))
        self._weights[part.key] = weight

    def _placed(self, part: _Part) -> dict[int, int]:
        """Where a part could begin, and how many of its parts would not follow the one before them there."""
        if part.key not in self._places:
            found: dict[int, int] = {}
            for start in self._starts(part.size).get(self._weights[part.key], []):
                order = [] if part.leaf >= 0 else self._orders(part, start)
                if order is not None:
                    found[start] = self._disorder(part, order)
            self._places[part.key] = found
        return self._places[part.key]

    def _disorder(self, part: _Part, order: list[tuple[int, int]]) -> int:
        jumps = sum(index != place for place, (index, _) in enumerate(order))
        return jumps + sum(self._placed(part.parts[index])[start] for index, start in order)

    def _starts(self, size: int) -> dict[int, list[int]]:
        """Where the stretches of a size begin, by the sum of their marks."""
        if size not in self._stretches:
            found: defaultdict[int, list[int]] = defaultdict(list)
            for start in range(len(self._wanted) - size + 1):
                found[self._sums[start + size] - self._sums[start]].append(start)
            self._stretches[size] = found
        return self._stretches[size]

    def _orders(self, part: _Part, start: int) -> list[tuple[int, int]] | None:
        """The parts of a module in an order that fits from a place on, each with its place; None where none fits.

        First goes a part that has its own parts in their own order, then the one that follows the last, then the
        earliest that is left. Of parts that could change places one is enough to try.
        """
        parts = part.parts
        by_key: defaultdict[int, list[int]] = defaultdict(list)
        for index, child in enumerate(parts):
            by_key[child.key].append(index)
        used = [False] * len(parts)
        first_free = dict.fromkeys(by_key, 0)

        def candidates(at: int, following: int) -> Iterator[int]:
            found = []
            for key, indices in by_key.items():
                disorder = self._placed(parts[indices[0]]).get(at)
                if disorder is None:
                    continue
                if following < len(parts) and parts[following].key == key and not used[following]:
                    found.append((disorder, 0, following))
                    continue
                position = first_free[key]
                while position < len(indices) and used[indices[position]]:
                    position += 1
                first_free[key] = position
                if position < len(indices):
                    found.append((disorder, 1, indices[position]))
            yield from (index for _, _, index in sorted(found))

        chosen: list[tuple[int, int]] = []
        trying = [candidates(start, 0)]
        while len(chosen) < len(parts):
            choice = next(trying[-1], None)
            self._steps += 1
            if choice is None or self._steps > _STEPS:
                trying.pop()
                if not chosen or self._steps > _STEPS:
                    return None
                undone, _ = chosen.pop()
                used[undone] = False
                first_free[parts[undone].key] = 0
                continue
            at = start if not chosen else chosen[-1][1] + parts[chosen[-1][0]].size
            chosen.append((choice, at))
            used[choice] = True
            trying.append(candidates(at + parts[choice].size, choice + 1))
        return chosen

    def _flat(self, part: _Part, start: int) -> list[int] | None:
        """The tensors of a part in order."""
        if part.leaf >= 0:
            return [part.leaf]
        order = self._orders(part, start)
        if order is None:
            return None
        found: list[int] = []
        for index, place in order:
            inner = self._flat(part.parts[index], place)
            if inner is None:
                return None
            found += inner
        return found


def _leaves(part: _Part) -> list[_Part]:
    """Every tensor, in the order of the state dict."""
    found = [leaf for child in part.parts for leaf in ([child] if child.leaf >= 0 else _leaves(child))]
    return sorted(found, key=lambda leaf: leaf.leaf)


def _alike(part: _Part) -> Iterator[tuple[str, ...]]:
    """Parts of one module that could change places, from the outside in."""
    by_key: defaultdict[int, list[str]] = defaultdict(list)
    for child in part.parts:
        by_key[child.key].append(child.name)
    yield from (tuple(names) for names in by_key.values() if len(names) > 1)
    for child in part.parts:
        yield from _alike(child)
