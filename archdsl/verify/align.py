"""Which row of a table is which stretch of the network.

In: what rows say, and a `Subject`. Out: for every row its `Stretch`, or None. Rows and layers are both in order, so
this is an alignment: each row takes the stretch that fits it best, layers that no table lists are passed over for
nothing, and a row or a weight layer is left out only at a price. A row is matched even where it is wrong: nothing is
judged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archdsl.verify.figures import matches_size, square
from archdsl.verify.kinds import (
    KEYS,
    Signature,
    answers,
    closeness,
    family,
    is_block,
    is_block_row,
    listed,
    signature,
)
from archdsl.verify.subject import Block, Stretch, Subject
from archdsl.verify.table import Entry, Number, Said, Size

__all__ = ["Wanted", "align", "wanted"]

_UNMATCHED_ROW = -3.0
_PASSED = {"pooling": -1.5, "convolution": -2.5, "linear": -2.5}
"""What it costs to pass over a layer, by its style; everything else is passed over for nothing."""
_MOST_WORK = 4_000_000
"""Rows times stretches that are looked at in full; beyond it only layers and blocks are."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row, ready to be compared often: its layers, and the sizes and figures that it prints."""

    said: Sequence[Said]
    inputs: Sequence[Size]
    outputs: Sequence[Size]
    params: Sequence[Number]
    ops: Sequence[Number]
    depth: Sequence[Number]
    branches: bool


def wanted(said: Sequence[Said], entries: Sequence[Entry]) -> Wanted:
    """What a row, or one network's cell of it, says."""

    def of(role: str, kind: type) -> list[object]:
        return [entry.value for entry in entries if entry.column.role == role and isinstance(entry.value, kind)]

    return Wanted(
        said,
        inputs=[value for value in of("input", Size) if isinstance(value, Size)],
        outputs=[value for value in of("output", Size) if isinstance(value, Size)],
        params=[value for value in of("params", Number) if isinstance(value, Number)],
        ops=[value for value in of("ops", Number) if isinstance(value, Number)],
        depth=[value for value in of("depth", Number) if isinstance(value, Number)],
        branches=any(entry.column.role == "branch" for entry in entries),
    )


def align(rows: Sequence[Wanted], subject: Subject, symbols: Mapping[str, int]) -> list[Stretch | None]:
    """The stretch of each row, in order and without overlap.

    >>> align([Wanted([Said("conv", "conv")], [], [], [], [], [], False)], Subject(lenet5), {})
    [Stretch(start=1, stop=2, block=None)]
    """
    candidates = _candidates(subject, full=_work(rows, subject) <= _MOST_WORK)
    size = len(subject.layers)
    passing = [0.0] * (size + 1)
    for at, layer in enumerate(subject.layers):
        passing[at] = 0.0 if layer.training else _PASSED.get(layer.style, 0.0)
    best: list[float] = [0.0] * (size + 1)
    for at in range(size):
        best[at + 1] = best[at] + passing[at]
    taken: list[list[Stretch | None]] = []
    came: list[list[int]] = []
    for row in rows:
        following = [value + _UNMATCHED_ROW for value in best]
        stretch: list[Stretch | None] = [None] * (size + 1)
        source = list(range(size + 1))
        fit = _Fit(row, subject, symbols)
        for candidate in candidates:
            gain = fit.score(candidate)
            if gain is None:
                continue
            reached = best[candidate.start] + gain
            if reached > following[candidate.stop]:
                following[candidate.stop] = reached
                stretch[candidate.stop] = candidate
                source[candidate.stop] = candidate.start
        for at in range(size):
            if following[at] + passing[at] > following[at + 1]:
                following[at + 1] = following[at] + passing[at]
                stretch[at + 1], source[at + 1] = None, -1
        best = following
        taken.append(stretch)
        came.append(source)
    return _trace(taken, came, size)


def _trace(taken: list[list[Stretch | None]], came: list[list[int]], size: int) -> list[Stretch | None]:
    found: list[Stretch | None] = []
    at = size
    for stretch, source in zip(reversed(taken), reversed(came), strict=True):
        while source[at] == -1:  # a layer passed over
            at -= 1
        found.append(stretch[at])
        at = source[at]
    return found[::-1]


def _work(rows: Sequence[Wanted], subject: Subject) -> int:
    return len(rows) * sum(len(stops) for stops in subject.siblings.values())


def _candidates(subject: Subject, full: bool) -> list[Stretch]:
    blocks: dict[tuple[int, int], Block] = {}
    for block in subject.blocks:
        known = blocks.get((block.start, block.stop))
        words = block.words | known.words if known is not None else block.words
        blocks[block.start, block.stop] = Block(block.start, block.stop, words)
    found: dict[tuple[int, int], Stretch] = {place: Stretch(*place, block) for place, block in blocks.items()}
    for at in range(len(subject.layers)):
        found.setdefault((at, at + 1), Stretch(at, at + 1))
    if full:
        for start, stops in subject.siblings.items():
            for stop in stops:
                found.setdefault((start, stop), Stretch(start, stop))
    return list(found.values())


class _Fit:
    """How well stretches fit one row."""

    def __init__(self, row: Wanted, subject: Subject, symbols: Mapping[str, int]) -> None:
        self._row = row
        self._subject = subject
        self._symbols = symbols
        keys = sum(1 for said in row.said if listed(said))
        self._keys = keys
        self._params = [_ranges(number) for number in row.params]
        self._ops = [_ranges(number) for number in row.ops]
        self._counted: dict[int, tuple[int, Counter[Signature]]] = {}
        self._families = Counter(family(said.kind) for said in row.said if said.kind is not None)
        self._signatures = Counter(
            (family(said.kind), square(said.kernel) if said.kernel else None, said.filters)
            for said in row.said
            if said.kind is not None
        )
        self._composite = not row.said or any(said.kind is None or is_block(said) for said in row.said)
        before = [0]
        for layer in subject.layers:
            before.append(before[-1] + (layer.key and not layer.training))
        self._before = before

    def score(self, stretch: Stretch) -> float | None:
        """None for one that is out of the question."""
        row = self._row
        inside = self._before[stretch.stop] - self._before[stretch.start]
        if not self._composite:
            if len(row.said) == 1 and not row.branches and not row.depth:
                if inside > 1 or (self._keys and not inside):
                    return None
            elif not self._keys <= 3 * inside <= 6 * self._keys + 9:
                return None
        points = self._kinds(stretch)
        if points is None:
            return None
        points += self._sizes(stretch)
        if row.params or row.ops or row.depth:
            points += self._figures(stretch)
        return points - 0.01 * (stretch.stop - stretch.start)

    def _kinds(self, stretch: Stretch) -> float | None:
        said = self._row.said
        if not said:
            return 0.0
        if len(said) == 1 or is_block_row(said):
            return self._single(said[0], stretch)
        return self._several(said, stretch)

    def _single(self, said: Said, stretch: Stretch) -> float | None:
        layers = self._subject.layers
        points = 0.0
        if said.label is not None and self._labelled(said.label.lower(), stretch):
            points += 4
        if stretch.block is not None and said.kind is not None and said.kind in stretch.block.words:
            return points + 6
        inner = [layer for layer in layers[stretch.start : stretch.stop] if not layer.training]
        keys = [layer for layer in inner if layer.key]
        if said.kind is None:
            return points if stretch.block is not None or len(inner) == 1 else points - 1
        if is_block(said):
            if stretch.block is None or not keys:
                return None
            if isinstance(said.filters, int):
                points += 2 if said.filters == self._subject.output(stretch)[-1] else -2
            return points - 1
        fitting = [layer for layer in inner if answers(said, layer)]
        if not fitting:
            return None
        main = fitting[-1]
        others = [layer for layer in keys if layer is not main]
        points += 5 + closeness(said, main) - (0 if len(inner) == 1 else 0.5)
        if others and not (self._row.depth or self._row.branches):
            return None
        return points - 0.5 * len(others)

    def _labelled(self, label: str, stretch: Stretch) -> bool:
        if stretch.block is not None and any(_same_label(label, word) for word in stretch.block.words):
            return True
        own = self._subject.layers[stretch.start].node.label
        return stretch.stop - stretch.start == 1 and own is not None and _same_label(label, own.lower())

    def _several(self, said: Sequence[Said], stretch: Stretch) -> float | None:
        """Layers said one after another, counted: which is which is for the judge, who looks at one stretch alone."""
        found = self._signatures_of(stretch)
        exact = self._signatures & found
        kinds: Counter[str] = Counter()
        for (kind, _, _), times in found.items():
            kinds[kind] += times
        alike = self._families & kinds
        if not alike:
            return None
        # In shares of the row: a repeat that is printed wrong must not make the row reach into its neighbours.
        whole, keys = len(said), max(1, self._keys)
        listed = sum(alike[name] for name in KEYS)
        extra = sum(kinds[name] for name in KEYS) - listed
        foreign = sum(times for one, times in found.items() if one[0] in KEYS and one not in self._signatures)
        points = 8 * alike.total() / whole + 8 * exact.total() / whole - 4 * (self._keys - listed) / keys
        return points - 6 * min(1.0, foreign / keys) - min(1.0, extra / keys) - (kinds["pool"] > self._families["pool"])

    def _signatures_of(self, stretch: Stretch) -> Counter[Signature]:
        """What a stretch is made of, counted; a longer one is made from the one that it begins with."""
        known = self._counted.get(stretch.start)
        if known is None or known[0] > stretch.stop:
            known = (stretch.start, Counter())
        upto, counts = known
        counts = counts.copy()
        for layer in self._subject.layers[upto : stretch.stop]:
            if not layer.training:
                counts[signature(layer)] += 1
        self._counted[stretch.start] = (stretch.stop, counts)
        return counts

    def _sizes(self, stretch: Stretch) -> float:
        points = 0.0
        for size in self._row.outputs:
            points += 4 if matches_size(size, self._subject.output(stretch), self._symbols) else -1.5
        for size in self._row.inputs:
            points += 2 if matches_size(size, self._subject.input(stretch), self._symbols) else -1
        return points

    def _figures(self, stretch: Stretch) -> float:
        parts = self._subject.parts(stretch)
        points = 0.0
        trained = parts.weights + parts.biases + parts.norms
        for ranges in self._params:
            if any(low <= value <= high for value in (trained, parts.weights) for low, high in ranges):
                points += 2
            elif not trained and ranges[0][0] > 0:
                points -= 2
        for ranges in self._ops:
            if any(low <= value <= high for value in (parts.macs, 2 * parts.macs) for low, high in ranges):
                points += 2
        for number in self._row.depth:
            points += 1 if number.digits == self._subject.depth(stretch) else -1
        return points


def _ranges(number: Number) -> list[tuple[float, float]]:
    """Everything that could print as a number, thousands being 1000 or 1024."""
    digits, last = float(number.digits), float(number.last)
    bases = (1000, 1024) if number.power else (1000,)
    return [((digits - last) * base**number.power, (digits + last) * base**number.power) for base in bases]


def _same_label(label: str, word: str) -> bool:
    """`3a` is `i3a` and `inception3a`; `conv2_x` is `conv2`."""
    return word == label or (len(label) > 1 and (word.endswith(label) or (label.endswith(word) and len(word) > 1)))
