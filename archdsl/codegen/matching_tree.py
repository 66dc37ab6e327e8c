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
from heapq import heappop, heappush
from typing import Final

__all__ = ["Laid", "lay"]

_DEEPEST: Final = 64
"""Dots in a name; what stands behind is one word."""
_STEPS: Final = 500_000
"""Parts that are tried in all before every module is taken apart instead."""
_ASTRAY: Final = 1 << 16
"""The disorder of a part that does not follow the one before it."""


@dataclass(frozen=True, slots=True)
class Laid:
    """`order[i]` is the index of the tensor at place i.

    `alike` are the names of parts of one module that could change places, so that their order alone says which is
    which; `tied` those of modules whose other parts could be laid in another way just as well, or all but as well: of
    such ways the one is taken that has its disorder outside, among branches, and not inside one of them.
    """

    order: tuple[int, ...]
    alike: tuple[tuple[str, ...], ...]
    tied: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Part:
    """A module, or the tensor `leaf`; equal `key`s stand for parts that could change places.

    `joined` parts belong behind the one before them.
    """

    name: str
    leaf: int
    parts: list[_Part]
    joined: bool = True
    key: int = -1
    size: int = 1


@dataclass(slots=True, eq=False)
class _Trial:
    """Some of the parts of a module in a row: each chosen one with its place, those used, where the next one goes.

    `free` is, for each key, how many of its parts are known to be used; `disorder` is that of the parts so far.
    """

    chosen: list[tuple[int, int]]
    used: bytearray
    free: dict[int, int]
    at: int
    disorder: int = 0

    def copy(self) -> _Trial:
        return _Trial(list(self.chosen), bytearray(self.used), dict(self.free), self.at, self.disorder)


_NOTHING: Final = _Trial([], bytearray(), {}, 0)


def lay(
    names: Sequence[str], kinds: Sequence[Hashable], wanted: Sequence[Hashable], *, by_name: bool = False
) -> Laid | None:
    """A place for every tensor, or None where the kinds are not those that are wanted, in whatever order.

    >>> lay(["down.w", "conv1.w", "conv2.w"], ["1x1", "3x3", "3x3"], ["3x3", "3x3", "1x1"])
    Laid(order=(1, 2, 0), alike=(('conv1', 'conv2'),), tied=())

    `by_name` says that the order is that of the names, so that only those that count, `conv1`, `conv2`, are in order.
    """
    if len(kinds) != len(wanted):
        return None
    return _Layer(kinds, wanted).lay(_tree(names, by_name))


def _tree(names: Sequence[str], by_name: bool) -> _Part:
    root = _Part("", -1, [])
    modules: dict[tuple[str, ...], _Part] = {(): root}
    for index, name in enumerate(names):
        words = name.split(".", _DEEPEST)
        parent = root
        for depth in range(1, len(words) + 1):
            path = tuple(words[:depth])
            if depth == len(words) or path not in modules:
                before = parent.parts[-1].name.rpartition(".")[2] if parent.parts else ""
                joined = not by_name or _counts_on(before, words[depth - 1])
                part = _Part(".".join(path), index if depth == len(words) else -1, [], joined)
                parent.parts.append(part)
                if depth < len(words):
                    modules[path] = part
            if depth < len(words):
                parent = modules[path]
    return root


def _counts_on(before: str, name: str) -> bool:
    """Whether two names differ in their number alone, `conv1` and `conv2`, or in all but it, `conv1` and `bn1`."""
    one, other = (text[: len(text.rstrip("0123456789"))] for text in (before, name))
    numbers = before[len(one) :], name[len(other) :]
    return all(numbers) and (one == other or numbers[0] == numbers[1])


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
        self._tied: list[str] = []

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
            self._tied = []
            order = self._flat(whole, 0)
        return None if order is None else Laid(tuple(order), tuple(_alike(whole)), tuple(self._tied))

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
            identity = tuple(child.key for child in part.parts)
            part.size = sum(child.size for child in part.parts)
            weight = sum(self._weights[child.key] for child in part.parts)
        part.key = self._keys.setdefault(identity, len(self._keys))
        self._weights[part.key] = weight

    def _placed(self, part: _Part) -> dict[int, int]:
        """Where a part could begin, and the disorder of the parts in it there."""
        if part.key not in self._places:
            found: dict[int, int] = {}
            for start in self._starts(part.size).get(self._weights[part.key], []):
                trial = next(self._orders(part, start), None) if part.leaf < 0 else _NOTHING
                if trial is not None:
                    # A little more than itself, which decides between ways of as many parts astray.
                    found[start] = trial.disorder + trial.disorder // _ASTRAY
            self._places[part.key] = found
        return self._places[part.key]

    def _starts(self, size: int) -> dict[int, list[int]]:
        """Where the stretches of a size begin, by the sum of their marks."""
        if size not in self._stretches:
            found: defaultdict[int, list[int]] = defaultdict(list)
            for start in range(len(self._wanted) - size + 1):
                found[self._sums[start + size] - self._sums[start]].append(start)
            self._stretches[size] = found
        return self._stretches[size]

    def _orders(self, part: _Part, start: int) -> Iterator[_Trial]:
        """The parts of a module in every order that fits from a place on, the least disorder first.

        A* (Hart, Nilsson & Raphael, 1968); the estimate is what each part left has at its best place. Of parts that
        could change places one is enough to try: the one that follows the last, else the earliest.
        """
        parts = part.parts
        by_key: defaultdict[int, list[int]] = defaultdict(list)
        for index, child in enumerate(parts):
            by_key[child.key].append(index)
        modules = [key for key, indices in by_key.items() if parts[indices[0]].leaf < 0]
        least = {key: min(self._placed(parts[by_key[key][0]]).values(), default=0) for key in modules}

        def extended(trial: _Trial, index: int) -> _Trial:
            child = parts[index]
            astray = child.joined and index != (trial.chosen[-1][0] + 1 if trial.chosen else 0)
            trial.disorder += _ASTRAY * astray + self._placed(child)[trial.at] - least.get(child.key, 0)
            trial.chosen.append((index, trial.at))
            trial.used[index] = True
            trial.at += child.size
            return trial

        def candidates(trial: _Trial) -> Iterator[int]:
            following = trial.chosen[-1][0] + 1 if trial.chosen else 0
            if trial.at >= len(self._wanted):
                return
            next_key = parts[following].key if following < len(parts) and parts[following].joined else -1
            for key in (self._keys.get((-1, self._wanted[trial.at]), -1), *modules):
                indices = by_key.get(key, [])
                if not indices or (parts[indices[0]].leaf < 0 and trial.at not in self._placed(parts[indices[0]])):
                    continue
                if key == next_key and not trial.used[following]:
                    yield following
                    continue
                position = trial.free[key]
                while position < len(indices) and trial.used[indices[position]]:
                    position += 1
                trial.free[key] = position
                if position < len(indices):
                    yield indices[position]

        first = _Trial(
            [], bytearray(len(parts)), dict.fromkeys(by_key, 0), start, sum(least[p.key] for p in parts if p.leaf < 0)
        )
        waiting = [(first.disorder, 0, 0, first)]
        made = 0
        while waiting and self._steps <= _STEPS:
            trial = heappop(waiting)[-1]
            while True:
                self._steps += 1
                if len(trial.chosen) == len(parts):
                    yield trial
                    ways = []
                    break
                ways = sorted(candidates(trial))
                if len(ways) != 1:
                    break
                before = trial.disorder
                extended(trial, ways[0])
                if waiting and trial.disorder > before:
                    ways = []
                    made += 1
                    heappush(waiting, (trial.disorder, -len(trial.chosen), made, trial))
                    break
            for index in ways:
                made += 1
                other = extended(trial.copy(), index)
                heappush(waiting, (other.disorder, -len(other.chosen), made, other))

    def _flat(self, part: _Part, start: int) -> list[int] | None:
        """The tensors of a part in order."""
        if part.leaf >= 0:
            return [part.leaf]
        orders = self._orders(part, start)
        trial = next(orders, None)
        if trial is None:
            return None
        other = next(orders, None)
        if other is not None and other.disorder // _ASTRAY == trial.disorder // _ASTRAY:
            self._tied.append(part.name)
        found: list[int] = []
        for index, place in trial.chosen:
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
